// expects: cannot convert
#include <keywarden/crypto/password_kdf.hpp>

namespace kw = keywarden;

#ifndef TWIN
auto stretch(const kw::secret_key& typed) {
#else
auto stretch(const kw::password& typed) {
#endif
  return kw::crypto::argon2id<>::derive(typed, kw::salt(), kw::crypto::argon2id<>::cost);
}
