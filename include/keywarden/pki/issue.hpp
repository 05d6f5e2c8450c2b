/// @file
/// Signing one certificate: what self-signed certificates and authorities share.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <botan/asn1_time.h>
#include <botan/pubkey.h>
#include <botan/x509_ca.h>
#include <botan/x509_ext.h>

#include <keywarden/core/random.hpp>
#include <keywarden/pki/certificate_options.hpp>
#include <keywarden/pki/signing_key.hpp>

namespace keywarden::pki {

/// What a certificate's holder may do with it, as its extended key usage says (RFC 5280, section
/// 4.2.1.12).
enum class certificate_purpose : std::uint8_t {
  server = 1,  ///< answer connections (serverAuth)
  client = 2,  ///< open connections (clientAuth)
  both = 3,    ///< an instance that does both
};

namespace detail {

/// A certificate before it is signed.
struct certificate_plan {
  Botan::X509_DN subject;
  Botan::AlternativeName names;
  validity_period validity;
  certificate_purpose purpose = certificate_purpose::both;
  bool authority = false;
  std::optional<std::size_t> path_length;
};

/// SHA-384 for P-384, SHA-512 for Ed25519 (it is part of that scheme), SHA-256 for the rest.
[[nodiscard]] inline std::string_view signature_hash(const Botan::Private_Key& key) {
  if (key.algo_name() == "Ed25519") return "SHA-512";
  return key.algo_name() == "ECDSA" && key.key_length() > 256 ? "SHA-384" : "SHA-256";
}

[[nodiscard]] inline Botan::Extensions extensions_of(const certificate_plan& plan,
                                                     const Botan::Public_Key& subject,
                                                     const std::vector<std::uint8_t>* issuer_id) {
  namespace extension = Botan::Cert_Extension;
  Botan::Extensions all;
  all.add(std::make_unique<extension::Basic_Constraints>(plan.authority, plan.path_length), true);
  all.add(std::make_unique<extension::Key_Usage>(
              plan.authority ? Botan::Key_Constraints::ca_constraints()
                             : Botan::Key_Constraints(Botan::Key_Constraints::DigitalSignature)),
          true);
  auto own_id = std::make_unique<extension::Subject_Key_ID>(subject);
  if (issuer_id == nullptr)
    all.add(std::make_unique<extension::Authority_Key_ID>(own_id->get_key_id()));
  else if (!issuer_id->empty())
    all.add(std::make_unique<extension::Authority_Key_ID>(*issuer_id));
  all.add(std::move(own_id));
  if (!plan.authority) {
    std::vector<Botan::OID> uses;
    if (plan.purpose != certificate_purpose::client)
      uses.push_back(Botan::OID::from_string("PKIX.ServerAuth"));
    if (plan.purpose != certificate_purpose::server)
      uses.push_back(Botan::OID::from_string("PKIX.ClientAuth"));
    all.add(std::make_unique<extension::Extended_Key_Usage>(uses));
  }
  if (plan.names.has_items())
    all.add(std::make_unique<extension::Subject_Alternative_Name>(plan.names));
  return all;
}

/// Signs a version 3 certificate with a random serial number of 126 bits. Without an issuer it is
/// self-signed. Errors: `backend_failed`.
[[nodiscard]] inline result<certificate> sign_certificate(const signing_key& signer,
                                                          const Botan::X509_Certificate* issuer,
                                                          const Botan::Public_Key& subject_key,
                                                          const certificate_plan& plan) {
  return keywarden::detail::guarded("signing a certificate", [&] {
    system_random source;
    keywarden::detail::botan_random<system_random> random(source);
    const auto& key = *signer.botan();
    const auto operation =
        Botan::X509_Object::choose_sig_format(key, random, signature_hash(key), "");
    return certificate::adopt(Botan::X509_CA::make_cert(
        *operation, random, operation->algorithm_identifier(), subject_key.subject_public_key(),
        Botan::X509_Time(plan.validity.start), Botan::X509_Time(plan.validity.expiry),
        issuer == nullptr ? plan.subject : issuer->subject_dn(), plan.subject,
        extensions_of(plan, subject_key, issuer == nullptr ? nullptr : &issuer->subject_key_id())));
  });
}

/// The plan for a certificate that is no authority's. Errors: `invalid_argument`.
[[nodiscard]] inline result<certificate_plan> plan_of(const certificate_options& options,
                                                      time_point now) {
  auto subject = distinguished_name(options.subject);
  if (!subject) return subject.error();
  auto names = alternative_names(options);
  if (!names) return names.error();
  auto validity = validity_of(options, now);
  if (!validity) return validity.error();
  return certificate_plan{
      std::move(*subject), std::move(*names), *validity, certificate_purpose::both, false,
      std::nullopt};
}

/// Errors: `unsupported_suite` for a key that no endpoint can use.
[[nodiscard]] inline result<void> expect_endpoint_key(std::string_view algorithm) {
  if (algorithm != "Ed25519") return done();
  return error(errc::unsupported_suite)
      .with(fact::scheme, algorithm)
      .with(fact::reason, "Botan's TLS takes no Ed25519 leaf certificate")
      .with(fact::next_step, "use ECDSA P-256 or P-384 or RSA; an authority may be Ed25519");
}

}  // namespace detail
}  // namespace keywarden::pki
