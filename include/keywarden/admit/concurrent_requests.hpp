/// @file
/// How many requests of a host may be served at the same time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/admit/blocked_host.hpp>
#include <keywarden/admit/host_table.hpp>
#include <keywarden/admit/request_rule.hpp>

namespace keywarden::admit {

/// The limits of `concurrent_requests`. A limit of 0 admits nobody.
struct request_concurrency {
  std::uint32_t per_host = 20;   ///< at a time, from one IPv4 address or one IPv6 /64
  std::uint32_t hosts = 16'384;  ///< with requests at a time, see `host_table`

  friend bool operator==(const request_concurrency&, const request_concurrency&) = default;
};

namespace detail {

/// The hosts that share one part of a `concurrent_requests`'s table.
struct concurrency_bucket {
  enum class answer : std::uint8_t { admitted, over_the_limit, no_place };

  struct place {
    address host;
    instant since{};
    std::uint32_t open = 0;
    bool refused = false;
  };
  std::array<place, bucket_size> places;

  [[nodiscard]] place* find(const address& host) {
    for (auto& each : places)
      if (each.open > 0 && each.host == host) return &each;
    return nullptr;
  }

  [[nodiscard]] answer take(const address& host, instant now, std::uint32_t limit) {
    auto* at = find(host);
    if (at == nullptr) {
      for (auto& each : places)
        if (each.open == 0) at = &each;
      if (at == nullptr) return answer::no_place;
      *at = {host, {}, 0, false};
    }
    if (at->open >= limit) {
      if (!at->refused) at->since = now;
      at->refused = true;
      return answer::over_the_limit;
    }
    ++at->open;
    return answer::admitted;
  }

  void give_back(const address& host) noexcept {
    auto* const at = find(host);
    --at->open;
    at->refused = false;
  }
};

}  // namespace detail

/// Admits a request while fewer than N of its host are served; a host is an IPv4 address or an IPv6
/// /64. A request is served until its permit is destroyed.
///
/// Protects against one host taking all workers. Does not protect against many hosts together, nor
/// tell hosts behind one translated address apart. Memory is fixed when it is made: about 32 bytes
/// for each of `limits.hosts`, in buckets of 16. No number of addresses displaces a host that has
/// requests open or resets its count. A new host whose bucket's 16 places all have requests open is
/// refused, as the error says (it fails closed): make `hosts` four times as many as hosts are
/// expected to have requests open together, and that happens in one bucket of a million. `Identity`
/// says whose a request is. Copies share the counts; leases may outlive them all. Any thread.
template <client_identity Identity = peer_address>
class concurrent_requests {
  using table = host_table<detail::concurrency_bucket>;
  struct state;

 public:
  static constexpr std::string_view name = "concurrent_requests";
  /// What decides which bucket a host falls into; random unless it is given.
  using hash_key = table::hash_key;

  /// One place among its host's open requests; given back when it is destroyed.
  class permit {
   public:
    permit(permit&& other) noexcept = default;
    permit& operator=(permit&& other) noexcept {
      permit taken(std::move(other));
      std::swap(state_, taken.state_);
      std::swap(host_, taken.host_);
      return *this;
    }
    permit(const permit&) = delete;
    permit& operator=(const permit&) = delete;
    ~permit() {
      if (state_ == nullptr) return;
      state_->hosts.visit(host_, [this](auto& bucket) { bucket.give_back(host_); });
    }

   private:
    friend class concurrent_requests;
    permit(std::shared_ptr<state> from, const address& host) noexcept
        : state_(std::move(from)), host_(host) {}

    std::shared_ptr<state> state_;  // none: moved from
    address host_;
  };

  explicit concurrent_requests(request_concurrency limits = {}, Identity who = {})
      : concurrent_requests(limits, std::move(who), table::random_key()) {}

  /// With a known key, for tests: whoever knows it can fill a chosen bucket.
  concurrent_requests(request_concurrency limits, Identity who, result<hash_key> key)
      : state_(std::make_shared<state>(limits, std::move(who), std::move(key))) {}

  // Moving copies, so that no rule is ever without its counts.
  concurrent_requests(const concurrent_requests&) = default;
  concurrent_requests& operator=(const concurrent_requests&) = default;
  ~concurrent_requests() = default;

  /// Errors: `admission_refused` with `fact::limit` and sub-status 501; `backend_failed` when the
  /// system had no randomness for the table's key.
  [[nodiscard]] result<permit> admit(const request& asked, instant now) const {
    using answer = detail::concurrency_bucket::answer;
    auto& s = *state_;
    if (auto usable = s.hosts.usable(); !usable) return usable.error();
    const auto client = s.who.client(asked);
    const auto host = detail::host_of(client);
    const auto given =
        s.limits.per_host == 0 ? answer::over_the_limit : s.hosts.visit(host, [&](auto& bucket) {
          return bucket.take(host, now, s.limits.per_host);
        });
    if (given == answer::admitted) return permit(state_, host);
    if (given == answer::no_place)
      return detail::refuse_for_want_of_place(client, name, sub_status::concurrent_requests,
                                              s.limits.per_host);
    return detail::refuse(client, name, "too many of its requests are being served",
                          sub_status::concurrent_requests, s.limits.per_host);
  }

  /// Who is at the limit and has been refused, at most so many of them. A block ends when one of
  /// the host's requests does: there is no `unblock`.
  [[nodiscard]] std::vector<blocked_host> blocked(instant /*now*/,
                                                  std::size_t at_most = max_blocked_listed) const {
    std::vector<blocked_host> made;
    state_->hosts.visit_all([&](const detail::concurrency_bucket& bucket) {
      for (const auto& each : bucket.places)
        if (made.size() < at_most && each.refused && each.open > 0)
          made.push_back({each.host, each.since, std::nullopt, sub_status::concurrent_requests});
      return made.size() < at_most;
    });
    return made;
  }

  /// How many requests of an address's host are being served.
  [[nodiscard]] std::uint32_t open(const address& from) const {
    if (!state_->hosts.usable()) return 0;
    const auto host = detail::host_of(from);
    return state_->hosts.visit(host, [&](auto& bucket) {
      const auto* const found = bucket.find(host);
      return found == nullptr ? 0U : found->open;
    });
  }

  /// The limits that it was made with; they never change.
  [[nodiscard]] const request_concurrency& limits() const noexcept { return state_->limits; }
  /// Who says whose a request is: the connected peer, or what trusted proxies say.
  [[nodiscard]] const Identity& identity() const noexcept { return state_->who; }

  /// All the memory that the table takes, now and ever.
  [[nodiscard]] std::size_t bytes() const noexcept { return state_->hosts.bytes(); }

 private:
  struct state {
    state(request_concurrency wanted, Identity client, result<hash_key> key)
        : limits(wanted), who(std::move(client)), hosts(wanted.hosts, std::move(key)) {}

    const request_concurrency limits;
    const Identity who;
    table hosts;
  };

  std::shared_ptr<state> state_;
};

static_assert(request_rule<concurrent_requests<>>);

}  // namespace keywarden::admit
