// A program outside the project: what it needs is found through what Keywarden's packaging says
// alone.
#ifdef WITH_EVERYTHING
#include "everything.hpp"
#endif
#include <keywarden/core/encoding.hpp>
#include <keywarden/core/random.hpp>
#include <keywarden/core/secret.hpp>
#include <keywarden/crypto/aead.hpp>

#ifdef WITH_LIBCRYPTO
#include <keywarden/crypto/libcrypto/aead.hpp>

// With a component it uses what the component's own library does.
using sealing = keywarden::crypto::libcrypto::aes256_gcm;
#else
using sealing = keywarden::crypto::aes256_gcm;
#endif

#ifdef WITH_EVERYTHING
keywarden::bytes from_the_other_unit();
#else
static keywarden::bytes from_the_other_unit() { return {1, 2, 3}; }
#endif

int main() {
  const auto key = keywarden::random_key().value();
  auto seals = sealing::context::create(key).value();
  auto opens = keywarden::crypto::aes256_gcm::context::create(key).value();
  auto data = from_the_other_unit();
  keywarden::crypto::tag tag;
  const bool same = seals.seal({}, {}, data, tag) && opens.open({}, {}, data, tag) &&
                    data == from_the_other_unit();
  return same ? 0 : 1;
}
