// expects: the members' key pairs are those of a KEM: see keywarden/crypto/kem.hpp
#include <keywarden/crypto/aead.hpp>
#include <keywarden/crypto/dhkem.hpp>
#include <keywarden/store/memory.hpp>
#include <keywarden/vault/scale_out.hpp>
#include <keywarden/vault/standard_policy.hpp>

namespace kw = keywarden;

using own_vault = kw::vault<kw::standard_policy<kw::store::memory>>;
#ifndef TWIN
using pairs = kw::crypto::aes256_gcm;
#else
using pairs = kw::crypto::dhkem_p256;
#endif

void open(kw::scale_out<own_vault, kw::store::memory, pairs>&& member) {
  static_cast<void>(member.refresh());
}
