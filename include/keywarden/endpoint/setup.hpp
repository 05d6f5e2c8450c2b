/// @file
/// Setting up an instance for mirroring with certificates: the steps in their order, as types.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include <keywarden/endpoint/setup_inbound.hpp>

namespace keywarden {

/// What CREATE ENDPOINT is told during a set-up; the certificate and the encryption come from the
/// step itself. The role has no default.
struct mirroring_endpoint {
  object_name name;
  listener_address listener;  ///< LISTENER_PORT and LISTENER_IP
  given_role role;
  object_name owner;  ///< a login; made, without any server role, where there is none
};

/// What is encrypted where nothing else is said: ENCRYPTION = REQUIRED ALGORITHM AES.
struct encryption_required {
  static constexpr transport::encryption_clause clause{};
};

namespace setup {

/// Outbound connections are configured; those of `Remaining` are still to be let in.
template <class Vault, clock_source Clock, class Remaining>
class outbound_configured : public step<Vault, Clock> {
 public:
  using step<Vault, Clock>::step;
  /// The peers that are still to be let in; `peers<>` when all are.
  using remaining = Remaining;

  /// Begins the inbound connection of a peer.
  template <class Peer>
  [[nodiscard]] login_step<Vault, Clock, Remaining, Peer> configure_inbound() const {
    static_assert(Remaining::template has<Peer>,
                  "this peer is not one of those that this instance is set up for, or its inbound "
                  "connection is configured already");
    return login_step<Vault, Clock, Remaining, Peer>(this->so_far_);
  }

  /// ALTER ENDPOINT … STATE = STARTED, and everything that a program makes its endpoint from.
  /// Compiles only when no peer is missing; checks once more, in the store, what the steps did.
  /// Errors: `not_permitted` or `not_found` for a peer that was taken out meanwhile;
  /// `certificate_expired` for the own certificate; as `load_endpoint` and `alter_endpoint`.
  [[nodiscard]] result<mirroring_configuration> start() const {
    static_assert(detail::explain_missing(static_cast<const Remaining*>(nullptr)));
    const auto& master = *this->so_far_.master;
    auto ready = load_configuration(master);
    if (!ready) return ready.error();
    for (const auto& each : this->so_far_.peers)
      if (auto known = still_known(each, *ready); !known) return known.error();
    if (auto shown = ready->own.valid_at(this->so_far_.clock.now()); !shown) return shown.error();
    auto altered = alter_endpoint(master, {.state = endpoint_state::started});
    if (!altered) return altered.error();
    ready->definition = std::move(altered->after);
    return ready;
  }

  /// This instance's certificate, as it was exported.
  [[nodiscard]] const pki::certificate& certificate() const noexcept { return *this->so_far_.own; }
  /// The endpoint as `create_endpoint` made it, or found it made.
  [[nodiscard]] const endpoint_definition& definition() const noexcept {
    return *this->so_far_.definition;
  }
  /// What to tell the people at the other ends: the file, and the fingerprint to compare.
  [[nodiscard]] std::string exchange_text() const {
    return pki::exchange_text(certificate(), this->so_far_.exported);
  }

 private:
  [[nodiscard]] static result<void> still_known(const detail::inbound_progress& peer,
                                                const mirroring_configuration& ready) {
    const auto owner = ready.known.who_owns(peer.certificate->fingerprint());
    if (!owner || owner->login != *peer.login)
      return error(errc::not_found)
          .with(fact::peer, peer.peer)
          .with(fact::kind, "certificate of login " + peer.login->text())
          .with(fact::next_step, "configure its inbound connection again");
    auto may = auth::endpoint_access(ready.known, ready.definition.name, ready.definition.owner)
                   .expect_connect(*peer.login);
    if (!may) return error(may.error()).with(fact::name, peer.peer);
    return done();
  }
};

/// Outbound 4: export.
template <class Vault, clock_source Clock, class Remaining>
class export_step : public step<Vault, Clock> {
 public:
  using step<Vault, Clock>::step;
  /// Next: let the peers in.
  using next = outbound_configured<Vault, Clock, Remaining>;

