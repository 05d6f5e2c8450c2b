/// @file
/// What a program makes its endpoint from: definition, principals and own certificates.
#pragma once

#include <utility>

#include <keywarden/auth/certificate_pinned.hpp>
#include <keywarden/endpoint/definition_store.hpp>

namespace keywarden {

/// An instance that is enabled for certificate authentication, outbound and inbound. Holds opened
/// private keys.
struct mirroring_configuration {
  endpoint_definition definition;  ///< the endpoint, as it is kept
  auth::directory known;           ///< whom it knows, and who may connect
  auth::own_identities own;

  /// The form of authentication to compose an endpoint with:
  /// `endpoint<auth::certificate<trust::pinned>>::create(from.authentication(), …)`.
  [[nodiscard]] auth::certificate<trust::pinned> authentication() const {
    return {own, auth::endpoint_access(known, definition.name, definition.owner)};
  }
};

/// Reads the configuration of an instance that was set up before, and checks all of it. Errors: as
/// `load_endpoint` and `load_own_identities`; `not_permitted` when the inbound half is missing,
/// that is when no user with a certificate has CONNECT.
template <class Database>
[[nodiscard]] result<mirroring_configuration> load_configuration(const Database& in) {
  auto definition = load_endpoint(in);
  if (!definition) return definition.error();
  auto known = auth::load_directory(in);
  if (!known) return known.error();
  auto own = load_own_identities(in, *definition);
  if (!own) return own.error();
  for (const auto& [name, each] : known->certificates()) {
    const auto& login = known->users().at(each.owner).login;
    if (known->effective(login, auth::permission::connect, definition->name, definition->owner)
            .allowed())
      return mirroring_configuration{std::move(*definition), std::move(*known), std::move(*own)};
  }
  return error(errc::not_permitted)
      .with(fact::kind, "inbound connections")
      .with(fact::name, definition->name.text())
      .with(fact::reason, "no peer may connect")
      .with(fact::next_step,
            "for each peer: login, user, its certificate, then GRANT CONNECT to the login");
}

}  // namespace keywarden
