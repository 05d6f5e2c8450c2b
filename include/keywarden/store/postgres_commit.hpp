/// @file
/// One commit to PostgreSQL: all changes in one transaction, and an exact answer when the
/// connection is lost while it ends.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/store/concepts.hpp>
#include <keywarden/store/postgres_pool.hpp>
#include <keywarden/store/postgres_schema.hpp>
#include <keywarden/store/rules.hpp>

namespace keywarden::store::detail {

/// The SQL of commits in one schema. Only unnamed statements and settings that end with the
/// transaction, so that a pooler may give each transaction to another session.
struct postgres_commit_sql {
  postgres_commit_sql(const postgres_schema& schema, const postgres_options& options)
      : settings(
            schema.sql(set("lock_timeout", std::to_string(options.lock_wait.count())) +
                       set("statement_timeout", std::to_string(options.statement_wait.count())) +
                       set("idle_in_transaction_session_timeout",
                           std::to_string(options.statement_wait.count())) +
                       set("search_path", "") +
                       // remote_apply is stronger than what is needed: not to be undone
                       "pg_catalog.set_config('synchronous_commit', CASE pg_catalog."
                       "current_setting('synchronous_commit') WHEN 'remote_apply' THEN "
                       "'remote_apply' ELSE 'on' END, true), pg_catalog.nextval('@revisions'),"
                       " pg_catalog.pg_current_xact_id()::text, " +
                       std::string(history))),
        insert(schema.sql("INSERT INTO @records(name, revision, data) VALUES($1, $2, $3)"
                          " ON CONFLICT DO NOTHING")),
        update(schema.sql("UPDATE @records SET revision = $2, data = $3"
                          " WHERE name = $1 AND revision = $4")),
        erase(schema.sql("DELETE FROM @records WHERE name = $1 AND revision = $2")),
        // The commit's own mark; what waits for a standby must not be cut short by a timeout.
        mark(schema.sql("WITH mark AS (INSERT INTO @writers(id, last_revision, at)"
                        " VALUES($1, $2, pg_catalog.now()) ON CONFLICT (id) DO UPDATE"
                        " SET last_revision = excluded.last_revision, at = excluded.at)"
                        " SELECT pg_catalog.pg_notify('" +
                        schema.channel() +
                        "', ''), pg_catalog.set_config('statement_timeout', '0', true)")),
        forget(schema.sql("DELETE FROM @writers WHERE id IN (SELECT id FROM @writers WHERE"
                          " at < pg_catalog.now() - interval '1 day' FOR UPDATE SKIP LOCKED)")),
        status("SELECT pg_catalog.pg_xact_status($1::text::xid8), " + std::string(history)),
        last(schema.sql("SELECT (SELECT last_revision FROM @writers WHERE id = $1), " +
                        std::string(history))) {}

  std::string settings, insert, update, erase, mark, forget, status, last;

 private:
  // Which cluster this is, and which of its histories: a standby that takes over begins a new one,
  // in which numbers of transactions mean something else.
  static constexpr std::string_view history =
      "(SELECT system_identifier FROM pg_catalog.pg_control_system())::text || '/' ||"
      " pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 1, "
      "8)";

  [[nodiscard]] static std::string set(std::string_view name, const std::string& value) {
    return (name == "lock_timeout" ? "SELECT pg_catalog.set_config('" : "pg_catalog.set_config('") +
           std::string(name) + "', '" + value + "', true), ";
  }
};

/// A commit. Made for one slot of the pool, used once.
///
/// How a lost connection is settled: the transaction leaves the mark (writer, revision), which no
/// other transaction can leave. Once PostgreSQL says that the transaction is over
/// (`pg_xact_status`), the mark is there if and only if it was committed; its number alone would
/// not do, since a server that crashes gives the numbers of what it lost to others.
class postgres_commit {
 public:
  postgres_commit(postgres_pool& pool, const postgres_commit_sql& sql,
                  const std::vector<const change*>& changes) noexcept
      : pool_(pool), sql_(sql), changes_(changes) {}

  /// Failures: as `record_store::commit`; `remedy::again` when nothing happened for sure.
  [[nodiscard]] postgres_attempt<void> run(postgres_slot& slot) {
    if (auto written = write(slot); !written) return written;
    auto ended = ask(slot, "COMMIT", postgres_values(), "commit");
    if (ended && ended->command() == "COMMIT") {
      slot.writer_is_known = true;
      return {};
    }
    if (ended)
      return postgres_failure{about(errc::io_failed).with(fact::reason, "it was rolled back")};
    if (!slot.connection->is_lost()) return ended.error();  // refused, so rolled back
    return settle(slot, std::move(ended.error().what));
  }

