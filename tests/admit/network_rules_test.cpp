// Rules as data and as text: how they are read, ordered, described; what their last word is.
#include <keywarden/admit/network_rules.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <keywarden/admit/network_text.hpp>

#include "support/refusals.hpp"

namespace network_rules_test {

namespace data = boost::unit_test::data;
namespace ka = keywarden::admit;
using ka::action;
using ka::address;
using ka::deny;
using ka::network;
using ka::network_rule;
using ka::ordered_rule;
using ka::ordered_rules;
using ka::otherwise;
using ka::permit;
using keywarden::errc;
using keywarden::fact;
using keywarden::testing::accepted;
using keywarden::testing::refused_as;

struct wrong_text {
  std::string text;
  std::string_view reason;
  errc code = errc::malformed;
  std::string_view limit = {};
};
std::ostream& operator<<(std::ostream& out, const wrong_text& each) {
  return out << '"' << each.text << '"';
}

template <class T>
void check_refusal(const wrong_text& expected, const keywarden::result<T>& outcome,
                   std::string_view kind) {
  BOOST_REQUIRE(refused_as(expected.code, outcome));
  BOOST_TEST(outcome.error().value_of(fact::kind) == kind);
  BOOST_TEST(outcome.error().value_of(fact::reason) == expected.reason);
  BOOST_TEST(outcome.error().value_of(fact::limit) == expected.limit);
}

ordered_rule rule(std::uint32_t order, network_rule what, std::string description = {}) {
  return {order, what.action, what.from, std::move(description)};
}

std::vector<ordered_rule> many(std::uint32_t count) {
  std::vector<ordered_rule> made;
  for (std::uint32_t i = 0; i < count; ++i)
    made.push_back(rule(i, permit(*network::around(address::v4({10, 0, 0, 0}), i % 33))));
  return made;
}

const std::vector<wrong_text> orders{
    {"", "it is blank"},
    {"  ", "it is blank"},
    {"one", "it is no number"},
    {"-1", "it is no number"},
    {"+1", "it is no number"},
    {"1 ", "it is no number"},
    {"1.5", "it is no number"},
    {"0x10", "it is no number"},
    {"\xE2\x80\x8E"
     "1",
     "it is no number"},
    {"010", "it begins with a zero"},
    {"4294967296", "", errc::limit_exceeded, "4294967295"},
    {std::string(400, '9'), "", errc::limit_exceeded, "4294967295"},
};

const std::vector<wrong_text> actions{
    {"", "it is blank"},     {"\t", "it is blank"},     {"Permit", "it is none"},
    {"allow", "it is none"}, {"permit ", "it is none"}, {"deny,permit", "it is none"},
};

const std::vector<wrong_text> subnets{
    {"", "it is blank"},
    {" \r\n", "it is blank"},
    {"10.0.0.0", "it has no prefix length"},
    {"100.100.0/16", "there is no address before the slash"},
    {"/16", "there is no address before the slash"},
    {" 10.0.0.0/8", "there is no address before the slash"},
    {"10.0.0.0/", "there is no prefix length after the slash"},
    {"10.0.0.0/08", "there is no prefix length after the slash"},
    {"10.0.0.0/255.0.0.0", "there is no prefix length after the slash"},
    {"10.0.0.0/33", "the prefix is longer than the address", errc::malformed, "32"},
    {"::/129", "the prefix is longer than the address", errc::malformed, "128"},
    {"::ffff:10.0.0.0/129", "the prefix is longer than the address", errc::malformed, "128"},
    {"::ffff:10.0.0.0/8", "the prefix of a mapped address has 96 bits at least"},
};

BOOST_AUTO_TEST_SUITE(admit)
BOOST_AUTO_TEST_SUITE(network_rules)

BOOST_DATA_TEST_CASE(what_is_no_order_is_refused_and_named, data::make(orders), each) {
  check_refusal(each, ordered_rule::parse({each.text, "permit", "10.0.0.0/8"}), "order");
}

BOOST_DATA_TEST_CASE(what_is_no_action_is_refused_and_named, data::make(actions), each) {
  check_refusal(each, ordered_rule::parse({"1", each.text, "10.0.0.0/8"}), "action");
}

BOOST_DATA_TEST_CASE(what_is_no_network_is_refused_and_named, data::make(subnets), each) {
  check_refusal(each, ordered_rule::parse({"1", "deny", each.text}), "network");
  check_refusal(each, network::parse(each.text), "network");
}

BOOST_AUTO_TEST_CASE(a_rule_is_read_from_its_four_attributes) {
  const auto read = ordered_rule::parse({.order = "4294967295",
                                         .action = "permit",
                                         .subnet = "100.100.0.0/16",
                                         .description = "only this range"});
  BOOST_REQUIRE(accepted(read));
  BOOST_TEST((*read == rule(4294967295, permit(network("100.100.0.0/16")), "only this range")));
  BOOST_TEST((ordered_rule::parse({"0", "deny", "2001:db8::/32"}).value() ==
              rule(0, deny(network("2001:db8::/32")))));
}

BOOST_AUTO_TEST_CASE(host_bits_are_cleared_in_a_rule_and_refused_elsewhere) {
  const std::vector<std::pair<std::string_view, std::string_view>> all{
      {"175.1.0.1/24", "175.1.0.0/24"},
      {"255.255.255.255/0", "0.0.0.0/0"},
      {"10.0.0.3/31", "10.0.0.2/31"},
      {"2001:db8::1/32", "2001:db8::/32"},
      {"ffff::/0", "::/0"},
      {"::ffff:10.1.2.3/104", "10.0.0.0/8"}};
  for (const auto& [text, masked] : all) {
    BOOST_TEST(ordered_rule::parse({"1", "deny", text}).value().from.text() == masked);
    BOOST_TEST(refused_as(errc::invalid_argument, network::parse(text)));
  }
  BOOST_TEST(network::parse_masked("10.0.0.3/32").value().text() == "10.0.0.3/32");
}

BOOST_AUTO_TEST_CASE(a_network_has_a_first_and_a_last_address_and_stops_there) {
  for (const auto& inside : {address("203.0.113.77"), address("2001:db8:1:2:3:4:5:6")}) {
    const unsigned width = inside.is_v4() ? 32 : 128;
    for (unsigned bits = 0; bits <= width; ++bits) {
      const auto net = *network::around(inside, bits);
      BOOST_REQUIRE(net.contains(net.base()));
      BOOST_REQUIRE(net.contains(net.last()));
      BOOST_REQUIRE(net.contains(*network::around(net.last(), width)));
      auto first = net.base().bytes();
      auto last = net.last().bytes();
      for (unsigned at = 128 - width; at < 128; ++at) {
        const auto mask = 0x80U >> at % 8;
        const bool kept = at < bits + (128 - width);
        BOOST_REQUIRE(((first[at / 8] ^ inside.bytes()[at / 8]) & (kept ? mask : 0)) == 0);
        BOOST_REQUIRE(((last[at / 8] ^ inside.bytes()[at / 8]) & (kept ? mask : 0)) == 0);
        if (kept) continue;
        BOOST_REQUIRE((first[at / 8] & mask) == 0);
        BOOST_REQUIRE((last[at / 8] & mask) != 0);
      }
      // One bit less is twice as wide: exactly one of the two halves.
      if (bits == 0) continue;
      const auto wider = *network::around(inside, bits - 1);
      BOOST_REQUIRE(wider.contains(net));
      BOOST_REQUIRE(!net.contains(wider));
      BOOST_REQUIRE(net.contains(wider.base()) != net.contains(wider.last()));
    }
  }
  BOOST_TEST(!network("::/0").contains(network("10.0.0.0/8")));
  BOOST_TEST(!network("0.0.0.0/0").contains(network("::/128")));
}

BOOST_AUTO_TEST_CASE(the_lowest_order_comes_first_wherever_it_is_written) {
  const auto made = ordered_rules::of(
      {rule(200, permit(network("175.0.0.0/8")), "all"), rule(100, deny(network("175.1.0.0/24")))});
  BOOST_REQUIRE(accepted(made));
  BOOST_TEST((made->rules() ==
              std::vector{deny(network("175.1.0.0/24")), permit(network("175.0.0.0/8"))}));
  BOOST_TEST((made->labels() == std::vector<ordered_rules::label>{{100, ""}, {200, "all"}}));
}

BOOST_AUTO_TEST_CASE(an_order_is_given_once) {
  const auto made = ordered_rules::of({rule(7, permit(network("10.0.0.0/8"))),
                                       rule(1, deny(network("11.0.0.0/8"))),
                                       rule(7, permit(network("12.0.0.0/8")))});
  BOOST_REQUIRE(refused_as(errc::invalid_argument, made));
  BOOST_TEST(made.error().value_of(fact::reason) == "two rules have the order 7");
  // Even when both say the same.
  const auto same = rule(1, permit(network("10.0.0.0/8")));
  BOOST_TEST(refused_as(errc::invalid_argument, ordered_rules::of({same, same})));
}

BOOST_AUTO_TEST_CASE(fifty_rules_make_a_list_and_one_more_is_refused) {
  BOOST_TEST(ordered_rules::of(many(50)).value().rules().size() == 50U);
  const auto made = ordered_rules::of(many(51));
  BOOST_REQUIRE(refused_as(errc::limit_exceeded, made));
  BOOST_TEST(made.error().value_of(fact::limit) == "50");
  BOOST_TEST(made.error().value_of(fact::actual) == "51");
  BOOST_TEST(accepted(ordered_rules::of(many(10'000), 10'000)));
  BOOST_TEST(refused_as(errc::limit_exceeded, ordered_rules::of(many(1), 0)));
}

BOOST_AUTO_TEST_CASE(the_implicit_rule_follows_from_what_is_in_the_list) {
  const auto in = permit(network("10.0.0.0/8"));
  const auto out = deny(network("11.0.0.0/8"));
  using list = std::vector<network_rule>;
  BOOST_TEST((implicit_rule_of(list{}) == otherwise::deny));
  BOOST_TEST((implicit_rule_of(list{in}) == otherwise::deny));
  BOOST_TEST((implicit_rule_of(list{in, in}) == otherwise::deny));
  BOOST_TEST((implicit_rule_of(list{out}) == otherwise::permit));
  BOOST_TEST((implicit_rule_of(list{out, out}) == otherwise::permit));
  BOOST_TEST((implicit_rule_of(list{out, in}) == otherwise::deny));
  BOOST_TEST((implicit_rule_of(list{in, out}) == otherwise::deny));
}

BOOST_AUTO_TEST_CASE(a_list_without_rules_permits_nobody_whatever_its_last_word) {
  BOOST_TEST((ka::rule_set({}, otherwise::permit).last() == otherwise::deny));
  BOOST_TEST((ka::rule_set(ordered_rules::of({}).value()).last() == otherwise::deny));
}

BOOST_AUTO_TEST_CASE(a_description_has_a_line_for_each_rule_and_one_for_the_rest) {
  const auto mixed =
      ordered_rules::of({rule(200, permit(network("175.0.0.0/8")), "the rest of 175"),
                         rule(100, deny(network("175.1.0.0/24")))});
  BOOST_TEST(describe(*mixed) ==
             "100 deny 175.1.0.0/24\n"
             "200 permit 175.0.0.0/8: the rest of 175\n"
             "otherwise: deny (implicit, since there are both permits and denials)\n");
  BOOST_TEST(describe(std::vector{permit(network("10.0.0.0/8")), permit(network("::1/128"))}) ==
             "1 permit 10.0.0.0/8\n2 permit ::1/128\n"
             "otherwise: deny (implicit, since there are only permits)\n");
  BOOST_TEST(describe(std::vector{deny(network("10.0.0.0/8")), deny(network("::1/128"))}) ==
             "1 deny 10.0.0.0/8\n2 deny ::1/128\n"
             "otherwise: permit (implicit, since there are only denials)\n");
  BOOST_TEST(describe(std::vector{deny(network("0.0.0.0/0"))}) ==
             "1 deny 0.0.0.0/0\n"
             "otherwise: permit (implicit, since there are only denials; no rule is about IPv6)\n");
  const std::vector said{deny(network("10.0.0.0/8"))};
  BOOST_TEST(ka::describe({said, otherwise::deny}) == "1 deny 10.0.0.0/8\notherwise: deny\n");
  BOOST_TEST(describe(ordered_rules::of({}).value()) ==
             "otherwise: deny (a list without rules permits nobody)\n");
}

BOOST_AUTO_TEST_CASE(a_description_writes_no_lines_of_its_own) {
  const auto rules =
      ordered_rules::of({rule(1, permit(network("10.0.0.0/8")), "in\n2 permit 0.0.0.0/0\x1b[2J")});
  BOOST_TEST(describe(*rules).starts_with(
      "1 permit 10.0.0.0/8: in\\x0a2 permit 0.0.0.0/0\\x1b[2J\notherwise: deny"));
}

BOOST_AUTO_TEST_CASE(a_literal_is_the_rules_it_says) {
  constexpr auto rules = ka::acl<"permit 100.100.0.0/16;\n deny 0.0.0.0/0; ;deny ::/0;">;
  BOOST_TEST((std::vector(rules.begin(), rules.end()) ==
              std::vector{permit(network("100.100.0.0/16")), deny(network("0.0.0.0/0")),
                          deny(network("::/0"))}));
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE_END()

}  // namespace network_rules_test
