/// @file
/// One folder and the whole files in it: bounded reads, synced writes, and a lock, with typed
/// errors.
#pragma once

#include <algorithm>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/store/posix.hpp>

namespace keywarden::store::detail {

/// Repeats a system call for as long as a signal interrupts it.
template <class Call>
[[nodiscard]] auto uninterrupted(Call&& call) {
  for (;;) {
    const auto answer = call();
    if (answer != -1 || errno != EINTR) return answer;
  }
}

/// The typed form of a failed system call. Errors made: `store_corrupt` for a symbolic link,
/// `io_failed` for the rest, with the file, the operation, the system's reason, and a next step for
/// the usual ones.
[[nodiscard]] inline error system_failure(int number, std::string_view operation,
                                          std::string_view file) {
  auto made = error(number == ELOOP ? errc::store_corrupt : errc::io_failed)
                  .with(fact::operation, operation)
                  .with(fact::file, file)
                  .with(fact::reason, std::generic_category().message(number));
  switch (number) {
    case ENOSPC:
    case EDQUOT:
      return std::move(made).with(fact::next_step, "free some space and try again");
    case EACCES:
    case EPERM:
      return std::move(made).with(fact::next_step,
                                  "run as the user who owns the store, or correct its permissions");
    case EROFS:
      return std::move(made).with(fact::next_step, "the file system is read-only");
    case ELOOP:
      return std::move(made).with(fact::next_step, "replace the symbolic link");
    default:
      return made;
  }
}

/// An open descriptor, closed when it goes. Closing an open lock file gives the lock back.
template <file_system FileSystem>
class descriptor {
 public:
  descriptor(int number, FileSystem system) noexcept
      : number_(number), system_(std::move(system)) {}
  descriptor(descriptor&& other) noexcept
      : number_(std::exchange(other.number_, -1)), system_(other.system_) {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    std::swap(system_, other.system_);
    return *this;
  }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() { reset(); }

  void reset() noexcept {
    if (number_ >= 0) system_.close(number_);
    number_ = -1;
  }
  [[nodiscard]] int number() const noexcept { return number_; }

 private:
  int number_;
  [[no_unique_address]] FileSystem system_;
};

/// A folder, held open. Every name is a plain name within it.
///
/// Protects against: symbolic links and other kinds of file in a record's place, files that are
/// larger than announced, interrupted and short system calls. Does not order anything by itself:
/// what is durable when is for its user to say with `sync`.
///
/// Threads: any number.
template <file_system FileSystem>
class folder {
 public:
  /// Opens a folder. Errors: `io_failed`, `store_corrupt` (a symbolic link), each with
  /// `fact::file`.
  [[nodiscard]] static result<folder> open(const std::filesystem::path& path, FileSystem system) {
    const auto text = spelled(path);
    const int number = uninterrupted([&] { return system.open_folder(text.c_str()); });
    if (number < 0) return system_failure(errno, "open folder", text);
    return folder(text, {number, system}, system);
  }

  /// Opens a folder, and makes it (mode 0700, durably) if there is none. Its parent must exist.
  [[nodiscard]] static result<folder> open_or_make(const std::filesystem::path& path,
                                                   FileSystem system) {
    const auto text = spelled(path);
    if (uninterrupted([&] { return system.make_folder(text.c_str(), 0700); }) == 0) {
      const auto above = std::filesystem::path(text).parent_path();
      auto parent = open(above.empty() ? "." : above, system);
      if (!parent) return parent.error();
      if (auto synced = parent->sync(); !synced) return synced.error();
    } else if (errno != EEXIST) {
      return system_failure(errno, "make folder", text);
    }
    return open(path, std::move(system));
  }

  /// A file's content, or nothing when there is no such file. Its size is checked before memory is
  /// taken. Errors: `limit_exceeded` above `limit` bytes, `store_corrupt` when it is no regular
  /// file, `io_failed`.
  [[nodiscard]] result<std::optional<bytes>> read(const std::string& name,
                                                  std::size_t limit) const {
    const int number = open_file(name, O_RDONLY);
    if (number < 0) {
      if (errno == ENOENT) return std::optional<bytes>();
      return failed("open", name);
    }
    const descriptor<FileSystem> file(number, system_);
    struct ::stat status {};
    if (uninterrupted([&] { return system_.status(number, status); }) != 0)
      return failed("examine", name);
    if (auto regular = check_regular(name, status); !regular) return regular.error();
    const auto announced = static_cast<std::uintmax_t>(std::max<::off_t>(status.st_size, 0));
    if (announced > limit)
      return error(errc::limit_exceeded)
          .with(fact::file, path_of(name))
          .with(fact::limit, limit)
          .with(fact::actual, announced);
    bytes data(static_cast<std::size_t>(announced));
    std::size_t have = 0;
    while (have < data.size()) {
      const auto got = uninterrupted(
          [&] { return system_.read(number, data.data() + have, data.size() - have); });
      if (got < 0) return failed("read", name);
      if (got == 0) break;
      have += static_cast<std::size_t>(got);
    }
    if (have != data.size())
      return error(errc::store_corrupt)
          .with(fact::file, path_of(name))
          .with(fact::reason, "the file became shorter while it was read");
    return std::optional<bytes>(std::move(data));
  }

