/// @file
/// A file system that records what would be lost if the power went.
#pragma once

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <keywarden/store/posix.hpp>

#include "fault/power_loss.hpp"

namespace keywarden::testing {

/// Satisfies `store::file_system`: the operating system's calls on one folder, recorded in a
/// `disk_log`. Copies share the record. One thread at a time.
class recording_file_system {
 public:
  using what = disk_operation::what;

  /// Records what happens to `folder`. What it holds already counts as synced.
  explicit recording_file_system(std::filesystem::path folder)
      : shared_(std::make_shared<shared>()) {
    shared_->folder = std::move(folder);
    if (!std::filesystem::exists(shared_->folder)) return;
    for (const auto& each : std::filesystem::directory_iterator(shared_->folder)) {
      std::ifstream in(each.path(), std::ios::binary);
      const int file = made(each.path().filename());
      std::string data{std::istreambuf_iterator<char>(in), {}};
      shared_->log.add({what::write, file, {}, {}, 0, std::move(data)});
      shared_->log.add({what::sync, file});
    }
    shared_->log.add({what::sync_names});
  }

  [[nodiscard]] const disk_log& log() const noexcept { return shared_->log; }

  /// From now on, `changes` more operations happen; then every call fails, as in a killed process.
  /// A later call of `live_for` is a new process on the same disk.
  void live_for(std::size_t changes = std::numeric_limits<std::size_t>::max()) const {
    shared_->left = changes;
    shared_->dead = false;
  }
  [[nodiscard]] bool killed() const noexcept { return shared_->dead; }

  int make_folder(const char* path, ::mode_t mode) const {
    if (!alive()) return -1;
    const int answer = os::make_folder(path, mode);
    if (answer == 0) shared_->log.add({what::make_folder});
    return answer;
  }
  int open_folder(const char* path) const {
    const int number = os::open_folder(path);
    if (number >= 0) shared_->is_parent[number] = path != shared_->folder;
    return number;
  }
  int open_at(int folder, const char* name, int flags, ::mode_t mode) const {
    const bool makes = (flags & O_CREAT) != 0 && !shared_->names.contains(name);
    if (makes ? !alive() : shared_->dead) return failed();
    const int number = os::open_at(folder, name, flags, mode);
    if (number < 0) return number;
    shared_->files[number] = {makes ? made(name) : shared_->names.at(name), 0};
    return number;
  }
  int close(int file) const { return os::close(file); }
  ::ssize_t read(int file, void* out, std::size_t size) const {
    return shared_->dead ? failed() : os::read(file, out, size);
  }
  ::ssize_t write(int file, const void* in, std::size_t size) const {
    if (!alive()) return -1;
    const auto put = os::write(file, in, size);
    if (put > 0) {
      auto& [number, at] = shared_->files.at(file);
      const std::string data(static_cast<const char*>(in), static_cast<std::size_t>(put));
      shared_->log.add({what::write, number, {}, {}, at, data});
      at += data.size();
    }
    return put;
  }
  int status(int file, struct ::stat& out) const {
    return shared_->dead ? failed() : os::status(file, out);
  }
  int status_at(int folder, const char* name, struct ::stat& out) const {
    return shared_->dead ? failed() : os::status_at(folder, name, out);
  }
  int sync_file(int file) const {
    if (!alive()) return -1;
    shared_->log.add({what::sync, shared_->files.at(file).first});
    return 0;
  }
  int sync_folder(int folder) const {
    if (!alive()) return -1;
    shared_->log.add({shared_->is_parent.at(folder) ? what::sync_parent : what::sync_names});
    return 0;
  }
  int rename_at(int folder, const char* from, const char* to) const {
    if (!alive()) return -1;
    const int answer = os::rename_at(folder, from, to);
    if (answer == 0) {
      const auto node = shared_->names.extract(from);
      shared_->names[to] = node.mapped();
      shared_->log.add({what::rename, node.mapped(), from, to});
    }
    return answer;
  }
  int link_at(int folder, const char* from, const char* to) const {
    if (!alive()) return -1;
    const int answer = os::link_at(folder, from, to);
    if (answer == 0) {
      shared_->names[to] = shared_->names.at(from);
      shared_->log.add({what::name, shared_->names.at(from), to});
    }
    return answer;
  }
  int unlink_at(int folder, const char* name) const {
    if (!alive()) return -1;
    const int answer = os::unlink_at(folder, name);
    if (answer == 0) {
      shared_->log.add({what::unname, shared_->names.at(name), name});
      shared_->names.erase(name);
    }
    return answer;
  }
  int names(int folder, std::vector<std::string>& out) const {
    return shared_->dead ? failed() : os::names(folder, out);
  }
  int lock(int file, int how) const { return os::lock(file, how); }
  static void pause(std::chrono::microseconds time) { os::pause(time); }

 private:
  using os = store::posix_file_system;
  struct shared {
    std::filesystem::path folder;
    disk_log log;
    std::map<std::string, int> names;                    // as a running system sees them
    std::map<int, std::pair<int, std::uint64_t>> files;  // by descriptor: number, offset
    std::map<int, bool> is_parent;                       // by descriptor
    std::size_t left = std::numeric_limits<std::size_t>::max();
    bool dead = false;
  };

  [[nodiscard]] int made(const std::string& name) const {
    const int file = shared_->log.number_file();
    shared_->names[name] = file;
    shared_->log.add({what::name, file, name});
    return file;
  }
  static int failed() {
    errno = EIO;
    return -1;
  }
  /// Counts one change; false, and EIO, in a process that has been killed.
  [[nodiscard]] bool alive() const {
    if (shared_->left == 0) shared_->dead = true;
    if (shared_->dead) return failed() == 0;
    --shared_->left;
    return true;
  }

  std::shared_ptr<shared> shared_;
};

}  // namespace keywarden::testing
