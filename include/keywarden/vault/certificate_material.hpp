/// @file
/// A certificate and its private key as a database keeps them: what can be wrapped to it, and the
/// bytes of its key.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <botan/data_src.h>
#include <botan/ec_group.h>
#include <botan/ecc_key.h>
#include <botan/ecdsa.h>
#include <botan/pkcs8.h>
#include <botan/x509cert.h>

#include <keywarden/crypto/dhkem.hpp>
#include <keywarden/crypto/rsa_oaep.hpp>

namespace keywarden {

/// How a private key is protected (sys.certificates, pvt_key_encryption_type).
enum class private_key_protection : std::uint8_t {
  none,        ///< NA: there is only the public half
  master_key,  ///< MK: by the database master key
  password,    ///< PW: by a password of its own
};

/// "NA", "MK" or "PW".
[[nodiscard]] constexpr std::string_view name_of(private_key_protection protection) noexcept {
  switch (protection) {
    case private_key_protection::none:
      return "NA";
    case private_key_protection::master_key:
      return "MK";
    case private_key_protection::password:
      return "PW";
  }
  return "NA";
}

namespace detail {

/// The "mechanism" of keys that sign and cannot hide a key.
inline constexpr std::string_view no_kem = "none";
inline constexpr std::size_t max_stored_certificate = 65536;

/// The public side of a private key's record.
struct private_key_facts {
  std::string kem;
  bytes public_key;   ///< as the mechanism encodes it; SubjectPublicKeyInfo where there is none
  bytes certificate;  ///< DER; empty for a bare key pair
  bool without_private_key = false;
};

[[nodiscard]] inline bool is_on_curve(const Botan::Public_Key& key, std::string_view curve) {
  const auto* elliptic = dynamic_cast<const Botan::EC_PublicKey*>(&key);
  return elliptic != nullptr && elliptic->domain() == Botan::EC_Group::from_name(curve);
}

/// Whether the certificate's key usage (RFC 5280, section 4.2.1.3), where it states one, allows
/// hiding keys for it: an endpoint's certificate, which is for signing handshakes, does not.
[[nodiscard]] inline bool hides_keys(const Botan::X509_Certificate& of, bool is_rsa) {
  return of.allowed_usage(Botan::Key_Constraints(is_rsa ? Botan::Key_Constraints::KeyEncipherment
                                                        : Botan::Key_Constraints::KeyAgreement));
}

/// What a certificate's public key can do: hide keys by a mechanism, where its algorithm and its
/// key usage allow it, or only sign. Errors: `malformed`, `limit_exceeded`,
/// `weaker_than_required` for RSA below 2048 bits, `unsupported_suite`.
[[nodiscard]] inline result<private_key_facts> facts_of_certificate(bytes_view certificate) {
  if (certificate.size() > max_stored_certificate)
    return error(errc::limit_exceeded)
        .with(fact::kind, "certificate")
        .with(fact::limit, max_stored_certificate)
        .with(fact::actual, certificate.size());
  if (certificate.empty())
    return error(errc::malformed)
        .with(fact::kind, "certificate")
        .with(fact::reason, "nothing to import");
  return guarded("certificate", [&]() -> result<private_key_facts> {
    Botan::DataSource_Memory source(certificate);
    const Botan::X509_Certificate parsed(source);
    if (!source.end_of_data())
      return error(errc::malformed)
          .with(fact::kind, "certificate")
          .with(fact::reason, "bytes follow it");
    const auto key = parsed.subject_public_key();
    const auto algorithm = key->algo_name();
    private_key_facts made{std::string(no_kem), key->subject_public_key(), parsed.BER_encode()};
    if (algorithm == "RSA") {
      auto theirs = crypto::rsa_oaep<2048>::public_key::decode(made.public_key);
      if (!theirs) return theirs.error();
      if (hides_keys(parsed, true)) made.kem = crypto::rsa_oaep<2048>::name;
      return made;
    }
    if (is_on_curve(*key, "secp256r1")) {
      auto theirs = crypto::dhkem_p256::public_key::decode(key->raw_public_key_bits());
      if (!theirs) return theirs.error();
      if (!hides_keys(parsed, false)) return made;
      made.kem = crypto::dhkem_p256::name;
      made.public_key = theirs->encode();
      return made;
    }
    if (algorithm == "Ed25519" || is_on_curve(*key, "secp384r1")) return made;
    return error(errc::unsupported_suite)
        .with(fact::scheme, algorithm)
        .with(fact::next_step, "use RSA from 2048 bits, P-256, P-384 or Ed25519");
  });
}

/// The bytes to keep of a certificate's private key. Errors: `malformed`; `invalid_argument` when
/// it is not the certificate's; those of the mechanism.
[[nodiscard]] inline result<secret_key> material_of(const private_key_facts& facts,
                                                    const secret_key& pkcs8) {
  if (pkcs8.empty())
    return error(errc::malformed)
        .with(fact::kind, "private key")
        .with(fact::reason, "nothing to import");
  return guarded("certificate", [&]() -> result<secret_key> {
    const Botan::X509_Certificate parsed(facts.certificate.data(), facts.certificate.size());
    Botan::DataSource_Memory source(view_of(pkcs8));
    const auto ours = Botan::PKCS8::load_key(source);
    if (ours->subject_public_key() != parsed.subject_public_key()->subject_public_key())
      return error(errc::invalid_argument)
          .with(fact::reason, "the private key is not the certificate's");
    if (facts.kem == crypto::rsa_oaep<2048>::name) {
      auto pair = crypto::rsa_oaep<2048>::private_key::decode(pkcs8);
      if (!pair) return pair.error();
      return pair->encode();
    }
    if (facts.kem == crypto::dhkem_p256::name) {
      auto pair = crypto::dhkem_p256::private_key::decode(adopt_key(ours->raw_private_key_bits()));
      if (!pair) return pair.error();
      return pair->encode();
    }
    return adopt_key(Botan::PKCS8::BER_encode(*ours));
  });
}

/// A stored private key as PKCS#8 DER, for whoever signs with it. Errors: `unsupported_suite` for
/// one that has no certificate and cannot sign; `malformed`.
[[nodiscard]] inline result<secret_key> pkcs8_of(const private_key_facts& facts,
                                                 bytes_view material) {
  if (facts.certificate.empty())
    return error(errc::unsupported_suite)
        .with(fact::scheme, facts.kem)
        .with(fact::reason, "a key pair without a certificate does not sign")
        .with(fact::next_step, "create a certificate with a subject, or import one");
  if (facts.kem != crypto::dhkem_p256::name) return secret_key::copy_of(material);
  return guarded("private key", [&]() -> result<secret_key> {
    const auto curve = Botan::EC_Group::from_name("secp256r1");
    const auto scalar = Botan::EC_Scalar::deserialize(curve, material);
    if (!scalar) return error(errc::malformed).with(fact::kind, "private key");
    return adopt_key(Botan::PKCS8::BER_encode(Botan::ECDSA_PrivateKey(curve, *scalar)));
  });
}

}  // namespace detail
}  // namespace keywarden
