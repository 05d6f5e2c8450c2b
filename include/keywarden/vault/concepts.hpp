/// @file
/// What a vault is composed of.
#pragma once

#include <tuple>
#include <type_traits>

#include <keywarden/crypto/aead.hpp>
#include <keywarden/protect/combine.hpp>
#include <keywarden/protect/password.hpp>
#include <keywarden/protect/slots.hpp>
#include <keywarden/protect/wrapped_by.hpp>
#include <keywarden/store/concepts.hpp>

namespace keywarden {

namespace detail {

template <class T>
struct password_kdf_of;
template <class Kdf>
struct password_kdf_of<protect::any_of<protect::service_master_key, protect::password<Kdf>>> {
  using type = Kdf;
};

template <class T>
concept has_vault_parts = requires {
  typename T::cipher;
  typename T::service_key;
  typename T::database_key;
  typename T::store;
};

template <class T>
concept heals_service_key = requires {
  requires T::service_key::heals;
};

template <class T>
concept opens_database_keys = requires {
  typename password_kdf_of<typename T::database_key>::type;
};

}  // namespace detail

/// A concept matching what a vault is composed of: a type with four members. Satisfied by, for
/// example,
///
/// ```
/// struct production {
///   using cipher       = crypto::aes256_gcm;
///   using service_key  = protect::self_healing<protect::any_of<protect::account,
///   protect::machine>>; using database_key = protect::any_of<protect::service_master_key,
///   protect::password<crypto::argon2id<>>>; using store        = store::sqlite;
/// };
/// ```
///
/// - `cipher` seals data under symmetric keys.
/// - `service_key` opens the service master key: at least two alternatives that heal each other,
/// unattended.
/// - `database_key` opens database master keys: the service master key or a password.
/// - `store` keeps the records.
/// - optionally `accepts`: `protect::accepts_from<…>` names older compositions whose records are
/// still read.
template <class T>
concept vault_policy = detail::has_vault_parts<T> && crypto::aead<typename T::cipher> &&
    protect::key_protector<typename T::service_key> && detail::heals_service_key<T> &&
    detail::opens_database_keys<T> && store::record_store<typename T::store>;

namespace detail {

/// Says in a sentence what is wrong with a composition.
template <class Policy>
consteval void explain_vault_policy() {
  static_assert(has_vault_parts<Policy>,
                "a vault policy names four types: cipher, service_key, database_key and store");
  if constexpr (has_vault_parts<Policy>) {
    static_assert(crypto::aead<typename Policy::cipher>,
                  "the vault policy's cipher is not an AEAD: see keywarden/crypto/aead.hpp");
    static_assert(protect::key_protector<typename Policy::service_key>,
                  "the vault policy's service_key is not a key protector: see keywarden/protect/");
    static_assert(
        heals_service_key<Policy>,
        "the service master key always has two independent ways in: compose service_key with "
        "protect::self_healing<protect::any_of<…, …>>");
    static_assert(opens_database_keys<Policy>,
                  "compose database_key as protect::any_of<protect::service_master_key, "
                  "protect::password<…>>: a database master key always keeps a password");
    static_assert(
        store::record_store<typename Policy::store>,
        "the vault policy's store is not a record store: see keywarden/store/concepts.hpp");
  }
}

template <class Policy>
struct accepts_of {
  using type = protect::accepts_from<>;
};
template <class Policy>
  requires requires { typename Policy::accepts; }
struct accepts_of<Policy> {
  using type = typename Policy::accepts;
};

}  // namespace detail
}  // namespace keywarden
