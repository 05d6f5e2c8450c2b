// expects: template constraint failure
#include <keywarden/crypto/kdf.hpp>
#include <keywarden/crypto/password_kdf.hpp>
#include <keywarden/key/opened_key.hpp>

namespace kw = keywarden;

struct cards {
  static constexpr std::string_view name = "card numbers";
};

#ifndef TWIN
using key = kw::opened_key<cards, kw::crypto::argon2id<>>;
#else
using key = kw::opened_key<cards, kw::crypto::aes256_gcm>;
#endif
