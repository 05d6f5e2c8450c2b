/// @file
/// The transports: TLS 1.3, and the named integrity-only one.
#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <botan/chacha_rng.h>
#include <botan/system_rng.h>
#include <botan/tls_session_manager_noop.h>

#include <keywarden/transport/concepts.hpp>
#include <keywarden/transport/groups.hpp>
#include <keywarden/transport/party.hpp>
#include <keywarden/transport/session.hpp>
#include <keywarden/transport/tls_machine.hpp>
#include <keywarden/transport/tls_policy.hpp>

namespace keywarden::transport {

namespace detail {

/// A generator for handshakes, seeded by the system's; after `fork` it seeds itself anew. Any
/// thread.
[[nodiscard]] inline std::shared_ptr<Botan::RandomNumberGenerator> handshake_random() {
  return std::make_shared<Botan::ChaCha_RNG>(Botan::system_rng());
}

/// What carries a transport's connections: Botan's machine, or one made of it that the transport
/// names.
template <class Transport>
struct machine_of {
  using type = tls_machine;
};
template <class Transport>
  requires(std::derived_from<typename Transport::machine, tls_machine>)
struct machine_of<Transport> {
  using type = typename Transport::machine;
};

/// What the connections of one endpoint share: policy, generator, authenticator, and the verifiers
/// of peers that were let in before (`tls_verifiers`). A cheap handle; any thread may begin
/// handshakes from it.
template <class Transport, group_choice Groups, auth::authenticator Authenticator,
          clock_source Clock>
class tls_context {
  static constexpr encryption_clause own_clause = Transport::clause;
  using machine_type = typename machine_of<Transport>::type;

 public:
  static_assert(own_clause.presence() != presence::disabled ||
                    std::same_as<typename Authenticator::form, auth::form::certificate>,
                "the integrity-only transport authenticates by certificates: pre-shared keys need "
                "TLS 1.3");

  /// Errors: `backend_failed` without a source of randomness; `weaker_than_required` for a clause
  /// whose presence is not the transport's own: that is part of its type.
  [[nodiscard]] static result<tls_context> create(Authenticator with, Clock clock = Clock{},
                                                  encryption_clause clause = own_clause) {
    if (clause.presence() != own_clause.presence())
      return error(errc::weaker_than_required)
          .with(fact::kind, "ENCRYPTION")
          .with(fact::actual, text(clause).string())
          .with(fact::limit, name_of(own_clause.presence()))
          .with(fact::next_step, "compose the endpoint with the transport of that name");
    return keywarden::detail::guarded("TLS", [&] {
      auto shared = std::make_shared<tls_shared>();
      constexpr bool certificates =
          std::same_as<typename Authenticator::form, auth::form::certificate>;
      shared->party =
          std::make_shared<party_of<Authenticator, Clock>>(std::move(with), std::move(clock));
      shared->policy =
          std::make_shared<tls_policy>(clause, certificates, Groups::accepted(), Groups::offered());
      shared->sessions = std::make_shared<Botan::TLS::Session_Manager_Noop>();
      shared->random = handshake_random();
      shared->clause = clause;
      if constexpr (requires { Transport::application_protocol; })
        shared->application_protocol = Transport::application_protocol;
      return tls_context(std::move(shared));
    });
  }

  /// A handshake with whoever connected. Takes no memory to speak of before the first byte comes.
  /// Errors: none today.
  [[nodiscard]] result<handshake> accept() const {
    return handshake(std::make_unique<machine_type>(shared_, auth::side::acceptor, std::string(),
                                                    std::string()));
  }

