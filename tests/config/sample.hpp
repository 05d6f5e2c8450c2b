/// @file
/// The complete sample, and one with a single thing changed.
#pragma once

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

#include <keywarden/config/check.hpp>

namespace keywarden::testing {

[[nodiscard]] inline const std::string& sample() {
  static const auto text = [] {
    const std::ifstream file(KEYWARDEN_SOURCE_DIR "/examples/split_merge_service/SplitMerge.cscfg");
    std::ostringstream made;
    made << file.rdbuf();
    return made.str();
  }();
  return text;
}

/// The text with every `from` (there must be one) replaced.
[[nodiscard]] inline std::string with(std::string text, std::string_view from,
                                      std::string_view to) {
  auto at = text.find(from);
  if (at == std::string::npos) throw std::logic_error("the sample has no " + std::string(from));
  for (; at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}
[[nodiscard]] inline std::string sample_with(std::string_view from, std::string_view to) {
  return with(sample(), from, to);
}

/// "line:column: " of what stands `behind` bytes after the beginning of `needle`, counted otherwise
/// than the library does (the sample is ASCII).
[[nodiscard]] inline std::string place(std::string_view text, std::string_view needle,
                                       std::size_t behind = 0) {
  const auto at = text.find(needle) + behind;
  const auto before = text.substr(0, at);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  return std::to_string(line) + ':' + std::to_string(at - before.rfind('\n')) + ": ";
}

/// Every error, one per line.
[[nodiscard]] inline std::string errors_in(const config::finding_list& all) {
  std::string made;
  for (const auto& each : all)
    if (each.how == config::severity::error) made += each.text() + '\n';
  return made;
}
[[nodiscard]] inline std::string errors_in(std::string_view text,
                                           const config::requirements& wanted = {}) {
  return errors_in(config::check(text, wanted).findings);
}
[[nodiscard]] inline std::string warnings_in(std::string_view text,
                                             const config::requirements& wanted = {}) {
  std::string made;
  for (const auto& each : config::check(text, wanted).findings)
    if (each.how == config::severity::warning) made += each.text() + '\n';
  return made;
}

}  // namespace keywarden::testing
