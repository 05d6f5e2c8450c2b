/// @file
/// A request as rules see it, and whose it is.
#pragma once

#include <concepts>
#include <span>
#include <string_view>

#include <keywarden/admit/address.hpp>

namespace keywarden::admit {

/// What a rule may know of a request: nothing of any HTTP library. Owns nothing; what it refers to
/// must last until the rule has answered.
struct request {
  address peer;  ///< the other end of the connection, as the socket says it

  /// The values of the X-Forwarded-For header lines, raw, in their order; none is fine.
  std::span<const std::string_view> forwarded_for{};
};

/// A concept matching ways to say whose a request is. Satisfied by `peer_address` and
/// `trusted_proxies`.
///
/// Requirements the compiler cannot check: `client(asked)` does a bounded amount of work whatever
/// the headers are, may be called from many threads at once, and gives an address that the client
/// could not choose. It is a copyable value: copies answer alike.
template <class T>
concept client_identity = std::copyable<T> && requires(const T& who, const request& asked) {
  { who.client(asked) } -> std::same_as<address>;
};

/// The client is whoever is connected; headers are not looked at. Right where no proxy is before
/// the service. Behind a proxy, or an address translation, all its clients count as one host.
/// Stateless; any thread.
struct peer_address {
  /// The connected peer.
  [[nodiscard]] static constexpr address client(const request& asked) noexcept {
    return asked.peer;
  }

  friend bool operator==(const peer_address&, const peer_address&) = default;
};

static_assert(client_identity<peer_address>);

}  // namespace keywarden::admit
