/// @file
/// The one database mirroring endpoint of an instance, in its master database.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <keywarden/auth/directory_store.hpp>
#include <keywarden/auth/own_identity.hpp>
#include <keywarden/endpoint/alter.hpp>
#include <keywarden/endpoint/definition_json.hpp>
#include <keywarden/pki/certificate_store.hpp>

namespace keywarden {

namespace detail {

/// The document of the master database that holds the endpoint.
[[nodiscard]] inline object_name endpoint_document() { return object_name("endpoint"); }

struct stored_endpoint {
  endpoint_definition definition;
  store::revision revision;
};

/// Errors: `invalid_argument` for any database but master.
template <class Database>
[[nodiscard]] result<void> expect_master(const Database& in) {
  if (in.name() == object_name("master")) return done();
  return error(errc::invalid_argument)
      .with(fact::kind, "database")
      .with(fact::name, in.name().text())
      .with(fact::reason, "endpoints and their principals live in master")
      .with(fact::next_step, "pass vault.database(\"master\")");
}

template <class Database>
[[nodiscard]] result<std::optional<stored_endpoint>> read_endpoint(const Database& in) {
  if (auto master = expect_master(in); !master) return master.error();
  auto documents = in.documents();
  auto found = documents.get(endpoint_document());
  if (!found) {
    if (found.error().code() == errc::not_found &&
        found.error().value_of(fact::kind) == "document" && found.error().causes().empty())
      return std::optional<stored_endpoint>();
    return found.error();
  }
  auto read = definition_from_json(found->content.view());
  if (!read) return read.error();
  return std::optional(stored_endpoint{std::move(*read), found->revision});
}

[[nodiscard]] inline error no_endpoint() {
  return error(errc::not_found)
      .with(fact::kind, "database mirroring endpoint")
      .with(fact::next_step, "create the endpoint first");
}

}  // namespace detail

/// Whether a definition stands on what it names, as `set_up_endpoint` makes sure while compiling:
/// its owner is a login, each certificate is there, unaltered, with a private key that opens by
/// itself and signs. `known` is the database's directory.
///
/// Errors: `not_found` for the login, a certificate or its private key; `secret_required` for a
/// private key under a password of its own; `certificate_usage`, `unsupported_suite` for a
/// certificate that TLS cannot show; `weaker_than_required` for RC4; as opening a certificate.
template <class Database>
[[nodiscard]] result<void> check_endpoint(const Database& in, const endpoint_definition& of,
                                          const auth::directory& known) {
  if (auto sound = check_definition(of); !sound) return sound;
  if (!known.logins().contains(of.owner))
    return error(errc::not_found)
        .with(fact::kind, "login")
        .with(fact::name, of.owner.text())
        .with(fact::reason, "it is to own the endpoint")
        .with(fact::next_step, "create the login, or drop the endpoint and create it anew");
  if (!of.authentication.with_certificates()) return done();
  for (const auto& name : of.authentication.certificates()->all()) {
    auto protection = in.certificates().protection(name);
    const auto refuse = [&](errc code, std::string_view reason, std::string_view next) {
      return error(code)
          .with(fact::kind, "certificate")
          .with(fact::name, name.text())
          .with(fact::reason, reason)
          .with(fact::next_step, next);
    };
    if (!protection && protection.error() == errc::not_found)
      return refuse(errc::not_found, "the endpoint is to show it",
                    "create the certificate before the endpoint");
    if (!protection) return protection.error();
    if (*protection == private_key_protection::none)
      return refuse(errc::not_found, "it has no private key",
                    "create a certificate of this instance's own, or attach its private key");
    if (*protection == private_key_protection::password)
      return refuse(errc::secret_required, "its private key is under a password",
                    "move its protection to the database master key");
    auto own = pki::load_identity(in.certificates(), name);
    if (!own) return own.error();
    std::vector<pki::identity> one;
    one.push_back(std::move(*own));
    if (auto usable = auth::own_identities::of(std::move(one)); !usable) return usable.error();
  }
  return done();
}

/// The endpoint of this instance, after `check_endpoint`. Errors: `not_found` when there is none;
/// `invalid_argument` unless the database is master; as `check_endpoint`; as reading a sealed
/// document and `definition_from_json`.
template <class Database>
[[nodiscard]] result<endpoint_definition> load_endpoint(const Database& in) {
  auto stored = detail::read_endpoint(in);
  if (!stored) return stored.error();
  if (!*stored) return detail::no_endpoint();
  auto known = auth::load_directory(in);
  if (!known) return known.error();
  if (auto sound = check_endpoint(in, (*stored)->definition, *known); !sound) return sound.error();
  return std::move((*stored)->definition);
}

/// The identities that an endpoint shows, open. Errors: `not_permitted` when its form is pre-shared
/// keys; as `load_identity` and `own_identities::of`.
template <class Database>
[[nodiscard]] result<auth::own_identities> load_own_identities(const Database& in,
                                                               const endpoint_definition& of) {
  if (auto form = expect_form<auth::form::certificate>(of); !form) return form.error();
  std::vector<pki::identity> all;
  for (const auto& name : of.authentication.certificates()->all()) {
    auto own = pki::load_identity(in.certificates(), name);
    if (!own) return own.error();
    all.push_back(std::move(*own));
  }
  return auth::own_identities::of(std::move(all));
}

/// CREATE ENDPOINT with an ENCRYPTION below REQUIRED, on purpose. Errors: as below, but for
/// weakness.
template <class Database>
[[nodiscard]] result<void> create_endpoint(const Database& in, const endpoint_definition& from,
                                           accept_weaker_encryption /*meant*/) {
  auto present = detail::read_endpoint(in);
  if (!present) return present.error();
  const auto second = [](const endpoint_definition& first) {
    return error(errc::already_exists)
        .with(fact::kind, "database mirroring endpoint")
        .with(fact::name, first.name.text())
        .with(fact::reason, "an instance has exactly one")
        .with(fact::next_step, "alter it, or drop it first");
  };
  if (*present) return second((*present)->definition);
  auto known = auth::load_directory(in);
  if (!known) return known.error();
  if (auto sound = check_endpoint(in, from, *known); !sound) return sound;
  auto made = in.documents().put(detail::endpoint_document(), as_bytes(to_json(from)), {});
  if (made || made.error() != errc::store_conflict) return made;
  auto winner = detail::read_endpoint(in);  // somebody else was faster
  return winner && *winner ? second((*winner)->definition) : made;
}

/// CREATE ENDPOINT … FOR DATABASE_MIRRORING. Errors: `already_exists` when this instance has one,
/// of whatever name; `weaker_than_required` for an ENCRYPTION that is not REQUIRED;
/// `invalid_argument` unless the database is master; as `check_endpoint`; those of the store.
template <class Database>
[[nodiscard]] result<void> create_endpoint(const Database& in, const endpoint_definition& from) {
  const transport::encryption_clause required;
  if (auto strong = detail::expect_not_weaker(from.name, from.encryption, required); !strong)
    return strong;
  return create_endpoint(in, from, accept_weaker_encryption{});
}

/// ALTER ENDPOINT: reads the definition, changes it, and stores it; again from the start, at most
/// 64 times, when somebody else was faster. Gives both states; tell the running endpoint. Errors:
/// as `alter`, and then nothing is stored; `not_found`; as `check_endpoint`; `store_conflict`.
/// Pass `accept_weaker_encryption{}` last for a change that weakens ENCRYPTION.
template <class Database, class... Meant>
  requires(sizeof...(Meant) == 0 || (std::same_as<Meant, accept_weaker_encryption> && ...))
[[nodiscard]] result<endpoint_alteration> alter_endpoint(const Database& in,
                                                         const endpoint_change& change,
                                                         Meant... meant) {
  constexpr int attempts = 64;
  for (int attempt = 1;; ++attempt) {
    auto present = detail::read_endpoint(in);
    if (!present) return present.error();
    if (!*present) return detail::no_endpoint();
    auto made = alter((*present)->definition, change, meant...);
    if (!made) return made.error();
    auto known = auth::load_directory(in);
    if (!known) return known.error();
    if (auto sound = check_endpoint(in, made->after, *known); !sound) return sound.error();
    if (made->before == made->after) return made;
    auto stored = in.documents().put(detail::endpoint_document(), as_bytes(to_json(made->after)),
                                     (*present)->revision);
    if (stored) return made;
    if (stored.error() != errc::store_conflict || attempt == attempts) return stored.error();
  }
}

/// DROP ENDPOINT, with the permissions that were said about it. Logins, users and certificates
/// stay. Errors: `not_found`, those of the store.
template <class Database>
[[nodiscard]] result<void> drop_endpoint(const Database& in) {
  auto present = detail::read_endpoint(in);
  if (!present) return present.error();
  if (!*present) return detail::no_endpoint();
  // The permissions go first: an endpoint without them lets nobody in, they without it would
  // be there for the next of that name.
  auto forgotten = auth::change_directory(in, [&](auth::directory& known) -> result<void> {
    known.forget_endpoint((*present)->definition.name);
    return done();
  });
  if (!forgotten) return forgotten.error();
  return in.documents().drop(detail::endpoint_document());
}

}  // namespace keywarden
