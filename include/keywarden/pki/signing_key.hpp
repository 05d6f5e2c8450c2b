/// @file
/// The private half of an instance's identity: a key that signs.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <botan/data_src.h>
#include <botan/ec_group.h>
#include <botan/ecc_key.h>
#include <botan/ecdsa.h>
#include <botan/ed25519.h>
#include <botan/pkcs8.h>
#include <botan/rsa.h>

#include <keywarden/core/backend.hpp>
#include <keywarden/core/random.hpp>
#include <keywarden/core/secret.hpp>
#include <keywarden/pki/certificate.hpp>

namespace keywarden::pki {

/// ECDSA over P-256 with SHA-256 (FIPS 186-5): the default for endpoints.
struct ecdsa_p256 {
  static constexpr std::string_view name = "ECDSA P-256";
  /// An endpoint can show such a certificate.
  static constexpr bool usable_in_tls = true;
  /// A new key from this randomness. May throw: `signing_key::generate` is what programs call.
  [[nodiscard]] static std::unique_ptr<Botan::Private_Key> generate(
      Botan::RandomNumberGenerator& random) {
    return std::make_unique<Botan::ECDSA_PrivateKey>(random,
                                                     Botan::EC_Group::from_name("secp256r1"));
  }
};
/// ECDSA over P-384 with SHA-384.
struct ecdsa_p384 {
  static constexpr std::string_view name = "ECDSA P-384";
  /// An endpoint can show such a certificate.
  static constexpr bool usable_in_tls = true;
  /// A new key from this randomness. May throw: `signing_key::generate` is what programs call.
  [[nodiscard]] static std::unique_ptr<Botan::Private_Key> generate(
      Botan::RandomNumberGenerator& random) {
    return std::make_unique<Botan::ECDSA_PrivateKey>(random,
                                                     Botan::EC_Group::from_name("secp384r1"));
  }
};
/// RSA (PKCS #1 v2.2) with a modulus of `Bits`.
template <unsigned Bits = 2048>
struct rsa {
  static_assert(Bits >= 2048 && Bits <= 8192,
                "an RSA key has 2048 to 8192 bits: shorter ones are refused by path validation");
  static constexpr std::string_view name = "RSA";
  /// An endpoint can show such a certificate.
  static constexpr bool usable_in_tls = true;
  /// A new key from this randomness, slow to make. May throw, as the others.
  [[nodiscard]] static std::unique_ptr<Botan::Private_Key> generate(
      Botan::RandomNumberGenerator& random) {
    return std::make_unique<Botan::RSA_PrivateKey>(random, Bits);
  }
};
/// Ed25519 (RFC 8032): for authorities. Botan's TLS takes no Ed25519 leaf certificate.
struct ed25519 {
  static constexpr std::string_view name = "Ed25519";
  /// No endpoint can show such a certificate.
  static constexpr bool usable_in_tls = false;
  /// A new key from this randomness. May throw: `signing_key::generate` is what programs call.
  [[nodiscard]] static std::unique_ptr<Botan::Private_Key> generate(
      Botan::RandomNumberGenerator& random) {
    return std::make_unique<Botan::Ed25519_PrivateKey>(random);
  }
};

/// A concept matching signature algorithms that certificates are made with. Satisfied by
/// `ecdsa_p256`, `ecdsa_p384`, `rsa<>`, `ed25519`.
template <class T>
concept signature_algorithm = requires(Botan::RandomNumberGenerator& random) {
  { T::name } -> std::convertible_to<std::string_view>;
  { T::usable_in_tls } -> std::convertible_to<bool>;
  { T::generate(random) } -> std::same_as<std::unique_ptr<Botan::Private_Key>>;
};

namespace detail {

/// Errors: `unsupported_suite` for what does not sign, or is too weak, or too large to be sensible.
[[nodiscard]] inline result<void> expect_signature_key(const Botan::Public_Key& key) {
  const auto name = key.algo_name();
  const auto* curve = dynamic_cast<const Botan::EC_PublicKey*>(&key);
  const bool known = name == "Ed25519" ||
                     (name == "RSA" && key.key_length() >= 2048 && key.key_length() <= 8192) ||
                     (name == "ECDSA" && curve != nullptr &&
                      (curve->domain() == Botan::EC_Group::from_name("secp256r1") ||
                       curve->domain() == Botan::EC_Group::from_name("secp384r1")));
  if (known) return done();
  return error(errc::unsupported_suite)
      .with(fact::scheme, name)
      .with(fact::next_step, "use ECDSA P-256 or P-384, RSA of 2048 to 8192 bits, or Ed25519");
}

}  // namespace detail

/// A private key that signs. Move-only, unprintable; its numbers live in Botan's wiped memory.
/// Signing from several threads is safe.
class signing_key {
 public:
  /// A fresh key from the system's generator. Errors: `backend_failed`.
  template <signature_algorithm Algorithm = ecdsa_p256>
  [[nodiscard]] static result<signing_key> generate() {
    return keywarden::detail::guarded("making a signing key", [] {
      system_random source;
      keywarden::detail::botan_random<system_random> random(source);
      return signing_key(Algorithm::generate(random));
    });
  }

