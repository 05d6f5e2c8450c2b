#include "sql.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <string>

namespace split_merge {

namespace {

using keywarden::errc;
using keywarden::error;
using keywarden::fact;
using keywarden::refused;
using keywarden::store::detail::sqlite_connection;
constexpr std::chrono::milliseconds patience{5000};

sqlite_connection opened(const std::filesystem::path& file) {
  std::error_code unreadable;
  if (!std::filesystem::is_regular_file(file, unreadable))
    throw refused(error(errc::not_found).with(fact::file, file.string()));
  auto made = sqlite_connection::open(file.string(), "", patience).value();
  ::sqlite3_busy_timeout(made.get(), static_cast<int>(patience.count()));
  const auto prepare = [&] {
    return made.run(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;"
        "PRAGMA trusted_schema=OFF",
        "open");
  };
  // Those who open after a kill may refuse each other at once, without SQLite's own wait: wait
  // here.
  const auto deadline = std::chrono::steady_clock::now() + patience;
  auto ready = prepare();
  while (!ready && ready.error() == errc::store_busy &&
         std::chrono::steady_clock::now() < deadline) {
    ::sqlite3_sleep(2);
    ready = prepare();
  }
  ready.value();
  return made;
}

}  // namespace

void database::create(const std::filesystem::path& file, const char* tables,
                      const std::function<void(const database&)>& fill) {
  constexpr int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  const int made = ::open(file.c_str(), flags, 0600);
  if (made < 0)
    throw refused(error(errno == EEXIST ? errc::already_exists : errc::io_failed)
                      .with(fact::file, file.string())
                      .with(fact::operation, "create"));
  ::close(made);
  const database in(file);
  transaction whole(in, transaction::kind::write);
  in.connection_.run(tables, "create the tables").value();
  fill(in);
  whole.commit();
}

database::database(const std::filesystem::path& file) : connection_(opened(file)) {}

void database::checkpoint() const {
  query done(*this, "PRAGMA wal_checkpoint(TRUNCATE)");
  if (done.next() && done.number(0) == 0) return;
  throw refused(connection_.failure(SQLITE_BUSY, "checkpoint"));
}

bool query::next() {
  const int answer = statement_.step();
  if (answer != SQLITE_ROW && answer != SQLITE_DONE)
    throw refused(in_.connection().failure(answer, sql_));
  return answer == SQLITE_ROW;
}

transaction::transaction(const database& in, kind what) : in_(in) {
  in.run(what == kind::write ? "BEGIN IMMEDIATE" : "BEGIN");
}
transaction::~transaction() {
  if (!committed_) ::sqlite3_exec(in_.connection().get(), "ROLLBACK", nullptr, nullptr, nullptr);
}
void transaction::commit() {
  in_.run("COMMIT");
  committed_ = true;
}

}  // namespace split_merge
