#include "request.hpp"

#include <algorithm>

#include <keywarden/core/result.hpp>

namespace split_merge {

using keywarden::errc;
using keywarden::error;
using keywarden::fact;
using keywarden::refused;

std::string_view name_of(kind what) noexcept {
  switch (what) {
    case kind::split:
      return "split";
    case kind::merge:
      return "merge";
    case kind::move:
      return "move";
  }
  return "unknown";
}

std::string_view name_of(phase what) noexcept {
  switch (what) {
    case phase::queued:
      return "queued";
    case phase::copying:
      return "copying";
    case phase::switching:
      return "switching";
    case phase::cleaning:
      return "cleaning";
    case phase::undoing:
      return "undoing";
    case phase::done:
      return "done";
    case phase::failed:
      return "failed";
    case phase::cancelled:
      return "cancelled";
  }
  return "unknown";
}

void check(const request& asked, const shard_map& map, const std::vector<std::string>& shards) {
  const auto demand = [](bool holds, std::string_view why) {
    if (!holds) throw refused(error(errc::invalid_argument).with(fact::reason, why));
  };
  for (const auto& each : {asked.source, asked.target})
    if (std::ranges::find(shards, each) == shards.end())
      throw refused(error(errc::not_found)
                        .with(fact::name, each)
                        .with(fact::reason, reason::unknown_shard)
                        .with(fact::next_step, "name one of the shards in the configuration"));
  demand(asked.source != asked.target, reason::same_shard);
  demand(!asked.keys.empty(), reason::empty_range);
  if (asked.what == kind::split)
    demand(asked.keys.low < asked.at && asked.at < asked.keys.high, reason::split_point);
  demand(map.is_on(asked.keys, asked.source), reason::not_on_source);
  if (asked.what == kind::merge)
    demand(map.is_next_to(asked.keys, asked.target), reason::not_adjacent);
}

}  // namespace split_merge
