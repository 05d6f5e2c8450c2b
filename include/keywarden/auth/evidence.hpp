/// @file
/// What a TLS engine found out about a peer: the evidence that an authenticator judges.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <keywarden/core/bytes.hpp>
#include <keywarden/pki/certificate.hpp>

namespace keywarden::auth {

/// Which half of a connection somebody plays.
enum class side : std::uint8_t {
  connector,  ///< opens the connection (the TLS client)
  acceptor,   ///< takes it (the TLS server)
};

/// The name of a side, for logs.
[[nodiscard]] constexpr std::string_view name_of(side which) noexcept {
  return which == side::connector ? "connector" : "acceptor";
}
/// The other side of the same connection.
[[nodiscard]] constexpr side other(side which) noexcept {
  return which == side::connector ? side::acceptor : side::connector;
}

/// What the peer showed, after it proved by the TLS Finished message that it holds the private (or
/// shared) key that belongs to it. Not judged: nothing here says that the peer is welcome.
///
/// Independent of the engine: a DER chain, or the identity of a pre-shared key.
struct peer_evidence {
  auth::side peer = side::connector;    ///< the half that the peer plays
  std::vector<pki::certificate> chain;  ///< leaf first, as sent; empty with a pre-shared key
  std::vector<bytes> stapled;           ///< OCSP responses as sent (DER), at most one each
  std::string shared_key_identity;      ///< the pre-shared key's identity; empty with certificates
  std::string dialled;                  ///< whom the connector asked for; empty at the acceptor
};

}  // namespace keywarden::auth
