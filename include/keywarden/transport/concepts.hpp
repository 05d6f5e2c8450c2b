/// @file
/// The transport concept: how bytes travel between two instances that know each other.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include <keywarden/auth/concepts.hpp>
#include <keywarden/core/bytes.hpp>
#include <keywarden/core/clock.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/transport/encryption.hpp>

namespace keywarden::transport {

/// A concept matching authenticated connections without a socket: feed bytes, take bytes.
/// Satisfied by `session`.
template <class T>
concept secure_session =
    std::movable<T> && !std::copyable<T> &&
    requires(T & in, const T& seen, bytes_view data, std::size_t count, error why) {
  { in.receive(data) } -> std::same_as<result<void>>;
  { seen.received() } -> std::same_as<bytes_view>;
  in.consume(count);
  { in.send(data) } -> std::same_as<result<void>>;
  { seen.outgoing() } -> std::same_as<bytes_view>;
  in.sent(count);
  { in.close() } -> std::same_as<result<void>>;
  { seen.peer_closed() } -> std::same_as<bool>;
  in.refuse(why);
  { seen.proof() } -> std::same_as<const auth::proof&>;
  { seen.protection() } -> std::convertible_to<negotiation>;
};

/// A concept matching connections that are being made, which yield a session or a refusal and
/// carry no data. Satisfied by `handshake`.
template <class T>
concept secure_handshake =
    std::movable<T> && !std::copyable<T> &&
    requires(T & in, const T& seen, bytes_view data, std::size_t count, error why) {
  { in.receive(data) } -> std::same_as<result<void>>;
  { seen.outgoing() } -> std::same_as<bytes_view>;
  in.sent(count);
  { seen.finished() } -> std::same_as<bool>;
  { seen.proof() } -> std::same_as<const auth::proof*>;
  in.refuse(why);
  requires secure_session<typename decltype(std::move(in).finish())::value_type>;
};

/// A concept matching transports that can carry connections for an authenticator. Satisfied by
/// `tls13<…>`, `https<…>`, `tls13_or_integrity_only<…>` and `tls12_integrity_only`.
///
/// `context` is what all connections of an endpoint share; it is cheap to copy, and any thread may
/// begin handshakes from it.
template <class T, class Authenticator, class Clock = system_clock>
concept transport_for = auth::authenticator<Authenticator> && clock_source<Clock> &&
    requires(const typename T::template context<Authenticator, Clock>& from, std::string dialled) {
  { T::name } -> std::convertible_to<std::string_view>;
  { T::clause } -> std::convertible_to<encryption_clause>;
  requires secure_handshake<typename decltype(from.accept())::value_type>;
  requires secure_handshake<typename decltype(from.connect(dialled, dialled))::value_type>;
};

}  // namespace keywarden::transport
