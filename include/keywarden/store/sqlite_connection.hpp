/// @file
/// SQLite behind owning types and typed errors: a connection and its prepared statements.
#pragma once

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/result.hpp>

namespace keywarden::store::detail {

struct close_connection {
  void operator()(::sqlite3* handle) const noexcept { ::sqlite3_close_v2(handle); }
};
struct finalize_statement {
  void operator()(::sqlite3_stmt* handle) const noexcept { ::sqlite3_finalize(handle); }
};

/// A prepared statement. `run` binds, steps and leaves it ready for the next use.
class sqlite_statement {
 public:
  sqlite_statement() = default;
  explicit sqlite_statement(::sqlite3_stmt* handle) noexcept : handle_(handle) {}

  // Bound views are not copied: they outlive the steps.
  void bind(int index, std::string_view text) noexcept {
    note(::sqlite3_bind_text64(get(), index, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8));
  }
  void bind(int index, bytes_view data) noexcept {
    static constexpr std::uint8_t nothing = 0;  // a null pointer would bind NULL, not an empty blob
    note(::sqlite3_bind_blob64(get(), index, data.empty() ? &nothing : data.data(), data.size(),
                               SQLITE_STATIC));
  }
  void bind(int index, std::uint64_t value) noexcept {
    note(::sqlite3_bind_int64(get(), index, static_cast<std::int64_t>(value)));
  }

  /// SQLITE_ROW, SQLITE_DONE or an error; after anything but a row, the statement is ready again.
  [[nodiscard]] int step() noexcept {
    if (bound_ != SQLITE_OK) return finish(bound_);
    const int answer = ::sqlite3_step(get());
    return answer == SQLITE_ROW ? answer : finish(answer);
  }
  /// Ends a read early and gives its locks back.
  void reset() noexcept { static_cast<void>(finish(SQLITE_OK)); }

  [[nodiscard]] std::uint64_t integer(int column) const noexcept {
    return static_cast<std::uint64_t>(::sqlite3_column_int64(get(), column));
  }
  /// The view lives until the next step.
  [[nodiscard]] bytes_view blob(int column) const noexcept {
    const auto* const data = static_cast<const std::uint8_t*>(::sqlite3_column_blob(get(), column));
    const auto size = static_cast<std::size_t>(::sqlite3_column_bytes(get(), column));
    return data == nullptr ? bytes_view() : bytes_view(data, size);
  }
  [[nodiscard]] std::string_view text(int column) const noexcept { return as_text(blob(column)); }

 private:
  [[nodiscard]] ::sqlite3_stmt* get() const noexcept { return handle_.get(); }
  void note(int answer) noexcept {
    if (bound_ == SQLITE_OK) bound_ = answer;
  }
  [[nodiscard]] int finish(int answer) noexcept {
    ::sqlite3_reset(get());
    ::sqlite3_clear_bindings(get());
    bound_ = SQLITE_OK;
    return answer;
  }

  std::unique_ptr<::sqlite3_stmt, finalize_statement> handle_;
  int bound_ = SQLITE_OK;
};

/// An open database. Threads: one at a time. Not to be used in a child after `fork`.
class sqlite_connection {
 public:
  /// Opens an existing file. Errors: as `failure`.
  [[nodiscard]] static result<sqlite_connection> open(std::string path, const std::string& vfs,
                                                      std::chrono::milliseconds busy_wait) {
    ::sqlite3* raw = nullptr;
    constexpr int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    const int opened =
        ::sqlite3_open_v2(path.c_str(), &raw, flags, vfs.empty() ? nullptr : vfs.c_str());
    sqlite_connection made(raw, std::move(path), busy_wait);
    if (opened != SQLITE_OK) return made.failure(opened, "open");
    return made;
  }

  [[nodiscard]] ::sqlite3* get() const noexcept { return handle_.get(); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  /// The typed form of a result code, with `fact::file`, `fact::operation` and SQLite's reason.
  ///
  /// Errors made: `store_busy`; `store_corrupt` for damage and for what is no database;
  /// `limit_exceeded`; `io_failed` for the rest. Out of memory is thrown as `std::bad_alloc`. No
  /// text from the database itself is shown.
  [[nodiscard]] error failure(int code, std::string_view operation) const {
    const auto with_file = [&](errc what) {
      return error(what).with(fact::file, path_).with(fact::operation, operation);
    };
    switch (code & 0xff) {
      case SQLITE_NOMEM:
        throw std::bad_alloc();
      case SQLITE_BUSY:
      case SQLITE_LOCKED:
        return with_file(errc::store_busy)
            .with(fact::limit, std::to_string(busy_wait_.count()) + " ms");
      case SQLITE_TOOBIG:
        return with_file(errc::limit_exceeded);
      case SQLITE_CORRUPT:
      case SQLITE_NOTADB:
      case SQLITE_FORMAT:
      case SQLITE_CONSTRAINT:
      case SQLITE_MISMATCH:
      case SQLITE_SCHEMA:
      case SQLITE_ERROR:
        return with_file(errc::store_corrupt).with(fact::reason, reason_of(code));
      default:
        break;
    }
    const int number = handle_ == nullptr ? 0 : ::sqlite3_system_errno(handle_.get());
    auto made = with_file(errc::io_failed).with(fact::reason, reason_of(code));
    if (number == 0) return made;
    return std::move(made).with(fact::reason, std::generic_category().message(number));
  }

  /// Runs statements that give no rows. Errors: as `failure`.
  [[nodiscard]] result<void> run(const char* sql, std::string_view operation) const {
    const int answer = ::sqlite3_exec(get(), sql, nullptr, nullptr, nullptr);
    if (answer != SQLITE_OK) return failure(answer, operation);
    return done();
  }

  /// A statement to be used many times. Errors: as `failure`.
  [[nodiscard]] result<sqlite_statement> prepare(std::string_view sql,
                                                 std::string_view operation) const {
    ::sqlite3_stmt* raw = nullptr;
    const int answer = ::sqlite3_prepare_v3(get(), sql.data(), static_cast<int>(sql.size()),
                                            SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
    if (answer != SQLITE_OK) return failure(answer, operation);
    return sqlite_statement(raw);
  }

  /// The first column of a statement's only row, as text. Errors: as `failure`; `store_corrupt`
  /// without a row.
  [[nodiscard]] result<std::string> value(std::string_view sql, std::string_view operation) const {
    auto statement = prepare(sql, operation);
    if (!statement) return statement.error();
    const int answer = statement->step();
    if (answer == SQLITE_ROW) return std::string(statement->text(0));
    return failure(answer == SQLITE_DONE ? SQLITE_CORRUPT : answer, operation);
  }

 private:
  sqlite_connection(::sqlite3* handle, std::string path, std::chrono::milliseconds wait) noexcept
      : handle_(handle), path_(std::move(path)), busy_wait_(wait) {}

  [[nodiscard]] static std::string reason_of(int code) {
    return std::string(::sqlite3_errstr(code)) + " (SQLite code " + std::to_string(code) + ')';
  }

  std::unique_ptr<::sqlite3, close_connection> handle_;
  std::string path_;
  std::chrono::milliseconds busy_wait_;
};

}  // namespace keywarden::store::detail
