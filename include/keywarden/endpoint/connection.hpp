/// @file
/// Handshakes and sessions that their endpoint keeps an eye on.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <keywarden/endpoint/connections.hpp>
#include <keywarden/endpoint/event.hpp>
#include <keywarden/endpoint/state.hpp>
#include <keywarden/transport/concepts.hpp>

namespace keywarden {

namespace detail {

/// What an endpoint's connections need of it; outlives the endpoint object while any of them lives.
struct connection_keeper {
  connection_table table;
  endpoint_log log;
  std::function<time_point()> now;
  std::function<result<void>(const auth::principal&)> permits;
  std::atomic<endpoint_state> state = endpoint_state::stopped;

  /// Whether a peer that was just proven is welcome still. Errors: `not_listening`; those of the
  /// authenticator.
  [[nodiscard]] result<void> welcomes(const auth::principal& who) const {
    if (const auto present = state.load(); present != endpoint_state::started)
      return error(errc::not_listening).with(fact::state, name_of(present));
    return permits(who);
  }

  void tell(const endpoint_event& event) const {
    if (log) log(event);
  }
};

/// A place in the table, and the permit that goes with it. Gives both back when destroyed.
template <class Permit>
class connection_place {
 public:
  connection_place(std::shared_ptr<connection_keeper> keeper,
                   std::shared_ptr<connection_entry> entry, Permit permit) noexcept
      : keeper_(std::move(keeper)), entry_(std::move(entry)), permit_(std::move(permit)) {}
  connection_place(connection_place&&) noexcept = default;
  connection_place& operator=(connection_place&& other) noexcept {
    if (this != &other) {
      leave();
      keeper_ = std::move(other.keeper_);
      entry_ = std::move(other.entry_);
      permit_ = std::move(other.permit_);
    }
    return *this;
  }
  connection_place(const connection_place&) = delete;
  connection_place& operator=(const connection_place&) = delete;
  ~connection_place() { leave(); }

  [[nodiscard]] bool taken() const noexcept { return entry_ != nullptr; }
  [[nodiscard]] connection_entry& entry() const noexcept { return *entry_; }
  [[nodiscard]] result<void> welcomes(const auth::principal& who) const {
    return keeper_->welcomes(who);
  }
  [[nodiscard]] time_point now() const { return keeper_->now(); }
  void tell(endpoint_event_kind kind, error reason = {}) const {
    const auto row = entry_->row();
    keeper_->tell(
        {kind, row.connection_id, row.is_accept, row.address, row.login_name, std::move(reason)});
  }

 private:
  void leave() noexcept {
    if (entry_ == nullptr) return;
    keeper_->table.remove(entry_->id());
    entry_.reset();
  }

  std::shared_ptr<connection_keeper> keeper_;
  std::shared_ptr<connection_entry> entry_;
  [[no_unique_address]] std::optional<Permit> permit_;
};

}  // namespace detail

/// A session with a proven peer through an endpoint: a `secure_session` that is counted, shown in
/// the endpoint's view, and ended at once when its peer is not permitted any more. Move-only; one
/// thread at a time, except `on_drop`'s callback.
template <transport::secure_session Session, class Permit>
class connection {
 public:
  connection(connection&&) noexcept = default;
  connection& operator=(connection&& other) noexcept {
    if (this != &other) {
      end();
      session_ = std::move(other.session_);
      place_ = std::move(other.place_);
    }
    return *this;
  }
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;
  ~connection() { end(); }

  /// Who is at the other end. Valid as long as the connection, as all that it hands out.
  [[nodiscard]] const auth::principal& peer() const noexcept { return session_->proof().who(); }
  /// The same, for functions that take no stranger.
  [[nodiscard]] const auth::proof& proof() const noexcept { return session_->proof(); }
  /// The transport's own session, to look at.
  [[nodiscard]] const Session& session() const noexcept { return *session_; }

