#include <keywarden/admit/network_acl.hpp>

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "support/refusals.hpp"

namespace network_acl_test {

namespace ka = keywarden::admit;
using ka::action;
using ka::address;
using ka::deny;
using ka::network;
using ka::network_acl;
using ka::otherwise;
using ka::permit;
using keywarden::errc;
using keywarden::fact;
using keywarden::testing::accepted;
using keywarden::testing::refused_as;

bool admits(const network_acl& acl, const address& from) {
  const auto answer = acl.admit(from, {});
  if (!answer) BOOST_TEST(refused_as(errc::admission_refused, answer));
  return answer.has_value();
}

std::string reason(const network_acl& acl, const address& from) {
  return std::string(acl.admit(from, {}).error().value_of(fact::reason));
}

network_acl ordered(std::vector<ka::ordered_rule> rules) {
  return network_acl(ka::ordered_rules::of(std::move(rules)).value());
}

BOOST_AUTO_TEST_SUITE(admit)
BOOST_AUTO_TEST_SUITE(acl)

BOOST_AUTO_TEST_CASE(an_empty_list_refuses_everybody) {
  for (const auto& acl :
       {network_acl(), network_acl({}, otherwise::deny), network_acl({}, otherwise::permit)})
    for (const auto& from : {address("127.0.0.1"), address("::1"), address("192.0.2.1")}) {
      BOOST_TEST(!admits(acl, from));
      BOOST_TEST(reason(acl, from) == "the list is empty");
    }
}

BOOST_AUTO_TEST_CASE(only_a_range_is_permitted_as_the_split_merge_example_has_it) {
  const network_acl acl({permit(network("100.100.0.0/16")), deny(network("0.0.0.0/0"))});
  BOOST_TEST(admits(acl, address("100.100.0.0")));
  BOOST_TEST(admits(acl, address("100.100.255.255")));
  BOOST_TEST(!admits(acl, address("100.99.255.255")));
  BOOST_TEST(!admits(acl, address("100.101.0.0")));
  BOOST_TEST(reason(acl, address("100.101.0.0")) == "rule 2 denies 0.0.0.0/0");
  BOOST_TEST(!admits(acl, address("2001:db8::1")));
  BOOST_TEST(reason(acl, address("2001:db8::1")) == "no rule permits it");
}

BOOST_AUTO_TEST_CASE(the_first_match_decides) {
  const network_acl hole({deny(network("175.1.0.0/24")), permit(network("175.0.0.0/8"))});
  BOOST_TEST(!admits(hole, address("175.1.0.9")));
  BOOST_TEST(admits(hole, address("175.1.1.0")));
  const network_acl other_order({permit(network("175.0.0.0/8")), deny(network("175.1.0.0/24"))});
  BOOST_TEST(admits(other_order, address("175.1.0.9")));
}

BOOST_AUTO_TEST_CASE(who_is_not_mentioned_is_refused_unless_the_last_word_permits) {
  const std::vector rules{deny(network("192.0.2.0/24"))};
  BOOST_TEST(!admits(network_acl(rules), address("198.51.100.1")));
  const network_acl permitting(rules, otherwise::permit);
  BOOST_TEST(admits(permitting, address("198.51.100.1")));
  BOOST_TEST(admits(permitting, address("2001:db8::1")));
  BOOST_TEST(!admits(permitting, address("192.0.2.1")));
}

BOOST_AUTO_TEST_CASE(one_address_can_be_permitted_or_denied) {
  const network_acl acl({deny(network("192.0.2.7/32")), permit(network("192.0.2.6/31")),
                         permit(network("2001:db8::5/128"))});
  BOOST_TEST(admits(acl, address("192.0.2.6")));
  BOOST_TEST(!admits(acl, address("192.0.2.7")));
  BOOST_TEST(admits(acl, address("2001:db8::5")));
  BOOST_TEST(!admits(acl, address("2001:db8::4")));
}

BOOST_AUTO_TEST_CASE(a_rule_for_ipv6_says_nothing_about_ipv4) {
  const network_acl acl({permit(network("::/0"))});
  BOOST_TEST(admits(acl, address("2001:db8::1")));
  BOOST_TEST(!admits(acl, address("192.0.2.1")));
  BOOST_TEST(!admits(acl, address("::ffff:192.0.2.1")));
}

BOOST_AUTO_TEST_CASE(a_refusal_says_what_to_do) {
  const network_acl acl({deny(network("192.0.2.0/24"))});
  BOOST_TEST(!acl.admit(address("192.0.2.1"), {}).error().value_of(fact::next_step).empty());
}

BOOST_AUTO_TEST_CASE(a_reload_replaces_rules_and_last_word_for_every_copy) {
  const network_acl administrator({permit(network("192.0.2.0/24"))}, otherwise::permit);
  const network_acl endpoint(administrator);
  administrator.reload({permit(network("198.51.100.0/24"))});
  BOOST_TEST(!admits(endpoint, address("192.0.2.1")));
  BOOST_TEST(admits(endpoint, address("198.51.100.1")));
  BOOST_TEST(!admits(endpoint, address("203.0.113.1")));
  BOOST_TEST((endpoint.rules() == std::vector{permit(network("198.51.100.0/24"))}));
  administrator.reload({});
  BOOST_TEST(!admits(endpoint, address("198.51.100.1")));
}

BOOST_AUTO_TEST_CASE(assignment_makes_two_lists_one) {
  const network_acl source({permit(network("192.0.2.0/24"))});
  network_acl target;
  BOOST_TEST(!admits(target, address("192.0.2.1")));
  target = source;
  BOOST_TEST(admits(target, address("192.0.2.1")));
  source.reload({});
  BOOST_TEST(!admits(target, address("192.0.2.1")));
}

BOOST_AUTO_TEST_CASE(each_connection_is_judged_by_one_whole_list_while_lists_change) {
  const std::vector one{permit(network("198.51.100.0/24")), deny(network("192.0.2.0/24"))};
  const std::vector other{deny(network("192.0.0.0/16")), permit(network("192.0.2.0/24")),
                          permit(network("0.0.0.0/0"))};
  const network_acl acl(one);
  std::atomic<int> mixed = 0;
  {
    std::atomic<bool> stop = false;
    std::vector<std::jthread> judges;
    for (int i = 0; i < 7; ++i)
      judges.emplace_back([&] {
        while (!stop) {
          const auto answer = acl.admit(address("192.0.2.1"), {});
          const auto why = answer ? std::string() : answer.error().message();
          if (why.find("rule 2 denies 192.0.2.0/24") == std::string::npos &&
              why.find("rule 1 denies 192.0.0.0/16") == std::string::npos)
            ++mixed;
          if (!acl.admit(address("198.51.100.1"), {})) ++mixed;
        }
      });
    for (int i = 0; i < 2000; ++i) acl.reload(i % 2 == 0 ? other : one);
    stop = true;
  }
  BOOST_TEST(mixed == 0);
}

BOOST_AUTO_TEST_CASE(a_refusal_names_the_rule_by_its_order_network_and_description) {
  const auto acl = ordered({{200, action::permit, network("175.0.0.0/8"), "all the rest"},
                            {100, action::deny, network("175.1.0.0/24"), "the guests"},
                            {300, action::deny, network("2001:db8::/32"), ""}});
  BOOST_TEST(!admits(acl, address("175.1.0.9")));
  BOOST_TEST(reason(acl, address("175.1.0.9")) == "rule 100 denies 175.1.0.0/24: the guests");
  BOOST_TEST(reason(acl, address("2001:db8::1")) == "rule 300 denies 2001:db8::/32");
  BOOST_TEST(admits(acl, address("175.1.1.0")));
  // Both kinds of rules: what none matches is denied.
  BOOST_TEST(!admits(acl, address("176.0.0.1")));
  BOOST_TEST(reason(acl, address("176.0.0.1")) == "no rule permits it");
}

BOOST_AUTO_TEST_CASE(a_description_can_write_nothing_into_a_log) {
  const auto acl =
      ordered({{1, action::deny, network("10.0.0.0/8"), "guests\nadmitted: root\x1b["}});
  BOOST_TEST(reason(acl, address("10.0.0.1")) ==
             "rule 1 denies 10.0.0.0/8: guests\\x0aadmitted: root\\x1b[");
}

BOOST_AUTO_TEST_CASE(only_permits_deny_the_rest) {
  const auto acl = ordered({{1, action::permit, network("100.100.0.0/16"), ""}});
  BOOST_TEST(admits(acl, address("100.100.0.1")));
  BOOST_TEST(!admits(acl, address("100.101.0.1")));
  BOOST_TEST(!admits(acl, address("::1")));
}

BOOST_AUTO_TEST_CASE(only_denials_permit_the_rest) {
  const auto acl = ordered({{1, action::deny, network("192.0.2.0/24"), ""}});
  BOOST_TEST(!admits(acl, address("192.0.2.1")));
  BOOST_TEST(!admits(acl, address("::ffff:192.0.2.1")));
  BOOST_TEST(admits(acl, address("192.0.3.1")));
  BOOST_TEST(admits(acl, address("2001:db8::1")));
  // A program that decides the last word itself is not overruled.
  BOOST_TEST(!admits(network_acl(acl.rules()), address("192.0.3.1")));
}

BOOST_AUTO_TEST_CASE(an_ordered_list_without_rules_refuses_everybody) {
  const auto acl = ordered({});
  BOOST_TEST(!admits(acl, address("192.0.2.1")));
  BOOST_TEST(reason(acl, address("::1")) == "the list is empty");
}

BOOST_AUTO_TEST_CASE(a_reload_with_ordered_rules_brings_their_implicit_rule_along) {
  const network_acl acl({permit(network("192.0.2.0/24"))});
  acl.reload(ka::ordered_rules::of({{5, action::deny, network("192.0.2.0/24"), "closed"}}).value());
  BOOST_TEST(reason(acl, address("192.0.2.1")) == "rule 5 denies 192.0.2.0/24: closed");
  BOOST_TEST(admits(acl, address("198.51.100.1")));
  BOOST_TEST(acl.describe() ==
             "5 deny 192.0.2.0/24: closed\n"
             "otherwise: permit (implicit, since there are only denials; no rule is about IPv6)\n");
  acl.reload({deny(network("192.0.2.0/24"))});
  BOOST_TEST(!admits(acl, address("198.51.100.1")));
  BOOST_TEST(acl.describe() == "1 deny 192.0.2.0/24\notherwise: deny\n");
}

BOOST_AUTO_TEST_CASE(the_built_in_groups_admit_everybody_and_nobody) {
  for (const auto& from : {address("0.0.0.0"), address("255.255.255.255"), address("::"),
                           address("::ffff:192.0.2.1"), address("2001:db8::1")}) {
    BOOST_TEST(admits(ka::allow_all(), from));
    BOOST_TEST(!admits(ka::deny_all(), from));
    BOOST_TEST(admits(ka::built_in_acl("AllowAll").value(), from));
    BOOST_TEST(!admits(ka::built_in_acl("DenyAll").value(), from));
  }
  for (const auto* const unknown : {"", "Allowall", "DenyAll ", "Restricted"})
    BOOST_TEST(!ka::built_in_acl(unknown).has_value());
  // Each call makes a list of its own: shutting one shuts no other.
  ka::allow_all().reload({});
  BOOST_TEST(admits(ka::allow_all(), address("192.0.2.1")));
}

BOOST_AUTO_TEST_CASE(ten_thousand_rules_are_a_list_like_any_other) {
  std::vector<ka::network_rule> rules;
  for (unsigned i = 0; i < 10'000; ++i)
    rules.push_back({i % 2 == 0 ? action::deny : action::permit,
                     *network::of(address::v4({10, static_cast<std::uint8_t>(i >> 8U),
                                               static_cast<std::uint8_t>(i), 0}),
                                  24)});
  const network_acl acl(rules);
  BOOST_TEST(admits(acl, address("10.39.15.200")));
  BOOST_TEST(reason(acl, address("10.39.14.200")) == "rule 9999 denies 10.39.14.0/24");
  BOOST_TEST(!admits(acl, address("10.39.16.0")));
  BOOST_TEST((acl.rules() == rules));
}

BOOST_AUTO_TEST_CASE(a_literal_is_a_list_with_the_last_word_that_is_said) {
  constexpr auto rules = ka::acl<"deny 192.0.2.0/24">;
  BOOST_TEST(!admits(network_acl(rules), address("198.51.100.1")));
  BOOST_TEST(admits(network_acl(rules, otherwise::permit), address("198.51.100.1")));
  BOOST_TEST(!admits(network_acl(rules, otherwise::permit), address("192.0.2.1")));
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE_END()

}  // namespace network_acl_test
