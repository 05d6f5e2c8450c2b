/// @file
/// Rules about networks as data: which address is permitted, in which order, and what happens to
/// the rest.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/admit/network.hpp>

namespace keywarden::admit {

/// What a rule does with the addresses of its network.
enum class action : std::uint8_t { permit, deny };

/// What happens to an address that no rule matches.
enum class otherwise : std::uint8_t { deny, permit };

/// One line of an access control list; its place in the list is its number.
struct network_rule {
  admit::action action;  ///< what happens to those who match
  network from;          ///< who matches

  friend bool operator==(const network_rule&, const network_rule&) = default;
};
/// A rule that lets these addresses in.

[[nodiscard]] constexpr network_rule permit(const network& from) noexcept {
  return {action::permit, from};
}
/// A rule that keeps these addresses out.
[[nodiscard]] constexpr network_rule deny(const network& from) noexcept {
  return {action::deny, from};
}

/// "permit" or "deny", as configurations spell it.
[[nodiscard]] constexpr std::string_view name_of(action what) noexcept {
  return what == action::permit ? "permit" : "deny";
}
/// The same for the last word of a list.
[[nodiscard]] constexpr std::string_view name_of(otherwise last) noexcept {
  return last == otherwise::permit ? "permit" : "deny";
}

/// The last word of a list that does not say it, as Azure's endpoint rules have it: where there are
/// only denials, all else is permitted; in every other case (only permits, a mixture, nothing at
/// all) it is denied. Beware: one rule more can turn it around (see `require_explicit_last_rule`).
[[nodiscard]] constexpr otherwise implicit_rule_of(std::span<const network_rule> rules) noexcept {
  const bool only_denials =
      !rules.empty() && std::ranges::all_of(rules, [](const network_rule& each) {
        return each.action == action::deny;
      });
  return only_denials ? otherwise::permit : otherwise::deny;
}

/// One rule as a person orders it: the lower number is asked first.
struct ordered_rule {
  std::uint32_t order;      ///< no two rules of a list have the same
  admit::action action;     ///< what happens to those who match
  network from;             ///< who matches
  std::string description;  ///< for people: shown with a refusal, never interpreted

  /// The four attributes of a rule as a configuration writes them.
  struct text {
    std::string_view order;             ///< decimal digits
    std::string_view action;            ///< `permit` or `deny`
    std::string_view subnet;            ///< like `192.0.2.0/24`
    std::string_view description = {};  ///< anything
  };

  /// The order is decimal digits, the action `permit` or `deny`, the subnet IPv4 or IPv6 with its
  /// prefix length; host bits in it are cleared (`network::parse_masked`). Errors: `malformed` with
  /// `fact::kind` (which of them) and `fact::reason`; `limit_exceeded` for an order above 2^32 - 1.
  [[nodiscard]] static result<ordered_rule> parse(const text& from) {
    const auto order = parse_order(from.order);
    if (!order) return order.error();
    const auto action = parse_action(from.action);
    if (!action) return action.error();
    const auto subnet = network::parse_masked(from.subnet);
    if (!subnet) return subnet.error();
    return ordered_rule{*order, *action, *subnet, std::string(from.description)};
  }

  friend bool operator==(const ordered_rule&, const ordered_rule&) = default;

 private:
  [[nodiscard]] static error wrong(std::string_view kind, std::string_view text,
                                   std::string_view reason, std::string_view next) {
    const bool blank = text.find_first_not_of(" \t\r\n") == std::string_view::npos;
    return error(errc::malformed)
        .with(fact::kind, kind)
        .with(fact::reason, blank ? "it is blank" : reason)
        .with(fact::next_step, next);
  }

  [[nodiscard]] static result<std::uint32_t> parse_order(std::string_view text) {
    constexpr std::string_view kind = "order";
    constexpr std::string_view next = "write it in digits, like 100: the lowest is asked first";
    if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos)
      return wrong(kind, text, "it is no number", next);
    if (text.size() > 1 && text.front() == '0')
      return wrong(kind, text, "it begins with a zero", next);
    constexpr std::uint64_t limit = std::numeric_limits<std::uint32_t>::max();
    std::uint64_t value = 0;
    for (const char each : text)
      if (value <= limit) value = value * 10 + static_cast<unsigned>(each - '0');
    if (value > limit)
      return error(errc::limit_exceeded)
          .with(fact::kind, kind)
          .with(fact::limit, limit)
          .with(fact::actual, text);
    return static_cast<std::uint32_t>(value);
  }

