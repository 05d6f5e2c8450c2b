/// @file
/// The alert that OpenSSL has no call for: protected as the next record of a connection.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include <botan/aead.h>
#include <botan/kdf.h>
#include <botan/secmem.h>

#include <keywarden/core/bytes.hpp>
#include <keywarden/transport/encryption_clause.hpp>

namespace keywarden::transport::libssl::detail {

/// What this side's records are protected with (RFC 8446, 5.2 and 7.3), followed beside OpenSSL,
/// which sends the alerts that it thinks of and offers no way to send another. Holds a secret,
/// wiped.
class write_keys {
 public:
  /// The traffic secret from now on; no record was protected by it yet.
  void install(Botan::secure_vector<std::uint8_t> traffic_secret) {
    secret_ = std::move(traffic_secret);
    records_ = 0;
  }
  /// A record was protected.
  void count() noexcept { ++records_; }
  /// A KeyUpdate was sent (RFC 8446, 7.2).
  void update() {
    if (!known()) return;
    install(expanded("traffic upd", secret_.size()));
  }
  [[nodiscard]] bool known() const noexcept { return !secret_.empty(); }

  /// A fatal alert as the next record; not protected where nothing is yet. Throws what Botan does.
  [[nodiscard]] bytes alert_record(std::uint8_t description, algorithm by) const {
    constexpr std::uint8_t fatal = 2;
    constexpr std::uint8_t alert = 21;
    constexpr std::uint8_t application_data = 23;
    if (!known()) return {alert, 3, 3, 0, 2, fatal, description};
    const auto aead = Botan::AEAD_Mode::create_or_throw(
        by == algorithm::aes ? "AES-256/GCM" : "ChaCha20Poly1305", Botan::Cipher_Dir::Encryption);
    Botan::secure_vector<std::uint8_t> content{fatal, description, alert};
    const auto size = static_cast<std::uint8_t>(content.size() + aead->tag_size());
    const std::array<std::uint8_t, 5> header{application_data, 3, 3, 0, size};
    auto nonce = expanded("iv", 12);
    for (std::size_t i = 0; i < 8; ++i)
      nonce[nonce.size() - 1 - i] ^= static_cast<std::uint8_t>(records_ >> (8 * i));
    aead->set_key(expanded("key", 32));
    aead->set_associated_data(header);
    aead->start(nonce);
    aead->finish(content);
    bytes made(header.begin(), header.end());
    append(made, content);
    return made;
  }

 private:
  /// HKDF-Expand-Label with an empty context (RFC 8446, 7.1).
  [[nodiscard]] Botan::secure_vector<std::uint8_t> expanded(std::string_view label,
                                                            std::size_t size) const {
    const auto full = "tls13 " + std::string(label);
    bytes info{0, static_cast<std::uint8_t>(size), static_cast<std::uint8_t>(full.size())};
    append(info, as_bytes(full));
    info.push_back(0);
    const auto expand = Botan::KDF::create_or_throw(secret_.size() == 48 ? "HKDF-Expand(SHA-384)"
                                                                         : "HKDF-Expand(SHA-256)");
    return expand->derive_key(size, secret_, bytes_view(), info);
  }

  Botan::secure_vector<std::uint8_t> secret_;
  std::uint64_t records_ = 0;
};

}  // namespace keywarden::transport::libssl::detail
