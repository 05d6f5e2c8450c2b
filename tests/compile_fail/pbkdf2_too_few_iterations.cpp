// expects: pbkdf2_sha256 with fewer than 1,000 iterations protects nothing
#include <keywarden/crypto/password_kdf.hpp>

#ifndef TWIN
constexpr auto cost = keywarden::crypto::pbkdf2_sha256<999>::cost;
#else
constexpr auto cost = keywarden::crypto::pbkdf2_sha256<1000>::cost;
#endif
