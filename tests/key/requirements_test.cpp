#include <keywarden/key/requirements.hpp>

#include <vector>

#include <boost/test/unit_test.hpp>

namespace requirements_test {

using namespace keywarden;

constexpr factors none{};
constexpr factors account{factor::account};
constexpr factors machine{factor::machine};
constexpr factors both{factor::account, factor::machine};

// The laws of a partial order, over a grid that has every combination of low and high.
constexpr auto grid = [] {
  std::array<requirements, 2 * 3 * 2 * 4> all;
  std::size_t at = 0;
  for (const unsigned strength : {0U, 128U})
    for (const unsigned cost : {0U, 21U, requirements::unguessable})
      for (const bool safe : {false, true})
        for (const auto bound : {none, account, machine, both})
          all[at++] = {strength, cost, safe, bound};
  return all;
}();

constexpr bool every_one_satisfies_itself() {
  for (const auto& each : grid)
    if (!satisfies(each, each)) return false;
  return true;
}
constexpr bool two_that_satisfy_each_other_are_equal() {
  for (const auto& left : grid)
    for (const auto& right : grid)
      if (satisfies(left, right) && satisfies(right, left) && left != right) return false;
  return true;
}
constexpr bool satisfying_passes_on() {
  for (const auto& one : grid)
    for (const auto& two : grid) {
      if (!satisfies(one, two)) continue;
      for (const auto& three : grid)
        if (satisfies(two, three) && !satisfies(one, three)) return false;
    }
  return true;
}
static_assert(every_one_satisfies_itself());
static_assert(two_that_satisfy_each_other_are_equal());
static_assert(satisfying_passes_on());

// The least and the greatest.
constexpr bool the_least_is_below_all() {
  for (const auto& each : grid)
    if (!satisfies(each, requirements{}) ||
        !satisfies({256, requirements::unguessable, true, both}, each))
      return false;
  return true;
}
static_assert(the_least_is_below_all());

// Neither of these two satisfies the other.
constexpr bool incomparable(const requirements& left, const requirements& right) {
  return !satisfies(left, right) && !satisfies(right, left);
}
static_assert(incomparable({256, 0, false, none}, {128, 21, false, none}));
static_assert(incomparable({256, 0, false, none}, {128, 0, true, none}));
static_assert(incomparable({0, 21, false, none}, {0, 0, true, none}));
static_assert(incomparable({0, 0, false, account}, {0, 0, false, machine}));
static_assert(incomparable({256, 255, true, none}, {0, 0, false, machine}));
static_assert(!incomparable({0, 0, false, both}, {0, 0, false, machine}));

BOOST_AUTO_TEST_CASE(there_is_a_shortfall_exactly_where_a_floor_is_not_satisfied) {
  for (const auto& offered : grid)
    for (const auto& floor : grid)
      BOOST_TEST(shortfall(offered, floor).empty() == satisfies(offered, floor));
}

BOOST_AUTO_TEST_CASE(a_shortfall_names_the_respect) {
  constexpr requirements floor{128, 21, true, machine};
  BOOST_TEST(shortfall({127, 21, true, machine}, floor) == "strength in bits");
  BOOST_TEST(shortfall({128, 20, true, machine}, floor) == "cost of guessing a password");
  BOOST_TEST(shortfall({128, 21, false, machine}, floor) == "safety against quantum computers");
  BOOST_TEST(shortfall({128, 21, true, account}, floor) == "what every way in is bound to");
  BOOST_TEST(shortfall({128, 21, true, both}, floor).empty());
}

BOOST_AUTO_TEST_CASE(the_name_of_a_factor_gives_it_back) {
  std::vector<std::string_view> seen;
  for (const auto each : all_factors) {
    BOOST_TEST((factor_of(name_of(each)) == each));
    BOOST_TEST((std::ranges::count(seen, name_of(each)) == 0));
    seen.push_back(name_of(each));
  }
  for (const auto* other : {"", "Account", "accounts", "unknown"}) BOOST_TEST(!factor_of(other));
  BOOST_TEST(name_of(static_cast<factor>(64)) == "unknown");
}

BOOST_AUTO_TEST_CASE(a_set_of_factors_contains_what_was_put_in) {
  factors some;
  BOOST_TEST(some.empty());
  for (const auto each : all_factors) {
    BOOST_TEST(!some.contains(each));
    BOOST_TEST(!some.intersects(factors{each}));
    some.insert(each);
    some.insert(each);
    BOOST_TEST(some.contains(each));
    BOOST_TEST(some.intersects(factors{each}));
  }
  BOOST_TEST(some.contains(both));
  BOOST_TEST(!account.contains(both));
  BOOST_TEST(account.intersects(both));
  BOOST_TEST(both.contains(none));
  BOOST_TEST(!none.intersects(both));
}

}  // namespace requirements_test
