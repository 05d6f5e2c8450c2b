/// @file
/// Certificate requests (PKCS#10): how the holder of a key asks an authority for a certificate.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <botan/ber_dec.h>
#include <botan/pkcs10.h>
#include <botan/pubkey.h>
#include <botan/x509_ext.h>
#include <botan/x509_key.h>

#include <keywarden/pki/certificate_options.hpp>
#include <keywarden/pki/issue.hpp>

namespace keywarden::pki {

/// What an authority takes over from requests. By default nothing but the key: everything that the
/// certificate says is the authority's own word.
struct request_policy {
  /// What the certificate says whatever was asked for. An empty subject is refused unless
  /// `take_subject`.
  certificate_options own;
  /// Whether an empty subject is replaced by the common name that was asked for.
  bool take_subject = false;
  /// Names and addresses that are put in if they were asked for, compared as a whole and without
  /// regard to case; a wildcard only if it is here as such. What was asked for and is not here is
  /// left out.
  std::vector<std::string> may_have_dns_names = {};
  /// The same of addresses, in the form that RFC 5952 gives them.
  std::vector<std::string> may_have_ip_addresses = {};
};

/// A request whose holder proved to have the private key: it is signed with it. A regular value,
/// cheap to copy; any thread.
///
/// Proves nothing else: every name in it is a wish. Extensions are wishes too, and none of them is
/// ever granted (`authority::issue`).
class certificate_request {
 public:
  /// The largest request that is read, in bytes of DER.
  static constexpr std::size_t max_size = 65536;

  /// Reads exactly one DER request and verifies its signature. Errors: `limit_exceeded` above
  /// `max_size`; `malformed`, also for trailing bytes; `unsupported_suite` for a key that no
  /// certificate is issued for, or a signature over SHA-1; `authentication_failed` when the
  /// signature is not the key's.
  [[nodiscard]] static result<certificate_request> from_der(bytes_view der) {
    if (der.size() > max_size)
      return error(errc::limit_exceeded)
          .with(fact::kind, "certificate request")
          .with(fact::limit, max_size)
          .with(fact::actual, der.size());
    return detail::parsed("certificate request", [&]() -> result<certificate_request> {
      // The key is judged before it is worked with, and a wrong signature is told from wrong bytes.
      if (auto proven = expect_possession(der); !proven) return proven.error();
      return certificate_request(std::make_shared<const Botan::PKCS10_Request>(to_bytes(der)));
    });
  }
  /// Reads the first request of a PEM text. Errors: as `from_der`.
  [[nodiscard]] static result<certificate_request> from_pem(std::string_view text) {
    if (text.size() > 2 * max_size)
      return error(errc::limit_exceeded)
          .with(fact::kind, "certificate request")
          .with(fact::limit, 2 * max_size)
          .with(fact::actual, text.size());
    std::string label;
    auto der = detail::parsed("certificate request", [&] {
      Botan::DataSource_Memory source(text);
      return Botan::PEM_Code::decode(source, label);
    });
    if (!der) return der.error();
    if (label != "CERTIFICATE REQUEST" && label != "NEW CERTIFICATE REQUEST")
      return error(errc::malformed)
          .with(fact::kind, "certificate request")
          .with(fact::reason, "the PEM is a \"" + label + "\"");
    return from_der(*der);
  }

  /// Its bytes, signature included.
  [[nodiscard]] bytes der() const { return parsed_->BER_encode(); }
  /// The same between BEGIN and END lines, for files.
  [[nodiscard]] std::string pem() const { return parsed_->PEM_encode(); }

  /// The name that is asked for, as people read it; a stranger wrote it.
  [[nodiscard]] std::string subject() const { return parsed_->subject_dn().to_string(); }
  /// The CN that is asked for, the first if there are several; empty without one. A wish.
  [[nodiscard]] std::string common_name() const {
    return parsed_->subject_dn().get_first_attribute("CN");
  }
  /// The DNS names and addresses that are asked for, in lower case and sorted.
  [[nodiscard]] std::vector<std::string> dns_names() const {
    std::vector<std::string> all;
    for (const auto& each : parsed_->subject_alt_name().dns_names())
      all.push_back(each.to_string());
    return all;
  }
  /// The IP addresses that are asked for, IPv4 before IPv6.
  [[nodiscard]] std::vector<std::string> ip_addresses() const {
    std::vector<std::string> all;
    for (const auto& each : parsed_->subject_alt_name().ipv4_addresses())
      all.push_back(each.to_string());
    for (const auto& each : parsed_->subject_alt_name().ipv6_addresses())
      all.push_back(each.to_string());
    return all;
  }
  /// Whether it asks to become an authority. It will not.
  [[nodiscard]] bool asks_for_authority() const { return parsed_->is_CA(); }

  /// The key, DER SubjectPublicKeyInfo.
  [[nodiscard]] const bytes& public_key() const { return parsed_->raw_public_key(); }

  /// What a certificate under a policy says. Errors: `invalid_argument` where neither has a
  /// subject.
  [[nodiscard]] result<certificate_options> under(const request_policy& policy) const {
    return keywarden::detail::guarded("certificate request", [&]() -> result<certificate_options> {
      auto made = policy.own;
      if (made.subject.empty()) {
        if (!policy.take_subject)
          return detail::unusable_option("subject", "the policy has none and takes none over");
        made.subject = common_name();
      }
      add_granted(made.dns_names, dns_names(), policy.may_have_dns_names);
      add_granted(made.ip_addresses, ip_addresses(), usual(policy.may_have_ip_addresses));
      return made;
    });
  }

