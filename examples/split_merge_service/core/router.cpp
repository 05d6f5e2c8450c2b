#include "router.hpp"

#include <algorithm>
#include <utility>

namespace split_merge {

using keywarden::errc;
using keywarden::error;
using keywarden::fact;
using keywarden::refused;

router::router(const std::filesystem::path& metadata_file, std::map<std::string, credential> shards)
    : metadata_(metadata_file), credentials_(std::move(shards)), map_(metadata_.map()) {}

const shard& router::open(const std::string& name) {
  if (const auto found = shards_.find(name); found != shards_.end()) return found->second;
  const auto shown = credentials_.find(name);
  if (shown == credentials_.end())
    throw refused(error(errc::not_found)
                      .with(fact::name, name)
                      .with(fact::next_step, "give this client the shard's credential"));
  return shards_.try_emplace(name, shown->second.file, shown->second.secret).first->second;
}

template <class Act>
auto router::where_it_lives(std::int64_t key, const Act& act) {
  // A new map is refused only if a range has moved since it was read, which takes a while.
  constexpr int most_tries = 100;
  for (int tried = 1;; ++tried) {
    try {
      const auto* const found = map_.find(key);
      if (found == nullptr) throw refused(error(errc::not_found).with(fact::key, key));
      return act(open(found->shard), *found);
    } catch (const refused& why) {
      if (why.reason().code() != errc::plan_is_stale || tried == most_tries) throw;
    }
    map_ = metadata_.map();
  }
}

std::optional<keywarden::bytes> router::get(std::int64_t key) {
  return where_it_lives(
      key, [&](const shard& in, const placement&) { return in.get(key, map_.version()); });
}

void router::put(const row& what) {
  where_it_lives(what.key,
                 [&](const shard& in, const placement&) { in.put(what, map_.version()); });
}

void router::erase(std::int64_t key) {
  where_it_lives(key, [&](const shard& in, const placement&) { in.erase(key, map_.version()); });
}

std::vector<row> router::scan(const range& keys) {
  std::vector<row> all;
  // From where one range ends, wherever the next one lives by then.
  for (auto next = keys.low; next < keys.high;)
    next = where_it_lives(next, [&](const shard& in, const placement& part) {
      const range here{next, std::min(keys.high, part.keys.high)};
      auto rows = in.scan(here, map_.version());
      std::ranges::move(rows, std::back_inserter(all));
      return here.high;
    });
  return all;
}

}  // namespace split_merge
