/// @file
/// A folder for the files of a benchmark, gone when the program ends.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <keywarden/protect/account.hpp>
#include <keywarden/protect/machine.hpp>

namespace keywarden::bench {

/// In memory where the system has such a place, so that no disk is measured.
class scratch {
 public:
  scratch() {
    std::filesystem::create_directories(path_);
    std::ofstream(path_ / "machine-id") << "0123456789abcdef0123456789abcdef\n";
  }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  ~scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::filesystem::path operator/(std::string_view name) const {
    return path_ / name;
  }

 private:
  static std::filesystem::path parent() {
    return std::filesystem::is_directory("/dev/shm") ? std::filesystem::path("/dev/shm")
                                                     : std::filesystem::temp_directory_path();
  }
  std::filesystem::path path_ = parent() / ("keywarden-bench-" + std::to_string(::getpid()));
};

inline const scratch& folder() {
  static const scratch made;
  return made;
}

/// The account and the machine that open what is measured; their secrets are made.
inline protect::account account() {
  protect::account made(folder() / "account.secret");
  made.provision().value();
  return made;
}
inline protect::machine machine() {
  protect::machine made(folder() / "machine.secret", folder() / "machine-id");
  made.provision().value();
  return made;
}

}  // namespace keywarden::bench
