/// @file
/// Hiding a key under a one-time pad that is derived from a secret: the one way all leaves do it.
#pragma once

#include <algorithm>
#include <string_view>

#include <keywarden/core/random.hpp>
#include <keywarden/core/secret.hpp>
#include <keywarden/crypto/kdf.hpp>
#include <keywarden/protect/concepts.hpp>

namespace keywarden::protect::detail {

/// The size of every key that protectors hide.
inline constexpr std::size_t hidden_size = 32;

/// A salt that makes each pad unique.
using pad_salt = strong_bytes<32, struct pad_salt_tag>;

/// `key` xor HKDF(secret, salt, context): applied twice it gives the key back. Without redundancy,
/// so a wrong secret gives another key and no sign of being wrong. The salt must be fresh for each
/// key hidden.
[[nodiscard]] inline result<secret_key> pad(const secret_key& key, const secret_key& secret,
                                            bytes_view salt, bytes_view context) {
  auto made = crypto::hkdf_sha256(secret, salt, context, hidden_size);
  if (!made) return made.error();
  if (key.size() != hidden_size)
    return error(errc::invalid_argument)
        .with(fact::limit, hidden_size)
        .with(fact::actual, key.size());
  const auto out = keywarden::detail::secret_access::view(*made);
  const auto in = keywarden::detail::view_of(key);
  for (std::size_t i = 0; i < hidden_size; ++i) out[i] ^= in[i];
  return made;
}

/// The stored form of a key hidden under `secret`: adds `salt` and `hidden` to `data`.
[[nodiscard]] inline result<stored_json> hide_under(const secret_key& key, const secret_key& secret,
                                                    bytes_view context, nlohmann::json data) {
  auto salt = random_public<pad_salt>();
  if (!salt) return salt.error();
  auto hidden = pad(key, secret, salt->view(), context);
  if (!hidden) return hidden.error();
  data["salt"] = to_hex(salt->view());
  data["hidden"] = to_hex(keywarden::detail::view_of(*hidden));
  return stored_json{std::move(data)};
}

/// A hidden key as it was stored.
struct hidden_key {
  pad_salt salt;
  strong_bytes<hidden_size, struct hidden_tag> data;

  [[nodiscard]] static hidden_key read(keywarden::detail::json_reader& from) {
    return {from.hex<pad_salt>("salt"),
            from.hex<strong_bytes<hidden_size, struct hidden_tag>>("hidden")};
  }

  /// The candidate that `secret` gives.
  [[nodiscard]] result<secret_key> candidate(const secret_key& secret, bytes_view context) const {
    return pad(secret_key::copy_of(data.view()), secret, salt.view(), context);
  }
};

/// Reads `scheme` and refuses another one.
inline void expect_scheme(keywarden::detail::json_reader& read, std::string_view scheme) {
  if (read.text("scheme", std::max<std::size_t>(512, scheme.size())) != scheme)
    read.fail("scheme", "not the scheme of this protector");
}

}  // namespace keywarden::protect::detail
