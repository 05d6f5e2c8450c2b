/// @file
/// The log: lines on standard error.
#pragma once

#include <iostream>
#include <string>
#include <string_view>

#include <keywarden/core/printable.hpp>
#include <keywarden/pki/dates.hpp>

namespace split_merge {

/// Writes one line with the time before it, at once. What others chose cannot forge a line. Any
/// thread.
inline void log(std::string_view text) {
  constexpr std::size_t longest = 2000;
  auto line = keywarden::pki::to_text(keywarden::system_clock::now()).append(" ");
  keywarden::detail::append_printable(line, text, longest);
  std::clog << line.append("\n") << std::flush;
}

}  // namespace split_merge
