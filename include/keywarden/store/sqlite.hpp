/// @file
/// Records in one SQLite database: the embedded default.
#pragma once

#include <array>
#include <cstdlib>
#include <filesystem>
#include <mutex>

#include <keywarden/store/concepts.hpp>
#include <keywarden/store/folder.hpp>
#include <keywarden/store/rules.hpp>
#include <keywarden/store/sqlite_connection.hpp>

namespace keywarden::store {

/// How a `sqlite` store behaves.
struct sqlite_options {
  /// How long an operation waits for other connections before it is refused as `store_busy`.
  std::chrono::milliseconds busy_wait{5000};
  /// The registered SQLite file system to use; empty for SQLite's default.
  std::string vfs{};
};

/// A record store in a SQLite database file. Satisfies `record_store`.
///
/// The file (mode 0600) is in WAL mode with synchronous=EXTRA, secure_delete, defensive mode and an
/// untrusted schema, and carries Keywarden's application id and a format version. SQLite keeps
/// `-wal` and `-shm` files beside it while it is open: a copy of the database alone is no backup.
///
/// Protects against: a kill or a power loss at any instant (before or after, never between), lost
/// updates between threads and processes, other programs' databases and schemas. Revisions never
/// repeat, also after a record was erased and made anew.
///
/// Does not protect against: whoever can write the file, network file systems, remains of old
/// content in the WAL and in freed disk blocks.
///
/// Ownership: move-only; holds one connection. A moved-from object may only be assigned to or
/// destroyed.
///
/// Threads: one object may be used from several threads (they take turns); never in a child after
/// `fork`.
///
/// Errors of every function: `store_busy` after `sqlite_options::busy_wait`; `io_failed` and
/// `store_corrupt` with `fact::file`, `fact::operation`, `fact::reason`.
class sqlite {
 public:
  static constexpr std::string_view kind = "sqlite";

  /// Opens the store in the file `path`, and makes it if it does not exist (its folder must).
  /// Errors: those above; `invalid_argument` for an empty path or an unregistered `vfs`;
  /// `store_corrupt` for another program's database and for anything but a regular file;
  /// `unsupported_version` for a later format.
  [[nodiscard]] static result<sqlite> open(const std::filesystem::path& path,
                                           const sqlite_options& options = {}) {
    if (!options.vfs.empty() && ::sqlite3_vfs_find(options.vfs.c_str()) == nullptr)
      return error(errc::invalid_argument).with(fact::name, options.vfs);
    auto file = make_file(path);
    if (!file) return file.error();
    auto connection = detail::sqlite_connection::open(*file, options.vfs, options.busy_wait);
    if (!connection) return connection.error();
    harden(*connection, options);
    const auto deadline = std::chrono::steady_clock::now() + options.busy_wait;
    auto ready = recognise(*connection);
    // Two first openers may refuse each other at once, without SQLite's own wait: wait here.
    while (!ready && ready.error() == errc::store_busy &&
           std::chrono::steady_clock::now() < deadline) {
      ::sqlite3_sleep(2);
      ready = recognise(*connection);
    }
    if (!ready) return ready.error();
    return prepare(std::move(*connection));
  }

  /// The record as last committed, or nothing. Errors: also `limit_exceeded` for a record above
  /// `max_record_size`.
  [[nodiscard]] result<std::optional<stored_record>> get(const record_name& name) const {
    const std::scoped_lock held(place_->guard);
    auto& select = place_->select;
    select.bind(1, std::string_view(name.text()));
    select.bind(2, std::uint64_t{max_record_size});
    const int answer = select.step();
    if (answer == SQLITE_DONE) return std::optional<stored_record>();
    if (answer != SQLITE_ROW) return place_->connection.failure(answer, "read");
    const auto size = select.integer(1);
    if (size > max_record_size) {
      select.reset();
      return error(errc::limit_exceeded)
          .with(fact::file, place_->connection.path())
          .with(fact::name, name.text())
          .with(fact::limit, max_record_size)
          .with(fact::actual, size);
    }
    std::optional<stored_record> found(
        {to_bytes(select.blob(2)), store::revision(select.integer(0))});
    select.reset();
    if (found->data.size() != size) return place_->connection.failure(SQLITE_CORRUPT, "read");
    return found;
  }

