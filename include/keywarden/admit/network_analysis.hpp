/// @file
/// What lists of rules mean, computed: rules that never decide, rules that change nothing, and the
/// first address about which two lists differ. All of it in constant expressions too.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <keywarden/admit/network_lookup.hpp>
#include <keywarden/admit/network_rules.hpp>

namespace keywarden::admit {

/// A rule that never decides, since rules before it match all its addresses: one of them alone, or
/// only several together.
struct shadow {
  std::size_t rule;             ///< its place in the list, from 0
  std::vector<std::size_t> by;  ///< the first rule that covers it alone; else the fewest that do

  friend bool operator==(const shadow&, const shadow&) = default;
};

/// An address about which two lists differ.
struct disagreement {
  address witness;                        ///< one of those about which they differ
  action left;                            ///< what the first list says about it
  action right;                           ///< what the second one says
  std::optional<std::size_t> left_rule;   ///< which rule decides, from 0; nothing: the last word
  std::optional<std::size_t> right_rule;  ///< the same in the second list

  friend bool operator==(const disagreement&, const disagreement&) = default;
};

namespace detail {

[[nodiscard]] constexpr network everything(family which) {
  return which == family::ipv4 ? network("0.0.0.0/0") : network("::/0");
}

/// The first address of a family that is not before `from`: the mapped IPv4 addresses are none of
/// IPv6.
[[nodiscard]] constexpr address first_of(family which, const address& from) {
  if (which == family::ipv4 || !from.is_v4()) return from;
  return after(everything(family::ipv4).last());
}

/// Calls `seen(first, by)` for each segment that has addresses of `within`, in their order.
template <class Seen>
constexpr void for_each_segment(const network_lookup& compiled, const network& within, Seen seen) {
  const auto which = family_of(within.base());
  const auto all = compiled.segments(which);
  auto at = std::ranges::upper_bound(all, within.base(), {}, &network_lookup::segment::first) - 1;
  for (; at != all.end() && at->first <= within.last(); ++at) {
    const auto first = first_of(which, std::max(at->first, within.base()));
    if (within.contains(first) && (at + 1 == all.end() || first < (at + 1)->first))
      seen(first, at->by);
  }
}

[[nodiscard]] constexpr action decided(const rule_set& all, std::uint32_t rule) noexcept {
  if (rule != deciding::none) return all.rules()[rule].action;
  return all.last() == otherwise::permit ? action::permit : action::deny;
}

/// Those of the rules that decide within `hidden`, without any that lies in another of them.
[[nodiscard]] constexpr std::vector<std::size_t> cover(const rule_set& all,
                                                       const network_lookup& compiled,
                                                       const network& hidden) {
  const auto rules = all.rules();
  std::vector<std::size_t> found;
  for_each_segment(compiled, hidden,
                   [&](const address&, const deciding& by) { found.push_back(by.rule); });
  // Wider networks come first, those inside them after them.
  std::ranges::sort(found, {}, [&](std::size_t each) { return rules[each].from; });
  std::vector<std::size_t> kept;
  for (const auto each : found)
    if (kept.empty() || !rules[kept.back()].from.contains(rules[each].from)) kept.push_back(each);
  std::ranges::sort(kept);
  return kept;
}

[[nodiscard]] constexpr std::optional<std::size_t> place(std::uint32_t rule) noexcept {
  if (rule == deciding::none) return std::nullopt;
  return rule;
}

[[nodiscard]] constexpr std::optional<disagreement> difference(const rule_set& left,
                                                               const network_lookup& left_compiled,
                                                               const rule_set& right,
                                                               const network_lookup& right_compiled,
                                                               family which) {
  const auto a = left_compiled.segments(which);
  const auto b = right_compiled.segments(which);
  for (std::size_t i = 0, j = 0;;) {
    const auto first = first_of(which, std::max(a[i].first, b[j].first));
    const auto* next = i + 1 < a.size() ? &a[i + 1].first : nullptr;
    if (j + 1 < b.size() && (next == nullptr || b[j + 1].first < *next)) next = &b[j + 1].first;
    const auto one = a[i].by.rule;
    const auto other = b[j].by.rule;
    if ((next == nullptr || first < *next) && decided(left, one) != decided(right, other))
      return disagreement{first, decided(left, one), decided(right, other), place(one),
                          place(other)};
    if (next == nullptr) return std::nullopt;
    const auto reached = *next;
    if (i + 1 < a.size() && a[i + 1].first == reached) ++i;
    if (j + 1 < b.size() && b[j + 1].first == reached) ++j;
  }
}

}  // namespace detail

/// The rules that never decide, in their order: each is a mistake, or a leftover.
///
/// Takes n log n for n rules, and time for what it returns (at most 129 places a rule on average).
[[nodiscard]] constexpr std::vector<shadow> shadowed(const rule_set& all) {
  const network_lookup compiled(all.rules());
  std::vector<unsigned char> decides(all.rules().size(), 0);
  for (const auto which : {family::ipv4, family::ipv6})
    detail::for_each_segment(compiled, detail::everything(which),
                             [&](const address&, const detail::deciding& by) {
                               if (by.rule != detail::deciding::none) decides[by.rule] = 1;
                             });
  std::vector<shadow> found;
  for (std::size_t i = 0; i < decides.size(); ++i) {
    if (decides[i] != 0) continue;
    if (const auto one = compiled.enclosing(i))
      found.push_back({i, {*one}});
    else
      found.push_back({i, detail::cover(all, compiled, all.rules()[i].from)});
  }
  return found;
}

/// `static_assert(!has_unreachable_rule(rules))`.
[[nodiscard]] constexpr bool has_unreachable_rule(const rule_set& all) {
  return !shadowed(all).empty();
}

/// The rules without which every address is judged as with them, each alone: of two that repeat
/// each other both are named, and only one may go. Counts in that an implicit last word may turn
/// around when a rule goes, and that a list without rules permits nobody.
[[nodiscard]] constexpr std::vector<std::size_t> redundant(const rule_set& all) {
  const auto rules = all.rules();
  const auto permits = std::ranges::count(rules, action::permit, &network_rule::action);
  const auto last_without = [&](std::size_t rule) {
    if (rules.size() == 1) return action::deny;
    if (!all.last_is_implicit()) return detail::decided(all, detail::deciding::none);
    const auto left = permits - (rules[rule].action == action::permit ? 1 : 0);
    return left == 0 ? action::permit : action::deny;
  };
  const network_lookup compiled(rules);
  std::vector<unsigned char> needed(rules.size(), 0);
  bool last_is_asked = false;
  for (const auto which : {family::ipv4, family::ipv6})
    detail::for_each_segment(
        compiled, detail::everything(which), [&](const address&, const detail::deciding& by) {
          if (by.rule == detail::deciding::none) {
            last_is_asked = true;
            return;
          }
          const auto instead =
              by.next == detail::deciding::none ? last_without(by.rule) : rules[by.next].action;
          if (instead != rules[by.rule].action) needed[by.rule] = 1;
        });
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const bool turns =
        last_is_asked && last_without(i) != detail::decided(all, detail::deciding::none);
    if (needed[i] == 0 && !turns) found.push_back(i);
  }
  return found;
}