  /// Makes a file (mode 0600), writes it whole and syncs it. A stale file of that name, left by a
  /// killed process, goes first. Its name is durable only after `sync`. Errors: `io_failed`.
  [[nodiscard]] result<void> write(const std::string& name, bytes_view data) const {
    return write(name, data, [](int /*file*/) { return done(); });
  }
  /// The same; `prepare` is given the descriptor before it is synced, and what it refuses, this
  /// refuses.
  template <class Prepare>
  [[nodiscard]] result<void> write(const std::string& name, bytes_view data,
                                   const Prepare& prepare) const {
    constexpr int flags = O_WRONLY | O_CREAT | O_EXCL;
    int number = open_file(name, flags);
    if (number < 0 && errno == EEXIST) {
      if (auto removed = remove(name); !removed) return removed;
      number = open_file(name, flags);
    }
    if (number < 0) return failed("create", name);
    const descriptor<FileSystem> file(number, system_);
    while (!data.empty()) {
      const auto put =
          uninterrupted([&] { return system_.write(number, data.data(), data.size()); });
      if (put == 0) errno = EIO;  // no progress: an endless loop otherwise
      if (put <= 0) return failed("write", name);
      data = data.subspan(static_cast<std::size_t>(put));
    }
    if (result<void> prepared = prepare(number); !prepared) return prepared;
    if (uninterrupted([&] { return system_.sync_file(number); }) != 0) return failed("sync", name);
    return done();
  }

  /// Gives a file another name, over whatever had it. Errors: `io_failed`.
  [[nodiscard]] result<void> rename(const std::string& from, const std::string& to) const {
    if (uninterrupted(
            [&] { return system_.rename_at(descriptor_.number(), from.c_str(), to.c_str()); }) != 0)
      return failed("rename", to);
    return done();
  }

  /// Removes a name; one that is gone already is fine. Errors: `io_failed`.
  [[nodiscard]] result<void> remove(const std::string& name) const {
    if (uninterrupted([&] { return system_.unlink_at(descriptor_.number(), name.c_str()); }) != 0 &&
        errno != ENOENT)
      return failed("remove", name);
    return done();
  }

  /// Whether there is something of this name, of whatever kind. Errors: `io_failed`.
  [[nodiscard]] result<bool> contains(const std::string& name) const {
    struct ::stat status {};
    if (status_of(name, status) == 0) return true;
    if (errno == ENOENT) return false;
    return failed("examine", name);
  }

  /// Errors: `store_corrupt` when the name is not that of a regular file, `io_failed`.
  [[nodiscard]] result<void> expect_regular(const std::string& name) const {
    struct ::stat status {};
    if (status_of(name, status) != 0) return failed("examine", name);
    return check_regular(name, status);
  }

  /// Every name in the folder, sorted. Errors: `io_failed`.
  [[nodiscard]] result<std::vector<std::string>> names() const {
    std::vector<std::string> found;
    if (uninterrupted([&] { return system_.names(descriptor_.number(), found); }) != 0)
      return failed("list", {});
    std::sort(found.begin(), found.end());
    return found;
  }

  /// Makes every rename, creation and removal so far durable. Errors: `io_failed`.
  [[nodiscard]] result<void> sync() const {
    if (uninterrupted([&] { return system_.sync_folder(descriptor_.number()); }) != 0)
      return failed("sync folder", {});
    return done();
  }

  /// Takes the advisory lock on the file `name` (made if missing, mode 0600), for writers alone or
  /// shared between readers; it is held until the descriptor goes. Each call opens the file anew,
  /// so threads and objects of one process exclude each other as processes do. Errors: `store_busy`
  /// after `patience`, `io_failed`.
  [[nodiscard]] result<descriptor<FileSystem>> lock(const std::string& name, bool exclusive,
                                                    std::chrono::milliseconds patience) const {
    const int number = open_file(name, O_RDONLY | O_CREAT);
    if (number < 0) return failed("open", name);
    descriptor<FileSystem> held(number, system_);
    const auto deadline = std::chrono::steady_clock::now() + patience;
    auto wait = std::chrono::microseconds(20);
    while (system_.lock(number, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0) {
      if (errno == EINTR) continue;
      if (errno != EWOULDBLOCK) return failed("lock", name);
      if (std::chrono::steady_clock::now() >= deadline)
        return error(errc::store_busy)
            .with(fact::file, path_of(name))
            .with(fact::limit, std::to_string(patience.count()) + " ms");
      system_.pause(wait);
      wait = std::min(wait * 2, std::chrono::microseconds(2000));
    }
    return held;
  }

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::string path_of(const std::string& name) const {
    return name.empty() ? path_ : path_ + '/' + name;
  }

 private:
  folder(std::string path, descriptor<FileSystem> opened, FileSystem system)
      : path_(std::move(path)), descriptor_(std::move(opened)), system_(std::move(system)) {}

  /// Without the trailing slashes that would make the system follow a symbolic link.
  [[nodiscard]] static std::string spelled(const std::filesystem::path& path) {
    auto text = path.string();
    while (text.size() > 1 && text.back() == '/') text.pop_back();
    return text;
  }
  [[nodiscard]] int open_file(const std::string& name, int flags) const {
    return uninterrupted(
        [&] { return system_.open_at(descriptor_.number(), name.c_str(), flags, 0600); });
  }
  [[nodiscard]] int status_of(const std::string& name, struct ::stat& status) const {
    return uninterrupted(
        [&] { return system_.status_at(descriptor_.number(), name.c_str(), status); });
  }
  [[nodiscard]] error failed(std::string_view operation, const std::string& name) const {
    const int number = errno;
    return system_failure(number, operation, path_of(name));
  }
  [[nodiscard]] result<void> check_regular(const std::string& name,
                                           const struct ::stat& status) const {
    if (S_ISREG(status.st_mode)) return done();
    return error(errc::store_corrupt)
        .with(fact::file, path_of(name))
        .with(fact::reason, S_ISLNK(status.st_mode) ? "a symbolic link" : "not a regular file");
  }

  std::string path_;
  descriptor<FileSystem> descriptor_;
  [[no_unique_address]] FileSystem system_;
};

}  // namespace keywarden::store::detail
