#include <keywarden/store/any_postgres.hpp>
#include <keywarden/store/copy.hpp>
#include <keywarden/store/postgres.hpp>

#include <sys/wait.h>

#include <thread>

#include "store/laws.hpp"
#include "support/postgres_place.hpp"

namespace keywarden::testing {
namespace postgres_test {

using store::postgres;
using store::postgres_options;

/// The laws are added where there is a server to hold to them.
template <class Place>
bool add_laws(const std::string& model, bool possible) {
  return possible && store_laws<Place>::add(model);
}
[[maybe_unused]] const bool laws =
    add_laws<postgres_place>("postgres", postgres_cluster::programs().has_value());

/// PgBouncer in transaction pooling mode between the store and the server.
struct bouncing_place : postgres_place {
  pgbouncer between{shared_cluster()};
  [[nodiscard]] postgres open() const { return postgres::open(between.uri(), options()).value(); }
};
[[maybe_unused]] const bool bouncing_laws = add_laws<bouncing_place>(
    "postgres_through_pgbouncer", postgres_cluster::programs() && pgbouncer::program());

/// TLS, as between machines.
struct tls_place : postgres_place {
  [[nodiscard]] postgres open() const {
    return postgres::open(shared_cluster().tls(), options()).value();
  }
};
[[maybe_unused]] const bool tls_laws =
    add_laws<tls_place>("postgres_over_tls", postgres_cluster::programs().has_value());

template <class T>
[[nodiscard]] std::string refusal(const result<T>& from) {
  return from ? "none" : std::string(name_of(from.error().code()));
}
template <class T>
[[nodiscard]] std::string reason(const result<T>& from) {
  return from ? "none" : std::string(from.error().value_of(fact::reason));
}
[[nodiscard]] bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

BOOST_AUTO_TEST_SUITE(postgres_store, *boost::unit_test::precondition(has_postgres))

BOOST_AUTO_TEST_CASE(a_revision_never_returns) {
  postgres_place at;
  auto in = at.open();
  create(in, "a", "same");
  const auto first = revision_of(in, "a");
  store::transaction changes;
  changes.erase(named("a"), first);
  in.commit(changes).value();
  create(in, "a", "same");
  BOOST_TEST((revision_of(in, "a") != first));
  changes = {};
  changes.replace(named("a"), first, content("late"));
  BOOST_TEST(outcome(in.commit(changes)) == "store_conflict a");
}

BOOST_AUTO_TEST_CASE(sixteen_openers_at_once_make_one_schema) {
  postgres_place at;
  std::vector<std::string> refusals(16);
  std::vector<std::thread> running;
  for (std::size_t i = 0; i < refusals.size(); ++i)
    running.emplace_back([&, i] {
      auto in = postgres::open(at.uri, at.options());
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
  auto in = at.open();
  BOOST_TEST(names_in(in, "").size() == refusals.size());
}

BOOST_AUTO_TEST_CASE(of_sixteen_processes_that_create_a_record_one_does) {
  postgres_place at;
  constexpr int won = 0;
  constexpr int lost = 1;
  std::vector<::pid_t> processes;
  for (int i = 0; i < 16; ++i) {
    const ::pid_t process = ::fork();
    BOOST_REQUIRE(process >= 0);
    if (process == 0) {
      auto in = postgres::open(at.uri, at.options());
      store::transaction changes;
      changes.create(named("first"), content(std::to_string(i)));
      const auto committed = in ? in->commit(changes) : result<void>(in.error());
      ::_exit(committed ? won : committed.error() == errc::store_conflict ? lost : 2);
    }
    processes.push_back(process);
  }
  std::map<int, int> ended;
  for (const auto process : processes) {
    int status = 0;
    ::waitpid(process, &status, 0);
    ++ended[WIFEXITED(status) ? WEXITSTATUS(status) : -1];
  }
  BOOST_TEST(ended[won] == 1);
  BOOST_TEST(ended[lost] == 15);
}

BOOST_AUTO_TEST_CASE(another_programs_tables_are_refused_and_left_alone) {
  postgres_place at;
  at.sql("CREATE SCHEMA " + at.schema + "; CREATE TABLE @letters(text text)");
  const auto made = postgres::open(at.uri, at.options());
  BOOST_TEST(refusal(made) == "store_corrupt");
  BOOST_TEST(reason(made) == "another program's tables");
  BOOST_TEST(at.sql("SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = '" +
                    at.schema + "'::regnamespace") == "1");
}

BOOST_AUTO_TEST_CASE(a_store_of_a_later_version_is_refused) {
  postgres_place at;
  static_cast<void>(at.open());
  at.sql("UPDATE @format SET version = 2");
  const auto made = postgres::open(at.uri, at.options());
  BOOST_TEST(refusal(made) == "unsupported_version");
  BOOST_TEST(made.error().value_of(fact::version) == "2");
  at.sql("ALTER TABLE @records ADD COLUMN more text");
  BOOST_TEST(refusal(postgres::open(at.uri, at.options())) == "unsupported_version");
}

BOOST_AUTO_TEST_CASE(an_altered_schema_is_refused) {
  for (const auto* alteration :
       {"ALTER TABLE @records ADD COLUMN more text", "DROP TABLE @writers",
        "DROP SEQUENCE @revisions", "ALTER TABLE @records SET UNLOGGED",
        "ALTER TABLE @records ENABLE ROW LEVEL SECURITY",
        "CREATE RULE planted AS ON DELETE TO @records DO INSTEAD NOTHING",
        "CREATE TRIGGER planted BEFORE UPDATE ON @records FOR EACH ROW EXECUTE FUNCTION "
        "suppress_redundant_updates_trigger()",
        "UPDATE @format SET application = 'letters'", "UPDATE @format SET version = 0"}) {
    postgres_place at;
    static_cast<void>(at.open());
    at.sql(alteration);
    BOOST_TEST(refusal(postgres::open(at.uri, at.options())) == "store_corrupt", alteration);
  }
}

BOOST_AUTO_TEST_CASE(a_schema_that_was_made_empty_is_filled) {
  postgres_place at;
  at.sql("CREATE SCHEMA " + at.schema);
  auto in = at.open();
  create(in, "a", "1");
  BOOST_TEST(text_of(in, "a") == "1");
}

BOOST_AUTO_TEST_CASE(schemas_keep_their_records_apart) {
  postgres_place one, other;
  auto first = one.open();
  auto second = other.open();
  create(first, "a", "1");
  BOOST_TEST(text_of(second, "a") == "(none)");
}

BOOST_AUTO_TEST_CASE(a_schema_name_that_is_not_plain_is_refused) {
  for (const auto* name :
       {"", "Upper", "1st", "_x", "a b", "a\"b", "a;b", "pg_mine", "a.b", "information_schema", "ä",
        "this_name_is_longer_than_forty_eight_letters_"
        "of_them"}) {
    postgres_options options;
    options.schema = name;
    const auto made = postgres::open("postgresql:///x?host=/nowhere", options);
    BOOST_TEST(refusal(made) == "invalid_argument", name);
    BOOST_TEST(made.error().value_of(fact::name) == name);
  }
}

BOOST_AUTO_TEST_CASE(options_out_of_range_are_refused) {
  const auto opened = [](auto change) {
    postgres_options options;
    change(options);
    return refusal(postgres::open("postgresql:///x?host=/nowhere", options));
  };
  BOOST_TEST(opened([](auto& at) { at.connections = 0; }) == "invalid_argument");
  BOOST_TEST(opened([](auto& at) { at.connections = 65; }) == "invalid_argument");
  BOOST_TEST(opened([](auto& at) { at.lock_wait = {}; }) == "invalid_argument");
  BOOST_TEST(opened([](auto& at) { at.retry_for = std::chrono::hours(25); }) == "invalid_argument");
}

BOOST_AUTO_TEST_CASE(a_role_with_the_least_rights_uses_a_store_and_makes_none) {
  postgres_place at;
  static_cast<void>(at.open());
  const auto role = at.schema + "_app";
  const auto uri = shared_cluster().uri(role);
  at.sql("CREATE ROLE " + role + " LOGIN");
  const auto early = postgres::open(uri, at.options());
  BOOST_TEST(refusal(early) == "io_failed");
  BOOST_TEST(contains(reason(early), "permission denied"), reason(early));
  BOOST_TEST(contains(std::string(early.error().value_of(fact::next_step)), "grant"));
  at.sql("GRANT USAGE ON SCHEMA " + at.schema + " TO " + role + "; GRANT SELECT ON @format TO " +
         role + "; GRANT SELECT, INSERT, UPDATE, DELETE ON @records, @writers TO " + role +
         "; GRANT USAGE ON SEQUENCE @revisions TO " + role);
  auto in = postgres::open(uri, at.options()).value();
  create(in, "a", "1");
  store::transaction changes;
  changes.replace(named("a"), revision_of(in, "a"), content("2"));
  in.commit(changes).value();
  changes = {};
  changes.erase(named("a"), revision_of(in, "a"));
  in.commit(changes).value();
  BOOST_TEST(names_in(in, "").empty());
  auto watch = in.watch().value();
  create(in, "b", "1");
  BOOST_TEST(watch.wait(std::chrono::seconds(30)).value());

  postgres_place other;
  const auto refused = postgres::open(uri, other.options());
  BOOST_TEST(refusal(refused) == "io_failed");
  BOOST_TEST(contains(reason(refused), "42501"), reason(refused));
}

BOOST_AUTO_TEST_CASE(a_record_above_the_limit_in_the_database_is_refused_before_it_is_fetched) {
  postgres_place at;
  auto in = at.open();
  create(in, "a", "1");
  create(in, "b", "1");
  BOOST_CHECK_THROW(at.sql("UPDATE @records SET data = convert_to(repeat('x', 16777217), 'UTF8')"),
                    std::runtime_error);  // the table does not take it
  at.sql(
      "ALTER TABLE @records DROP CONSTRAINT records_data_check; UPDATE @records SET data = "
      "convert_to(repeat('x', 100000000), 'UTF8') WHERE name = 'a'");
  const auto found = in.get(named("a"));
  BOOST_TEST(refusal(found) == "limit_exceeded");
  BOOST_TEST(found.error().value_of(fact::actual) == "100000000");
  BOOST_TEST(text_of(in, "b") == "1");
}

BOOST_AUTO_TEST_CASE(the_largest_record_is_stored) {
  postgres_place at;
  auto in = at.open();
  store::transaction changes;
  changes.create(named("a"), bytes(store::max_record_size, 7));
  in.commit(changes).value();
  BOOST_TEST((in.get(named("a")).value()->data == bytes(store::max_record_size, 7)));
}

BOOST_AUTO_TEST_CASE(a_name_that_is_none_is_refused_by_list) {
  postgres_place at;
  auto in = at.open();
  create(in, "a", "1");
  at.sql("UPDATE @records SET name = '../etc/passwd'");
  BOOST_TEST(refusal(in.list("")) == "store_corrupt");
}

BOOST_AUTO_TEST_CASE(more_names_than_are_ever_kept_are_refused_by_list) {
  postgres_place at;
  auto in = at.open();
  at.sql(
      "INSERT INTO @records SELECT 'many/' || each, each, '' FROM generate_series(1, 65536) each");
  BOOST_TEST(in.list("many/").value().size() == store::postgres::max_listed);
  create(in, "many/more", "1");
  BOOST_TEST(refusal(in.list("many/")) == "limit_exceeded");
  BOOST_TEST(in.list("many/mor").value().size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_record_that_is_being_changed_is_busy_after_the_wait) {
  postgres_place at;
  auto options = at.options();
  options.lock_wait = std::chrono::milliseconds(50);
  auto in = at.open(options);
  create(in, "a", "1");
  ::PGconn* const other = ::PQconnectdb(at.uri.c_str());
  const auto run = [&](const std::string& sql) { ::PQclear(::PQexec(other, sql.c_str())); };
  run("BEGIN; SELECT * FROM " + at.schema + ".records FOR UPDATE");
  store::transaction changes;
  changes.replace(named("a"), revision_of(in, "a"), content("2"));
  const auto busy = in.commit(changes);
  BOOST_TEST(refusal(busy) == "store_busy");
  BOOST_TEST(contains(reason(busy), "55P03"), reason(busy));
  BOOST_TEST(text_of(in, "a") == "1");
  ::PQfinish(other);
  BOOST_TEST(refusal(in.commit(changes)) == "none");
}

BOOST_AUTO_TEST_CASE(a_statement_that_takes_too_long_is_busy_and_the_store_goes_on) {
  postgres_place at;
  auto options = at.options();
  options.statement_wait = std::chrono::milliseconds(200);
  auto in = at.open(options);
  create(in, "a", "1");
  ::PGconn* const other = ::PQconnectdb(at.uri.c_str());
  ::PQclear(::PQexec(other, ("BEGIN; LOCK TABLE " + at.schema + ".records").c_str()));
  BOOST_TEST(refusal(in.get(named("a"))) == "store_busy");
  store::transaction changes;
  changes.create(named("b"), content("1"));
  BOOST_TEST(refusal(in.commit(changes)) == "store_busy");
  ::PQfinish(other);
  BOOST_TEST(text_of(in, "a") == "1");
  BOOST_TEST(refusal(in.commit(changes)) == "none");
}

BOOST_AUTO_TEST_CASE(all_connections_taken_is_busy_after_the_wait) {
  postgres_place at;
  auto options = at.options();
  options.connections = 1;
  options.lock_wait = std::chrono::milliseconds(50);
  auto in = at.open(options);
  ::PGconn* const other = ::PQconnectdb(at.uri.c_str());
  ::PQclear(::PQexec(other, ("BEGIN; LOCK TABLE " + at.schema + ".records").c_str()));
  std::thread first([&] { static_cast<void>(in.list("")); });
  wait_until([&] { return at.sql("SELECT count(*) FROM pg_locks WHERE NOT granted") == "1"; },
             "the only connection waits");
  BOOST_TEST(reason(in.get(named("a"))) == "all connections are in use");
  ::PQfinish(other);
  first.join();
  BOOST_TEST(refusal(in.get(named("a"))) == "none");
}

BOOST_AUTO_TEST_CASE(a_commit_is_durable_whatever_the_default_is) {
  postgres_place at;
  auto in = at.open();
  const auto role = at.schema + "_lax";
  at.sql("CREATE ROLE " + role + " LOGIN SUPERUSER; ALTER ROLE " + role +
         " SET synchronous_commit = off");
  auto lax = postgres::open(shared_cluster().uri(role), at.options()).value();
  // What the setting is inside a commit, told by the database itself.
  at.sql("CREATE TABLE public.seen_" + at.schema + "(setting text); CREATE FUNCTION public.see_" +
         at.schema + "() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.seen_" +
         at.schema +
         " VALUES(current_setting(''synchronous_commit'')); RETURN NEW; END'; CREATE TRIGGER see "
         "BEFORE INSERT ON @records FOR EACH ROW EXECUTE FUNCTION public.see_" +
         at.schema + "()");
  create(lax, "a", "1");
  BOOST_TEST(at.sql("SELECT setting FROM public.seen_" + at.schema) == "on");
  at.sql("ALTER ROLE " + role + " SET synchronous_commit = remote_apply; TRUNCATE public.seen_" +
         at.schema);
  auto strict = [&] {
    auto trusting = at.options();
    at.sql("ALTER TABLE @records DISABLE TRIGGER see; DROP TRIGGER see ON @records");
    return postgres::open(shared_cluster().uri(role), trusting).value();
  }();
  at.sql("CREATE TRIGGER see BEFORE INSERT ON @records FOR EACH ROW EXECUTE FUNCTION public.see_" +
         at.schema + "()");
  create(strict, "b", "1");
  BOOST_TEST(at.sql("SELECT setting FROM public.seen_" + at.schema) == "remote_apply");
}

BOOST_AUTO_TEST_CASE(a_forked_child_uses_the_store_and_the_parents_connection_stays) {
  postgres_place at;
  auto in = at.open();
  create(in, "a", "1");
  const ::pid_t process = ::fork();
  BOOST_REQUIRE(process >= 0);
  if (process == 0) {
    store::transaction changes;
    changes.create(named("child"), content("c"));
    const bool good = in.commit(changes) && in.get(named("a")).value();
    { const auto gone = std::move(in); }
    ::_exit(good ? 0 : 1);
  }
  int status = -1;
  ::waitpid(process, &status, 0);
  BOOST_TEST(status == 0);
  BOOST_TEST(text_of(in, "child") == "c");
  create(in, "b", "2");
  BOOST_TEST(text_of(in, "b") == "2");
}

BOOST_AUTO_TEST_CASE(marks_of_writers_that_are_gone_are_forgotten) {
  postgres_place at;
  for (int i = 0; i < 3; ++i) {
    auto in = at.open();
    create(in, "r" + std::to_string(i), "x");
  }
  BOOST_TEST(at.sql("SELECT count(*) FROM @writers") == "3");
  at.sql("UPDATE @writers SET at = at - interval '2 days'");
  auto in = at.open();
  create(in, "last", "x");
  BOOST_TEST(at.sql("SELECT count(*) FROM @writers") == "1");
}

BOOST_AUTO_TEST_CASE(text_opens_a_postgres_store_and_records_are_copied_there_and_back) {
  postgres_place at;
  scratch folder;
  auto file = store::open_any_store((folder / "x.db").string()).value();
  auto server = store::open_any_store(at.uri, at.options()).value();
  BOOST_TEST(file.inner_kind() == "sqlite");
  BOOST_TEST(server.inner_kind() == "postgres");
  create(file, "a", "1");
  create(file, "db/b", std::string(300000, 'x'));
  BOOST_TEST(store::copy_records(file, server).value() == 2U);
  auto again = store::open_any_store((folder / "again.db").string()).value();
  BOOST_TEST(store::copy_records(server, again).value() == 2U);
  BOOST_TEST(text_of(again, "db/b") == std::string(300000, 'x'));
  BOOST_TEST(refusal(store::open_any_store("nowhere")) == "invalid_argument");
}

BOOST_AUTO_TEST_CASE(a_program_without_postgres_does_not_repeat_the_password) {
  const auto made = store::open_store("postgresql://u:hunter2@h/x");
  BOOST_TEST(refusal(made) == "invalid_argument");
  BOOST_TEST(!contains(made.error().message(), "hunter2"), made.error().message());
}

BOOST_AUTO_TEST_CASE(a_thousand_records_are_listed) {
  postgres_place at;
  auto in = at.open();
  at.sql(
      "INSERT INTO @records SELECT 'db/d' || n, nextval('@revisions'), 'x' FROM "
      "generate_series(1, 1000) n");
  BOOST_TEST(names_in(in, "db/").size() == 1000U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace postgres_test
}  // namespace keywarden::testing
