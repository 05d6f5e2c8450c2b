/// @file
/// Proof that a peer was authenticated: without one there is no session.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <keywarden/pki/fingerprint.hpp>

namespace keywarden::transport::detail {
class prover;
}

namespace keywarden::auth {

/// Whom a peer's credential stands for.
struct principal {
  std::string login;                            ///< who may be granted CONNECT (server level)
  std::string user;                             ///< who owns the credential (database level)
  std::optional<pki::fingerprint> certificate;  ///< the leaf that was shown; none with a shared key
  /// The version of the shared secret that was used; none with a certificate.
  std::optional<std::uint32_t> key_version = std::nullopt;

  friend bool operator==(const principal&, const principal&) = default;
};

/// Proof that the peer at the other end of one connection is `who()`.
///
/// Made in one place, after the peer's TLS Finished was verified and the authenticator judged its
/// evidence; move-only, so that it stands for one session. A function that takes a proof cannot be
/// called for a stranger.
class proof {
 public:
  /// Whom the peer proved to be. Valid as long as this proof.
  [[nodiscard]] const principal& who() const noexcept { return who_; }

  proof(proof&&) noexcept = default;
  proof& operator=(proof&&) noexcept = default;
  proof(const proof&) = delete;
  proof& operator=(const proof&) = delete;
  ~proof() = default;

 private:
  friend class transport::detail::prover;
  explicit proof(principal who) noexcept : who_(std::move(who)) {}

  principal who_;
};

}  // namespace keywarden::auth
