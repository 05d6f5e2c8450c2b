/// @file
/// What went wrong in TLS, in our words; and the one alert that all our refusals share.
#pragma once

#include <charconv>
#include <string>
#include <string_view>

#include <botan/tls_alert.h>

#include <keywarden/core/error.hpp>

namespace keywarden::transport::detail {

/// To the peer, every refusal that is ours looks alike: it does not learn which check failed.
inline constexpr auto refusal_alert = Botan::TLS::AlertType::AccessDenied;

/// The alert's name as RFC 8446 writes it, for the few that tell something; else its number.
[[nodiscard]] inline std::string alert_name(int number) {
  using alert = Botan::TLS::AlertType;
  switch (static_cast<alert>(number)) {
    case alert::UnexpectedMessage:
      return "unexpected_message";
    case alert::BadRecordMac:
      return "bad_record_mac";
    case alert::HandshakeFailure:
      return "handshake_failure";
    case alert::BadCertificate:
      return "bad_certificate";
    case alert::UnsupportedCertificate:
      return "unsupported_certificate";
    case alert::CertificateExpired:
      return "certificate_expired";
    case alert::CertificateUnknown:
      return "certificate_unknown";
    case alert::UnknownCA:
      return "unknown_ca";
    case alert::AccessDenied:
      return "access_denied";
    case alert::DecodeError:
      return "decode_error";
    case alert::DecryptError:
      return "decrypt_error";
    case alert::ProtocolVersion:
      return "protocol_version";
    case alert::InsufficientSecurity:
      return "insufficient_security";
    case alert::InternalError:
      return "internal_error";
    case alert::CertificateRequired:
      return "certificate_required";
    case alert::NoApplicationProtocol:
      return "no_application_protocol";
    default:
      return std::to_string(number);
  }
}

/// The peer's fatal alert.
[[nodiscard]] inline error refused_by_peer(const Botan::TLS::Alert& alert) {
  auto made =
      error(errc::refused_by_peer).with(fact::alert, alert_name(static_cast<int>(alert.type())));
  if (alert.type() != refusal_alert) return made;
  return std::move(made).with(fact::next_step, "the reason is in the peer's log");
}

/// What Botan refused, told apart by the alert that it sent.
[[nodiscard]] inline error explained(const error& raw, bool during_handshake) {
  using alert = Botan::TLS::AlertType;
  const auto text = raw.value_of(fact::alert);
  int number = -1;
  std::from_chars(text.data(), text.data() + text.size(), number);
  const auto as = [&](errc code) {
    auto made = error(code).with(fact::reason, raw.value_of(fact::reason));
    if (number < 0) return std::move(made).because(raw);
    return std::move(made).with(fact::alert, alert_name(number));
  };
  if (raw.code() == errc::authentication_failed || raw.code() == errc::malformed)
    return error(during_handshake ? errc::handshake_failed : raw.code()).because(raw);
  switch (static_cast<alert>(number)) {
    case alert::CertificateRequired:
    case alert::DecryptError:
      return as(errc::peer_unproven);
    case alert::ProtocolVersion:
      return as(errc::encryption_refused);
    case alert::BadRecordMac:
      return as(during_handshake ? errc::handshake_failed : errc::authentication_failed);
    default:
      return as(during_handshake ? errc::handshake_failed : errc::malformed);
  }
}

}  // namespace keywarden::transport::detail
