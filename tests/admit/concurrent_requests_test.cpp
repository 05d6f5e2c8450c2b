#include <keywarden/admit/concurrent_requests.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "support/refusals.hpp"

namespace concurrent_requests_test {

namespace ka = keywarden::admit;
using namespace std::chrono_literals;
using ka::address;
using ka::instant;
using keywarden::errc;
using keywarden::fact;
using keywarden::testing::accepted;
using keywarden::testing::refused_as;
using concurrent = ka::concurrent_requests<>;

constexpr instant start{1h};
using permits = std::vector<concurrent::permit>;

address host(std::uint32_t number) {
  return address::v4({10, static_cast<std::uint8_t>(number >> 16U),
                      static_cast<std::uint8_t>(number >> 8U), static_cast<std::uint8_t>(number)});
}

permits take(const concurrent& rule, std::uint32_t from, int times) {
  permits held;
  for (int i = 0; i < times; ++i) held.push_back(rule.admit({host(from)}, start).value());
  return held;
}

auto refused(const concurrent& rule, std::uint32_t from, instant now = start) {
  return refused_as(errc::admission_refused, rule.admit({host(from)}, now));
}

BOOST_AUTO_TEST_SUITE(admit)
BOOST_AUTO_TEST_SUITE(requests_at_a_time)

BOOST_AUTO_TEST_CASE(twenty_at_a_time_are_served_and_the_next_is_refused) {
  const concurrent rule;
  auto held = take(rule, 1, 20);
  const auto next = rule.admit({host(1)}, start);
  BOOST_REQUIRE(refused_as(errc::admission_refused, next));
  BOOST_TEST(next.error().value_of(fact::limit) == "20");
  BOOST_TEST(next.error().value_of(fact::state) == "501");
  held.pop_back();
  held.push_back(rule.admit({host(1)}, start).value());
  BOOST_TEST(refused(rule, 1));
  BOOST_TEST(rule.open(host(1)) == 20U);
}

BOOST_AUTO_TEST_CASE(hosts_are_counted_apart_and_an_ipv6_64_is_one) {
  const concurrent rule({2});
  const auto one = take(rule, 1, 2);
  const auto other = take(rule, 2, 2);
  BOOST_TEST(refused(rule, 1));
  BOOST_TEST(rule.open(host(3)) == 0U);
  const auto first = rule.admit({address("2001:db8:0:1::1")}, start).value();
  const auto second = rule.admit({address("2001:db8:0:1:ffff:ffff:ffff:ffff")}, start).value();
  BOOST_TEST(refused_as(errc::admission_refused, rule.admit({address("2001:db8:0:1::")}, start)));
  BOOST_TEST(accepted(rule.admit({address("2001:db8:0:2::1")}, start)));
}

BOOST_AUTO_TEST_CASE(a_limit_of_zero_serves_nobody) { BOOST_TEST(refused(concurrent({0}), 1)); }

BOOST_AUTO_TEST_CASE(without_randomness_for_its_key_nobody_is_served) {
  const concurrent rule({}, {}, keywarden::error(errc::backend_failed));
  BOOST_TEST(refused_as(errc::backend_failed, rule.admit({host(1)}, start)));
  BOOST_TEST(rule.open(host(1)) == 0U);
}

BOOST_AUTO_TEST_CASE(a_lease_gives_back_once_whatever_it_is_moved_through) {
  const concurrent rule;
  {
    auto first = rule.admit({host(1)}, start).value();
    auto second = std::move(first);
    {
      const auto third = std::move(second);
      BOOST_TEST(rule.open(host(1)) == 1U);
    }
    BOOST_TEST(rule.open(host(1)) == 0U);
  }
  BOOST_TEST(rule.open(host(1)) == 0U);
}

BOOST_AUTO_TEST_CASE(assigning_over_a_lease_gives_back_what_it_held) {
  const concurrent rule;
  auto mine = rule.admit({host(1)}, start).value();
  mine = rule.admit({host(2)}, start).value();
  BOOST_TEST(rule.open(host(1)) == 0U);
  BOOST_TEST(rule.open(host(2)) == 1U);
  auto& same = mine;
  mine = std::move(same);
  BOOST_TEST(rule.open(host(2)) == 1U);
}

BOOST_AUTO_TEST_CASE(a_lease_may_outlive_the_rule_and_end_on_another_thread) {
  auto rule = std::make_optional<concurrent>(ka::request_concurrency{1});
  const std::optional copy(rule);
  std::optional held(rule->admit({host(1)}, start).value());
  rule.reset();
  BOOST_TEST(refused(*copy, 1));
  std::jthread([&] { held.reset(); }).join();
  BOOST_TEST(accepted(copy->admit({host(1)}, start)));

  std::optional<concurrent::permit> orphan(concurrent().admit({host(1)}, start).value());
  std::jthread([&] { orphan.reset(); }).join();
  BOOST_TEST(!orphan.has_value());
}

BOOST_AUTO_TEST_CASE(who_was_refused_is_listed_until_one_of_its_requests_ends) {
  const concurrent rule({2});
  auto held = take(rule, 1, 2);
  BOOST_TEST(rule.blocked(start).empty());
  BOOST_TEST(refused(rule, 1, start + 5ms));
  BOOST_TEST(refused(rule, 1, start + 6ms));
  const auto listed = rule.blocked(start + 1h);
  BOOST_REQUIRE(listed.size() == 1U);
  const ka::blocked_host expected{host(1), start + 5ms, std::nullopt,
                                  ka::sub_status::concurrent_requests};
  BOOST_TEST((listed.front() == expected));
  BOOST_TEST(rule.blocked(start, 0).empty());
  held.pop_back();
  BOOST_TEST(rule.blocked(start).empty());
}

BOOST_AUTO_TEST_CASE(a_table_full_of_hosts_with_open_requests_refuses_newcomers_and_says_so) {
  const concurrent rule({2, 16});
  permits held;
  for (std::uint32_t i = 0; i < 16; ++i) held.push_back(rule.admit({host(i)}, start).value());
  const auto newcomer = rule.admit({host(100)}, start);
  BOOST_REQUIRE(refused_as(errc::admission_refused, newcomer));
  BOOST_TEST(newcomer.error().value_of(fact::reason).starts_with("the table of hosts is full"));
  BOOST_TEST(newcomer.error().value_of(fact::state) == "501");
  BOOST_TEST(accepted(rule.admit({host(7)}, start)));  // who has a place keeps it
  held.erase(held.begin());
  BOOST_TEST(accepted(rule.admit({host(100)}, start)));
}

BOOST_AUTO_TEST_CASE(a_flood_of_addresses_does_not_reset_the_count_of_a_host) {
  const concurrent rule({3, 64});
  const auto bytes = rule.bytes();
  const auto mine = take(rule, 1, 3);
  permits held;
  for (std::uint32_t i = 2; i < 20'000; ++i)
    if (auto permit = rule.admit({host(i)}, start)) held.push_back(*std::move(permit));
  BOOST_TEST(held.size() == 63U);  // as many as there are places, and no more
  BOOST_TEST(refused(rule, 1));
  BOOST_TEST(rule.open(host(1)) == 3U);
  BOOST_TEST(rule.bytes() == bytes);
  held.clear();
  BOOST_TEST(rule.open(host(1)) == 3U);
}

BOOST_AUTO_TEST_CASE(two_threads_leak_no_place) {
  const concurrent rule({3, 64});
  std::atomic<int> most = 0;
  std::atomic<int> now = 0;
  std::vector<std::jthread> running;
  for (int thread = 0; thread < 2; ++thread)
    running.emplace_back([&] {
      for (int i = 0; i < 3'000; ++i) {
        std::vector<keywarden::result<concurrent::permit>> held;
        for (int j = 0; j < 3; ++j) {
          held.push_back(rule.admit({host(1)}, start));
          if (!held.back()) continue;
          const auto seen = ++now;
          auto before = most.load();
          while (seen > before && !most.compare_exchange_weak(before, seen)) continue;
        }
        for (const auto& each : held)
          if (each) --now;
      }
    });
  running.clear();
  BOOST_TEST(most > 0);
  BOOST_TEST(most <= 3);
  BOOST_TEST(rule.open(host(1)) == 0U);
  BOOST_TEST(take(rule, 1, 3).size() == 3U);
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE_END()

}  // namespace concurrent_requests_test
