#include "shard.hpp"

#include <algorithm>
#include <limits>

#include <keywarden/core/random.hpp>
#include <keywarden/crypto/kdf.hpp>

#include "request.hpp"

namespace split_merge {

namespace {

using keywarden::errc;
using keywarden::error;
using keywarden::fact;
using keywarden::refused;
using keywarden::crypto::kdf_cost;
using lock = transaction;

enum class state : std::uint8_t { serving = 0, leaving = 1, incoming = 2, garbage = 3 };

constexpr const char* tables =
    "CREATE TABLE access(only INTEGER PRIMARY KEY CHECK(only = 1), salt BLOB NOT NULL,"
    " memory_kib INTEGER NOT NULL, iterations INTEGER NOT NULL, lanes INTEGER NOT NULL,"
    " verifier BLOB NOT NULL);"
    "CREATE TABLE rows(key INTEGER PRIMARY KEY, payload BLOB NOT NULL);"
    // since: the version of the map from which on the range is read here.
    // request: for which it moves; 0 while it does not. next: of an incoming one, the key to copy.
    "CREATE TABLE ranges(low INTEGER PRIMARY KEY, high INTEGER NOT NULL, since INTEGER NOT NULL,"
    " state INTEGER NOT NULL, request INTEGER NOT NULL, next INTEGER NOT NULL);";

constexpr const char* add_range = "INSERT INTO ranges VALUES(?, ?, ?, ?, ?, ?)";

[[noreturn]] void refuse(errc what, std::string_view why, std::string_view next_step) {
  throw refused(error(what).with(fact::reason, why).with(fact::next_step, next_step));
}
[[noreturn]] void refuse_as_elsewhere() {
  refuse(errc::plan_is_stale, reason::elsewhere, "read the shard map again");
}

bool has(const database& in, std::uint64_t request, state what) {
  return query(in, "SELECT 1 FROM ranges WHERE request = ? AND state = ?", request, what).next();
}

/// Neighbours that both serve become one range: as in the map.
void join_neighbours(const database& in) {
  for (;;) {
    query found(in,
                "SELECT a.low, b.low, b.high, max(a.since, b.since) FROM ranges a JOIN ranges b"
                " ON a.high = b.low WHERE a.state = 0 AND b.state = 0 LIMIT 1");
    if (!found.next()) return;
    in.run("DELETE FROM ranges WHERE low = ?", found.number(1));
    in.run("UPDATE ranges SET high = ?, since = ? WHERE low = ?", found.number(2), found.number(3),
           found.number(0));
  }
}

keywarden::mac verifier_of(const keywarden::password& secret, const keywarden::salt& salt,
                           const kdf_cost& cost) {
  // Its floor is low: the cost is what the shard was made with.
  const auto derived = keywarden::crypto::argon2id<64, 1, 1>::derive(secret, salt, cost).value();
  return keywarden::crypto::hmac_sha256(derived, keywarden::as_bytes("split_merge/1/verifier"))
      .value();
}

/// Counts what a batch has taken.
class bounded {
 public:
  explicit bounded(const batch_limit& most) : most_(most) {}
  [[nodiscard]] bool is_full() const noexcept {
    return rows_ >= most_.rows || (rows_ != 0 && bytes_ >= most_.bytes);
  }
  /// Whether another row fits; the first one always does.
  [[nodiscard]] bool takes(std::uint64_t size) noexcept {
    if (rows_ != 0 && size > most_.bytes - std::min(bytes_, most_.bytes)) return false;
    ++rows_;
    bytes_ += size;
    return true;
  }

