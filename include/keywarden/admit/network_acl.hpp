/// @file
/// Which networks may connect: an ordered list, reloadable while in use.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/admit/concepts.hpp>
#include <keywarden/admit/network.hpp>

namespace keywarden::admit {

/// What a rule does with the addresses of its network.
enum class action : std::uint8_t { permit, deny };

/// What happens to an address that no rule matches.
enum class otherwise : std::uint8_t { deny, permit };

/// One line of an access control list.
struct network_rule {
  admit::action action;
  admit::network from;

  friend bool operator==(const network_rule&, const network_rule&) = default;
};

[[nodiscard]] constexpr network_rule permit(const network& from) noexcept {
  return {action::permit, from};
}
[[nodiscard]] constexpr network_rule deny(const network& from) noexcept {
  return {action::deny, from};
}

/// Admits by address: the first rule whose network holds it decides; if none does, the last word
/// decides, which is `otherwise::deny` unless said.
///
/// An empty list refuses everybody, whatever its last word: a list that was lost opens no door
/// (who wants no rule says `anyone`). Protects against work for strangers' handshakes; not against
/// who can send from a permitted address. Copies share the list: an endpoint and its administrator
/// see the same. `reload` is atomic: each connection is judged by one whole list, old or new; those
/// admitted before stay. Any thread.
class network_acl {
 public:
  static constexpr std::string_view name = "network_acl";
  using permit = stateless_permit;

  /// Refuses everybody until rules are loaded.
  network_acl() : network_acl(std::vector<network_rule>{}) {}

  explicit network_acl(std::vector<network_rule> rules, otherwise last = otherwise::deny)
      : shared_(std::make_shared<shared>()) {
    reload(std::move(rules), last);
  }

  // Moving copies, so that no rule is ever without its list.
  network_acl(const network_acl&) = default;
  network_acl& operator=(const network_acl&) = default;
  ~network_acl() = default;

  /// Replaces the whole list, for all copies.
  void reload(std::vector<network_rule> rules, otherwise last = otherwise::deny) const {
    auto made = std::make_shared<const list>(list{std::move(rules), last});
    const std::lock_guard lock(shared_->mutex);
    shared_->current.swap(made);
  }

  /// The rules now in force, in their order.
  [[nodiscard]] std::vector<network_rule> rules() const { return current()->rules; }

  /// Errors: `admission_refused`, naming the rule that denied, counted from 1.
  [[nodiscard]] result<permit> admit(const address& from, instant /*now*/) const {
    const auto now_in_force = current();
    const auto& [rules, last] = *now_in_force;
    if (rules.empty()) return refuse(from, "the list is empty");
    for (std::size_t i = 0; i < rules.size(); ++i) {
      if (!rules[i].from.contains(from)) continue;
      if (rules[i].action == action::permit) return permit{};
      return refuse(from, "rule " + std::to_string(i + 1) + " denies " + rules[i].from.text());
    }
    if (last == otherwise::permit) return permit{};
    return refuse(from, "no rule permits it");
  }

 private:
  struct list {
    std::vector<network_rule> rules;
    otherwise last;
  };
  struct shared {
    std::mutex mutex;
    std::shared_ptr<const list> current;
  };

  [[nodiscard]] static error refuse(const address& from, std::string_view reason) {
    return detail::refuse(from, name, reason)
        .with(fact::next_step, "permit the address's network if it should connect");
  }
  [[nodiscard]] std::shared_ptr<const list> current() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->current;
  }

  std::shared_ptr<shared> shared_;
};

static_assert(connection_rule<network_acl>);

}  // namespace keywarden::admit
