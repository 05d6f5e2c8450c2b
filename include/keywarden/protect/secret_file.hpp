/// @file
/// A 32-byte secret in a file of its own, made once and never half.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>

#include <keywarden/core/encoding.hpp>
#include <keywarden/core/random.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/core/secret.hpp>

namespace keywarden::protect {

/// A secret of exactly 32 bytes in a file.
///
/// Protects against theft of the store, or of a backup of it, that does not include this file. Does
/// not protect against who may read the file, nor against theft of the whole disk; cloned machines
/// share it. Reading refuses (`secret_unavailable`, with the file and the reason) whatever is not a
/// regular file of exactly 32 bytes with no permissions beyond `mode`: a missing, empty, short or
/// world-readable file never passes as a secret. A plain value; any thread.
class secret_file {
 public:
  static constexpr std::size_t size = 32;

  /// `mode` is what a new file gets and the most that one may have: 0600 for an account's, 0640 for
  /// a machine's.
  explicit secret_file(std::filesystem::path path, ::mode_t mode = 0600)
      : path_(std::move(path)), mode_(mode) {}

  /// Where the file is.
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

  /// Errors: `secret_unavailable`.
  [[nodiscard]] result<secret_key> read() const {
    const descriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (file.number < 0) return unavailable(std::strerror(errno));
    struct ::stat facts {};
    if (::fstat(file.number, &facts) != 0) return unavailable(std::strerror(errno));
    if (!S_ISREG(facts.st_mode)) return unavailable("not a regular file");
    if ((facts.st_mode & 0777U & ~mode_) != 0)
      return unavailable("others may access it")
          .with(fact::next_step, "chmod " + octal(mode_) + " the file");
    if (facts.st_size != static_cast<::off_t>(size)) return wrong_size(facts.st_size);
    auto secret = keywarden::detail::sized_key(size);
    const auto out = keywarden::detail::secret_access::view(secret);
    std::size_t at = 0;
    while (at < size) {
      const auto got = ::read(file.number, out.data() + at, size - at);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return unavailable(std::strerror(errno));
      if (got == 0) return wrong_size(static_cast<::off_t>(at));
      at += static_cast<std::size_t>(got);
    }
    return secret;
  }

  /// Makes the file with a fresh secret unless it exists, and reads it. Its folder is made as well
  /// (mode 0700, or 0750 when the group may read the file).
  ///
  /// Written to a temporary file, synced, and linked into place, so that being killed never leaves
  /// an empty or short one, and of two that make it at once both read the same. Errors:
  /// `io_failed`, `secret_unavailable`.
  [[nodiscard]] result<secret_key> read_or_create() const {
    struct ::stat facts {};
    if (::lstat(path_.c_str(), &facts) == 0) return read();
    if (errno != ENOENT) return unavailable(std::strerror(errno));
    if (auto made = create(); !made) return made.error();
    return read();
  }

 private:
  struct descriptor {
    explicit descriptor(int opened) noexcept : number(opened) {}
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor() {
      if (number >= 0) ::close(number);
    }
    int number;
  };

  [[nodiscard]] result<void> create() const {
    const auto folder = path_.has_parent_path() ? path_.parent_path() : std::filesystem::path(".");
    std::error_code ignored;
    if (!std::filesystem::exists(folder, ignored)) {
      std::error_code failed;
      std::filesystem::create_directories(folder, failed);
      if (failed) return io_failed(failed.message());
      ::chmod(folder.c_str(), (mode_ & 0040U) != 0 ? 0750 : 0700);
      for (auto made = std::filesystem::absolute(folder, failed); made.has_relative_path();
           made = made.parent_path())
        (void)sync_folder(
            made.parent_path());  // up to one that was there, and that may not be readable
    }
    auto secret = random_key(size);
    if (!secret) return secret.error();
    auto suffix = random_public<strong_bytes<8, struct suffix_tag>>();
    if (!suffix) return suffix.error();
    const auto temporary =
        folder / ("." + path_.filename().string() + "." + to_hex(suffix->view()));
    {
      const descriptor file(
          ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode_));
      if (file.number < 0) return io_failed(std::strerror(errno));
      const auto data = keywarden::detail::view_of(*secret);
      const bool written =
          ::fchmod(file.number, mode_) == 0 &&
          ::write(file.number, data.data(), size) == static_cast<::ssize_t>(size) &&
          ::fsync(file.number) == 0;
      if (!written) {
        const auto why = io_failed(std::strerror(errno));
        ::unlink(temporary.c_str());
        return why;
      }
    }
    const int linked = ::link(temporary.c_str(), path_.c_str());
    const int why = errno;
    ::unlink(temporary.c_str());
    if (linked != 0 && why != EEXIST) return io_failed(std::strerror(why));
    if (!sync_folder(folder)) return io_failed(std::strerror(errno));
    return done();
  }

  [[nodiscard]] static bool sync_folder(const std::filesystem::path& folder) {
    const descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return opened.number >= 0 && ::fsync(opened.number) == 0;
  }
  [[nodiscard]] static std::string octal(::mode_t mode) {
    std::string text = "0";
    for (const unsigned shift : {6U, 3U, 0U})
      text += static_cast<char>('0' + ((mode >> shift) & 7U));
    return text;
  }

  [[nodiscard]] error unavailable(std::string_view reason) const {
    return error(errc::secret_unavailable)
        .with(fact::file, path_.string())
        .with(fact::reason, reason);
  }
  [[nodiscard]] error wrong_size(::off_t actual) const {
    return unavailable("wrong length").with(fact::limit, size).with(fact::actual, actual);
  }
  [[nodiscard]] error io_failed(std::string_view reason) const {
    return error(errc::io_failed).with(fact::file, path_.string()).with(fact::reason, reason);
  }

  std::filesystem::path path_;
  ::mode_t mode_;
};

}  // namespace keywarden::protect
