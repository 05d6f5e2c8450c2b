#include <keywarden/admit/connection_rate.hpp>

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <random>
#include <utility>

#include <boost/test/unit_test.hpp>

#include "support/refusals.hpp"

namespace connection_rate_test {

namespace ka = keywarden::admit;
using namespace std::chrono_literals;
using ka::address;
using ka::connection_rate;
using ka::instant;
using keywarden::errc;
using keywarden::fact;
using keywarden::testing::accepted;
using keywarden::testing::refused_as;

constexpr connection_rate::hash_key known_key{1, 2};
constexpr instant start{1h};

address host(std::uint32_t number) {
  return address::v4({static_cast<std::uint8_t>(number >> 24U),
                      static_cast<std::uint8_t>(number >> 16U),
                      static_cast<std::uint8_t>(number >> 8U), static_cast<std::uint8_t>(number)});
}

// How many of so many connections are admitted.
int admitted(const connection_rate& rule, const address& from, instant now, int tries) {
  int count = 0;
  for (int i = 0; i < tries; ++i) {
    const auto answer = rule.admit(from, now);
    if (answer)
      ++count;
    else
      BOOST_TEST(refused_as(errc::admission_refused, answer));
  }
  return count;
}

std::size_t resident_bytes() {
  std::ifstream from("/proc/self/statm");
  std::size_t all = 0;
  std::size_t resident = 0;
  from >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

BOOST_AUTO_TEST_SUITE(admit)
BOOST_AUTO_TEST_SUITE(rate)

BOOST_AUTO_TEST_CASE(a_hundred_in_two_seconds_are_admitted_and_the_next_is_refused) {
  const connection_rate rule;
  for (int i = 0; i < 100; ++i) BOOST_TEST(accepted(rule.admit(host(1), start + i * 19ms)));
  const auto next = rule.admit(host(1), start + 1999ms);
  BOOST_REQUIRE(refused_as(errc::admission_refused, next));
  BOOST_TEST(next.error().value_of(fact::limit) == "100");
  BOOST_TEST(next.error().value_of(fact::reason) == "more connections than allowed in 2000 ms");
  BOOST_TEST(accepted(rule.admit(host(1), start + 2000ms)));
}

BOOST_AUTO_TEST_CASE(a_place_left_from_a_window_that_is_over_is_nobodys) {
  // All in one bucket; whoever comes first in the new window had a place behind the others'.
  const connection_rate rule({2, 2000ms, 7}, known_key);
  for (const std::uint32_t each : {1, 2, 3}) BOOST_TEST(admitted(rule, host(each), start, 3) == 2);
  for (const std::uint32_t each : {3, 2, 1})
    BOOST_TEST(admitted(rule, host(each), start + 2000ms, 9) == 2);
}

BOOST_AUTO_TEST_CASE(a_new_window_starts_with_the_first_connection_after_the_old_one) {
  const connection_rate rule({3, 10ms});
  BOOST_TEST(admitted(rule, host(1), start, 5) == 3);
  BOOST_TEST(admitted(rule, host(1), start + 9999us, 5) == 0);
  BOOST_TEST(admitted(rule, host(1), start + 17ms, 5) == 3);
  BOOST_TEST(admitted(rule, host(1), start + 26ms, 5) == 0);
  BOOST_TEST(admitted(rule, host(1), start + 27ms, 5) == 3);
}

BOOST_AUTO_TEST_CASE(refused_connections_do_not_lengthen_the_window) {
  const connection_rate rule({1, 10ms});
  BOOST_TEST(admitted(rule, host(1), start, 1) == 1);
  for (int i = 1; i < 10; ++i)
    BOOST_TEST(refused_as(errc::admission_refused, rule.admit(host(1), start + i * 1ms)));
  BOOST_TEST(accepted(rule.admit(host(1), start + 10ms)));
}

BOOST_AUTO_TEST_CASE(hosts_are_counted_apart) {
  const connection_rate rule({5, 1s}, known_key);
  for (std::uint32_t i = 0; i < 500; ++i) BOOST_TEST(admitted(rule, host(i), start, 6) == 5);
}

BOOST_AUTO_TEST_CASE(the_addresses_of_one_ipv6_64_are_one_host) {
  const connection_rate rule({2, 1s}, known_key);
  BOOST_TEST(accepted(rule.admit(address("2001:db8:0:1::1"), start)));
  BOOST_TEST(accepted(rule.admit(address("2001:db8:0:1:8000::"), start)));
  BOOST_TEST(refused_as(errc::admission_refused,
                        rule.admit(address("2001:db8:0:1:ffff:ffff:ffff:ffff"), start)));
  BOOST_TEST(accepted(rule.admit(address("2001:db8:0:2::1"), start)));
}

BOOST_AUTO_TEST_CASE(a_time_that_is_a_little_earlier_counts_in_the_same_window) {
  const connection_rate rule({2, 10ms});
  BOOST_TEST(accepted(rule.admit(host(1), start)));
  BOOST_TEST(accepted(rule.admit(host(1), start - 1ms)));
  BOOST_TEST(refused_as(errc::admission_refused, rule.admit(host(1), start - 1ms)));
  BOOST_TEST(refused_as(errc::admission_refused, rule.admit(host(1), start)));
}

BOOST_AUTO_TEST_CASE(limits_without_sense_admit_nobody) {
  for (const auto window : {0ms, -1ms, std::chrono::milliseconds::min()})
    BOOST_TEST(
        refused_as(errc::admission_refused, connection_rate({9, window}).admit(host(1), start)));
  BOOST_TEST(refused_as(errc::admission_refused, connection_rate({0, 1s}).admit(host(1), start)));
}

BOOST_AUTO_TEST_CASE(the_longest_window_never_ends) {
  const connection_rate rule({1, std::chrono::milliseconds::max()});
  BOOST_TEST(accepted(rule.admit(host(1), start)));
  BOOST_TEST(refused_as(errc::admission_refused, rule.admit(host(1), start + 24h * 365 * 100)));
}

BOOST_AUTO_TEST_CASE(without_randomness_for_its_key_nobody_is_admitted) {
  const connection_rate rule({}, keywarden::error(errc::backend_failed));
  BOOST_TEST(refused_as(errc::backend_failed, rule.admit(host(1), start)));
}

BOOST_AUTO_TEST_CASE(a_flood_of_addresses_does_not_make_a_busy_host_new) {
  for (const std::uint32_t hosts : {1U, 7U, 64U, 1024U}) {
    const connection_rate rule({4, 1s, hosts});
    BOOST_TEST(admitted(rule, host(1), start, 4) == 4);
    for (std::uint32_t i = 2; i < 20'000; ++i) static_cast<void>(rule.admit(host(i), start));
    BOOST_TEST(refused_as(errc::admission_refused, rule.admit(host(1), start + 999ms)));
  }
}

BOOST_AUTO_TEST_CASE(no_order_of_connections_gets_a_host_more_than_its_limit) {
  std::mt19937 choose(42);
  for (int round = 0; round < 200; ++round) {
    const auto limit = static_cast<std::uint32_t>(1 + choose() % 20);
    const auto hosts = static_cast<std::uint32_t>(2 + choose() % 60);
    const connection_rate rule({limit, 1s, 7});  // one bucket: every host is in everybody's way
    std::map<std::uint32_t, std::uint32_t> counts;
    for (int i = 0; i < 2000; ++i) {
      // Some hosts are much busier than others.
      const auto number = static_cast<std::uint32_t>(choose() % (1 + choose() % hosts));
      if (rule.admit(host(number), start + i * 100us)) ++counts[number];
    }
    for (const auto& [number, count] : counts) BOOST_REQUIRE(count <= limit);
    BOOST_REQUIRE(!counts.empty());
  }
}

BOOST_AUTO_TEST_CASE(a_full_table_of_busy_hosts_keeps_newcomers_out_until_the_window_ends) {
  const connection_rate rule({3, 1s, 7});
  for (std::uint32_t i = 0; i < 7; ++i) BOOST_TEST(admitted(rule, host(i), start, 4) == 3);
  BOOST_TEST(refused_as(errc::admission_refused, rule.admit(host(100), start + 999ms)));
  BOOST_TEST(accepted(rule.admit(host(100), start + 1s)));
}

BOOST_AUTO_TEST_CASE(a_newcomer_to_a_full_table_starts_with_the_smallest_count_in_it) {
  const connection_rate rule({10, 1s, 7});
  for (std::uint32_t i = 0; i < 7; ++i)
    BOOST_TEST(admitted(rule, host(i), start, static_cast<int>(i) + 2) == static_cast<int>(i) + 2);
  BOOST_TEST(admitted(rule, host(100), start, 20) == 8);  // two were there before it
  BOOST_TEST(admitted(rule, host(6), start, 20) == 2);    // the busiest kept its eight
}

BOOST_AUTO_TEST_CASE(a_million_addresses_take_no_more_memory_than_one) {
  const connection_rate rule({1'000'000, 1s});
  BOOST_TEST(accepted(rule.admit(host(0), start)));
  const auto before = resident_bytes();
  BOOST_REQUIRE(before > 0U);
  for (std::uint32_t i = 0; i < 1'000'000; ++i)
    if (!rule.admit(host(i), start)) BOOST_FAIL("refused");
  const auto after = resident_bytes();
  BOOST_TEST(after - std::min(before, after) < (std::size_t{16} << 20U));
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE_END()

}  // namespace connection_rate_test
