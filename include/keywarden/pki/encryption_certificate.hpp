/// @file
/// Encryption certificates: what a service's stored credentials are encrypted to.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <botan/ec_group.h>
#include <botan/ecc_key.h>

#include <keywarden/pki/issue.hpp>

namespace keywarden::pki {

/// What a certificate's key can be encrypted with.
enum class encryption_mechanism : std::uint8_t {
  rsa_oaep,    ///< RSA of 2,048 to 8,192 bits, by RSA-OAEP with SHA-256
  dhkem_p256,  ///< P-256, by DHKEM(P-256, HKDF-SHA256) of RFC 9180
};

namespace detail {

/// Errors: `unsupported_suite` for a key that only signs here.
[[nodiscard]] inline result<encryption_mechanism> mechanism_of(const Botan::Public_Key& key) {
  if (key.algo_name() == "RSA") return encryption_mechanism::rsa_oaep;
  const auto* curve = dynamic_cast<const Botan::EC_PublicKey*>(&key);
  if (curve != nullptr && curve->domain() == Botan::EC_Group::from_name("secp256r1"))
    return encryption_mechanism::dhkem_p256;
  return error(errc::unsupported_suite)
      .with(fact::scheme, key.algo_name())
      .with(fact::next_step, "encrypt to RSA of 2048 to 8192 bits, or to P-256");
}

/// The key usage (RFC 5280, section 4.2.1.3) that a mechanism needs.
[[nodiscard]] inline Botan::Key_Constraints usage_of(encryption_mechanism by) {
  return Botan::Key_Constraints(by == encryption_mechanism::rsa_oaep
                                    ? Botan::Key_Constraints::KeyEncipherment
                                    : Botan::Key_Constraints::KeyAgreement);
}

}  // namespace detail

/// How something may be encrypted to this certificate. Its key usage must allow key encipherment
/// (RSA) or key agreement (P-256) where it states any; an endpoint's certificate, which is for
/// signing, does not. Dates and issuers are not looked at: see `may_encrypt` and `judge_path`.
/// Errors: `unsupported_suite`, `certificate_usage`.
[[nodiscard]] inline result<encryption_mechanism> expect_encryption_certificate(
    const certificate& to) {
  return keywarden::detail::guarded(
      "encryption certificate", [&]() -> result<encryption_mechanism> {
        auto by = detail::mechanism_of(*to.x509().subject_public_key());
        if (!by) return error(by.error()).with(fact::name, to.subject());
        if (to.x509().allowed_usage(detail::usage_of(*by))) return by;
        return error(errc::certificate_usage)
            .with(fact::name, to.subject())
            .with(fact::reason, *by == encryption_mechanism::rsa_oaep
                                    ? "its key usage does not allow key encipherment"
                                    : "its key usage does not allow key agreement")
            .with(fact::next_step, "use a certificate that was made for encryption");
      });
}

/// Makes a self-signed certificate that things are encrypted to (makecert -r -cy end -sky
/// exchange): SHA-256, no authority, key usage keyEncipherment for RSA and keyAgreement for P-256,
/// extended key usage document encryption (1.3.6.1.4.1.311.80.1). Nobody authenticates with it:
/// endpoints refuse it.
///
/// `now` is the default start. Errors: as `make_self_signed`; `unsupported_suite` for P-384 and
/// Ed25519.
[[nodiscard]] inline result<certificate> make_encryption_certificate(
    const signing_key& key, const certificate_options& options, time_point now) {
  auto by = detail::mechanism_of(*key.botan());
  if (!by) return by.error();
  auto plan = detail::plan_of(options, now);
  if (!plan) return plan.error();
  return keywarden::detail::guarded("signing a certificate", [&] {
    namespace extension = Botan::Cert_Extension;
    const auto& own = *key.botan();
    auto id = std::make_unique<extension::Subject_Key_ID>(own);
    Botan::Extensions all;
    all.add(std::make_unique<extension::Basic_Constraints>(false), true);
    all.add(std::make_unique<extension::Key_Usage>(detail::usage_of(*by)), true);
    all.add(std::make_unique<extension::Extended_Key_Usage>(
        std::vector{Botan::OID::from_string("1.3.6.1.4.1.311.80.1")}));
    all.add(std::make_unique<extension::Authority_Key_ID>(id->get_key_id()));
    all.add(std::move(id));
    if (plan->names.has_items())
      all.add(std::make_unique<extension::Subject_Alternative_Name>(plan->names));
    system_random source;
    keywarden::detail::botan_random<system_random> random(source);
    const auto operation =
        Botan::X509_Object::choose_sig_format(own, random, detail::signature_hash(own), "");
    return certificate::adopt(Botan::X509_CA::make_cert(
        *operation, random, operation->algorithm_identifier(), own.subject_public_key(),
        Botan::X509_Time(plan->validity.start), Botan::X509_Time(plan->validity.expiry),
        plan->subject, plan->subject, all));
  });
}

}  // namespace keywarden::pki
