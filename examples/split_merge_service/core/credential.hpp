/// @file
/// The credentials of shards: connection strings, and how they are kept sealed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include <keywarden/core/result.hpp>
#include <keywarden/core/secret.hpp>

namespace split_merge {

/// Hides a connection string that belongs to `owner`. What takes requests needs no more than this.
using sealer = std::function<keywarden::result<keywarden::bytes>(
    const keywarden::plaintext& credential, std::string_view owner)>;

/// Opens one again, for the same owner only: for the worker.
using opener = std::function<keywarden::result<keywarden::plaintext>(keywarden::bytes_view sealed,
                                                                     std::string_view owner)>;

/// Seals what is sealed for another certificate; gives back the same bytes if that is done already.
using rewrapper = std::function<keywarden::result<keywarden::bytes>(keywarden::bytes_view sealed,
                                                                    std::string_view owner)>;

enum class role : std::uint8_t { source, target };

/// Whom a sealed credential is bound to, such as "request 17/source/west": another request's, or
/// the other shard's, does not open.
[[nodiscard]] std::string owner_of(std::uint64_t request, role as, std::string_view shard);

/// What opens a shard.
struct credential {
  std::filesystem::path file;
  keywarden::password secret;
};

/// Reads `Data Source=<file>;Password=<secret>`, in this order; all after `Password=` is the
/// password. Errors: throws `keywarden::refused` (`malformed`), which shows nothing of the text.
[[nodiscard]] credential parse_connection_string(const keywarden::plaintext& text);

}  // namespace split_merge
