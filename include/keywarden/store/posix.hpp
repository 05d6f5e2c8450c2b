/// @file
/// The file system as a policy: the system calls a folder of records needs, so that tests can
/// record and fail each of them.
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

namespace keywarden::store {

/// A concept matching the system calls that a folder of records is made of. Satisfied by
/// `posix_file_system`; tests have models that record, fail, or chop up every call.
///
/// Each function behaves as the POSIX call it is named after: -1 and `errno` when it fails,
/// interruptions and short counts included (callers deal with both). Names ending in `_at` take a
/// folder's descriptor and a plain name within it, and never follow a symbolic link. A model is a
/// cheap value: copies act on the same files. Threads: every call, from any thread.
template <class T>
concept file_system = std::copyable<T> &&
    requires(const T& system, const char* path, int file, void* out, const void* in,
             std::size_t size, struct ::stat& status, std::vector<std::string>& names,
             std::chrono::microseconds time) {
  { system.make_folder(path, ::mode_t{}) } -> std::same_as<int>;
  { system.open_folder(path) } -> std::same_as<int>;
  { system.open_at(file, path, int{}, ::mode_t{}) } -> std::same_as<int>;
  { system.close(file) } -> std::same_as<int>;
  { system.read(file, out, size) } -> std::same_as<::ssize_t>;
  { system.write(file, in, size) } -> std::same_as<::ssize_t>;
  { system.status(file, status) } -> std::same_as<int>;
  { system.status_at(file, path, status) } -> std::same_as<int>;
  { system.sync_file(file) } -> std::same_as<int>;
  { system.sync_folder(file) } -> std::same_as<int>;
  { system.rename_at(file, path, path) } -> std::same_as<int>;
  { system.link_at(file, path, path) } -> std::same_as<int>;
  { system.unlink_at(file, path) } -> std::same_as<int>;
  { system.names(file, names) } -> std::same_as<int>;
  { system.lock(file, int{}) } -> std::same_as<int>;
  { system.pause(time) } -> std::same_as<void>;
};

/// The operating system's own calls. Empty, so that it costs a store nothing.
struct posix_file_system {
  static int make_folder(const char* path, ::mode_t mode) noexcept { return ::mkdir(path, mode); }

  /// Opens a folder; a symbolic link in the last place is refused (ELOOP or ENOTDIR).
  static int open_folder(const char* path) noexcept {
    return ::open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  }
  /// O_NONBLOCK keeps a pipe in a record's place from blocking the caller for ever.
  static int open_at(int folder, const char* name, int flags, ::mode_t mode) noexcept {
    return ::openat(folder, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, mode);
  }
  static int close(int file) noexcept { return ::close(file); }
  static ::ssize_t read(int file, void* out, std::size_t size) noexcept {
    return ::read(file, out, size);
  }
  static ::ssize_t write(int file, const void* in, std::size_t size) noexcept {
    return ::write(file, in, size);
  }
  static int status(int file, struct ::stat& out) noexcept { return ::fstat(file, &out); }
  static int status_at(int folder, const char* name, struct ::stat& out) noexcept {
    return ::fstatat(folder, name, &out, AT_SYMLINK_NOFOLLOW);
  }
  static int sync_file(int file) noexcept { return ::fsync(file); }
  static int sync_folder(int folder) noexcept { return ::fsync(folder); }
  static int rename_at(int folder, const char* from, const char* to) noexcept {
    return ::renameat(folder, from, folder, to);
  }
  /// A second name for a file; fails with EEXIST where `to` exists, which makes a creation
  /// exclusive.
  static int link_at(int folder, const char* from, const char* to) noexcept {
    return ::linkat(folder, from, folder, to, 0);
  }
  static int unlink_at(int folder, const char* name) noexcept {
    return ::unlinkat(folder, name, 0);
  }

  /// The names in a folder, unsorted, without `.` and `..`.
  static int names(int folder, std::vector<std::string>& out) {
    const int again = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (again < 0) return -1;
    ::DIR* const stream = ::fdopendir(again);
    if (stream == nullptr) {
      ::close(again);
      return -1;
    }
    out.clear();
    for (;;) {
      errno = 0;
      const ::dirent* const entry = ::readdir(stream);
      if (entry == nullptr) break;
      std::string name(static_cast<const char*>(entry->d_name));
      if (name != "." && name != "..") out.push_back(std::move(name));
    }
    const int failure = errno;
    ::closedir(stream);
    errno = failure;
    return failure == 0 ? 0 : -1;
  }

  /// An advisory lock on the open file (flock); with LOCK_NB, EWOULDBLOCK when somebody else holds
  /// it.
  static int lock(int file, int how) noexcept { return ::flock(file, how); }

  static void pause(std::chrono::microseconds time) { std::this_thread::sleep_for(time); }
};

static_assert(file_system<posix_file_system>);

}  // namespace keywarden::store
