/// @file
/// The named weakening: a rule that only says what it would refuse.
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include <keywarden/admit/request_rule.hpp>

namespace keywarden::admit {

/// Tells `log` each refusal of its rule and serves the request all the same: IIS's
/// `enableLoggingOnlyMode`, nginx's dry run. Protects against nothing; for finding limits that
/// honest clients keep to. What the rule admits counts as ever, so the log shows what it would have
/// refused.
///
/// `log` is called on the thread that asked, perhaps on many at once, outside all locks; it must
/// not throw, and be quick: a flood makes it run for every request. Any thread; no errors.
template <class Rule>
class dry_run {
  static_assert(request_rule<Rule>,
                "the rule of dry_run must be a request_rule: copyable, with a name, a move-only "
                "permit, and admit(request, instant) const that gives a result<permit>");

 public:
  static constexpr std::string_view name = "dry_run";
  /// The rule's; none when it would have refused.
  using permit = std::optional<typename Rule::permit>;
  /// Is told each refusal, with the facts that the client never sees.
  using logger = std::function<void(const error& refusal)>;

  dry_run(Rule rule, logger log) : rule_(std::move(rule)), log_(std::move(log)) {}

  // Moving copies, so that no rule is ever without its log.
  dry_run(const dry_run&) = default;
  dry_run& operator=(const dry_run&) = default;
  ~dry_run() = default;

  [[nodiscard]] result<permit> admit(const request& asked, instant now) const {
    auto admitted = rule_.admit(asked, now);
    if (admitted) return permit(*std::move(admitted));
    if (log_) log_(admitted.error());
    return permit{};
  }

  /// The rule that is asked and not obeyed.
  [[nodiscard]] const Rule& rule() const noexcept { return rule_; }

 private:
  Rule rule_;
  logger log_;
};

}  // namespace keywarden::admit
