/// @file
/// A folder of its own for a test, gone afterwards.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <string>

namespace keywarden::testing {

/// A fresh, empty folder; removed with everything in it when the object goes.
class scratch {
 public:
  /// On the disk that tests use, or in memory (where the system has /dev/shm) for tests that sync
  /// thousands of times and cut no power.
  enum class on { disk, memory };

  explicit scratch(on medium = on::disk) {
    const std::filesystem::path shared_memory = "/dev/shm";
    const bool in_memory = medium == on::memory && std::filesystem::is_directory(shared_memory);
    const auto base = in_memory ? shared_memory : std::filesystem::temp_directory_path();
    auto pattern = (base / "keywarden-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no scratch folder");
    path_ = pattern;
  }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  ~scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const {
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace keywarden::testing
