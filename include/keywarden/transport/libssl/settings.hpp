/// @file
/// What the connections of one composition share, and OpenSSL's contexts made of it.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <botan/tls_algos.h>

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/transport/encryption_clause.hpp>
#include <keywarden/transport/libssl/credential.hpp>
#include <keywarden/transport/libssl/handles.hpp>
#include <keywarden/transport/libssl/peer_certificates.hpp>
#include <keywarden/transport/party.hpp>

namespace keywarden::transport::libssl::detail {

namespace shared = transport::detail;

/// What OpenSSL calls back. The machine has them.
struct callbacks {
  int (*verify)(X509_STORE_CTX*, void*);
  int (*certificate_wanted)(SSL*, void*);
  int (*protocols_offered)(SSL*, const unsigned char**, unsigned char*, const unsigned char*,
                           unsigned, void*);
  void (*told)(const SSL*, int, int);
  void (*message)(int, int, int, const void*, std::size_t, SSL*, void*);
  void (*secret_made)(const SSL*, const char*);
};

/// What may be negotiated. Immutable.
struct settings {
  std::shared_ptr<const shared::tls_party> party;
  encryption_clause clause;
  std::string application_protocol;  ///< in ALPN, in place of the clause's name; or empty
  std::string groups;                ///< as OpenSSL lists them
  OSSL_LIB_CTX* library;             ///< null for the one that the process shares
  callbacks call;

