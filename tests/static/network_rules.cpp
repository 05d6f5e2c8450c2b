// The algebra of access control lists, while compiling: what a list means, which rules never
// decide, whether two lists are the same.

#include <keywarden/admit/network_acl.hpp>
#include <keywarden/admit/network_analysis.hpp>
#include <keywarden/admit/network_lookup.hpp>
#include <keywarden/admit/network_rules.hpp>
#include <keywarden/admit/network_text.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace static_network_rules {

namespace admit = keywarden::admit;
using admit::acl;
using admit::action;
using admit::address;
using admit::deny;
using admit::family;
using admit::network;
using admit::network_rule;
using admit::otherwise;
using admit::permit;

// A rule is a value; ordered rules exist only in order; a set is made of lists of rules only.
static_assert(std::copyable<network_rule> && std::equality_comparable<network_rule>);
static_assert(std::is_trivially_copyable_v<network_rule>);
static_assert(!std::default_initializable<admit::ordered_rules>);
static_assert(!std::constructible_from<admit::ordered_rules, std::vector<admit::ordered_rule>>);
static_assert(std::convertible_to<std::vector<network_rule>, admit::rule_set>);
static_assert(std::convertible_to<admit::ordered_rules, admit::rule_set>);
static_assert(!std::convertible_to<std::vector<network>, admit::rule_set>);
static_assert(!std::convertible_to<std::vector<admit::ordered_rule>, admit::rule_set>);
static_assert(!std::convertible_to<network_rule, admit::rule_set>);
static_assert(!std::convertible_to<std::vector<network_rule>, admit::network_acl>);
static_assert(!std::constructible_from<admit::network_acl, admit::rule_set>);
static_assert(sizeof(admit::network_lookup::segment) == 24);

// The example of the Split-Merge documentation, as data and as a literal.
constexpr std::array split_merge{permit(network("100.100.0.0/16")), deny(network("0.0.0.0/0"))};
static_assert(split_merge == acl<"permit 100.100.0.0/16; deny 0.0.0.0/0">);
static_assert(!admit::has_unreachable_rule(split_merge));
static_assert(implicit_rule_of(split_merge) == otherwise::deny);

// The same in fewer words, since only permits deny the rest; not the same with another word last.
static_assert(admit::equivalent(split_merge, acl<"permit 100.100.0.0/16">));
static_assert(admit::equivalent(
    acl<"permit 10.0.0.0/8">, acl<"permit 10.128.0.0/9; permit 10.0.0.0/10; permit 10.64.0.0/10">));
static_assert(!admit::equivalent(split_merge,
                                 admit::rule_set(acl<"permit 100.100.0.0/16">, otherwise::permit)));
static_assert(admit::equivalent(admit::rule_set(split_merge, otherwise::permit),
                                acl<"permit 100.100.0.0/16">, family::ipv4));

// The first witness, and who judges.
constexpr auto found =
    admit::difference(acl<"deny 175.1.0.0/24; permit 175.0.0.0/8">, acl<"permit 175.0.0.0/8">);
static_assert(found && found->witness == address("175.1.0.0"));
static_assert(found->left == action::deny && found->left_rule == 0U);
static_assert(found->right == action::permit && found->right_rule == 0U);
constexpr auto last_words = admit::difference(acl<"deny 10.0.0.0/8">, acl<"permit 11.0.0.0/8">);
static_assert(last_words->witness == address("0.0.0.0"));
static_assert(last_words->left == action::permit && !last_words->left_rule);
static_assert(last_words->right == action::deny && !last_words->right_rule);

// A rule is unreachable behind one that holds it, and behind several that cover it together.
constexpr std::array wrong_order{permit(network("175.0.0.0/8")), deny(network("175.1.0.0/24"))};
static_assert(admit::has_unreachable_rule(wrong_order));
constexpr std::array halves{permit(network("10.0.0.0/9")), permit(network("10.128.0.0/9")),
                            deny(network("10.0.0.0/8"))};
static_assert(admit::shadowed(halves).front() == admit::shadow{2, {0, 1}});
constexpr std::array apart{permit(network("0.0.0.0/0")), deny(network("::/0"))};
static_assert(!admit::has_unreachable_rule(apart));

static_assert(admit::redundant(split_merge) == std::vector<std::size_t>{1});
static_assert(admit::redundant(acl<"permit 10.0.0.0/8; permit ::1/128">).empty());

// Which rule decides, in a bounded number of steps.
static_assert(admit::network_lookup(split_merge).rule_for(address("100.100.255.255")) == 0U);
static_assert(admit::network_lookup(split_merge).rule_for(address("100.101.0.0")) == 1U);
static_assert(!admit::network_lookup(split_merge).rule_for(address("::1")));
static_assert(admit::network_lookup(split_merge).steps_for(address("100.101.0.0")) <= 3);

// Fifty rules, as many as a configuration may have, are no effort for the compiler.
constexpr auto fifty = [] {
  std::array<network_rule, 50> made = [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::array{((void)I, deny(network("0.0.0.0/0")))...};
  }
  (std::make_index_sequence<50>());
  for (std::uint8_t i = 0; i < 49; ++i)
    made[i] = permit(*network::of(address::v4({10, 0, i, 0}), 24));
  return made;
}();
static_assert(!admit::has_unreachable_rule(fifty));

static_assert(implicit_rule_of(std::array<network_rule, 0>{}) == otherwise::deny);
static_assert(implicit_rule_of(acl<"permit ::1/128">) == otherwise::deny);
static_assert(implicit_rule_of(acl<"deny ::1/128">) == otherwise::permit);

}  // namespace static_network_rules
