// expects: the providers of by_size have the same suite, key size and limits
#include <keywarden/crypto/by_size.hpp>

namespace kc = keywarden::crypto;

#ifndef TWIN
using large = kc::chacha20_poly1305;
#else
using large = kc::aes256_gcm;
#endif
using cipher = kc::by_size<kc::up_to<1024, kc::aes256_gcm>, kc::otherwise<large>>;

static_assert(sizeof(cipher) > 0);
