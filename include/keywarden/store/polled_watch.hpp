/// @file
/// A watch for stores that cannot tell when they are changed: it says so from time to time.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

#include <keywarden/store/concepts.hpp>

namespace keywarden::store {

/// Says once in each interval that something may have been committed. Satisfies `store_watch`, for
/// every record store: whoever waits reads again what matters.
///
/// Ownership: holds nothing but a time. Threads: one at a time; a stop may be requested from any.
class polled_watch {
 public:
  /// Begins its first interval now.
  explicit polled_watch(std::chrono::milliseconds interval) : interval_(interval) {}

  /// True at the end of an interval (at once when one ended since the last wait); false at
  /// `timeout` or a stop, if that comes first. Errors: none.
  [[nodiscard]] result<bool> wait(std::chrono::milliseconds timeout,
                                  const std::stop_token& stop = {}) {
    const auto deadline = std::min(clock::now() + std::min(timeout, longest), due_);
    std::mutex guard;
    std::condition_variable_any stopped;
    // cppcheck-suppress localMutex  // nobody else waits: it is the stop that ends the wait
    std::unique_lock held(guard);
    stopped.wait_until(held, stop, deadline, [] { return false; });
    if (stop.stop_requested() || clock::now() < due_) return false;
    due_ = clock::now() + interval_;
    return true;
  }

 private:
  using clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds longest = std::chrono::hours(24);

  std::chrono::milliseconds interval_;
  clock::time_point due_ = clock::now() + interval_;
};

static_assert(store_watch<polled_watch>);

}  // namespace keywarden::store
