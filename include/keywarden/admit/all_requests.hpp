/// @file
/// Several rules about requests, one after the other.
#pragma once

#include <concepts>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <utility>

#include <keywarden/admit/request_rule.hpp>

namespace keywarden::admit {

/// Serves what every one of its rules admits, asked in the order of the type: put those that give
/// back (`concurrent_requests`) before those that only count (`request_rate`). The first refusal is
/// the answer; what earlier rules leased is given back, what they counted stays counted.
///
/// What `all_of` is for connections. Its permit is the tuple of theirs. Nests. Any thread.
template <class... Rules>
class all_requests {
  static_assert(sizeof...(Rules) >= 1,
                "all_requests without rules would serve everybody: leave it out if that is meant");
  static_assert((request_rule<Rules> && ...),
                "every rule of all_requests must be a request_rule: copyable, with a name, a "
                "move-only permit, and admit(request, instant) const that gives a result<permit>");

 public:
  static constexpr std::string_view name = "all_requests";
  using permit = std::tuple<typename Rules::permit...>;

  all_requests() requires(std::default_initializable<Rules>&&...) = default;
  explicit all_requests(Rules... rules) requires(sizeof...(Rules) >= 1)
      : rules_(std::move(rules)...) {}

  /// Errors: those of the rule that refuses.
  [[nodiscard]] result<permit> admit(const request& asked, instant now) const {
    return admit_by<0>(asked, now);
  }

  /// The rules, in the order of the type.
  [[nodiscard]] const std::tuple<Rules...>& rules() const noexcept { return rules_; }

 private:
  template <std::size_t Index, class... Held>
  [[nodiscard]] result<permit> admit_by(const request& asked, instant now, Held&&... held) const {
    if constexpr (Index == sizeof...(Rules)) {
      return permit(std::move(held)...);
    } else {
      auto next = std::get<Index>(rules_).admit(asked, now);
      if (!next) return next.error();
      return admit_by<Index + 1>(asked, now, std::move(held)..., *std::move(next));
    }
  }

  [[no_unique_address]] std::tuple<Rules...> rules_;
};

}  // namespace keywarden::admit