  /// The names that start with `prefix`, sorted.
  [[nodiscard]] result<std::vector<record_name>> list(std::string_view prefix) const {
    const std::string beyond =
        std::string(prefix) + '\x7f';  // after every character a name can have
    const std::scoped_lock held(place_->guard);
    auto& range = place_->range;
    range.bind(1, prefix.empty() ? std::string_view("") : prefix);
    range.bind(2, std::string_view(beyond));
    std::vector<record_name> names;
    for (;;) {
      const int answer = range.step();
      if (answer == SQLITE_DONE) return names;
      if (answer != SQLITE_ROW) return place_->connection.failure(answer, "list");
      auto name = record_name::parse(range.text(0));
      if (!name) {
        range.reset();
        return place_->connection.failure(SQLITE_CORRUPT, "list");
      }
      names.push_back(std::move(*name));
    }
  }

  /// All changes, or none. After `io_failed` the state is the one before or the one after, and
  /// `get` tells which; success is durable. Errors: those of the concept.
  [[nodiscard]] result<void> commit(const transaction& changes) {
    if (auto sound = detail::check(changes); !sound) return sound;
    if (changes.changes().empty()) return done();
    const std::scoped_lock held(place_->guard);
    if (auto begun = step(place_->begin, "begin"); !begun) return begun;
    auto outcome = apply(changes.changes());
    if (outcome) outcome = step(place_->commit, "commit");
    if (!outcome && ::sqlite3_get_autocommit(place_->connection.get()) == 0)
      static_cast<void>(place_->rollback.step());  // the refusal that led here is the one to report
    return outcome;
  }

 private:
  static constexpr std::int32_t application_id = 0x4b57524e;  // "KWRN"
  static constexpr std::int32_t format_version = 1;
  static constexpr std::string_view records_schema =
      "CREATE TABLE records(name TEXT NOT NULL PRIMARY KEY, revision INTEGER NOT NULL, "
      "data BLOB NOT NULL) STRICT";
  static constexpr std::string_view counter_schema =
      "CREATE TABLE counter(id INTEGER PRIMARY KEY CHECK(id = 0), last_revision INTEGER NOT NULL) "
      "STRICT";

  struct place {
    explicit place(detail::sqlite_connection opened) noexcept : connection(std::move(opened)) {}
    std::mutex guard;
    detail::sqlite_connection connection;  // closed after the statements below are gone
    detail::sqlite_statement begin, commit, rollback, count, select, range, insert, update, erase;
  };
  explicit sqlite(std::unique_ptr<place> made) noexcept : place_(std::move(made)) {}

