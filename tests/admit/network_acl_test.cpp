#include <keywarden/admit/network_acl.hpp>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "support/refusals.hpp"

namespace ka = keywarden::admit;
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

namespace {

bool admits(const network_acl& acl, const address& from) {
  const auto answer = acl.admit(from, {});
  if (!answer) BOOST_TEST(refused_as(errc::admission_refused, answer));
  return answer.has_value();
}

std::string reason(const network_acl& acl, const address& from) {
  return std::string(acl.admit(from, {}).error().value_of(fact::reason));
}

}  // namespace

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

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE_END()
