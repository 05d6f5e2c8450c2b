/// @file
/// Records in a PostgreSQL database: for many servers that share one set of keys.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/store/concepts.hpp>
#include <keywarden/store/postgres_address.hpp>
#include <keywarden/store/postgres_commit.hpp>
#include <keywarden/store/postgres_pool.hpp>
#include <keywarden/store/postgres_schema.hpp>
#include <keywarden/store/postgres_watch.hpp>
#include <keywarden/store/rules.hpp>

namespace keywarden::store {

/// A record store in a PostgreSQL database (15 or later), in a schema of its own. Satisfies
/// `record_store` and `watched_store`. `postgres` is the one to use.
///
/// `Channel` says what protects connections over TCP: `verified_tls`, which refuses connection
/// strings that ask for less, or the named weakening `unencrypted_on_loopback`. Unix-domain sockets
/// need neither.
///
/// Protects against: lost updates between threads, processes and servers, a kill, a restart or a
/// fail-over at any instant (before or after, never between), commits that are acknowledged and not
/// durable (`synchronous_commit` is on, whatever the server's default), other programs' tables and
/// altered ones, passwords in errors. Revisions never repeat, also after a record was erased and
/// made anew. Lists of servers lead to the one that takes writes.
///
/// Does not protect against: whoever may write the database (records are sealed before they come
/// here, and go back to an older state unnoticed); the loss of a primary whose standby is
/// asynchronous, which takes the last commits, and the revisions given to them, with it.
///
/// A commit whose connection was lost is settled exactly: retried if it did not happen, reported as
/// success if it did. Where nobody can tell (a standby took over that does not have it; the server
/// does not come back in time) the error says that the outcome is unknown.
///
/// Works through PgBouncer in transaction pooling mode; `watch` then needs
/// `postgres_options::watch_at`.
///
/// Ownership: move-only; holds up to `postgres_options::connections` connections. A moved-from
/// object may only be assigned to or destroyed.
///
/// Threads: one object may be used from several threads. A child after `fork` makes connections of
/// its own, provided that no other thread was using the object while the process forked.
///
/// Errors of every function: `store_busy` after the waits of `postgres_options`, `io_failed` after
/// `retry_for` (sooner where waiting cannot help), `store_corrupt`, each with `fact::peer`,
/// `fact::operation` and `fact::reason`.
template <postgres_channel Channel>
class basic_postgres {
 public:
  static constexpr std::string_view kind = "postgres";
  /// The most names that `list` gives: whoever else writes the database does not fill this memory.
  static constexpr std::size_t max_listed = 65536;
  /// What `watch` gives.
  using watch_type = postgres_watch;

  /// Opens the store that `address`, a libpq connection string or URI such as
  /// `postgresql://user@host/database`, leads to, and makes its tables if there are none.
  ///
  /// A server that cannot be reached is not waited for, one that says it is starting is. Making the
  /// tables needs the right to create a schema (or tables in an empty one); using them only the
  /// rights that docs/postgresql.md lists.
  ///
  /// Errors: those above; `weaker_than_required` for an `sslmode` below the channel's;
  /// `invalid_argument` for connection strings and options that cannot be used; `store_corrupt` for
  /// another program's tables in the schema; `unsupported_version` for a later format and for a
  /// server before 15.
  [[nodiscard]] static result<basic_postgres> open(std::string_view address,
                                                   const postgres_options& options = {}) {
    auto schema = detail::postgres_schema::named(options.schema);
    if (!schema) return schema.error();
    auto where = detail::postgres_address::parse<Channel>(address);
    if (!where) return where.error();
    auto watch_at = options.watch_at.empty()
                        ? where
                        : detail::postgres_address::parse<Channel>(options.watch_at);
    if (!watch_at) return watch_at.error();
    auto kept = options;
    kept.watch_at = {};
    auto pool = detail::postgres_pool::make(std::move(*where), std::move(kept));
    if (!pool) return pool.error();
    auto made = std::make_unique<place>(std::move(*pool), std::move(*schema), std::move(*watch_at));
    auto ready = made->pool->run(
        [&](detail::postgres_slot& slot) {
          return made->schema.prepare(*slot.connection, made->pool->options().lock_wait,
                                      made->pool->statement_deadline());
        },
        true);
    if (!ready) return ready.error();
    return basic_postgres(std::move(made));
  }

  /// The record as last committed, or nothing. Errors: also `limit_exceeded` for a record above
  /// `max_record_size`.
  [[nodiscard]] result<std::optional<stored_record>> get(const record_name& name) const {
    return place_->pool->run(
        [&](detail::postgres_slot& slot) { return read(*slot.connection, name); });
  }

