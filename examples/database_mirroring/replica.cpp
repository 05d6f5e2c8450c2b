// The session extension is part of the library, but its declarations must be asked for.
#define SQLITE_ENABLE_SESSION 1
#define SQLITE_ENABLE_PREUPDATE_HOOK 1
#include "replica.hpp"

#include <sqlite3.h>

#include <string_view>
#include <utility>

#include <keywarden/core/error.hpp>
#include <keywarden/core/result.hpp>

namespace mirroring {

namespace detail {
void close_database::operator()(::sqlite3* open) const noexcept { ::sqlite3_close_v2(open); }
}  // namespace detail

namespace {

using detail::database_handle;
using keywarden::errc;
using keywarden::fact;

[[noreturn]] void fail(const database_handle& in, const char* operation) {
  const int code = ::sqlite3_errcode(in.get()) & 0xff;
  const bool damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_CONSTRAINT;
  throw keywarden::refused(keywarden::error(damaged ? errc::store_corrupt : errc::io_failed)
                               .with(fact::operation, operation)
                               .with(fact::reason, ::sqlite3_errmsg(in.get())));
}
void run(const database_handle& in, const char* sql) {
  if (::sqlite3_exec(in.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail(in, sql);
}

/// One statement, used once.
class statement {
 public:
  statement(const database_handle& in, const char* sql) : in_(in), sql_(sql) {
    ::sqlite3_stmt* raw = nullptr;
    if (::sqlite3_prepare_v2(in.get(), sql, -1, &raw, nullptr) != SQLITE_OK) fail(in, sql);
    handle_.reset(raw);
  }
  statement& bind(std::uint64_t number) {
    ::sqlite3_bind_int64(handle_.get(), ++bound_, static_cast<std::int64_t>(number));
    return *this;
  }
  statement& bind(std::string_view text) {
    ::sqlite3_bind_text64(handle_.get(), ++bound_, text.data(), text.size(), SQLITE_TRANSIENT,
                          SQLITE_UTF8);
    return *this;
  }
  statement& bind(const bytes& data) {
    static constexpr std::uint8_t nothing = 0;  // a null pointer would be NULL, not an empty blob
    ::sqlite3_bind_blob64(handle_.get(), ++bound_, data.empty() ? &nothing : data.data(),
                          data.size(), SQLITE_TRANSIENT);
    return *this;
  }
  /// Whether there is a row.
  bool step() {
    const int answer = ::sqlite3_step(handle_.get());
    if (answer != SQLITE_ROW && answer != SQLITE_DONE) fail(in_, sql_);
    return answer == SQLITE_ROW;
  }
  [[nodiscard]] std::uint64_t number(int column) const {
    return static_cast<std::uint64_t>(::sqlite3_column_int64(handle_.get(), column));
  }
  [[nodiscard]] bytes blob(int column) const {
    const auto* data =
        static_cast<const std::uint8_t*>(::sqlite3_column_blob(handle_.get(), column));
    return {data, data + ::sqlite3_column_bytes(handle_.get(), column)};
  }

 private:
  struct finalize {
    void operator()(::sqlite3_stmt* raw) const noexcept { ::sqlite3_finalize(raw); }
  };
  const database_handle& in_;
  const char* sql_;
  std::unique_ptr<::sqlite3_stmt, finalize> handle_;
  int bound_ = 0;
};

/// All or nothing.
class transaction {
 public:
  explicit transaction(const database_handle& in) : in_(in) { run(in, "BEGIN IMMEDIATE"); }
  transaction(const transaction&) = delete;
  transaction& operator=(const transaction&) = delete;
  ~transaction() {
    if (!done_) ::sqlite3_exec(in_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
  void commit() {
    run(in_, "COMMIT");
    done_ = true;
  }

 private:
  const database_handle& in_;
  bool done_ = false;
};

/// Which tables are replicated: the user's.
int is_users(void* /*context*/, const char* table) {
  return std::string_view(table).starts_with("mirroring_") ? 0 : 1;
}

/// Records what is changed until it is asked.
class recording {
 public:
  explicit recording(const database_handle& in) : in_(in) {
    ::sqlite3_session* raw = nullptr;
    if (::sqlite3session_create(in.get(), "main", &raw) != SQLITE_OK) fail(in, "record");
    session_.reset(raw);
    ::sqlite3session_table_filter(raw, is_users, nullptr);
    if (::sqlite3session_attach(raw, nullptr) != SQLITE_OK) fail(in, "record");
  }
  [[nodiscard]] bytes changes() const {
    int size = 0;
    void* data = nullptr;
    if (::sqlite3session_changeset(session_.get(), &size, &data) != SQLITE_OK) fail(in_, "record");
    const auto* first = static_cast<const std::uint8_t*>(data);
    bytes made(first, first + size);
    ::sqlite3_free(data);
    return made;
  }

 private:
  struct end {
    void operator()(::sqlite3_session* raw) const noexcept { ::sqlite3session_delete(raw); }
  };
  const database_handle& in_;
  std::unique_ptr<::sqlite3_session, end> session_;
};

/// A change that does not fit exactly means that the databases differ: nothing of it is done.
int never(void* /*context*/, int /*conflict*/, ::sqlite3_changeset_iter* /*at*/) {
  return SQLITE_CHANGESET_ABORT;
}
void play(const database_handle& in, int size, const void* change) {
  // The library does not write to it; its interface predates const.
  const int answer =
      ::sqlite3changeset_apply(in.get(), size, const_cast<void*>(change), is_users, never, nullptr);
  if (answer != SQLITE_OK)
    throw keywarden::refused(keywarden::error(errc::store_corrupt)
                                 .with(fact::operation, "apply a change")
                                 .with(fact::reason, ::sqlite3_errstr(answer)));
}
void play_backwards(const database_handle& in, const bytes& change) {
  int size = 0;
  void* inverse = nullptr;
  const int answer =
      ::sqlite3changeset_invert(static_cast<int>(change.size()), change.data(), &size, &inverse);
  const std::unique_ptr<void, void (*)(void*)> owned(inverse, ::sqlite3_free);
  if (answer != SQLITE_OK) fail(in, "invert a change");
  play(in, size, inverse);
}

database_handle open(const std::filesystem::path& file, int more_flags = 0) {
  ::sqlite3* raw = nullptr;
  const int answer = ::sqlite3_open_v2(
      file.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | more_flags, nullptr);
  database_handle made(raw);
  if (answer != SQLITE_OK) fail(made, "open the database");
  ::sqlite3_busy_timeout(raw, 5000);
  run(made, "PRAGMA journal_mode=WAL");
  run(made, "PRAGMA synchronous=FULL");
  return made;
}
void make(const std::filesystem::path& file, const char* tables) {
  const auto made = open(file, SQLITE_OPEN_CREATE);
  transaction at_once(made);
  run(made, tables);
  at_once.commit();
}

}  // namespace

void replica::create(const std::filesystem::path& file) {
  make(file,
       "CREATE TABLE items(key TEXT PRIMARY KEY, value TEXT NOT NULL);"
       "CREATE TABLE mirroring_log(lsn INTEGER PRIMARY KEY, term INTEGER NOT NULL,"
       " changeset BLOB NOT NULL);"
       "CREATE TABLE mirroring_state(only INTEGER PRIMARY KEY CHECK(only = 1),"
       " term INTEGER NOT NULL);"
       "INSERT INTO mirroring_state VALUES(1, 0);");
}

replica::replica(const std::filesystem::path& file) : open_(open(file)) {
  statement state(open_, "SELECT term FROM mirroring_state");
  if (!state.step()) fail(open_, "read the state");
  term_ = state.number(0);
  constexpr auto everything = std::uint64_t{1} << 62U;
  last_ = newest({everything, everything});
}

void replica::save_term(std::uint64_t term) {
  statement(open_, "UPDATE mirroring_state SET term = ?").bind(term).step();
  term_ = term;
}

position replica::newest(position at) const {
  statement found(open_,
                  "SELECT lsn, term FROM mirroring_log WHERE lsn <= ? AND term <= ?"
                  " ORDER BY lsn DESC LIMIT 1");
  if (!found.bind(at.lsn).bind(at.term).step()) return {};
  return {found.number(0), found.number(1)};
}

bytes replica::change(std::uint64_t lsn) const {
  statement found(open_, "SELECT changeset FROM mirroring_log WHERE lsn = ?");
  if (!found.bind(lsn).step()) fail(open_, "read the log");
  return found.blob(0);
}

void replica::log(position at, const bytes& change) {
  statement(open_, "INSERT INTO mirroring_log VALUES(?, ?, ?)")
      .bind(at.lsn)
      .bind(at.term)
      .bind(change)
      .step();
}

void replica::originate(std::uint64_t term, const put& what) {
  const position at{last_.lsn + 1, term};
  transaction whole(open_);
  const recording session(open_);
  statement(open_,
            "INSERT INTO items VALUES(?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value")
      .bind(what.key)
      .bind(what.value)
      .step();
  log(at, session.changes());
  whole.commit();
  last_ = at;
}

void replica::apply(position at, const bytes& change) {
  transaction whole(open_);
  play(open_, static_cast<int>(change.size()), change.data());
  log(at, change);
  whole.commit();
  last_ = at;
}

void replica::roll_back_to(std::uint64_t lsn) {
  transaction whole(open_);
  for (auto each = last_.lsn; each > lsn; --each) play_backwards(open_, change(each));
  statement(open_, "DELETE FROM mirroring_log WHERE lsn > ?").bind(lsn).step();
  whole.commit();
  constexpr auto everything = std::uint64_t{1} << 62U;
  last_ = newest({everything, everything});
}

std::optional<std::string> replica::value(const std::string& key) const {
  statement found(open_, "SELECT value FROM items WHERE key = ?");
  if (!found.bind(std::string_view(key)).step()) return std::nullopt;
  return std::string(keywarden::as_text(found.blob(0)));
}

std::uint64_t replica::rows() const {
  statement count(open_, "SELECT count(*) FROM items");
  return count.step() ? count.number(0) : 0;
}

void ballot_record::create(const std::filesystem::path& file) {
  make(file,
       "CREATE TABLE ballot(only INTEGER PRIMARY KEY CHECK(only = 1), term INTEGER NOT NULL,"
       " principal INTEGER NOT NULL, synchronized INTEGER NOT NULL, number INTEGER NOT NULL);"
       "INSERT INTO ballot VALUES(1, 0, 0, 0, 0);");
}

ballot_record::ballot_record(const std::filesystem::path& file) : open_(open(file)) {}

ballot ballot_record::load() const {
  statement kept(open_, "SELECT term, principal, synchronized, number FROM ballot");
  if (!kept.step() || kept.number(1) > 1) fail(open_, "read the ballot");
  return {kept.number(0), static_cast<node>(kept.number(1)), kept.number(2) != 0, kept.number(3)};
}

void ballot_record::save(const ballot& what) {
  statement(open_, "UPDATE ballot SET term = ?, principal = ?, synchronized = ?, number = ?")
      .bind(what.term)
      .bind(static_cast<std::uint64_t>(what.principal))
      .bind(std::uint64_t{what.synchronized})
      .bind(what.number)
      .step();
}

}  // namespace mirroring
