/// @file
/// Several rules about who may connect, one after the other.
#pragma once

#include <concepts>
#include <string_view>
#include <tuple>
#include <utility>

#include <keywarden/admit/anyone.hpp>
#include <keywarden/admit/concepts.hpp>

namespace keywarden::admit {

/// Admits what every one of its rules admits, asked in the order of the type: put the cheap ones
/// first, and those that count last. The first refusal is the answer; what earlier rules leased is
/// given back. (`connection_rate` counts what it admitted even if a later rule refuses.)
///
/// Its permit is the tuple of theirs. Stateless rules take no space. Nests. Any thread.
template <class... Rules>
class all_of {
  static_assert(sizeof...(Rules) >= 1,
                "all_of without rules would admit everybody: say admit::anyone if that is meant");
  static_assert(
      (connection_rule<Rules> && ...),
      "every rule of all_of must be a connection_rule: copyable, with a name, a move-only "
      "permit, and admit(address, instant) const that gives a result<permit>");

 public:
  static constexpr std::string_view name = "all_of";
  using permit = std::tuple<typename Rules::permit...>;

  all_of() requires(std::default_initializable<Rules>&&...) = default;
  explicit all_of(Rules... rules) requires(sizeof...(Rules) >= 1) : rules_(std::move(rules)...) {}

  /// Errors: those of the rule that refuses.
  [[nodiscard]] result<permit> admit(const address& from, instant now) const {
    expect(from);
    return admit_by<0>(from, now);
  }

  /// Tells the rules that can prepare themselves who comes, before any is asked.
  void expect(const address& from) const noexcept {
    std::apply([&](const auto&... each) { (tell(each, from), ...); }, rules_);
  }

  /// The rules, in the order of the type.
  [[nodiscard]] const std::tuple<Rules...>& rules() const noexcept { return rules_; }

 private:
  template <class Rule>
  static void tell(const Rule& rule, const address& from) noexcept {
    if constexpr (requires { rule.expect(from); }) rule.expect(from);
  }
  template <std::size_t Index, class... Held>
  [[nodiscard]] result<permit> admit_by(const address& from, instant now, Held&&... held) const {
    if constexpr (Index == sizeof...(Rules)) {
      return permit(std::move(held)...);
    } else {
      auto next = std::get<Index>(rules_).admit(from, now);
      if (!next) return next.error();
      return admit_by<Index + 1>(from, now, std::move(held)..., *std::move(next));
    }
  }

  [[no_unique_address]] std::tuple<Rules...> rules_;
};

}  // namespace keywarden::admit
