/// @file
/// How often a host may connect.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/admit/concepts.hpp>
#include <keywarden/admit/large_pages.hpp>
#include <keywarden/admit/siphash.hpp>
#include <keywarden/core/random.hpp>

namespace keywarden::admit {

/// The limits of `connection_rate`. A window that is not positive admits nobody.
struct rate_limits {
  std::uint32_t connections = 100;         ///< of one host in one window
  std::chrono::milliseconds window{2000};  ///< from the first connection on
  std::uint32_t hosts = 16'384;            ///< remembered at a time; 7 at least

  friend bool operator==(const rate_limits&, const rate_limits&) = default;
};

/// Admits N connections of a host per window and refuses the next; a host is an IPv4 address or an
/// IPv6 /64. A window is fixed: it starts with a first connection, and the counts start anew when
/// it is over, so around its end a host gets up to 2N.
///
/// Memory is fixed when it is made: a cache line of 64 bytes for every 7 of `limits.hosts`. Hosts
/// fall, by a hash under a random key, into buckets of 7, which share a window; in its bucket a
/// host is known by 32 further bits of that hash, so that two of one bucket are counted as one with
/// a probability of 2^-32. When a bucket is full, a new host takes over the place **and the count**
/// of the least busy one. What a flood of addresses can do, exactly:
/// - Grow memory: no. Make a host's count smaller than its connections in the window: no, not for
///   one connection, since whoever was displaced comes back with at least the count he left with.
/// - Make others look busier: a new host starts with the smallest count in its bucket, about
///   `F / hosts` after F connections from other hosts in the window. So some `hosts * N`
///   connections in one window, from at least `hosts` addresses, keep out every host that has no
///   place yet; those that have one keep it while they are busier than the flood's.
/// - Choose whose bucket to fill, or whom to be counted with: no, the key is random.
/// Does not protect against many hosts that each keep to the limit, nor tell hosts behind one
/// translated address apart. Copies share the counts. Any thread.
class connection_rate {
 public:
  static constexpr std::string_view name = "connection_rate";
  using permit = stateless_permit;

  /// The key of the hash that spreads hosts over buckets.
  using hash_key = std::array<std::uint64_t, 2>;

  explicit connection_rate(rate_limits limits = {}) : connection_rate(limits, random_key()) {}

  /// With a known key, for tests: whoever knows it can fill a chosen bucket.
  connection_rate(rate_limits limits, result<hash_key> key)
      : state_(std::make_shared<state>(limits, std::move(key))) {}

  // Moving copies, so that no rule is ever without its counts.
  connection_rate(const connection_rate&) = default;
  connection_rate& operator=(const connection_rate&) = default;
  ~connection_rate() = default;

  /// Has the processor fetch what `admit` will look at, while other rules are asked. `all_of` does.
  void expect(const address& from) const noexcept {
    if (!state_->key) return;
    __builtin_prefetch(&state_->bucket_of(state_->hash_of(from)), 1);
  }

  /// A connection that is refused does not count. Errors: `admission_refused` with `fact::limit`;
  /// `backend_failed` when the system had no randomness for the key.
  [[nodiscard]] result<permit> admit(const address& from, instant now) const {
    auto& s = *state_;
    if (!s.key) return s.key.error();
    const auto hash = s.hash_of(from);
    auto& visited = s.bucket_of(hash);
    if (s.limits.window.count() > 0) {
      const std::lock_guard lock(s.mutex);
      if (visited.count(static_cast<std::uint32_t>(hash), now, s.limits)) return permit{};
    }
    return detail::refuse(from, name,
                          "more connections than allowed in " +
                              std::to_string(s.limits.window.count()) + " ms")
        .with(fact::limit, s.limits.connections);
  }

  /// The limits that it was made with; they never change.
  [[nodiscard]] const rate_limits& limits() const noexcept { return state_->limits; }

 private:
  // Within one window, each count is at least what its host was admitted for, and the smallest
  // count of a full bucket never falls: the "space saving" algorithm (Metwally and others, 2005).
  // One cache line, since its coming from memory is what a decision waits for.
  struct alignas(64) bucket {
    static constexpr std::size_t size = 7;
    std::array<std::uint32_t, size> hosts{};
    std::array<std::uint32_t, size> counts{};  // 0: free, and so are all that follow
    instant start{};

    // The first place with this host, in use or left from a window that is over, or none. Without a
    // branch for each: no processor foresees where a host is.
    [[nodiscard]] std::size_t place_of(std::uint32_t host) const noexcept {
      unsigned same = 1U << size;
      for (unsigned i = 0; i < size; ++i) same |= static_cast<unsigned>(hosts[i] == host) << i;
      return static_cast<std::size_t>(std::countr_zero(same));
    }
    [[nodiscard]] bool count(std::uint32_t host, instant now, const rate_limits& limits) {
      if (counts.front() == 0 ||
          std::chrono::floor<std::chrono::milliseconds>(now - start) >= limits.window) {
        counts = {};
        start = now;
      }
      auto at = place_of(host);
      if (at == size || counts[at] == 0)
        at = static_cast<std::size_t>(std::ranges::min_element(counts) - counts.begin());
      if (counts[at] >= limits.connections) return false;
      hosts[at] = host;
      ++counts[at];
      return true;
    }
  };
  static_assert(sizeof(bucket) == 64);

  struct state {
    state(rate_limits wanted, result<hash_key> hashed_by)
        : limits(wanted),
          key(std::move(hashed_by)),
          buckets((std::max<std::size_t>(wanted.hosts, 1) + bucket::size - 1) / bucket::size) {}

    // Of the upper half the bucket, of the lower what the host is known by in it.
    [[nodiscard]] std::uint64_t hash_of(const address& from) const noexcept {
      return detail::siphash(*key, detail::host_of(from).bytes());
    }
    // There are fewer than 2^32.
    [[nodiscard]] bucket& bucket_of(std::uint64_t hash) noexcept {
      return buckets[static_cast<std::size_t>((hash >> 32U) * std::uint64_t{buckets.size()} >>
                                              32U)];
    }

    const rate_limits limits;
    const result<hash_key> key;
    std::mutex mutex;
    std::vector<bucket, detail::large_page_allocator<bucket>> buckets;
  };

  [[nodiscard]] static result<hash_key> random_key() {
    std::array<std::uint8_t, 16> drawn{};
    if (auto filled = system_random::fill(drawn); !filled) return filled.error();
    hash_key made{};
    for (std::size_t i = 0; i < drawn.size(); ++i) made[i / 8] = made[i / 8] << 8U | drawn[i];
    return made;
  }

  std::shared_ptr<state> state_;
};

static_assert(connection_rule<connection_rate>);

}  // namespace keywarden::admit
