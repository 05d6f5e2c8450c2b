/// @file
/// Where the time of an operation goes, phase by phase: clocks, counters and a watch.
#pragma once

#include <time.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include <array>
#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace keywarden {

/// A concept matching clocks of a profile: `now()` never goes backwards on one thread and is cheap
/// beside what is measured; `unit` names its ticks. Satisfied by `steady_nanoseconds`,
/// `thread_nanoseconds` and, on x86-64, `processor_ticks`.
template <class T>
concept profile_clock = requires {
  { T::now() }
  noexcept->std::same_as<std::uint64_t>;
  { T::unit } -> std::convertible_to<std::string_view>;
};

/// The system's monotonic clock.
struct steady_nanoseconds {
  static constexpr std::string_view unit = "ns";
  [[nodiscard]] static std::uint64_t now() noexcept {
    const auto since = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(since).count());
  }
};
static_assert(profile_clock<steady_nanoseconds>);

/// The processor's time that this thread used: waiting for a processor is not in it. Costs a system
/// call; for phases of microseconds.
struct thread_nanoseconds {
  static constexpr std::string_view unit = "ns";
  [[nodiscard]] static std::uint64_t now() noexcept {
    timespec used{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return static_cast<std::uint64_t>(used.tv_sec) * 1'000'000'000U +
           static_cast<std::uint64_t>(used.tv_nsec);
  }
};
static_assert(profile_clock<thread_nanoseconds>);

#if defined(__x86_64__)
/// The processor's time stamp counter: ticks of a constant rate, read in some twenty cycles.
struct processor_ticks {
  static constexpr std::string_view unit = "ticks";
  [[nodiscard]] static std::uint64_t now() noexcept { return __rdtsc(); }
};
static_assert(profile_clock<processor_ticks>);
#endif

/// A concept matching the phases of an operation: an enumeration from 0 whose names
/// `phase_names(Phase)` lists in order, found by argument-dependent lookup.
template <class T>
concept profile_phase = std::is_enum_v<T> && requires(T phase) {
  { phase_names(phase)[0] } -> std::convertible_to<std::string_view>;
};

/// How many phases there are.
template <profile_phase Phase>
inline constexpr std::size_t phase_count = std::tuple_size_v<decltype(phase_names(Phase{}))>;

/// What operations spent, by phase. The phases follow one another, so that their ticks add up to
/// those of the whole.
template <profile_phase Phase>
struct phase_report {
  /// What one phase took, in ticks of the clock.
  struct spent {
    /// Ticks of the clock, in its unit.
    std::uint64_t ticks = 0;
    std::uint64_t times = 0;  ///< how often it was entered; of the whole: operations
  };
  /// Each phase, by its number.
  std::array<spent, phase_count<Phase>> phases{};
  /// The operations as a whole.
  spent whole{};

  [[nodiscard]] const spent& operator[](Phase which) const noexcept {
    return phases[static_cast<std::size_t>(which)];
  }
  [[nodiscard]] spent& operator[](Phase which) noexcept {
    return phases[static_cast<std::size_t>(which)];
  }
};

/// Reports, added up. Any thread; what is read while others add is some moment's for each number,
/// not one moment's for all.
template <profile_phase Phase>
class phase_totals {
 public:
  /// Adds what one operation spent.
  void add(const phase_report<Phase>& more) noexcept {
    for (std::size_t i = 0; i < phase_count<Phase>; ++i) phases_[i].add(more.phases[i]);
    whole_.add(more.whole);
  }
  /// What all operations spent so far; each figure by itself is whole.
  [[nodiscard]] phase_report<Phase> read() const noexcept {
    phase_report<Phase> made;
    for (std::size_t i = 0; i < phase_count<Phase>; ++i) made.phases[i] = phases_[i].read();
    made.whole = whole_.read();
    return made;
  }
  /// Begins anew at nothing.
  void reset() noexcept {
    for (auto& each : phases_) each.reset();
    whole_.reset();
  }

 private:
  using spent = typename phase_report<Phase>::spent;
  struct counter {
    std::atomic<std::uint64_t> ticks{0};
    std::atomic<std::uint64_t> times{0};
    void add(const spent& more) noexcept {
      ticks.fetch_add(more.ticks, std::memory_order_relaxed);
      times.fetch_add(more.times, std::memory_order_relaxed);
    }
    [[nodiscard]] spent read() const noexcept {
      return {ticks.load(std::memory_order_relaxed), times.load(std::memory_order_relaxed)};
    }
    void reset() noexcept {
      ticks.store(0, std::memory_order_relaxed);
      times.store(0, std::memory_order_relaxed);
    }
  };
  std::array<counter, phase_count<Phase>> phases_;
  counter whole_;
};

/// Follows one operation: each moment from `begin` to `end` is spent in exactly one phase. One
/// thread at a time; without `begin` all else does nothing.
template <profile_phase Phase, profile_clock Clock>
class phase_watch {
 public:
  /// Whether a phase is being timed.
  [[nodiscard]] bool running() const noexcept { return running_; }
  void begin(Phase first) noexcept {
    spent_ = {};
    running_ = true;
    now_ = first;
    spent_[first].times = 1;
    last_ = Clock::now();
  }
  /// Goes on in another phase; gives the one it was in.
  Phase enter(Phase next) noexcept {
    const auto before = now_;
    if (!running_ || next == before) return before;
    settle();
    ++spent_[next].times;
    now_ = next;
    return before;
  }
  /// Goes back to a phase that was interrupted: that is not counted as entering it.
  void resume(Phase before) noexcept {
    if (!running_ || now_ == before) return;
    settle();
    now_ = before;
  }
  /// The operation is over.
  [[nodiscard]] phase_report<Phase> end() noexcept {
    if (!running_) return {};
    settle();
    running_ = false;
    spent_.whole.times = 1;
    return std::exchange(spent_, {});
  }

 private:
  void settle() noexcept {
    const auto at = Clock::now();
    spent_[now_].ticks += at - last_;
    spent_.whole.ticks += at - last_;
    last_ = at;
  }

  phase_report<Phase> spent_;
  std::uint64_t last_ = 0;
  Phase now_{};
  bool running_ = false;
};

/// A phase within another, while it lives.
template <profile_phase Phase, profile_clock Clock>
class phase_scope {
 public:
  phase_scope(phase_watch<Phase, Clock>& watch, Phase phase) noexcept
      : watch_(watch), before_(watch.enter(phase)) {}
  ~phase_scope() { watch_.resume(before_); }
  phase_scope(const phase_scope&) = delete;
  phase_scope& operator=(const phase_scope&) = delete;

 private:
  phase_watch<Phase, Clock>& watch_;
  Phase before_;
};

}  // namespace keywarden
