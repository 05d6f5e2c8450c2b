#include <keywarden/key/key_state.hpp>

#include <array>
#include <set>

#include <boost/test/unit_test.hpp>

namespace key_state_test {

namespace kw = keywarden;
using kw::key_state;

constexpr std::array states{key_state::created, key_state::active, key_state::retired,
                            key_state::disabled, key_state::destroyed};

// From (row) to (column), in the order above. Written down, not derived.
constexpr bool transitions[5][5] = {
    // created active retired disabled destroyed
    {false, true, false, true, false},    // created
    {false, false, true, false, false},   // active
    {false, true, false, true, false},    // retired
    {false, false, true, false, true},    // disabled
    {false, false, false, false, false},  // destroyed
};

static_assert([] {
  for (std::size_t from = 0; from < 5; ++from)
    for (std::size_t to = 0; to < 5; ++to)
      if (may_become(states[from], states[to]) != transitions[from][to]) return false;
  return true;
}());

static_assert(opens(key_state::created) && opens(key_state::active) && opens(key_state::retired));
static_assert(!opens(key_state::disabled) && !opens(key_state::destroyed));

BOOST_AUTO_TEST_SUITE(key_states)

BOOST_AUTO_TEST_CASE(every_state_has_a_name_of_its_own_that_reads_back) {
  std::set<std::string_view> names;
  for (const auto state : states) {
    BOOST_TEST(names.insert(name_of(state)).second);
    BOOST_TEST((kw::key_state_of(name_of(state)) == state));
  }
}

BOOST_AUTO_TEST_CASE(other_names_are_no_state) {
  for (const auto* name : {"", "unknown", "Active", "active ", "ACTIVE", "activ"})
    BOOST_TEST(!kw::key_state_of(name).has_value(), name);
  BOOST_TEST(name_of(static_cast<key_state>(9)) == "unknown");
  BOOST_TEST(!opens(static_cast<key_state>(9)));
  BOOST_TEST(!may_become(static_cast<key_state>(9), key_state::active));
}

BOOST_AUTO_TEST_CASE(nothing_leads_from_active_to_destroyed_in_fewer_than_three_steps) {
  const auto reaches = [](auto&& self, key_state from, key_state to, int steps) -> bool {
    if (from == to) return true;
    if (steps == 0) return false;
    for (const auto next : states)
      if (may_become(from, next) && self(self, next, to, steps - 1)) return true;
    return false;
  };
  BOOST_TEST(!reaches(reaches, key_state::active, key_state::destroyed, 2));
  BOOST_TEST(reaches(reaches, key_state::active, key_state::destroyed, 3));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace key_state_test
