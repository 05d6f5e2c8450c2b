/// @file
/// What a PFX file may cost to read, and how one is written.
#pragma once

#include <cstddef>
#include <string>

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/hazmat.hpp>
#include <keywarden/vault/password_policy.hpp>

namespace keywarden::pki {

/// What reading a PFX file may cost at most. Checked before the cost arises.
struct pfx_limits {
  /// Bytes of the file: 1 MiB.
  std::size_t size = std::size_t{1} << 20U;
  /// Rounds of all its key derivations together, those of the MAC included: some seconds. OpenSSL
  /// writes 2,048 for each, Windows 2,000, this library 300,000.
  std::size_t iterations = 10'000'000;
  std::size_t certificates = 64;  ///< in the file, in any bag
  /// Bags of any kind, and how deep they may be nested.
  std::size_t bags = 256;
  std::size_t nesting = 4;  ///< levels of bags within bags
};

/// How a PFX file is written. A plain value.
struct pfx_options {
  /// The least and the most rounds that are written.
  static constexpr std::size_t least_iterations = 100'000;
  /// The most; what is beyond is refused as `invalid_argument`.
  static constexpr std::size_t most_iterations = 10'000'000;
  /// The longest friendly name, in bytes.
  static constexpr std::size_t max_friendly_name = 256;

  /// The name that Windows shows for it: at most 256 bytes of UTF-8, characters up to U+FFFF.
  std::string friendly_name = {};
  /// Whether the certificates that lead to the root go along ("include the certification path").
  bool chain = true;
  /// Whether the certificates are encrypted as well; they name their holder. A third derivation.
  bool encrypt_certificates = false;
  /// Rounds of PBKDF2-HMAC-SHA-256 for the key, and of the MAC's derivation. More of them cost a
  /// guesser more: 600,000 is what OWASP asks for in 2023. The default is the most that .NET takes
  /// unless told otherwise (`Pkcs12LoaderLimits`: 300,000 each, 1,000,000 together).
  std::size_t iterations = 300'000;
  /// Ties the key to its certificate in the file; the SHA-1 of its public key if empty.
  bytes local_key_id = {};
  /// What the password must be like.
  password_policy rules = {};
};

/// Acknowledges that a file is written for programs that know only PBE-SHA1-3DES with 2,048 rounds
/// and a SHA-1 MAC (Windows before 2019, Java before 8u301): a password under it is guessed some
/// hundred times faster. Protects nothing; it makes each such place findable.
struct pfx_legacy_encryption_i_accept_the_risk {
  explicit constexpr pfx_legacy_encryption_i_accept_the_risk(
      hazmat::insecure_access /*reason*/) noexcept {}
};

/// Acknowledges that a file without a MAC is read: whoever could write it may have exchanged its
/// certificates, or the key. Protects nothing; it makes each such place findable.
struct pfx_without_mac_i_accept_the_risk {
  explicit constexpr pfx_without_mac_i_accept_the_risk(
      hazmat::insecure_access /*reason*/) noexcept {}
};

}  // namespace keywarden::pki
