/// @file
/// The composition to start with.
#pragma once

#include <keywarden/crypto/aead.hpp>
#include <keywarden/protect/account.hpp>
#include <keywarden/protect/combine.hpp>
#include <keywarden/protect/machine.hpp>
#include <keywarden/protect/password.hpp>
#include <keywarden/protect/wrapped_by.hpp>
#include <keywarden/store/concepts.hpp>
#include <keywarden/vault/concepts.hpp>

namespace keywarden {

/// A vault policy with every default: AES-256-GCM; a service master key that the account or the
/// machine opens and that heals itself; database master keys that it or a password (Argon2id)
/// opens. Write a policy of your own, with the same four members, to change any of them.
template <store::record_store Store>
struct standard_policy {
  using cipher = crypto::aes256_gcm;
  using service_key = protect::self_healing<protect::any_of<protect::account, protect::machine>>;
  using database_key =
      protect::any_of<protect::service_master_key, protect::password<crypto::argon2id<>>>;
  using store = Store;
};

}  // namespace keywarden
