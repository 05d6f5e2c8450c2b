// The compiled look-up against rules asked one after the other, and what lists mean against every
// address of a small world.
#include <keywarden/admit/network_analysis.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <keywarden/admit/network_lookup.hpp>
#include <keywarden/admit/network_text.hpp>

#include "support/refusals.hpp"

namespace network_analysis_test {

namespace ka = keywarden::admit;
using ka::action;
using ka::address;
using ka::deny;
using ka::family;
using ka::network;
using ka::network_lookup;
using ka::network_rule;
using ka::otherwise;
using ka::permit;
using ka::rule_set;
using keywarden::errc;
using keywarden::fact;
using keywarden::testing::accepted;
using keywarden::testing::refused_as;
using list = std::vector<network_rule>;
using places = std::vector<std::size_t>;

using generator = std::minstd_rand;

std::uint32_t below(generator& source, std::uint32_t limit) {
  return static_cast<std::uint32_t>(source() >> 8U) % limit;
}

// The definition: the first rule whose network holds the address.
std::optional<std::size_t> asked_one_by_one(std::span<const network_rule> rules,
                                            const address& from) {
  for (std::size_t i = 0; i < rules.size(); ++i)
    if (rules[i].from.contains(from)) return i;
  return std::nullopt;
}

action judged(const rule_set& all, const address& from) {
  if (const auto rule = asked_one_by_one(all.rules(), from)) return all.rules()[*rule].action;
  return all.last() == otherwise::permit ? action::permit : action::deny;
}

// Addresses near each other and near the ends, so that networks and addresses meet.
address any_address(generator& source) {
  if (below(source, 2) == 0) {
    static constexpr std::array<std::uint8_t, 5> likely{0, 10, 127, 128, 255};
    std::array<std::uint8_t, 4> octets{};
    for (auto& each : octets) each = likely[below(source, likely.size())];
    return address::v4(octets);
  }
  static constexpr std::array<std::uint8_t, 4> likely{0, 1, 0x80, 0xFF};
  std::array<std::uint8_t, 16> octets{};
  if (below(source, 2) == 0)
    for (auto& each : octets) each = likely[below(source, likely.size())];
  else  // around the mapped addresses
    for (std::size_t i = 9; i < 13; ++i) octets[i] = likely[below(source, likely.size())];
  return address::v6(octets);
}

network_rule any_rule(generator& source) {
  const auto inside = any_address(source);
  const auto bits = below(source, inside.is_v4() ? 33 : 129);
  return {below(source, 2) == 0 ? action::permit : action::deny, *network::around(inside, bits)};
}

list any_rules(generator& source, std::size_t count) {
  list made;
  while (made.size() < count) made.push_back(any_rule(source));
  return made;
}

// A small world: all addresses where a segment can begin, of the networks that it makes. IPv4: 32
// addresses; IPv6: blocks of 2^32 around the mapped addresses, which are none.
struct small_world {
  address v4(std::uint32_t last) const {
    return address::v4({192, 0, 2, static_cast<std::uint8_t>(last)});
  }
  address v6(std::uint32_t block) const {
    std::array<std::uint8_t, 16> octets{};
    for (std::size_t i = 0; i < 4; ++i)
      octets[8 + i] = static_cast<std::uint8_t>(block >> (24 - 8 * i));
    return address::v6(octets);
  }
  std::vector<address> all() const {
    std::vector<address> made{address("0.0.0.0")};
    for (std::uint32_t i = 0; i <= 32; ++i) made.push_back(v4(i));
    made.push_back(address("::"));
    for (std::uint32_t i = 0xFFF0; i <= 0x10010; ++i)
      if (i != 0xFFFF) made.push_back(v6(i));
    made.push_back(v6(0x20000));
    made.push_back(address("0:0:0:1::"));
    return made;
  }
  network_rule rule(generator& source) const {
    const auto what = below(source, 2) == 0 ? action::permit : action::deny;
    if (below(source, 2) == 0) {
      const auto bits = below(source, 7);
      return {what, *network::around(v4(below(source, 32)), bits == 0 ? 0 : 26 + bits)};
    }
    static constexpr std::array<unsigned, 8> bits{0, 64, 80, 92, 93, 94, 95, 96};
    const auto block = 0xFFF0 + below(source, 32);
    return {what, *network::around(v6(block == 0xFFFF ? 0xFFFE : block),
                                   bits[below(source, bits.size())])};
  }
  list rules(generator& source) const {
    list made(below(source, 9), permit(network("::/0")));
    for (auto& each : made) each = rule(source);
    return made;
  }
  rule_set any_set(generator& source, const list& rules) const {
    const auto word = below(source, 3);
    if (word == 0) return {rules, otherwise::deny};
    if (word == 1) return {rules, otherwise::permit};
    return rules;
  }
};

rule_set with_last_of(const rule_set& other, const list& rules) {
  return other.last_is_implicit() ? rule_set(rules) : rule_set(rules, other.last());
}

BOOST_AUTO_TEST_SUITE(admit)
BOOST_AUTO_TEST_SUITE(lookup)

BOOST_AUTO_TEST_CASE(two_hundred_thousand_look_ups_agree_with_asking_one_by_one) {
  generator source(20'250'101);
  int wrong = 0;
  int matched = 0;
  for (int i = 0; i < 2'000; ++i) {
    const auto rules = any_rules(source, below(source, 40));
    const network_lookup compiled(rules);
    for (int j = 0; j < 100; ++j) {
      auto from = any_address(source);
      if (!rules.empty() && j % 4 == 0) {
        const auto& edge = rules[below(source, static_cast<std::uint32_t>(rules.size()))].from;
        from = j % 8 == 0 ? edge.base() : edge.last();
      }
      const auto expected = asked_one_by_one(rules, from);
      matched += expected.has_value();
      wrong += compiled.rule_for(from) != expected;
    }
  }
  BOOST_TEST(wrong == 0);
  BOOST_TEST(matched > 100'000);  // neither all nor none, or the comparison says nothing
  BOOST_TEST(matched < 195'000);
}

BOOST_AUTO_TEST_CASE(every_prefix_length_begins_and_ends_where_it_says) {
  for (const auto& inside : {address("203.0.113.77"), address("2001:db8:1:2:3:4:5:6")}) {
    const unsigned width = inside.is_v4() ? 32 : 128;
    const auto everything = *network::around(inside, 0);
    for (unsigned bits = 0; bits <= width; ++bits) {
      const auto net = *network::around(inside, bits);
      const network_lookup compiled(list{permit(net)});
      BOOST_REQUIRE((compiled.rule_for(net.base()) == 0U));
      BOOST_REQUIRE((compiled.rule_for(net.last()) == 0U));
      if (net.base() != everything.base()) {
        auto before = net.base().bytes();
        for (auto i = before.size(); before[--i]-- == 0;) {
        }
        BOOST_REQUIRE((compiled.rule_for(address::v6(before)) == std::nullopt));
      }
      if (net.last() != everything.last()) {
        auto after = net.last().bytes();
        for (auto i = after.size(); ++after[--i] == 0;) {
        }
        BOOST_REQUIRE((compiled.rule_for(address::v6(after)) == std::nullopt));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(the_two_families_never_match_each_other) {
  const network_lookup v4(list{permit(network("0.0.0.0/0"))});
  const network_lookup v6(list{permit(network("::/0"))});
  for (const auto& one : {address("0.0.0.0"), address("255.255.255.255"),
                          address("::ffff:192.0.2.1"), address("::ffff:0:0")}) {
    BOOST_TEST((v4.rule_for(one) == 0U));
    BOOST_TEST((v6.rule_for(one) == std::nullopt));
  }
  for (const auto& one : {address("::"), address("::fffe:ffff:ffff"), address("0:0:0:0:1::"),
                          address("::192.0.2.1"), address("64:ff9b::192.0.2.1")}) {
    BOOST_TEST((v4.rule_for(one) == std::nullopt));
    BOOST_TEST((v6.rule_for(one) == 0U));
  }
  BOOST_TEST((network_lookup(list{permit(network::parse("::ffff:10.0.0.0/104").value())})
                  .rule_for(address("10.1.2.3")) == 0U));
}

BOOST_AUTO_TEST_CASE(ten_thousand_rules_cost_at_most_twice_what_ten_cost) {
  const auto apart = [](std::uint32_t count) {  // every second /32: as many segments as can be
    list made;
    for (std::uint32_t i = 0; i < count; ++i)
      made.push_back(permit(*network::of(
          address::v4({10, static_cast<std::uint8_t>(i >> 15U), static_cast<std::uint8_t>(i >> 7U),
                       static_cast<std::uint8_t>(i << 1U | 1U)}),
          32)));
    return network_lookup(made);
  };
  const auto ten = apart(10);
  const auto many = apart(10'000);
  BOOST_REQUIRE((many.rule_for(address("10.0.78.31")) == 9'999U));
  BOOST_REQUIRE((many.rule_for(address("10.0.78.30")) == std::nullopt));
  BOOST_REQUIRE(many.segments(family::ipv4).size() == 20'001U);
  std::size_t of_ten = 0;
  std::size_t of_many = 0;
  std::size_t most = 0;
  generator source(7);
  for (int i = 0; i < 10'000; ++i) {
    const auto from = address::v4({10, 0, static_cast<std::uint8_t>(below(source, 256)),
                                   static_cast<std::uint8_t>(below(source, 256))});
    of_ten += ten.steps_for(from);
    of_many += many.steps_for(from);
    most = std::max(most, many.steps_for(from));
  }
  BOOST_TEST(of_ten >= 10'000U * 2);
  BOOST_TEST(of_many <= 2 * of_ten);
  BOOST_TEST(most <= 4U);
}

BOOST_AUTO_TEST_CASE(memory_is_bounded_by_the_number_of_rules_however_they_overlap) {
  generator source(11);
  auto rules = any_rules(source, 10'000);
  for (unsigned bits = 0; bits <= 128; ++bits)
    rules.push_back(permit(*network::around(address("2001:db8::1"), 128 - bits)));
  for (int i = 0; i < 1'000; ++i) rules.push_back(deny(network("10.0.0.0/8")));
  const network_lookup compiled(rules);
  for (const auto which : {family::ipv4, family::ipv6}) {
    const auto count = std::ranges::count_if(
        rules, [&](const auto& each) { return family_of(each.from.base()) == which; });
    const auto segments = compiled.segments(which);
    BOOST_TEST(segments.size() <= static_cast<std::size_t>(2 * count + 1));
    BOOST_TEST(std::ranges::is_sorted(segments, {}, &network_lookup::segment::first));
  }
  int wrong = 0;
  for (int i = 0; i < 100; ++i) {
    const auto from = any_address(source);
    wrong += compiled.rule_for(from) != asked_one_by_one(rules, from);
    BOOST_REQUIRE(compiled.steps_for(from) <= 15U);
  }
  BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(without_rules_nothing_matches) {
  const network_lookup compiled(list{});
  BOOST_TEST((compiled.rule_for(address("0.0.0.0")) == std::nullopt));
  BOOST_TEST((compiled.rule_for(address("::")) == std::nullopt));
  BOOST_TEST(compiled.steps_for(address("::")) == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(analysis)

BOOST_AUTO_TEST_CASE(a_rule_behind_a_wider_one_never_decides) {
  const list rules{permit(network("10.0.0.0/8")), deny(network("10.1.0.0/16")),
                   permit(network("10.0.0.0/8"))};
  BOOST_TEST((shadowed(rules) == std::vector<ka::shadow>{{1, {0}}, {2, {0}}}));
  BOOST_TEST(describe(shadowed(rules)[0], rules) ==
             "rule 2 (deny 10.1.0.0/16) never decides: rule 1 matches all its addresses before");
  BOOST_TEST(!has_unreachable_rule(list{rules[1], rules[0]}));
}

BOOST_AUTO_TEST_CASE(several_rules_together_can_hide_one_that_none_hides_alone) {
  const list rules{permit(network("10.0.0.0/10")), deny(network("10.128.0.0/9")),
                   permit(network("10.64.0.0/16")), permit(network("10.64.0.0/10")),
                   deny(network("10.0.0.0/8"))};
  BOOST_TEST((shadowed(rules) == std::vector<ka::shadow>{{4, {0, 1, 3}}}));
  BOOST_TEST(describe(shadowed(rules)[0], rules) ==
             "rule 5 (deny 10.0.0.0/8) never decides: rules 1, 2, 4 together match all its "
             "addresses before");
  // A wider one that comes later has no part in it.
  auto longer = rules;
  longer.push_back(permit(network("0.0.0.0/0")));
  BOOST_TEST((shadowed(longer) == std::vector<ka::shadow>{{4, {0, 1, 3}}}));
  // With a quarter of it left it decides.
  auto nearly = rules;
  nearly[1] = deny(network("10.128.0.0/10"));
  BOOST_TEST(!has_unreachable_rule(nearly));
}

BOOST_AUTO_TEST_CASE(ipv4_rules_hide_no_ipv6_rule) {
  BOOST_TEST(!has_unreachable_rule(list{
      permit(network("0.0.0.0/0")),
      deny(network("::/0")),
  }));
  BOOST_TEST(!has_unreachable_rule(list{permit(network("::/0")), deny(network("10.0.0.0/8"))}));
}

BOOST_AUTO_TEST_CASE(a_rule_of_which_only_mapped_addresses_are_left_never_decides) {
  list rules;
  const auto spared = address("::ffff:0:0").bytes();  // what these two are apart by is IPv4
  for (unsigned bits = 81; bits <= 96; ++bits) {
    auto sibling = spared;
    sibling[(bits - 1) / 8] =
        static_cast<std::uint8_t>(sibling[(bits - 1) / 8] ^ (0x80U >> (bits - 1) % 8));
    rules.push_back(permit(*network::around(address::v6(sibling), bits)));
  }
  rules.push_back(deny(network("::/80")));
  const auto found = shadowed(rules);
  BOOST_REQUIRE(found.size() == 1U);
  BOOST_TEST(found[0].rule == 16U);
  BOOST_TEST(found[0].by.size() == 16U);
  rules.erase(rules.begin() + 3);
  BOOST_TEST(!has_unreachable_rule(rules));
}

BOOST_AUTO_TEST_CASE(a_rule_is_redundant_when_what_follows_says_the_same) {
  BOOST_TEST((redundant(list{permit(network("10.1.0.0/16")), permit(network("10.0.0.0/8"))}) ==
              places{0}));
  // Between them is another word.
  BOOST_TEST((redundant(list{permit(network("10.1.0.0/16")), deny(network("10.0.0.0/12")),
                             permit(network("10.0.0.0/8"))})
                  .empty()));
  // The last word says it anyway.
  BOOST_TEST((redundant(list{permit(network("100.100.0.0/16")), deny(network("0.0.0.0/0"))}) ==
              places{1}));
}

BOOST_AUTO_TEST_CASE(a_rule_that_turns_the_implicit_word_around_is_not_redundant) {
  // Never decides, but its going would let everybody else in.
  const list rules{deny(network("10.0.0.0/8")), permit(network("10.1.0.0/16"))};
  BOOST_TEST((shadowed(rules) == std::vector<ka::shadow>{{1, {0}}}));
  BOOST_TEST(redundant(rules).empty());
  BOOST_TEST((ka::redundant({rules, otherwise::deny}) == places{1}));
  BOOST_TEST((ka::redundant({rules, otherwise::permit}) == places{1}));
}

BOOST_AUTO_TEST_CASE(two_lists_that_differ_differ_first_at_the_witness) {
  const list one{permit(network("100.100.0.0/16")), deny(network("0.0.0.0/0"))};
  const list other{permit(network("100.100.0.0/17")), permit(network("100.100.128.0/18")),
                   deny(network("0.0.0.0/0"))};
  BOOST_TEST((difference(one, other) ==
              ka::disagreement{address("100.100.192.0"), action::permit, action::deny, 0, 2}));
  BOOST_TEST((difference(other, one) ==
              ka::disagreement{address("100.100.192.0"), action::deny, action::permit, 2, 0}));
  BOOST_TEST(equivalent(one, other, family::ipv6));
  BOOST_TEST(!equivalent(one, other, family::ipv4));
}

BOOST_AUTO_TEST_CASE(last_words_count_when_lists_are_compared) {
  const list denials{deny(network("0.0.0.0/0"))};
  const list nobody{deny(network("0.0.0.0/0")), deny(network("::/0"))};
  BOOST_TEST((difference(denials, nobody) ==
              ka::disagreement{address("::"), action::permit, action::deny, std::nullopt, 1}));
  BOOST_TEST(equivalent(rule_set(denials, otherwise::deny), nobody));
  BOOST_TEST(equivalent(list{}, nobody));
  BOOST_TEST(equivalent(rule_set({}, otherwise::permit), nobody));
}

BOOST_AUTO_TEST_CASE(mapped_addresses_are_no_witnesses_for_ipv6) {
  const list one{permit(network("::fffe:0:0/96")), permit(network("0:0:0:0:1::/96"))};
  const list other{permit(network("::fffe:0:0/95")), permit(network("0:0:0:0:1::/96"))};
  BOOST_TEST(equivalent(one, other));
  const list less{permit(network("::fffe:0:0/95"))};
  BOOST_TEST((difference(one, less)->witness == address("0:0:0:0:1::")));
}

BOOST_AUTO_TEST_CASE(in_a_small_world_every_answer_is_what_asking_every_address_gives) {
  const small_world world;
  const auto all = world.all();
  generator source(1'234);
  int hidden = 0;
  int alike = 0;
  for (int i = 0; i < 1'500; ++i) {
    const auto rules = world.rules(source);
    const auto set = world.any_set(source, rules);

    std::vector<bool> decides(rules.size());
    for (const auto& from : all)
      if (const auto rule = asked_one_by_one(rules, from)) decides[*rule] = true;
    const auto found = shadowed(set);
    places expected;
    for (std::size_t k = 0; k < rules.size(); ++k)
      if (!decides[k]) expected.push_back(k);
    BOOST_REQUIRE(std::ranges::equal(found, expected, {}, &ka::shadow::rule));
    for (const auto& [rule, by] : found) {
      ++hidden;
      BOOST_REQUIRE(std::ranges::is_sorted(by));
      BOOST_REQUIRE(by.back() < rule);
      const auto covered_without = [&, rule = rule, &by = by](std::optional<std::size_t> dropped) {
        return std::ranges::all_of(all, [&](const address& from) {
          return !rules[rule].from.contains(from) || std::ranges::any_of(by, [&](std::size_t k) {
            return k != dropped && rules[k].from.contains(from);
          });
        });
      };
      BOOST_REQUIRE(covered_without(std::nullopt));
      for (const auto each : by) BOOST_REQUIRE(!covered_without(each));
    }

    expected.clear();
    for (std::size_t k = 0; k < rules.size(); ++k) {
      auto without = rules;
      without.erase(without.begin() + static_cast<std::ptrdiff_t>(k));
      const auto rest = with_last_of(set, without);
      if (std::ranges::all_of(
              all, [&](const address& from) { return judged(set, from) == judged(rest, from); }))
        expected.push_back(k);
    }
    BOOST_REQUIRE(redundant(set) == expected);

    // Against another list, or against itself without what is redundant.
    auto others = world.rules(source);
    if (i % 2 == 0 && !expected.empty()) {
      others = rules;
      others.erase(others.begin() + static_cast<std::ptrdiff_t>(expected.front()));
    }
    const auto other = i % 2 == 0 ? with_last_of(set, others) : world.any_set(source, others);
    const auto at = std::ranges::find_if(
        all, [&](const address& from) { return judged(set, from) != judged(other, from); });
    const auto differs = difference(set, other);
    BOOST_REQUIRE(differs.has_value() == (at != all.end()));
    if (!differs) {
      ++alike;
      continue;
    }
    BOOST_REQUIRE((*differs == ka::disagreement{*at, judged(set, *at), judged(other, *at),
                                                asked_one_by_one(rules, *at),
                                                asked_one_by_one(others, *at)}));
  }
  BOOST_TEST(hidden > 250);  // enough of either, or the comparison says little
  BOOST_TEST(alike > 100);
}

BOOST_AUTO_TEST_CASE(a_strict_list_leaves_nothing_to_an_implicit_rule) {
  const auto refused = [](const list& rules, std::string_view reason, std::string_view next) {
    const auto outcome = require_explicit_last_rule(rules);
    BOOST_REQUIRE(refused_as(errc::invalid_argument, outcome));
    BOOST_TEST(outcome.error().value_of(fact::reason) == reason);
    BOOST_TEST(outcome.error().value_of(fact::next_step) == next);
  };
  refused({permit(network("0.0.0.0/1"))},
          "no rule matches 128.0.0.0, which an implicit rule denies",
          "add as last: deny 0.0.0.0/0 (or permit, if that is meant)");
  refused({deny(network("10.0.0.0/8"))}, "no rule matches 0.0.0.0, which an implicit rule permits",
          "add as last: deny 0.0.0.0/0 and deny ::/0 (or permit, if that is meant)");
  refused({deny(network("0.0.0.0/0"))}, "no rule matches ::, which an implicit rule permits",
          "add as last: deny ::/0 (or permit, if that is meant)");
  refused({permit(network("::1/128")), deny(network("0.0.0.0/0"))},
          "no rule matches ::, which an implicit rule denies",
          "add as last: deny ::/0 (or permit, if that is meant)");
  refused({}, "no rule matches 0.0.0.0, which an implicit rule denies",
          "add as last: deny 0.0.0.0/0 and deny ::/0 (or permit, if that is meant)");
}

BOOST_AUTO_TEST_CASE(a_list_that_says_its_last_word_is_strict) {
  using ka::require_explicit_last_rule;
  BOOST_TEST(accepted(require_explicit_last_rule(
      list{permit(network("100.100.0.0/16")), deny(network("0.0.0.0/0"))})));
  BOOST_TEST(accepted(require_explicit_last_rule(
      list{permit(network("0.0.0.0/1")), deny(network("128.0.0.0/1"))})));
  BOOST_TEST(accepted(
      require_explicit_last_rule(list{deny(network("0.0.0.0/0")), deny(network("::/0"))})));
  const list some{deny(network("10.0.0.0/8"))};
  BOOST_TEST(accepted(require_explicit_last_rule({some, otherwise::permit})));
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE_END()

}  // namespace network_analysis_test
