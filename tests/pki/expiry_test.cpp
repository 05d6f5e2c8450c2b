// What an expired certificate may still do, and when somebody is warned.
#include <keywarden/pki/expiry.hpp>

#include <boost/test/unit_test.hpp>

#include "pki/fixture.hpp"

namespace keywarden::pki {
namespace expiry_test {

using namespace std::chrono_literals;
using testing::accepted;
using testing::day;
using testing::noon;
using testing::refused_as;

certificate until(time_point end, const std::string& name = "db1") {
  static const auto key = signing_key::generate().value();
  return make_self_signed(key, {name, {}, {}, noon, end}, noon).value();
}

BOOST_AUTO_TEST_SUITE(expiry)

BOOST_AUTO_TEST_CASE(new_use_ends_with_the_certificate_and_opening_never_does) {
  const auto end = noon + 10 * day;
  const auto one = until(end);
  BOOST_TEST(accepted(may_encrypt(one, noon)));
  BOOST_TEST(accepted(may_encrypt(one, end)));
  const auto late = may_encrypt(one, end + 1s);
  BOOST_REQUIRE(refused_as(errc::certificate_expired, late));
  BOOST_TEST(late.error().value_of(fact::date) == "2026-03-11T12:00:00Z");
  BOOST_TEST(refused_as(errc::certificate_not_yet_valid, may_encrypt(one, noon - 1s)));
  BOOST_TEST(accepted(may_decrypt(one)));
}

BOOST_AUTO_TEST_CASE(a_warning_comes_thirty_days_before_the_end) {
  const auto end = noon + 100 * day;
  const auto one = until(end);
  BOOST_TEST(!expiry_warning(one, end - 30 * day - 1s).has_value());
  const auto first = expiry_warning(one, end - 30 * day).value();
  BOOST_TEST(first.left.count() == 30);
  BOOST_TEST(to_text(first) ==
             one.subject() + " expires in 30 days, on 2026-06-09T12:00:00Z: renew it");
  BOOST_TEST(to_text(expiry_warning(one, end - 36h).value()) ==
             one.subject() + " expires in 1 day, on 2026-06-09T12:00:00Z: renew it");
  BOOST_TEST(!expiry_warning(one, end).value().expired);
  const auto over = expiry_warning(one, end + 1s).value();
  BOOST_TEST(over.expired);
  BOOST_TEST(to_text(over) == one.subject() + " has expired on 2026-06-09T12:00:00Z: renew it");
}

BOOST_AUTO_TEST_CASE(another_lead_is_the_callers_choice) {
  const auto one = until(noon + 10 * day);
  BOOST_TEST(!expiry_warning(one, noon, std::chrono::days(9)).has_value());
  BOOST_TEST(expiry_warning(one, noon, std::chrono::days(10)).has_value());
}

BOOST_AUTO_TEST_CASE(of_many_the_soonest_comes_first_and_the_far_ones_not_at_all) {
  const std::vector<certificate> many{until(noon + 20 * day, "second"), until(noon + 90 * day),
                                      until(noon + 5 * day, "first")};
  const auto notices = expiry_warnings(many, noon);
  BOOST_REQUIRE(notices.size() == 2U);
  BOOST_TEST((notices[0].fingerprint == many[2].fingerprint()));
  BOOST_TEST((notices[1].fingerprint == many[0].fingerprint()));
  BOOST_TEST(expiry_warnings({}, noon).empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace expiry_test

}  // namespace keywarden::pki
