/// @file
/// Time as a policy, so that every scenario with a date is an ordinary test.
#pragma once

#include <chrono>
#include <concepts>

namespace keywarden {

/// A point in time, UTC, to the second: what records store.
using time_point = std::chrono::sys_seconds;

/// A concept matching sources of the present time. Satisfied by `system_clock`, `manual_clock`.
///
/// `now()` is safe to call from several threads.
template <class T>
concept clock_source = requires(const T& source) {
  { source.now() } -> std::same_as<time_point>;
};

/// The machine's clock.
struct system_clock {
  [[nodiscard]] static time_point now() noexcept {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  }
};

/// A clock that stands still until it is told otherwise, for tests and simulations. Setting it
/// while another thread reads it is the caller's to order.
class manual_clock {
 public:
  explicit manual_clock(time_point start) noexcept : now_(start) {}

  /// The time that was set last.
  [[nodiscard]] time_point now() const noexcept { return now_; }
  /// Sets the time.
  void set(time_point now) noexcept { now_ = now; }
  /// Moves the time on.
  void advance(std::chrono::seconds by) noexcept { now_ += by; }

 private:
  time_point now_;
};

static_assert(clock_source<system_clock>);
static_assert(clock_source<manual_clock>);

}  // namespace keywarden
