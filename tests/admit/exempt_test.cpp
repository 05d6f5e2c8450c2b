#include <keywarden/admit/exempt.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <keywarden/admit/all_requests.hpp>
#include <keywarden/admit/concurrent_requests.hpp>
#include <keywarden/admit/dry_run.hpp>
#include <keywarden/admit/request_rate.hpp>
#include <keywarden/admit/trusted_proxies.hpp>

#include "support/refusals.hpp"

namespace exempt_test {

namespace ka = keywarden::admit;
using namespace std::chrono_literals;
using ka::address;
using ka::instant;
using ka::network;
using keywarden::errc;
using keywarden::fact;
using keywarden::testing::accepted;
using keywarden::testing::refused_as;
using rate = ka::request_rate<>;
using concurrent = ka::concurrent_requests<>;

constexpr instant start{1h};
constexpr address here("192.0.2.1");
constexpr address elsewhere("198.51.100.1");

BOOST_AUTO_TEST_SUITE(admit)
BOOST_AUTO_TEST_SUITE(exempt_and_dry)

BOOST_AUTO_TEST_CASE(an_exempt_network_is_served_and_every_other_judged) {
  const ka::exempt rule({network("192.0.2.0/24"), network("2001:db8::/32")}, rate({0, 1s}));
  for (int i = 0; i < 10; ++i) {
    BOOST_TEST(accepted(rule.admit({here}, start)));
    BOOST_TEST(accepted(rule.admit({address("::ffff:192.0.2.255")}, start)));
    BOOST_TEST(accepted(rule.admit({address("2001:db8:9::1")}, start)));
  }
  const auto other = rule.admit({elsewhere}, start);
  BOOST_REQUIRE(refused_as(errc::admission_refused, other));
  BOOST_TEST(other.error().value_of(fact::kind) == "request_rate");
}

BOOST_AUTO_TEST_CASE(what_an_exempt_network_asks_is_not_counted) {
  const concurrent counted({1});
  const ka::exempt rule({network("192.0.2.0/24")}, counted);
  const auto first = rule.admit({here}, start).value();
  const auto second = rule.admit({here}, start).value();
  BOOST_TEST(counted.open(here) == 0U);
  std::optional held(rule.admit({elsewhere}, start).value());
  BOOST_TEST(counted.open(elsewhere) == 1U);
  BOOST_TEST(refused_as(errc::admission_refused, rule.admit({elsewhere}, start)));
  held.reset();
  BOOST_TEST(counted.open(elsewhere) == 0U);
}

BOOST_AUTO_TEST_CASE(nobody_gets_exempt_by_writing_a_header) {
  const ka::trusted_proxies who({network("10.0.0.0/8")});
  const ka::exempt rule({network("192.0.2.0/24")}, ka::request_rate({0, 1s}, who), who);
  const std::vector<std::string_view> spoofed{"192.0.2.1, 198.51.100.1"};
  const std::vector<std::string_view> honest{"198.51.100.1, 192.0.2.1"};
  BOOST_TEST(
      refused_as(errc::admission_refused, rule.admit({address("10.0.0.1"), spoofed}, start)));
  BOOST_TEST(refused_as(errc::admission_refused, rule.admit({elsewhere, honest}, start)));
  BOOST_TEST(accepted(rule.admit({address("10.0.0.1"), honest}, start)));
}

BOOST_AUTO_TEST_CASE(exempting_nobody_changes_nothing) {
  const ka::exempt rule({}, rate({1, 1s}));
  BOOST_TEST(accepted(rule.admit({here}, start)));
  BOOST_TEST(refused_as(errc::admission_refused, rule.admit({here}, start)));
}

BOOST_AUTO_TEST_CASE(a_dry_run_tells_each_refusal_and_refuses_nothing) {
  std::vector<std::string> told;
  const ka::dry_run rule(rate({2, 1s}), [&](const keywarden::error& refusal) {
    BOOST_TEST((refusal == errc::admission_refused));
    told.emplace_back(refusal.value_of(fact::peer));
  });
  for (int i = 0; i < 5; ++i) BOOST_TEST(accepted(rule.admit({here}, start)));
  BOOST_TEST(accepted(rule.admit({elsewhere}, start)));
  BOOST_TEST(told == std::vector<std::string>(3, "192.0.2.1"), boost::test_tools::per_element());
  BOOST_TEST(rule.rule().blocked(start).size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_dry_run_counts_what_its_rule_admits_and_nothing_else) {
  const concurrent counted({1});
  const ka::dry_run rule(counted, nullptr);
  auto first = rule.admit({here}, start).value();
  const auto second = rule.admit({here}, start).value();
  BOOST_TEST(first.has_value());
  BOOST_TEST(!second.has_value());
  BOOST_TEST(counted.open(here) == 1U);
  first.reset();
  BOOST_TEST(counted.open(here) == 0U);
}

BOOST_AUTO_TEST_CASE(the_first_rule_that_refuses_is_the_one_that_answers) {
  const ka::all_requests rule(concurrent({1}), rate({1, 1s}));
  {
    const auto held = rule.admit({here}, start).value();
    const auto busy = rule.admit({here}, start);
    BOOST_REQUIRE(refused_as(errc::admission_refused, busy));
    BOOST_TEST(busy.error().value_of(fact::state) == "501");
  }
  const auto often = rule.admit({here}, start);
  BOOST_REQUIRE(refused_as(errc::admission_refused, often));
  BOOST_TEST(often.error().value_of(fact::state) == "502");
}

BOOST_AUTO_TEST_CASE(what_earlier_rules_leased_is_given_back_when_a_later_one_refuses) {
  const concurrent first({5});
  const concurrent second({5});
  const ka::all_requests rule(first, second, rate({1, 1s}));
  const auto held = rule.admit({here}, start).value();
  for (int i = 0; i < 10; ++i)
    BOOST_TEST(refused_as(errc::admission_refused, rule.admit({here}, start)));
  BOOST_TEST(first.open(here) == 1U);
  BOOST_TEST(second.open(here) == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE_END()

}  // namespace exempt_test
