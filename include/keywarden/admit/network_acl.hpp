/// @file
/// Which networks may connect: an ordered list, reloadable while in use.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/admit/concepts.hpp>
#include <keywarden/admit/network.hpp>
#include <keywarden/admit/network_lookup.hpp>
#include <keywarden/admit/network_rules.hpp>
#include <keywarden/admit/network_text.hpp>

namespace keywarden::admit {

/// Admits by address: the first rule whose network holds it decides; if none does, the last word
/// decides, which is `otherwise::deny` unless said. A list of `ordered_rules` has the last word
/// that follows from what is in it (`implicit_rule_of`).
///
/// An empty list refuses everybody, whatever its last word: a list that was lost opens no door
/// (who wants no rule says `anyone` or `allow_all()`). Protects against work for strangers'
/// handshakes; not against who can send from a permitted address. What it costs to admit hardly
/// depends on the number of rules (`network_lookup`). Copies share the list: an endpoint and its
/// administrator see the same. `reload` is atomic: each connection is judged by one whole list, old
/// or new; those admitted before stay. Any thread.
class network_acl {
 public:
  static constexpr std::string_view name = "network_acl";
  using permit = stateless_permit;

  /// Refuses everybody until rules are loaded.
  network_acl() : network_acl(std::vector<network_rule>{}) {}

  explicit network_acl(std::vector<network_rule> rules, otherwise last = otherwise::deny)
      : network_acl(list(std::move(rules), {}, last, false)) {}

  /// For rules that were written as a literal, `acl<"…">`.
  template <std::size_t Size>
  explicit network_acl(const std::array<network_rule, Size>& rules,
                       otherwise last = otherwise::deny)
      : network_acl(std::vector(rules.begin(), rules.end()), last) {}

  /// With the implicit last word; refusals name a rule by its order and description.
  explicit network_acl(const ordered_rules& rules) : network_acl(list(rules)) {}

  // Moving copies, so that no rule is ever without its list.
  network_acl(const network_acl&) = default;
  network_acl& operator=(const network_acl&) = default;
  ~network_acl() = default;

  /// Replaces the whole list, for all copies.
  void reload(std::vector<network_rule> rules, otherwise last = otherwise::deny) const {
    replace(list(std::move(rules), {}, last, false));
  }
  /// The same from rules with numbers, with the implicit last word: refusals name a rule by them.
  void reload(const ordered_rules& rules) const { replace(list(rules)); }

  /// The rules now in force, in their order.
  [[nodiscard]] std::vector<network_rule> rules() const { return current()->rules; }

  /// The list now in force, a line for each rule and one for the last word.
  [[nodiscard]] std::string describe() const {
    const auto now_in_force = current();
    return detail::describe(now_in_force->as_set(), now_in_force->labels);
  }

  /// Errors: `admission_refused`, naming the rule that denied: by its order if it has one, else by
  /// its place counted from 1; its network; its description if it has one.
  [[nodiscard]] result<permit> admit(const address& from, instant /*now*/) const {
    {
      // A permit needs nothing of the list afterwards: the lock is shorter than a copy of the
      // pointer is cheap.
      const std::lock_guard lock(shared_->mutex);
      if (shared_->current->permits(from)) return permit{};
    }
    const auto now_in_force = current();
    const auto& in_force = *now_in_force;
    if (in_force.rules.empty()) return refuse(from, "the list is empty");
    const auto rule = in_force.lookup.rule_for(from);
    if (!rule) {
      if (in_force.last == otherwise::permit) return permit{};
      return refuse(from, "no rule permits it");
    }
    if (in_force.rules[*rule].action == action::permit) return permit{};
    auto reason = "rule " + detail::number_of(in_force.labels, *rule) + " denies " +
                  in_force.rules[*rule].from.text();
    detail::append_description(reason, in_force.labels, *rule);
    return refuse(from, reason);
  }

 private:
  struct list {
    list(std::vector<network_rule> given, std::vector<ordered_rules::label> said, otherwise word,
         bool word_is_implicit)
        : rules(std::move(given)),
          labels(std::move(said)),
          last(word),
          last_is_implicit(word_is_implicit),
          lookup(rules) {
      const auto segments = lookup.segments(family::ipv4);
      permitted_v4.reserve(segments.size());
      for (const auto& each : segments) permitted_v4.push_back(permits_by(each.by.rule));
    }
    explicit list(const ordered_rules& given)
        : list(given.rules(), given.labels(), implicit_rule_of(given.rules()), true) {}

    [[nodiscard]] bool permits(const address& from) const noexcept {
      if (rules.empty()) return false;
      if (from.is_v4()) return permitted_v4[lookup.v4_segment_of(from)];
      const auto rule = lookup.rule_for(from);
      return permits_by(rule ? static_cast<std::uint32_t>(*rule) : detail::deciding::none);
    }
    [[nodiscard]] bool permits_by(std::uint32_t rule) const noexcept {
      if (rule == detail::deciding::none) return last == otherwise::permit;
      return rules[rule].action == action::permit;
    }
    [[nodiscard]] rule_set as_set() const {
      return last_is_implicit ? rule_set(rules) : rule_set(rules, last);
    }

    std::vector<network_rule> rules;
    std::vector<ordered_rules::label> labels;  // none, or one a rule
    otherwise last;
    bool last_is_implicit;
    network_lookup lookup;
    std::vector<bool> permitted_v4;  // what is decided about each segment, close together
  };
  struct shared {
    std::mutex mutex;
    std::shared_ptr<const list> current;
  };

  explicit network_acl(list made) : shared_(std::make_shared<shared>()) {
    replace(std::move(made));
  }

  void replace(list made) const {
    auto next = std::make_shared<const list>(std::move(made));
    const std::lock_guard lock(shared_->mutex);
    shared_->current.swap(next);
  }

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

/// The built-in group AllowAll, and what "no list" means to Azure: every address of either family,
/// said aloud. A list of its own at each call.
[[nodiscard]] inline network_acl allow_all() {
  return network_acl({permit(network("0.0.0.0/0")), permit(network("::/0"))});
}

/// The built-in group DenyAll.
[[nodiscard]] inline network_acl deny_all() {
  return network_acl({deny(network("0.0.0.0/0")), deny(network("::/0"))});
}

/// The built-in groups by the names that configurations use without declaring them, `AllowAll` and
/// `DenyAll`; nothing for any other.
[[nodiscard]] inline std::optional<network_acl> built_in_acl(std::string_view group) {
  if (group == "AllowAll") return allow_all();
  if (group == "DenyAll") return deny_all();
  return std::nullopt;
}

}  // namespace keywarden::admit
