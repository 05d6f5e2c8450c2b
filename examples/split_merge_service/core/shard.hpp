/// @file
/// One shard: a SQLite file with rows, and a record of the ranges that it answers for.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include <keywarden/core/secret.hpp>
#include <keywarden/crypto/password_kdf.hpp>

#include "shard_map.hpp"
#include "sql.hpp"

namespace split_merge {

struct row {
  std::int64_t key = 0;
  keywarden::bytes payload;
  friend bool operator==(const row&, const row&) = default;
};

/// How much is done at once: at most so many rows, with at most so many bytes of payload together;
/// a row that is larger by itself is done alone.
struct batch_limit {
  std::uint64_t rows = 500;
  std::uint64_t bytes = std::uint64_t{4} << 20U;
};

/// Some rows, in order.
struct row_batch {
  std::vector<row> rows;
  bool last = false;  ///< nothing follows them; that something follows is only supposed
  friend bool operator==(const row_batch&, const row_batch&) = default;
};

/// An open shard. Whoever opens it shows its password: the file keeps a salted Argon2id verifier,
/// which stops whom the service lets in by name, not whom the file system lets read the file.
///
/// A range is here in one of four states, and each function asks for them in the transaction in
/// which it acts: serving; leaving (read only); incoming (read only, and only by those whose map
/// has the switch already); garbage (for nobody). Clients say which version of the map sent them,
/// so that neither an old map nor one that is not in force yet is ever served.
///
/// Functions throw `keywarden::refused` and have then changed nothing: `store_busy` with
/// `reason::moving` for a write to a range that moves, `plan_is_stale` with `reason::elsewhere` for
/// keys that are not here (read the map again), and what `database` throws.
class shard {
 public:
  static void create(const std::filesystem::path& file, const keywarden::password& secret,
                     const keywarden::crypto::kdf_cost& cost = keywarden::crypto::argon2id<>::cost);
  /// Errors: also `not_found`, and `authentication_failed` for a wrong password.
  shard(const std::filesystem::path& file, const keywarden::password& secret);

  /// Answers for a range from the first version of the map on. Errors: also `already_exists`.
  void serve(const range& keys);

  // For clients, with the version of the map that they come with.
  [[nodiscard]] std::optional<keywarden::bytes> get(std::int64_t key, std::uint64_t version) const;
  [[nodiscard]] std::vector<row> scan(const range& keys, std::uint64_t version) const;
  void put(const row& what, std::uint64_t version) const;
  void erase(std::int64_t key, std::uint64_t version) const;

  // For the worker: the steps of moving a range for a request. Done twice, each is as done once.
  /// As source: from now on nobody writes to the range. Errors: also `plan_is_stale`.
  void begin_leaving(const range& keys, std::uint64_t request) const;
  /// As source: takes `begin_leaving` back.
  void stay(std::uint64_t request) const;
  /// As target: a place for the range; the first key that is still to be copied. Errors: also
  /// `already_exists` when there are rows or ranges.
  std::int64_t begin_incoming(const range& keys, std::uint64_t request) const;
  /// As target: stores rows; the next to copy is `from`.
  void add(std::uint64_t request, const std::vector<row>& rows, std::int64_t from) const;
  /// As source, after the switch: from now on nobody reads the range here.
  void retire(std::uint64_t request) const;
  /// As target, after nobody can read it at the source: the range can be written.
  void take_over(std::uint64_t request) const;
  /// Deletes some rows of the garbage (source) or the incoming copy (target), and the record of
  /// the range after the last. How many rows it deleted.
  std::uint64_t remove_some(std::uint64_t request, const batch_limit& most) const;

  /// Rows of a range, in order, whoever may see them.
  [[nodiscard]] std::vector<row> rows(const range& keys, std::uint64_t limit) const;
  [[nodiscard]] row_batch some_rows(const range& keys, const batch_limit& most) const;
  [[nodiscard]] std::uint64_t count(const range& keys) const;
  void checkpoint() const { open_.checkpoint(); }

 private:
  void demand_writable(std::int64_t key, std::uint64_t version) const;
  void demand_readable(const range& keys, std::uint64_t version) const;

  database open_;
};

}  // namespace split_merge
