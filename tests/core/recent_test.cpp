// A map that is bounded by forgetting.
#include <keywarden/core/recent.hpp>

#include <boost/test/unit_test.hpp>

namespace keywarden::testing {
namespace recent_test {

using numbers = keywarden::detail::recent<int, int>;

BOOST_AUTO_TEST_SUITE(recent_map)

BOOST_AUTO_TEST_CASE(what_was_not_asked_for_the_longest_goes_first) {
  numbers all(2);
  all.keep(1, 10);
  all.keep(2, 20);
  BOOST_TEST(all.find(1).value() == 10);
  all.keep(3, 30);
  BOOST_TEST(all.size() == 2U);
  BOOST_TEST(!all.find(2).has_value());
  BOOST_TEST(all.find(3).value() == 30);
}

BOOST_AUTO_TEST_CASE(a_key_has_the_value_that_was_kept_last) {
  numbers all(2);
  all.keep(1, 10);
  all.keep(1, 11);
  BOOST_TEST(all.size() == 1U);
  BOOST_TEST(all.find(1).value() == 11);
}

BOOST_AUTO_TEST_CASE(what_is_forgotten_is_not_found) {
  numbers all(4);
  all.keep(1, 10);
  all.keep(2, 20);
  all.forget(1);
  all.forget(7);
  BOOST_TEST(!all.find(1).has_value());
  static_cast<void>(all.take_all());
  BOOST_TEST(!all.find(2).has_value());
  BOOST_TEST(all.size() == 0U);
}

BOOST_AUTO_TEST_CASE(a_map_of_none_keeps_none) {
  numbers none(0);
  none.keep(1, 10);
  BOOST_TEST(!none.find(1).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace recent_test
}  // namespace keywarden::testing
