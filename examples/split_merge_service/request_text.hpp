/// @file
/// A request as a client writes it.
#pragma once

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/core/secret.hpp>

#include "core/request.hpp"

namespace split_merge {

/// A request with the credentials of both shards, in memory that is wiped.
struct submitted {
  request asked;
  keywarden::plaintext source;
  keywarden::plaintext target;
};

/// The longest text of a request, in bytes.
inline constexpr std::size_t max_request_text = 16384;

/// Reads three lines: `move LOW..HIGH from SHARD to SHARD` (or `merge …`, or `split LOW..HIGH at
/// KEY from … to …`), `source: CONNECTION STRING`, `target: CONNECTION STRING`. Errors: throws
/// `keywarden::refused` (`malformed`, `limit_exceeded`), which shows nothing of the text.
[[nodiscard]] submitted read_request(keywarden::bytes_view text);

}  // namespace split_merge
