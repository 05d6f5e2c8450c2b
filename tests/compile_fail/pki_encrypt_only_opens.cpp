// expects: has no member named | no member named
#include <keywarden/pki/credential_sealing.hpp>

namespace pki = keywarden::pki;

#ifndef TWIN
using role = pki::encrypt_only<>;
#else
using role = pki::decrypt_only<>;
#endif

auto work(const role& web, const keywarden::sealed<pki::stored_credentials>& stored) {
  return web.open(stored, "request 17/source");
}
