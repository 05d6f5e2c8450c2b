/// @file
/// Streams over POSIX file descriptors that the caller keeps open.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <limits>
#include <string_view>
#include <system_error>

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/key/byte_stream.hpp>

namespace keywarden {

namespace detail {

[[nodiscard]] inline error descriptor_failure(int number, std::string_view operation) {
  return error(errc::io_failed)
      .with(fact::operation, operation)
      .with(fact::reason, std::generic_category().message(number));
}

/// Writes all of it, an interruption notwithstanding, and returns 0; or the error number, and
/// `rest` is then what was not written.
[[nodiscard]] inline int write_all(int file, bytes_view& rest) noexcept {
  while (!rest.empty()) {
    const auto count = ::write(file, rest.data(), rest.size());
    if (count > 0)
      rest = rest.subspan(static_cast<std::size_t>(count));
    else if (count == 0 || errno != EINTR)
      return count == 0 ? EIO : errno;
  }
  return 0;
}

}  // namespace detail

/// Reads a descriptor in order: a pipe, a socket, a terminal, a file. The caller owns the
/// descriptor, which must block. One thread at a time. Errors: `io_failed` with the system's
/// reason; an interruption is retried.
class fd_source {
 public:
  explicit fd_source(int file) noexcept : file_(file) {}

  /// As `byte_source`: the next bytes; none at the end. Errors: `io_failed`.
  [[nodiscard]] result<std::size_t> read(mutable_bytes out) {
    for (;;) {
      const auto count = ::read(file_, out.data(), out.size());
      if (count >= 0) return static_cast<std::size_t>(count);
      if (errno != EINTR) return detail::descriptor_failure(errno, "read");
    }
  }

 private:
  int file_;
};

/// Writes a descriptor in order. The caller owns the descriptor, which must block, and syncs it.
/// One thread at a time. Errors: `io_failed`; a closed pipe raises SIGPIPE where the program has
/// not ignored it.
class fd_sink {
 public:
  explicit fd_sink(int file) noexcept : file_(file) {}

  /// As `byte_sink`: writes all of it. Errors: `io_failed`.
  [[nodiscard]] result<void> write(bytes_view data) {
    if (const int number = detail::write_all(file_, data); number != 0)
      return detail::descriptor_failure(number, "write");
    return done();
  }

 private:
  int file_;
};

/// Reads a regular file at any place, whatever the descriptor's own position. The caller owns the
/// descriptor. Any number of threads. Errors: `io_failed`; `invalid_argument` for what is not a
/// regular file.
class file_source {
 public:
  explicit file_source(int file) noexcept : file_(file) {}

  [[nodiscard]] result<std::uint64_t> size() const {
    struct ::stat status = {};
    if (::fstat(file_, &status) != 0) return detail::descriptor_failure(errno, "fstat");
    if (!S_ISREG(status.st_mode))
      return error(errc::invalid_argument)
          .with(fact::reason, "not a regular file")
          .with(fact::next_step, "read it in order, with fd_source");
    return static_cast<std::uint64_t>(status.st_size);
  }

  /// As `random_access_source`. Errors: `io_failed`.
  [[nodiscard]] result<std::size_t> read_at(std::uint64_t offset, mutable_bytes out) const {
    if (offset > static_cast<std::uint64_t>(std::numeric_limits<::off_t>::max()))
      return std::size_t{0};
    for (;;) {
      const auto count = ::pread(file_, out.data(), out.size(), static_cast<::off_t>(offset));
      if (count >= 0) return static_cast<std::size_t>(count);
      if (errno != EINTR) return detail::descriptor_failure(errno, "pread");
    }
  }

 private:
  int file_;
};

static_assert(byte_source<fd_source> && !random_access_source<fd_source>);
static_assert(byte_sink<fd_sink>);
static_assert(random_access_source<file_source>);

}  // namespace keywarden
