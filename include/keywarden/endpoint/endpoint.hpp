/// @file
/// An endpoint: one form of authentication, one transport, one set of admission rules, composed.
#pragma once

#include <array>
#include <atomic>
#include <concepts>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/admit/concepts.hpp>
#include <keywarden/auth/concepts.hpp>
#include <keywarden/endpoint/connection.hpp>
#include <keywarden/endpoint/forward.hpp>
#include <keywarden/endpoint/state.hpp>
#include <keywarden/transport/tls.hpp>

namespace keywarden {

namespace detail {

/// Says, in sentences, why three types do not make an endpoint.
template <class Authentication, class Transport, class Admission, class Clock>
consteval bool explain_endpoint() {
  static_assert(auth::authenticator<Authentication>,
                "an endpoint names its form of authentication first: auth::certificate<…> or "
                "auth::pre_shared_key");
  static_assert(!auth::authenticator<Transport> && !auth::authenticator<Admission>,
                "an endpoint has exactly one form of authentication: make a second endpoint for "
                "the other");
  if constexpr (auth::authenticator<Authentication> && !auth::authenticator<Transport> &&
                !auth::authenticator<Admission>) {
    static_assert(transport::transport_for<Transport, Authentication, Clock>,
                  "the second part of an endpoint is a transport that can carry its form of "
                  "authentication: transport::tls13<…>");
    static_assert(admit::connection_rule<Admission>,
                  "the third part of an endpoint is an admission rule: admit::all_of<…>, or "
                  "admit::anyone to do without");
  }
  return true;
}

}  // namespace detail

/// How an endpoint begins.
struct endpoint_options {
  endpoint_state state = endpoint_state::stopped;  ///< as CREATE ENDPOINT: STOPPED
  endpoint_log log = {};                           ///< whom to tell what happens
};

/// Whoever answers will do, as long as it is known and permitted: a named weakening for `connect`.
/// Among several peers, each could stand in for any other.
struct any_known_peer {};

/// Connects and accepts connections from instances that trust each other.
///
/// A composition of how peers prove themselves, how bytes travel, and who may even try. It has no
/// socket: `accept` and `connect` give handshakes that take and give bytes
/// (`keywarden::asio` puts them on sockets). A cheap handle: copies are the same endpoint. Any
/// thread.
///
/// Protects: only peers that the authenticator proves and permits get a session; each admitted
/// connection holds a permit until it ends; refusals of ours look alike to peers and are told apart
/// in the log. Does not protect: a session's content after it was handed to the program.
template <class Authentication, class Transport, class Admission, clock_source Clock>
class endpoint {
  static_assert(detail::explain_endpoint<Authentication, Transport, Admission, Clock>());
  using context = typename Transport::template context<Authentication, Clock>;
  using handshake_type = typename decltype(std::declval<const context&>().accept())::value_type;

 public:
  using permit = typename Admission::permit;
  /// A connection that is being made; its peer is a stranger.
  using pending = pending_connection<handshake_type, permit>;
  /// A connection that the peer opened, once the peer is known.
  using connection = typename pending::connection_type;

  /// Errors: those of the transport (`weaker_than_required`, `backend_failed`).
  [[nodiscard]] static result<endpoint> create(
      Authentication authentication, Admission admission, endpoint_options options = {},
      Clock clock = Clock{}, transport::encryption_clause encryption = Transport::clause) {
    auto made = context::create(authentication, clock, encryption);
    if (!made) return made.error();
    auto keeper = std::make_shared<detail::connection_keeper>();
    keeper->log = std::move(options.log);
    keeper->now = [clock] { return clock.now(); };
    keeper->permits = [authentication](const auth::principal& who) -> result<void> {
      return authentication.permits(who);
    };
    keeper->state = options.state;
    return endpoint(std::make_shared<shared>(std::move(authentication), std::move(admission),
                                             std::move(clock), std::move(*made),
                                             std::move(keeper)));
  }

