/// @file
/// The worker: carries out the requests, one after the other, and goes on where another was killed.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>

#include "credential.hpp"
#include "metadata.hpp"
#include "shard.hpp"

namespace split_merge {

// How a range R moves for request N from shard S to shard T, each a file with commits of its own.
// What the request's row in the metadata says is done comes true first; so whoever reads the row
// after a kill repeats at most one step, and each step done twice is as done once.
//
//  queued     both shards open with their credentials, or the request fails with nothing touched
//  copying    T: R is incoming for N, with the next key to copy; refused if there is anything of R
//             S: R is leaving for N: writes are refused, in the transaction that would write
//             T: batches of rows, each with the next key in one transaction; then all is compared
//  switching  metadata: R lives on T, the map's version is N, and the phase: ONE transaction. This
//             is the commit point: before it all is rolled back, after it all is rolled forward
//  cleaning   S: R is garbage: nobody reads it there, whatever map he has
//             T: R serves, writes are taken again
//             S: rows deleted in batches; then both logs are emptied
//  undoing    S: R serves again. T: the copy is deleted in batches. Then failed or cancelled
//
// Reads go on throughout: a reader says which version of the map sent him. T shows the incoming
// range from version N on, which nobody can know before the commit, and S shows it until it is
// garbage. Both have the same rows while both can be read, since neither is written. Versions are
// request numbers, so requests are carried out in their order, one at a time.

/// What a worker does; the steps are for tests that end a worker after each of them.
enum class step : std::uint8_t {
  opened,
  claimed,
  incoming,
  leaving,
  copied,
  noted,
  compared,
  ready,
  committing,
  switched,
  retired,
  taken_over,
  removed,
  emptied,
  ended,
  stayed,
  dropped,
  turned_back,
};

struct worker_options {
  batch_limit batch{};                   ///< in one transaction, and in memory at once
  std::chrono::milliseconds pause{200};  ///< before it looks again, or tries again
  std::function<void(step)> at_step{};   ///< what this throws ends `work_once`
  std::function<void(const keywarden::error&)> on_failure{};  ///< told of all that goes wrong
};

/// The only worker of a metadata database: a lock on a file beside it sees to that, which ends with
/// the process. One thread at a time, never across `fork`.
class worker {
 public:
  enum class outcome : std::uint8_t {
    idle,     ///< nothing is queued
    worked,   ///< there may be more to do
    waiting,  ///< a file or a credential is not there: see `request_status::waiting`
  };

  /// Errors: throws `keywarden::refused`: `store_busy` while there is another worker;
  /// `invalid_argument` for a batch of nothing; as `metadata`.
  worker(const std::filesystem::path& metadata_file, opener open, worker_options options = {});
  worker(const worker&) = delete;
  worker& operator=(const worker&) = delete;
  ~worker();

  /// Does one step of the first request, of at most one batch (turning back is one step).
  /// A step that fails before the switch turns the request back; one that fails later, or finds a
  /// shard in use, is tried again by the next call. Errors: throws `keywarden::refused` when the
  /// metadata cannot be used.
  outcome work_once();
  /// Works until it is told to stop, whatever goes wrong.
  void run(const std::stop_token& stop);

 private:
  struct job;
  struct exclusive;

  void act(const request_status& now);
  void start(const request_status& now);
  void copy(const request_status& now);
  void compare(const request_status& now, job& on);
  void clean(const request_status& now);
  void undo(const request_status& now);
  outcome fail(const request_status& now, const keywarden::error& why);

  [[nodiscard]] shard open_shard(const request_status& now, role as) const;
  job& job_for(const request_status& now);
  void count(const std::string& name, const shard& in);
  void at(step reached) const;

  metadata metadata_;
  opener open_;
  worker_options options_;
  std::unique_ptr<exclusive> only_;
  std::unique_ptr<job> job_;
};

}  // namespace split_merge
