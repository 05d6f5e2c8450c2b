/// @file
/// Which keys live on which shard: a value, without storage.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace split_merge {

/// The keys from `low` up to, but not including, `high`.
struct range {
  std::int64_t low = 0;
  std::int64_t high = 0;

  [[nodiscard]] bool empty() const noexcept { return low >= high; }
  [[nodiscard]] bool contains(std::int64_t key) const noexcept { return low <= key && key < high; }
  [[nodiscard]] bool overlaps(const range& other) const noexcept {
    return low < other.high && other.low < high;
  }
  friend bool operator==(const range&, const range&) = default;
};

/// A range and where it lives.
struct placement {
  range keys;
  std::string shard;
  /// How many rows it had when a worker last counted them; none if no worker has.
  std::optional<std::uint64_t> rows{};

  friend bool operator==(const placement&, const placement&) = default;
};

/// The placements, in order, without overlaps; neighbours on one shard are one placement. A key
/// that has none lives nowhere. Each switch of a range makes a new version, the number of the
/// request that it was made for.
class shard_map {
 public:
  shard_map() = default;
  /// Errors: throws `keywarden::refused` (`invalid_argument`) for empty or overlapping ranges.
  shard_map(std::vector<placement> entries, std::uint64_t version);

  [[nodiscard]] std::uint64_t version() const noexcept { return version_; }
  [[nodiscard]] const std::vector<placement>& entries() const noexcept { return entries_; }

  /// Where a key lives; null if nowhere. Valid until the map changes.
  [[nodiscard]] const placement* find(std::int64_t key) const noexcept;
  /// Whether all of a range lives on this shard.
  [[nodiscard]] bool is_on(const range& keys, std::string_view shard) const noexcept;
  /// Whether a range next to this one lives on this shard.
  [[nodiscard]] bool is_next_to(const range& keys, std::string_view shard) const noexcept;

  /// From now on the range lives there. Counts of what changes are forgotten.
  void assign(const range& keys, std::string_view shard, std::uint64_t version);

 private:
  void join_neighbours();

  std::vector<placement> entries_;
  std::uint64_t version_ = 0;
};

}  // namespace split_merge
