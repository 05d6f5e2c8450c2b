#include <keywarden/core/clock.hpp>

#include <boost/test/unit_test.hpp>

namespace kw = keywarden;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(core)
BOOST_AUTO_TEST_SUITE(clock)

BOOST_AUTO_TEST_CASE(the_system_clock_is_the_machines_rounded_down_to_the_second) {
  const auto before = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const auto now = kw::system_clock::now();
  const auto after = std::chrono::system_clock::now();
  BOOST_TEST((before <= now && now <= after));
}

BOOST_AUTO_TEST_CASE(a_manual_clock_stands_still_until_it_is_told_otherwise) {
  const auto start = kw::time_point(1700000000s);
  kw::manual_clock clock(start);
  BOOST_TEST((clock.now() == start && clock.now() == start));
  clock.advance(3600s);
  BOOST_TEST((clock.now() == start + 1h));
  clock.set(start - 1s);
  BOOST_TEST((clock.now() < start));
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE_END()
