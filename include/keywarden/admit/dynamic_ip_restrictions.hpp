/// @file
/// IIS Dynamic IP Restrictions, as a service's configuration sets them while it runs.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/admit/concurrent_requests.hpp>
#include <keywarden/admit/deny_action.hpp>
#include <keywarden/admit/network.hpp>
#include <keywarden/admit/request_rate.hpp>
#include <keywarden/admit/trusted_proxies.hpp>

namespace keywarden::admit {

/// What a configuration says about requests. A limit of 0 and an interval that is not positive are
/// errors even where the limit is off.
struct dynamic_ip_settings {
  bool deny_by_concurrent_requests = false;  ///< off: proxies and address translation make many one
  std::uint32_t max_concurrent_requests = 20;        ///< of one host, while that is on
  bool deny_by_request_rate = true;                  ///< whether requests in a time are limited
  std::uint32_t max_requests = 100;                  ///< of one host in `request_interval`
  std::chrono::milliseconds request_interval{2000};  ///< the window that requests are counted in
  admit::deny_action deny_action = split_merge_deny_action;  ///< what a refused client gets
  bool logging_only = false;     ///< a weakening: refusals are logged, and served
  std::vector<network> exempt;   ///< always served, whatever the rest says
  std::vector<network> proxies;  ///< see `trusted_proxies`; none: headers are not looked at
  std::uint32_t hosts = 16'384;  ///< remembered by each limit that is on, see `host_table`

  /// The Split-Merge service's: 100 requests in 2000 ms, or the connection is dropped.
  [[nodiscard]] static dynamic_ip_settings split_merge_defaults() { return {}; }

  /// IIS's: both limits off (5 at a time, 20 in 200 ms), 403.
  [[nodiscard]] static dynamic_ip_settings iis_defaults() {
    dynamic_ip_settings made;
    made.max_concurrent_requests = 5;
    made.deny_by_request_rate = false;
    made.max_requests = 20;
    made.request_interval = std::chrono::milliseconds(200);
    made.deny_action = iis_deny_action;
    return made;
  }

  friend bool operator==(const dynamic_ip_settings&, const dynamic_ip_settings&) = default;
};

/// `concurrent_requests` and then `request_rate`, each on or off as the settings say, for the
/// client that `trusted_proxies` finds; exempt networks and the logging-only mode likewise. With
/// both limits off it serves everybody.
///
/// IIS's proxy mode believes whatever X-Forwarded-For says; here only what trusted proxies wrote
/// there counts. Protects and does not protect as its rules do; who may connect at all is a
/// `network_acl`'s.
///
/// `reload` is atomic: each request is judged by all old or all new settings. A limit whose numbers
/// (and `hosts`) did not change keeps its counts, its blocks and its open requests; one that did,
/// or was off, starts anew: its blocked hosts are served, and requests that are open do not count
/// against a new concurrency limit. Copies are the same rule. Any thread.
class dynamic_ip_restrictions {
  using rate_rule = request_rate<peer_address>;
  using concurrency_rule = concurrent_requests<peer_address>;

 public:
  static constexpr std::string_view name = "dynamic_ip_restrictions";
  /// A place among the host's open requests; none when they are not counted.
  using permit = std::optional<concurrency_rule::permit>;
  /// Told what the logging-only mode would have refused. As `dry_run`'s.
  using logger = std::function<void(const error& refusal)>;

  /// The most hosts that settings may ask to remember.
  static constexpr std::uint32_t max_hosts = 1U << 24U;

  /// Errors: `invalid_argument` for a limit or an interval that would refuse everybody, for no
  /// hosts or more than `max_hosts`, and for the logging-only mode without a log.
  [[nodiscard]] static result<dynamic_ip_restrictions> make(dynamic_ip_settings settings,
                                                            logger log = {}) {
    dynamic_ip_restrictions made(std::move(log));
    if (auto loaded = made.reload(std::move(settings)); !loaded) return loaded.error();
    return made;
  }

  // Moving copies, so that no rule is ever without its settings.
  dynamic_ip_restrictions(const dynamic_ip_restrictions&) = default;
  dynamic_ip_restrictions& operator=(const dynamic_ip_restrictions&) = default;
  ~dynamic_ip_restrictions() = default;

