// expects: template constraint failure | constraints not satisfied
#include <keywarden/crypto/by_size.hpp>
#include <keywarden/crypto/password_kdf.hpp>

namespace kc = keywarden::crypto;

#ifndef TWIN
using large = kc::argon2id<>;
#else
using large = kc::aes256_gcm;
#endif
using cipher = kc::by_size<kc::up_to<1024, kc::aes256_gcm>, kc::otherwise<large>>;

static_assert(sizeof(cipher) > 0);
