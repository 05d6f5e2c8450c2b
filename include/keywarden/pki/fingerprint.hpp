/// @file
/// SHA-256 fingerprints: how two people make sure they hold the same certificate.
#pragma once

#include <string>
#include <string_view>

#include <keywarden/core/encoding.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/core/strong.hpp>

namespace keywarden::pki {

/// The SHA-256 hash of a whole DER certificate (32 bytes). Public. Identifies exactly one
/// certificate.
using fingerprint = strong_bytes<32, struct fingerprint_tag>;

/// The SHA-256 hash of a certificate's SubjectPublicKeyInfo (32 bytes), as in RFC 7469. Stays the
/// same when a certificate is renewed for the same key.
using key_fingerprint = strong_bytes<32, struct key_fingerprint_tag>;

/// Upper-case hexadecimal with colons, as `openssl x509 -fingerprint -sha256` shows it: 95
/// characters.
template <class Fingerprint>
  requires(Fingerprint::size == 32)
[[nodiscard]] std::string to_text(const Fingerprint& from) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  std::string text;
  text.reserve(3 * Fingerprint::size - 1);
  for (const auto byte : from.view()) {
    if (!text.empty()) text += ':';
    text += digits[byte >> 4U];
    text += digits[byte & 15U];
  }
  return text;
}

/// Reads a fingerprint: exactly 64 hexadecimal digits of either case, with a colon between each two
/// or with none. Nothing else is dropped or folded. Errors: `malformed` with the reason.
template <class Fingerprint = fingerprint>
  requires(Fingerprint::size == 32)
[[nodiscard]] result<Fingerprint> parse_fingerprint(std::string_view text) {
  const auto refuse = [](std::string_view reason) {
    return error(errc::malformed).with(fact::kind, "fingerprint").with(fact::reason, reason);
  };
  const bool colons = text.size() == 3 * Fingerprint::size - 1;
  if (!colons && text.size() != 2 * Fingerprint::size)
    return refuse("not 64 hexadecimal digits (SHA-256)");
  const auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  Fingerprint made;
  const std::size_t step = colons ? 3 : 2;
  for (std::size_t i = 0; i < Fingerprint::size; ++i) {
    const int high = digit(text[i * step]);
    const int low = digit(text[i * step + 1]);
    if (high < 0 || low < 0) return refuse("a character is not a hexadecimal digit");
    if (colons && i != 0 && text[i * step - 1] != ':')
      return refuse("a colon is missing between two bytes");
    made.view()[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return made;
}

}  // namespace keywarden::pki