  /// A handshake with the instance `dialled`; its first message is `outgoing`. Whoever answers must
  /// be the login `expected`: an instance that is known, but another, is refused as `peer_unknown`.
  /// Empty: any that is known. Errors: those of the authenticator's own credential
  /// (`certificate_expired`, `not_found`).
  [[nodiscard]] result<handshake> connect(std::string dialled, std::string expected = {}) const {
    if (!shared_->party->asks_connectors())
      return error(errc::not_permitted)
          .with(fact::kind, auth::form::server_certificate::name)
          .with(fact::next_step, "connect with auth::certificate<…>: this form only accepts");
    auto machine = std::make_unique<machine_type>(shared_, auth::side::connector,
                                                  std::move(dialled), std::move(expected));
    if (auto started = machine->start(); !started) return started.error();
    return handshake(std::move(machine));
  }

  [[nodiscard]] const encryption_clause& clause() const noexcept { return shared_->clause; }

 private:
  explicit tls_context(std::shared_ptr<const tls_shared> shared) noexcept
      : shared_(std::move(shared)) {}

  std::shared_ptr<const tls_shared> shared_;
};

}  // namespace detail

/// ENCRYPTION = REQUIRED: TLS 1.3 (RFC 8446), nothing older, with mutual authentication.
///
/// `Groups` chooses the key agreement: post-quantum hybrid where the peer can, by default.
/// `Algorithms` are offered in that order; the acceptor's order decides.
template <group_choice Groups = hybrid_or_classical, class Algorithms = algorithms<algorithm::aes>>
struct tls13 {
  static constexpr std::string_view name = "TLS 1.3";
  static constexpr encryption_clause clause = Algorithms::with(presence::required);
  template <auth::authenticator Authenticator, clock_source Clock = system_clock>
  using context = detail::tls_context<tls13, Groups, Authenticator, Clock>;
};

/// ENCRYPTION = REQUIRED, for HTTP/1.1 (RFC 9110): browsers and other web clients connect. Agrees
/// on "http/1.1" by ALPN (RFC 7301); a client that names protocols, but not this one, is refused
/// with the alert no_application_protocol, one that names none is taken to mean it.
template <group_choice Groups = hybrid_or_classical, class Algorithms = algorithms<algorithm::aes>>
struct https {
  static constexpr std::string_view name = "HTTPS over TLS 1.3";
  /// What ALPN agrees on (RFC 7301).
  static constexpr std::string_view application_protocol = "http/1.1";
  static constexpr encryption_clause clause = Algorithms::with(presence::required);
  template <auth::authenticator Authenticator, clock_source Clock = system_clock>
  using context = detail::tls_context<https, Groups, Authenticator, Clock>;
};

/// ENCRYPTION = SUPPORTED: TLS 1.3 with every peer that can; with a peer whose encryption is
/// DISABLED, integrity only. A weakening: whoever configures the peer decides whether what is
/// exchanged can be read on the way. An attacker on the way cannot: TLS
/// authenticates what both ends offered, and an acceptor leaves out encryption only for a peer that
/// named such a clause. A connector shows its certificate to whoever answers with integrity only.
template <group_choice Groups = hybrid_or_classical, class Algorithms = algorithms<algorithm::aes>>
struct tls13_or_integrity_only {
  static constexpr std::string_view name = "TLS 1.3 or integrity only";
  static constexpr encryption_clause clause = Algorithms::with(presence::supported);
  template <auth::authenticator Authenticator, clock_source Clock = system_clock>
  using context = detail::tls_context<tls13_or_integrity_only, Groups, Authenticator, Clock>;
};

/// ENCRYPTION = DISABLED: everybody on the way can read what is exchanged and which certificates
/// are shown; nobody can change it. TLS 1.2 with ECDHE and HMAC-SHA1 (RFC 4492's NULL suites), the
/// peer is authenticated as ever. For networks where encryption is forbidden or done elsewhere.
struct tls12_integrity_only {
  static constexpr std::string_view name = "TLS 1.2, integrity only";
  static constexpr encryption_clause clause = algorithms<algorithm::aes>::with(presence::disabled);
  template <auth::authenticator Authenticator, clock_source Clock = system_clock>
  using context = detail::tls_context<tls12_integrity_only, classical_only, Authenticator, Clock>;
};

static_assert(secure_session<session>);
static_assert(secure_handshake<handshake>);

}  // namespace keywarden::transport
