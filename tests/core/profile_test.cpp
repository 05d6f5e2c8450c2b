// Counting the phases of an operation.
#include <keywarden/core/profile.hpp>

#include <array>
#include <numeric>
#include <string_view>

#include <boost/test/unit_test.hpp>

namespace keywarden::testing {
namespace profile_test {

enum class meal : std::uint8_t { soup, roast, pause };
[[nodiscard]] constexpr std::array<std::string_view, 3> phase_names(meal) noexcept {
  return {"soup", "roast", "pause"};
}

/// Goes on by one more each time it is looked at: 1, 2, 3, …
struct counting_clock {
  static constexpr std::string_view unit = "looks";
  inline static std::uint64_t step = 0;
  inline static std::uint64_t at = 0;
  [[nodiscard]] static std::uint64_t now() noexcept { return at += ++step; }
};

using watch = phase_watch<meal, counting_clock>;

[[nodiscard]] std::uint64_t sum_of(const phase_report<meal>& report) {
  return std::accumulate(report.phases.begin(), report.phases.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const auto& each) { return sum + each.ticks; });
}

BOOST_AUTO_TEST_SUITE(profiles)

BOOST_AUTO_TEST_CASE(each_moment_is_spent_in_exactly_one_phase) {
  counting_clock::step = 0;
  watch at;
  at.begin(meal::soup);
  at.enter(meal::roast);  // 2 looks later
  {
    const phase_scope within(at, meal::pause);  // 3
  }                                             // 4
  const auto spent = at.end();                  // 5
  BOOST_TEST(spent[meal::soup].ticks == 2U);
  BOOST_TEST(spent[meal::roast].ticks == 3U + 5U);
  BOOST_TEST(spent[meal::pause].ticks == 4U);
  BOOST_TEST(spent.whole.ticks == 14U);
  BOOST_TEST(sum_of(spent) == spent.whole.ticks);
  BOOST_TEST(spent[meal::roast].times == 1U);
  BOOST_TEST(spent[meal::pause].times == 1U);
  BOOST_TEST(spent.whole.times == 1U);
}

BOOST_AUTO_TEST_CASE(a_phase_within_itself_is_one) {
  watch at;
  at.begin(meal::soup);
  {
    const phase_scope outer(at, meal::roast);
    const phase_scope inner(at, meal::roast);
  }
  BOOST_TEST(at.end()[meal::roast].times == 1U);
}

BOOST_AUTO_TEST_CASE(a_watch_that_was_not_begun_counts_nothing) {
  watch at;
  { const phase_scope within(at, meal::pause); }
  BOOST_TEST(!at.running());
  const auto spent = at.end();
  BOOST_TEST(spent.whole.times == 0U);
  BOOST_TEST(sum_of(spent) == 0U);
}

BOOST_AUTO_TEST_CASE(totals_add_up_and_begin_anew) {
  phase_totals<meal> all;
  watch at;
  for (int i = 0; i < 3; ++i) {
    at.begin(meal::soup);
    at.enter(meal::pause);
    all.add(at.end());
  }
  BOOST_TEST(all.read().whole.times == 3U);
  BOOST_TEST(all.read()[meal::pause].times == 3U);
  BOOST_TEST(sum_of(all.read()) == all.read().whole.ticks);
  all.reset();
  BOOST_TEST(all.read().whole.times == 0U);
  BOOST_TEST(sum_of(all.read()) == 0U);
}

BOOST_AUTO_TEST_CASE(clocks_do_not_go_backwards) {
  const auto grows = []<profile_clock Clock>() {
    auto last = Clock::now();
    for (int i = 0; i < 1000; ++i) {
      const auto next = Clock::now();
      if (next < last) return false;
      last = next;
    }
    return true;
  };
  BOOST_TEST(grows.operator()<steady_nanoseconds>());
  BOOST_TEST(grows.operator()<thread_nanoseconds>());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace profile_test
}  // namespace keywarden::testing
