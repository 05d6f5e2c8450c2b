// expects: argon2id needs at least 8 KiB of memory for each lane, one pass and one lane
#include <keywarden/crypto/password_kdf.hpp>

#ifndef TWIN
constexpr auto cost = keywarden::crypto::argon2id<7, 1, 1>::cost;
#else
constexpr auto cost = keywarden::crypto::argon2id<8, 1, 1>::cost;
#endif