  [[nodiscard]] static result<admit::action> parse_action(std::string_view text) {
    for (const auto each : {admit::action::permit, admit::action::deny})
      if (text == name_of(each)) return each;
    return wrong("action", text, "it is none", "write permit or deny, in small letters");
  }
};

/// Rules in their order, each order once; what no rule matches is judged by `implicit_rule_of`.
///
/// A value is always sorted and free of duplicates. Immutable: any thread.
class ordered_rules {
 public:
  /// How many rules Azure allows for one endpoint.
  static constexpr std::size_t usual_limit = 50;

  /// What a rule's place in the list does not say.
  struct label {
    std::uint32_t order;      ///< the number that a person gave the rule
    std::string description;  ///< what the person wrote to it

    friend bool operator==(const label&, const label&) = default;
  };

  /// Errors: `limit_exceeded` for more than `limit` rules; `invalid_argument` when two have the
  /// same order.
  [[nodiscard]] static result<ordered_rules> of(std::vector<ordered_rule> given,
                                                std::size_t limit = usual_limit) {
    if (given.size() > limit)
      return error(errc::limit_exceeded)
          .with(fact::kind, "rules of one list")
          .with(fact::limit, limit)
          .with(fact::actual, given.size())
          .with(fact::next_step, "join neighbouring networks, or drop what never decides");
    std::ranges::sort(given, {}, &ordered_rule::order);
    const auto twice = std::ranges::adjacent_find(given, {}, &ordered_rule::order);
    if (twice != given.end())
      return error(errc::invalid_argument)
          .with(fact::kind, "order")
          .with(fact::reason, "two rules have the order " + std::to_string(twice->order))
          .with(fact::next_step, "give each rule an order of its own");
    return ordered_rules(std::move(given));
  }

  /// The rules alone, the first to ask first.
  [[nodiscard]] const std::vector<network_rule>& rules() const noexcept { return rules_; }

  /// Their orders and descriptions, in the same places.
  [[nodiscard]] const std::vector<label>& labels() const noexcept { return labels_; }

  friend bool operator==(const ordered_rules&, const ordered_rules&) = default;

 private:
  explicit ordered_rules(std::vector<ordered_rule> sorted) {
    rules_.reserve(sorted.size());
    labels_.reserve(sorted.size());
    for (auto& each : sorted) {
      rules_.push_back({each.action, each.from});
      labels_.push_back({each.order, std::move(each.description)});
    }
  }

  std::vector<network_rule> rules_;
  std::vector<label> labels_;
};

/// A whole list, to look at: rules and their last word. A parameter type: it refers to the rules
/// and must not outlive them.
///
/// As everywhere, a list without rules permits nobody, whatever its last word.
class rule_set {
 public:
  /// The last word is the implicit one.
  // NOLINTNEXTLINE(google-explicit-constructor): any list of rules is one
  constexpr rule_set(const std::convertible_to<std::span<const network_rule>> auto& rules)
      : rules_(rules), last_(implicit_rule_of(rules_)), implicit_(true) {}

  // NOLINTNEXTLINE(google-explicit-constructor): and so are ordered ones
  rule_set(const ordered_rules& ordered) : rule_set(ordered.rules()) {}

  constexpr rule_set(std::span<const network_rule> rules, otherwise last) noexcept
      : rules_(rules), last_(rules.empty() ? otherwise::deny : last) {}

  /// Views the rules that it was made from, which must outlive it.
  [[nodiscard]] constexpr std::span<const network_rule> rules() const noexcept { return rules_; }
  /// What happens to an address that no rule matches; `deny` where there is no rule.
  [[nodiscard]] constexpr otherwise last() const noexcept { return last_; }

  /// Whether the last word follows from the rules rather than from what somebody said.
  [[nodiscard]] constexpr bool last_is_implicit() const noexcept { return implicit_; }

 private:
  std::span<const network_rule> rules_;
  otherwise last_;
  bool implicit_ = false;
};

}  // namespace keywarden::admit
