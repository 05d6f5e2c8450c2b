/// @file
/// What a key in a database can be protected by, as a program says it.
#pragma once

#include <utility>

#include <keywarden/core/name.hpp>
#include <keywarden/core/secret.hpp>
#include <keywarden/key/role.hpp>

/// What a key is protected by: `keys.create(cards, by::master_key{}, by::certificate{auditor})`.
namespace keywarden::by {

/// The database master key.
struct master_key {
  using role = keywarden::role::database_master_key;
};

/// The service master key: protects database master keys and the server's secrets, nothing in a
/// database.
struct service_key {
  using role = keywarden::role::service_master_key;
};

/// A password of its own.
struct password {
  using role = keywarden::role::password;
  /// The password.
  keywarden::password secret;
};

/// The public key of a certificate in the same database. `own` is the password of a private key
/// that is under one: the record is opened first, so that nobody who can write the store can put a
/// public key of his own there.
struct certificate {
  using role = keywarden::role::certificate;
  object_name name;
  const keywarden::password* own = nullptr;
};

/// The public key of an asymmetric key in the same database; `own` as for a certificate.
struct asymmetric_key {
  using role = keywarden::role::asymmetric_key;
  object_name name;
  const keywarden::password* own = nullptr;
};

/// Another symmetric key in the same database.
struct symmetric_key {
  using role = keywarden::role::symmetric_key;
  object_name name;
};

}  // namespace keywarden::by
