/// @file
/// An authenticator and a clock, as a TLS engine asks them.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include <keywarden/auth/concepts.hpp>
#include <keywarden/core/bytes.hpp>
#include <keywarden/core/clock.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/core/secret.hpp>
#include <keywarden/pki/certificate.hpp>

namespace keywarden::transport::detail {

/// What a machine asks of the authenticator, without its type. Any thread.
class tls_party {
 public:
  virtual ~tls_party() = default;
  [[nodiscard]] virtual bool with_certificates() const noexcept = 0;
  [[nodiscard]] virtual bool asks_connectors() const noexcept = 0;
  [[nodiscard]] virtual result<std::shared_ptr<const pki::identity>> own() const = 0;
  [[nodiscard]] virtual result<auth::shared_key_offer> offer(std::string_view dialled) const = 0;
  [[nodiscard]] virtual std::optional<secret_key> find(std::string_view identity) const = 0;
  [[nodiscard]] virtual result<auth::principal> judge(const auth::peer_evidence& shown) const = 0;
  [[nodiscard]] virtual time_point now() const = 0;
  /// What the authenticator has read of exactly these bytes before, if it has.
  [[nodiscard]] virtual std::optional<pki::certificate> registered(bytes_view /*der*/) const {
    return std::nullopt;
  }
  /// Another number when what the authenticator knows was replaced.
  [[nodiscard]] virtual std::uint64_t generation() const { return 0; }

 protected:
  tls_party() = default;
  tls_party(const tls_party&) = default;
  tls_party& operator=(const tls_party&) = default;
};

/// An authenticator and a clock, as a machine asks them.
template <auth::authenticator Authenticator, clock_source Clock>
class party_of final : public tls_party {
 public:
  party_of(Authenticator with, Clock clock) : with_(std::move(with)), clock_(std::move(clock)) {}

  bool with_certificates() const noexcept override {
    return auth::form::shows_certificate<typename Authenticator::form>;
  }
  bool asks_connectors() const noexcept override {
    return !std::same_as<typename Authenticator::form, auth::form::server_certificate>;
  }
  result<std::shared_ptr<const pki::identity>> own() const override {
    if constexpr (auth::form::shows_certificate<typename Authenticator::form>)
      return with_.own(clock_.now());
    else
      return error(errc::invalid_argument);
  }
  result<auth::shared_key_offer> offer(std::string_view dialled) const override {
    if constexpr (std::same_as<typename Authenticator::form, auth::form::shared_key>)
      return with_.offer(dialled);
    else
      return error(errc::invalid_argument);
  }
  std::optional<secret_key> find(std::string_view identity) const override {
    if constexpr (std::same_as<typename Authenticator::form, auth::form::shared_key>)
      return with_.find(identity);
    else
      return std::nullopt;
  }
  result<auth::principal> judge(const auth::peer_evidence& shown) const override {
    return with_.judge(shown, clock_.now());
  }
  std::optional<pki::certificate> registered(bytes_view der) const override {
    if constexpr (requires {
                    { with_.registered(der) } -> std::same_as<std::optional<pki::certificate>>;
                  })
      return with_.registered(der);
    else
      return std::nullopt;
  }
  time_point now() const override { return clock_.now(); }
  std::uint64_t generation() const override {
    if constexpr (requires { with_.generation(); })
      return with_.generation();
    else
      return 0;
  }

 private:
  Authenticator with_;
  Clock clock_;
};

}  // namespace keywarden::transport::detail
