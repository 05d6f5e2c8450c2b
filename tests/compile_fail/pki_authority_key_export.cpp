// expects: is private within this context
#include <keywarden/pki/authority.hpp>

namespace pki = keywarden::pki;

auto show(const pki::authority& own) {
#ifndef TWIN
  return own.key_->to_pkcs8();
#else
  return own.certificate().der();
#endif
}