  /// Somebody connected from `from`. Decided before a byte of the handshake is looked at. Errors:
  /// `not_listening` (state STOPPED or DISABLED), `admission_refused`. Answer a refusal in state
  /// DISABLED with `refusal_record()`, others by closing.
  [[nodiscard]] result<pending> accept(const admit::address& from, admit::instant now) const {
    if (const auto state = shared_->keeper->state.load(); state != endpoint_state::started)
      return kept_out(true, from.text(),
                      error(errc::not_listening)
                          .with(fact::state, name_of(state))
                          .with(fact::next_step, "ALTER ENDPOINT … STATE = STARTED"));
    auto leased = shared_->admission.admit(from, now);
    if (!leased) return kept_out(true, from.text(), leased.error());
    auto begun = current().accept();
    if (!begun) return kept_out(true, from.text(), begun.error());
    return place(std::move(*begun), true, from.text(), std::move(*leased));
  }

  /// A connection to the instance `dialled`, which must be the login `expected`: another one that
  /// is known is refused as `peer_unknown`. Its first message is `outgoing`. A permit is not needed
  /// to call out. Errors: `not_listening`; `invalid_argument` for an empty login; those of this
  /// instance's own credential.
  [[nodiscard]] result<pending_connection<handshake_type, admit::stateless_permit>> connect(
      const std::string& dialled, const std::string& expected) const {
    if (expected.empty())
      return kept_out(false, dialled,
                      error(errc::invalid_argument)
                          .with(fact::reason, "no login is expected")
                          .with(fact::next_step, "say whom, or any_known_peer"));
    return call(dialled, expected);
  }
  /// The same with whoever answers, if it is known and permitted.
  [[nodiscard]] result<pending_connection<handshake_type, admit::stateless_permit>> connect(
      const std::string& dialled, any_known_peer /*whoever*/) const {
    return call(dialled, std::string());
  }
  /// A connection that this endpoint opened: no admission rule holds a permit for it.
  using outgoing_connection =
      typename pending_connection<handshake_type, admit::stateless_permit>::connection_type;

  /// Whether new connections are taken. Any thread.
  [[nodiscard]] endpoint_state state() const noexcept { return shared_->keeper->state.load(); }
  /// New connections follow the new state; sessions go on (`drop_all` ends them). Listeners open
  /// and close their sockets.
  void set_state(endpoint_state state) const {
    shared_->keeper->state.store(state);
    std::vector<std::shared_ptr<const state_watcher>> told;
    {
      const std::scoped_lock held(shared_->guard);
      std::erase_if(shared_->watchers, [](const auto& each) { return each.expired(); });
      for (const auto& each : shared_->watchers)
        if (auto alive = each.lock()) told.push_back(std::move(alive));
    }
    for (const auto& each : told) (*each)();
  }
  /// Calls `watcher` after each change of state, from the thread that makes it, as long as what is
  /// returned is kept.
  using state_watcher = std::function<void()>;
  /// Begins to watch; dropping what is returned ends it.
  [[nodiscard]] std::shared_ptr<const state_watcher> on_state(state_watcher watcher) const {
    auto made = std::make_shared<const state_watcher>(std::move(watcher));
    const std::scoped_lock held(shared_->guard);
    shared_->watchers.push_back(made);
    return made;
  }
  /// Tells the log of something that happened outside the endpoint (a socket that would not open).
  void report(const endpoint_event& event) const { shared_->keeper->tell(event); }

  /// ALTER ENDPOINT … ENCRYPTION = …: for new handshakes. Errors: `weaker_than_required` when the
  /// presence is not the composed transport's.
  [[nodiscard]] result<void> set_encryption(const transport::encryption_clause& clause) const {
    auto made = context::create(shared_->authentication, shared_->clock, clause);
    if (!made) return made.error();
    const std::scoped_lock held(shared_->guard);
    shared_->now_used = std::move(*made);
    return done();
  }
  /// What new handshakes follow now.
  [[nodiscard]] transport::encryption_clause encryption() const { return current().clause(); }

  /// The composed parts, whose `reload` functions take effect for the next handshake.
  [[nodiscard]] const Authentication& authentication() const noexcept {
    return shared_->authentication;
  }
  /// The rules that are asked before a handshake; their `reload` functions take effect at once.
  [[nodiscard]] const Admission& admission() const noexcept { return shared_->admission; }

  /// The live connections, in the order in which they began.
  [[nodiscard]] std::vector<connection_row> connections() const {
    std::vector<connection_row> rows;
    for (const auto& each : shared_->keeper->table.all()) rows.push_back(each->row());
    return rows;
  }

