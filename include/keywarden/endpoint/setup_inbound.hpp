/// @file
/// Inbound connections, step by step: login, user, obtain the certificate, associate it, grant.
#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include <keywarden/endpoint/setup_progress.hpp>

namespace keywarden {

/// Says, where a program says it, that nobody compared the fingerprint of a peer's certificate over
/// another channel: whoever could change the file on its way may now connect as that peer.
struct fingerprint_not_compared {};

/// The steps of a set-up as types: each has only the step that comes next.
namespace setup {

template <class Vault, clock_source Clock, class Remaining>
class outbound_configured;

/// What all steps are made of. For the library's own use.
template <class Vault, clock_source Clock>
class step {
 public:
  /// What was done and given so far.
  using progress = detail::setup_progress<Vault, Clock>;
  explicit step(progress so_far) : so_far_(std::move(so_far)) {}

 protected:
  /// Errors: `already_exists` naming what differs, where the step was done otherwise before.
  [[nodiscard]] auto in_directory(const auto& change) const {
    return detail::ensure_in_directory(*so_far_.master, change);
  }

  progress so_far_;  ///< what the next step goes on with
};

/// Inbound 5: grant.
template <class Vault, clock_source Clock, class Remaining, class Peer>
class grant_step : public step<Vault, Clock> {
 public:
  using step<Vault, Clock>::step;

  /// GRANT CONNECT ON ENDPOINT TO the peer's login. Errors: `not_permitted` where somebody DENIED
  /// it before: a set-up does not lift that.
  [[nodiscard]] auto grant_connect() const
      -> result<outbound_configured<Vault, Clock, typename Remaining::template without<Peer>>> {
    const auto& endpoint = *this->so_far_.definition;
    const auto& login = *this->so_far_.present.login;
    auto granted = this->in_directory([&](auth::directory& known) -> result<void> {
      const auto denied = [&](auth::permission what) {
        const auto said = known.permissions().find({endpoint.name, login, what});
        return said != known.permissions().end() && said->second == auth::permission_state::deny;
      };
      if (denied(auth::permission::connect) || denied(auth::permission::control))
        return error(errc::not_permitted)
            .with(fact::kind, "CONNECT")
            .with(fact::peer, login.text())
            .with(fact::name, endpoint.name.text())
            .with(fact::reason, "it was denied before")
            .with(fact::next_step, "REVOKE the DENY first, if this peer is to connect");
      return known.grant(auth::permission::connect, endpoint.name, login);
    });
    if (!granted) return granted.error();
    auto so_far = this->so_far_;
    so_far.peers.push_back(std::exchange(so_far.present, {}));
    return outbound_configured<Vault, Clock, typename Remaining::template without<Peer>>(
        std::move(so_far));
  }
};

/// Inbound 4: associate.
template <class Vault, clock_source Clock, class Remaining, class Peer>
class associate_step : public step<Vault, Clock> {
 public:
  using step<Vault, Clock>::step;
  /// Next: grant CONNECT to the peer's login.
  using next = grant_step<Vault, Clock, Remaining, Peer>;

  /// CREATE CERTIFICATE … AUTHORIZATION the peer's user: from now on whoever holds its key is that
  /// user. Errors: `already_exists` when the name is another certificate's, or the certificate or
  /// its key another user's; as `directory::add_certificate`.
  [[nodiscard]] result<next> associate_certificate(const object_name& name) const {
    const auto& peer = this->so_far_.present;
    auto kept = this->in_directory([&](auth::directory& known) -> result<void> {
      const auto at = known.certificates().find(name);
      if (at == known.certificates().end())
        return known.add_certificate(name, *peer.certificate, *peer.user);
      if (at->second.certificate != *peer.certificate)
        return detail::differs(
            "certificate", name.text(),
            "its fingerprint is " + pki::to_text(at->second.certificate.fingerprint()));
      if (at->second.owner != *peer.user)
        return detail::differs("certificate", name.text(),
                               "its owner is " + at->second.owner.text());
      return done();
    });
    if (!kept) return kept.error();
    auto so_far = this->so_far_;
    so_far.present.name = name;
    return next(std::move(so_far));
  }

  /// The certificate that was obtained, for whoever wants to look at it first.
  [[nodiscard]] const pki::certificate& obtained() const noexcept {
    return *this->so_far_.present.certificate;
  }
};

/// Inbound 3: obtain.
template <class Vault, clock_source Clock, class Remaining, class Peer>
class obtain_step : public step<Vault, Clock> {
 public:
  using step<Vault, Clock>::step;
  /// Next: make the certificate that of the peer's user.
  using next = associate_step<Vault, Clock, Remaining, Peer>;

