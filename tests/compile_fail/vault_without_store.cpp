// expects: a vault policy names four types: cipher, service_key, database_key and store
#include <keywarden/protect/account.hpp>
#include <keywarden/protect/machine.hpp>
#include <keywarden/store/memory.hpp>
#include <keywarden/vault/vault.hpp>

namespace kw = keywarden;
namespace kp = keywarden::protect;

struct policy {
  using cipher = kw::crypto::aes256_gcm;
  using service_key = kp::self_healing<kp::any_of<kp::account, kp::machine>>;
  using database_key = kp::any_of<kp::service_master_key, kp::password<>>;
#ifndef TWIN
#else
  using store = kw::store::memory;
#endif
};

static_assert(sizeof(kw::vault<policy>) > 0);