  /// Replaces the settings, for all copies. Errors: as `make`'s; the old settings then stay.
  result<void> reload(dynamic_ip_settings settings) const {
    if (auto checked = check(settings); !checked) return checked;
    const std::lock_guard one_at_a_time(shared_->reloading);
    const auto old = current();
    auto made = std::make_shared<in_force>();
    const request_limits rate{settings.max_requests, settings.request_interval, settings.hosts};
    const request_concurrency concurrency{settings.max_concurrent_requests, settings.hosts};
    if (settings.deny_by_request_rate) made->rate = kept(old ? &old->rate : nullptr, rate);
    if (settings.deny_by_concurrent_requests)
      made->concurrency = kept(old ? &old->concurrency : nullptr, concurrency);
    made->proxies = trusted_proxies(settings.proxies);
    made->settings = std::move(settings);
    std::shared_ptr<const in_force> next = std::move(made);
    const std::lock_guard lock(shared_->mutex);
    shared_->now.swap(next);
    return done();
  }

  /// Errors: `admission_refused` with sub-status 501 or 502, blaming the rule that refused.
  [[nodiscard]] result<permit> admit(const request& asked, instant now) const {
    const auto judge = current();
    const request judged{judge->proxies.client(asked)};
    for (const auto& each : judge->settings.exempt)
      if (each.contains(judged.peer)) return permit{};
    auto answer = judge->admit(judged, now);
    if (answer || !judge->settings.logging_only) return answer;
    shared_->log(answer.error());
    return permit{};
  }

  /// What a client that is refused now gets.
  [[nodiscard]] admit::deny_action deny_action() const { return current()->settings.deny_action; }

  /// What is in force now, as a copy; another thread may replace it at once.
  [[nodiscard]] dynamic_ip_settings settings() const { return current()->settings; }

  /// Who is blocked by either limit and has been refused, at most so many.
  [[nodiscard]] std::vector<blocked_host> blocked(instant now,
                                                  std::size_t at_most = max_blocked_listed) const {
    const auto judge = current();
    std::vector<blocked_host> made;
    if (judge->rate) made = judge->rate->blocked(now, at_most);
    if (judge->concurrency) {
      const auto more = judge->concurrency->blocked(now, at_most - made.size());
      made.insert(made.end(), more.begin(), more.end());
    }
    return made;
  }

  /// As `request_rate`'s. A host with too many open requests stays blocked until one ends.
  bool unblock(const address& host) const {
    const auto judge = current();
    return judge->rate && judge->rate->unblock(host);
  }

 private:
  struct in_force {
    dynamic_ip_settings settings;
    trusted_proxies proxies;
    std::optional<rate_rule> rate;
    std::optional<concurrency_rule> concurrency;

    [[nodiscard]] result<permit> admit(const request& judged, instant now) const {
      permit held;
      if (concurrency) {
        auto leased = concurrency->admit(judged, now);
        if (!leased) return leased.error();
        held.emplace(*std::move(leased));
      }
      if (rate)
        if (auto counted = rate->admit(judged, now); !counted) return counted.error();
      return held;
    }
  };
  struct shared {
    explicit shared(logger told) : log(std::move(told)) {}

    const logger log;
    std::mutex reloading;
    std::mutex mutex;  // of `now` only
    std::shared_ptr<const in_force> now;
  };

  explicit dynamic_ip_restrictions(logger log)
      : shared_(std::make_shared<shared>(std::move(log))) {}

  // The old rule, which counts on, if its limits are these; else a new one.
  template <class Rule, class Limits>
  [[nodiscard]] static Rule kept(const std::optional<Rule>* old, const Limits& limits) {
    if (old != nullptr && *old && (*old)->limits() == limits) return **old;
    return Rule(limits);
  }

  [[nodiscard]] result<void> check(const dynamic_ip_settings& wanted) const {
    const auto refuse = [](std::string_view what, std::string_view next_step) {
      return error(errc::invalid_argument).with(fact::name, what).with(fact::next_step, next_step);
    };
    constexpr std::string_view positive = "give a positive number; to lift the limit, turn it off";
    if (wanted.max_concurrent_requests == 0) return refuse("max_concurrent_requests", positive);
    if (wanted.max_requests == 0) return refuse("max_requests", positive);
    if (wanted.request_interval.count() <= 0) return refuse("request_interval", positive);
    if (wanted.hosts == 0 || wanted.hosts > max_hosts)
      return refuse("hosts", "remember 1 to 16777216 hosts");
    if (wanted.logging_only && !shared_->log)
      return refuse("logging_only", "give a log, or refuse what is over the limits");
    return done();
  }

  [[nodiscard]] std::shared_ptr<const in_force> current() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->now;
  }

  std::shared_ptr<shared> shared_;
};

static_assert(request_rule<dynamic_ip_restrictions>);

}  // namespace keywarden::admit