  /// As the session's. Errors: also `not_permitted` once the connection was dropped.
  [[nodiscard]] result<void> receive(bytes_view from_network) {
    if (auto live = still_welcome(); !live) return live;
    const auto before = session_->received().size();
    auto fate = session_->receive(from_network);
    place_->entry().count_received(session_->received().size() - before, place_->now());
    return fate;
  }
  /// What the peer sent, decrypted. Valid until the next call that is not const.
  [[nodiscard]] bytes_view received() const noexcept { return session_->received(); }
  /// Forgets (and later wipes) the first `count` bytes of `received()`.
  void consume(std::size_t count) { session_->consume(count); }
  /// As the session's. Errors: also `not_permitted` once the connection was dropped.
  [[nodiscard]] result<void> send(bytes_view plaintext) {
    if (auto live = still_welcome(); !live) return live;
    auto fate = session_->send(plaintext);
    if (fate) place_->entry().count_sent(plaintext.size(), place_->now());
    return fate;
  }
  /// What is to be written to the network, in order. Valid until the next call that is not const.
  [[nodiscard]] bytes_view outgoing() const noexcept { return session_->outgoing(); }
  /// The first `count` bytes of `outgoing()` were written.
  void sent(std::size_t count) { session_->sent(count); }
  /// Says that nothing more will be sent. Errors: as the session's.
  [[nodiscard]] result<void> close() { return session_->close(); }
  /// The peer sends nothing more, and said so: a connection that ends without this was cut off.
  [[nodiscard]] bool peer_closed() const noexcept { return session_->peer_closed(); }
  /// Whether and by what it is encrypted.
  [[nodiscard]] transport::negotiation protection() const noexcept {
    return session_->protection();
  }
  /// Ends the session of a peer that is not welcome any more; `outgoing` is then the alert.
  void refuse(error why) { session_->refuse(std::move(why)); }

  /// Sets what is called, once, from another thread, when the endpoint drops this connection: let
  /// it wake whoever waits for the network. Also called at once if that has happened already.
  void on_drop(std::function<void()> wake) { place_->entry().on_drop(std::move(wake)); }
  /// Whether the endpoint ended it because its peer is not permitted any more. Any thread.
  [[nodiscard]] bool dropped() const noexcept { return place_->entry().dropped(); }

 private:
  template <transport::secure_handshake, class>
  friend class pending_connection;

  connection(Session session, detail::connection_place<Permit> place)
      : session_(std::move(session)), place_(std::move(place)) {}

  void end() noexcept {
    if (session_) place_->tell(endpoint_event_kind::closed);
  }
  [[nodiscard]] result<void> still_welcome() {
    if (!place_->entry().dropped()) return done();
    auto why = place_->entry().reason();
    session_->refuse(why);
    return why;
  }

  // A moved-from optional stays engaged: moving resets it here.
  template <class T>
  struct moved_once : std::optional<T> {
    using std::optional<T>::optional;
    moved_once(moved_once&& other) noexcept : std::optional<T>(std::move(other)) { other.reset(); }
    moved_once& operator=(moved_once&& other) noexcept {
      if (this != &other) {
        std::optional<T>::operator=(std::move(other));
        other.reset();
      }
      return *this;
    }
    moved_once(const moved_once&) = delete;
    moved_once& operator=(const moved_once&) = delete;
    ~moved_once() = default;
  };

  moved_once<Session> session_;
  moved_once<detail::connection_place<Permit>> place_;
};

/// A connection that is being made through an endpoint: a `secure_handshake` that holds the permit
/// of the admission rules, and whose end the log is told. Move-only; one thread at a time.
template <transport::secure_handshake Handshake, class Permit>
class pending_connection {
 public:
  /// The session that the handshake yields.
  using session_type = typename decltype(std::declval<Handshake>().finish())::value_type;
  /// What `finish` gives.
  using connection_type = connection<session_type, Permit>;

  /// For the endpoint's own use.
  pending_connection(Handshake handshake, detail::connection_place<Permit> place)
      : handshake_(std::move(handshake)), place_(std::move(place)) {}

