#include <keywarden/protect/concepts.hpp>

#include <boost/test/unit_test.hpp>

#include "laws.hpp"

using namespace keywarden;
using namespace keywarden::testing;

BOOST_AUTO_TEST_CASE(a_budget_gives_what_is_left_and_nothing_more) {
  protect::kdf_budget budget(10);
  BOOST_TEST(accepted(budget.spend(4)));
  const auto refused = budget.spend(7);
  BOOST_TEST(refused_as(errc::limit_exceeded, refused));
  BOOST_TEST(refused.error().value_of(fact::limit) == "6");
  BOOST_TEST(accepted(budget.spend(6)));
  BOOST_TEST(accepted(budget.spend(0)));
  BOOST_TEST(refused_as(errc::limit_exceeded, budget.spend(~std::uint64_t{0})));
}

BOOST_AUTO_TEST_CASE(no_two_places_have_the_same_encoding) {
  std::set<bytes> seen;
  std::size_t made = 0;
  for (const auto* kind : {"", "a", "ab"})
    for (const auto* name : {"", "b", "/0", "bc"})
      for (const auto* path : {"", "/0", "/0/0", "/1"})
        for (const auto* scheme : {"", "a", "machine"}) {
          auto place = the_place();
          place.kind = kind;
          place.name = name;
          place.path = path;
          seen.insert(place.encode(scheme));
          ++made;
        }
  BOOST_TEST(seen.size() == made);
}

BOOST_AUTO_TEST_CASE(a_leg_keeps_its_place_and_its_budget) {
  protect::kdf_budget budget(1);
  auto place = the_place();
  place.budget = &budget;
  const auto leg = place.leg(2).leg(11);
  BOOST_TEST(leg.path == "/2/11");
  BOOST_TEST(leg.budget == &budget);
  BOOST_TEST(leg.name == place.name);
  BOOST_TEST((leg.record == place.record));
}
