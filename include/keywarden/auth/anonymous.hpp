/// @file
/// Serving whoever connects: named so that nobody does it by accident.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include <keywarden/auth/concepts.hpp>
#include <keywarden/auth/own_identity.hpp>

namespace keywarden::auth {

/// Acknowledges that clients are not authenticated: whoever can reach the endpoint is served,
/// unless something else keeps them out (a private network, a proxy). Protects nothing; it makes
/// each place where that is decided findable.
struct allow_anonymous_i_accept_the_risk {
  explicit constexpr allow_anonymous_i_accept_the_risk() noexcept = default;
};

/// An acceptor that shows its certificate and asks connectors for none: a named weakening, for
/// services that are protected otherwise or mean to be public.
///
/// Protects: what is exchanged, against everybody on the way, for clients that check the
/// certificate. Does not protect: the service against anybody. Every principal is "anonymous";
/// sessions cannot be told apart or taken back one by one. Serves only: `connect` is refused, since
/// a connector that shows nothing belongs to a web client. Copies share the identities. Any thread.
class anonymous_connectors {
 public:
  using form = auth::form::server_certificate;
  /// What every client's principal is called.
  static constexpr std::string_view login = "anonymous";

  /// Errors: as `own_identities::of`.
  [[nodiscard]] static result<anonymous_connectors> create(
      pki::identity own, allow_anonymous_i_accept_the_risk /*acknowledged*/) {
    std::vector<pki::identity> only;
    only.push_back(std::move(own));
    auto identities = own_identities::of(std::move(only));
    if (!identities) return identities.error();
    return anonymous_connectors(std::move(*identities));
  }

  /// From now on, these identities.
  void reload_own(const own_identities& own) const {
    own_->change([&](own_identities& next) { next = own; });
  }

  /// What to show now. Errors: `certificate_expired`, `certificate_not_yet_valid`.
  [[nodiscard]] result<std::shared_ptr<const pki::identity>> own(time_point now) const {
    return own_->read()->valid_at(now);
  }
  /// Everybody. Errors: `not_permitted` for an acceptor: this side never connects.
  [[nodiscard]] static result<principal> judge(const peer_evidence& evidence, time_point /*now*/) {
    if (evidence.peer == side::acceptor)
      return error(errc::not_permitted).with(fact::reason, "this authenticator only accepts");
    return principal{std::string(login), std::string(), std::nullopt};
  }
  [[nodiscard]] static result<void> permits(const principal& /*who*/) { return done(); }

 private:
  explicit anonymous_connectors(own_identities own)
      : own_(std::make_shared<detail::replaceable<own_identities>>(std::move(own))) {}

  std::shared_ptr<detail::replaceable<own_identities>> own_;
};

static_assert(authenticator<anonymous_connectors>);

}  // namespace keywarden::auth