  pending_connection(pending_connection&&) noexcept = default;
  pending_connection& operator=(pending_connection&& other) noexcept {
    if (this != &other) {
      give_up();
      handshake_ = std::move(other.handshake_);
      place_ = std::move(other.place_);
      begun_ = other.begun_;
      told_ = other.told_;
    }
    return *this;
  }
  pending_connection(const pending_connection&) = delete;
  pending_connection& operator=(const pending_connection&) = delete;
  ~pending_connection() { give_up(); }

  /// As the handshake's. Errors: as there, and `not_listening` when the endpoint was stopped
  /// meanwhile, or why the peer is not permitted any more; each is told to the log once.
  [[nodiscard]] result<void> receive(bytes_view from_network) {
    if (!begun_) {
      begun_ = true;
      place_.entry().update([&](connection_row& row) {
        row.state = connection_state::connecting;
        row.login = login_state::negotiating;
      });
    }
    auto fate = handshake_.receive(from_network);
    if (!fate) tell_once(fate.error());
    if (!fate || !handshake_.finished()) return fate;
    place_.entry().update([](connection_row& row) {
      row.state = connection_state::connected;
      row.login = login_state::wait_validation;
    });
    // First let `drop_…` know who it is, then ask once more: a revocation in between is not missed.
    const auto who = handshake_.proof()->who();
    place_.entry().log_in(who);
    if (auto welcome = place_.welcomes(who); !welcome) return turn_away(welcome.error());
    return done();
  }
  /// Bytes for the peer; after an error, the alert. Valid until the next call that is not const.
  [[nodiscard]] bytes_view outgoing() const noexcept { return handshake_.outgoing(); }
  /// The first `count` bytes of `outgoing()` were written.
  void sent(std::size_t count) { handshake_.sent(count); }
  /// Whether the peer is proven: `finish` is then next.
  [[nodiscard]] bool finished() const { return handshake_.finished(); }
  /// Who is at the other end; null until that is proven.
  [[nodiscard]] const auth::proof* proof() const noexcept { return handshake_.proof(); }
  /// Turns the peer away: `outgoing` is then the alert, and the log is told why.
  void refuse(error why) {
    handshake_.refuse(why);
    tell_once(why);
  }

  /// The caller gave up (a deadline passed, the socket failed): for the log.
  void abandon(error why) { tell_once(why); }

  /// The session. Errors: as the handshake's.
  [[nodiscard]] result<connection_type> finish() && {
    if (place_.entry().dropped()) return turn_away(place_.entry().reason());
    auto made = std::move(handshake_).finish();
    if (!made) {
      tell_once(made.error());
      return made.error();
    }
    const auto& who = made->proof().who();
    const auto protection = made->protection();
    place_.entry().update([&](connection_row& row) {
      row.state = connection_state::logged_in;
      row.login = login_state::online;
      row.login_time = place_.now();
      row.principal_name = who.user;
      row.login_name = who.login;
      row.peer_certificate = who.certificate;
      row.encryption = protection.is_encrypted() ? transport::explain(protection).substr(11)
                                                 : std::string_view("none (integrity only)");
    });
    place_.tell(endpoint_event_kind::logged_in);
    told_ = true;
    return connection_type(std::move(*made), std::move(place_));
  }

 private:
  [[nodiscard]] error turn_away(const error& why) {
    refuse(why);
    return why;
  }
  void give_up() noexcept {
    if (place_.taken())
      tell_once(error(errc::connection_closed).with(fact::reason, "given up unfinished"));
  }
  void tell_once(const error& why) {
    if (told_) return;
    told_ = true;
    place_.entry().update([](connection_row& row) {
      row.state = connection_state::closed;
      row.login = login_state::failed;
    });
    place_.tell(endpoint_event_kind::refused, why);
  }

  Handshake handshake_;
  detail::connection_place<Permit> place_;
  bool begun_ = false;
  bool told_ = false;
};

}  // namespace keywarden
