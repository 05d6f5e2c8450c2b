/// @file
/// How many connections may be open at the same time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>

#include <keywarden/admit/concepts.hpp>

namespace keywarden::admit {

/// The limits of `concurrent_connections`.
struct concurrency_limits {
  std::uint32_t per_host = 20;   ///< from one IPv4 address or one IPv6 /64
  std::uint32_t in_all = 1'000;  ///< from everywhere together

  friend bool operator==(const concurrency_limits&, const concurrency_limits&) = default;
};

/// Admits a connection while fewer than the limits are open, from its host and in all. A host is an
/// IPv4 address or an IPv6 /64.
///
/// Protects against one host taking all connections. Does not protect against many hosts together:
/// `in_all / per_host` of them can fill the endpoint for everybody; put a `network_acl` before it.
/// Hosts behind one translated address share its limit. Memory: one entry for each host with an
/// open connection, so at most `in_all`. Copies share the counts; leases may outlive them all. Any
/// thread.
class concurrent_connections {
  struct state {
    explicit state(const concurrency_limits& wanted) : limits(wanted) {}

    const concurrency_limits limits;
    std::mutex mutex;
    std::map<address, std::uint32_t> open;  // no zero counts
    std::uint32_t in_all = 0;
  };

 public:
  static constexpr std::string_view name = "concurrent_connections";

  /// One place among the open connections; given back when it is destroyed.
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
      const std::lock_guard lock(state_->mutex);
      const auto found = state_->open.find(host_);
      if (--found->second == 0) state_->open.erase(found);
      --state_->in_all;
    }

   private:
    friend class concurrent_connections;
    permit(std::shared_ptr<state> from, const address& host) noexcept
        : state_(std::move(from)), host_(host) {}

    std::shared_ptr<state> state_;  // none: moved from
    address host_;
  };

  explicit concurrent_connections(concurrency_limits limits = {})
      : state_(std::make_shared<state>(limits)) {}

  // Moving copies, so that no rule is ever without its counts.
  concurrent_connections(const concurrent_connections&) = default;
  concurrent_connections& operator=(const concurrent_connections&) = default;
  ~concurrent_connections() = default;

  /// Errors: `admission_refused` with `fact::limit`.
  [[nodiscard]] result<permit> admit(const address& from, instant /*now*/) const {
    const auto host = detail::host_of(from);
    std::unique_lock lock(state_->mutex);
    if (state_->in_all >= state_->limits.in_all) {
      lock.unlock();
      return refuse(from, "too many connections are open", state_->limits.in_all);
    }
    const auto found = state_->open.find(host);
    if ((found == state_->open.end() ? 0U : found->second) >= state_->limits.per_host) {
      lock.unlock();
      return refuse(from, "too many connections are open from there", state_->limits.per_host);
    }
    if (found == state_->open.end())
      state_->open.emplace(host, 1U);
    else
      ++found->second;
    ++state_->in_all;
    return permit(state_, host);
  }

  /// How many connections are open, from everywhere.
  [[nodiscard]] std::uint32_t open() const {
    const std::lock_guard lock(state_->mutex);
    return state_->in_all;
  }
  /// How many are open from the host of an address.
  [[nodiscard]] std::uint32_t open(const address& from) const {
    const std::lock_guard lock(state_->mutex);
    const auto found = state_->open.find(detail::host_of(from));
    return found == state_->open.end() ? 0U : found->second;
  }

  /// From how many hosts connections are open: as many entries of memory.
  [[nodiscard]] std::size_t hosts() const {
    const std::lock_guard lock(state_->mutex);
    return state_->open.size();
  }

  /// The limits that it was made with; they never change.
  [[nodiscard]] const concurrency_limits& limits() const noexcept { return state_->limits; }

 private:
  [[nodiscard]] static error refuse(const address& from, std::string_view reason,
                                    std::uint32_t limit) {
    return detail::refuse(from, name, reason).with(fact::limit, limit);
  }

  std::shared_ptr<state> state_;
};

static_assert(connection_rule<concurrent_connections>);

}  // namespace keywarden::admit
