#include <keywarden/store/any.hpp>
#include <keywarden/store/sqlite.hpp>

#include <signal.h>
#include <sys/resource.h>

#include <chrono>
#include <fstream>

#include "store/laws.hpp"

namespace keywarden::testing {
namespace sqlite_test {

namespace fs = std::filesystem;

struct sqlite_place {
  scratch folder{scratch::on::memory};
  [[nodiscard]] store::sqlite open() const {
    return store::sqlite::open(folder / "records.db", {std::chrono::seconds(60), {}}).value();
  }
};
[[maybe_unused]] const bool laws = store_laws<sqlite_place>::add("sqlite");

struct any_place {
  scratch folder{scratch::on::memory};
  [[nodiscard]] store::any open() const {
    return store::open_store((folder / "records.sqlite").string()).value();
  }
};
[[maybe_unused]] const bool any_laws = store_laws<any_place>::add("any");

template <class T>
[[nodiscard]] std::string refusal(const result<T>& from) {
  return from ? "none" : std::string(name_of(from.error().code()));
}

/// Runs SQL as any other program would.
void run_sql(const fs::path& path, const std::string& sql) {
  ::sqlite3* database = nullptr;
  BOOST_REQUIRE(::sqlite3_open(path.c_str(), &database) == SQLITE_OK);
  BOOST_REQUIRE_MESSAGE(
      ::sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK,
      ::sqlite3_errmsg(database));
  BOOST_REQUIRE(::sqlite3_close(database) == SQLITE_OK);
}

struct opened {
  scratch folder;
  fs::path path = folder / "records.db";
  store::sqlite in = store::sqlite::open(path).value();
};

/// A closed store with a few hundred kilobytes in it.
struct closed {
  scratch folder;
  fs::path path = folder / "records.db";
  closed() {
    auto in = store::sqlite::open(path).value();
    for (int i = 0; i < 20; ++i) create(in, "r" + std::to_string(i), std::string(20000, 'x'));
  }
};

BOOST_AUTO_TEST_SUITE(sqlite)

BOOST_AUTO_TEST_CASE(only_its_owner_can_read_the_database_and_its_log) {
  opened at;
  create(at.in, "a", "1");
  for (const auto* suffix : {"", "-wal", "-shm"})
    BOOST_TEST((fs::status(at.path.string() + suffix).permissions() == fs::perms(0600)), suffix);
}

BOOST_AUTO_TEST_CASE(a_revision_never_returns) {
  opened at;
  create(at.in, "a", "same");
  const auto first = revision_of(at.in, "a");
  store::transaction changes;
  changes.erase(named("a"), first);
  at.in.commit(changes).value();
  create(at.in, "a", "same");
  BOOST_TEST((revision_of(at.in, "a") != first));
  changes = {};
  changes.replace(named("a"), first, content("late"));
  BOOST_TEST(outcome(at.in.commit(changes)) == "store_conflict a");
}

BOOST_AUTO_TEST_CASE(another_programs_database_is_refused_and_left_alone) {
  scratch folder;
  run_sql(folder / "other.db", "CREATE TABLE letters(text)");
  const auto size = fs::file_size(folder / "other.db");
  const auto made = store::sqlite::open(folder / "other.db");
  BOOST_TEST(refusal(made) == "store_corrupt");
  BOOST_TEST(made.error().value_of(fact::reason) == "another program's database");
  BOOST_TEST(fs::file_size(folder / "other.db") == size);
  run_sql(folder / "marked.db", "PRAGMA application_id=7");
  BOOST_TEST(refusal(store::sqlite::open(folder / "marked.db")) == "store_corrupt");
}

BOOST_AUTO_TEST_CASE(a_store_of_a_later_version_is_refused) {
  closed at;
  run_sql(at.path, "PRAGMA user_version=2");
  const auto made = store::sqlite::open(at.path);
  BOOST_TEST(refusal(made) == "unsupported_version");
  BOOST_TEST(made.error().value_of(fact::version) == "2");
}

BOOST_AUTO_TEST_CASE(an_altered_schema_is_refused) {
  closed at;
  run_sql(at.path, "ALTER TABLE records ADD COLUMN more TEXT");
  BOOST_TEST(refusal(store::sqlite::open(at.path)) == "store_corrupt");
  closed other;
  run_sql(other.path, "DROP TABLE counter");
  BOOST_TEST(refusal(store::sqlite::open(other.path)) == "store_corrupt");
}

BOOST_AUTO_TEST_CASE(a_planted_trigger_does_not_run) {
  closed at;
  run_sql(at.path, "CREATE TRIGGER planted AFTER INSERT ON records BEGIN DELETE FROM records; END");
  auto in = store::sqlite::open(at.path).value();
  create(in, "a", "1");
  BOOST_TEST(names_in(in, "").size() == 21U);
}

BOOST_AUTO_TEST_CASE(a_truncated_database_is_refused) {
  for (const auto part : {8U, 4U, 2U}) {
    closed at;
    fs::resize_file(at.path, fs::file_size(at.path) / part);
    BOOST_TEST(refusal(store::sqlite::open(at.path)) == "store_corrupt");
  }
  closed at;
  fs::resize_file(at.path, 50);
  BOOST_TEST(refusal(store::sqlite::open(at.path)) == "store_corrupt");
}

BOOST_AUTO_TEST_CASE(a_file_that_is_no_database_is_refused) {
  scratch folder;
  std::ofstream(folder / "text.db") << std::string(5000, 't');
  BOOST_TEST(refusal(store::sqlite::open(folder / "text.db")) == "store_corrupt");
}

BOOST_AUTO_TEST_CASE(damaged_pages_are_refused_not_read) {
  closed at;
  {
    std::fstream file(at.path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);
    const std::string noise(8192, '\xee');
    file.write(noise.data(), static_cast<std::streamsize>(noise.size()));
  }
  const auto made = store::sqlite::open(at.path);
  const bool refused = !made || !made->list("") || !made->get(named("r1"));
  BOOST_TEST(refused);
}

BOOST_AUTO_TEST_CASE(an_empty_file_becomes_a_store) {
  scratch folder;
  { const std::ofstream made(folder / "empty.db"); }
  auto in = store::sqlite::open(folder / "empty.db").value();
  create(in, "a", "1");
  BOOST_TEST(text_of(in, "a") == "1");
}

BOOST_AUTO_TEST_CASE(anything_but_a_regular_file_is_refused) {
  closed at;
  fs::create_symlink(at.path, at.folder / "link.db");
  BOOST_TEST(refusal(store::sqlite::open(at.folder / "link.db")) == "store_corrupt");
  BOOST_TEST(refusal(store::sqlite::open(at.folder.path())) == "store_corrupt");
  BOOST_TEST(refusal(store::sqlite::open("")) == "invalid_argument");
  BOOST_TEST(refusal(store::sqlite::open(at.folder / "missing" / "x.db")) == "io_failed");
  BOOST_TEST(refusal(store::sqlite::open(at.path, {std::chrono::seconds(1), "no such system"})) ==
             "invalid_argument");
}

BOOST_AUTO_TEST_CASE(a_record_above_the_limit_in_the_database_is_refused_before_it_is_read) {
  closed at;
  run_sql(at.path, "UPDATE records SET data=zeroblob(" +
                       std::to_string(store::max_record_size + 1) + ") WHERE name='r1'");
  auto in = store::sqlite::open(at.path).value();
  BOOST_TEST(refusal(in.get(named("r1"))) == "limit_exceeded");
  run_sql(at.path, "UPDATE records SET data=zeroblob(100000000) WHERE name='r1'");
  BOOST_TEST(refusal(in.get(named("r1"))) == "limit_exceeded");
  BOOST_TEST(refusal(in.get(named("r2"))) == "none");
}

BOOST_AUTO_TEST_CASE(a_name_that_is_none_is_refused_by_list) {
  closed at;
  run_sql(at.path, "UPDATE records SET name='../etc/passwd' WHERE name='r1'");
  auto in = store::sqlite::open(at.path).value();
  BOOST_TEST(refusal(in.list("")) == "store_corrupt");
}

BOOST_AUTO_TEST_CASE(a_database_that_is_in_use_is_busy_after_the_wait) {
  opened at;
  auto hurried = store::sqlite::open(at.path, {std::chrono::milliseconds(5), {}}).value();
  ::sqlite3* other = nullptr;
  BOOST_REQUIRE(::sqlite3_open(at.path.c_str(), &other) == SQLITE_OK);
  BOOST_REQUIRE(::sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
  store::transaction changes;
  changes.create(named("a"), content("1"));
  BOOST_TEST(refusal(hurried.commit(changes)) == "store_busy");
  BOOST_TEST(text_of(hurried, "a") == "(none)");
  BOOST_REQUIRE(::sqlite3_close(other) == SQLITE_OK);
  BOOST_TEST(refusal(hurried.commit(changes)) == "none");
}

BOOST_AUTO_TEST_CASE(a_full_database_is_a_typed_error_and_changes_nothing) {
  opened at;
  create(at.in, "a", "1");
  store::transaction changes;
  changes.create(named("b"), content("2")).create(named("c"), bytes(store::max_record_size));
  ::rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const ::rlimit small{1U << 20U, before.rlim_max};
  ::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &small);
  const auto committed = at.in.commit(changes);
  ::setrlimit(RLIMIT_FSIZE, &before);
  BOOST_TEST(refusal(committed) == "io_failed");
  BOOST_TEST(names_in(at.in, "") == std::vector<std::string>{"a"},
             boost::test_tools::per_element());
  BOOST_TEST(refusal(at.in.commit(changes)) == "none");
}

BOOST_AUTO_TEST_CASE(eight_threads_make_a_store_at_once) {
  scratch folder(scratch::on::memory);
  std::vector<std::string> refusals(8);
  std::vector<std::thread> running;
  for (std::size_t i = 0; i < refusals.size(); ++i)
    running.emplace_back([&, i] {
      auto in = store::sqlite::open(folder / "new.db", {std::chrono::seconds(60), {}});
      if (!in) {
        refusals[i] = in.error().message();
        return;
      }
      store::transaction changes;
      changes.create(named("r" + std::to_string(i)), content("x"));
      if (auto committed = in->commit(changes); !committed)
        refusals[i] = committed.error().message();
    });
  for (auto& each : running) each.join();
  for (const auto& each : refusals) BOOST_TEST(each.empty(), each);
  auto in = store::sqlite::open(folder / "new.db").value();
  BOOST_TEST(names_in(in, "").size() == refusals.size());
}

BOOST_AUTO_TEST_CASE(a_thousand_records_are_listed_and_read_in_a_blink) {
  opened at;
  store::transaction changes;
  for (int i = 0; i < 1000; ++i) changes.create(named("db/d" + std::to_string(i)), bytes(1000));
  at.in.commit(changes).value();
  auto best = std::chrono::steady_clock::duration::max();
  for (int attempt = 0; attempt < 5; ++attempt) {  // the machine may be busy with something else
    const auto start = std::chrono::steady_clock::now();
    for (const auto& name : at.in.list("db/").value())
      BOOST_REQUIRE(at.in.get(name).value().has_value());
    best = std::min(best, std::chrono::steady_clock::now() - start);
  }
  const auto taken = std::chrono::duration_cast<std::chrono::milliseconds>(best).count();
  BOOST_TEST_MESSAGE("list and 1,000 gets: " << taken << " ms");
  BOOST_TEST(taken < 50);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(any)

BOOST_AUTO_TEST_CASE(each_form_opens_its_kind_of_store) {
  scratch folder;
  const auto base = folder.path().string();
  BOOST_TEST(store::open_store("sqlite:" + base + "/plain").value().inner_kind() == "sqlite");
  BOOST_TEST(store::open_store(base + "/x.db").value().inner_kind() == "sqlite");
  BOOST_TEST(store::open_store(base + "/x.sqlite").value().inner_kind() == "sqlite");
  BOOST_TEST(store::open_store(base + "/folder/").value().inner_kind() == "file");
  BOOST_TEST(store::open_store(base + "/folder").value().inner_kind() == "file");
  BOOST_TEST(store::any(store::memory()).inner_kind() == "memory");
}

BOOST_AUTO_TEST_CASE(other_text_is_refused_and_told_the_forms) {
  scratch folder;
  for (const auto& text : {std::string(), (folder / "nothing").string(),
                           std::string("redis://host"), std::string("nowhere")}) {
    const auto made = store::open_store(text);
    BOOST_TEST(refusal(made) == "invalid_argument");
    BOOST_TEST(made.error().value_of(fact::next_step) == store::store_forms);
    BOOST_TEST(made.error().value_of(fact::name) == text);
  }
  BOOST_TEST(refusal(store::open_store("sqlite:")) == "invalid_argument");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace sqlite_test

}  // namespace keywarden::testing
