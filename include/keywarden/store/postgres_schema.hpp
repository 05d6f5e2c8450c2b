/// @file
/// The tables of a PostgreSQL store: their SQL, how they are made, and how they are recognised.
#pragma once

#include <string>
#include <string_view>

#include <keywarden/store/concepts.hpp>
#include <keywarden/store/postgres_connection.hpp>

namespace keywarden::store::detail {

/// The tables and statements of one schema. Its name is part of the SQL text, so it is checked
/// strictly.
class postgres_schema {
 public:
  static constexpr std::uint64_t format_version = 1;
  static constexpr std::size_t max_name = 48;

  /// Errors: `invalid_argument` with `fact::name` for anything but 1 to 48 of a-z, 0-9 and _,
  /// beginning with a letter, and for names that PostgreSQL keeps for itself (pg_…).
  [[nodiscard]] static result<postgres_schema> named(std::string_view name) {
    const bool sound =
        !name.empty() && name.size() <= max_name && name.front() >= 'a' && name.front() <= 'z' &&
        name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos &&
        !name.starts_with("pg_") && name != "information_schema";
    if (!sound)
      return error(errc::invalid_argument)
          .with(fact::name, name)
          .with(fact::kind, "PostgreSQL schema")
          .with(fact::next_step, "use 1 to 48 of a-z 0-9 _, a letter first, not pg_");
    return postgres_schema(std::string(name));
  }

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// What every commit notifies.
  [[nodiscard]] std::string channel() const { return name_ + "_commits"; }
  /// An SQL text for this schema: each @ is its name with a dot.
  [[nodiscard]] std::string sql(std::string_view pattern) const {
    std::string text;
    for (const char each : pattern)
      each == '@' ? void(text.append(1, '"').append(name_).append("\"."))
                  : void(text.append(1, each));
    return text;
  }

  /// Makes the tables where there are none, one opener at a time, and refuses what is not this
  /// version of them. Without rights to make anything, an existing store is recognised all the
  /// same.
  ///
  /// Failures: `store_corrupt` for other tables and altered ones, `unsupported_version`; those of
  /// the connection.
  [[nodiscard]] postgres_attempt<void> prepare(postgres_connection& at,
                                               std::chrono::milliseconds lock_wait,
                                               postgres_clock::time_point deadline) const {
    auto found = look(at, deadline);
    if (!found) return found.error();
    if (*found == state::ready) return check_version(at, deadline);
    const auto run = [&](const std::string& text) {
      return at.ask(text.c_str(), "make the schema", deadline);
    };
    for (const auto& each :
         {std::string("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"),
          "SET LOCAL lock_timeout = " + std::to_string(lock_wait.count()),
          std::string("SET LOCAL search_path = ''"),
          "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('keywarden " +
              name_ + "', 0))"})
      if (auto ran = run(each); !ran) return ran.error();
    found = look(at, deadline);  // somebody else may have been first
    if (!found) return found.error();
    if (*found != state::ready) {
      if (*found == state::nothing)
        if (auto made = run("CREATE SCHEMA \"" + name_ + '"'); !made) return made.error();
      for (const auto& each : creation)
        if (auto made = run(sql(each)); !made) return made.error();
    }
    if (auto kept = run("COMMIT"); !kept) return kept.error();
    return check_version(at, deadline);
  }

 private:
  enum class state : std::uint8_t { nothing, empty, ready };

  static constexpr std::array<std::string_view, 6> creation{
      "CREATE TABLE @records(name text COLLATE \"C\" PRIMARY KEY"
      " CHECK(octet_length(name) BETWEEN 1 AND 255), revision bigint NOT NULL,"
      " data bytea NOT NULL CHECK(octet_length(data) <= 16777216))",
      "ALTER TABLE @records ALTER COLUMN data SET STORAGE EXTERNAL",  // what is sealed is random
      "CREATE TABLE @writers(id bytea PRIMARY KEY, last_revision bigint NOT NULL,"
      " at timestamptz NOT NULL)",
      "CREATE SEQUENCE @revisions AS bigint NO CYCLE",
      "CREATE TABLE @format(application text PRIMARY KEY, version bigint NOT NULL)",
      "INSERT INTO @format VALUES('keywarden record store', 1)"};

  // Kind, permanence, and whether anything happens beside what is asked for (triggers, rules, row
  // security); then every column.
  static constexpr std::string_view expected_format =
      "format rpff: application text!, version bigint!; ";
  static constexpr std::string_view expected_others =
      "records rpff: name text!, revision bigint!, data bytea!; "
      "revisions Spff; "
      "writers rpff: id bytea!, last_revision bigint!, at timestamp with time zone!; ";
  static constexpr std::string_view tables =
      "SELECT coalesce(string_agg(t.said, '' ORDER BY t.name), '') FROM (SELECT c.relname::text"
      " COLLATE \"C\" AS name, c.relname::text || ' ' || c.relkind::text || c.relpersistence::text"
      " || left((EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = c.oid)"
      " OR EXISTS (SELECT FROM pg_catalog.pg_rewrite WHERE ev_class = c.oid))::text, 1)"
      " || left(c.relrowsecurity::text, 1) || CASE WHEN c.relkind = 'S' THEN '' ELSE ': '"
      " || (SELECT coalesce(string_agg(a.attname::text || ' ' || format_type(a.atttypid, "
      "a.atttypmod)"
      " || CASE WHEN a.attnotnull THEN '!' ELSE '' END, ', ' ORDER BY a.attnum), '')"
      " FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0"
      " AND NOT a.attisdropped) END || '; ' AS said"
      " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
      " WHERE n.nspname = $1 AND c.relkind <> 'i') t"
      " HAVING EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1)";

  explicit postgres_schema(std::string name) : name_(std::move(name)) {}

  [[nodiscard]] error about(const postgres_connection& at, errc what) const {
    return error(what).with(fact::peer, at.shown()).with(fact::name, name_);
  }

  /// Compares the catalogue, which every role may read, with what a store has.
  [[nodiscard]] postgres_attempt<state> look(postgres_connection& at,
                                             postgres_clock::time_point deadline) const {
    postgres_values values;
    values.add(std::string_view(name_));
    auto found = at.ask(tables.data(), values, "recognise", deadline);
    if (!found) return found.error();
    if (found->rows() == 0) return state::nothing;
    const auto said = found->text(0, 0);
    if (said.empty()) return state::empty;
    if (said == std::string(expected_format).append(expected_others)) return state::ready;
    // A later version may have other tables, but says so in the same place.
    if (said.find(expected_format) != std::string_view::npos)
      if (auto version = check_version(at, deadline); !version) return version.error();
    return postgres_failure{
        about(at, errc::store_corrupt)
            .with(fact::reason, said.find(expected_format) == std::string_view::npos
                                    ? "another program's tables"
                                    : "the schema was altered")
            .with(fact::next_step, "name another schema: postgres_options::schema")};
  }

  [[nodiscard]] postgres_attempt<void> check_version(postgres_connection& at,
                                                     postgres_clock::time_point deadline) const {
    const auto text =
        sql("SELECT version FROM @format WHERE application = 'keywarden record store'");
    auto found = at.ask(text.c_str(), "recognise", deadline);
    if (!found) return found.error();
    if (found->rows() != 1)
      return postgres_failure{
          about(at, errc::store_corrupt).with(fact::reason, "another program's tables")};
    const auto version = found->integer(0, 0);
    if (version == format_version) return {};
    return postgres_failure{
        about(at, version > format_version ? errc::unsupported_version : errc::store_corrupt)
            .with(fact::version, version)};
  }

  std::string name_;
};

}  // namespace keywarden::store::detail