 private:
  [[nodiscard]] postgres_attempt<postgres_answer> ask(postgres_slot& slot, const std::string& sql,
                                                      const postgres_values& values,
                                                      std::string_view operation) const {
    return slot.connection->ask(sql.c_str(), values, operation, pool_.statement_deadline());
  }
  [[nodiscard]] error about(errc what) const {
    return error(what).with(fact::peer, pool_.address().shown()).with(fact::operation, "commit");
  }

  /// Everything before COMMIT.
  [[nodiscard]] postgres_attempt<void> write(postgres_slot& slot) {
    auto begun =
        ask(slot, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", postgres_values(), "begin");
    if (!begun) return begun.error();
    auto set = ask(slot, sql_.settings, postgres_values(), "begin");
    if (!set) return set.error();
    revision_ = set->integer(0, 5);
    number_ = set->text(0, 6);
    history_ = set->text(0, 7);
    for (const auto* each : changes_) {
      postgres_values values;
      values.add(std::string_view(each->name.text()));
      if (each->data) values.add(revision_).add(bytes_view(*each->data));
      if (each->expected) values.add(each->expected->value());
      const auto& sql = !each->data ? sql_.erase : !each->expected ? sql_.insert : sql_.update;
      auto written = ask(slot, sql, values, "write");
      if (!written) return written.error();
      if (written->changed() != "1") return postgres_failure{conflict(each->name)};
    }
    postgres_values values;
    values.add(bytes_view(slot.writer)).add(revision_);
    if (!slot.writer_is_known)
      if (auto forgot = ask(slot, sql_.forget, postgres_values(), "write"); !forgot)
        return forgot.error();
    auto marked = ask(slot, sql_.mark, values, "write");
    if (!marked) return marked.error();
    return {};
  }

  /// Success if the transaction was committed, `remedy::again` if not, and a refusal that says so
  /// where nobody can tell.
  [[nodiscard]] postgres_attempt<void> settle(postgres_slot& slot, error cause) {
    const auto deadline = postgres_clock::now() + pool_.options().retry_for;
    for (auto pause = std::chrono::milliseconds(0); postgres_clock::now() < deadline;
         pause = postgres_pool::longer(pause)) {
      std::this_thread::sleep_for(pause);
      if (auto failed = pool_.connect(slot, deadline)) {
        if (failed->how == remedy::none) return unknown(std::move(failed->what));
        continue;
      }
      const auto over = is_over(slot);
      if (!over && over.error().how == remedy::none) return unknown(over.error().what);
      if (!over || !*over) continue;
      postgres_values values;
      values.add(bytes_view(slot.writer));
      auto found = ask(slot, sql_.last, values, "settle");
      if (!found) continue;
      if (!found->is_null(0, 0) && found->integer(0, 0) == revision_) {
        slot.writer_is_known = true;
        return {};
      }
      if (found->text(0, 1) != history_) return unknown(std::move(cause));
      return postgres_failure{std::move(cause), remedy::again};
    }
    return unknown(std::move(cause));
  }

  /// Whether the transaction has ended, one way or the other. In another history it has.
  [[nodiscard]] postgres_attempt<bool> is_over(postgres_slot& slot) {
    postgres_values values;
    values.add(std::string_view(number_));
    auto asked = ask(slot, sql_.status, values, "settle");
    if (!asked) {
      // After a crash the number may be one that the server has yet to give.
      if (asked.error().what == errc::store_corrupt) return true;
      return asked.error();
    }
    return asked->text(0, 1) != history_ || asked->text(0, 0) != "in progress";
  }

  [[nodiscard]] postgres_failure unknown(error cause) const {
    return {about(errc::io_failed)
                .with(fact::reason, "the outcome of the commit is unknown")
                .with(fact::next_step, "read the records again: get tells what took effect")
                .because(std::move(cause))};
  }

  postgres_pool& pool_;
  const postgres_commit_sql& sql_;
  const std::vector<const change*>& changes_;
  std::uint64_t revision_ = 0;
  std::string number_;   // of the transaction
  std::string history_;  // that the number belongs to
};

}  // namespace keywarden::store::detail
