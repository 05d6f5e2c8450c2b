/// @file
/// How evenly a host may ask: the generic cell rate algorithm.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/admit/blocked_host.hpp>
#include <keywarden/admit/host_table.hpp>
#include <keywarden/admit/request_rule.hpp>

namespace keywarden::admit {

/// The limits of `generic_cell_rate`: `burst` requests at once, and then one per `interval`. An
/// interval that is not positive admits nobody, nor does a burst of 0, nor `interval * burst` of
/// more than 36 years. nginx's `rate=10r/s burst=20 nodelay` is an interval of 100 ms, burst 21.
struct cell_limits {
  std::chrono::nanoseconds interval{20'000'000};  ///< 50 requests a second, as 100 in 2000 ms are
  std::uint32_t burst = 100;                      ///< requests that a host may make at once
  std::uint32_t hosts = 16'384;                   ///< remembered at a time, see `host_table`

  friend bool operator==(const cell_limits&, const cell_limits&) = default;
};

namespace detail {

/// The hosts that share one part of a `generic_cell_rate`'s table.
struct cell_bucket {
  enum class answer : std::uint8_t { admitted, over_the_limit, no_place };

  struct place {
    address host;
    instant due{};  // when the next request is due if all came evenly ("TAT"); never falls
    instant since{};
    bool used = false;
    bool refused = false;

    // When the next request is admitted is `due - tolerance`.
    [[nodiscard]] bool early(instant now, std::chrono::nanoseconds tolerance) const {
      return used && due - now > tolerance;
    }
  };
  std::array<place, bucket_size> places;

  [[nodiscard]] place* find(const address& host) {
    for (auto& each : places)
      if (each.used && each.host == host) return &each;
    return nullptr;
  }

  // A newcomer takes over the place and the due time of whoever has the earliest. One in the past
  // weighs nothing; and as no place's due time ever falls, whoever was displaced comes back with no
  // earlier one than he left with.
  [[nodiscard]] answer count(const address& host, instant now, std::chrono::nanoseconds interval,
                             std::chrono::nanoseconds tolerance) {
    auto* at = find(host);
    if (at == nullptr) {
      at = &*std::ranges::min_element(places, [](const place& left, const place& right) {
        return left.used != right.used ? !left.used : left.due < right.due;
      });
      if (at->early(now, tolerance)) return answer::no_place;
      at->host = host;
      at->refused = false;
    }
    if (at->early(now, tolerance)) {
      if (!at->refused) at->since = now;
      at->refused = true;
      return answer::over_the_limit;
    }
    at->due = (at->used ? std::max(at->due, now) : now) + interval;
    at->used = true;
    at->refused = false;
    return answer::admitted;
  }
};

}  // namespace detail

/// Admits a burst of requests of a host, and then one per interval, as the generic cell rate
/// algorithm (ITU-T I.371) does in exact nanoseconds, without drift: the same as a leaky bucket of
/// `burst` that loses one each interval. Smoother than `request_rate`: in any time t a host gets at
/// most `burst + t / interval`, with no window at whose end it gets twice its limit. A host is an
/// IPv4 address or an IPv6 /64. Requests that are refused do not count.
///
/// Memory is fixed when it is made: about 40 bytes for each of `limits.hosts`, in buckets of 16.
/// What a flood of requests from distinct addresses can do, exactly:
/// - Grow memory: no.
/// - Displace a host that is blocked (refused until some moment), or let it in before that: no,
///   with no number of addresses. Nor let any host ask sooner than its own requests allow.
/// - Make others wait: a newcomer whose bucket has no place that is at rest starts where the least
///   busy host in it is. So newcomers wait only while more than `hosts / interval` requests come
///   evenly spread, for longer than the burst; those that have a place keep it while they are
///   busier. When all 16 hosts of a bucket are blocked a newcomer is refused, as the error says.
/// - Choose whose bucket to fill: no, the key is random.
///
/// Does not protect against many hosts that each keep to the limit, nor tell hosts behind one
/// translated address apart. `Identity` says whose a request is. Copies share the counts. Any
/// thread.
template <client_identity Identity = peer_address>
class generic_cell_rate {
  using table = host_table<detail::cell_bucket>;

