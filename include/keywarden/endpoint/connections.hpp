/// @file
/// The connections of an endpoint, as `sys.dm_db_mirroring_connections` shows them.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/admit/address.hpp>
#include <keywarden/auth/evidence.hpp>
#include <keywarden/auth/proof.hpp>
#include <keywarden/core/clock.hpp>
#include <keywarden/core/error.hpp>
#include <keywarden/transport/encryption.hpp>

namespace keywarden {

/// Where a connection stands. The numbers are those of `sys.dm_db_mirroring_connections`.
enum class connection_state : std::uint8_t {
  fresh = 1,       ///< NEW: admitted, nothing received yet
  connecting = 2,  ///< CONNECTING: the handshake has begun
  connected = 3,   ///< CONNECTED: the handshake is finished, the session not taken yet
  logged_in = 4,   ///< LOGGED_IN: a session with a proven peer
  closed = 5,      ///< CLOSED
};

/// How far a peer's login came. The numbers are those of the same view; the ones between belong to
/// its own handshake and do not occur here, where TLS does that work.
enum class login_state : std::uint8_t {
  initial = 0,
  negotiating = 1,        ///< WAIT LOGIN NEGOTIATE
  wait_validation = 10,   ///< WAIT VALIDATION
  wait_arbitration = 11,  ///< WAIT ARBITRATION: never, connections are not merged
  online = 12,            ///< ONLINE
  failed = 13,            ///< ERROR
};

/// The view's words.
[[nodiscard]] constexpr std::string_view describe(connection_state state) noexcept {
  switch (state) {
    case connection_state::fresh:
      return "NEW";
    case connection_state::connecting:
      return "CONNECTING";
    case connection_state::connected:
      return "CONNECTED";
    case connection_state::logged_in:
      return "LOGGED_IN";
    case connection_state::closed:
      return "CLOSED";
  }
  return "";
}
/// The state of a login in words, for people.
[[nodiscard]] constexpr std::string_view describe(login_state state) noexcept {
  switch (state) {
    case login_state::initial:
      return "INITIAL";
    case login_state::negotiating:
      return "WAIT LOGIN NEGOTIATE";
    case login_state::wait_validation:
      return "WAIT VALIDATION";
    case login_state::wait_arbitration:
      return "WAIT ARBITRATION";
    case login_state::online:
      return "ONLINE";
    case login_state::failed:
      return "ERROR";
  }
  return "";
}

/// One row of the view, as it was when it was asked for.
struct connection_row {
  std::uint64_t connection_id = 0;                   ///< of no other connection of this endpoint
  connection_state state = connection_state::fresh;  ///< how far the connection is
  login_state login = login_state::initial;          ///< how far its peer's proof is
  time_point connect_time{};                         ///< when it began
  std::optional<time_point> login_time;              ///< when its peer was let in; none before
  std::string authentication_method;                 ///< CERTIFICATE or PRE-SHARED KEY
  std::string principal_name;                        ///< the user who owns the peer's certificate
  std::string login_name;                            ///< the login that has CONNECT
  /// None with a pre-shared key, or before the login.
  std::optional<pki::fingerprint> peer_certificate;
  std::string encryption;  ///< "AES-256-GCM", "none (integrity only)"; empty before the handshake
  bool is_accept = false;  ///< the peer opened the connection
  std::string address;     ///< the peer's, or the name that was dialled
  time_point last_activity_time{};         ///< when data last came or went
  std::uint64_t total_bytes_sent = 0;      ///< of data, before encryption
  std::uint64_t total_bytes_received = 0;  ///< of data, after decryption
};

namespace detail {

/// A live connection's entry in the table. Any thread.
class connection_entry {
 public:
  connection_entry(std::uint64_t id, bool accepted, std::string address,
                   std::string_view authentication, time_point now)
      : id_(id) {
    row_.connection_id = id;
    row_.is_accept = accepted;
    row_.address = std::move(address);
    row_.authentication_method = authentication;
    row_.connect_time = row_.last_activity_time = now;
  }

  /// Changes the row under its lock.
  void update(const auto& change) {
    const std::scoped_lock held(mutex_);
    change(row_);
  }
  [[nodiscard]] connection_row row() const {
    const std::scoped_lock held(mutex_);
    connection_row copy = row_;
    copy.total_bytes_sent = sent_.load(std::memory_order_relaxed);
    copy.total_bytes_received = received_.load(std::memory_order_relaxed);
    copy.last_activity_time =
        std::max(copy.last_activity_time, active_.load(std::memory_order_relaxed));
    return copy;
  }

