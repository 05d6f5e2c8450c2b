/// @file
/// A trusted root for path validation that does not verify the root's own signature each time.
#pragma once

#include <optional>
#include <vector>

#include <botan/ber_dec.h>
#include <botan/der_enc.h>
#include <botan/pk_keys.h>
#include <botan/pkix_types.h>
#include <botan/x509cert.h>

#include <keywarden/core/backend.hpp>

namespace keywarden::pki::detail {

/// A copy of a self-signed version 3 authority that names another issuer than itself, and is alike
/// in all else; nothing for any other certificate, and for one whose own signature is wrong.
///
/// Botan verifies the signature of a self-signed anchor at every path, though whoever trusts an
/// anchor believes its name and key without it (RFC 5280, 6.1.1 d); it does not for an anchor that
/// somebody else issued. The signature is verified here instead, once. The copy is for a store of
/// trusted certificates alone: its signature is over other bytes.
[[nodiscard]] inline std::optional<Botan::X509_Certificate> anchor_copy(
    const Botan::X509_Certificate& of) {
  using copy = std::optional<Botan::X509_Certificate>;
  if (!of.is_self_signed() || of.x509_version() != 3) return std::nullopt;
  auto made = keywarden::detail::guarded("reading a trust anchor", [&]() -> copy {
    if (!of.check_signature(*of.subject_public_key())) return std::nullopt;
    Botan::X509_DN issuer;
    issuer.add_attribute("X520.CommonName", "whoever trusts this anchor");
    std::vector<std::uint8_t> body;
    Botan::DER_Encoder to(body);
    to.start_sequence();
    Botan::BER_Decoder from(of.signed_body(), Botan::BER_Decoder::Limits::DER());
    constexpr int issuer_at = 3;  // after version, serialNumber, signature
    for (int at = 0; from.more_items(); ++at) {
      const auto field = from.get_next_object();
      if (at == issuer_at)
        to.encode(issuer);
      else
        to.add_object(field.type_tag(), field.class_tag(), field.data());
    }
    to.end_cons();
    std::vector<std::uint8_t> whole;
    Botan::DER_Encoder(whole)
        .start_sequence()
        .raw_bytes(body)
        .encode(of.signature_algorithm())
        .encode(of.signature(), Botan::ASN1_Type::BitString)
        .end_cons();
    Botan::X509_Certificate copied(whole);
    if (copied.is_self_signed() || copied.subject_dn() != of.subject_dn() ||
        copied.subject_public_key_info() != of.subject_public_key_info())
      return std::nullopt;
    return copied;
  });
  return made ? std::move(*made) : std::nullopt;
}

}  // namespace keywarden::pki::detail
