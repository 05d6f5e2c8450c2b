/// @file
/// What a connection rule is: who may even try, decided before a byte of handshake is computed.
#pragma once

#include <chrono>
#include <concepts>
#include <string_view>
#include <type_traits>
#include <utility>

#include <keywarden/admit/address.hpp>
#include <keywarden/core/result.hpp>

namespace keywarden::admit {

/// A moment on the clock that never goes back. Rules are told the time, so that every scenario with
/// time in it is an ordinary test.
using instant = std::chrono::steady_clock::time_point;

/// The permit of a rule that counts nothing. Move-only like every permit, so that changing a rule
/// never changes what a program may do with its permits.
struct stateless_permit {
  stateless_permit() = default;
  stateless_permit(stateless_permit&&) = default;
  stateless_permit& operator=(stateless_permit&&) = default;
  stateless_permit(const stateless_permit&) = delete;
  stateless_permit& operator=(const stateless_permit&) = delete;
  ~stateless_permit() = default;
};

/// A concept matching rules about who may connect. Satisfied by `network_acl`, `connection_rate`,
/// `concurrent_connections`, `anyone` and `all_of<…>`, which nests.
///
/// Requirements the compiler cannot check:
/// - `admit(from, now)` gives a permit, to be held as long as the connection lives, or refuses with
///   `errc::admission_refused`, `fact::peer` (the address), `fact::kind` (the rule's `name`),
///   `fact::reason`, and `fact::limit` where there is one. The refusal is for the log, never for
///   the peer.
/// - A permit is a lease: destroying it gives back what it counts for, once, whatever it was moved
///   through. It may outlive the rule.
/// - Copies of a rule are the same rule: they count together and are reloaded together.
/// - `admit` may be called from many threads at once; `now` may then go back by as much as they
///   differ. It does little work, waits for nothing but a short lock, and its memory is bounded
///   whatever the peers do.
template <class T>
concept connection_rule = std::copyable<T> &&
    requires(const T& rule, const address& from, instant now) {
  typename T::permit;
  requires std::movable<typename T::permit>;
  requires !std::copyable<typename T::permit>;
  requires std::is_nothrow_move_constructible_v<typename T::permit>;
  { T::name } -> std::convertible_to<std::string_view>;
  { rule.admit(from, now) } -> std::same_as<result<typename T::permit>>;
};

namespace detail {

/// A refusal as the concept asks for it.
[[nodiscard]] inline error refuse(const address& from, std::string_view rule,
                                  std::string_view reason) {
  return error(errc::admission_refused)
      .with(fact::peer, from.text())
      .with(fact::kind, rule)
      .with(fact::reason, reason);
}

/// Whom limits count as one: an IPv4 address, or an IPv6 /64, whose addresses one host can take
/// all.
[[nodiscard]] constexpr address host_of(const address& from) noexcept {
  if (from.is_v4()) return from;
  auto octets = from.bytes();
  for (std::size_t i = 8; i < octets.size(); ++i) octets[i] = 0;
  return address::v6(octets);
}

}  // namespace detail
}  // namespace keywarden::admit
