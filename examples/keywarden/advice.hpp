/// @file
/// The next step after a refusal, as a command: the library names functions, people type words.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include <keywarden/core/clock.hpp>
#include <keywarden/core/result.hpp>

namespace cli {

/// A refusal with another next step.
[[nodiscard]] keywarden::error with_next(const keywarden::error& why, std::string_view next_step);

/// A refusal of endpoints and principals with the command that helps; others as they are.
[[nodiscard]] keywarden::error in_commands(const keywarden::error& why);

/// A value of the command line that does not parse: usage, whatever the library calls it.
[[nodiscard]] keywarden::error as_usage(const keywarden::error& why);

/// SQL keywords and names of permissions as they are spelled: upper case, blanks for dashes.
[[nodiscard]] std::string as_keyword(std::string_view typed);

/// Whole days until then; negative once it is past.
[[nodiscard]] inline std::int64_t days_until(keywarden::time_point then) {
  return std::chrono::floor<std::chrono::days>(then - keywarden::system_clock::now()).count();
}

}  // namespace cli
