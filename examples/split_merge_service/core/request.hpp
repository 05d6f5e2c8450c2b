/// @file
/// What an operator can ask for, how far it is, and why it may be refused.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shard_map.hpp"

namespace split_merge {

/// `split` moves the part of a range from a key on to another shard; `merge` moves a range to the
/// shard that has the one next to it; `move` moves a range.
enum class kind : std::uint8_t { split, merge, move };

/// A request's way: queued, copying, switching, cleaning, done. Before the switch it can turn to
/// undoing, and ends as failed or cancelled with everything as it was. The numbers are stored.
enum class phase : std::uint8_t {
  queued = 0,
  copying = 1,
  switching = 2,
  cleaning = 3,
  undoing = 4,
  done = 5,
  failed = 6,
  cancelled = 7,
};

[[nodiscard]] std::string_view name_of(kind what) noexcept;
[[nodiscard]] std::string_view name_of(phase what) noexcept;
[[nodiscard]] constexpr bool is_finished(phase at) noexcept { return at >= phase::done; }

/// A request. Shards are named, never given by a path.
struct request {
  kind what = kind::move;
  range keys;           ///< the range that is split, merged or moved
  std::int64_t at = 0;  ///< of a split: the first key that moves
  std::string source;
  std::string target;

  /// The keys that change their shard.
  [[nodiscard]] range moving() const noexcept {
    return what == kind::split ? range{at, keys.high} : keys;
  }
};

/// The values of `fact::reason` in refusals of this service.
namespace reason {
inline constexpr std::string_view empty_range = "the range is empty: low must be below high";
inline constexpr std::string_view same_shard = "source and target are the same shard";
inline constexpr std::string_view unknown_shard = "no shard of this name is configured";
inline constexpr std::string_view split_point = "the key to split at must be inside of the range";
inline constexpr std::string_view not_on_source = "the range does not lie wholly on the source";
inline constexpr std::string_view not_adjacent = "the target has no range next to this one";
inline constexpr std::string_view overlaps = "another request for these keys is not finished";
inline constexpr std::string_view wrong_file = "the credential is for another file than the shard";
inline constexpr std::string_view target_in_use = "the target has rows of this range already";
inline constexpr std::string_view too_late = "the request can no longer be cancelled";
inline constexpr std::string_view moving = "the range is moving";
inline constexpr std::string_view elsewhere = "the range is not on this shard";
}  // namespace reason

/// Whether a request makes sense with this map and these shards.
///
/// Errors: throws `keywarden::refused`: `not_found` for a shard that is not configured,
/// `invalid_argument` for the rest, with a `fact::reason` of the above.
void check(const request& asked, const shard_map& map, const std::vector<std::string>& shards);

}  // namespace split_merge
