/// @file
/// Letting others finish after a conflict.
#pragma once

#include <algorithm>
#include <chrono>
#include <thread>

#include <keywarden/core/random.hpp>
#include <keywarden/core/strong.hpp>

namespace keywarden::store {

/// Lets others finish: a random pause, longer each time, of at most a quarter of a second, so that
/// one who hashes a password between looking and committing gets his turn as well. `attempt` counts
/// from 0. Any thread.
inline void stand_back(int attempt) {
  strong_bytes<1, struct pause_tag> drawn;
  if (!system_random::fill(drawn.view())) return;
  const auto longest = std::min(1 << std::min(attempt, 8), 250);
  std::this_thread::sleep_for(std::chrono::milliseconds(drawn.view()[0] % (longest + 1)));
}

}  // namespace keywarden::store