 private:
  explicit certificate_request(std::shared_ptr<const Botan::PKCS10_Request> parsed) noexcept
      : parsed_(std::move(parsed)) {}

  [[nodiscard]] static error malformed(std::string_view reason) {
    return error(errc::malformed)
        .with(fact::kind, "certificate request")
        .with(fact::reason, reason);
  }

  // May throw.
  [[nodiscard]] static result<void> expect_possession(bytes_view der) {
    const auto strict = Botan::BER_Decoder::Limits::DER();
    Botan::BER_Decoder all(der, strict);
    auto request = all.start_sequence();
    all.verify_end();
    const auto body = request.get_next_object();
    if (!body.is_a(Botan::ASN1_Type::Sequence, Botan::ASN1_Class::Constructed))
      return malformed("it is not PKCS#10");
    Botan::AlgorithmIdentifier scheme;
    std::vector<std::uint8_t> signature;
    request.decode(scheme).decode(signature, Botan::ASN1_Type::BitString).verify_end();

    Botan::BER_Decoder info(body, strict);
    std::size_t version = 0;
    Botan::X509_DN ignored;
    info.decode(version).decode(ignored);
    const auto key_info = info.get_next_object();
    if (!key_info.is_a(Botan::ASN1_Type::Sequence, Botan::ASN1_Class::Constructed))
      return malformed("it has no public key");
    constexpr std::size_t largest_key = 1200;  // RSA of 8192 bits: 1,060 bytes
    if (key_info.length() > largest_key)
      return error(errc::unsupported_suite)
          .with(fact::kind, "public key")
          .with(fact::next_step, "use ECDSA P-256 or P-384, RSA of 2048 to 8192 bits, or Ed25519");
    const auto key =
        Botan::X509::load_key(Botan::ASN1::put_in_sequence(key_info.bits(), key_info.length()));
    if (auto known = detail::expect_signature_key(*key); !known) return known;

    const auto name = scheme.oid().to_formatted_string();
    if (name.find("SHA-1)") != std::string::npos || name.ends_with("SHA-1") ||
        name.find("MD5") != std::string::npos)
      return error(errc::unsupported_suite)
          .with(fact::scheme, name)
          .with(fact::next_step, "sign the request with SHA-256");
    Botan::PK_Verifier verifier(*key, scheme);
    verifier.update(Botan::ASN1::put_in_sequence(body.bits(), body.length()));
    if (verifier.check_signature(signature)) return done();
    return error(errc::authentication_failed)
        .with(fact::kind, "certificate request")
        .with(fact::reason,
              "its signature is not its key's: nobody proved to have the private key");
  }

  static void add_granted(std::vector<std::string>& to, const std::vector<std::string>& asked,
                          const std::vector<std::string>& allowed) {
    const auto same = [](std::string_view left, std::string_view right) {
      return std::ranges::equal(left, right, [](char a, char b) { return lower(a) == lower(b); });
    };
    const auto among = [&](const std::vector<std::string>& names, const std::string& name) {
      return std::ranges::any_of(names, [&](const auto& each) { return same(each, name); });
    };
    for (const auto& each : asked)
      if (among(allowed, each) && !among(to, each)) to.push_back(each);
  }
  /// Addresses in the spelling of `ip_addresses`.
  [[nodiscard]] static std::vector<std::string> usual(std::vector<std::string> addresses) {
    for (auto& each : addresses)
      if (const auto v6 = Botan::IPv6Address::from_string(each)) each = v6->to_string();
    return addresses;
  }
  [[nodiscard]] static char lower(char of) noexcept {
    return of >= 'A' && of <= 'Z' ? static_cast<char>(of - 'A' + 'a') : of;
  }

  std::shared_ptr<const Botan::PKCS10_Request> parsed_;  // immutable
};

/// Asks for a certificate: names of the options and the key, signed with it (SHA-256, or SHA-384
/// for P-384). Start and expiry are for the authority to say. Errors: `invalid_argument`,
/// `limit_exceeded`, `backend_failed`.
[[nodiscard]] inline result<certificate_request> make_request(const signing_key& key,
                                                              const certificate_options& options) {
  auto subject = detail::distinguished_name(options.subject);
  if (!subject) return subject.error();
  auto names = detail::alternative_names(options);
  if (!names) return names.error();
  auto der = keywarden::detail::guarded("signing a certificate request", [&] {
    system_random source;
    keywarden::detail::botan_random<system_random> random(source);
    Botan::Extensions wishes;
    if (names->has_items())
      wishes.add(std::make_unique<Botan::Cert_Extension::Subject_Alternative_Name>(*names));
    const auto& own = *key.botan();
    return Botan::PKCS10_Request::create(own, *subject, wishes, detail::signature_hash(own), random)
        .BER_encode();
  });
  if (!der) return der.error();
  return certificate_request::from_der(*der);
}

/// Reads a request, DER or PEM, and verifies that whoever made it has the private key. Errors: as
/// `certificate_request::from_der`.
[[nodiscard]] inline result<certificate_request> read_request(bytes_view content) {
  constexpr std::uint8_t der_sequence = 0x30;
  if (!content.empty() && content[0] == der_sequence) return certificate_request::from_der(content);
  return certificate_request::from_pem(as_text(content));
}

}  // namespace keywarden::pki