  /// What this side says in ALPN.
  [[nodiscard]] std::string protocol() const {
    return application_protocol.empty() ? to_protocol_name(clause).string() : application_protocol;
  }
};

/// The groups as OpenSSL lists them, those whose key share is sent first. Errors:
/// `unsupported_suite` for one that OpenSSL has no name for here.
[[nodiscard]] inline result<std::string> group_list(
    const std::vector<Botan::TLS::Group_Params>& accepted,
    const std::vector<Botan::TLS::Group_Params>& offered) {
  using code = Botan::TLS::Group_Params_Code;
  constexpr std::array<std::pair<code, std::string_view>, 5> names{
      {{code::X25519, "X25519"},
       {code::SECP256R1, "P-256"},
       {code::SECP384R1, "P-384"},
       {code::SECP521R1, "P-521"},
       {code::HYBRID_X25519_ML_KEM_768, "X25519MLKEM768"}}};
  std::string list;
  const auto add = [&](Botan::TLS::Group_Params group, [[maybe_unused]] bool share) {
    for (const auto& [which, name] : names) {
      if (group != which) continue;
      if (!list.empty()) list += ':';
#if OPENSSL_VERSION_NUMBER >= 0x30500000L
      if (share) list += '*';  // before that the first of the list has the one share
#endif
      list += name;
      return true;
    }
    return false;
  };
  const auto is_offered = [&](Botan::TLS::Group_Params group) {
    for (const auto& each : offered)
      if (each == group) return true;
    return false;
  };
  bool known = true;
  for (const auto& each : offered) known = add(each, true) && known;
  for (const auto& each : accepted)
    if (!is_offered(each)) known = add(each, false) && known;
  if (known) return list;
  return error(errc::unsupported_suite)
      .with(fact::kind, "key agreement")
      .with(fact::next_step, "list X25519, P-256, P-384, P-521 or X25519MLKEM768");
}

/// The TLS 1.3 suites of a clause, as OpenSSL lists them. RC4 alone still makes a hello, so that
/// the other end can say what it refused.
[[nodiscard]] inline std::string suite_list(const encryption_clause& clause) {
  std::string list;
  for (const auto each : clause.algorithms()) {
    if (each == algorithm::rc4) continue;
    if (!list.empty()) list += ':';
    list += each == algorithm::aes ? "TLS_AES_256_GCM_SHA384" : "TLS_CHACHA20_POLY1305_SHA256";
  }
  return list.empty() ? std::string("TLS_AES_256_GCM_SHA384") : list;
}

/// A context that shows `own`, or nothing: TLS 1.3, no tickets, no sessions, no early data, no
/// renegotiation, and OpenSSL judges no certificate. Errors: `backend_failed`, `malformed`.
[[nodiscard]] inline result<owned_context> make_context(const settings& of,
                                                        const pki::identity* own) {
  ERR_clear_error();
  owned_context made(SSL_CTX_new_ex(of.library, nullptr, TLS_method()));
  if (made == nullptr) return backend_error("TLS");
  SSL_CTX* const to = made.get();
  constexpr std::string_view schemes =
      "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:"
      "RSA+SHA256:RSA+SHA384:RSA+SHA512";
  const auto protocol = of.protocol();
  bytes offered{static_cast<std::uint8_t>(protocol.size())};
  append(offered, as_bytes(protocol));
  SSL_CTX_set_security_level(to, std::max(2, SSL_CTX_get_security_level(to)));
  SSL_CTX_set_options(to, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                              SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_CLEANSE_PLAINTEXT);
#ifdef SSL_OP_NO_RX_CERTIFICATE_COMPRESSION
  // A stranger's bytes are not unpacked to many more (RFC 8879).
  SSL_CTX_set_options(to,
                      SSL_OP_NO_RX_CERTIFICATE_COMPRESSION | SSL_OP_NO_TX_CERTIFICATE_COMPRESSION);
#endif
  SSL_CTX_set_mode(to, SSL_MODE_NO_AUTO_CHAIN | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(to, SSL_SESS_CACHE_OFF | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_max_cert_list(to, 65536);
  const bool accepted =
      SSL_CTX_set_min_proto_version(to, TLS1_3_VERSION) == 1 &&
      SSL_CTX_set_max_proto_version(to, TLS1_3_VERSION) == 1 &&
      SSL_CTX_set_ciphersuites(to, suite_list(of.clause).c_str()) == 1 &&
      SSL_CTX_set1_groups_list(to, of.groups.c_str()) == 1 &&
      SSL_CTX_set1_sigalgs_list(to, schemes.data()) == 1 && SSL_CTX_set_num_tickets(to, 0) == 1 &&
      SSL_CTX_set_max_early_data(to, 0) == 1 && SSL_CTX_set_recv_max_early_data(to, 0) == 1 &&
      SSL_CTX_set_alpn_protos(to, offered.data(), static_cast<unsigned>(offered.size())) == 0;
  if (!accepted) return backend_error("TLS");
  SSL_CTX_set_verify(to,
                     of.party->asks_connectors() ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
                                                 : SSL_VERIFY_NONE,
                     nullptr);
  SSL_CTX_set_cert_verify_callback(to, of.call.verify, nullptr);
  SSL_CTX_set_cert_cb(to, of.call.certificate_wanted, nullptr);
  SSL_CTX_set_alpn_select_cb(to, of.call.protocols_offered, nullptr);
  SSL_CTX_set_info_callback(to, of.call.told);
  SSL_CTX_set_msg_callback(to, of.call.message);
  SSL_CTX_set_keylog_callback(to, of.call.secret_made);
  if (own != nullptr)
    if (auto shown = show_identity(*to, *own, of.library); !shown) return shown.error();
  return made;
}

/// The contexts of the identities that an endpoint shows, each made once. Any thread.
class contexts {
 public:
  explicit contexts(settings of) : of_(std::move(of)) {}

  [[nodiscard]] const settings& of() const noexcept { return of_; }
  [[nodiscard]] peer_certificates& peers() noexcept { return peers_; }

  /// What shows an identity that is gone, after a reload, goes with the next call.
  /// Errors: as `make_context`.
  [[nodiscard]] result<std::shared_ptr<SSL_CTX>> for_identity(
      const std::shared_ptr<const pki::identity>& own) {
    const std::lock_guard held(lock_);
    std::erase_if(kept_, [](const entry& each) { return each.own.expired(); });
    for (const auto& each : kept_)
      if (each.own.lock() == own) return each.context;
    auto made = make_context(of_, own.get());
    if (!made) return made.error();
    if (kept_.size() == max_kept) kept_.erase(kept_.begin());
    kept_.push_back({own, std::shared_ptr<SSL_CTX>(std::move(*made))});
    return kept_.back().context;
  }

 private:
  static constexpr std::size_t max_kept = 4;  // as many identities as an instance may have
  struct entry {
    std::weak_ptr<const pki::identity> own;
    std::shared_ptr<SSL_CTX> context;
  };

  settings of_;
  peer_certificates peers_;
  std::mutex lock_;
  std::vector<entry> kept_;
};

}  // namespace keywarden::transport::libssl::detail
