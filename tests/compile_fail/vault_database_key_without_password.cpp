// expects: a database master key always keeps a password
#include <keywarden/protect/account.hpp>
#include <keywarden/protect/machine.hpp>
#include <keywarden/store/memory.hpp>
#include <keywarden/vault/vault.hpp>

namespace kw = keywarden;
namespace kp = keywarden::protect;

struct policy {
  using cipher = kw::crypto::aes256_gcm;
  using service_key = kp::self_healing<kp::any_of<kp::account, kp::machine>>;
#ifndef TWIN
  using database_key = kp::any_of<kp::service_master_key>;
#else
  using database_key = kp::any_of<kp::service_master_key, kp::password<>>;
#endif
  using store = kw::store::memory;
};

static_assert(sizeof(kw::vault<policy>) > 0);
