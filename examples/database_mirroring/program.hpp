/// @file
/// What the commands do.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "messages.hpp"

namespace mirroring {

/// Prints a line at once, so that whoever reads along sees it even if the process is killed next.
void say(const std::string& text);

/// Sets up the three instances below `folder`, at three ports from `first_port` on, and says each
/// step. Run again, it goes on where it was interrupted. Throws `keywarden::refused`.
void set_up(const std::filesystem::path& folder, std::uint16_t first_port);

/// Runs an instance until it is told to end (SIGTERM, SIGINT). Throws `keywarden::refused`.
void run(const std::filesystem::path& folder, node which);

/// A line to an instance and its answer; none when it does not answer in time.
[[nodiscard]] std::optional<std::string> ask(const std::filesystem::path& folder, node which,
                                             const std::string& line,
                                             std::chrono::milliseconds within);

/// The same to whichever partner is the principal, asking again until the time is over. A write
/// that was not answered may have happened: it is asked for again, and has the same effect.
[[nodiscard]] std::optional<std::string> ask_principal(const std::filesystem::path& folder,
                                                       const std::string& line,
                                                       std::chrono::milliseconds within);

/// The whole story; whether every claim holds. `program` is this program's file.
[[nodiscard]] bool demonstrate(const std::filesystem::path& program);

}  // namespace mirroring
