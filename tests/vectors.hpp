/// @file
/// Reads the cases of a vector file: `Name = value` lines, an empty line between cases.
#pragma once

#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/encoding.hpp>
#include <keywarden/core/secret.hpp>
#include <keywarden/core/strong.hpp>

namespace keywarden::testing {

/// One case. Asking for a field that it does not have throws, so a mistyped name fails its test.
class vector_case {
 public:
  void set(std::string name, std::string value) { fields_[std::move(name)] = std::move(value); }
  [[nodiscard]] bool empty() const { return fields_.empty(); }
  [[nodiscard]] bool has(const std::string& name) const { return fields_.contains(name); }

  [[nodiscard]] const std::string& text(const std::string& name) const { return fields_.at(name); }
  [[nodiscard]] bytes data(const std::string& name) const { return from_hex(text(name)).value(); }
  [[nodiscard]] secret_key key(const std::string& name) const {
    return secret_key::copy_of(data(name));
  }
  [[nodiscard]] unsigned long number(const std::string& name) const {
    return std::stoul(text(name));
  }
  template <class Strong>
  [[nodiscard]] Strong strong(const std::string& name) const {
    return strong_from_hex<Strong>(text(name)).value();
  }

  /// The comment before the case, for messages.
  std::string comment;

 private:
  std::map<std::string, std::string> fields_;
};

/// All cases of `tests/vectors/<file>`, in order. Throws when there are none: a missing file never
/// passes.
[[nodiscard]] inline std::vector<vector_case> read_vectors(std::string_view file) {
  std::ifstream in(std::string(KEYWARDEN_SOURCE_DIR "/tests/vectors/").append(file));
  const auto trimmed = [](std::string_view text) {
    const auto first = text.find_first_not_of(" \r");
    return first == text.npos
               ? std::string()
               : std::string(text.substr(first, text.find_last_not_of(" \r") + 1 - first));
  };
  std::vector<vector_case> cases;
  vector_case current;
  const auto finish = [&] {
    if (!current.empty()) cases.push_back(std::move(current));
    current = {};
  };
  for (std::string line; std::getline(in, line);) {
    if (trimmed(line).empty()) {
      finish();
    } else if (line.front() == '#') {
      current.comment = trimmed(std::string_view(line).substr(1));
    } else if (const auto equals = line.find('='); equals != line.npos) {
      current.set(trimmed(std::string_view(line).substr(0, equals)),
                  trimmed(std::string_view(line).substr(equals + 1)));
    } else {
      throw std::runtime_error(std::string(file) + ": not 'Name = value': " + line);
    }
  }
  finish();
  if (cases.empty()) throw std::runtime_error(std::string(file) + ": no cases");
  return cases;
}

}  // namespace keywarden::testing
