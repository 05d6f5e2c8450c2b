#include <keywarden/admit/concurrent_connections.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "support/refusals.hpp"

namespace concurrent_connections_test {

namespace ka = keywarden::admit;
using ka::address;
using ka::concurrent_connections;
using keywarden::errc;
using keywarden::fact;
using keywarden::testing::accepted;
using keywarden::testing::refused_as;

using permits = std::vector<concurrent_connections::permit>;

address host(std::uint32_t number) {
  return address::v4({10, static_cast<std::uint8_t>(number >> 16U),
                      static_cast<std::uint8_t>(number >> 8U), static_cast<std::uint8_t>(number)});
}

permits take(const concurrent_connections& rule, const address& from, int times) {
  permits held;
  for (int i = 0; i < times; ++i) held.push_back(rule.admit(from, {}).value());
  return held;
}

BOOST_AUTO_TEST_SUITE(admit)
BOOST_AUTO_TEST_SUITE(concurrent)

BOOST_AUTO_TEST_CASE(twenty_at_a_time_are_admitted_and_the_next_is_refused) {
  const concurrent_connections rule;
  BOOST_TEST(rule.limits().per_host == 20U);
  auto held = take(rule, host(1), 20);
  const auto next = rule.admit(host(1), {});
  BOOST_REQUIRE(refused_as(errc::admission_refused, next));
  BOOST_TEST(next.error().value_of(fact::limit) == "20");
  held.pop_back();
  held.push_back(rule.admit(host(1), {}).value());
  BOOST_TEST(refused_as(errc::admission_refused, rule.admit(host(1), {})));
}

BOOST_AUTO_TEST_CASE(a_thousand_from_everywhere_are_admitted_and_the_next_is_refused) {
  const concurrent_connections rule;
  permits held;
  for (unsigned i = 0; i < 1000; ++i) held.push_back(rule.admit(host(i), {}).value());
  const auto next = rule.admit(host(1000), {});
  BOOST_REQUIRE(refused_as(errc::admission_refused, next));
  BOOST_TEST(next.error().value_of(fact::limit) == "1000");
  BOOST_TEST(next.error().value_of(fact::reason) == "too many connections are open");
}

BOOST_AUTO_TEST_CASE(hosts_are_counted_apart) {
  const concurrent_connections rule({2, 100});
  const auto one = take(rule, host(1), 2);
  const auto other = take(rule, host(2), 2);
  BOOST_TEST(refused_as(errc::admission_refused, rule.admit(host(1), {})));
  BOOST_TEST(rule.open() == 4U);
  BOOST_TEST(rule.open(host(1)) == 2U);
  BOOST_TEST(rule.open(host(3)) == 0U);
}

BOOST_AUTO_TEST_CASE(the_addresses_of_one_ipv6_64_are_one_host) {
  const concurrent_connections rule({2, 100});
  const auto first = rule.admit(address("2001:db8:0:1::1"), {}).value();
  const auto second = rule.admit(address("2001:db8:0:1:ffff:ffff:ffff:ffff"), {}).value();
  BOOST_TEST(refused_as(errc::admission_refused, rule.admit(address("2001:db8:0:1::"), {})));
  BOOST_TEST(accepted(rule.admit(address("2001:db8:0:2::1"), {})));
}

BOOST_AUTO_TEST_CASE(a_refused_connection_takes_no_place) {
  const concurrent_connections rule({1, 2});
  const auto one = rule.admit(host(1), {}).value();
  for (int i = 0; i < 10; ++i)
    BOOST_TEST(refused_as(errc::admission_refused, rule.admit(host(1), {})));
  BOOST_TEST(rule.open() == 1U);
  BOOST_TEST(accepted(rule.admit(host(2), {})));
}

BOOST_AUTO_TEST_CASE(a_lease_gives_back_once_whatever_it_is_moved_through) {
  const concurrent_connections rule;
  {
    auto first = rule.admit(host(1), {}).value();
    auto second = std::move(first);
    {
      const auto third = std::move(second);
      BOOST_TEST(rule.open() == 1U);
    }
    BOOST_TEST(rule.open() == 0U);
  }
  BOOST_TEST(rule.open() == 0U);
}

BOOST_AUTO_TEST_CASE(assigning_over_a_lease_gives_back_what_it_held) {
  const concurrent_connections rule;
  auto mine = rule.admit(host(1), {}).value();
  mine = rule.admit(host(2), {}).value();
  BOOST_TEST(rule.open(host(1)) == 0U);
  BOOST_TEST(rule.open(host(2)) == 1U);
  auto& same = mine;
  mine = std::move(same);
  BOOST_TEST(rule.open(host(2)) == 1U);
  std::optional taken(std::move(mine));
  taken.reset();
  BOOST_TEST(rule.open() == 0U);
}

BOOST_AUTO_TEST_CASE(a_limit_of_zero_admits_nobody) {
  BOOST_TEST(
      refused_as(errc::admission_refused, concurrent_connections({0, 10}).admit(host(1), {})));
  BOOST_TEST(
      refused_as(errc::admission_refused, concurrent_connections({10, 0}).admit(host(1), {})));
}

BOOST_AUTO_TEST_CASE(a_host_without_open_connections_is_forgotten) {
  const concurrent_connections rule;
  for (std::uint32_t i = 0; i < 10'000; ++i) BOOST_REQUIRE(accepted(rule.admit(host(i), {})));
  BOOST_TEST(rule.hosts() == 0U);
  const auto one = take(rule, host(1), 3);
  const auto other = take(rule, host(2), 1);
  BOOST_TEST(rule.hosts() == 2U);
}

BOOST_AUTO_TEST_CASE(counts_come_back_to_zero_after_many_threads) {
  constexpr std::uint32_t per_host = 3;
  constexpr std::uint32_t in_all = 10;
  const concurrent_connections rule({per_host, in_all});
  std::array<std::atomic<std::uint32_t>, 4> open{};
  std::atomic<std::uint32_t> in_use = 0;
  std::atomic<std::uint32_t> most_of_one = 0;
  std::atomic<std::uint32_t> most_in_all = 0;
  std::atomic<int> admitted = 0;
  const auto raise = [](std::atomic<std::uint32_t>& most, std::uint32_t seen) {
    auto known = most.load();
    while (known < seen && !most.compare_exchange_weak(known, seen)) {
    }
  };
  {
    std::vector<std::jthread> running;
    for (unsigned thread = 0; thread < 8; ++thread)
      running.emplace_back([&, thread] {
        for (unsigned round = 0; round < 2000; ++round) {
          std::vector<std::pair<unsigned, concurrent_connections::permit>> held;
          for (unsigned i = 0; i < 4; ++i) {
            const auto number = (thread + round + i / 2) % 4;
            if (auto permit = rule.admit(host(number), {})) {
              held.emplace_back(number, *std::move(permit));
              raise(most_of_one, ++open[number]);
              raise(most_in_all, ++in_use);
              ++admitted;
            }
          }
          for (const auto& [number, permit] : held) {
            --open[number];
            --in_use;
          }
        }
      });
  }
  BOOST_TEST(most_of_one <= per_host);
  BOOST_TEST(most_in_all <= in_all);
  BOOST_TEST(admitted > 0);
  BOOST_TEST(rule.open() == 0U);
  BOOST_TEST(rule.hosts() == 0U);
  for (unsigned i = 0; i < 4; ++i) BOOST_TEST(rule.open(host(i)) == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE_END()

}  // namespace concurrent_connections_test
