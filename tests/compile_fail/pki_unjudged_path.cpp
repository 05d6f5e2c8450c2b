// expects: is private within this context
#include <keywarden/pki/path.hpp>

namespace pki = keywarden::pki;

auto forge(const pki::verified_path& judged) {
#ifndef TWIN
  pki::verified_path forged;
  return forged;
#else
  pki::verified_path copied = judged;
  return copied;
#endif
}
