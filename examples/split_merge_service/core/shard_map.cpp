#include "shard_map.hpp"

#include <algorithm>
#include <utility>

#include <keywarden/core/result.hpp>

namespace split_merge {

shard_map::shard_map(std::vector<placement> entries, std::uint64_t version)
    : entries_(std::move(entries)), version_(version) {
  std::ranges::sort(entries_, {}, [](const placement& each) { return each.keys.low; });
  const auto is_wrong = [](const placement& left, const placement& right) {
    return left.keys.high > right.keys.low;
  };
  if (std::ranges::any_of(entries_, [](const placement& each) { return each.keys.empty(); }) ||
      std::ranges::adjacent_find(entries_, is_wrong) != entries_.end())
    throw keywarden::refused(
        keywarden::error(keywarden::errc::invalid_argument)
            .with(keywarden::fact::reason, "the map has empty or overlapping ranges"));
  join_neighbours();
}

const placement* shard_map::find(std::int64_t key) const noexcept {
  for (const auto& each : entries_)
    if (each.keys.contains(key)) return &each;
  return nullptr;
}

bool shard_map::is_on(const range& keys, std::string_view shard) const noexcept {
  const auto* const first = find(keys.low);
  return first != nullptr && first->shard == shard && keys.high <= first->keys.high;
}

bool shard_map::is_next_to(const range& keys, std::string_view shard) const noexcept {
  return std::ranges::any_of(entries_, [&](const placement& each) {
    return each.shard == shard && (each.keys.high == keys.low || each.keys.low == keys.high);
  });
}

void shard_map::assign(const range& keys, std::string_view shard, std::uint64_t version) {
  std::vector<placement> made{{keys, std::string(shard)}};
  for (auto& each : entries_) {
    if (!each.keys.overlaps(keys)) {
      made.push_back(std::move(each));
      continue;
    }
    if (each.keys.low < keys.low) made.push_back({{each.keys.low, keys.low}, each.shard});
    if (keys.high < each.keys.high) made.push_back({{keys.high, each.keys.high}, each.shard});
  }
  std::ranges::sort(made, {}, [](const placement& each) { return each.keys.low; });
  entries_ = std::move(made);
  version_ = version;
  join_neighbours();
}

void shard_map::join_neighbours() {
  std::vector<placement> joined;
  for (auto& each : entries_) {
    if (!joined.empty() && joined.back().keys.high == each.keys.low &&
        joined.back().shard == each.shard) {
      joined.back().keys.high = each.keys.high;
      joined.back().rows.reset();
    } else {
      joined.push_back(std::move(each));
    }
  }
  entries_ = std::move(joined);
}

}  // namespace split_merge