  /// Ends the sessions of peers that the authenticator does not permit any more: call it after
  /// revoking. Gives how many. Sessions of others are not touched; handshakes that are under way
  /// are judged by what is in force at their end.
  std::size_t drop_unpermitted() const {
    return drop_each([&](detail::connection_entry& each) -> std::optional<error> {
      const auto who = each.who();
      if (!who) return std::nullopt;
      auto verdict = shared_->authentication.permits(*who);
      if (verdict || !each.drop(verdict.error())) return std::nullopt;
      return verdict.error();
    });
  }
  /// Ends the sessions of one login, and its handshakes that are under way. Gives how many
  /// sessions.
  std::size_t drop(std::string_view login) const {
    return drop_each([&](detail::connection_entry& each) -> std::optional<error> {
      auto why = error(errc::not_permitted).with(fact::reason, "its sessions were dropped");
      if (!each.drop_login(login, why)) return std::nullopt;
      return why;
    });
  }
  /// Ends all sessions and handshakes. Gives how many.
  std::size_t drop_all() const {
    return drop_each([](detail::connection_entry& each) -> std::optional<error> {
      auto why = error(errc::not_permitted).with(fact::reason, "the endpoint ended all sessions");
      if (!each.drop(why)) return std::nullopt;
      return why;
    });
  }

 private:
  struct shared {
    shared(Authentication with, Admission rules, Clock time, context made,
           std::shared_ptr<detail::connection_keeper> keeps)
        : authentication(std::move(with)),
          admission(std::move(rules)),
          clock(std::move(time)),
          now_used(std::move(made)),
          keeper(std::move(keeps)) {}
    Authentication authentication;
    [[no_unique_address]] Admission admission;
    [[no_unique_address]] Clock clock;
    std::mutex guard;
    context now_used;
    std::vector<std::weak_ptr<const std::function<void()>>> watchers;
    std::shared_ptr<detail::connection_keeper> keeper;
  };
  explicit endpoint(std::shared_ptr<shared> made) noexcept : shared_(std::move(made)) {}

  [[nodiscard]] result<pending_connection<handshake_type, admit::stateless_permit>> call(
      const std::string& dialled, const std::string& expected) const {
    if (const auto state = shared_->keeper->state.load(); state != endpoint_state::started)
      return kept_out(false, dialled, error(errc::not_listening).with(fact::state, name_of(state)));
    auto begun = current().connect(dialled, expected);
    if (!begun) return kept_out(false, dialled, begun.error());
    return place(std::move(*begun), false, dialled, admit::stateless_permit{});
  }
  [[nodiscard]] context current() const {
    const std::scoped_lock held(shared_->guard);
    return shared_->now_used;
  }
  [[nodiscard]] error kept_out(bool accepted, const std::string& address, error why) const {
    shared_->keeper->tell(
        {endpoint_event_kind::not_admitted, 0, accepted, address, std::string(), why});
    return why;
  }
  template <class Permit>
  [[nodiscard]] pending_connection<handshake_type, Permit> place(handshake_type begun,
                                                                 bool accepted,
                                                                 const std::string& address,
                                                                 Permit lease) const {
    using form = typename Authentication::form;
    constexpr std::string_view shown = std::same_as<form, auth::form::certificate> ? "CERTIFICATE"
                                       : std::same_as<form, auth::form::shared_key>
                                           ? "PRE-SHARED KEY"
                                           : "NONE";
    auto entry =
        shared_->keeper->table.add(accepted, address, std::string(shown), shared_->clock.now());
    return {std::move(begun), {shared_->keeper, std::move(entry), std::move(lease)}};
  }
  /// Calls `drop` for each live connection and tells the log of those that it dropped.
  template <class Drop>
  std::size_t drop_each(const Drop& drop) const {
    std::size_t dropped = 0;
    for (const auto& each : shared_->keeper->table.all()) {
      const auto row = each->row();
      const auto why = drop(*each);
      if (!why) continue;
      shared_->keeper->tell({endpoint_event_kind::dropped, row.connection_id, row.is_accept,
                             row.address, row.login_name, *why});
      ++dropped;
    }
    return dropped;
  }

  std::shared_ptr<shared> shared_;
};

/// What a DISABLED endpoint answers to whoever connects: a fatal TLS alert access_denied, in the
/// clear, as every refusal of ours before there are keys. Then close.
[[nodiscard]] constexpr std::array<std::uint8_t, 7> refusal_record() noexcept {
  return {21, 3, 3, 0, 2, 2, 49};
}

}  // namespace keywarden
