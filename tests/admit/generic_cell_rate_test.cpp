#include <keywarden/admit/generic_cell_rate.hpp>

#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <random>

#include <boost/test/unit_test.hpp>

#include "support/refusals.hpp"

namespace generic_cell_rate_test {

namespace ka = keywarden::admit;
using namespace std::chrono_literals;
using ka::address;
using ka::cell_limits;
using ka::instant;
using keywarden::errc;
using keywarden::fact;
using keywarden::testing::accepted;
using keywarden::testing::refused_as;
using cell_rate = ka::generic_cell_rate<>;

constexpr instant start{1h};

address host(std::uint32_t number) {
  return address::v4({10, static_cast<std::uint8_t>(number >> 16U),
                      static_cast<std::uint8_t>(number >> 8U), static_cast<std::uint8_t>(number)});
}

// How many of so many requests are served.
int served(const cell_rate& rule, std::uint32_t from, instant now, int tries) {
  int count = 0;
  for (int i = 0; i < tries; ++i) count += rule.admit({host(from)}, now) ? 1 : 0;
  return count;
}

auto refused(const cell_rate& rule, std::uint32_t from, instant now) {
  return refused_as(errc::admission_refused, rule.admit({host(from)}, now));
}

// What the rule promises, said otherwise: a bucket that holds `burst` requests and loses one each
// interval, in nanoseconds of content.
struct leaky_bucket {
  std::int64_t interval;
  std::int64_t burst;
  std::int64_t content = 0;
  instant last{};

