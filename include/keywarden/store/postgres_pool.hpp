/// @file
/// A few connections to one PostgreSQL database, lent to threads and replaced when they are lost.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <keywarden/core/fork.hpp>
#include <keywarden/core/random.hpp>
#include <keywarden/store/postgres_connection.hpp>

namespace keywarden::store {

/// How a PostgreSQL store behaves. All times are bounds: whatever is not done by then is refused.
struct postgres_options {
  /// The PostgreSQL schema of the tables: 1 to 48 of a-z, 0-9 and _, beginning with a letter.
  std::string schema{"keywarden"};
  /// How many threads may talk to the server at once, each over a connection of its own (1 to 64).
  std::size_t connections = 4;
  /// For connecting to one server of the list; `connect_timeout` in the string is stronger.
  std::chrono::milliseconds connect_wait{5000};
  /// For a connection of the pool, and for rows that another writer is changing; then `store_busy`.
  std::chrono::milliseconds lock_wait{5000};
  /// For the answer to one statement; then `store_busy`.
  std::chrono::milliseconds statement_wait{30000};
  /// For a server that is gone to come back (or another of the list to take its place), and for the
  /// outcome of a commit whose connection was lost; then `io_failed`.
  std::chrono::milliseconds retry_for{15000};
  /// Where `watch` connects to; empty for where the store does. Needed when that is a connection
  /// pooler, which forgets who listens. Read while the store is opened.
  std::string_view watch_at{};
};

namespace detail {

/// A place for a connection, and who its transactions say they are from.
struct postgres_slot {
  static constexpr std::size_t writer_size = 16;
  std::array<std::uint8_t, writer_size> writer{};
  bool writer_is_known = false;  ///< to the server
  std::size_t server = 0;        ///< which of the list was connected to last
  std::optional<postgres_connection> connection;
  bool taken = false;
};

/// The connections. Threads: any number at once.
class postgres_pool {
 public:
  /// Errors: `invalid_argument` for options out of their range; those of the random source.
  [[nodiscard]] static result<std::unique_ptr<postgres_pool>> make(postgres_address address,
                                                                   postgres_options options) {
    const auto positive = [](std::chrono::milliseconds wait) {
      return wait > std::chrono::milliseconds::zero() && wait <= std::chrono::hours(24);
    };
    if (options.connections < 1 || options.connections > 64 || !positive(options.connect_wait) ||
        !positive(options.lock_wait) || !positive(options.statement_wait) ||
        !positive(options.retry_for))
      return error(errc::invalid_argument)
          .with(fact::kind, "postgres_options")
          .with(fact::next_step, "1 to 64 connections; waits above zero, up to a day");
    if (const auto told = address.connect_wait()) options.connect_wait = *told;
    std::unique_ptr<postgres_pool> made(new postgres_pool(std::move(address), std::move(options)));
    if (auto named = made->name_writers(); !named) return named.error();
    return made;
  }

  [[nodiscard]] const postgres_address& address() const noexcept { return address_; }
  [[nodiscard]] const postgres_options& options() const noexcept { return options_; }
  /// When a statement that is sent now must have been answered.
  [[nodiscard]] postgres_clock::time_point statement_deadline() const {
    return postgres_clock::now() + options_.statement_wait;
  }

  /// Runs `work(slot)`, which gives a `postgres_attempt`, over a connection of the pool; again, for
  /// as long as `postgres_options::retry_for`, where its failure says that this may help. With
  /// `once`, a server that cannot be reached is not waited for.
  ///
  /// Errors: `store_busy` when all connections stay taken for `lock_wait`; the last failure's.
  template <class Work>
  auto run(Work&& work, bool once = false)
      -> result<typename std::invoke_result_t<Work, postgres_slot&>::value_type> {
    auto taken = take();
    if (!taken) return taken.error();
    const std::unique_ptr<postgres_slot, give_back> held(*taken, give_back{this});
    auto& slot = *held;
    const auto deadline = postgres_clock::now() + options_.retry_for;
    for (auto pause = std::chrono::milliseconds(0);; pause = longer(pause)) {
      auto failed = connect(slot, deadline);
      if (failed) {
        if (once && failed->how == remedy::reconnect) failed->how = remedy::none;
      } else {
        auto tried = work(slot);
        tidy(slot);
        if constexpr (std::is_void_v<typename decltype(tried)::value_type>) {
          if (tried) return done();
        } else {
          if (tried) return std::move(*tried);
        }
        failed = tried.error();
      }
      if (failed->how == remedy::none || postgres_clock::now() + pause >= deadline)
        return std::move(failed->what);
      std::this_thread::sleep_for(pause);
    }
  }

