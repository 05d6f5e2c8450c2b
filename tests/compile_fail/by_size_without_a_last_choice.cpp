// expects: and one otherwise<provider> at the end
#include <keywarden/crypto/by_size.hpp>

namespace kc = keywarden::crypto;

#ifndef TWIN
using last = kc::up_to<65536, kc::aes256_gcm>;
#else
using last = kc::otherwise<kc::aes256_gcm>;
#endif
using cipher = kc::by_size<kc::up_to<1024, kc::aes256_gcm>, last>;

static_assert(sizeof(cipher) > 0);
