/// @file
/// Networks whose requests are always served.
#pragma once

#include <algorithm>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <keywarden/admit/network.hpp>
#include <keywarden/admit/request_rule.hpp>

namespace keywarden::admit {

/// Serves requests from the listed networks regardless of what its rule says, and without asking
/// it: they count for nothing, neither against themselves nor against others. All others are the
/// rule's.
///
/// A weakening for those networks: list monitoring and neighbours, not the proxies, through which
/// everybody comes. `Identity` says whose a request is; take the rule's own. Copies are the same
/// rule. Any thread.
template <class Rule, client_identity Identity = peer_address>
class exempt {
  static_assert(request_rule<Rule>,
                "the rule of exempt must be a request_rule: copyable, with a name, a move-only "
                "permit, and admit(request, instant) const that gives a result<permit>");

 public:
  static constexpr std::string_view name = "exempt";
  /// Of an exempt network, or the rule's.
  using permit = std::variant<stateless_permit, typename Rule::permit>;

  exempt(std::vector<network> networks, Rule rule, Identity who = {})
      : networks_(std::move(networks)), rule_(std::move(rule)), who_(std::move(who)) {}

  // Moving copies, so that no rule is ever without its networks.
  exempt(const exempt&) = default;
  exempt& operator=(const exempt&) = default;
  ~exempt() = default;

  /// Errors: the rule's.
  [[nodiscard]] result<permit> admit(const request& asked, instant now) const {
    const auto client = who_.client(asked);
    if (std::ranges::any_of(networks_, [&](const network& each) { return each.contains(client); }))
      return permit(std::in_place_index<0>);
    auto admitted = rule_.admit(asked, now);
    if (!admitted) return admitted.error();
    return permit(std::in_place_index<1>, *std::move(admitted));
  }

  /// Whose requests are always served.
  [[nodiscard]] const std::vector<network>& networks() const noexcept { return networks_; }
  /// The rule that everybody else is judged by.
  [[nodiscard]] const Rule& rule() const noexcept { return rule_; }

 private:
  std::vector<network> networks_;
  Rule rule_;
  [[no_unique_address]] Identity who_;
};

}  // namespace keywarden::admit
