// expects: the vault policy's cipher is not an AEAD
#include <keywarden/protect/account.hpp>
#include <keywarden/protect/machine.hpp>
#include <keywarden/store/memory.hpp>
#include <keywarden/vault/vault.hpp>

namespace kw = keywarden;
namespace kp = keywarden::protect;

struct policy {
#ifndef TWIN
  using cipher = kw::crypto::argon2id<>;
#else
  using cipher = kw::crypto::aes256_gcm;
#endif
  using service_key = kp::self_healing<kp::any_of<kp::account, kp::machine>>;
  using database_key = kp::any_of<kp::service_master_key, kp::password<>>;
  using store = kw::store::memory;
};

static_assert(sizeof(kw::vault<policy>) > 0);
