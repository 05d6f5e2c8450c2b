#include "metadata.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include <keywarden/core/name.hpp>

namespace split_merge {

namespace {

using keywarden::errc;
using keywarden::error;
using keywarden::fact;
using keywarden::refused;
using lock = transaction;

constexpr const char* tables =
    "CREATE TABLE shards(name TEXT PRIMARY KEY, file TEXT NOT NULL);"
    "CREATE TABLE version(only INTEGER PRIMARY KEY CHECK(only = 1), version INTEGER NOT NULL);"
    "CREATE TABLE map(low INTEGER PRIMARY KEY, high INTEGER NOT NULL,"
    " shard TEXT NOT NULL REFERENCES shards(name), rows INTEGER NOT NULL);"  // -1: not counted
    "CREATE TABLE requests(id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL,"
    " low INTEGER NOT NULL, high INTEGER NOT NULL, at INTEGER NOT NULL,"
    " source TEXT NOT NULL, target TEXT NOT NULL,"
    " source_credential BLOB NOT NULL, target_credential BLOB NOT NULL,"
    " phase INTEGER NOT NULL, cancelled INTEGER NOT NULL, rows INTEGER NOT NULL,"
    " copied INTEGER NOT NULL, removed INTEGER NOT NULL, problem TEXT NOT NULL,"
    " waiting TEXT NOT NULL, created INTEGER NOT NULL);"
    "INSERT INTO version VALUES(1, 0);";

constexpr std::string_view columns =
    "SELECT id, kind, low, high, at, source, target, phase, rows, copied, removed, problem, "
    "waiting,"
    " created FROM requests ";

request_status status_of(const query& from) {
  request_status made;
  made.id = from.count(0);
  made.asked = {static_cast<kind>(from.number(1)),
                {from.number(2), from.number(3)},
                from.number(4),
                std::string(from.text(5)),
                std::string(from.text(6))};
  made.at = static_cast<phase>(from.number(7));
  made.rows = from.count(8);
  made.copied = from.count(9);
  made.removed = from.count(10);
  made.problem = from.text(11);
  made.waiting = from.text(12);
  made.created = keywarden::time_point(std::chrono::seconds(from.number(13)));
  return made;
}

/// Errors: `malformed`; `invalid_argument` for another file than the shard's.
void demand_for(const keywarden::plaintext& connection, const std::filesystem::path& file,
                std::string_view shard) {
  if (parse_connection_string(connection).file != file)
    throw refused(error(errc::invalid_argument)
                      .with(fact::name, shard)
                      .with(fact::reason, reason::wrong_file));
}

void store_shard(const database& in, const shard_place& each) {
  const auto name = keywarden::object_name::parse(each.name).value().text();
  const auto file = each.file.string();
  in.run("INSERT INTO shards VALUES(?, ?) ON CONFLICT(name) DO UPDATE SET file = excluded.file",
         name, file);
}

}  // namespace

void metadata::create(const std::filesystem::path& file, const std::vector<shard_place>& shards,
                      const std::vector<placement>& map) {
  const shard_map checked(map, 0);
  for (const auto& each : shards)
    static_cast<void>(keywarden::object_name::parse(each.name).value());
  for (const auto& each : map)
    if (std::ranges::find(shards, each.shard, &shard_place::name) == shards.end())
      throw refused(error(errc::not_found)
                        .with(fact::name, each.shard)
                        .with(fact::reason, reason::unknown_shard));
  database::create(file, tables, [&](const database& in) {
    for (const auto& each : shards) store_shard(in, each);
    for (const auto& each : checked.entries())
      in.run("INSERT INTO map VALUES(?, ?, ?, -1)", each.keys.low, each.keys.high, each.shard);
  });
}

metadata::metadata(const std::filesystem::path& file) : open_(file) {}

void metadata::wait_at_most(std::chrono::milliseconds time) const {
  ::sqlite3_busy_timeout(open_.connection().get(), static_cast<int>(time.count()));
}

void metadata::configure(const std::vector<shard_place>& shards) {
  lock whole(open_, lock::kind::write);
  for (const auto& each : shards) {
    const auto file = each.file.string();
    query used(open_,
               "SELECT r.id FROM requests r, shards s WHERE r.phase < ? AND s.name = ?"
               " AND s.file <> ? AND s.name IN (r.source, r.target)",
               phase::done, each.name, file);
    if (used.next())
      throw refused(error(errc::has_dependents)
                        .with(fact::name, each.name)
                        .with(fact::key, used.count(0))
                        .with(fact::next_step, "wait until the request is finished"));
    store_shard(open_, each);
  }
  whole.commit();
}

shard_map metadata::map() const {
  // One statement sees one state.
  query found(open_,
              "SELECT v.version, m.low, m.high, m.shard, m.rows FROM version v"
              " LEFT JOIN map m ORDER BY m.low");
  std::vector<placement> entries;
  std::uint64_t version = 0;
  while (found.next()) {
    version = found.count(0);
    const range keys{found.number(1), found.number(2)};
    if (keys.empty()) continue;  // no range at all
    const auto rows = found.number(4);
    entries.push_back({keys, std::string(found.text(3)),
                       rows < 0 ? std::nullopt : std::optional(static_cast<std::uint64_t>(rows))});
  }
  return {std::move(entries), version};
}

std::filesystem::path metadata::file_of(std::string_view shard) const {
  query found(open_, "SELECT file FROM shards WHERE name = ?", shard);
  if (found.next()) return std::string(found.text(0));
  throw refused(
      error(errc::not_found).with(fact::name, shard).with(fact::reason, reason::unknown_shard));
}

std::vector<std::string> metadata::shard_names() const {
  query found(open_, "SELECT name FROM shards");
  std::vector<std::string> made;
  while (found.next()) made.emplace_back(found.text(0));
  return made;
}

snapshot metadata::status(std::uint64_t most_requests) const {
  const lock one_state(open_, lock::kind::read);
  snapshot made{map(), {}};
  query found(open_, std::string(columns) + "ORDER BY id DESC LIMIT ?", most_requests);
  while (found.next()) made.requests.push_back(status_of(found));
  return made;
}

std::uint64_t metadata::submit(const request& asked, const keywarden::plaintext& source,
                               const keywarden::plaintext& target, const sealer& seal) {
  lock whole(open_, lock::kind::write);
  check(asked, map(), shard_names());
  demand_for(source, file_of(asked.source), asked.source);
  demand_for(target, file_of(asked.target), asked.target);
  demand_free(asked.keys);

  // Sealed for the request's number, which the row itself gives.
  const auto created = keywarden::system_clock::now().time_since_epoch().count();
  open_.run(
      "INSERT INTO requests VALUES(NULL, ?, ?, ?, ?, ?, ?, x'', x'', 0, 0, 0, 0, 0, '', '', ?)",
      asked.what, asked.keys.low, asked.keys.high, asked.at, asked.source, asked.target, created);
  const auto id = open_.last_id();
  const auto first = seal(source, owner_of(id, role::source, asked.source)).value();
  const auto second = seal(target, owner_of(id, role::target, asked.target)).value();
  open_.run("UPDATE requests SET source_credential = ?, target_credential = ? WHERE id = ?", first,
            second, id);
  whole.commit();
  return id;
}

void metadata::demand_free(const range& keys) const {
  query overlapping(open_, "SELECT id FROM requests WHERE phase < ? AND low < ? AND high > ?",
                    phase::done, keys.high, keys.low);
  if (overlapping.next())
    throw refused(error(errc::has_dependents)
                      .with(fact::key, overlapping.count(0))
                      .with(fact::reason, reason::overlaps)
                      .with(fact::next_step, "wait until it is finished, or cancel it"));
  query waiting(open_, "SELECT count(*) FROM requests WHERE phase < ?", phase::done);
  if (!waiting.next() || waiting.count(0) >= max_unfinished)
    throw refused(error(errc::limit_exceeded)
                      .with(fact::kind, "requests that wait")
                      .with(fact::limit, max_unfinished));
}

void metadata::cancel(std::uint64_t id) {
  lock whole(open_, lock::kind::write);
  query found(open_, "SELECT phase FROM requests WHERE id = ?", id);
  if (!found.next()) throw refused(error(errc::not_found).with(fact::key, id));
  const auto at = static_cast<phase>(found.number(0));
  if (at == phase::queued) {
    end(id, phase::cancelled, {});
  } else if (at == phase::copying) {
    open_.run("UPDATE requests SET phase = ?, cancelled = 1 WHERE id = ?", phase::undoing, id);
  } else if (at != phase::cancelled) {
    throw refused(error(errc::not_permitted)
                      .with(fact::key, id)
                      .with(fact::state, name_of(at))
                      .with(fact::reason, reason::too_late));
  }
  whole.commit();
  try_checkpoint();
}

rewrap_progress metadata::rewrap_all(const rewrapper& rewrap,
                                     const std::function<void(const rewrap_progress&)>& report) {
  struct kept {
    std::uint64_t id;
    std::array<std::string, 2> shards;
  };
  std::vector<kept> all;
  query found(open_, "SELECT id, source, target FROM requests WHERE phase < ? ORDER BY id",
              phase::done);
  while (found.next())
    all.push_back({found.count(0), {std::string(found.text(1)), std::string(found.text(2))}});

  rewrap_progress made;
  made.total = all.size() * 2;
  for (const auto& each : all)
    for (const auto as : {role::source, role::target}) {
      lock whole(open_, lock::kind::write);
      query row(open_,
                as == role::source ? "SELECT source_credential FROM requests WHERE id = ?"
                                   : "SELECT target_credential FROM requests WHERE id = ?",
                each.id);
      const auto old = row.next() ? keywarden::to_bytes(row.blob(0)) : keywarden::bytes();
      if (!old.empty()) {  // empty: it was finished meanwhile
        const auto shard = each.shards.at(static_cast<std::size_t>(as));
        const auto renewed = rewrap(old, owner_of(each.id, as, shard));
        if (!renewed) {
          made.refused.push_back({each.id, renewed.error()});
        } else if (*renewed != old) {
          open_.run(as == role::source ? "UPDATE requests SET source_credential = ? WHERE id = ?"
                                       : "UPDATE requests SET target_credential = ? WHERE id = ?",
                    *renewed, each.id);
          ++made.rewrapped;
        }
      }
      whole.commit();
      ++made.looked_at;
      if (report) report(made);
    }
  made.old_ones_erased = try_checkpoint();
  return made;
}

std::optional<request_status> metadata::next() const {
  query found(open_, std::string(columns) + "WHERE phase < ? ORDER BY id LIMIT 1", phase::done);
  if (!found.next()) return std::nullopt;
  return status_of(found);
}

keywarden::bytes metadata::sealed_credential(std::uint64_t id, role of) const {
  query found(open_, "SELECT source_credential, target_credential FROM requests WHERE id = ?", id);
  if (found.next() && !found.blob(of == role::source ? 0 : 1).empty())
    return keywarden::to_bytes(found.blob(of == role::source ? 0 : 1));
  throw refused(error(errc::not_found).with(fact::key, id).with(fact::kind, "credential"));
}

bool metadata::advance(std::uint64_t id, phase from, phase to) {
  return open_.run("UPDATE requests SET phase = ?, waiting = '' WHERE id = ? AND phase = ?", to, id,
                   from) == 1;
}

void metadata::begin_undo(std::uint64_t id, std::string_view why) {
  open_.run(
      "UPDATE requests SET phase = ?, problem = ?, waiting = '' WHERE id = ? AND phase IN (?, ?)",
      phase::undoing, why, id, phase::copying, phase::switching);
}

bool metadata::note_copied(std::uint64_t id, std::uint64_t rows, std::uint64_t copied) {
  return open_.run(
             "UPDATE requests SET rows = ?, copied = ?, waiting = '' WHERE id = ? AND phase = ?",
             rows, copied, id, phase::copying) == 1;
}

void metadata::note_removed(std::uint64_t id, std::uint64_t removed) {
  open_.run("UPDATE requests SET removed = ?, waiting = '' WHERE id = ?", removed, id);
}

void metadata::note_waiting(std::uint64_t id, std::string_view what) {
  open_.run("UPDATE requests SET waiting = ? WHERE id = ? AND phase < ?", what, id, phase::done);
}

void metadata::switch_range(const request_status& which,
                            const std::function<void()>& before_commit) {
  lock whole(open_, lock::kind::write);
  if (!advance(which.id, phase::switching, phase::cleaning))
    throw refused(error(errc::plan_is_stale).with(fact::key, which.id));
  auto changed = map();
  changed.assign(which.asked.moving(), which.asked.target, which.id);
  write_map(changed);
  before_commit();
  whole.commit();
}

void metadata::write_map(const shard_map& map) const {
  open_.run("DELETE FROM map");
  for (const auto& each : map.entries()) {
    const auto rows = each.rows ? static_cast<std::int64_t>(*each.rows) : -1;
    open_.run("INSERT INTO map VALUES(?, ?, ?, ?)", each.keys.low, each.keys.high, each.shard,
              rows);
  }
  open_.run("UPDATE version SET version = ?", map.version());
}

void metadata::finish(std::uint64_t id, phase as, std::string_view why) {
  end(id, as, why);
  try_checkpoint();
}

void metadata::end(std::uint64_t id, phase as, std::string_view why) const {
  if (!why.empty()) open_.run("UPDATE requests SET problem = ? WHERE id = ?", why, id);
  open_.run(
      "UPDATE requests SET phase = CASE WHEN cancelled THEN ? ELSE ? END, waiting = '',"
      " source_credential = x'', target_credential = x'' WHERE id = ? AND phase < ?",
      phase::cancelled, as, id, phase::done);
}

bool metadata::try_checkpoint() const {
  try {
    open_.checkpoint();
    return true;
  } catch (const refused&) {  // somebody reads: a later one, or closing the file, does it
    return false;
  }
}

void metadata::note_rows(const range& keys, std::string_view shard, std::uint64_t rows) {
  open_.run("UPDATE map SET rows = ? WHERE low = ? AND high = ? AND shard = ?", rows, keys.low,
            keys.high, shard);
}

}  // namespace split_merge
