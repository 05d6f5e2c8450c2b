/// @file
/// What tests seal.
#pragma once

#include <cstddef>
#include <cstdint>

#include <keywarden/core/bytes.hpp>

namespace keywarden::testing {

/// The beginning of one endless sequence of bytes, so that whatever opens can be compared with what
/// was sealed.
[[nodiscard]] inline bytes content(std::size_t size) {
  bytes made(size);
  std::uint32_t state = 1;
  for (auto& each : made) {
    state = state * 1664525U + 1013904223U;
    each = static_cast<std::uint8_t>(state >> 24U);
  }
  return made;
}

}  // namespace keywarden::testing
