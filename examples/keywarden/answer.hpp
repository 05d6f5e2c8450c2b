/// @file
/// What a command answers, for people and for machines.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <keywarden/core/result.hpp>

#include "arguments.hpp"

namespace cli {

using json = nlohmann::ordered_json;

/// What a command has to say. People read `text` and the tables (arrays of objects) of `facts`;
/// machines all of `facts`.
struct answer {
  explicit answer(std::string said = {}) : text(std::move(said)) {}

  std::string text;
  json facts = json::object();
};

/// What a running command has at hand.
struct context {
  const invocation& call;
  std::vector<std::string>
      repaired;  ///< ways into the service master key that were made anew meanwhile

  [[nodiscard]] bool for_machines() const { return call.has("json"); }
};

/// Exit statuses.
enum class status { done = 0, refused = 1, usage = 2, environment = 3 };

/// The exit status for an error.
[[nodiscard]] status status_of(keywarden::errc code) noexcept;

/// Prints an answer to standard output.
void show(const answer& said, bool for_machines);

/// Prints an error to standard error.
void show(const keywarden::error& why, bool for_machines);

/// Prints a remark to standard error.
void note(const std::string& text);

}  // namespace cli
