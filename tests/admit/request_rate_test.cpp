#include <keywarden/admit/request_rate.hpp>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>
#include <random>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <keywarden/admit/trusted_proxies.hpp>

#include "support/refusals.hpp"

namespace request_rate_test {

namespace ka = keywarden::admit;
using namespace std::chrono_literals;
using ka::address;
using ka::instant;
using ka::request_limits;
using keywarden::errc;
using keywarden::fact;
using keywarden::testing::accepted;
using keywarden::testing::refused_as;
using request_rate = ka::request_rate<>;

constexpr instant start{1h};

address host(std::uint32_t number) {
  return address::v4({static_cast<std::uint8_t>(number >> 24U),
                      static_cast<std::uint8_t>(number >> 16U),
                      static_cast<std::uint8_t>(number >> 8U), static_cast<std::uint8_t>(number)});
}

// How many of so many requests are served.
int served(const request_rate& rule, std::uint32_t from, instant now, int tries) {
  int count = 0;
  for (int i = 0; i < tries; ++i) count += rule.admit({host(from)}, now) ? 1 : 0;
  return count;
}

auto refused(const request_rate& rule, std::uint32_t from, instant now) {
  return refused_as(errc::admission_refused, rule.admit({host(from)}, now));
}

std::size_t resident_bytes() {
  std::ifstream from("/proc/self/statm");
  std::size_t all = 0;
  std::size_t resident = 0;
  from >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

BOOST_AUTO_TEST_SUITE(admit)
BOOST_AUTO_TEST_SUITE(requests_in_a_time)

BOOST_AUTO_TEST_CASE(a_hundred_in_two_seconds_are_served_and_the_next_is_refused) {
  const request_rate rule;
  for (int i = 0; i < 100; ++i) BOOST_TEST(accepted(rule.admit({host(1)}, start + i * 19ms)));
  const auto next = rule.admit({host(1)}, start + 2s - 1ns);
  BOOST_REQUIRE(refused_as(errc::admission_refused, next));
  BOOST_TEST(next.error().value_of(fact::limit) == "100");
  BOOST_TEST(next.error().value_of(fact::state) == "502");
  BOOST_TEST(next.error().value_of(fact::reason) == "more requests than allowed in 2000 ms");
  BOOST_TEST(accepted(rule.admit({host(1)}, start + 2s)));
}

BOOST_AUTO_TEST_CASE(each_window_starts_with_its_hosts_first_request_and_ends_to_the_nanosecond) {
  const request_rate rule({3, 10ms});
  BOOST_TEST(served(rule, 1, start, 5) == 3);
  BOOST_TEST(served(rule, 2, start + 4ms, 5) == 3);
  BOOST_TEST(served(rule, 1, start + 10ms - 1ns, 5) == 0);
  BOOST_TEST(served(rule, 1, start + 10ms, 5) == 3);
  BOOST_TEST(served(rule, 2, start + 14ms - 1ns, 5) == 0);
  BOOST_TEST(served(rule, 2, start + 14ms + 1ns, 5) == 3);
  BOOST_TEST(served(rule, 1, start + 20ms + 1ns, 5) == 3);
}

BOOST_AUTO_TEST_CASE(refused_requests_do_not_lengthen_the_block) {
  const request_rate rule({1, 10ms});
  BOOST_TEST(served(rule, 1, start, 1) == 1);
  for (int i = 1; i < 10; ++i) BOOST_TEST(refused(rule, 1, start + i * 1ms));
  BOOST_TEST(served(rule, 1, start + 10ms, 1) == 1);
}

BOOST_AUTO_TEST_CASE(a_time_that_is_a_little_earlier_counts_in_the_same_window) {
  const request_rate rule({2, 10ms});
  BOOST_TEST(served(rule, 1, start, 1) == 1);
  BOOST_TEST(served(rule, 1, start - 1ms, 1) == 1);
  BOOST_TEST(refused(rule, 1, start - 1ms));
  BOOST_TEST(refused(rule, 1, start + 1ms));
}

BOOST_AUTO_TEST_CASE(the_addresses_of_one_ipv6_64_are_one_host) {
  const request_rate rule({2, 1s});
  BOOST_TEST(accepted(rule.admit({address("2001:db8:0:1::1")}, start)));
  BOOST_TEST(accepted(rule.admit({address("2001:db8:0:1:8000::")}, start)));
  BOOST_TEST(refused_as(errc::admission_refused,
                        rule.admit({address("2001:db8:0:1:ffff:ffff:ffff:ffff")}, start)));
  BOOST_TEST(accepted(rule.admit({address("2001:db8:0:2::1")}, start)));
}

BOOST_AUTO_TEST_CASE(clients_behind_a_trusted_proxy_are_counted_apart_and_cannot_dodge) {
  const ka::request_rate rule({2, 1s}, ka::trusted_proxies({ka::network("10.0.0.0/8")}));
  const auto ask = [&](std::string_view header) {
    return rule.admit({address("10.0.0.1"), {&header, 1}}, start);
  };
  BOOST_TEST(accepted(ask("192.0.2.1")));
  BOOST_TEST(accepted(ask("192.0.2.2, 192.0.2.1")));
  const auto third = ask("10.0.0.2, 192.0.2.1");
  BOOST_REQUIRE(refused_as(errc::admission_refused, third));
  BOOST_TEST(third.error().value_of(fact::peer) == "192.0.2.1");
  BOOST_TEST(accepted(ask("192.0.2.2")));
}

BOOST_AUTO_TEST_CASE(limits_without_sense_serve_nobody) {
  for (const auto window : {0ms, -1ms, std::chrono::milliseconds::min()})
    BOOST_TEST(refused(request_rate({9, window}), 1, start));
  BOOST_TEST(refused(request_rate({0, 1s}), 1, start));
}

BOOST_AUTO_TEST_CASE(the_longest_window_never_ends) {
  const request_rate rule({1, std::chrono::milliseconds::max()});
  BOOST_TEST(served(rule, 1, start, 1) == 1);
  BOOST_TEST(refused(rule, 1, start + 24h * 365 * 100));
  const auto listed = rule.blocked(start + 24h * 365 * 101);
  BOOST_REQUIRE(listed.size() == 1U);
  BOOST_TEST((listed.front().until == instant::max()));
}

BOOST_AUTO_TEST_CASE(without_randomness_for_its_key_nobody_is_served) {
  const request_rate rule({}, {}, keywarden::error(errc::backend_failed));
  BOOST_TEST(refused_as(errc::backend_failed, rule.admit({host(1)}, start)));
  BOOST_TEST(!rule.unblock(host(1)));
  BOOST_TEST(rule.blocked(start).empty());
}

BOOST_AUTO_TEST_CASE(who_was_refused_is_listed_until_the_window_is_over) {
  const request_rate rule({1, 10ms});
  BOOST_TEST(served(rule, 1, start, 1) == 1);
  BOOST_TEST(rule.blocked(start).empty());  // at the limit, but nothing was refused
  BOOST_TEST(refused(rule, 1, start + 2ms));
  BOOST_TEST(refused(rule, 1, start + 3ms));
  BOOST_TEST(accepted(rule.admit({address("2001:db8::7")}, start)));
  const auto listed = rule.blocked(start + 4ms);
  BOOST_REQUIRE(listed.size() == 1U);
  const ka::blocked_host expected{host(1), start + 2ms, start + 10ms, ka::sub_status::request_rate};
  BOOST_TEST((listed.front() == expected));
  BOOST_TEST(rule.blocked(start + 10ms - 1ns).size() == 1U);
  BOOST_TEST(rule.blocked(start + 10ms).empty());
}

BOOST_AUTO_TEST_CASE(the_list_of_blocked_hosts_is_bounded) {
  const request_rate rule({1, 1s});
  for (std::uint32_t i = 0; i < 50; ++i) BOOST_TEST(served(rule, i, start, 2) == 1);
  BOOST_TEST(rule.blocked(start).size() == 50U);
  BOOST_TEST(rule.blocked(start, 7).size() == 7U);
  BOOST_TEST(rule.blocked(start, 0).empty());
}

BOOST_AUTO_TEST_CASE(unblocking_a_host_serves_it_again_and_no_other) {
  const request_rate rule({2, 1s});
  BOOST_TEST(served(rule, 1, start, 5) == 2);
  BOOST_TEST(served(rule, 2, start, 5) == 2);
  BOOST_TEST(rule.unblock(host(1)));
  BOOST_TEST(!rule.unblock(host(1)));
  BOOST_TEST(rule.blocked(start).size() == 1U);
  BOOST_TEST(served(rule, 1, start, 5) == 2);
  BOOST_TEST(refused(rule, 2, start));
}

BOOST_AUTO_TEST_CASE(a_newcomer_to_a_full_bucket_starts_with_the_smallest_count_in_it) {
  const request_rate rule({20, 1s, 16});
  for (std::uint32_t i = 0; i < 16; ++i)
    BOOST_TEST(served(rule, i, start, static_cast<int>(i) + 2) == static_cast<int>(i) + 2);
  BOOST_TEST(served(rule, 100, start, 30) == 18);  // two were there before it
  BOOST_TEST(served(rule, 15, start, 30) == 3);    // the busiest kept its seventeen
}

BOOST_AUTO_TEST_CASE(who_was_displaced_comes_back_with_no_less_than_he_left_with) {
  const request_rate rule({10, 1s, 16});
  BOOST_TEST(served(rule, 99, start, 4) == 4);
  for (std::uint32_t i = 0; i < 16; ++i) BOOST_TEST(served(rule, i, start + 1ms, 5) > 0);
  BOOST_TEST(served(rule, 99, start + 2ms, 20) <= 6);
}

BOOST_AUTO_TEST_CASE(a_full_bucket_shares_one_window_and_then_each_host_has_its_own_again) {
  const request_rate rule({3, 10ms, 16});
  for (std::uint32_t i = 0; i < 16; ++i) BOOST_TEST(served(rule, i, start, i < 15 ? 3 : 1) > 0);
  BOOST_TEST(served(rule, 100, start + 4ms, 1) == 1);
  BOOST_TEST(served(rule, 101, start + 5ms, 1) == 1);  // shares the window that began before
  BOOST_TEST(refused(rule, 1, start + 14ms - 1ns));
  BOOST_TEST(refused(rule, 100, start + 14ms - 1ns));
  BOOST_TEST((rule.blocked(start + 14ms - 1ns).at(0).until == start + 14ms));
  BOOST_TEST(served(rule, 100, start + 14ms, 5) == 3);
  BOOST_TEST(served(rule, 1, start + 15ms, 5) == 3);
  BOOST_TEST(refused(rule, 100, start + 24ms - 1ns));
  BOOST_TEST(served(rule, 100, start + 24ms, 5) == 3);
  BOOST_TEST(refused(rule, 1, start + 25ms - 1ns));
}

BOOST_AUTO_TEST_CASE(a_table_full_of_blocked_hosts_refuses_newcomers_and_says_so) {
  const request_rate rule({3, 1s, 16});
  for (std::uint32_t i = 0; i < 16; ++i) BOOST_TEST(served(rule, i, start, 4) == 3);
  const auto newcomer = rule.admit({host(100)}, start + 999ms);
  BOOST_REQUIRE(refused_as(errc::admission_refused, newcomer));
  BOOST_TEST(newcomer.error().value_of(fact::reason).starts_with("the table of hosts is full"));
  BOOST_TEST(newcomer.error().value_of(fact::state) == "502");
  BOOST_TEST(rule.blocked(start + 999ms).size() == 16U);
  BOOST_TEST((rule.blocked(start + 999ms).at(0).until == start + 1s));  // no block got longer
  BOOST_TEST(accepted(rule.admit({host(100)}, start + 1s)));
}

BOOST_AUTO_TEST_CASE(no_order_of_requests_gets_a_host_more_than_twice_its_limit_in_a_window) {
  std::mt19937 choose(42);
  for (int round = 0; round < 60; ++round) {
    const auto limit = 1 + choose() % 20;
    const auto hosts = 2 + choose() % 60;
    const request_rate rule({static_cast<std::uint32_t>(limit), 100ms, 16});
    std::map<std::uint32_t, std::vector<instant>> all;
    for (int i = 0; i < 2'000; ++i) {
      // Some hosts are much busier than others, and there are several windows.
      const auto number = static_cast<std::uint32_t>(choose() % (1 + choose() % hosts));
      const auto now = start + i * 300us;
      if (rule.admit({host(number)}, now)) all[number].push_back(now);
    }
    for (const auto& [number, times] : all)
      for (std::size_t i = 2 * limit; i < times.size(); ++i)
        BOOST_REQUIRE((times[i] - times[i - 2 * limit] >= 100ms));
    BOOST_REQUIRE(!all.empty());
  }
}

BOOST_AUTO_TEST_CASE(
    a_flood_of_a_million_addresses_neither_frees_a_host_nor_shuts_out_honest_ones) {
  const request_rate rule({100, 2s});
  const auto bytes = rule.bytes();
  BOOST_TEST(bytes < 50U * rule.limits().hosts);
  BOOST_TEST(served(rule, 1, start, 101) == 100);
  BOOST_TEST(served(rule, 2, start, 50) == 50);
  const auto before = resident_bytes();
  BOOST_REQUIRE(before > 0U);
  for (std::uint32_t i = 10; i < 1'000'000; ++i)
    if (!rule.admit({host(i)}, start + 1s)) BOOST_FAIL("refused");  // 61 for each place
  const auto after = resident_bytes();
  BOOST_TEST(after - std::min(before, after) < (std::size_t{4} << 20U));
  BOOST_TEST(rule.bytes() == bytes);

  BOOST_TEST(served(rule, 1, start + 2s - 1ns, 10) == 0);
  const auto listed = rule.blocked(start + 2s - 1ns);
  BOOST_REQUIRE(listed.size() == 1U);
  BOOST_TEST((listed.front().host == host(1)));
  // Who had asked 50 times has 50 left at the most; a newcomer is served as documented.
  const auto rest = served(rule, 2, start + 2s - 1ns, 100);
  BOOST_TEST(rest > 0);
  BOOST_TEST(rest <= 50);
  for (std::uint32_t i = 2'000'000; i < 2'000'100; ++i)
    BOOST_TEST(served(rule, i, start + 1s, 10) == 10);
  BOOST_TEST(served(rule, 1, start + 3s, 101) == 100);
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE_END()

}  // namespace request_rate_test
