/// @file
/// The key and the password behind the PFX files in corpus/, and a file around parts that are not
/// protected yet: fixed, public and worth nothing.
#pragma once

#include <botan/der_enc.h>
#include <botan/ec_group.h>
#include <botan/ec_scalar.h>
#include <botan/ecdsa.h>
#include <botan/mac.h>
#include <botan/pwdhash.h>

#include <keywarden/core/secret.hpp>
#include <keywarden/pki/signing_key.hpp>

namespace keywarden::fuzz {

inline constexpr std::string_view pfx_password_text = "carried over";

[[nodiscard]] inline const password& pfx_password() {
  static const password made(pfx_password_text);
  return made;
}

/// A P-256 key that is the same in every run.
[[nodiscard]] inline pki::signing_key signing_key_of(std::uint8_t byte) {
  const auto group = Botan::EC_Group::from_name("secp256r1");
  const auto scalar = Botan::EC_Scalar::from_bytes_mod_order(group, bytes(32, byte));
  return pki::signing_key::adopt(std::make_unique<Botan::ECDSA_PrivateKey>(group, scalar)).value();
}
/// The authority that issued every certificate in the seeds, and the holder of the private key.
[[nodiscard]] inline const pki::signing_key& pfx_authority() {
  static const auto made = signing_key_of(0x61);
  return made;
}
[[nodiscard]] inline const pki::signing_key& pfx_holder() {
  static const auto made = signing_key_of(0x68);
  return made;
}

/// A file around its parts, with their MAC under the password (RFC 7292, 4 and appendix B): what is
/// behind the MAC is only read after it.
[[nodiscard]] inline bytes pfx_file_around(bytes_view parts) {
  constexpr std::size_t rounds = 2;
  const bytes salt(8, 0x73);
  bytes key(20);
  Botan::PasswordHashFamily::create_or_throw("PKCS12-KDF(SHA-1,3)")
      ->from_iterations(rounds)
      ->hash(key, pfx_password_text, salt);
  const auto mac = Botan::MessageAuthenticationCode::create_or_throw("HMAC(SHA-1)");
  mac->set_key(key);
  mac->update(parts);
  bytes file;
  Botan::DER_Encoder(file)
      .start_sequence()
      .encode(std::size_t{3})
      .start_sequence()
      .encode(Botan::OID::from_string("PKCS7.Data"))
      .start_context_specific(0)
      .encode(parts.data(), parts.size(), Botan::ASN1_Type::OctetString)
      .end_cons()
      .end_cons()
      .start_sequence()
      .start_sequence()
      .encode(Botan::AlgorithmIdentifier("SHA-1", Botan::AlgorithmIdentifier::USE_NULL_PARAM))
      .encode(mac->final(), Botan::ASN1_Type::OctetString)
      .end_cons()
      .encode(salt, Botan::ASN1_Type::OctetString)
      .encode(rounds)
      .end_cons()
      .end_cons();
  return file;
}

}  // namespace keywarden::fuzz