  bool pour(instant now) {
    content = std::max<std::int64_t>(0, content - (now - last).count());
    last = now;
    if (content + interval > interval * burst) return false;
    content += interval;
    return true;
  }
};

BOOST_AUTO_TEST_SUITE(admit)
BOOST_AUTO_TEST_SUITE(cells)

BOOST_AUTO_TEST_CASE(a_burst_is_served_and_then_one_request_each_interval) {
  const cell_rate rule({10ms, 5});
  BOOST_TEST(served(rule, 1, start, 9) == 5);
  BOOST_TEST(refused(rule, 1, start + 10ms - 1ns));
  BOOST_TEST(served(rule, 1, start + 10ms, 9) == 1);
  BOOST_TEST(refused(rule, 1, start + 20ms - 1ns));
  BOOST_TEST(served(rule, 1, start + 20ms + 1ns, 9) == 1);
  BOOST_TEST(served(rule, 1, start + 50ms, 9) == 3);
  BOOST_TEST(served(rule, 1, start + 1h, 9) == 5);
}

BOOST_AUTO_TEST_CASE(the_defaults_are_the_split_merge_rate_without_its_windows) {
  const cell_rate rule;
  BOOST_TEST(served(rule, 1, start, 101) == 100);
  BOOST_TEST(served(rule, 1, start + 2s - 1ns, 101) == 99);
  const auto next = rule.admit({host(1)}, start + 2s - 1ns);
  BOOST_REQUIRE(refused_as(errc::admission_refused, next));
  BOOST_TEST(next.error().value_of(fact::limit) == "100");
  BOOST_TEST(next.error().value_of(fact::state) == "502");
}

BOOST_AUTO_TEST_CASE(refused_requests_do_not_lengthen_the_wait) {
  const cell_rate rule({10ms, 1});
  BOOST_TEST(served(rule, 1, start, 1) == 1);
  for (int i = 1; i < 10; ++i) BOOST_TEST(refused(rule, 1, start + i * 1ms));
  BOOST_TEST(served(rule, 1, start + 10ms, 1) == 1);
}

BOOST_AUTO_TEST_CASE(a_time_that_is_a_little_earlier_gains_nothing) {
  const cell_rate rule({10ms, 2});
  BOOST_TEST(served(rule, 1, start, 1) == 1);
  BOOST_TEST(served(rule, 1, start - 1ms, 2) == 0);  // 11 ms early where 10 are allowed
  BOOST_TEST(served(rule, 1, start, 2) == 1);
  BOOST_TEST(refused(rule, 1, start - 1ms));
  BOOST_TEST(served(rule, 1, start + 10ms, 2) == 1);
}

BOOST_AUTO_TEST_CASE(an_interval_that_divides_no_second_does_not_drift) {
  const cell_rate rule({333'333'333ns, 1});
  for (int i = 0; i < 10'000; ++i) {
    const auto due = start + i * 333'333'333ns;
    if (i > 0) BOOST_REQUIRE(refused(rule, 1, due - 1ns));
    BOOST_REQUIRE(served(rule, 1, due, 1) == 1);
  }
}

BOOST_AUTO_TEST_CASE(it_decides_as_a_leaky_bucket_does_on_every_schedule) {
  std::mt19937_64 choose(42);
  int admitted = 0;
  int refusals = 0;
  for (int round = 0; round < 100; ++round) {
    const auto interval = static_cast<std::int64_t>(1 + choose() % 50);
    const auto burst = static_cast<std::uint32_t>(1 + choose() % 12);
    const cell_rate rule({std::chrono::nanoseconds(interval), burst, 1'024});
    std::map<std::uint32_t, leaky_bucket> expected;
    auto now = start;
    for (int i = 0; i < 500; ++i) {
      // Mostly faster than allowed, with a pause now and then.
      now += std::chrono::nanoseconds(choose() % 20 == 0 ? choose() % 1'000 : choose() % 7);
      const auto from = static_cast<std::uint32_t>(choose() % 5);
      auto& bucket = expected.try_emplace(from, leaky_bucket{interval, burst}).first->second;
      const auto decided = served(rule, from, now, 1) == 1;
      BOOST_REQUIRE(decided == bucket.pour(now));
      ++(decided ? admitted : refusals);
    }
  }
  BOOST_TEST(admitted > 5'000);
  BOOST_TEST(refusals > 5'000);
}

BOOST_AUTO_TEST_CASE(limits_without_sense_serve_nobody) {
  using std::chrono::nanoseconds;
  for (const cell_limits& limits :
       {cell_limits{0ns, 5}, cell_limits{-1ns, 5}, cell_limits{nanoseconds::min(), 5},
        cell_limits{1ms, 0}, cell_limits{nanoseconds::max(), 1},
        cell_limits{1s, std::numeric_limits<std::uint32_t>::max()}})
    BOOST_TEST(refused(cell_rate(limits), 1, start));
  BOOST_TEST(served(cell_rate({24h * 365, 36}), 1, start, 37) == 36);
}

BOOST_AUTO_TEST_CASE(without_randomness_for_its_key_nobody_is_served) {
  const cell_rate rule({}, {}, keywarden::error(errc::backend_failed));
  BOOST_TEST(refused_as(errc::backend_failed, rule.admit({host(1)}, start)));
  BOOST_TEST(!rule.unblock(host(1)));
}

BOOST_AUTO_TEST_CASE(who_was_refused_is_listed_until_its_next_request_is_due) {
  const cell_rate rule({10ms, 2});
  BOOST_TEST(served(rule, 1, start, 2) == 2);
  BOOST_TEST(rule.blocked(start).empty());
  BOOST_TEST(refused(rule, 1, start + 3ms));
  BOOST_TEST(refused(rule, 1, start + 4ms));
  const auto listed = rule.blocked(start + 5ms);
  BOOST_REQUIRE(listed.size() == 1U);
  const ka::blocked_host expected{host(1), start + 3ms, start + 10ms, ka::sub_status::request_rate};
  BOOST_TEST((listed.front() == expected));
  BOOST_TEST(rule.blocked(start + 10ms - 1ns).size() == 1U);
  BOOST_TEST(rule.blocked(start + 10ms).empty());
  BOOST_TEST(rule.blocked(start, 0).empty());
}

BOOST_AUTO_TEST_CASE(unblocking_a_host_serves_its_burst_again) {
  const cell_rate rule({1h, 3});
  BOOST_TEST(served(rule, 1, start, 9) == 3);
  BOOST_TEST(served(rule, 2, start, 9) == 3);
  BOOST_TEST(rule.unblock(host(1)));
  BOOST_TEST(!rule.unblock(host(1)));
  BOOST_TEST(served(rule, 1, start, 9) == 3);
  BOOST_TEST(refused(rule, 2, start));
}

BOOST_AUTO_TEST_CASE(a_newcomer_to_a_full_bucket_starts_where_the_least_busy_host_is) {
  const cell_rate rule({1s, 20, 16});
  for (std::uint32_t i = 0; i < 16; ++i)
    BOOST_TEST(served(rule, i, start, static_cast<int>(i) + 2) == static_cast<int>(i) + 2);
  BOOST_TEST(served(rule, 100, start, 30) == 18);
  BOOST_TEST(served(rule, 15, start, 30) == 3);
  // 18 of the hosts' seconds later, the least busy are at rest.
  BOOST_TEST(served(rule, 200, start + 18s, 30) == 20);
}

BOOST_AUTO_TEST_CASE(a_table_full_of_blocked_hosts_refuses_newcomers_and_says_so) {
  const cell_rate rule({1s, 3, 16});
  for (std::uint32_t i = 0; i < 16; ++i) BOOST_TEST(served(rule, i, start, 4) == 3);
  const auto newcomer = rule.admit({host(100)}, start + 1s - 1ns);
  BOOST_REQUIRE(refused_as(errc::admission_refused, newcomer));
  BOOST_TEST(newcomer.error().value_of(fact::reason).starts_with("the table of hosts is full"));
  BOOST_TEST(rule.blocked(start).size() == 16U);
  BOOST_TEST(served(rule, 100, start + 1s, 5) == 1);
}

BOOST_AUTO_TEST_CASE(a_flood_of_addresses_does_not_let_a_blocked_host_in_sooner) {
  for (const std::uint32_t hosts : {1U, 64U, 1'024U}) {
    const cell_rate rule({1s, 4, hosts});
    const auto bytes = rule.bytes();
    BOOST_TEST(served(rule, 1, start, 5) == 4);
    for (std::uint32_t i = 2; i < 10'000; ++i)
      static_cast<void>(rule.admit({host(i)}, start + i * 90us));
    BOOST_TEST(refused(rule, 1, start + 1s - 1ns));
    BOOST_TEST(served(rule, 1, start + 1s, 5) == 1);
    BOOST_TEST(rule.bytes() == bytes);
  }
}

BOOST_AUTO_TEST_CASE(no_order_of_requests_gets_a_host_more_than_its_rate) {
  std::mt19937 choose(7);
  for (int round = 0; round < 40; ++round) {
    const auto burst = static_cast<std::uint32_t>(1 + choose() % 10);
    const auto hosts = 17 + choose() % 60;
    const cell_rate rule({10ms, burst, 16});  // one bucket: every host is in everybody's way
    std::map<std::uint32_t, leaky_bucket> most;
    for (int i = 0; i < 2'000; ++i) {
      const auto number = static_cast<std::uint32_t>(choose() % (1 + choose() % hosts));
      const auto now = start + i * 300us;
      auto& bucket = most.try_emplace(number, leaky_bucket{10'000'000, burst}).first->second;
      // Whom the rule serves, the exact bucket has room for.
      if (rule.admit({host(number)}, now)) BOOST_REQUIRE(bucket.pour(now));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE_END()

}  // namespace generic_cell_rate_test
