/// @file
/// Configurations as files.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <string_view>

#include <keywarden/config/xml.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/core/secret.hpp>
#include <keywarden/pki/files.hpp>

namespace keywarden::config {

/// The text of a file of at most 1 MiB, in memory that is wiped (it may hold a connection string).
/// Errors: `not_found`, `limit_exceeded`, `store_corrupt` for what is no regular file (a symbolic
/// link, too), `io_failed`.
[[nodiscard]] inline result<plaintext> read_file(const std::filesystem::path& path) {
  return pki::read_secret_file(path, xml_limits::text_size);
}

/// Writes a file whole: whoever reads it, and whoever finds it after this process was killed at any
/// instant, has the old text or the new one. An existing file keeps its permissions and, as far as
/// this process may give files away, its owner and group; if the group cannot be kept, the file is
/// for its owner alone. A new one is for its owner alone. Errors: `limit_exceeded`,
/// `invalid_argument` for a path without a file name, `io_failed`.
[[nodiscard]] inline result<void> write_file(const std::filesystem::path& path,
                                             std::string_view text) {
  if (text.size() > xml_limits::text_size)
    return error(errc::limit_exceeded)
        .with(fact::file, path.string())
        .with(fact::limit, xml_limits::text_size)
        .with(fact::actual, text.size());
  pki::detail::file_access access;
  struct ::stat status {};
  if (::lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode))
    access = {status.st_mode & 0777U, {{status.st_uid, status.st_gid}}};
  return pki::detail::write_whole(path, as_bytes(text), access, pki::if_exists::replace);
}

}  // namespace keywarden::config
