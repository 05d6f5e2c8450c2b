/// @file
/// The service's own database: which shards there are, the shard map, and the requests.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <keywarden/core/clock.hpp>
#include <keywarden/core/error.hpp>

#include "credential.hpp"
#include "request.hpp"
#include "shard_map.hpp"
#include "sql.hpp"

namespace split_merge {

/// A shard as configured: the only place where paths come from.
struct shard_place {
  std::string name;
  std::filesystem::path file;
};

/// A request as anybody may see it: no credentials.
struct request_status {
  std::uint64_t id = 0;
  request asked;
  phase at = phase::queued;
  std::uint64_t rows = 0;     ///< to be moved, once counted
  std::uint64_t copied = 0;   ///< of these; both are for people, and lag behind by a batch
  std::uint64_t removed = 0;  ///< of these, from the source
  std::string problem;        ///< why it failed or is undone
  std::string waiting;        ///< what has to be put right before it goes on; empty if nothing
  keywarden::time_point created;
};

/// All that an operator wants to see, of one instant.
struct snapshot {
  shard_map map;
  std::vector<request_status> requests;  ///< the newest first
};

/// What rewrapping did. Credentials that could not be rewrapped are as they were: the certificate
/// that opens them is still needed.
struct rewrap_progress {
  std::uint64_t total = 0;
  std::uint64_t looked_at = 0;
  std::uint64_t rewrapped = 0;
  /// Whether what was replaced is overwritten in the write-ahead log as well.
  bool old_ones_erased = false;
  struct refusal {
    std::uint64_t request;
    keywarden::error why;
  };
  std::vector<refusal> refused;
};

/// The metadata database. Credentials are in it only sealed, and only of requests that are not
/// finished. Functions throw `keywarden::refused` (what `database` throws, and as told) and have
/// then changed nothing. One thread at a time; each thread and process opens its own.
class metadata {
 public:
  /// The most requests that may be waiting.
  static constexpr std::uint64_t max_unfinished = 1000;

  /// Errors: also `already_exists`, `invalid_name`, `invalid_argument` for a map that overlaps,
  /// `not_found` for one that names another shard.
  static void create(const std::filesystem::path& file, const std::vector<shard_place>& shards,
                     const std::vector<placement>& map);
  explicit metadata(const std::filesystem::path& file);

  /// How long to wait for others that write, in place of five seconds.
  void wait_at_most(std::chrono::milliseconds time) const;

  /// Adds shards, or moves their files. Errors: also `invalid_name`, and `has_dependents` for
  /// another file than the one that an unfinished request names.
  void configure(const std::vector<shard_place>& shards);

  [[nodiscard]] shard_map map() const;
  /// Errors: also `not_found`.
  [[nodiscard]] std::filesystem::path file_of(std::string_view shard) const;
  [[nodiscard]] snapshot status(std::uint64_t most_requests = 100) const;

  /// Queues a request; its number. Both connection strings are for the configured files of their
  /// shards. Errors: also those of `check`, of `parse_connection_string` and of `seal`;
  /// `invalid_argument` with `reason::wrong_file`; `has_dependents` with `reason::overlaps`;
  /// `limit_exceeded` when too many are waiting.
  std::uint64_t submit(const request& asked, const keywarden::plaintext& source,
                       const keywarden::plaintext& target, const sealer& seal);

  /// Cancels a request before its switch; the worker puts everything back. Errors: also
  /// `not_found`; `not_permitted` with `reason::too_late`.
  void cancel(std::uint64_t id);

  /// Rewraps the credentials that are kept, each in a transaction of its own: killed at any
  /// instant, each is there in its old or its new form. To be called again until `refused` is
  /// empty; it may run beside a worker. `report` is told after each.
  rewrap_progress rewrap_all(const rewrapper& rewrap,
                             const std::function<void(const rewrap_progress&)>& report = {});

  // For the worker.
  /// The unfinished request that is first in the queue.
  [[nodiscard]] std::optional<request_status> next() const;
  /// Errors: also `not_found` once it is finished.
  [[nodiscard]] keywarden::bytes sealed_credential(std::uint64_t id, role of) const;
  /// False: it was not in this phase (any more).
  bool advance(std::uint64_t id, phase from, phase to);
  void begin_undo(std::uint64_t id, std::string_view why);
  bool note_copied(std::uint64_t id, std::uint64_t rows, std::uint64_t copied);
  void note_removed(std::uint64_t id, std::uint64_t removed);
  void note_waiting(std::uint64_t id, std::string_view what);
  /// The one commit that moves a range: map and phase at once. `before_commit` is for tests.
  void switch_range(const request_status& which, const std::function<void()>& before_commit);
  /// Ends a request and erases its credentials, also from the write-ahead log as far as nobody
  /// reads. Without a reason, the one that `begin_undo` gave stays.
  void finish(std::uint64_t id, phase as, std::string_view why = {});
  /// Remembers a count for the map.
  void note_rows(const range& keys, std::string_view shard, std::uint64_t rows);

 private:
  [[nodiscard]] std::vector<std::string> shard_names() const;
  void write_map(const shard_map& map) const;
  void end(std::uint64_t id, phase as, std::string_view why) const;
  bool try_checkpoint() const;
  void demand_free(const range& keys) const;

  database open_;
};

}  // namespace split_merge
