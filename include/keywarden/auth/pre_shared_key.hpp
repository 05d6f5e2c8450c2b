/// @file
/// Authentication with pre-shared keys: one for each direction between two instances.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <keywarden/auth/access.hpp>
#include <keywarden/auth/concepts.hpp>
#include <keywarden/auth/shared_secrets.hpp>

namespace keywarden::auth {

/// The peer holds the key for this direction between it and this instance; the directory says which
/// login holds that instance's key, and that login may connect.
///
/// Protects: against everybody who does not hold the secret; against reflection, for a connector's
/// key answers nothing. Does not protect: against who stole a secret at either end (there is
/// nothing to revoke but the secret); the names of both instances, which a listener sees. The
/// principal's `user` is the peer's name as an instance. A handle on shared state: copies see each
/// other's `reload_…`, which take effect at once for new handshakes and leave sessions alone. Any
/// thread.
class pre_shared_key {
 public:
  using form = auth::form::shared_key;

  /// For an endpoint that `owner` (a login) owns.
  pre_shared_key(shared_secrets secrets, directory known, const object_name& endpoint,
                 const object_name& owner)
      : state_(std::make_shared<detail::replaceable<snapshot>>(
            snapshot{std::make_shared<const shared_secrets>(std::move(secrets)),
                     endpoint_access(std::move(known), endpoint, owner)})) {}

  /// From now on, these secrets.
  void reload_secrets(shared_secrets secrets) const {
    auto made = std::make_shared<const shared_secrets>(std::move(secrets));
    state_->change([&](snapshot& next) { next.secrets = std::move(made); });
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

  /// The key with which this instance dials the instance of that name. Errors: `not_found`,
  /// `invalid_name`.
  [[nodiscard]] result<shared_key_offer> offer(std::string_view dialled) const {
    auto peer = object_name::parse(dialled);
    if (!peer) return peer.error();
    return state_->read()->secrets->offer_to(*peer);
  }

  /// The key of a connector that shows this identity, if this instance knows it. A connector's
  /// own identities, and those for other acceptors, are nobody's.
  [[nodiscard]] std::optional<secret_key> find(std::string_view identity) const {
    const auto name = shared_key_name::parse(identity);
    if (!name) return std::nullopt;
    return state_->read()->secrets->key_of(*name);
  }

  /// Errors: `peer_unproven` without the identity of a key, or with certificates; `peer_unknown`
  /// for an identity that is not one between the peer and this instance in this direction, whose
  /// secret is gone, or that belongs to no login; `not_permitted` without CONNECT.
  [[nodiscard]] result<principal> judge(const peer_evidence& evidence, time_point /*now*/) const {
    if (evidence.shared_key_identity.empty() || !evidence.chain.empty())
      return error(errc::peer_unproven)
          .with(fact::reason, evidence.chain.empty() ? "it used no pre-shared key"
                                                     : "it showed a certificate as well");
    const auto present = state_->read();
    const auto name = shared_key_name::parse(evidence.shared_key_identity);
    if (!name) return unknown("its key's identity is not of a known form");
    const bool dials = evidence.peer == side::connector;
    const auto& peer = dials ? name->from : name->to;
    if ((dials ? name->to : name->from) != present->secrets->own())
      return unknown("its key is not for this direction between it and this instance");
    if (!dials && peer.text() != evidence.dialled)
      return unknown("its key is not that of the instance that was dialled");
    if (!present->secrets->knows(peer, name->version))
      return unknown("its secret is not known any more");
    return admit(*present, peer, name->version);
  }

  /// Whether the very version of the secret that the principal used is still shared with this
  /// instance, it still stands for its login, and that login may still connect. Errors:
  /// `peer_unknown`, `not_permitted`.
  [[nodiscard]] result<void> permits(const principal& who) const {
    const auto present = state_->read();
    const auto peer = object_name::parse(who.user);
    if (!peer || who.certificate || !who.key_version ||
        !present->secrets->knows(*peer, *who.key_version))
      return unknown("the secret that it used is not shared with this instance any more");
    auto again = admit(*present, *peer, *who.key_version);
    if (!again) return again.error();
    if (again->login != who.login) return unknown("it stands for another login now");
    return done();
  }

 private:
  struct snapshot {
    std::shared_ptr<const shared_secrets> secrets;
    endpoint_access access;
  };

  [[nodiscard]] static error unknown(std::string_view reason) {
    return error(errc::peer_unknown).with(fact::kind, "pre-shared key").with(fact::reason, reason);
  }
  [[nodiscard]] static result<principal> admit(const snapshot& present, const object_name& peer,
                                               std::uint32_t version) {
    const auto login = present.access.known().who_has_identity(peer);
    if (!login)
      return unknown("no login holds its key")
          .with(fact::peer, peer.text())
          .with(fact::next_step, "add it to the directory as a login's shared-key identity");
    if (auto may = present.access.expect_connect(*login); !may) return may.error();
    return principal{login->text(), peer.text(), std::nullopt, version};
  }

  std::shared_ptr<detail::replaceable<snapshot>> state_;
};

static_assert(authenticator<pre_shared_key>);

}  // namespace keywarden::auth
