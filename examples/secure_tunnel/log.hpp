/// @file
/// The log: lines on standard error.
#pragma once

#include <iostream>
#include <string_view>

#include <keywarden/pki/dates.hpp>

namespace tunnel {

/// Writes one line with the time before it, at once. Any thread.
inline void log(std::string_view line) {
  const auto now = keywarden::system_clock::now();
  std::clog << keywarden::pki::to_text(now).append(" ").append(line).append("\n") << std::flush;
}

}  // namespace tunnel