  /// BACKUP CERTIFICATE … TO FILE: the public part only. Copy the file to the other instances, and
  /// tell their people the fingerprint (`exchange_text`) over another channel. Errors:
  /// `already_exists` for a file that holds anything else; `io_failed`.
  [[nodiscard]] result<next> export_certificate(const std::filesystem::path& to,
                                                pki::encoding as = pki::encoding::der) const {
    auto so_far = this->so_far_;
    auto written = pki::write_certificate(to, *so_far.own, as);
    if (!written && written.error() == errc::already_exists) {
      auto there = pki::read_certificates(to);
      if (!there || there->size() != 1 || there->front() != *so_far.own)
        return detail::differs("file", to.string(), "it holds something else");
    } else if (!written) {
      return written.error();
    }
    so_far.exported = to;
    return next(std::move(so_far));
  }
};

/// Outbound 3: endpoint.
template <class Vault, clock_source Clock, class Remaining>
class endpoint_step : public step<Vault, Clock> {
 public:
  using step<Vault, Clock>::step;
  /// Next: export the certificate's public half for the peers.
  using next = export_step<Vault, Clock, Remaining>;

  /// CREATE ENDPOINT … AUTHENTICATION = CERTIFICATE, STOPPED for now. Name the transport to weaken
  /// its encryption: `create_endpoint<transport::tls13_or_integrity_only<>>(…)`. Errors:
  /// `already_exists` for any other endpoint, naming the properties that differ;
  /// `invalid_argument` for a role that does not allow this instance's part; as `create_endpoint`.
  template <class Transport = encryption_required>
  [[nodiscard]] result<next> create_endpoint(const mirroring_endpoint& asked) const {
    const auto& part = this->so_far_.part;
    if (part && !may_play(asked.role, *part))
      return error(errc::invalid_argument)
          .with(fact::kind, "ROLE")
          .with(fact::actual, name_of(asked.role))
          .with(fact::limit, name_of(*part))
          .with(fact::reason, "the session has another part for this instance")
          .with(fact::next_step, "give it the role of its part, or ALL");
    const endpoint_definition wanted{
        asked.name, asked.listener, endpoint_certificates(*this->so_far_.certificate),
        asked.role, asked.owner,    Transport::clause,
    };
    const auto& master = *this->so_far_.master;
    auto present = detail::read_endpoint(master);
    if (!present) return present.error();
    if (*present) {
      const auto different = differences((*present)->definition, wanted, true);
      if (!different.empty())
        return detail::differs("database mirroring endpoint", (*present)->definition.name.text(),
                               different);
    }
    auto owner = this->in_directory([&](auth::directory& known) -> result<void> {
      if (known.logins().contains(asked.owner)) return done();
      return known.create_login(asked.owner);
    });
    if (!owner) return owner.error();
    auto so_far = this->so_far_;
    so_far.definition = wanted;
    if (*present)
      so_far.definition = std::move((*present)->definition);
    else if (auto made = keywarden::create_endpoint(master, wanted, accept_weaker_encryption{});
             !made)
      return made.error();
    return next(std::move(so_far));
  }
};

/// Outbound 2: certificate.
template <class Vault, clock_source Clock, class Remaining>
class certificate_step : public step<Vault, Clock> {
 public:
  using step<Vault, Clock>::step;
  /// Next: the endpoint that shows the certificate.
  using next = endpoint_step<Vault, Clock, Remaining>;

