/// @file
/// What TLS may negotiate, as Botan asks for it.
#pragma once

#include <utility>
#include <vector>

#include <botan/rsa.h>
#include <botan/tls_ciphersuite.h>
#include <botan/tls_exceptn.h>
#include <botan/tls_policy.h>
#include <botan/tls_version.h>

#include <keywarden/transport/encryption_clause.hpp>
#include <keywarden/transport/groups.hpp>

namespace keywarden::transport::detail {

/// The TLS 1.3 suite of an algorithm; none for RC4.
[[nodiscard]] constexpr std::uint16_t suite_of(algorithm which) noexcept {
  switch (which) {
    case algorithm::aes:
      return 0x1302;  // TLS_AES_256_GCM_SHA384
    case algorithm::chacha20:
      return 0x1303;  // TLS_CHACHA20_POLY1305_SHA256
    case algorithm::rc4:
      break;
  }
  return 0;
}

/// The suites without encryption, HMAC-SHA1 over every record, forward secret: TLS 1.2 only.
inline constexpr std::uint16_t ecdhe_ecdsa_with_null_sha = 0xC006;
inline constexpr std::uint16_t ecdhe_rsa_with_null_sha = 0xC010;

/// Which TLS versions a presence stands for.
[[nodiscard]] constexpr bool allows_encryption(presence which) noexcept {
  return which != presence::disabled;
}
[[nodiscard]] constexpr bool allows_integrity_only(presence which) noexcept {
  return which != presence::required;
}

/// Botan's policy for one composition. Immutable, shared by all handshakes.
///
/// TLS 1.3 with AES-256-GCM or ChaCha20-Poly1305; TLS 1.2 only with the NULL suites, for the
/// integrity-only transport. No resumption of any kind: a resumed session would skip the client's
/// certificate (botan#5818).
class tls_policy final : public Botan::TLS::Policy {
 public:
  tls_policy(encryption_clause clause, bool with_certificates,
             std::vector<Botan::TLS::Group_Params> accepted,
             std::vector<Botan::TLS::Group_Params> offered)
      : clause_(clause),
        with_certificates_(with_certificates),
        accepted_(std::move(accepted)),
        offered_(std::move(offered)) {}

  bool allow_tls13() const override { return allows_encryption(clause_.presence()); }
  bool allow_tls12() const override {
    return with_certificates_ && allows_integrity_only(clause_.presence());
  }
  bool allow_dtls12() const override { return false; }

  std::vector<std::uint16_t> ciphersuite_list(Botan::TLS::Protocol_Version version) const override {
    if (version.is_pre_tls_13()) return {ecdhe_ecdsa_with_null_sha, ecdhe_rsa_with_null_sha};
    std::vector<std::uint16_t> suites;
    for (const auto each : clause_.algorithms())
      if (const auto suite = suite_of(each); suite != 0) suites.push_back(suite);
    // RC4 alone still makes a hello, so that the other end can say what it refused.
    if (suites.empty()) suites.push_back(suite_of(algorithm::aes));
    return suites;
  }
  bool acceptable_ciphersuite(const Botan::TLS::Ciphersuite& suite) const override {
    const auto code = suite.ciphersuite_code();
    if (code == ecdhe_ecdsa_with_null_sha || code == ecdhe_rsa_with_null_sha) return allow_tls12();
    for (const auto each : clause_.algorithms())
      if (suite_of(each) == code) return true;
    return false;
  }
  bool server_uses_own_ciphersuite_preferences() const override { return true; }

  std::vector<Botan::TLS::Group_Params> key_exchange_groups() const override { return accepted_; }
  std::vector<Botan::TLS::Group_Params> key_exchange_groups_to_offer() const override {
    return offered_;
  }

  bool request_client_certificate_authentication() const override { return with_certificates_; }
  bool require_client_certificate_authentication() const override { return with_certificates_; }
  bool support_cert_status_message() const override { return with_certificates_; }

  std::size_t new_session_tickets_upon_handshake_success() const override { return 0; }
  bool reuse_session_tickets() const override { return false; }
  bool allow_client_initiated_renegotiation() const override { return false; }
  bool allow_server_initiated_renegotiation() const override { return false; }
  bool abort_connection_on_undesired_renegotiation() const override { return true; }
  bool require_extended_master_secret() const override { return true; }
  bool negotiate_encrypt_then_mac() const override { return false; }  // nothing is encrypted there
  bool hide_unknown_users() const override { return true; }
  bool tls_13_middlebox_compatibility_mode() const override { return true; }

  std::size_t minimum_rsa_bits() const override { return 2048; }
  /// A stranger's key is used before anybody knows him: one that is costly to use is not taken.
  void check_peer_key_acceptable(const Botan::Public_Key& key) const override {
    Botan::TLS::Policy::check_peer_key_acceptable(key);
    const auto* const rsa = dynamic_cast<const Botan::RSA_PublicKey*>(&key);
    if (rsa != nullptr && (rsa->key_length() > 8192 || rsa->get_e().bits() > 64))
      throw Botan::TLS::TLS_Exception(Botan::TLS::AlertType::HandshakeFailure,
                                      "an RSA key that is costly to use");
  }
  std::size_t maximum_handshake_message_size() const override { return 65536; }
  std::size_t maximum_certificate_chain_size() const override { return 65536; }
  std::uint64_t minimum_key_update_interval_ms() const override { return 1000; }

 private:
  encryption_clause clause_;
  bool with_certificates_;
  std::vector<Botan::TLS::Group_Params> accepted_;
  std::vector<Botan::TLS::Group_Params> offered_;
};

}  // namespace keywarden::transport::detail
