/// @file
/// How many messages this process may still seal under a key version.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>

#include <keywarden/core/fork.hpp>
#include <keywarden/core/result.hpp>

namespace keywarden {

/// What one thread has taken out of a `seal_budget` and not spent yet: a few messages, so that each
/// message does not cost an operation that all threads see. Forfeited when it is destroyed, and by
/// a forked child. One thread at a time.
class seal_allowance {
 private:
  friend class seal_budget;
  fork_guard process_;
  std::uint32_t left_ = 0;
};

/// A process's share of a key's message limit, leased piece by piece from whoever keeps the count.
///
/// Random 96-bit nonces are safe for 2^32 messages per key over all processes that use it. Each
/// process leases a piece before it seals and forfeits what it does not use; pieces grow from 256
/// to 2^24 messages, so that a short-lived program wastes little and a busy server asks rarely. A
/// forked child forfeits what its parent has leased and leases its own. Any thread.
class seal_budget {
 public:
  /// How many messages the first lease is for.
  static constexpr std::uint64_t first_piece = 256;
  /// How many messages a lease is for at most.
  static constexpr std::uint64_t largest_piece = std::uint64_t{1} << 24U;

  /// Leases `count` more messages. Errors: `budget_exhausted`, those of the store.
  using lessor = std::function<result<void>(std::uint64_t count)>;

  /// A budget that asks `lessor` whenever a piece is used up.
  explicit seal_budget(lessor ask) : ask_(std::move(ask)) {}

  /// A budget for a key that only this process has: `limit` messages in all.
  explicit seal_budget(std::uint64_t limit) noexcept : remaining_(limit) {}

  /// Counts one message if the piece at hand allows. Cheap; leases nothing.
  [[nodiscard]] bool try_spend() noexcept {
    if (process_.forked()) [[unlikely]]
      return false;
    auto left = remaining_.load(std::memory_order_relaxed);
    while (left > 0) {
      if (remaining_.compare_exchange_weak(left, left - 1, std::memory_order_relaxed)) return true;
    }
    return false;
  }

  /// The same through an allowance, which takes several at once where many are left.
  [[nodiscard]] bool try_spend(seal_allowance& mine) noexcept {
    if (mine.left_ == 0 || mine.process_.forked()) [[unlikely]]
      return refill(mine);
    --mine.left_;
    return true;
  }

  /// Counts one message. Errors: `budget_exhausted`; those of the lessor. On an error none is
  /// counted.
  [[nodiscard]] result<void> spend() {
    for (;;) {
      if (try_spend()) return done();
      if (auto leased = lease(); !leased) return leased;
    }
  }

  /// Counts one message, leasing more when need be. Errors: `budget_exhausted`, those of the
  /// lessor.
  [[nodiscard]] result<void> spend(seal_allowance& mine) {
    for (;;) {
      if (try_spend(mine)) return done();
      if (auto leased = lease(); !leased) return leased;
    }
  }

 private:
  static constexpr std::uint32_t allowance = 16;
  // Below so many, one by one: not to refuse a thread what others have only set aside.
  static constexpr std::uint64_t many = 4096;

  // Takes an allowance, of which one is spent.
  [[gnu::noinline]] bool refill(seal_allowance& mine) noexcept {
    mine.process_.adopt();
    mine.left_ = 0;
    if (process_.forked()) return false;
    auto left = remaining_.load(std::memory_order_relaxed);
    while (left > 0) {
      const auto taken = left >= many ? allowance : 1;
      if (!remaining_.compare_exchange_weak(left, left - taken, std::memory_order_relaxed))
        continue;
      mine.left_ = taken - 1;
      return true;
    }
    return false;
  }

  [[nodiscard]] result<void> lease() {
    const std::lock_guard lock(mutex_);
    if (process_.forked()) {
      if (ask_) remaining_.store(0, std::memory_order_relaxed);  // the parent's piece
      process_.adopt();
    }
    if (remaining_.load(std::memory_order_relaxed) > 0) return done();  // another thread has leased
    if (!ask_) return error(errc::budget_exhausted).with(fact::next_step, "rotate the key");
    auto leased = ask_(piece_);
    if (!leased && leased.error() == errc::budget_exhausted && piece_ > 1) {
      piece_ = 1;  // near the limit: take what is left, one by one
      leased = ask_(piece_);
    }
    if (!leased) return leased;
    remaining_.store(piece_, std::memory_order_relaxed);
    piece_ = std::min(piece_ * 2, largest_piece);
    return done();
  }

  fork_guard process_;
  std::atomic<std::uint64_t> remaining_{0};
  std::mutex mutex_;
  std::uint64_t piece_ = first_piece;
  lessor ask_;
};

}  // namespace keywarden
