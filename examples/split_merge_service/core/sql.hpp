/// @file
/// SQLite as this service uses it: whole transactions, values only ever bound, nothing left behind.
#pragma once

#include <concepts>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>

#include <keywarden/store/sqlite_connection.hpp>

namespace split_merge {

/// An open database in WAL mode: commits are on disk when they return (synchronous=FULL), deleted
/// content is overwritten (secure_delete). Functions throw `keywarden::refused` (`store_busy` after
/// five seconds, `store_corrupt`, `io_failed`). One thread at a time, and never across `fork`.
class database {
 public:
  /// Makes the file (mode 0600) and, in one transaction, its tables and what `fill` puts there.
  /// Errors: also `already_exists`. A file that a kill left empty is to be deleted.
  static void create(const std::filesystem::path& file, const char* tables,
                     const std::function<void(const database&)>& fill);
  /// Errors: also `not_found`.
  explicit database(const std::filesystem::path& file);

  /// Runs a statement that gives no rows. How many rows it changed.
  template <class... Values>
  std::uint64_t run(std::string_view sql, const Values&... values) const;

  /// Moves all of the write-ahead log into the file and empties it, so that what was deleted is in
  /// neither. Errors: also `store_busy` while a reader still looks at an older state.
  void checkpoint() const;

  [[nodiscard]] std::uint64_t last_id() const noexcept {
    return static_cast<std::uint64_t>(::sqlite3_last_insert_rowid(connection_.get()));
  }
  [[nodiscard]] const keywarden::store::detail::sqlite_connection& connection() const noexcept {
    return connection_;
  }

 private:
  keywarden::store::detail::sqlite_connection connection_;
};

/// One statement with its values: these are not copied, so they outlive the query.
class query {
 public:
  template <class... Values>
  query(const database& in, std::string_view sql, const Values&... values)
      : in_(in), sql_(sql), statement_(in.connection().prepare(sql, sql).value()) {
    again(values...);
  }
  /// The same statement with other values.
  template <class... Values>
  void again(const Values&... values) {
    [[maybe_unused]] int at = 0;
    (bind(++at, values), ...);
  }
  /// Whether there is a (further) row.
  bool next();

  [[nodiscard]] std::int64_t number(int column) const noexcept {
    return static_cast<std::int64_t>(statement_.integer(column));
  }
  [[nodiscard]] std::uint64_t count(int column) const noexcept {
    return statement_.integer(column);
  }
  /// The views live until the next row.
  [[nodiscard]] keywarden::bytes_view blob(int column) const noexcept {
    return statement_.blob(column);
  }
  [[nodiscard]] std::string_view text(int column) const noexcept { return statement_.text(column); }

 private:
  template <class Value>
  void bind(int at, const Value& value) noexcept {
    if constexpr (std::is_enum_v<Value>)
      statement_.bind(at, static_cast<std::uint64_t>(value));
    else if constexpr (std::integral<Value>)
      statement_.bind(at, static_cast<std::uint64_t>(value));
    else if constexpr (std::convertible_to<Value, std::string_view>)
      statement_.bind(at, std::string_view(value));
    else
      statement_.bind(at, keywarden::bytes_view(value));
  }

  const database& in_;
  std::string sql_;
  keywarden::store::detail::sqlite_statement statement_;
};

/// Everything that is done while it lives, or nothing if `commit` was not reached; for reading, one
/// state of the database throughout.
class transaction {
 public:
  enum class kind : std::uint8_t { read, write };
  transaction(const database& in, kind what);
  transaction(const transaction&) = delete;
  transaction& operator=(const transaction&) = delete;
  ~transaction();
  void commit();

 private:
  const database& in_;
  bool committed_ = false;
};

template <class... Values>
std::uint64_t database::run(std::string_view sql, const Values&... values) const {
  query(*this, sql, values...).next();
  return static_cast<std::uint64_t>(::sqlite3_changes64(connection_.get()));
}

}  // namespace split_merge