  /// Connects a slot that has no connection, to the first server of the list that takes writes,
  /// beginning with the one it had. Nothing, or why not.
  [[nodiscard]] std::optional<postgres_failure> connect(postgres_slot& slot,
                                                        postgres_clock::time_point deadline) {
    if (slot.connection && !slot.connection->is_lost()) return std::nullopt;
    slot.connection.reset();
    const auto& servers = address_.servers();
    std::optional<postgres_failure> failed;
    for (std::size_t i = 0; i < servers.size(); ++i) {
      const auto which = (slot.server + i) % servers.size();
      auto opened = postgres_connection::open(
          servers[which], std::min(deadline, postgres_clock::now() + options_.connect_wait));
      if (opened) {
        slot.server = which;
        slot.connection = std::move(*opened);
        return std::nullopt;
      }
      auto why = opened.error();
      if (!failed) {
        failed = std::move(why);
      } else {
        failed->how = std::max(failed->how, why.how);  // one that may come back is worth a wait
        failed->what = std::move(failed->what).because(std::move(why.what));
      }
    }
    return failed;
  }

  /// The pause after one of this length, before the same is tried again.
  [[nodiscard]] static std::chrono::milliseconds longer(std::chrono::milliseconds pause) {
    return std::min(pause * 2 + std::chrono::milliseconds(5), std::chrono::milliseconds(250));
  }

 private:
  struct give_back {
    postgres_pool* to;
    void operator()(postgres_slot* slot) const noexcept {
      {
        const std::scoped_lock held(to->guard_);
        slot->taken = false;
      }
      to->given_back_.notify_one();
    }
  };

  postgres_pool(postgres_address address, postgres_options options)
      : address_(std::move(address)), options_(std::move(options)), slots_(options_.connections) {}

  /// A child after `fork` starts with connections, and names, of its own.
  [[nodiscard]] result<void> name_writers() {
    for (auto& each : slots_) {
      each.connection.reset();
      each.taken = false;
      each.writer_is_known = false;
      if (auto filled = system_random::fill(each.writer); !filled) return filled;
    }
    process_.adopt();
    return done();
  }

  [[nodiscard]] result<postgres_slot*> take() {
    std::unique_lock held(guard_);
    if (process_.forked())
      if (auto named = name_writers(); !named) return named.error();
    postgres_slot* free = nullptr;
    const auto found = [&] {
      for (auto& each : slots_)
        if (!each.taken && (free == nullptr || each.connection)) free = &each;
      return free != nullptr;
    };
    if (!given_back_.wait_for(held, options_.lock_wait, found))
      return error(errc::store_busy)
          .with(fact::peer, address_.shown())
          .with(fact::reason, "all connections are in use")
          .with(fact::limit, options_.connections)
          .with(fact::next_step, "raise postgres_options::connections");
    free->taken = true;
    return free;
  }

  /// Leaves no transaction open behind a failure.
  void tidy(postgres_slot& slot) {
    if (!slot.connection) return;
    if (!slot.connection->is_lost() && slot.connection->in_transaction())
      static_cast<void>(slot.connection->ask("ROLLBACK", "roll back", statement_deadline()));
    if (slot.connection->is_lost()) slot.connection.reset();
  }

  postgres_address address_;
  postgres_options options_;
  std::mutex guard_;
  std::condition_variable given_back_;
  std::vector<postgres_slot> slots_;
  fork_guard process_;
};

}  // namespace detail

}  // namespace keywarden::store
