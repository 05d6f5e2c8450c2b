/// @file
/// Lists of rules as text: described for a person, and written as a literal.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <keywarden/admit/network_analysis.hpp>
#include <keywarden/admit/network_rules.hpp>
#include <keywarden/core/printable.hpp>

namespace keywarden::admit {

namespace detail {

/// How much of a description is shown: a rule is one line.
constexpr std::size_t max_shown_description = 256;

using labels = std::span<const ordered_rules::label>;

/// The number a person knows a rule by: its order, or its place counted from 1.
[[nodiscard]] inline std::string number_of(labels said, std::size_t place) {
  return std::to_string(said.empty() ? place + 1 : said[place].order);
}

inline void append_description(std::string& text, labels said, std::size_t place) {
  if (said.empty() || said[place].description.empty()) return;
  keywarden::detail::append_printable(text.append(": "), said[place].description,
                                      max_shown_description);
}

[[nodiscard]] inline std::string why_implicit(const rule_set& all) {
  const auto has = [&](action which) {
    return std::ranges::find(all.rules(), which, &network_rule::action) != all.rules().end();
  };
  if (!has(action::permit)) {
    std::string text = "implicit, since there are only denials";
    for (const auto which : {family::ipv4, family::ipv6})
      if (std::ranges::none_of(all.rules(), [which](const network_rule& each) {
            return family_of(each.from.base()) == which;
          }))
        text.append("; no rule is about ").append(which == family::ipv4 ? "IPv4" : "IPv6");
    return text;
  }
  return has(action::deny) ? "implicit, since there are both permits and denials"
                           : "implicit, since there are only permits";
}

[[nodiscard]] inline std::string describe(const rule_set& all, labels said) {
  std::string text;
  for (std::size_t i = 0; i < all.rules().size(); ++i) {
    const auto& rule = all.rules()[i];
    text.append(number_of(said, i)).append(1, ' ').append(name_of(rule.action));
    text.append(1, ' ').append(rule.from.text());
    append_description(text, said, i);
    text += '\n';
  }
  text.append("otherwise: ").append(name_of(all.last()));
  if (all.rules().empty())
    text += " (a list without rules permits nobody)";
  else if (all.last_is_implicit())
    text.append(" (").append(why_implicit(all)).append(1, ')');
  return text += '\n';
}

[[nodiscard]] inline std::string describe(const shadow& hidden, const rule_set& all, labels said) {
  const auto& rule = all.rules()[hidden.rule];
  auto text = "rule " + number_of(said, hidden.rule) + " (" + std::string(name_of(rule.action)) +
              ' ' + rule.from.text() +
              ") never decides: " + (hidden.by.size() == 1 ? "rule " : "rules ");
  constexpr std::size_t shown = 8;
  for (std::size_t i = 0; i < std::min(hidden.by.size(), shown); ++i)
    text.append(i == 0 ? "" : ", ").append(number_of(said, hidden.by[i]));
  if (hidden.by.size() > shown) text += ", …";
  return text.append(hidden.by.size() == 1 ? " matches" : " together match")
      .append(" all its addresses before");
}

}  // namespace detail

/// A line for each rule (number, action, network, description), and one for the last word, which
/// says why if nobody said it. What a terminal would obey is escaped.
[[nodiscard]] inline std::string describe(const rule_set& all) { return detail::describe(all, {}); }
/// The same for a list whose rules have descriptions of their own.
[[nodiscard]] inline std::string describe(const ordered_rules& all) {
  return detail::describe(all, all.labels());
}

/// One sentence about a rule that never decides. `all` is the list in which it was found.
[[nodiscard]] inline std::string describe(const shadow& hidden, const rule_set& all) {
  return detail::describe(hidden, all, {});
}
/// The same for a list whose rules have descriptions of their own.
[[nodiscard]] inline std::string describe(const shadow& hidden, const ordered_rules& all) {
  return detail::describe(hidden, all, all.labels());
}

namespace detail {

/// The text of `acl<…>`.
template <std::size_t Size>
struct acl_text {
  std::array<char, Size> characters{};

  // NOLINTNEXTLINE(*-avoid-c-arrays, google-explicit-constructor): a literal is one
  consteval acl_text(const char (&literal)[Size]) {
    std::copy_n(literal, Size, characters.begin());
  }

  [[nodiscard]] constexpr std::string_view view() const noexcept {
    return {characters.data(), Size - 1};
  }
};

/// Takes the next part between semicolons that is not blank; empty at the end.
[[nodiscard]] constexpr std::string_view take_rule(std::string_view& text) noexcept {
  constexpr std::string_view blanks = " \t\r\n";
  while (!text.empty()) {
    const auto end = text.find(';');
    auto part = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    part.remove_prefix(std::min(part.find_first_not_of(blanks), part.size()));
    part = part.substr(0, part.find_last_not_of(blanks) + 1);
    if (!part.empty()) return part;
  }
  return {};
}

[[nodiscard]] constexpr std::size_t count_rules(std::string_view text) noexcept {
  std::size_t count = 0;
  while (!take_rule(text).empty()) ++count;
  return count;
}

[[nodiscard]] constexpr network_rule literal_rule(std::string_view text, std::size_t index) {
  for (; index > 0; --index) (void)take_rule(text);
  const auto rule = take_rule(text);
  const auto space = std::min(rule.find(' '), rule.size());
  const auto action = rule.substr(0, space);
  if (action != "permit" && action != "deny") throw "a rule begins with permit or deny";
  const auto from = network::read(rule.substr(std::min(space + 1, rule.size())));
  if (!from) throw "not a network: write address/bits, with no bit set after the first bits";
  return action == "permit" ? permit(*from) : deny(*from);
}

template <acl_text Text>
[[nodiscard]] consteval auto literal_rules() {
  constexpr auto count = count_rules(Text.view());
  static_assert(count > 0, "acl<\"…\"> without rules would permit nobody: say admit::deny_all()");
  return []<std::size_t... Index>(std::index_sequence<Index...>) {
    constexpr std::array<network_rule, count> rules{literal_rule(Text.view(), Index)...};
    static_assert(!has_unreachable_rule(rules),
                  "a rule of this acl<\"…\"> never decides: rules before it match all its "
                  "addresses; move it up, or remove it");
    return rules;
  }
  (std::make_index_sequence<count>());
}

}  // namespace detail

/// Rules as a literal, in their order: `acl<"permit 10.0.0.0/8; deny 0.0.0.0/0">`, an array of
/// `network_rule`. Does not compile with a slip in it or with a rule that never decides.
template <detail::acl_text Text>
inline constexpr auto acl = detail::literal_rules<Text>();

}  // namespace keywarden::admit
