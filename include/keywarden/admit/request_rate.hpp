/// @file
/// How many requests a host may make in a time.
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

/// The limits of `request_rate`; the defaults are the Split-Merge service's. A window that is not
/// positive admits nobody, nor does a limit of 0.
struct request_limits {
  std::uint32_t requests = 100;            ///< of one host in one window
  std::chrono::milliseconds window{2000};  ///< from the host's first request on
  std::uint32_t hosts = 16'384;            ///< remembered at a time, see `host_table`

  friend bool operator==(const request_limits&, const request_limits&) = default;
};

namespace detail {

/// The hosts that share one part of a `request_rate`'s table.
struct rate_bucket {
  enum class answer : std::uint8_t { admitted, over_the_limit, no_place };

  struct place {
    address host;
    instant start{};  // of its window
    instant since{};  // when it was refused first in it
    std::uint32_t count = 0;
    bool refused = false;
  };
  std::array<place, bucket_size> places;
  instant shared_start{};
  bool shares = false;  // all places count in one window, from shared_start on

  [[nodiscard]] static bool over(instant start, instant now, const request_limits& limits) {
    return std::chrono::floor<std::chrono::milliseconds>(now - start) >= limits.window;
  }
  [[nodiscard]] bool live(const place& one, instant now, const request_limits& limits) const {
    return one.count > 0 && !over(shares ? shared_start : one.start, now, limits);
  }
  [[nodiscard]] place* find(const address& host) {
    for (auto& each : places)
      if (each.count > 0 && each.host == host) return &each;
    return nullptr;
  }

  // With a free place everywhere, each host has its own window. When a newcomer finds none, the
  // hosts that are here share one window from then on, with the counts they have, and until it is
  // over the newcomer takes over the place and the count of whoever has the smallest: within it no
  // place's count falls, so whoever was displaced comes back with no less than he left with
  // ("space saving": Metwally and others, 2005). Then all counts start anew, in windows of their
  // own.
  [[nodiscard]] answer count(const address& host, instant now, const request_limits& limits) {
    if (shares && over(shared_start, now, limits)) *this = {};
    auto* at = find(host);
    if (at == nullptr || !live(*at, now, limits)) {
      if (at == nullptr)
        for (auto& each : places)
          if (!live(each, now, limits)) at = &each;
      if (at != nullptr) {
        *at = {host, now, {}, 0, false};
      } else {
        at = &*std::ranges::min_element(places, {}, &place::count);
        if (at->count >= limits.requests) return answer::no_place;
        if (!shares) shared_start = now;
        shares = true;
        at->host = host;
      }
    }
    if (at->count >= limits.requests) {
      if (!at->refused) at->since = now;
      at->refused = true;
      return answer::over_the_limit;
    }
    ++at->count;
    return answer::admitted;
  }
};

}  // namespace detail

/// Admits N requests of a host per window and refuses the next until the window is over, as IIS
/// Dynamic IP Restrictions do; a host is an IPv4 address or an IPv6 /64. A window starts with a
/// host's first request; its counts start anew when it is over, so around its end a host gets up to
/// 2N. Requests that are refused do not count. A host that has made its N requests is *blocked*
/// until its window is over.
///
/// Memory is fixed when it is made: about 49 bytes for each of `limits.hosts`, in buckets of 16.
/// What a flood of requests from distinct addresses can do, exactly:
/// - Grow memory: no.
/// - Displace a blocked host, reset its count or end its block early: no, with no number of
///   addresses. Nor make any host's count smaller than its requests in its window.
/// - Displace a host that is not blocked: only when all 16 places of its bucket are live, only the
///   one with the smallest count, and it comes back with that count or more.
/// - Make hosts wait longer: in a bucket that was asked for more than 16 hosts, all share one
///   window from that moment on. A count or a block may so last for almost a window longer, once.
/// - Make others look busier: a newcomer to such a bucket starts with the smallest count in it,
///   about `F / hosts` after F requests from other hosts in the last two windows, and is served
///   while that and its own are at most N. So an honest host of k requests in a window is served
///   during any flood of less than `hosts * (N - k)` requests in two windows, evenly spread.
/// - Keep newcomers out: with some `hosts * N` requests in two windows from at least `hosts`
///   addresses. When all 16 hosts of a bucket are blocked a newcomer is refused, as the error says;
///   a table in which everybody is blocked serves nobody else (it fails closed).
/// - Choose whose bucket to fill: no, the key is random.
/// Make `hosts` at least twice as many as there are honest hosts in one window.
///
/// Does not protect against many hosts that each keep to the limit, nor tell hosts behind one
/// translated address apart. `Identity` says whose a request is. Copies share the counts. Any
/// thread.
template <client_identity Identity = peer_address>
class request_rate {
  using table = host_table<detail::rate_bucket>;

