/// @file
/// What rules remember of each host, in a fixed amount of memory.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include <keywarden/admit/address.hpp>
#include <keywarden/admit/large_pages.hpp>
#include <keywarden/admit/siphash.hpp>
#include <keywarden/core/random.hpp>

namespace keywarden::admit {

/// How many places a bucket has: hosts that are in each other's way.
inline constexpr std::size_t bucket_size = 16;

/// A table of buckets into which hosts fall by SipHash under a key drawn for this table. `Bucket`
/// is a rule's own: an aggregate with `std::array<place, bucket_size> places`, whose default is
/// "nobody is here"; the rule decides who may take whose place.
///
/// Memory is allocated when the table is made, all of it, and never after: `bytes()`. Nobody can
/// choose hosts that fall into one bucket without knowing the key, except by trying. A host has the
/// places of its own bucket only: at half as many hosts as places, one bucket in 270 is asked for
/// more than its 16. Work is constant: one hash, one of 16 locks, one bucket. Neither copyable nor
/// movable; any thread.
template <class Bucket>
class host_table {
 public:
  /// Mixed into the hash of every host, so that nobody can aim at a bucket: keep it to yourself.
  using hash_key = std::array<std::uint64_t, 2>;

  /// `hosts` is rounded up to whole buckets.
  explicit host_table(std::uint32_t hosts, result<hash_key> key = random_key())
      : key_(std::move(key)),
        buckets_((std::max<std::size_t>(hosts, 1) + bucket_size - 1) / bucket_size) {}

  /// Errors: `backend_failed` when the system had no randomness for the key: then do not `visit`.
  [[nodiscard]] result<void> usable() const { return key_ ? done() : result<void>(key_.error()); }

  /// Gives the bucket of a host to `work` under its lock, and its answer back. `work` must not
  /// visit the table again.
  template <class Work>
  decltype(auto) visit(const address& host, Work&& work) {
    const auto index = detail::siphash(*key_, host.bytes()) % buckets_.size();
    const std::lock_guard lock(lock_of(index));
    return std::forward<Work>(work)(buckets_[index]);
  }

  /// Gives every bucket to `work`, each under its lock, until it answers false. For status pages:
  /// looks at the whole table without ever stopping it.
  template <class Work>
  void visit_all(Work&& work) {
    for (std::size_t index = 0; index < buckets_.size(); ++index) {
      const std::lock_guard lock(lock_of(index));
      if (!work(buckets_[index])) return;
    }
  }

  /// How many hosts there are places for.
  [[nodiscard]] std::size_t hosts() const noexcept { return buckets_.size() * bucket_size; }

  /// All the memory that the table takes, now and ever.
  [[nodiscard]] std::size_t bytes() const noexcept {
    return sizeof(*this) + buckets_.capacity() * sizeof(Bucket);
  }

  /// A key that nobody knows, from the system's randomness. Errors: `backend_failed`.
  [[nodiscard]] static result<hash_key> random_key() {
    std::array<std::uint8_t, 16> drawn{};
    if (auto filled = system_random::fill(drawn); !filled) return filled.error();
    hash_key made{};
    for (std::size_t i = 0; i < drawn.size(); ++i) made[i / 8] = made[i / 8] << 8U | drawn[i];
    return made;
  }

 private:
  [[nodiscard]] std::mutex& lock_of(std::size_t index) noexcept {
    return locks_[index % locks_.size()];
  }

  const result<hash_key> key_;
  std::array<std::mutex, 16> locks_;
  std::vector<Bucket, detail::large_page_allocator<Bucket>> buckets_;
};

}  // namespace keywarden::admit
