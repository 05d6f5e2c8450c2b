#include <keywarden/key/seal_budget.hpp>

#include <sys/wait.h>
#include <unistd.h>
#include <atomic>

#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "support/refusals.hpp"

namespace seal_budget_test {

namespace kw = keywarden;
using kw::errc;
using kw::seal_budget;
using kw::testing::accepted;
using kw::testing::refused_as;

std::uint64_t spend_all(seal_budget& budget, std::uint64_t at_most = 1000000) {
  std::uint64_t spent = 0;
  while (spent < at_most && budget.spend()) ++spent;
  return spent;
}

BOOST_AUTO_TEST_SUITE(seal_budgets)

BOOST_AUTO_TEST_CASE(a_fixed_budget_ends_exactly_at_its_limit_and_says_what_to_do) {
  seal_budget budget(1000);
  BOOST_TEST(spend_all(budget) == 1000U);
  BOOST_TEST(refused_as(errc::budget_exhausted, budget.spend()));
  BOOST_TEST(budget.spend().error().value_of(kw::fact::next_step) == "rotate the key");
}

BOOST_AUTO_TEST_CASE(an_empty_budget_seals_nothing) {
  seal_budget budget(0);
  BOOST_TEST(refused_as(errc::budget_exhausted, budget.spend()));
}

BOOST_AUTO_TEST_CASE(nothing_is_leased_before_the_first_message) {
  int asked = 0;
  seal_budget budget([&](std::uint64_t) {
    ++asked;
    return kw::done();
  });
  BOOST_TEST(asked == 0);
  BOOST_TEST(accepted(budget.spend()));
  BOOST_TEST(asked == 1);
}

BOOST_AUTO_TEST_CASE(pieces_double_from_256) {
  std::vector<std::uint64_t> asked;
  seal_budget budget([&](std::uint64_t count) {
    asked.push_back(count);
    return kw::done();
  });
  for (int i = 0; i < 256 + 512 + 1024 + 1; ++i) budget.spend().value();
  BOOST_TEST(asked == (std::vector<std::uint64_t>{256, 512, 1024, 2048}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(near_the_limit_the_rest_is_taken_one_by_one) {
  std::uint64_t left = 300;
  seal_budget budget([&](std::uint64_t count) -> kw::result<void> {
    if (count > left) return kw::error(errc::budget_exhausted);
    left -= count;
    return kw::done();
  });
  BOOST_TEST(spend_all(budget) == 300U);  // not one is lost
  BOOST_TEST(left == 0U);
  BOOST_TEST(refused_as(errc::budget_exhausted, budget.spend()));
}

BOOST_AUTO_TEST_CASE(a_store_that_fails_stops_sealing_and_the_next_message_asks_again) {
  bool broken = true;
  std::vector<std::uint64_t> asked;
  seal_budget budget([&](std::uint64_t count) -> kw::result<void> {
    asked.push_back(count);
    if (broken) return kw::error(errc::store_busy);
    return kw::done();
  });
  BOOST_TEST(refused_as(errc::store_busy, budget.spend()));
  BOOST_TEST(refused_as(errc::store_busy, budget.spend()));
  broken = false;
  BOOST_TEST(accepted(budget.spend()));
  BOOST_TEST(asked == (std::vector<std::uint64_t>{256, 256, 256}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(threads_together_spend_exactly_the_limit) {
  constexpr std::uint64_t limit = 40000;
  seal_budget budget(limit);
  std::atomic<std::uint64_t> spent{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) threads.emplace_back([&] { spent += spend_all(budget); });
  for (auto& each : threads) each.join();
  BOOST_TEST(spent == limit);
}

BOOST_AUTO_TEST_CASE(threads_together_never_spend_more_than_was_leased) {
  std::uint64_t leased = 0;  // the budget asks under its own lock
  seal_budget budget([&](std::uint64_t count) -> kw::result<void> {
    if (leased + count > 50000) return kw::error(errc::budget_exhausted);
    leased += count;
    return kw::done();
  });
  std::atomic<std::uint64_t> spent{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) threads.emplace_back([&] { spent += spend_all(budget); });
  for (auto& each : threads) each.join();
  BOOST_TEST(leased == 50000U);
  BOOST_TEST(spent == leased);
}

BOOST_AUTO_TEST_CASE(an_allowance_ends_a_fixed_budget_exactly_at_its_limit) {
  for (const std::uint64_t limit : {0U, 1U, 15U, 1000U, 5000U}) {
    seal_budget budget(limit);
    kw::seal_allowance mine;
    std::uint64_t spent = 0;
    while (spent <= limit && budget.spend(mine)) ++spent;
    BOOST_TEST(spent == limit);
    BOOST_TEST(refused_as(errc::budget_exhausted, budget.spend(mine)));
  }
}

BOOST_AUTO_TEST_CASE(threads_with_allowances_never_spend_more_than_was_leased) {
  std::uint64_t leased = 0;
  seal_budget budget([&](std::uint64_t count) -> kw::result<void> {
    if (leased + count > 50000) return kw::error(errc::budget_exhausted);
    leased += count;
    return kw::done();
  });
  std::atomic<std::uint64_t> spent{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      kw::seal_allowance mine;
      std::uint64_t own = 0;
      while (budget.spend(mine)) ++own;
      spent += own;
    });
  for (auto& each : threads) each.join();
  BOOST_TEST(leased == 50000U);
  BOOST_TEST(spent <= leased);
  BOOST_TEST(spent > leased - 8 * 16);  // what was set aside and not spent
}

BOOST_AUTO_TEST_CASE(an_allowance_is_forfeited_with_the_object) {
  seal_budget budget(10000);
  for (int i = 0; i < 10; ++i) {
    kw::seal_allowance each;
    budget.spend(each).value();
  }
  std::uint64_t left = 0;
  while (budget.spend()) ++left;
  BOOST_TEST(left == 10000U - 10 * 16);
}

BOOST_AUTO_TEST_CASE(a_forked_child_does_not_spend_its_parents_allowance) {
  int asked = 0;
  seal_budget budget([&](std::uint64_t) -> kw::result<void> {
    if (++asked > 5) return kw::error(errc::not_permitted);
    return kw::done();
  });
  kw::seal_allowance mine;
  for (int i = 0; i < 4000; ++i) budget.spend(mine).value();  // pieces of 4096 by now
  BOOST_REQUIRE(budget.try_spend(mine));
  asked = 5;
  const auto child = ::fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) ::_exit(budget.spend(mine) ? 1 : 0);
  int status = 0;
  ::waitpid(child, &status, 0);
  BOOST_TEST((WIFEXITED(status) && WEXITSTATUS(status) == 0));
  BOOST_TEST(accepted(budget.spend(mine)));
}

BOOST_AUTO_TEST_CASE(a_forked_child_does_not_spend_its_parents_piece) {
  int asked = 0;
  seal_budget budget([&](std::uint64_t) -> kw::result<void> {
    if (++asked > 1) return kw::error(errc::not_permitted);
    return kw::done();
  });
  BOOST_REQUIRE(accepted(budget.spend()));  // the parent holds a piece of 256 now
  const auto child = ::fork();
  if (child == 0) {
    const auto spent = budget.spend();
    ::_exit(!spent && spent.error() == errc::not_permitted ? 0 : 1);
  }
  int outcome = 1;
  BOOST_REQUIRE(::waitpid(child, &outcome, 0) == child);
  BOOST_TEST(outcome == 0);
  BOOST_TEST(accepted(budget.spend()));
  BOOST_TEST(asked == 1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace seal_budget_test
