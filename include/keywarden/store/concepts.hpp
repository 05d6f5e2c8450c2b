/// @file
/// What a record store is: named records, read one by one, written in all-or-nothing transactions.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/name.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/core/strong.hpp>

namespace keywarden::store {

/// Tells one stored state of a record from another. Opaque; compare for equality only.
using revision = strong_value<std::uint64_t, struct revision_tag>;

/// A record as it was read: its bytes, and the revision to name when replacing it.
struct stored_record {
  bytes data;
  /// Which write this was, for compare-and-swap.
  store::revision revision;
};

/// The largest record that any store accepts: 16 MiB.
inline constexpr std::size_t max_record_size = std::size_t{16} << 20U;

/// One change of one record, valid only while the record is in the expected state.
struct change {
  record_name name;
  std::optional<store::revision> expected;  ///< none: the record must not exist yet
  std::optional<bytes> data;                ///< none: erase the record
};

/// Changes of different records that take effect all together or not at all.
///
/// A plain value: nothing happens until a store commits it. Naming a record twice is refused then.
class transaction {
 public:
  /// The record must not exist; it will.
  transaction& create(record_name name, bytes data) & {
    changes_.push_back({std::move(name), std::nullopt, std::move(data)});
    return *this;
  }
  /// The record must still be at `expected`; it will hold `data`.
  transaction& replace(record_name name, revision expected, bytes data) & {
    changes_.push_back({std::move(name), expected, std::move(data)});
    return *this;
  }
  /// The record must still be at `expected`; it will be gone.
  transaction& erase(record_name name, revision expected) & {
    changes_.push_back({std::move(name), expected, std::nullopt});
    return *this;
  }

  /// What is to be changed, in the order it was said.
  [[nodiscard]] const std::vector<change>& changes() const noexcept { return changes_; }

 private:
  std::vector<change> changes_;
};

/// A concept matching places where records live. Satisfied by `memory`, `file`, `sqlite`,
/// `postgres`.
///
/// Requirements the compiler cannot check:
/// - `get` gives the last committed state, or nothing when there is no such record.
/// - `list(prefix)` gives the names that start with `prefix` ("" for all), sorted.
/// - `commit` is compare-and-swap over all changes: every record is in its expected state and all
/// changes
///   are durable when it returns, or nothing changed. Errors: `store_conflict` (with `fact::name`)
///   when a record is not in its expected state, `invalid_argument` when a record is named twice or
///   is erased without an expected revision, `limit_exceeded` above `max_record_size`,
///   `store_busy`, `io_failed`, `store_corrupt`.
/// - A process killed at any instant leaves the state before or after a commit, never between.
/// - Two store objects on the same place, in one process or several, see each other's commits.
/// Threads: one object may be used from several threads.
/// @see store/memory.hpp, store/file.hpp, store/sqlite.hpp, store/postgres.hpp
template <class T>
concept record_store = std::movable<T> &&
    requires(T& store, const record_name& name, std::string_view prefix,
             const transaction& changes) {
  { T::kind } -> std::convertible_to<std::string_view>;
  { store.get(name) } -> std::same_as<result<std::optional<stored_record>>>;
  { store.list(prefix) } -> std::same_as<result<std::vector<record_name>>>;
  { store.commit(changes) } -> std::same_as<result<void>>;
};

/// A concept matching what tells when a store was changed. Satisfied by `postgres_watch`,
/// `polled_watch`.
///
/// Requirements the compiler cannot check:
/// - `wait(timeout, stop)` gives true when something was committed since the watch was made or last
///   said so, or may have been: read again what matters; false at `timeout` or once a stop is
///   requested, and then at once. Nothing that was committed goes untold.
/// - After an error the next `wait` goes on.
/// Threads: one object is used by one thread at a time; a stop may be requested from any.
template <class T>
concept store_watch = std::movable<T> &&
    requires(T& watch, std::chrono::milliseconds timeout, std::stop_token stop) {
  { watch.wait(timeout, stop) } -> std::same_as<result<bool>>;
};

/// A concept matching record stores that tell of commits, this program's and others'. Satisfied by
/// `postgres`; for other stores there is `polled_watch`.
///
/// Requirements the compiler cannot check: what `watch()` gives tells of every commit, through any
/// object on the same place, that begins after `watch` returned. It may outlive the store object.
/// @see store/postgres.hpp, store/polled_watch.hpp
template <class T>
concept watched_store = record_store<T> && store_watch<typename T::watch_type> &&
    requires(T& store) {
  { store.watch() } -> std::same_as<result<typename T::watch_type>>;
};

}  // namespace keywarden::store