 public:
  static constexpr std::string_view name = "request_rate";
  using permit = stateless_permit;
  /// What decides which bucket a host falls into; random unless it is given.
  using hash_key = table::hash_key;

  explicit request_rate(request_limits limits = {}, Identity who = {})
      : request_rate(limits, std::move(who), table::random_key()) {}

  /// With a known key, for tests: whoever knows it can fill a chosen bucket.
  request_rate(request_limits limits, Identity who, result<hash_key> key)
      : state_(std::make_shared<state>(limits, std::move(who), std::move(key))) {}

  // Moving copies, so that no rule is ever without its counts.
  request_rate(const request_rate&) = default;
  request_rate& operator=(const request_rate&) = default;
  ~request_rate() = default;

  /// Errors: `admission_refused` with `fact::limit` and sub-status 502; `backend_failed` when the
  /// system had no randomness for the table's key.
  [[nodiscard]] result<permit> admit(const request& asked, instant now) const {
    using answer = detail::rate_bucket::answer;
    auto& s = *state_;
    if (auto usable = s.hosts.usable(); !usable) return usable.error();
    const auto client = s.who.client(asked);
    auto given = answer::over_the_limit;
    if (const auto host = detail::host_of(client); s.limits.window.count() > 0 && s.limits.requests)
      given = s.hosts.visit(host, [&](auto& bucket) { return bucket.count(host, now, s.limits); });
    if (given == answer::admitted) return permit{};
    if (given == answer::no_place)
      return detail::refuse_for_want_of_place(client, name, sub_status::request_rate,
                                              s.limits.requests);
    return detail::refuse(
        client, name,
        "more requests than allowed in " + std::to_string(s.limits.window.count()) + " ms",
        sub_status::request_rate, s.limits.requests);
  }

  /// Who is blocked and has been refused, at most so many of them.
  [[nodiscard]] std::vector<blocked_host> blocked(instant now,
                                                  std::size_t at_most = max_blocked_listed) const {
    std::vector<blocked_host> made;
    const auto& limits = state_->limits;
    state_->hosts.visit_all([&](const detail::rate_bucket& bucket) {
      for (const auto& each : bucket.places)
        if (made.size() < at_most && each.refused && bucket.live(each, now, limits))
          made.push_back(
              {each.host, each.since,
               detail::end_of(bucket.shares ? bucket.shared_start : each.start, limits.window),
               sub_status::request_rate});
      return made.size() < at_most;
    });
    return made;
  }

  /// Forgets what the host of an address has asked, so that its next N requests are served. Whether
  /// there was anything to forget. (In a bucket without a free place, a newcomer may use them up.)
  bool unblock(const address& host) const {
    if (!state_->hosts.usable()) return false;
    const auto wanted = detail::host_of(host);
    return state_->hosts.visit(wanted, [&](detail::rate_bucket& bucket) {
      auto* const found = bucket.find(wanted);
      if (found != nullptr) *found = {};
      return found != nullptr;
    });
  }

  /// The limits that it was made with; they never change.
  [[nodiscard]] const request_limits& limits() const noexcept { return state_->limits; }
  /// Who says whose a request is: the connected peer, or what trusted proxies say.
  [[nodiscard]] const Identity& identity() const noexcept { return state_->who; }

  /// All the memory that the table takes, now and ever.
  [[nodiscard]] std::size_t bytes() const noexcept { return state_->hosts.bytes(); }

 private:
  struct state {
    state(request_limits wanted, Identity client, result<hash_key> key)
        : limits(wanted), who(std::move(client)), hosts(wanted.hosts, std::move(key)) {}

    const request_limits limits;
    const Identity who;
    table hosts;
  };

  std::shared_ptr<state> state_;
};

static_assert(request_rule<request_rate<>>);

}  // namespace keywarden::admit
