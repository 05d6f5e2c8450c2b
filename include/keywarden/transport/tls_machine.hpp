/// @file
/// One TLS connection, without a socket: Botan's engine, and the rules it must not be trusted with.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <botan/credentials_manager.h>
#include <botan/ocsp.h>
#include <botan/tls_callbacks.h>
#include <botan/tls_client.h>
#include <botan/tls_exceptn.h>
#include <botan/tls_policy.h>
#include <botan/tls_server.h>
#include <botan/tls_session.h>
#include <botan/tls_session_manager.h>

#include <keywarden/auth/concepts.hpp>
#include <keywarden/core/backend.hpp>
#include <keywarden/core/secret.hpp>
#include <keywarden/transport/machine.hpp>
#include <keywarden/transport/tls_failure.hpp>
#include <keywarden/transport/tls_policy.hpp>
#include <keywarden/transport/tls_shared_keys.hpp>
#include <keywarden/transport/tls_verifiers.hpp>

namespace keywarden::transport::detail {

/// What all connections of one composition share. Immutable, but for the verifiers.
struct tls_shared {
  std::shared_ptr<const tls_party> party;
  std::shared_ptr<const Botan::TLS::Policy> policy;
  std::shared_ptr<Botan::TLS::Session_Manager> sessions;
  std::shared_ptr<Botan::RandomNumberGenerator> random;
  std::shared_ptr<tls_verifiers> verifiers = std::make_shared<tls_verifiers>();
  encryption_clause clause;
  std::string application_protocol;  ///< in ALPN, in place of the clause's name; or empty
};

/// One connection. Pinned in memory, because Botan calls back into it. One thread at a time.
///
/// The peer is judged in one place on both sides, `tls_session_established`: after its Finished,
/// before a client shows its own certificate, before any application data is taken. All refusals
/// of ours therefore look alike to the peer.
class tls_machine : public machine,
                    protected Botan::TLS::Callbacks,
                    private Botan::Credentials_Manager {
 public:
  static constexpr std::size_t largest_part = 65536;  ///< bytes given to Botan at once

  /// Whoever answers must be `expected` (a login), unless that is empty.
  tls_machine(std::shared_ptr<const tls_shared> shared, auth::side own, std::string dialled,
              std::string expected)
      : machine(own, std::move(dialled), std::move(expected)), shared_(std::move(shared)) {}

  /// The connector's first message. An acceptor takes no memory before the first byte arrives.
  [[nodiscard]] result<void> start() {
    if (side_ == auth::side::acceptor || channel_ != nullptr) return done();
    if (auto ready = load_credential(); !ready) return fail(ready.error());
    return checked(keywarden::detail::guarded("TLS", [&] { channel_ = make_client(); }));
  }

  [[nodiscard]] result<void> receive(bytes_view data) override {
    if (failure_) return *failure_;
    if (channel_ == nullptr) {
      if (side_ == auth::side::connector)
        return error(errc::invalid_argument).with(fact::reason, "not started");
      if (auto ready = load_credential(); !ready) return fail(ready.error());
      if (auto made = checked(keywarden::detail::guarded("TLS", [&] { channel_ = make_server(); }));
          !made)
        return made;
    }
    // What follows the peer's Finished in the same bytes does not count as handshake.
    while (!data.empty() && !finished()) {
      const auto part = data.first(std::min(data.size(), handshake_part));
      data = data.subspan(part.size());
      handshake_bytes_ += part.size();
      if (handshake_bytes_ > max_handshake) {
        refuse(error(errc::limit_exceeded)
                   .with(fact::operation, "TLS handshake")
                   .with(fact::limit, max_handshake));
        return *failure_;
      }
      if (auto taken = feed(part); !taken) return taken;
    }
    while (!data.empty()) {
      const auto part = data.first(std::min(data.size(), largest_part));
      data = data.subspan(part.size());
      if (auto taken = feed(part); !taken) return taken;
    }
    return done();
  }

  [[nodiscard]] bool finished() const override {
    return proof_.has_value() && !failure_ && channel_->is_handshake_complete();
  }

  [[nodiscard]] result<void> send(bytes_view data) override {
    if (failure_) return *failure_;
    const bool ended = peer_closed_ && agreed_.protection.is_integrity_only();
    if (closed_ || ended) return error(errc::connection_closed).with(fact::operation, "send");
    if (outgoing_.size() + data.size() > max_pending)
      return error(errc::limit_exceeded)
          .with(fact::operation, "send")
          .with(fact::limit, max_pending)
          .with(fact::next_step, "send less at a time, and what is outgoing first");
    return checked(keywarden::detail::guarded("TLS", [&] {
      do {
        const auto part = data.first(std::min(data.size(), largest_part));
        data = data.subspan(part.size());
        channel_->send(part);
      } while (!data.empty());
    }));
  }

  [[nodiscard]] result<void> close() override {
    if (failure_ || closed_ || channel_ == nullptr) return done();
    closed_ = true;
    return checked(keywarden::detail::guarded("TLS", [&] { channel_->close(); }));
  }
  void refuse(error why) override {
    if (failure_) return;
    if (channel_ != nullptr)
      static_cast<void>(
          keywarden::detail::guarded("TLS", [&] { channel_->send_fatal_alert(refusal_alert); }));
    incoming_.clear();
    failure_ = std::move(why);
  }
  [[nodiscard]] result<void> update_keys() override {
    if (failure_) return *failure_;
    if (!agreed_.protection.is_encrypted()) return done();
    return checked(keywarden::detail::guarded("TLS", [&] { channel_->update_traffic_keys(true); }));
  }
  [[nodiscard]] result<secret_key> exported(std::string_view label,
                                            std::size_t size) const override {
    return keywarden::detail::guarded("TLS", [&] {
      const auto made = channel_->key_material_export(label, "", size);
      return secret_key::copy_of(made.bits_of());
    });
  }

 protected:
  /// Botan keeps these while the channel lives, which this object owns: they own nothing.
  template <class Interface>
  [[nodiscard]] std::shared_ptr<Interface> self() noexcept {
    return {std::shared_ptr<void>(), static_cast<Interface*>(this)};
  }
  [[nodiscard]] std::unique_ptr<Botan::TLS::Channel> make_client() {
    using version = Botan::TLS::Protocol_Version;
    const auto first = allows_encryption(shared_->clause.presence())
                           ? version(Botan::TLS::Version_Code::TLS_V13)
                           : version(Botan::TLS::Version_Code::TLS_V12);
    return std::make_unique<Botan::TLS::Client>(
        self<Botan::TLS::Callbacks>(), shared_->sessions, self<Botan::Credentials_Manager>(),
        shared_->policy, shared_->random, Botan::TLS::Server_Information(), first,
        std::vector<std::string>{shared_->application_protocol.empty()
                                     ? to_protocol_name(shared_->clause).string()
                                     : shared_->application_protocol},
        0);
  }
  [[nodiscard]] std::unique_ptr<Botan::TLS::Channel> make_server() {
    return std::make_unique<Botan::TLS::Server>(self<Botan::TLS::Callbacks>(), shared_->sessions,
                                                self<Botan::Credentials_Manager>(), shared_->policy,
                                                shared_->random, false, 0);
  }

  /// What this side shows is read once for each handshake: a reload meanwhile does not mix.
  [[nodiscard]] result<void> load_credential() {
    if (shared_->party->with_certificates()) {
      auto own = shared_->party->own();
      if (!own) return own.error();
      identity_ = std::move(*own);
    } else if (side_ == auth::side::connector) {
      auto made = shared_->party->offer(dialled_);
      if (!made) return made.error();
      offer_.emplace(std::move(*made));
    }
    return done();
  }

  [[nodiscard]] result<void> feed(bytes_view data) {
    const auto outcome = keywarden::detail::guarded(
        "TLS", [&] { static_cast<void>(channel_->received_data(data)); });
    // TLS 1.2 has no half-close: what a peer still says after this side closed is its end.
    // Anything else that is wrong with it is no goodbye.
    const auto late = std::to_string(static_cast<int>(Botan::TLS::AlertType::UnexpectedMessage));
    if (!outcome && closed_ && !failure_ && agreed_.protection.is_integrity_only() &&
        outcome.error().value_of(fact::alert) == late) {
      peer_closed_ = true;
      return done();
    }
    return checked(outcome);
  }

  /// The result of a call into Botan, as this connection's fate.
  [[nodiscard]] result<void> checked(const result<void>& outcome) {
    if (failure_) return *failure_;
    if (outcome) return done();
    return fail(explained(outcome.error(), !proof_.has_value()));
  }
  /// Refuses the peer with the alert that all our refusals share; the reason stays here.
  [[noreturn]] void veto(error why) {
    failure_ = std::move(why);
    throw Botan::TLS::TLS_Exception(refusal_alert, "refused");
  }

  // What Botan calls, in the order of a connection.

  std::string tls_server_choose_app_protocol(const std::vector<std::string>& offered) override {
    for (const auto& name : offered) {
      if (!shared_->application_protocol.empty()) {
        if (name == shared_->application_protocol) return name;
        continue;
      }
      auto clause = from_protocol_name(name);
      if (!clause) continue;
      expected_ = negotiate(*clause, shared_->clause);
      if (expected_->is_refused()) veto(to_error(*expected_));
      return name;
    }
    failure_ = error(errc::handshake_failed)
                   .with(fact::reason, "the peer asked for another application protocol");
    throw Botan::TLS::TLS_Exception(Botan::TLS::AlertType::NoApplicationProtocol, "ALPN");
  }

  void tls_verify_cert_chain(const std::vector<Botan::X509_Certificate>& chain,
                             const std::vector<std::optional<Botan::OCSP::Response>>& responses,
                             const std::vector<Botan::Certificate_Store*>& /*trusted*/,
                             Botan::Usage_Type /*usage*/, std::string_view /*hostname*/,
                             const Botan::TLS::Policy& /*policy*/) override {
    if (!shared_->party->with_certificates() || !shared_->party->asks_connectors())
      veto(error(errc::peer_unproven)
               .with(fact::reason, "it showed a certificate that it was not asked for"));
    // Only remembered: the peer has not proved yet that it holds the key.
    shown_.chain.clear();
    shown_.stapled.clear();
    for (const auto& each : chain) shown_.chain.push_back(pki::certificate::adopt(each));
    for (const auto& each : responses)
      if (each) shown_.stapled.push_back(each->raw_bits());
  }
  void tls_verify_raw_public_key(const Botan::Public_Key& /*key*/, Botan::Usage_Type /*usage*/,
                                 std::string_view /*hostname*/,
                                 const Botan::TLS::Policy& /*policy*/) override {
    veto(error(errc::peer_unproven).with(fact::reason, "it showed a bare public key"));
  }

  bool tls_verify_message(const Botan::Public_Key& key, std::string_view padding,
                          Botan::Signature_Format format, const std::vector<std::uint8_t>& message,
                          const std::vector<std::uint8_t>& signature) override {
    auto name = tls_verifiers::name_of(key, padding, format);
    if (auto known = shared_->verifiers->take(name, shared_->party->generation())) {
      const bool good = known->verify_message(message, signature);
      std::move(known).give_back();
      return good;
    }
    auto made = std::make_unique<Botan::PK_Verifier>(key, padding, format);
    if (!made->verify_message(message, signature)) return false;
    verified_by_.emplace(std::move(name), std::move(made));
    return true;
  }

  void tls_session_established(const Botan::TLS::Session_Summary& made) override {
    if (proof_) veto(error(errc::handshake_failed).with(fact::reason, "renegotiation"));
    if (made.was_resumption())
      veto(error(errc::peer_unproven).with(fact::reason, "a resumed session proves nobody"));
    settle_protection(made);
    if (!shared_->party->asks_connectors()) {
      if (side_ == auth::side::connector || !made.peer_certs().empty() || made.psk_used())
        veto(error(errc::peer_unproven)
                 .with(fact::reason, "anonymous connectors show nothing, and only connect"));
    } else if (shared_->party->with_certificates()) {
      // Judge what the engine itself holds for this session, not only what it showed on the way.
      const auto& proven = made.peer_certs();
      if (proven.empty() || shown_.chain.empty() || made.psk_used() ||
          !(proven.front() == shown_.chain.front().x509()))
        veto(error(errc::peer_unproven).with(fact::reason, "it showed no certificate"));
    } else {
      if (!made.psk_used() || !made.peer_certs().empty())
        veto(error(errc::peer_unproven).with(fact::reason, "it used no pre-shared key"));
      auto identity = external_identity(made.external_psk_identity().value_or(""));
      if (!identity) veto(identity.error());
      shown_.shared_key_identity = std::move(*identity);
    }
    if (auto welcome = judge_peer(*shared_->party); !welcome) veto(welcome.error());
    if (verified_by_)
      shared_->verifiers->keep(verified_by_->first, std::move(verified_by_->second),
                               shared_->party->generation());
    verified_by_.reset();
  }
  /// Mutual, or not at all: an acceptor that never asked who this side is would serve anybody.
  void tls_session_activated() override {
    if (side_ == auth::side::connector && shared_->party->with_certificates() && !was_asked_)
      veto(error(errc::handshake_failed)
               .with(fact::reason, "the acceptor did not ask for this side's certificate")
               .with(fact::next_step, "let the acceptor require client certificates"));
  }
  void settle_protection(const Botan::TLS::Session_Summary& made) {
    const auto suite = made.ciphersuite_code();
    agreed_.version = made.version().to_string();
    agreed_.group = made.kex_parameters().value_or(made.kex_algo());
    if (made.version().is_pre_tls_13()) {
      agreed_.protection = negotiation::integrity_only();
      if (!allows_integrity_only(shared_->clause.presence()))
        veto(to_error(negotiation::refused(encryption_refusal::encryption_required)));
      // Not encrypted only with a peer that said it wants that.
      if (side_ == auth::side::acceptor && allows_encryption(shared_->clause.presence()) &&
          !expected_)
        veto(to_error(negotiation::refused(encryption_refusal::encryption_required)));
    } else {
      bool listed = false;
      for (const auto each : shared_->clause.algorithms())
        if (suite_of(each) == suite) {
          agreed_.protection = negotiation::encrypted(each);
          listed = true;
        }
      if (!listed) veto(to_error(negotiation::refused(encryption_refusal::no_common_algorithm)));
    }
    if (auto same = check_clauses(); !same) veto(same.error());
  }

  void tls_record_received(std::uint64_t /*number*/, std::span<const std::uint8_t> data) override {
    if (!proof_)
      veto(error(errc::peer_unproven).with(fact::reason, "it sent data before its Finished"));
    incoming_.append(data);
  }
  void tls_emit_data(std::span<const std::uint8_t> data) override { outgoing_.append(data); }
  void tls_alert(Botan::TLS::Alert alert) override {
    if (alert.type() == Botan::TLS::AlertType::CloseNotify) {
      peer_closed_ = true;
      if (!proof_ && !failure_)
        static_cast<void>(fail(error(errc::handshake_failed)
                                   .with(fact::reason, "the peer closed before it was finished")));
    } else if (alert.is_fatal() && !failure_)
      static_cast<void>(fail(refused_by_peer(alert)));
  }
  /// Half-close: this side closes when its program says so.
  bool tls_peer_closed_connection() override { return false; }
  bool tls_should_persist_resumption_information(const Botan::TLS::Session& /*made*/) override {
    return false;
  }
  std::chrono::system_clock::time_point tls_current_timestamp() override {
    return shared_->party->now();
  }

  // Botan asks for credentials.

  std::vector<Botan::X509_Certificate> find_cert_chain(
      const std::vector<std::string>& key_types,
      const std::vector<Botan::AlgorithmIdentifier>& /*schemes*/,
      const std::vector<Botan::X509_DN>& /*acceptable*/, const std::string& /*type*/,
      const std::string& /*context*/) override {
    std::vector<Botan::X509_Certificate> chain;
    if (identity_ == nullptr || std::ranges::count(key_types, identity_->key->algorithm()) == 0)
      return chain;
    for (const auto& each : identity_->chain) chain.push_back(each.x509());
    was_asked_ = true;
    return chain;
  }
  std::shared_ptr<Botan::Private_Key> private_key_for(const Botan::X509_Certificate& /*of*/,
                                                      const std::string& /*type*/,
                                                      const std::string& /*context*/) override {
    return identity_ == nullptr ? nullptr : identity_->key->botan();
  }
  /// No trust anchors: naming them in a CertificateRequest would tell a stranger whom we trust.
  std::vector<Botan::Certificate_Store*> trusted_certificate_authorities(
      const std::string& /*type*/, const std::string& /*context*/) override {
    return {};
  }
  std::vector<Botan::TLS::ExternalPSK> find_preshared_keys(
      std::string_view /*host*/, Botan::TLS::Connection_Side /*whoami*/,
      const std::vector<std::string>& /*identities*/,
      const std::optional<std::string>& /*hash*/) override {
    if (!offer_) return {};
    return imported_keys(offer_->identity, offer_->key);
  }
  std::optional<Botan::TLS::ExternalPSK> choose_preshared_key(
      std::string_view /*host*/, Botan::TLS::Connection_Side /*whoami*/,
      const std::vector<std::string>& identities, const std::optional<std::string>& hash) override {
    if (shared_->party->with_certificates()) return std::nullopt;
    return chosen_key(identities, hash.value_or("SHA-256"),
                      [&](std::string_view identity) { return shared_->party->find(identity); });
  }

  std::shared_ptr<const tls_shared> shared_;
  std::shared_ptr<const pki::identity> identity_;
  std::optional<auth::shared_key_offer> offer_;
  // For the next handshake, once the peer is let in.
  std::optional<std::pair<verifier_name, std::unique_ptr<Botan::PK_Verifier>>> verified_by_;
  std::unique_ptr<Botan::TLS::Channel> channel_;  // the first to go: it calls the others
};

}  // namespace keywarden::transport::detail
