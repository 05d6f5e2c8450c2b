/// @file
/// An X.509 certificate: the public half of an instance's identity.
#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <botan/asn1_time.h>
#include <botan/data_src.h>
#include <botan/hash.h>
#include <botan/hex.h>
#include <botan/pem.h>
#include <botan/pk_keys.h>
#include <botan/pkix_types.h>
#include <botan/x509cert.h>

#include <keywarden/core/backend.hpp>
#include <keywarden/core/bytes.hpp>
#include <keywarden/core/clock.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/pki/fingerprint.hpp>

namespace keywarden::pki {

namespace detail {

/// Reads something: whatever Botan says of bytes it cannot read, the bytes are at fault.
template <class Read>
[[nodiscard]] auto parsed(std::string_view kind, Read&& read) {
  auto made = keywarden::detail::guarded(kind, std::forward<Read>(read));
  if (!made)
    if (const auto code = made.error().code();
        code == errc::malformed || code == errc::invalid_argument || code == errc::backend_failed ||
        code == errc::backend_missing)
      made = error(errc::malformed).with(fact::kind, kind).because(made.error());
  return made;
}

/// Whether a date can be told: Botan's does not go before 1970.
[[nodiscard]] inline bool is_since_1970(const Botan::X509_Time& date) {
  static const auto first = Botan::X509_Time::from_seconds_since_epoch(0);
  return date.time_is_set() && date >= first;
}
/// Never throws: a date before 1970, or none, is taken for its first second.
[[nodiscard]] inline time_point to_time(const Botan::X509_Time& date) {
  return is_since_1970(date) ? time_point(std::chrono::seconds(date.time_since_epoch()))
                             : time_point{};
}

}  // namespace detail

/// A certificate as it stands: parsed, not judged. A regular value, cheap to copy (copies share
/// one parsed form); any thread.
///
/// Holds no secret. Whoever hands you one may have made it: whether to trust it is for trust
/// anchors or a fingerprint that two people compared.
class certificate {
 public:
  /// The largest certificate that is read, in bytes of DER.
  static constexpr std::size_t max_size = 65536;

  /// Reads exactly one DER certificate. Errors: `limit_exceeded` above `max_size`; `malformed`,
  /// also for trailing bytes and for dates before 1970.
  [[nodiscard]] static result<certificate> from_der(bytes_view der) {
    if (der.size() > max_size)
      return error(errc::limit_exceeded)
          .with(fact::kind, "certificate")
          .with(fact::limit, max_size)
          .with(fact::actual, der.size());
    return detail::parsed("certificate", [&]() -> result<certificate> {
      Botan::DataSource_Memory source(der);
      Botan::X509_Certificate parsed(source);
      if (!source.end_of_data() || !std::ranges::equal(parsed.BER_encode(), der))
        return error(errc::malformed)
            .with(fact::kind, "certificate")
            .with(fact::reason, "it is not one DER certificate and nothing else");
      if (!detail::is_since_1970(parsed.not_before()) || !detail::is_since_1970(parsed.not_after()))
        return error(errc::malformed)
            .with(fact::kind, "certificate")
            .with(fact::reason, "its dates are before 1970");
      return certificate(std::move(parsed));
    });
  }

  /// Reads the first certificate of a PEM text. Errors: as `from_der`.
  [[nodiscard]] static result<certificate> from_pem(std::string_view text) {
    if (text.size() > 2 * max_size)
      return error(errc::limit_exceeded)
          .with(fact::kind, "certificate")
          .with(fact::limit, 2 * max_size)
          .with(fact::actual, text.size());
    auto der = detail::parsed(
        "certificate", [&] { return Botan::PEM_Code::decode_check_label(text, "CERTIFICATE"); });
    if (!der) return der.error();
    return from_der(*der);
  }

  /// Reads DER or PEM, whichever it is. Errors: as `from_der`.
  [[nodiscard]] static result<certificate> from_file_content(bytes_view content) {
    constexpr std::uint8_t der_sequence = 0x30;
    if (!content.empty() && content[0] == der_sequence) return from_der(content);
    return from_pem(as_text(content));
  }

  /// For the library's own use: what Botan parsed already.
  [[nodiscard]] static certificate adopt(Botan::X509_Certificate parsed) noexcept {
    return certificate(std::move(parsed));
  }

  /// The exact bytes that its fingerprint is of.
  [[nodiscard]] bytes der() const { return parsed_.BER_encode(); }
  /// The same between BEGIN and END lines, for files.
  [[nodiscard]] std::string pem() const { return parsed_.PEM_encode(); }

  /// SHA-256 over the whole DER certificate.
  [[nodiscard]] pki::fingerprint fingerprint() const noexcept {
    return pki::fingerprint(parsed_.certificate_data_sha256());
  }
  /// SHA-256 over the SubjectPublicKeyInfo (RFC 7469).
  [[nodiscard]] pki::key_fingerprint key_fingerprint() const {
    const auto hash = Botan::HashFunction::create_or_throw("SHA-256");
    pki::key_fingerprint made;
    hash->update(parsed_.subject_public_key_info());
    hash->final(made.view());
    return made;
  }

  /// The subject's name as people read it ("CN=...,O=...").
  [[nodiscard]] std::string subject() const { return parsed_.subject_dn().to_string(); }
  /// The issuer's name, the same way: a claim until a path is verified.
  [[nodiscard]] std::string issuer() const { return parsed_.issuer_dn().to_string(); }
  /// The subject's CN, the first if there are several; empty without one. Never decides who it is.
  [[nodiscard]] std::string common_name() const {
    return parsed_.subject_dn().get_first_attribute("CN");
  }
  /// The serial number, in upper-case hexadecimal.
  [[nodiscard]] std::string serial() const { return Botan::hex_encode(parsed_.serial_number()); }

  /// The first second of its validity.
  [[nodiscard]] time_point not_before() const { return detail::to_time(parsed_.not_before()); }
  /// The last second of its validity.
  [[nodiscard]] time_point not_after() const { return detail::to_time(parsed_.not_after()); }
  /// Whether `now` is within its dates, both ends included. Says nothing of trust.
  [[nodiscard]] bool valid_at(time_point now) const {
    return not_before() <= now && now <= not_after();
  }

  /// "RSA", "ECDSA", "Ed25519", … as Botan names it.
  [[nodiscard]] std::string algorithm() const { return parsed_.subject_public_key()->algo_name(); }
  /// Whether it may sign certificates (RFC 5280, basic constraints).
  [[nodiscard]] bool is_authority() const { return parsed_.is_CA_cert(); }
  /// Whether it names itself as its issuer. No proof: anybody can write that.
  [[nodiscard]] bool is_self_signed() const { return parsed_.is_self_signed(); }

  /// The parsed form, for Botan's own interfaces.
  [[nodiscard]] const Botan::X509_Certificate& x509() const noexcept { return parsed_; }

  friend bool operator==(const certificate& left, const certificate& right) noexcept {
    return left.fingerprint() == right.fingerprint();
  }

 private:
  explicit certificate(Botan::X509_Certificate parsed) noexcept : parsed_(std::move(parsed)) {}

  Botan::X509_Certificate parsed_;
};

}  // namespace keywarden::pki