  /// Reads an unencrypted PKCS#8 key, DER (RFC 5958). The source stays the caller's to wipe.
  /// Errors: `malformed`; `unsupported_suite` for what does not sign, for other curves than P-256
  /// and P-384, and for RSA below 2,048 or above 8,192 bits; `limit_exceeded`.
  [[nodiscard]] static result<signing_key> from_pkcs8(const secret_key& der) {
    constexpr std::size_t max_size = 16384;
    if (der.size() > max_size)
      return error(errc::limit_exceeded)
          .with(fact::kind, "private key")
          .with(fact::limit, max_size)
          .with(fact::actual, der.size());
    return detail::parsed("private key", [&]() -> result<signing_key> {
      Botan::DataSource_Memory source(keywarden::detail::view_of(der));
      return adopt(Botan::PKCS8::load_key(source));
    });
  }

  /// For the library's own use: what Botan made or read. Errors: `unsupported_suite`.
  [[nodiscard]] static result<signing_key> adopt(std::unique_ptr<Botan::Private_Key> key) {
    if (auto known = detail::expect_signature_key(*key); !known) return known.error();
    return signing_key(std::move(key));
  }

  /// Unencrypted PKCS#8 DER, in wiped memory. Errors: `backend_failed`.
  [[nodiscard]] result<secret_key> to_pkcs8() const {
    return keywarden::detail::guarded("writing a private key", [&] {
      return keywarden::detail::adopt_key(Botan::PKCS8::BER_encode(*key_));
    });
  }

  /// "RSA", "ECDSA", "Ed25519".
  [[nodiscard]] std::string algorithm() const { return key_->algo_name(); }

  /// Whether this is the private half of the certificate's key.
  [[nodiscard]] bool belongs_to(const certificate& to) const {
    return key_->subject_public_key() == to.x509().subject_public_key_info();
  }

  /// For Botan's own interfaces: the key, shared with whoever signs.
  [[nodiscard]] const std::shared_ptr<Botan::Private_Key>& botan() const noexcept { return key_; }

  signing_key(signing_key&&) noexcept = default;
  signing_key& operator=(signing_key&&) noexcept = default;
  signing_key(const signing_key&) = delete;
  signing_key& operator=(const signing_key&) = delete;
  ~signing_key() = default;

 private:
  explicit signing_key(std::unique_ptr<Botan::Private_Key> key) noexcept : key_(std::move(key)) {}

  std::shared_ptr<Botan::Private_Key> key_;
};

/// A certificate with its private key and the certificates that lead to its anchor: what an
/// instance shows to a peer. Immutable; shared between sessions and threads.
struct identity {
  std::vector<certificate> chain;  ///< leaf first; the anchor itself need not be there
  /// The private half of `chain.front()`; shared, wiped with its last owner.
  std::shared_ptr<const signing_key> key;
};

}  // namespace keywarden::pki
