// Dates as people read them, and the length of a year.
#include <keywarden/pki/dates.hpp>

#include <boost/test/unit_test.hpp>

namespace keywarden::pki {
namespace dates_test {

constexpr time_point at(int year, unsigned month, unsigned day) {
  return std::chrono::sys_days(std::chrono::year(year) / static_cast<int>(month) /
                               static_cast<int>(day)) +
         std::chrono::hours(23) + std::chrono::minutes(4) + std::chrono::seconds(5);
}

BOOST_AUTO_TEST_SUITE(dates)

BOOST_AUTO_TEST_CASE(a_date_is_written_as_iso_8601_does) {
  BOOST_TEST(to_text(at(2026, 3, 1)) == "2026-03-01T23:04:05Z");
  BOOST_TEST(to_text(at(999, 12, 31)) == "0999-12-31T23:04:05Z");
  BOOST_TEST(to_text(time_point{}) == "1970-01-01T00:00:00Z");
}

BOOST_AUTO_TEST_CASE(a_year_is_a_calendar_year) {
  BOOST_TEST(to_text(one_year_after(at(2025, 3, 1))) == "2026-03-01T23:04:05Z");
  BOOST_TEST(to_text(one_year_after(at(2027, 3, 1))) == "2028-03-01T23:04:05Z");
}

BOOST_AUTO_TEST_CASE(a_year_after_a_leap_day_is_the_day_before_march) {
  BOOST_TEST(to_text(one_year_after(at(2028, 2, 29))) == "2029-02-28T23:04:05Z");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace dates_test

}  // namespace keywarden::pki