  /// The names that start with `prefix`, sorted. Errors: also `store_corrupt` for a row whose name
  /// is none; `limit_exceeded` for more than `max_listed`.
  [[nodiscard]] result<std::vector<record_name>> list(std::string_view prefix) const {
    const bool possible =
        std::ranges::all_of(prefix, [](char each) { return each > ' ' && each < '\x7f'; });
    if (!possible) return std::vector<record_name>();
    return place_->pool->run(
        [&](detail::postgres_slot& slot) { return names(*slot.connection, prefix); });
  }

  /// All changes, or none. Success is durable. Errors: those of the concept; `io_failed` whose
  /// reason is that the outcome is unknown is the only one after which anything may have changed.
  [[nodiscard]] result<void> commit(const transaction& changes) {
    if (auto sound = detail::check(changes); !sound) return sound;
    if (changes.changes().empty()) return done();
    // In the order of their names, so that no two writers wait for each other.
    std::vector<const change*> sorted;
    for (const auto& each : changes.changes()) sorted.push_back(&each);
    std::ranges::sort(sorted, {},
                      [](const change* each) { return std::string_view(each->name.text()); });
    return place_->pool->run([&](detail::postgres_slot& slot) {
      return detail::postgres_commit(*place_->pool, place_->commit_sql, sorted).run(slot);
    });
  }

  /// Tells when something is committed, over a connection of its own. Errors: as
  /// `postgres_watch::open`.
  [[nodiscard]] result<postgres_watch> watch() const {
    return postgres_watch::open(place_->watch_at, place_->schema.channel(),
                                place_->pool->options().connect_wait);
  }

 private:
  struct place {
    place(std::unique_ptr<detail::postgres_pool> connections, detail::postgres_schema named,
          detail::postgres_address watched)
        : pool(std::move(connections)),
          schema(std::move(named)),
          watch_at(std::move(watched)),
          commit_sql(schema, pool->options()),
          select(schema.sql("SELECT revision, octet_length(data), CASE WHEN octet_length(data) <= "
                            "$2 THEN data END FROM @records WHERE name = $1")),
          // One more than `max_listed`, to notice that there are more.
          range(schema.sql("SELECT left(name, 256) FROM @records WHERE name >= $1 AND name < $2"
                           " ORDER BY name LIMIT 65537")) {}

    std::unique_ptr<detail::postgres_pool> pool;
    detail::postgres_schema schema;
    detail::postgres_address watch_at;
    detail::postgres_commit_sql commit_sql;
    std::string select, range;
  };

  explicit basic_postgres(std::unique_ptr<place> made) noexcept : place_(std::move(made)) {}

  [[nodiscard]] detail::postgres_attempt<std::optional<stored_record>> read(
      detail::postgres_connection& at, const record_name& name) const {
    detail::postgres_values values;
    values.add(std::string_view(name.text())).add(std::uint64_t{max_record_size});
    auto found = at.ask(place_->select.c_str(), values, "read", place_->pool->statement_deadline());
    if (!found) return found.error();
    if (found->rows() == 0) return std::optional<stored_record>();
    if (found->is_null(0, 2))
      return detail::postgres_failure{error(errc::limit_exceeded)
                                          .with(fact::peer, at.shown())
                                          .with(fact::name, name.text())
                                          .with(fact::limit, max_record_size)
                                          .with(fact::actual, found->integer(0, 1))};
    return std::optional<stored_record>(
        {to_bytes(found->blob(0, 2)), store::revision(found->integer(0, 0))});
  }

  [[nodiscard]] detail::postgres_attempt<std::vector<record_name>> names(
      detail::postgres_connection& at, std::string_view prefix) const {
    const auto beyond = std::string(prefix) + '\x7f';  // after every character a name can have
    detail::postgres_values values;
    values.add(prefix).add(std::string_view(beyond));
    auto found = at.ask(place_->range.c_str(), values, "list", place_->pool->statement_deadline());
    if (!found) return found.error();
    if (std::cmp_greater(found->rows(), max_listed))
      return detail::postgres_failure{error(errc::limit_exceeded)
                                          .with(fact::peer, at.shown())
                                          .with(fact::operation, "list")
                                          .with(fact::limit, max_listed)};
    std::vector<record_name> all;
    all.reserve(static_cast<std::size_t>(found->rows()));
    for (int row = 0; row < found->rows(); ++row) {
      auto name = record_name::parse(found->text(row, 0));
      if (!name)
        return detail::postgres_failure{error(errc::store_corrupt)
                                            .with(fact::peer, at.shown())
                                            .with(fact::operation, "list")
                                            .with(fact::reason, "not the name of a record")};
      all.push_back(std::move(*name));
    }
    return all;
  }

  std::unique_ptr<place> place_;
};

/// A PostgreSQL store that is reached over verified TLS or a Unix-domain socket.
using postgres = basic_postgres<verified_tls>;

static_assert(watched_store<postgres>);

}  // namespace keywarden::store
