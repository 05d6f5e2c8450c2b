// expects: Botan's TLS takes no Ed25519 leaf
#include <keywarden/protect/account.hpp>
#include <keywarden/protect/machine.hpp>
#include <keywarden/store/memory.hpp>
#include <keywarden/vault/vault.hpp>

#include <keywarden/pki/certificate_store.hpp>

namespace kw = keywarden;
namespace kp = keywarden::protect;

struct policy {
  using cipher = kw::crypto::aes256_gcm;
  using service_key = kp::self_healing<kp::any_of<kp::account, kp::machine>>;
  using database_key = kp::any_of<kp::service_master_key, kp::password<>>;
  using store = kw::store::memory;
};

auto make(kw::vault<policy>::database_handle& master) {
#ifndef TWIN
  using algorithm = kw::pki::ed25519;
#else
  using algorithm = kw::pki::ecdsa_p256;
#endif
  return kw::pki::create_certificate<algorithm>(master.certificates(), "endpoint", {"db1"},
                                                kw::system_clock::now());
}
