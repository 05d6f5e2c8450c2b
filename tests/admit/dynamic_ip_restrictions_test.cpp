#include <keywarden/admit/dynamic_ip_restrictions.hpp>

#include <atomic>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "support/refusals.hpp"

namespace dynamic_ip_restrictions_test {

namespace ka = keywarden::admit;
using namespace std::chrono_literals;
using ka::address;
using ka::deny_action;
using ka::dynamic_ip_restrictions;
using ka::instant;
using ka::network;
using keywarden::errc;
using keywarden::fact;
using keywarden::testing::accepted;
using keywarden::testing::refused_as;
using settings = ka::dynamic_ip_settings;

constexpr instant start{1h};
constexpr address here("192.0.2.1");
constexpr address elsewhere("198.51.100.1");

settings both(std::uint32_t at_a_time, std::uint32_t in_a_second) {
  settings made;
  made.deny_by_concurrent_requests = true;
  made.max_concurrent_requests = at_a_time;
  made.max_requests = in_a_second;
  made.request_interval = 1s;
  return made;
}

// How many of so many requests are served, each over before the next.
int served(const dynamic_ip_restrictions& rule, const address& from, instant now, int tries) {
  int count = 0;
  for (int i = 0; i < tries; ++i) count += rule.admit({from}, now) ? 1 : 0;
  return count;
}

BOOST_AUTO_TEST_SUITE(admit)
BOOST_AUTO_TEST_SUITE(dynamic)

BOOST_AUTO_TEST_CASE(the_split_merge_defaults_serve_a_hundred_in_two_seconds_and_any_at_a_time) {
  const auto rule = dynamic_ip_restrictions::make(settings::split_merge_defaults()).value();
  std::vector<dynamic_ip_restrictions::permit> held;
  for (int i = 0; i < 100; ++i) held.push_back(rule.admit({here}, start).value());
  const auto next = rule.admit({here}, start + 2s - 1ns);
  BOOST_REQUIRE(refused_as(errc::admission_refused, next));
  BOOST_TEST(next.error().value_of(fact::state) == "502");
  BOOST_TEST(next.error().value_of(fact::limit) == "100");
  BOOST_TEST(accepted(rule.admit({here}, start + 2s)));
  BOOST_TEST(rule.deny_action().aborts());
}

BOOST_AUTO_TEST_CASE(the_iis_defaults_limit_nothing_until_they_are_turned_on) {
  auto wanted = settings::iis_defaults();
  const auto rule = dynamic_ip_restrictions::make(wanted).value();
  BOOST_TEST(served(rule, here, start, 1'000) == 1'000);
  BOOST_TEST((rule.deny_action() == ka::deny_status::forbidden));
  BOOST_TEST(rule.blocked(start).empty());
  BOOST_TEST(!rule.unblock(here));

  wanted.deny_by_request_rate = wanted.deny_by_concurrent_requests = true;
  BOOST_TEST(accepted(rule.reload(wanted)));
  std::vector<dynamic_ip_restrictions::permit> held;
  for (int i = 0; i < 5; ++i) held.push_back(rule.admit({here}, start).value());
  const auto sixth = rule.admit({here}, start);
  BOOST_REQUIRE(refused_as(errc::admission_refused, sixth));
  BOOST_TEST(sixth.error().value_of(fact::state) == "501");
  held.clear();
  BOOST_TEST(served(rule, here, start + 199ms, 30) == 15);
  BOOST_TEST(served(rule, here, start + 200ms, 30) == 20);
}

BOOST_AUTO_TEST_CASE(settings_that_would_refuse_everybody_are_refused_and_change_nothing) {
  const auto rule = dynamic_ip_restrictions::make(both(2, 3)).value();
  std::vector<std::pair<std::string_view, settings>> wrong(7, {"", both(2, 3)});
  wrong[0].first = "max_concurrent_requests";
  wrong[0].second.max_concurrent_requests = 0;
  wrong[1].first = "max_requests";
  wrong[1].second.max_requests = 0;
  wrong[2].first = "request_interval";
  wrong[2].second.request_interval = 0ms;
  wrong[3].first = "request_interval";
  wrong[3].second.request_interval = -1ms;
  wrong[4].first = "logging_only";
  wrong[4].second.logging_only = true;
  wrong[5].first = "hosts";
  wrong[5].second.hosts = 0;
  wrong[6].first = "hosts";
  wrong[6].second.hosts = dynamic_ip_restrictions::max_hosts + 1;
  for (const auto& [name, each] : wrong) {
    const auto refusal = rule.reload(each);
    BOOST_REQUIRE(refused_as(errc::invalid_argument, refusal));
    BOOST_TEST(refusal.error().value_of(fact::name) == name);
    BOOST_TEST(refused_as(errc::invalid_argument, dynamic_ip_restrictions::make(each)));
  }
  BOOST_TEST((rule.settings() == both(2, 3)));
  BOOST_TEST(served(rule, here, start, 9) == 3);
}

BOOST_AUTO_TEST_CASE(a_request_that_the_rate_refuses_takes_no_place_among_the_concurrent) {
  const auto rule = dynamic_ip_restrictions::make(both(5, 1)).value();
  const auto held = rule.admit({here}, start).value();
  for (int i = 0; i < 9; ++i)
    BOOST_TEST(rule.admit({here}, start).error().value_of(fact::state) == "502");
  std::vector<dynamic_ip_restrictions::permit> more;
  for (int i = 1; i < 5; ++i) more.push_back(rule.admit({here}, start + i * 1s).value());
  BOOST_TEST(rule.admit({here}, start + 9s).error().value_of(fact::state) == "501");
}

BOOST_AUTO_TEST_CASE(a_reload_keeps_the_counts_of_limits_that_did_not_change) {
  const auto rule = dynamic_ip_restrictions::make(both(1, 3)).value();
  const auto held = rule.admit({here}, start).value();
  BOOST_TEST(served(rule, elsewhere, start, 9) == 3);

  auto wanted = both(1, 3);
  wanted.deny_action = ka::deny_status::not_found;
  wanted.exempt = {network("203.0.113.0/24")};
  BOOST_TEST(accepted(rule.reload(wanted)));
  BOOST_TEST(rule.admit({here}, start).error().value_of(fact::state) == "501");
  BOOST_TEST(served(rule, elsewhere, start, 9) == 0);

  wanted.max_requests = 4;
  BOOST_TEST(accepted(rule.reload(wanted)));
  BOOST_TEST(rule.admit({here}, start).error().value_of(fact::state) == "501");
  BOOST_TEST(served(rule, elsewhere, start, 9) == 4);

  wanted.max_concurrent_requests = 2;
  BOOST_TEST(accepted(rule.reload(wanted)));
  BOOST_TEST(served(rule, here, start, 9) == 4);
  BOOST_TEST(served(rule, elsewhere, start, 9) == 0);
}

BOOST_AUTO_TEST_CASE(leases_from_before_a_reload_are_given_back_where_they_were_taken) {
  const auto rule = dynamic_ip_restrictions::make(both(1, 100)).value();
  std::optional held(rule.admit({here}, start).value());
  auto wanted = both(1, 100);
  wanted.deny_by_concurrent_requests = false;
  BOOST_TEST(accepted(rule.reload(wanted)));
  BOOST_TEST(accepted(rule.admit({here}, start)));
  BOOST_TEST(accepted(rule.reload(both(1, 100))));
  const auto again = rule.admit({here}, start).value();
  held.reset();  // the old place, not the new one
  BOOST_TEST(refused_as(errc::admission_refused, rule.admit({here}, start)));
}

BOOST_AUTO_TEST_CASE(copies_are_reloaded_together) {
  const auto rule = dynamic_ip_restrictions::make(both(1, 3)).value();
  const auto copy = rule;  // NOLINT(performance-unnecessary-copy-initialization): the point
  BOOST_TEST(accepted(copy.reload(both(1, 1))));
  BOOST_TEST(served(rule, here, start, 9) == 1);
}

BOOST_AUTO_TEST_CASE(exempt_networks_are_served_regardless_of_the_rest) {
  auto wanted = both(1, 1);
  wanted.exempt = {network("192.0.2.0/24")};
  wanted.proxies = {network("10.0.0.0/8")};
  const auto rule = dynamic_ip_restrictions::make(wanted).value();
  const std::vector<std::string_view> through{"198.51.100.1, 192.0.2.1"};
  const std::vector<std::string_view> spoofed{"192.0.2.1, 198.51.100.1"};
  BOOST_TEST(served(rule, here, start, 50) == 50);
  for (int i = 0; i < 5; ++i)
    BOOST_TEST(accepted(rule.admit({address("10.0.0.1"), through}, start)));
  BOOST_TEST(accepted(rule.admit({address("10.0.0.1"), spoofed}, start)));
  const auto second = rule.admit({address("10.0.0.1"), spoofed}, start);
  BOOST_REQUIRE(refused_as(errc::admission_refused, second));
  BOOST_TEST(second.error().value_of(fact::peer) == "198.51.100.1");
}

BOOST_AUTO_TEST_CASE(the_logging_only_mode_tells_and_refuses_nothing) {
  std::vector<std::string> told;
  auto wanted = both(9, 2);
  wanted.logging_only = true;
  const auto rule = dynamic_ip_restrictions::make(wanted, [&](const keywarden::error& refusal) {
                      told.emplace_back(refusal.value_of(fact::state));
                    }).value();
  BOOST_TEST(served(rule, here, start, 5) == 5);
  BOOST_TEST(told == std::vector<std::string>(3, "502"), boost::test_tools::per_element());
  BOOST_TEST(accepted(rule.reload(both(9, 2))));
  BOOST_TEST(served(rule, here, start, 5) == 0);
  BOOST_TEST(told.size() == 3U);
}

BOOST_AUTO_TEST_CASE(blocked_hosts_of_both_limits_are_listed_and_the_rate_s_can_be_unblocked) {
  const auto rule = dynamic_ip_restrictions::make(both(1, 2)).value();
  const auto held = rule.admit({here}, start).value();
  BOOST_TEST(refused_as(errc::admission_refused, rule.admit({here}, start)));
  BOOST_TEST(served(rule, elsewhere, start, 3) == 2);
  const auto listed = rule.blocked(start);
  BOOST_REQUIRE(listed.size() == 2U);
  BOOST_TEST(
      (listed[0] == ka::blocked_host{elsewhere, start, start + 1s, ka::sub_status::request_rate}));
  BOOST_TEST((listed[1] ==
              ka::blocked_host{here, start, std::nullopt, ka::sub_status::concurrent_requests}));
  BOOST_TEST(rule.blocked(start, 1).size() == 1U);
  BOOST_TEST(rule.unblock(elsewhere));
  BOOST_TEST(served(rule, elsewhere, start, 3) == 2);
  BOOST_TEST(refused_as(errc::admission_refused, rule.admit({here}, start)));
}

BOOST_AUTO_TEST_CASE(reloading_under_load_never_serves_more_than_the_limit_at_a_time) {
  const auto rule = dynamic_ip_restrictions::make(both(2, 1'000'000)).value();
  std::atomic<bool> stop = false;
  std::atomic<int> failed = 0;
  std::jthread reloading([&] {
    for (int i = 0; !stop; ++i) {
      auto wanted = both(2, 1'000'000);
      wanted.deny_action = i % 2 == 0 ? deny_action::abort() : ka::deny_status::forbidden;
      if (!rule.reload(std::move(wanted))) ++failed;
    }
  });
  for (int i = 0; i < 2'000; ++i) {
    const auto first = rule.admit({here}, start);
    const auto second = rule.admit({here}, start);
    if (!first || !second || rule.admit({here}, start)) BOOST_FAIL("not two at a time");
  }
  stop = true;
  reloading.join();
  BOOST_TEST(failed == 0);
}

BOOST_AUTO_TEST_CASE(only_the_documented_names_of_deny_actions_are_read) {
  for (const std::string_view name : {"AbortRequest", "Unauthorized", "Forbidden", "NotFound"}) {
    const auto read = deny_action::parse(name);
    BOOST_REQUIRE(accepted(read));
    BOOST_TEST(read->name() == name);
    BOOST_TEST((deny_action::of(read->number()) == *read));
  }
  for (const std::string_view name : {"", "abortrequest", "ABORTREQUEST", " AbortRequest",
                                      "Forbidden ", "Abort", "Not Found", "0", "403", "429"})
    BOOST_TEST(refused_as(errc::malformed, deny_action::parse(name)));
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE_END()

}  // namespace dynamic_ip_restrictions_test
