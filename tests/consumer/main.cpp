// A program outside the project: what it needs is found through find_package(keywarden) alone.
#include <keywarden/core/encoding.hpp>
#include <keywarden/core/random.hpp>
#include <keywarden/core/secret.hpp>

#ifdef WITH_LIBCRYPTO
#include <keywarden/crypto/libcrypto/aead.hpp>

// With a component it uses what the component's own library does.
int main() {
  const auto key = keywarden::random_key().value();
  auto seals = keywarden::crypto::libcrypto::aes256_gcm::context::create(key).value();
  auto opens = keywarden::crypto::aes256_gcm::context::create(key).value();
  keywarden::bytes data{1, 2, 3};
  keywarden::crypto::tag tag;
  return seals.seal({}, {}, data, tag) && opens.open({}, {}, data, tag) ? 0 : 1;
}
#else
int main() {}
#endif