 public:
  static constexpr std::string_view name = "generic_cell_rate";
  using permit = stateless_permit;
  /// What decides which bucket a host falls into; random unless it is given.
  using hash_key = table::hash_key;

  explicit generic_cell_rate(cell_limits limits = {}, Identity who = {})
      : generic_cell_rate(limits, std::move(who), table::random_key()) {}

  /// With a known key, for tests: whoever knows it can fill a chosen bucket.
  generic_cell_rate(cell_limits limits, Identity who, result<hash_key> key)
      : state_(std::make_shared<state>(limits, std::move(who), std::move(key))) {}

  // Moving copies, so that no rule is ever without its counts.
  generic_cell_rate(const generic_cell_rate&) = default;
  generic_cell_rate& operator=(const generic_cell_rate&) = default;
  ~generic_cell_rate() = default;

  /// Errors: `admission_refused` with `fact::limit` (the burst) and sub-status 502;
  /// `backend_failed` when the system had no randomness for the table's key.
  [[nodiscard]] result<permit> admit(const request& asked, instant now) const {
    using answer = detail::cell_bucket::answer;
    auto& s = *state_;
    if (auto usable = s.hosts.usable(); !usable) return usable.error();
    const auto client = s.who.client(asked);
    auto given = answer::over_the_limit;
    if (const auto host = detail::host_of(client); s.sensible)
      given = s.hosts.visit(host, [&](auto& bucket) {
        return bucket.count(host, now, s.limits.interval, s.tolerance);
      });
    if (given == answer::admitted) return permit{};
    if (given == answer::no_place)
      return detail::refuse_for_want_of_place(client, name, sub_status::request_rate,
                                              s.limits.burst);
    return detail::refuse(client, name,
                          "more than a burst and one request each " +
                              std::to_string(s.limits.interval.count()) + " ns",
                          sub_status::request_rate, s.limits.burst);
  }

  /// Who would be refused now and was refused before, at most so many of them.
  [[nodiscard]] std::vector<blocked_host> blocked(instant now,
                                                  std::size_t at_most = max_blocked_listed) const {
    std::vector<blocked_host> made;
    const auto tolerance = state_->tolerance;
    state_->hosts.visit_all([&](const detail::cell_bucket& bucket) {
      for (const auto& each : bucket.places)
        if (made.size() < at_most && each.refused && each.early(now, tolerance))
          made.push_back({each.host, each.since, each.due - tolerance, sub_status::request_rate});
      return made.size() < at_most;
    });
    return made;
  }

  /// Forgets what the host of an address has asked, so that its next burst is served. Whether there
  /// was anything to forget.
  bool unblock(const address& host) const {
    if (!state_->hosts.usable()) return false;
    const auto wanted = detail::host_of(host);
    return state_->hosts.visit(wanted, [&](detail::cell_bucket& bucket) {
      auto* const found = bucket.find(wanted);
      if (found != nullptr) *found = {};
      return found != nullptr;
    });
  }

  /// The limits that it was made with; they never change.
  [[nodiscard]] const cell_limits& limits() const noexcept { return state_->limits; }
  /// Who says whose a request is: the connected peer, or what trusted proxies say.
  [[nodiscard]] const Identity& identity() const noexcept { return state_->who; }

  /// All the memory that the table takes, now and ever.
  [[nodiscard]] std::size_t bytes() const noexcept { return state_->hosts.bytes(); }

 private:
  struct state {
    state(cell_limits wanted, Identity client, result<hash_key> key)
        : limits(wanted),
          sensible(wanted.interval.count() > 0 && wanted.burst > 0 &&
                   wanted.interval.count() <= (std::int64_t{1} << 60U) / wanted.burst),
          tolerance(sensible ? wanted.interval * (wanted.burst - 1) : wanted.interval * 0),
          who(std::move(client)),
          hosts(wanted.hosts, std::move(key)) {}

    const cell_limits limits;
    const bool sensible;
    const std::chrono::nanoseconds tolerance;
    const Identity who;
    table hosts;
  };

  std::shared_ptr<state> state_;
};

static_assert(request_rule<generic_cell_rate<>>);

}  // namespace keywarden::admit
