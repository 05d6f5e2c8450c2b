// expects: in ascending order of their limits
#include <keywarden/crypto/by_size.hpp>

namespace kc = keywarden::crypto;

#ifndef TWIN
using second = kc::up_to<256, kc::aes256_gcm>;
#else
using second = kc::up_to<4096, kc::aes256_gcm>;
#endif
using cipher = kc::by_size<kc::up_to<1024, kc::aes256_gcm>, second, kc::otherwise<kc::aes256_gcm>>;

static_assert(sizeof(cipher) > 0);
