/// @file
/// Which of the certificates that a stranger sent are worth a signature's verification.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <botan/bigint.h>
#include <botan/rsa.h>

#include <keywarden/pki/trust_anchors.hpp>

namespace keywarden::pki::detail {

/// Why the work of verifying with this public key cannot be bounded, or is too little; nothing for
/// the keys that are taken: P-256 and P-384 by name, RSA of 2048 to 8192 bits with an exponent of
/// at most 64 bits, Ed25519. Looks at encodings and sizes before it reads any number. May throw.
[[nodiscard]] inline std::optional<std::string_view> reason_against_key(
    const Botan::X509_Certificate& of) {
  constexpr std::string_view next =
      "its key is not P-256, P-384, RSA of 2048 to 8192 bits, Ed25519";
  constexpr std::size_t largest_encoding = 1200;  // RSA of 8192 bits: 1,060 bytes
  const auto is = [&](std::string_view name) {
    return of.subject_public_key_algo().oid() == Botan::OID::from_string(name);
  };
  if (of.subject_public_key_info().size() > largest_encoding) return next;
  if (is("Ed25519")) return std::nullopt;
  if (is("ECDSA")) {
    const auto& curve = of.subject_public_key_algo().parameters();
    for (const std::string_view name : {"secp256r1", "secp384r1"})
      if (curve == Botan::OID::from_string(name).BER_encode()) return std::nullopt;
    return next;
  }
  if (!is("RSA")) return next;
  const auto key = of.subject_public_key();
  const auto* rsa = dynamic_cast<const Botan::RSA_PublicKey*>(key.get());
  if (rsa == nullptr || rsa->get_n().bits() > 8192) return next;
  if (rsa->get_n().bits() < 2048) return "its key is too short";
  if (rsa->get_e().bits() > 64) return "its key's exponent is larger than 64 bits";
  return std::nullopt;
}

/// Whether `issuer` may have issued `of` by names and key identifiers alone.
[[nodiscard]] inline bool fits_by_name(const Botan::X509_Certificate& of,
                                       const Botan::X509_Certificate& issuer) {
  const auto& wanted = of.authority_key_id();
  const auto& key = issuer.subject_key_id();
  return (wanted.empty() || key.empty() || wanted == key) && of.issuer_dn() == issuer.subject_dn();
}

/// The shortest way, by names and key identifiers, from the leaf of `chain` to a certificate that
/// an anchor may have issued (or that is one), leaf first, without the anchor; nothing when there
/// is none. Verifies no signature and looks at each certificate once, so that a stranger who sends
/// many that could have issued each other has one path verified, not all of them. Of certificates
/// that fit equally the first that was sent is taken. May throw.
[[nodiscard]] inline std::vector<Botan::X509_Certificate> shortest_way(
    std::span<const certificate> chain, const trust_anchors& anchors) {
  constexpr auto nobody = static_cast<std::size_t>(-1);
  std::vector<std::size_t> came_from(chain.size(), nobody);
  std::vector<std::size_t> reached{0};
  for (std::size_t next = 0; next < reached.size(); ++next) {
    const auto at = reached[next];
    const auto& x509 = chain[at].x509();
    if (anchors.store().contains(x509) ||
        !anchors.store().find_all_certs(x509.issuer_dn(), x509.authority_key_id()).empty()) {
      std::vector<Botan::X509_Certificate> way;
      for (auto i = at; i != nobody; i = came_from[i]) way.push_back(chain[i].x509());
      std::ranges::reverse(way);
      return way;
    }
    for (std::size_t i = 1; i < chain.size(); ++i)
      if (std::ranges::find(reached, i) == reached.end() && fits_by_name(x509, chain[i].x509())) {
        came_from[i] = at;
        reached.push_back(i);
      }
  }
  return {};
}

}  // namespace keywarden::pki::detail
