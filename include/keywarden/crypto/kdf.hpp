/// @file
/// Key derivation from keys: HKDF-SHA-256, with labels that keep uses apart.
#pragma once

#include <string_view>

#include <botan/hash.h>
#include <botan/kdf.h>
#include <botan/mac.h>

#include <keywarden/core/backend.hpp>
#include <keywarden/core/bytes.hpp>
#include <keywarden/core/secret.hpp>
#include <keywarden/core/strong.hpp>

namespace keywarden::crypto {

/// HKDF with HMAC-SHA-256 (RFC 5869): extract, then expand to `size` bytes.
///
/// `key` must hold full entropy (a key or a shared secret, never a password). Different `label` or
/// `salt` give independent keys. Errors: `invalid_argument` when `size` is 0 or above 8160.
[[nodiscard]] inline result<secret_key> hkdf_sha256(bytes_view key, bytes_view salt,
                                                    bytes_view label, std::size_t size = 32) {
  return keywarden::detail::guarded("hkdf-sha256", [&]() -> result<secret_key> {
    if (size == 0 || size > 255 * 32)
      return error(errc::invalid_argument).with(fact::limit, 255 * 32).with(fact::actual, size);
    const auto kdf = Botan::KDF::create_or_throw("HKDF(SHA-256)");
    auto made = keywarden::detail::sized_key(size);
    kdf->derive_key(keywarden::detail::secret_access::view(made), key, salt, label);
    return made;
  });
}

/// The same from a key in its type.
[[nodiscard]] inline result<secret_key> hkdf_sha256(const secret_key& key, bytes_view salt,
                                                    bytes_view label, std::size_t size = 32) {
  return hkdf_sha256(keywarden::detail::view_of(key), salt, label, size);
}

/// An independent key for one use of `key`, named by a label such as "keywarden/1/material".
[[nodiscard]] inline result<secret_key> subkey(const secret_key& key, std::string_view label) {
  return hkdf_sha256(key, {}, as_bytes(label));
}

/// HMAC-SHA-256 (RFC 2104) of data.
[[nodiscard]] inline result<mac> hmac_sha256(const secret_key& key, bytes_view data) {
  return keywarden::detail::guarded("hmac-sha256", [&]() -> result<mac> {
    const auto hmac = Botan::MessageAuthenticationCode::create_or_throw("HMAC(SHA-256)");
    hmac->set_key(keywarden::detail::view_of(key));
    hmac->update(data);
    mac made;
    hmac->final(made.view());
    return made;
  });
}

/// A SHA-256 digest.
using digest = strong_bytes<32, struct digest_tag>;

/// SHA-256 (FIPS 180-4) of data.
[[nodiscard]] inline result<digest> sha256(bytes_view data) {
  return keywarden::detail::guarded("sha-256", [&] {
    const auto hash = Botan::HashFunction::create_or_throw("SHA-256");
    hash->update(data);
    digest made;
    hash->final(made.view());
    return made;
  });
}

}  // namespace keywarden::crypto