  /// CREATE CERTIFICATE … WITH SUBJECT: self-signed; its private key is wrapped by the master
  /// key. Errors: `already_exists` for another certificate of that name, or one without a private
  /// key that opens by itself; `certificate_expired` for one that has; as
  /// `pki::create_certificate`.
  template <pki::signature_algorithm Algorithm = pki::ecdsa_p256>
  [[nodiscard]] result<next> create_certificate(const object_name& name,
                                                const pki::certificate_options& options) const {
    auto so_far = this->so_far_;
    const auto store = so_far.master->certificates();
    auto made = pki::create_certificate<Algorithm>(store, name, options, so_far.clock.now());
    if (!made && made.error() == errc::already_exists) {
      auto own = pki::load_identity(store, name);
      if (!own)
        return detail::differs("certificate", name.text(), "it has no private key at hand")
            .because(own.error());
      made = own->chain.front();
      if (auto same = detail::expect_made_from(name, *made, options); !same) return same.error();
      if (auto alive =
              detail::expect_not_expired(*made, so_far.clock.now(), "create one of another name");
          !alive)
        return alive.error();
    }
    if (!made) return made.error();
    so_far.certificate = name;
    so_far.own = std::move(*made);
    return next(std::move(so_far));
  }
};

/// Outbound 1: master key.
template <class Vault, clock_source Clock, class Remaining>
class master_key_step : public step<Vault, Clock> {
 public:
  using step<Vault, Clock>::step;
  /// Next: a certificate, whose private key this key protects.
  using next = certificate_step<Vault, Clock, Remaining>;

  /// CREATE MASTER KEY in master, which is made where there is none. The key stays open during the
  /// set-up. Errors: `already_exists` when it is there and this password does not open it;
  /// `password_refused`; as opening a vault's keys.
  [[nodiscard]] result<next> create_master_key(const password& protection) const {
    auto so_far = this->so_far_;
    const object_name name("master");
    auto master = so_far.vault.database(name);
    if (!master && master.error() == errc::not_found) master = so_far.vault.create_database(name);
    if (!master) return master.error();
    auto made = master->master_key().create(protection);
    if (!made && made.error() != errc::already_exists) return made.error();
    auto opened = master->master_key().open(protection);
    if (!opened && !made)
      return detail::differs("database master key", name.text(), "this password does not open it")
          .because(opened.error());
    if (!opened) return opened.error();
    so_far.opened =
        std::make_shared<typename step<Vault, Clock>::progress::open_key>(std::move(*opened));
    so_far.master = std::move(*master);
    return next(std::move(so_far));
  }
};

}  // namespace setup

/// Begins to set an instance up for mirroring with certificates, and gives the first step; each
/// step gives the next one:
/// - outbound: `create_master_key`, `create_certificate`, `create_endpoint`, `export_certificate`;
/// - inbound, `configure_inbound<Peer>()` for each of the `Peers`: `create_login`, `create_user`,
///   `obtain_certificate`, `associate_certificate`, `grant_connect`;
/// - `start`.
///
/// A step out of its order does not compile. Each step is stored at once; running a set-up again
/// goes on where it was interrupted: what is there exactly so is taken as it is, what differs is
/// refused. Steps are values: keep one and come back to it, in any thread, one at a time.
template <class Peers, class Vault, clock_source Clock = system_clock>
  requires requires { Peers::size; }
[[nodiscard]] setup::master_key_step<Vault, Clock, Peers> set_up_endpoint(const Vault& in,
                                                                          Clock clock = {}) {
  static_assert(Peers::size > 0, "an instance is set up for at least one peer");
  return setup::master_key_step<Vault, Clock, Peers>({in, std::move(clock)});
}

/// The same for the instance `Self` of a `mirroring_session`: its peers are the others, and its
/// role must allow its part.
template <class Session, named_instance Self, class Vault, clock_source Clock = system_clock>
[[nodiscard]] auto set_up_endpoint(const Vault& in, Clock clock = {})
    -> setup::master_key_step<Vault, Clock, typename Session::template peers_of<Self>> {
  return setup::master_key_step<Vault, Clock, typename Session::template peers_of<Self>>(
      {in, std::move(clock), Session::template part_of<Self>});
}

}  // namespace keywarden