  void count_sent(std::size_t bytes, time_point now) noexcept {
    sent_.fetch_add(bytes, std::memory_order_relaxed);
    active_.store(now, std::memory_order_relaxed);
  }
  void count_received(std::size_t bytes, time_point now) noexcept {
    received_.fetch_add(bytes, std::memory_order_relaxed);
    active_.store(now, std::memory_order_relaxed);
  }

  /// Who is at the other end; nobody before the login.
  [[nodiscard]] std::optional<auth::principal> who() const {
    const std::scoped_lock held(mutex_);
    return who_;
  }
  /// From now on `drop` knows it by its login. A login that was dropped while it was not known yet
  /// is dropped now.
  void log_in(const auth::principal& who) {
    std::optional<error> late;
    {
      const std::scoped_lock held(mutex_);
      who_ = who;
      for (const auto& [login, why] : unwelcome_)
        if (login == who.login) late = why;
    }
    if (late) drop(*late);
  }

  /// Ends the connection if it is this login's, now or once that is known. Whether it was.
  bool drop_login(std::string_view login, const error& why) {
    {
      const std::scoped_lock held(mutex_);
      if (!who_) {
        const bool known =
            std::ranges::any_of(unwelcome_, [&](const auto& each) { return each.first == login; });
        if (!known) unwelcome_.emplace_back(login, why);
        return false;
      }
      if (who_->login != login) return false;
    }
    return drop(why);
  }
  /// Ends the connection: its next call is refused with `why`, and its owner is woken, once.
  /// Whether this was the first time.
  bool drop(const error& why) {
    std::function<void()> wake;
    {
      const std::scoped_lock held(mutex_);
      if (dropped_.load(std::memory_order_relaxed)) return false;
      reason_ = why;
      wake = std::exchange(on_drop_, {});
      dropped_.store(true, std::memory_order_release);
    }
    if (wake) wake();
    return true;
  }
  [[nodiscard]] bool dropped() const noexcept { return dropped_.load(std::memory_order_acquire); }
  [[nodiscard]] error reason() const {
    const std::scoped_lock held(mutex_);
    return reason_;
  }
  /// Sets what wakes the owner; calls it at once if the connection was dropped already.
  void on_drop(std::function<void()> wake) {
    {
      const std::scoped_lock held(mutex_);
      if (!dropped_.load(std::memory_order_relaxed)) {
        on_drop_ = std::move(wake);
        return;
      }
    }
    if (wake) wake();
  }
  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }

 private:
  const std::uint64_t id_;
  mutable std::mutex mutex_;
  connection_row row_;
  std::vector<std::pair<std::string, error>> unwelcome_;  // logins, while nobody is known
  std::optional<auth::principal> who_;
  error reason_;
  std::function<void()> on_drop_;
  std::atomic<bool> dropped_ = false;
  std::atomic<std::uint64_t> sent_ = 0;
  std::atomic<std::uint64_t> received_ = 0;
  std::atomic<time_point> active_ = time_point{};
};

/// The live connections of one endpoint. Any thread.
class connection_table {
 public:
  [[nodiscard]] std::shared_ptr<connection_entry> add(bool accepted, std::string address,
                                                      std::string_view authentication,
                                                      time_point now) {
    const std::scoped_lock held(mutex_);
    const auto id = ++last_id_;
    auto made =
        std::make_shared<connection_entry>(id, accepted, std::move(address), authentication, now);
    live_.emplace(id, made);
    return made;
  }
  void remove(std::uint64_t id) {
    const std::scoped_lock held(mutex_);
    live_.erase(id);
  }
  [[nodiscard]] std::vector<std::shared_ptr<connection_entry>> all() const {
    const std::scoped_lock held(mutex_);
    std::vector<std::shared_ptr<connection_entry>> copy;
    copy.reserve(live_.size());
    for (const auto& [id, entry] : live_) copy.push_back(entry);
    return copy;
  }
  [[nodiscard]] std::size_t size() const {
    const std::scoped_lock held(mutex_);
    return live_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::uint64_t, std::shared_ptr<connection_entry>> live_;
  std::uint64_t last_id_ = 0;
};

}  // namespace detail
}  // namespace keywarden