 private:
  batch_limit most_;
  std::uint64_t rows_ = 0;
  std::uint64_t bytes_ = 0;
};

std::vector<row> all_of(query& rows) {
  std::vector<row> made;
  while (rows.next()) made.push_back({rows.number(0), keywarden::to_bytes(rows.blob(1))});
  return made;
}

}  // namespace

void shard::create(const std::filesystem::path& file, const keywarden::password& secret,
                   const kdf_cost& cost) {
  const auto salt = keywarden::random_public<keywarden::salt>().value();
  const auto verifier = verifier_of(secret, salt, cost);
  database::create(file, tables, [&](const database& in) {
    in.run("INSERT INTO access VALUES(1, ?, ?, ?, ?, ?)", salt.view(), cost.memory_kib,
           cost.iterations, cost.lanes, verifier.view());
  });
}

shard::shard(const std::filesystem::path& file, const keywarden::password& secret) : open_(file) {
  query kept(open_, "SELECT salt, memory_kib, iterations, lanes, verifier FROM access");
  if (!kept.next() || kept.blob(0).size() != keywarden::salt::size)
    throw refused(error(errc::store_corrupt).with(fact::file, file.string()));
  const keywarden::salt salt(kept.blob(0).first<keywarden::salt::size>());
  const kdf_cost cost{static_cast<std::uint32_t>(kept.count(1)),
                      static_cast<std::uint32_t>(kept.count(2)),
                      static_cast<std::uint32_t>(kept.count(3))};
  const auto shown = keywarden::plaintext::copy_of(verifier_of(secret, salt, cost).view());
  if (!(shown == kept.blob(4)))  // in constant time
    throw refused(error(errc::authentication_failed)
                      .with(fact::file, file.string())
                      .with(fact::operation, "open the shard")
                      .with(fact::next_step, "give the shard's password"));
}

void shard::serve(const range& keys) {
  lock whole(open_, lock::kind::write);
  if (query(open_, "SELECT 1 FROM ranges WHERE low < ? AND high > ?", keys.high, keys.low).next())
    throw refused(error(errc::already_exists).with(fact::kind, "range"));
  open_.run(add_range, keys.low, keys.high, 0, state::serving, 0, 0);
  join_neighbours(open_);
  whole.commit();
}

void shard::demand_readable(const range& keys, std::uint64_t version) const {
  query found(open_,
              "SELECT low, high, since, state FROM ranges WHERE low < ? AND high > ? ORDER BY low",
              keys.high, keys.low);
  auto next = keys.low;  // all below is answered for
  while (found.next() && found.number(0) <= next && found.count(2) <= version &&
         static_cast<state>(found.number(3)) != state::garbage)
    next = found.number(1);
  if (next < keys.high) refuse_as_elsewhere();
}

void shard::demand_writable(std::int64_t key, std::uint64_t version) const {
  query found(open_, "SELECT since, state FROM ranges WHERE low <= ? AND high > ?", key, key);
  if (!found.next() || found.count(0) > version ||
      static_cast<state>(found.number(1)) == state::garbage)
    refuse_as_elsewhere();
  if (static_cast<state>(found.number(1)) != state::serving)
    refuse(errc::store_busy, reason::moving, "try again when the request for this range is done");
}

std::optional<keywarden::bytes> shard::get(std::int64_t key, std::uint64_t version) const {
  if (key == std::numeric_limits<std::int64_t>::max()) refuse_as_elsewhere();  // in no range
  const lock one_state(open_, lock::kind::read);
  demand_readable({key, key + 1}, version);
  query found(open_, "SELECT payload FROM rows WHERE key = ?", key);
  if (!found.next()) return std::nullopt;
  return keywarden::to_bytes(found.blob(0));
}

std::vector<row> shard::scan(const range& keys, std::uint64_t version) const {
  const lock one_state(open_, lock::kind::read);
  demand_readable(keys, version);
  query found(open_, "SELECT key, payload FROM rows WHERE key >= ? AND key < ? ORDER BY key",
              keys.low, keys.high);
  return all_of(found);
}

void shard::put(const row& what, std::uint64_t version) const {
  lock whole(open_, lock::kind::write);
  demand_writable(what.key, version);
  open_.run("INSERT OR REPLACE INTO rows VALUES(?, ?)", what.key, what.payload);
  whole.commit();
}

void shard::erase(std::int64_t key, std::uint64_t version) const {
  lock whole(open_, lock::kind::write);
  demand_writable(key, version);
  open_.run("DELETE FROM rows WHERE key = ?", key);
  whole.commit();
}

void shard::begin_leaving(const range& keys, std::uint64_t request) const {
  lock whole(open_, lock::kind::write);
  if (has(open_, request, state::leaving)) return;
  query found(open_,
              "SELECT low, high, since FROM ranges WHERE low <= ? AND high >= ? AND state = 0",
              keys.low, keys.high);
  if (!found.next()) refuse_as_elsewhere();
  const range old{found.number(0), found.number(1)};
  const auto since = found.count(2);
  open_.run("DELETE FROM ranges WHERE low = ?", old.low);
  if (old.low < keys.low) open_.run(add_range, old.low, keys.low, since, state::serving, 0, 0);
  open_.run(add_range, keys.low, keys.high, since, state::leaving, request, 0);
  if (keys.high < old.high) open_.run(add_range, keys.high, old.high, since, state::serving, 0, 0);
  whole.commit();
}

void shard::stay(std::uint64_t request) const {
  lock whole(open_, lock::kind::write);
  open_.run("UPDATE ranges SET state = 0, request = 0 WHERE request = ? AND state = ?", request,
            state::leaving);
  join_neighbours(open_);
  whole.commit();
}

std::int64_t shard::begin_incoming(const range& keys, std::uint64_t request) const {
  lock whole(open_, lock::kind::write);
  query begun(open_, "SELECT next FROM ranges WHERE request = ? AND state = ?", request,
              state::incoming);
  if (begun.next()) return begun.number(0);
  query ranges(open_, "SELECT 1 FROM ranges WHERE low < ? AND high > ?", keys.high, keys.low);
  if (ranges.next() || !rows(keys, 1).empty())
    refuse(errc::already_exists, reason::target_in_use, "choose another target, or empty it");
  open_.run(add_range, keys.low, keys.high, request, state::incoming, request, keys.low);
  whole.commit();
  return keys.low;
}

void shard::add(std::uint64_t request, const std::vector<row>& rows, std::int64_t from) const {
  lock whole(open_, lock::kind::write);
  const auto found = open_.run("UPDATE ranges SET next = ? WHERE request = ? AND state = ?", from,
                               request, state::incoming);
  if (found != 1) refuse_as_elsewhere();
  query put(open_, "INSERT INTO rows VALUES(?, ?)");
  for (const auto& each : rows) {
    put.again(each.key, each.payload);
    put.next();
  }
  whole.commit();
}

void shard::retire(std::uint64_t request) const {
  open_.run("UPDATE ranges SET state = ? WHERE request = ? AND state = ?", state::garbage, request,
            state::leaving);
}

void shard::take_over(std::uint64_t request) const {
  lock whole(open_, lock::kind::write);
  open_.run("UPDATE ranges SET state = 0, request = 0 WHERE request = ? AND state = ?", request,
            state::incoming);
  join_neighbours(open_);
  whole.commit();
}

std::uint64_t shard::remove_some(std::uint64_t request, const batch_limit& most) const {
  lock whole(open_, lock::kind::write);
  query found(open_, "SELECT low, high FROM ranges WHERE request = ? AND state IN (?, ?)", request,
              state::incoming, state::garbage);
  if (!found.next()) return 0;
  const auto low = found.number(0);
  const auto high = found.number(1);
  // What is deleted is overwritten, so the write-ahead log takes as many bytes.
  bounded count(most);
  auto end = low;  // all below is deleted
  {
    query sizes(open_,
                "SELECT key, length(payload) FROM rows WHERE key >= ? AND key < ? ORDER BY key",
                low, high);
    while (!count.is_full() && sizes.next() && count.takes(sizes.count(1)))
      end = sizes.number(0) + 1;
  }
  const auto removed = open_.run("DELETE FROM rows WHERE key >= ? AND key < ?", low, end);
  if (!query(open_, "SELECT 1 FROM rows WHERE key >= ? AND key < ?", end, high).next())
    open_.run("DELETE FROM ranges WHERE low = ?", low);
  whole.commit();
  return removed;
}

std::vector<row> shard::rows(const range& keys, std::uint64_t limit) const {
  query found(open_,
              "SELECT key, payload FROM rows WHERE key >= ? AND key < ? ORDER BY key LIMIT ?",
              keys.low, keys.high, limit);
  return all_of(found);
}

row_batch shard::some_rows(const range& keys, const batch_limit& most) const {
  query found(open_, "SELECT key, payload FROM rows WHERE key >= ? AND key < ? ORDER BY key",
              keys.low, keys.high);
  row_batch made;
  bounded count(most);
  while (!count.is_full()) {
    if (!found.next()) {
      made.last = true;
      break;
    }
    const auto payload = found.blob(1);
    if (!count.takes(payload.size())) break;
    made.rows.push_back({found.number(0), keywarden::to_bytes(payload)});
  }
  return made;
}

std::uint64_t shard::count(const range& keys) const {
  query found(open_, "SELECT count(*) FROM rows WHERE key >= ? AND key < ?", keys.low, keys.high);
  return found.next() ? found.count(0) : 0;
}

}  // namespace split_merge
