/// @file
/// Waiting for commits to a PostgreSQL store, of this program or any other.
#pragma once

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include <keywarden/store/concepts.hpp>
#include <keywarden/store/postgres_connection.hpp>

namespace keywarden::store {

/// Tells when something was committed to a `basic_postgres` store. Satisfies `store_watch`.
///
/// Has a connection of its own, made anew when it is lost (after 0.1 s at first, then twice as
/// long, up to 5 s). Every commit that returned after the watch was made is told, several perhaps
/// at once, and after a lost connection one may be told that never was: read again what matters.
///
/// Does not protect against: a database role that notifies without committing anything.
///
/// Ownership: move-only. A moved-from object may only be assigned to or destroyed. Threads: one at
/// a time; a stop may be requested from any. Not in a child after `fork`.
class postgres_watch {
 public:
  /// Waits until something was committed (true), or until `timeout` or a stop (false). Making a
  /// lost connection anew may take `postgres_options::connect_wait` longer, but never delays a
  /// stop (other than by a look-up of the server's name).
  ///
  /// Errors: `io_failed` with `fact::peer` and the reason when the connection could not be made
  /// anew by then, the next wait goes on trying; at once when that cannot help, such as for a role
  /// that was dropped. `invalid_argument` for a pooler, as `open`.
  [[nodiscard]] result<bool> wait(std::chrono::milliseconds timeout,
                                  const std::stop_token& stop = {}) {
    const auto now = detail::postgres_clock::now();
    const auto deadline = now + std::clamp<std::chrono::milliseconds>(
                                    timeout, std::chrono::milliseconds(0), std::chrono::hours(24));
    forget_stop();
    const std::stop_callback wake(stop, [descriptor = wake_.get()] {
      const std::uint64_t one = 1;
      static_cast<void>(!::write(descriptor, &one, sizeof(one)));
    });
    while (!stop.stop_requested()) {
      if (!connection_) {
        if (auto renewed = renew(deadline); !renewed) return renewed.error();
        if (connection_) return true;  // what was notified meanwhile is lost
        continue;
      }
      if (::PQconsumeInput(connection_->get()) == 0 || connection_->is_lost()) {
        connection_.reset();
        continue;
      }
      if (take_notifications()) return true;
      if (connection_->wait(POLLIN, deadline, wake_.get()) ==
          detail::postgres_connection::waited::expired)
        return false;
    }
    return false;
  }

  /// Used by `basic_postgres::watch`. Errors: `io_failed`; `invalid_argument` when the server at
  /// the other end is not the one that is spoken to (a pooler, which forgets who listens).
  [[nodiscard]] static result<postgres_watch> open(detail::postgres_address address,
                                                   const std::string& channel,
                                                   std::chrono::milliseconds connect_wait) {
    postgres_watch made(std::move(address), "LISTEN \"" + channel + '"', connect_wait);
    if (made.wake_.get() < 0) return error(errc::io_failed).with(fact::operation, "eventfd");
    if (auto failed = made.connect()) return std::move(failed->what);
    return made;
  }

 private:
  class descriptor {
   public:
    explicit descriptor(int number) noexcept : number_(number) {}
    descriptor(descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    descriptor& operator=(descriptor&& other) noexcept {
      std::swap(number_, other.number_);
      return *this;
    }
    ~descriptor() {
      if (number_ >= 0) ::close(number_);
    }
    [[nodiscard]] int get() const noexcept { return number_; }

   private:
    int number_;
  };

  static constexpr std::chrono::milliseconds first_pause{100};
  static constexpr std::chrono::milliseconds longest_pause{5000};

  postgres_watch(detail::postgres_address address, std::string listen,
                 std::chrono::milliseconds connect_wait)
      : address_(std::move(address)),
        listen_(std::move(listen)),
        connect_wait_(address_.connect_wait().value_or(connect_wait)),
        wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  void forget_stop() const noexcept {
    std::uint64_t count = 0;
    static_cast<void>(!::read(wake_.get(), &count, sizeof(count)));
  }

  [[nodiscard]] bool take_notifications() {
    bool told_any = false;
    while (auto* const told = ::PQnotifies(connection_->get())) {
      ::PQfreemem(told);
      told_any = true;
    }
    return told_any;
  }

  /// One round over the servers. Nothing, or why not.
  [[nodiscard]] std::optional<detail::postgres_failure> connect() {
    std::optional<detail::postgres_failure> failed;
    for (const auto& server : address_.servers()) {
      const auto deadline = detail::postgres_clock::now() + connect_wait_;
      auto opened = detail::postgres_connection::open(server, deadline, wake_.get());
      auto why = opened ? listen(*opened, deadline) : std::optional(opened.error());
      if (!why) {
        connection_ = std::move(*opened);
        return std::nullopt;
      }
      if (!failed || why->how > failed->how) failed = std::move(why);
    }
    return failed;
  }

  [[nodiscard]] std::optional<detail::postgres_failure> listen(
      detail::postgres_connection& at, detail::postgres_clock::time_point deadline) const {
    if (auto began = at.ask(listen_.c_str(), "listen", deadline); !began) return began.error();
    auto process = at.ask("SELECT pg_catalog.pg_backend_pid()", "listen", deadline);
    if (!process) return process.error();
    if (process->integer(0, 0) == static_cast<std::uint64_t>(::PQbackendPID(at.get())))
      return std::nullopt;
    return detail::postgres_failure{
        error(errc::invalid_argument)
            .with(fact::peer, at.shown())
            .with(fact::operation, "listen")
            .with(fact::reason, "a connection pooler, which forgets who listens")
            .with(fact::next_step,
                  "give postgres_options::watch_at a connection string to PostgreSQL itself")};
  }

  /// Tries to connect once it is time for that. Errors: when it is still not possible at
  /// `deadline`, or cannot help.
  [[nodiscard]] result<void> renew(detail::postgres_clock::time_point deadline) {
    const bool due = next_attempt_ <= deadline;
    ::pollfd watched{wake_.get(), POLLIN, 0};
    for (;;) {
      const auto until = due ? next_attempt_ : deadline;
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(until - detail::postgres_clock::now());
      if (left.count() <= 0) break;
      if (::poll(&watched, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 60000))) > 0)
        return done();  // stopped
    }
    if (!due) return last_failure_;
    auto failed = connect();
    if (!failed) {
      pause_ = first_pause;
      next_attempt_ = {};
      return done();
    }
    if (failed->how == detail::remedy::none) return std::move(failed->what);
    next_attempt_ = detail::postgres_clock::now() + pause_;
    pause_ = std::min(pause_ * 2, longest_pause);
    last_failure_ = std::move(failed->what);
    if (detail::postgres_clock::now() >= deadline) return last_failure_;
    return done();
  }

  detail::postgres_address address_;
  std::string listen_;
  std::chrono::milliseconds connect_wait_;
  descriptor wake_;
  std::optional<detail::postgres_connection> connection_;
  std::chrono::milliseconds pause_ = first_pause;
  detail::postgres_clock::time_point next_attempt_{};
  error last_failure_;
};

static_assert(store_watch<postgres_watch>);

}  // namespace keywarden::store
