/// @file
/// Making the shards and the metadata database.
#pragma once

#include "options.hpp"

namespace split_merge {

/// Makes the shards with some rows, the metadata database, and for each shard a file (mode 0600)
/// with the connection string that opens it. Errors: throws `keywarden::refused`, also
/// `already_exists`.
void init(const options& asked);

}  // namespace split_merge
