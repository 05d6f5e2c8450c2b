// expects: the service master key always has two independent ways in: compose service_key with
#include <keywarden/protect/account.hpp>
#include <keywarden/protect/machine.hpp>
#include <keywarden/store/memory.hpp>
#include <keywarden/vault/vault.hpp>

namespace kw = keywarden;
namespace kp = keywarden::protect;

struct policy {
  using cipher = kw::crypto::aes256_gcm;
#ifndef TWIN
  using service_key = kp::any_of<kp::account, kp::machine>;
#else
  using service_key = kp::self_healing<kp::any_of<kp::account, kp::machine>>;
#endif
  using database_key = kp::any_of<kp::service_master_key, kp::password<>>;
  using store = kw::store::memory;
};

static_assert(sizeof(kw::vault<policy>) > 0);