  /// Makes the file with mode 0600 if there is none, and gives the path as SQLite is to see it
  /// (never one of its special names).
  [[nodiscard]] static result<std::string> make_file(const std::filesystem::path& path) {
    // Closing a descriptor of a file drops this process's POSIX locks on it: one creator at a time,
    // and only the one who made the file closes a descriptor of it.
    static std::mutex creation;
    auto text = path.string();
    if (text.empty() || text.find('\0') != std::string::npos)
      return error(errc::invalid_argument).with(fact::reason, "not a path");
    if (!text.starts_with('/')) text.insert(0, "./");
    const std::scoped_lock held(creation);
    const int made = detail::uninterrupted([&] {
      return ::open(text.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    });
    if (made >= 0) {
      ::close(made);
      auto folder = detail::folder<posix_file_system>::open(
          std::filesystem::path(text).parent_path() / ".", {});
      if (!folder) return folder.error();
      if (auto synced = folder->sync(); !synced) return synced.error();
      return text;
    }
    if (errno != EEXIST) return detail::system_failure(errno, "create", text);
    struct ::stat status {};
    if (::lstat(text.c_str(), &status) != 0) return detail::system_failure(errno, "examine", text);
    if (!S_ISREG(status.st_mode))
      return error(errc::store_corrupt)
          .with(fact::file, text)
          .with(fact::reason, S_ISLNK(status.st_mode) ? "a symbolic link" : "not a regular file");
    return text;
  }

  /// Settings that cannot fail: what SQLite may do on behalf of a database it does not trust.
  static void harden(const detail::sqlite_connection& connection, const sqlite_options& options) {
    auto* const handle = connection.get();
    ::sqlite3_busy_timeout(handle, static_cast<int>(options.busy_wait.count()));
    ::sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, static_cast<int>(max_record_size + 65536));
    ::sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0);
    constexpr std::array<std::pair<int, int>, 6> switches{{{SQLITE_DBCONFIG_DEFENSIVE, 1},
                                                           {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
                                                           {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
                                                           {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
                                                           {SQLITE_DBCONFIG_DQS_DDL, 0},
                                                           {SQLITE_DBCONFIG_DQS_DML, 0}}};
    for (const auto& [option, value] : switches)
      ::sqlite3_db_config(handle, option, value, static_cast<int*>(nullptr));
  }

  /// Checks that the database is one of ours, or makes an empty one ours, then switches the mode.
  [[nodiscard]] static result<void> recognise(const detail::sqlite_connection& connection) {
    // Its questions are asked inside one transaction: between two of them another opener may have
    // made the database.
    bool blank = false;
    if (auto asked = inside(connection, "BEGIN",
                            [&]() -> result<void> {
                              auto answer = is_blank(connection);
                              if (!answer) return answer.error();
                              blank = *answer;
                              return done();
                            });
        !asked)
      return asked;
    if (blank) {
      auto made = inside(connection, "BEGIN IMMEDIATE", [&]() -> result<void> {
        auto still = is_blank(connection);  // somebody else may have been first
        if (!still) return still.error();
        return *still ? create(connection) : done();
      });
      if (!made) return made;
    }
    if (auto ours = check_schema(connection); !ours) return ours;
    if (auto set = connection.run("PRAGMA synchronous=EXTRA; PRAGMA secure_delete=ON; "
                                  "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0",
                                  "configure");
        !set)
      return set;
    const auto mode = connection.value("PRAGMA journal_mode=WAL", "switch to WAL");
    if (!mode) return mode.error();
    if (*mode != "wal")
      return error(errc::io_failed)
          .with(fact::file, connection.path())
          .with(fact::reason, "this file system cannot hold a WAL database");
    return done();
  }

  /// Runs `work` in a transaction that it commits, or rolls back after a refusal.
  [[nodiscard]] static result<void> inside(const detail::sqlite_connection& connection,
                                           const char* begin, const auto& work) {
    if (auto begun = connection.run(begin, "begin"); !begun) return begun;
    result<void> outcome = work();
    if (outcome) outcome = connection.run("COMMIT", "commit");
    if (!outcome && ::sqlite3_get_autocommit(connection.get()) == 0)
      static_cast<void>(connection.run("ROLLBACK", "roll back"));
    return outcome;
  }

  /// Whether nobody has used the database yet. To be asked inside a transaction. Errors:
  /// `store_corrupt` for another program's database, `unsupported_version`.
  [[nodiscard]] static result<bool> is_blank(const detail::sqlite_connection& connection) {
    const auto id = connection.value("PRAGMA application_id", "recognise");
    if (!id) return id.error();
    const auto version = connection.value("PRAGMA user_version", "recognise");
    if (!version) return version.error();
    if (*id == "0" && *version == "0") {
      const auto objects = connection.value("SELECT count(*) FROM sqlite_schema", "recognise");
      if (!objects) return objects.error();
      if (*objects == "0") return true;
    }
    if (*id != std::to_string(application_id))
      return error(errc::store_corrupt)
          .with(fact::file, connection.path())
          .with(fact::reason, "another program's database");
    const long number = std::strtol(version->c_str(), nullptr, 10);
    if (number == format_version) return false;
    return error(number > format_version ? errc::unsupported_version : errc::store_corrupt)
        .with(fact::file, connection.path())
        .with(fact::version, number);
  }

  [[nodiscard]] static result<void> create(const detail::sqlite_connection& connection) {
    const auto sql = std::string(records_schema) + ';' + std::string(counter_schema) +
                     "; INSERT INTO counter VALUES(0, 0); PRAGMA application_id=" +
                     std::to_string(application_id) +
                     "; PRAGMA user_version=" + std::to_string(format_version);
    return connection.run(sql.c_str(), "create");
  }

  [[nodiscard]] static result<void> check_schema(const detail::sqlite_connection& connection) {
    for (const auto& [name, schema] :
         {std::pair("records", records_schema), std::pair("counter", counter_schema)}) {
      const auto found = connection.value(
          "SELECT sql FROM sqlite_schema WHERE type='table' AND name='" + std::string(name) + '\'',
          "check the schema");
      if (!found) return found.error();
      if (*found != schema)
        return error(errc::store_corrupt)
            .with(fact::file, connection.path())
            .with(fact::reason, "the schema was altered");
    }
    return done();
  }

  [[nodiscard]] static result<sqlite> prepare(detail::sqlite_connection opened) {
    auto made = std::make_unique<place>(std::move(opened));
    using target = std::pair<detail::sqlite_statement*, std::string_view>;
    for (const auto& [statement, sql] :
         {target(&made->begin, "BEGIN IMMEDIATE"), target(&made->commit, "COMMIT"),
          target(&made->rollback, "ROLLBACK"),
          target(&made->count,
                 "UPDATE counter SET last_revision = last_revision + 1 RETURNING last_revision"),
          target(&made->select,
                 "SELECT revision, length(data), CASE WHEN length(data) <= ?2 THEN "
                 "data END FROM records WHERE name = ?1"),
          target(&made->range,
                 "SELECT name FROM records WHERE name >= ?1 AND name < ?2 ORDER BY name"),
          target(&made->insert,
                 "INSERT INTO records(name, revision, data) VALUES(?1, ?2, ?3) "
                 "ON CONFLICT DO NOTHING"),
          target(&made->update,
                 "UPDATE records SET revision = ?2, data = ?3 WHERE name = ?1 AND revision = ?4"),
          target(&made->erase, "DELETE FROM records WHERE name = ?1 AND revision = ?4")}) {
      auto ready = made->connection.prepare(sql, "prepare");
      if (!ready) return ready.error();
      *statement = std::move(*ready);
    }
    return sqlite(std::move(made));
  }

  [[nodiscard]] result<void> step(detail::sqlite_statement& statement, std::string_view operation) {
    const int answer = statement.step();
    if (answer != SQLITE_DONE) return place_->connection.failure(answer, operation);
    return done();
  }

  [[nodiscard]] result<void> apply(const std::vector<change>& changes) {
    const int counted = place_->count.step();
    if (counted != SQLITE_ROW)
      return place_->connection.failure(counted == SQLITE_DONE ? SQLITE_CORRUPT : counted, "count");
    const auto fresh = place_->count.integer(0);
    if (auto counted_once = step(place_->count, "count"); !counted_once) return counted_once;
    for (const auto& each : changes) {
      auto& statement = !each.data       ? place_->erase
                        : !each.expected ? place_->insert
                                         : place_->update;
      statement.bind(1, std::string_view(each.name.text()));
      if (each.data) {
        statement.bind(2, fresh);
        statement.bind(3, bytes_view(*each.data));
      }
      if (each.expected) statement.bind(4, each.expected->value());
      if (auto written = step(statement, "write"); !written) return written;
      if (::sqlite3_changes(place_->connection.get()) != 1) return detail::conflict(each.name);
    }
    return done();
  }

  std::unique_ptr<place> place_;
};

static_assert(record_store<sqlite>);

}  // namespace keywarden::store
