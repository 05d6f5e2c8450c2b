/// @file
/// A client of the data: finds rows through the shard map, whatever is being moved.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "credential.hpp"
#include "metadata.hpp"
#include "shard.hpp"

namespace split_merge {

/// Reads and writes rows where they are. It keeps the map it has read until a shard refuses it.
///
/// A read sees every acknowledged write; a scan sees each row that is there throughout once.
/// Errors: throws `keywarden::refused`: `not_found` for a key that lives nowhere or a shard without
/// a credential, `store_busy` with `reason::moving` for a write to a range that moves; as `shard`.
/// One thread at a time, never across `fork`.
class router {
 public:
  router(const std::filesystem::path& metadata_file, std::map<std::string, credential> shards);

  [[nodiscard]] std::optional<keywarden::bytes> get(std::int64_t key);
  void put(const row& what);
  void erase(std::int64_t key);
  /// All rows of a range, in order: of each shard at one instant, of several one after the other.
  [[nodiscard]] std::vector<row> scan(const range& keys);

 private:
  template <class Act>
  auto where_it_lives(std::int64_t key, const Act& act);
  const shard& open(const std::string& name);

  metadata metadata_;
  std::map<std::string, credential> credentials_;
  std::map<std::string, shard> shards_;
  shard_map map_;
};

}  // namespace split_merge
