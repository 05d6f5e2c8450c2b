/// @file
/// A file system that fails or shortens calls as a test tells it to.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <keywarden/store/posix.hpp>

namespace keywarden::testing {

/// What goes wrong. Shared by all copies of a `faulty_file_system`.
struct fault_plan {
  /// Called before each system call with its name; 0 lets it through, an errno makes it fail.
  std::function<int(std::string_view call)> before = [](std::string_view) { return 0; };
  /// The most bytes that one read or write moves.
  std::size_t most_bytes = std::numeric_limits<std::size_t>::max();
};

/// Satisfies `store::file_system`: the operating system's calls, through a `fault_plan`.
class faulty_file_system {
 public:
  faulty_file_system() : plan_(std::make_shared<fault_plan>()) {}
  explicit faulty_file_system(std::shared_ptr<fault_plan> plan) : plan_(std::move(plan)) {}

  int make_folder(const char* path, ::mode_t mode) const {
    return through("make_folder", [&] { return os::make_folder(path, mode); });
  }
  int open_folder(const char* path) const {
    return through("open_folder", [&] { return os::open_folder(path); });
  }
  int open_at(int folder, const char* name, int flags, ::mode_t mode) const {
    return through("open_at", [&] { return os::open_at(folder, name, flags, mode); });
  }
  int close(int file) const { return os::close(file); }
  ::ssize_t read(int file, void* out, std::size_t size) const {
    return through("read", [&] { return os::read(file, out, std::min(size, plan_->most_bytes)); });
  }
  ::ssize_t write(int file, const void* in, std::size_t size) const {
    return through("write", [&] { return os::write(file, in, std::min(size, plan_->most_bytes)); });
  }
  int status(int file, struct ::stat& out) const {
    return through("status", [&] { return os::status(file, out); });
  }
  int status_at(int folder, const char* name, struct ::stat& out) const {
    return through("status_at", [&] { return os::status_at(folder, name, out); });
  }
  int sync_file(int file) const {
    return through("sync_file", [&] { return os::sync_file(file); });
  }
  int sync_folder(int folder) const {
    return through("sync_folder", [&] { return os::sync_folder(folder); });
  }
  int rename_at(int folder, const char* from, const char* to) const {
    return through("rename_at", [&] { return os::rename_at(folder, from, to); });
  }
  int link_at(int folder, const char* from, const char* to) const {
    return through("link_at", [&] { return os::link_at(folder, from, to); });
  }
  int unlink_at(int folder, const char* name) const {
    return through("unlink_at", [&] { return os::unlink_at(folder, name); });
  }
  int names(int folder, std::vector<std::string>& out) const {
    return through("names", [&] { return os::names(folder, out); });
  }
  int lock(int file, int how) const {
    return through("lock", [&] { return os::lock(file, how); });
  }
  static void pause(std::chrono::microseconds time) { os::pause(time); }

 private:
  using os = store::posix_file_system;

  template <class Call>
  auto through(std::string_view name, Call&& call) const -> decltype(call()) {
    if (const int failure = plan_->before(name); failure != 0) {
      errno = failure;
      return -1;
    }
    return call();
  }

  std::shared_ptr<fault_plan> plan_;
};

static_assert(store::file_system<faulty_file_system>);

}  // namespace keywarden::testing
