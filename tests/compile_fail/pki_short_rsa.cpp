// expects: an RSA key has 2048 to 8192 bits
#include <keywarden/pki/signing_key.hpp>

namespace pki = keywarden::pki;

auto make() {
#ifndef TWIN
  return pki::signing_key::generate<pki::rsa<1024>>();
#else
  return pki::signing_key::generate<pki::rsa<2048>>();
#endif
}