/// The lowest address of a family about which two lists differ, and what each says; nothing when
/// they judge all its addresses alike.
[[nodiscard]] constexpr std::optional<disagreement> difference(const rule_set& left,
                                                               const rule_set& right,
                                                               family which) {
  return detail::difference(left, network_lookup(left.rules()), right,
                            network_lookup(right.rules()), which);
}

/// The same over both families, IPv4 first.
[[nodiscard]] constexpr std::optional<disagreement> difference(const rule_set& left,
                                                               const rule_set& right) {
  const network_lookup one(left.rules());
  const network_lookup other(right.rules());
  if (const auto found = detail::difference(left, one, right, other, family::ipv4)) return found;
  return detail::difference(left, one, right, other, family::ipv6);
}

/// Whether two lists judge all addresses alike, last words included.
[[nodiscard]] constexpr bool equivalent(const rule_set& left, const rule_set& right) {
  return !difference(left, right);
}
/// The same for the addresses of one family.
[[nodiscard]] constexpr bool equivalent(const rule_set& left, const rule_set& right, family which) {
  return !difference(left, right, which);
}

/// The lowest address of a family that no rule matches, so that the last word judges it.
[[nodiscard]] constexpr std::optional<address> first_unmatched(const rule_set& all, family which) {
  std::optional<address> found;
  detail::for_each_segment(network_lookup(all.rules()), detail::everything(which),
                           [&](const address& first, const detail::deciding& by) {
                             if (!found && by.rule == detail::deciding::none) found = first;
                           });
  return found;
}

/// For lists that must not turn around when a rule is added: no address is permitted by an implicit
/// last word, and in a family of which a rule speaks none is judged by it. A last word that was
/// said is no implicit one. Errors: `invalid_argument`, with the rule to add.
[[nodiscard]] inline result<void> require_explicit_last_rule(const rule_set& all) {
  if (!all.last_is_implicit()) return done();
  std::string missing;
  std::string example;
  for (const auto which : {family::ipv4, family::ipv6}) {
    const bool spoken_of = std::ranges::any_of(all.rules(), [which](const network_rule& each) {
      return family_of(each.from.base()) == which;
    });
    const auto unmatched = first_unmatched(all, which);
    if (!unmatched || (!spoken_of && all.last() == otherwise::deny && !all.rules().empty()))
      continue;
    if (!missing.empty()) missing += " and ";
    missing += "deny " + detail::everything(which).text();
    if (example.empty()) example = unmatched->text();
  }
  if (missing.empty()) return done();
  return error(errc::invalid_argument)
      .with(fact::kind, "rules")
      .with(fact::reason, "no rule matches " + example + ", which an implicit rule " +
                              (all.last() == otherwise::permit ? "permits" : "denies"))
      .with(fact::next_step, "add as last: " + missing + " (or permit, if that is meant)");
}

}  // namespace keywarden::admit
