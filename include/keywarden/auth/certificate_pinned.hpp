/// @file
/// Authentication with certificates that the two sides exchanged and compared.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <keywarden/auth/access.hpp>
#include <keywarden/auth/concepts.hpp>
#include <keywarden/auth/own_identity.hpp>
#include <keywarden/auth/trust.hpp>

namespace keywarden::auth {

/// Both ends show X.509 certificates; `Trust` says which are believed: `trust::pinned` or
/// `trust::chain<…>`.
template <class Trust>
class certificate {
  static_assert(!std::is_same_v<Trust, Trust>,
                "auth::certificate takes trust::pinned or trust::chain<…>: see "
                "keywarden/auth/trust.hpp");
};

/// The peer's certificate is byte for byte one of the directory's, valid now and made for its side;
/// the login of the user that owns it may connect. Certificates that come after it are ignored.
///
/// Protects: against everybody whose certificate was not put into the directory, whatever any
/// authority issues. Does not protect: against a wrong certificate in it (compare fingerprints);
/// against a peer that answers in place of another that is known as well: compare `peer()` with
/// whom you dialled. A handle on shared state: copies see each other's `reload_…`, which take
/// effect at once for new handshakes and leave sessions alone. Any thread.
template <>
class certificate<trust::pinned> {
 public:
  using form = auth::form::certificate;
  /// What is demanded of a peer's certificate, as the type was named.
  using trust = keywarden::trust::pinned;

  /// Shows `own` to the peers of an endpoint that `owner` (a login) owns. Errors: as
  /// `own_identities::of`.
  [[nodiscard]] static result<certificate> create(pki::identity own, directory known,
                                                  const object_name& endpoint,
                                                  const object_name& owner) {
    std::vector<pki::identity> only;
    only.push_back(std::move(own));
    auto identities = own_identities::of(std::move(only));
    if (!identities) return identities.error();
    return certificate(std::move(*identities), endpoint_access(std::move(known), endpoint, owner));
  }

  certificate(own_identities own, endpoint_access access)
      : state_(std::make_shared<detail::replaceable<snapshot>>(
            snapshot{std::move(own), std::move(access)})) {}

  /// From now on, these identities.
  void reload_own(own_identities own) const {
    state_->change([&](snapshot& next) { next.own = std::move(own); });
  }
  /// From now on, these principals.
  void reload_directory(directory known) const {
    state_->change([&](snapshot& next) { next.access = next.access.with(std::move(known)); });
  }
  /// From now on, the endpoint is this login's (ALTER AUTHORIZATION).
  void reload_owner(const object_name& owner) const {
    state_->change([&](snapshot& next) {
      next.access = endpoint_access(next.access.known(), next.access.endpoint(), owner);
    });
  }

  /// What to show now. Errors: `certificate_expired`, `certificate_not_yet_valid`.
  [[nodiscard]] result<std::shared_ptr<const pki::identity>> own(time_point now) const {
    return state_->read()->own.valid_at(now);
  }

  /// Errors: `peer_unproven` without a certificate; `peer_unknown` with its fingerprint;
  /// `certificate_not_yet_valid`, `certificate_expired`; `certificate_usage`; `not_permitted`
  /// without CONNECT.
  [[nodiscard]] result<principal> judge(const peer_evidence& evidence, time_point now) const {
    if (auto shown = detail::expect_chain(evidence); !shown) return shown.error();
    const auto present = state_->read();
    return keywarden::detail::guarded("judging a peer", [&] {
      return judge_leaf(*present, evidence.chain.front(), evidence.peer, now);
    });
  }

  /// Whether the principal's certificate is still its user's, and its login may still connect.
  /// Errors: `peer_unknown`, `not_permitted`.
  [[nodiscard]] result<void> permits(const principal& who) const {
    const auto present = state_->read();
    auto login = detail::login_of(who);
    if (!login) return login.error();
    const auto owner = who.certificate ? present->access.known().who_owns(*who.certificate)
                                       : std::optional<certificate_owner>();
    if (!owner || owner->login != *login || owner->user.text() != who.user)
      return error(errc::peer_unknown)
          .with(fact::name, who.login)
          .with(fact::reason, "its certificate is not in the directory any more");
    return present->access.expect_connect(*login);
  }

  /// The directory's certificate of these bytes (by their SHA-256), if it has one, so that an
  /// engine need not read again what was read when it was registered. Says nothing of whether who
  /// shows it is welcome: `judge` does. Never throws but for want of memory.
  [[nodiscard]] std::optional<pki::certificate> registered(bytes_view der) const {
    return detail::registered_as(state_->read()->access.known(), der);
  }

  /// How often something was reloaded: what was remembered of peers before does not count any more.
  [[nodiscard]] std::uint64_t generation() const { return state_->generation(); }

 private:
  struct snapshot {
    own_identities own;
    endpoint_access access;
  };

  [[nodiscard]] static result<principal> judge_leaf(const snapshot& present,
                                                    const pki::certificate& leaf, side peer,
                                                    time_point now) {
    const auto shown = leaf.fingerprint();
    const auto owner = present.access.known().who_owns(shown);
    if (!owner || !detail::same_bytes(owner->registered, leaf))
      return error(errc::peer_unknown)
          .with(fact::peer, to_text(shown))
          .with(fact::next_step,
                "if this peer is expected, compare this fingerprint with it and add its "
                "certificate to the directory");
    if (auto valid = detail::expect_valid(leaf, now); !valid) return valid.error();
    const auto usage = peer == side::connector ? Botan::Usage_Type::TLS_CLIENT_AUTH
                                               : Botan::Usage_Type::TLS_SERVER_AUTH;
    if (!leaf.x509().allowed_usage(usage))
      return error(errc::certificate_usage)
          .with(fact::peer, to_text(shown))
          .with(fact::name, owner->certificate.text())
          .with(fact::reason, peer == side::connector ? "it is not for who opens connections"
                                                      : "it is not for who answers connections");
    if (auto may = present.access.expect_connect(owner->login); !may)
      return error(may.error()).with(fact::key, to_text(shown));
    return principal{owner->login.text(), owner->user.text(), shown};
  }

  std::shared_ptr<detail::replaceable<snapshot>> state_;
};

static_assert(authenticator<certificate<trust::pinned>>);

}  // namespace keywarden::auth