  /// Takes the certificate of the peer's endpoint: `from` is its file (DER or PEM) or itself;
  /// `compared` is the fingerprint that a person at the other end read out over another channel.
  /// Stores nothing. Errors: `certificate_untrusted` when the file holds another one than was
  /// compared; `invalid_argument` for this instance's own certificate or key; `malformed` for more
  /// than one certificate; `certificate_expired`; as `read_certificates`.
  [[nodiscard]] result<next> obtain_certificate(const std::filesystem::path& from,
                                                const pki::fingerprint& compared) const {
    return from_file(from, &compared);
  }
  /// The same for a certificate that the program has already.
  [[nodiscard]] result<next> obtain_certificate(const pki::certificate& from,
                                                const pki::fingerprint& compared) const {
    return take(from, &compared);
  }
  /// The same for a certificate that nobody compared: a named weakening.
  [[nodiscard]] result<next> obtain_certificate(const std::filesystem::path& from,
                                                fingerprint_not_compared /*meant*/) const {
    return from_file(from, nullptr);
  }
  /// The same for a certificate that the program has already.
  [[nodiscard]] result<next> obtain_certificate(const pki::certificate& from,
                                                fingerprint_not_compared /*meant*/) const {
    return take(from, nullptr);
  }

 private:
  [[nodiscard]] result<next> from_file(const std::filesystem::path& from,
                                       const pki::fingerprint* compared) const {
    auto all = pki::read_certificates(from);
    if (!all) return all.error();
    if (all->size() != 1)
      return error(errc::malformed)
          .with(fact::file, from.string())
          .with(fact::reason, "a peer's file holds exactly one certificate")
          .with(fact::actual, all->size());
    return take(all->front(), compared);
  }
  [[nodiscard]] result<next> take(const pki::certificate& from,
                                  const pki::fingerprint* compared) const {
    if (compared != nullptr && *compared != from.fingerprint())
      return error(errc::certificate_untrusted)
          .with(fact::peer, std::string_view(Peer::name))
          .with(fact::actual, pki::to_text(from.fingerprint()))
          .with(fact::limit, pki::to_text(*compared))
          .with(fact::reason, "it is not the certificate whose fingerprint was compared")
          .with(fact::next_step, "copy the file again, and ask the peer for its fingerprint");
    auto so_far = this->so_far_;
    auto foreign = keywarden::detail::guarded(
        "comparing keys", [&] { return from.key_fingerprint() != so_far.own->key_fingerprint(); });
    if (!foreign) return foreign.error();
    if (!*foreign)
      return error(errc::invalid_argument)
          .with(fact::peer, std::string_view(Peer::name))
          .with(fact::reason, "it is this instance's own certificate or key")
          .with(fact::next_step, "obtain the file that the peer exported");
    if (auto alive = detail::expect_not_expired(from, so_far.clock.now(),
                                                "ask the peer to make and export a new one");
        !alive)
      return alive.error();
    so_far.present.certificate = from;
    return next(std::move(so_far));
  }
};

/// Inbound 2: user.
template <class Vault, clock_source Clock, class Remaining, class Peer>
class user_step : public step<Vault, Clock> {
 public:
  using step<Vault, Clock>::step;
  /// Next: take the peer's certificate.
  using next = obtain_step<Vault, Clock, Remaining, Peer>;

  /// CREATE USER … FOR LOGIN the peer's. Errors: `already_exists` when it is another login's user.
  [[nodiscard]] result<next> create_user(const object_name& name) const {
    const auto& login = *this->so_far_.present.login;
    auto made = this->in_directory([&](auth::directory& known) -> result<void> {
      const auto at = known.users().find(name);
      if (at == known.users().end()) return known.create_user(name, login);
      if (at->second.login != login)
        return detail::differs("user", name.text(), "its login is " + at->second.login.text());
      return done();
    });
    if (!made) return made.error();
    auto so_far = this->so_far_;
    so_far.present.user = name;
    return next(std::move(so_far));
  }
};

/// Inbound 1: login.
template <class Vault, clock_source Clock, class Remaining, class Peer>
class login_step : public step<Vault, Clock> {
 public:
  using step<Vault, Clock>::step;
  /// Next: a user that stands for the login.
  using next = user_step<Vault, Clock, Remaining, Peer>;

  /// CREATE LOGIN for the peer. Errors: `not_permitted` for the endpoint's owner and
  /// `already_exists` for a sysadmin, for whom no permission is checked; `limit_exceeded`.
  [[nodiscard]] result<next> create_login(const object_name& name) const {
    if (name == this->so_far_.definition->owner)
      return error(errc::not_permitted)
          .with(fact::kind, "login")
          .with(fact::name, name.text())
          .with(fact::reason, "it owns the endpoint, and so needs no CONNECT")
          .with(fact::next_step, "give each peer a login of its own");
    auto made = this->in_directory([&](auth::directory& known) -> result<void> {
      const auto at = known.logins().find(name);
      if (at == known.logins().end()) return known.create_login(name);
      if (at->second != auth::server_role::none)
        return detail::differs("login", name.text(), "it is a sysadmin");
      return done();
    });
    if (!made) return made.error();
    auto so_far = this->so_far_;
    so_far.present = {std::string(Peer::name), name, {}, {}, {}};
    return next(std::move(so_far));
  }
};

}  // namespace setup
}  // namespace keywarden
