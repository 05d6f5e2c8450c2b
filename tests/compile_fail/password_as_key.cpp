// expects: cannot convert
#include <keywarden/core/random.hpp>
#include <keywarden/crypto/aead.hpp>

namespace kw = keywarden;

#ifndef TWIN
auto open(const kw::password& key) {
#else
auto open(const kw::secret_key& key) {
#endif
  return kw::crypto::aes256_gcm::context::create(key);
}
