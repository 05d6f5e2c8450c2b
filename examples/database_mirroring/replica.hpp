/// @file
/// A partner's database, and the witness's record: both SQLite, both on disk when a call returns.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "partner.hpp"
#include "witness.hpp"

struct sqlite3;

namespace mirroring {

namespace detail {
struct close_database {
  void operator()(::sqlite3* open) const noexcept;
};
using database_handle = std::unique_ptr<::sqlite3, close_database>;
}  // namespace detail

/// A write of a client: the row with this key gets this value.
struct put {
  std::string key;
  std::string value;
};

/// A database that is principal or mirror: the user's table `items`, and in the same file and the
/// same transactions `mirroring_log` (every change as SQLite's session extension records it) and
/// `mirroring_state`. Each change is committed with synchronous=FULL. One process and thread at a
/// time. Functions throw `keywarden::refused` (`store_corrupt` for a change that does not fit,
/// `io_failed`) and have then changed nothing.
///
/// The log is never shortened but by `roll_back_to`; a product would drop what both partners have.
class replica {
 public:
  using command = put;

  /// Makes an empty one, once: an instance that lost its database must not begin with another.
  static void create(const std::filesystem::path& file);
  explicit replica(const std::filesystem::path& file);

  [[nodiscard]] std::uint64_t term() const noexcept { return term_; }
  void save_term(std::uint64_t term);
  [[nodiscard]] position last() const noexcept { return last_; }
  [[nodiscard]] position newest(position at) const;
  [[nodiscard]] bytes change(std::uint64_t lsn) const;
  void originate(std::uint64_t term, const put& what);
  void apply(position at, const bytes& change);
  void roll_back_to(std::uint64_t lsn);

  /// The value of a key. It may not be acknowledged yet.
  [[nodiscard]] std::optional<std::string> value(const std::string& key) const;
  [[nodiscard]] std::uint64_t rows() const;

 private:
  void log(position at, const bytes& change);

  detail::database_handle open_;
  std::uint64_t term_ = 0;
  position last_;
};

/// The witness's ballot in a file of its own. As `replica`.
class ballot_record {
 public:
  static void create(const std::filesystem::path& file);
  explicit ballot_record(const std::filesystem::path& file);
  [[nodiscard]] ballot load() const;
  void save(const ballot& what);

 private:
  detail::database_handle open_;
};

static_assert(journal<replica>);

}  // namespace mirroring
