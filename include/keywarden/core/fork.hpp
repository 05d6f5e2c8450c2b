/// @file
/// Noticing that this process is a forked child of the one that made something.
#pragma once

#include <pthread.h>

#include <atomic>

namespace keywarden {

/// Remembers the process it was made in, cheaply: no system call to ask.
///
/// Does not notice a child made by a bare clone(2), which runs no handlers. Any thread.
class fork_guard {
 public:
  fork_guard() noexcept : made_in_(register_once()) {}

  /// Whether this is a forked child of the process that made or last adopted this object.
  [[nodiscard]] bool forked() const noexcept {
    return made_in_.load(std::memory_order_relaxed) != generation.load(std::memory_order_relaxed);
  }

  /// From now on belongs to this process.
  void adopt() noexcept {
    made_in_.store(generation.load(std::memory_order_relaxed), std::memory_order_relaxed);
  }

 private:
  static inline std::atomic<unsigned> generation{0};

  static unsigned register_once() noexcept {
    static const int registered = ::pthread_atfork(nullptr, nullptr, [] { ++generation; });
    static_cast<void>(registered);
    return generation.load(std::memory_order_relaxed);
  }

  std::atomic<unsigned> made_in_;
};

}  // namespace keywarden
