/// @file
/// The second TLS engine: TLS 1.3 over the system's OpenSSL.
#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <keywarden/transport/concepts.hpp>
#include <keywarden/transport/groups.hpp>
#include <keywarden/transport/libssl/configuration.hpp>
#include <keywarden/transport/libssl/machine.hpp>
#include <keywarden/transport/party.hpp>
#include <keywarden/transport/session.hpp>

namespace keywarden::transport::libssl {

/// Whether the OpenSSL that is compiled against has X25519MLKEM768.
inline constexpr bool has_hybrid = OPENSSL_VERSION_NUMBER >= 0x30500000L;

namespace detail {

/// What the connections of one endpoint share: OpenSSL's contexts, authenticator. A cheap handle;
/// any thread may begin handshakes from it.
template <class Transport, group_choice Groups, configuration Configuration,
          auth::authenticator Authenticator, clock_source Clock>
class tls_context {
  static_assert(has_hybrid || !Groups::hybrid,
                "this OpenSSL has no X25519MLKEM768, which came with 3.5: name "
                "libssl::tls13<classical_only> where a classical key agreement will do, or compose "
                "with transport::tls13");
  static_assert(auth::form::shows_certificate<typename Authenticator::form>,
                "OpenSSL cannot bind imported pre-shared keys (RFC 9258): compose "
                "auth::pre_shared_key with transport::tls13");
  static constexpr encryption_clause own_clause = Transport::clause;

 public:
  /// Errors: `backend_failed` for what the system's OpenSSL does not do; `unsupported_suite` for a
  /// key agreement it does not name; `weaker_than_required` for a clause whose presence is not the
  /// transport's own: that is part of its type.
  [[nodiscard]] static result<tls_context> create(Authenticator with, Clock clock = Clock{},
                                                  encryption_clause clause = own_clause) {
    if (clause.presence() != own_clause.presence())
      return error(errc::weaker_than_required)
          .with(fact::kind, "ENCRYPTION")
          .with(fact::actual, text(clause).string())
          .with(fact::limit, name_of(own_clause.presence()))
          .with(fact::next_step, "compose the endpoint with the transport of that name");
    return keywarden::detail::guarded("TLS", [&]() -> result<tls_context> {
      auto groups = group_list(Groups::accepted(), Groups::offered());
      if (!groups) return groups.error();
      auto library = Configuration::library();
      if (!library) return library.error();
      settings of{std::make_shared<shared::party_of<Authenticator, Clock>>(std::move(with),
                                                                           std::move(clock)),
                  clause,
                  std::string(),
                  std::move(*groups),
                  *library,
                  machine::calls()};
      if constexpr (requires { Transport::application_protocol; })
        of.application_protocol = Transport::application_protocol;
      // What OpenSSL does not do shows now, and not at the first connection.
      if (auto tried = make_context(of, nullptr); !tried) return tried.error();
      return tls_context(std::make_shared<contexts>(std::move(of)));
    });
  }

  /// A handshake with whoever connected. Takes no memory to speak of before the first byte comes.
  /// Errors: none today.
  [[nodiscard]] result<handshake> accept() const {
    return handshake(
        std::make_unique<machine>(shared_, auth::side::acceptor, std::string(), std::string()));
  }

  /// As `transport::tls13`'s: a handshake with the instance `dialled`, which must be the login
  /// `expected` unless that is empty. Errors: those of the authenticator's own credential;
  /// `backend_failed` for one that OpenSSL does not take.
  [[nodiscard]] result<handshake> connect(std::string dialled, std::string expected = {}) const {
    if (!shared_->of().party->asks_connectors())
      return error(errc::not_permitted)
          .with(fact::kind, auth::form::server_certificate::name)
          .with(fact::next_step, "connect with auth::certificate<…>: this form only accepts");
    auto made = std::make_unique<machine>(shared_, auth::side::connector, std::move(dialled),
                                          std::move(expected));
    if (auto started = made->start(); !started) return started.error();
    return handshake(std::move(made));
  }

  [[nodiscard]] const encryption_clause& clause() const noexcept { return shared_->of().clause; }

 private:
  explicit tls_context(std::shared_ptr<contexts> shared) noexcept : shared_(std::move(shared)) {}

  std::shared_ptr<contexts> shared_;
};

}  // namespace detail

/// ENCRYPTION = REQUIRED over OpenSSL: TLS 1.3 (RFC 8446), nothing older, with mutual
/// authentication. Peers are judged by the same authenticators as with `transport::tls13`, never by
/// OpenSSL, and the two engines talk to each other.
///
/// Before OpenSSL 3.5 the default does not compile: choose `classical_only`, which is weaker, by
/// name. The private key lives in OpenSSL's heap as well. Pre-shared keys and integrity only are
/// for `transport::tls13` and its like. `Configuration` is the system's unless `own_configuration`
/// is named.
template <group_choice Groups = hybrid_or_classical, class Algorithms = algorithms<algorithm::aes>,
          configuration Configuration = system_configuration>
struct tls13 {
  static constexpr std::string_view name = "TLS 1.3 over OpenSSL";
  static constexpr encryption_clause clause = Algorithms::with(presence::required);
  template <auth::authenticator Authenticator, clock_source Clock = system_clock>
  using context = detail::tls_context<tls13, Groups, Configuration, Authenticator, Clock>;
};

}  // namespace keywarden::transport::libssl
