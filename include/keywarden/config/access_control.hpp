/// @file
/// What a group of access rules does: its order, its implied last rule, and which rule never gets a
/// turn.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/admit/network_analysis.hpp>
#include <keywarden/config/service_configuration.hpp>

namespace keywarden::config {

/// Groups that exist without being declared.
inline constexpr std::string_view allow_all = "AllowAll";
/// The name of the group that lets nobody in, which needs no declaration.
inline constexpr std::string_view deny_all = "DenyAll";

/// How many rules an endpoint may have.
inline constexpr std::size_t max_rules_per_endpoint = 50;

/// The rules of an endpoint in the order in which they decide, the first that matches decides, and
/// what happens to an address that none matches.
struct ordered_rules {
  std::vector<access_rule> rules;  ///< complete ones, by their numbers
  /// What happens to an address that none matches.
  admit::otherwise otherwise = admit::otherwise::deny;

  /// What happens to a connection from this address.
  [[nodiscard]] constexpr acl_action decide(const admit::address& from) const noexcept {
    for (const auto& each : rules)
      if (each.subnet->contains(from)) return *each.action;
    return otherwise == admit::otherwise::permit ? acl_action::permit : acl_action::deny;
  }

  /// The rules alone, in the same places, as `network_acl` and the analysis take them. Beware:
  /// there a list without rules permits nobody, whatever its last word.
  [[nodiscard]] constexpr std::vector<admit::network_rule> network_rules() const {
    std::vector<admit::network_rule> made;
    made.reserve(rules.size());
    for (const auto& each : rules) made.push_back({*each.action, *each.subnet});
    return made;
  }
};

/// A group's complete rules, the lowest order first (equal orders as in the file), and the implied
/// last one: `admit::implicit_rule_of`, but a group without rules permits everybody, as an endpoint
/// without a group does.
[[nodiscard]] constexpr ordered_rules in_order(const access_control& group) {
  ordered_rules made;
  for (const auto& each : group.rules)
    if (each.complete()) made.rules.push_back(each);
  // Insertion: stable, and there are few.
  for (std::size_t i = 1; i < made.rules.size(); ++i)
    for (std::size_t j = i; j > 0 && *made.rules[j].order < *made.rules[j - 1].order; --j)
      std::swap(made.rules[j], made.rules[j - 1]);
  made.otherwise =
      made.rules.empty() ? admit::otherwise::permit : admit::implicit_rule_of(made.network_rules());
  return made;
}

/// The rules that a name stands for: a declared group, or one of the two that need no declaration;
/// nothing for a dangling name.
[[nodiscard]] constexpr std::optional<ordered_rules> rules_of(const service_configuration& from,
                                                              std::string_view access_control) {
  if (const auto* declared = from.find_access_control(access_control)) return in_order(*declared);
  if (access_control == allow_all) return ordered_rules{{}, admit::otherwise::permit};
  if (access_control == deny_all) return ordered_rules{{}, admit::otherwise::deny};
  return std::nullopt;
}

/// The rules that never get a turn, since those before them together take all their addresses.
[[nodiscard]] constexpr std::vector<admit::shadow> shadowed(const ordered_rules& of) {
  const auto rules = of.network_rules();
  return admit::shadowed(rules);
}

namespace detail {

[[nodiscard]] constexpr admit::family family_of(bool v4) noexcept {
  return v4 ? admit::family::ipv4 : admit::family::ipv6;
}

}  // namespace detail

/// Whether nobody of the family gets in.
[[nodiscard]] constexpr bool denies_everybody(const ordered_rules& of, bool v4) {
  if (of.rules.empty()) return of.otherwise == admit::otherwise::deny;
  const auto rules = of.network_rules();
  return admit::equivalent({rules, of.otherwise}, {{}, admit::otherwise::deny},
                           detail::family_of(v4));
}
/// Whether the rules let no address in at all, so that an endpoint that has them is closed.
[[nodiscard]] constexpr bool denies_everybody(const ordered_rules& of) {
  return denies_everybody(of, true) && denies_everybody(of, false);
}

/// Whether everybody of the family gets in.
[[nodiscard]] constexpr bool permits_everybody(const ordered_rules& of, bool v4) {
  if (of.rules.empty()) return of.otherwise == admit::otherwise::permit;
  const auto rules = of.network_rules();
  const std::array everybody{admit::permit(admit::network("0.0.0.0/0")),
                             admit::permit(admit::network("::/0"))};
  return admit::equivalent({rules, of.otherwise}, everybody, detail::family_of(v4));
}

/// Whether the last word about a family is written down: the group's rules match all its addresses.
/// A family that no rule names and that the implied rule denies needs none.
[[nodiscard]] constexpr bool has_explicit_final_rule(const ordered_rules& of, bool v4) {
  bool named = of.otherwise == admit::otherwise::permit;
  for (const auto& each : of.rules) named = named || each.subnet->base().is_v4() == v4;
  if (!named) return true;
  const auto rules = of.network_rules();
  return !admit::first_unmatched(rules, detail::family_of(v4));
}

}  // namespace keywarden::config
