/// @file
/// When a member looks at the shared store.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <utility>

#include <keywarden/core/clock.hpp>
#include <keywarden/core/result.hpp>

namespace keywarden::detail {

/// When the handles of a member look at the store, so that they know soon what others did, and the
/// store is asked as seldom as that allows. Any thread. `Steady` tells how time passes while the
/// clock is set back.
template <class Steady>
class basic_look_pace {
 public:
  /// How long a member seals without having looked: then `seal` looks itself.
  static constexpr std::chrono::minutes look_every{1};
  /// How long it seals while it cannot look, or finds what it must not trust: the key may have been
  /// replaced meanwhile.
  static constexpr std::chrono::minutes seals_unseen{10};
  /// The least time between two looks for messages under unknown versions.
  static constexpr std::chrono::milliseconds least_pause{20};

  /// Somebody has looked, beginning at this time, and what was found is in use.
  void looked(time_point begun) noexcept {
    last_look_.store(begun, std::memory_order_relaxed);
    steady_last_look_.store(Steady::now(), std::memory_order_relaxed);
  }

  /// Before a message is sealed: looks if nobody has looked for `look_every`. While that does not
  /// go well, goes on for `seals_unseen`, however it went. Errors: `timed_out` after that, with the
  /// reason; `not_activated` at once.
  template <class Now, class Look>
  [[nodiscard]] result<void> before_sealing(Now&& now, Look&& look) {
    if (const auto present = now(); unseen_for(present) < look_every) [[likely]]
      return done();
    return before_sealing_slowly(now, look);
  }

  /// Looks because a message names a version that is not known here: one look for all who ask at
  /// the same time, and at most one every `least_pause`, so that forged messages do not become a
  /// load on the store. Errors: those of `look`.
  template <class Look>
  [[nodiscard]] result<void> for_unknown(Look&& look) {
    const auto asked = begun_.load();
    const std::scoped_lock turn(turn_);
    if (asked < ended_) return outcome_;  // begun after we asked, and ended
    std::this_thread::sleep_until(last_answer_ + least_pause);
    const auto number = ++begun_;
    outcome_ = look();
    last_answer_ = std::chrono::steady_clock::now();
    ended_ = number;
    return outcome_;
  }

 private:
  // How long nobody has looked: the longer of two times, because a clock may be set back, and a
  // steady one stands still while the machine sleeps.
  [[nodiscard]] std::chrono::seconds unseen_for(time_point present) const noexcept {
    const auto steady = std::chrono::duration_cast<std::chrono::seconds>(
        Steady::now() - steady_last_look_.load(std::memory_order_relaxed));
    return std::max<std::chrono::seconds>(present - last_look_.load(std::memory_order_relaxed),
                                          steady);
  }

  template <class Now, class Look>
  [[nodiscard]] result<void> before_sealing_slowly(Now& now, Look& look) {
    std::unique_lock turn(turn_, std::try_to_lock);
    if (!turn.owns_lock()) {
      // One looks, the others go on meanwhile; once it is too long, everybody waits for that one.
      if (unseen_for(now()) < seals_unseen) return done();
      turn.lock();
    }
    const auto present = now();
    const auto unseen = unseen_for(present);
    if (unseen < look_every) return done();
    const bool too_long = unseen >= seals_unseen;
    // While it does not go well, one tries now and then.
    if (!too_long && present >= last_try_ && present - last_try_ < look_every) return done();
    last_try_ = present;
    auto seen = look();
    if (seen || seen.error() == errc::not_activated) return seen;
    if (!too_long) return done();
    return error(errc::timed_out)
        .because(seen.error())
        .with(fact::operation, "seal")
        .with(fact::reason,
              "the shared key has not been seen for too long: it may have been replaced")
        .with(fact::limit, std::chrono::seconds(seals_unseen).count())
        .with(fact::next_step, "mend what keeps it from being read; opening goes on");
  }

  std::atomic<time_point> last_look_{};
  std::atomic<typename Steady::time_point> steady_last_look_{};
  std::mutex turn_;
  time_point last_try_{};
  std::atomic<std::uint64_t> begun_{0};
  std::uint64_t ended_ = 0;
  result<void> outcome_;
  std::chrono::steady_clock::time_point last_answer_{};
};

using look_pace = basic_look_pace<std::chrono::steady_clock>;

}  // namespace keywarden::detail
