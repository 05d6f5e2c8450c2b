/// @file
/// Where an endpoint listens: a port, and every address or one.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <keywarden/admit/address.hpp>
#include <keywarden/core/result.hpp>

namespace keywarden {

/// LISTENER_PORT and LISTENER_IP of an endpoint. There is no default port; a value is always valid.
class listener_address {
 public:
  /// Below, a service needs root.
  static constexpr std::uint16_t min_port = 1024;
  /// Above, systems hand ports out to clients.
  static constexpr std::uint16_t max_port = 32767;

  /// A literal is checked while compiling: `listener_address(7024)`, on all addresses.
  consteval explicit listener_address(int port) {
    if (port < min_port || port > max_port) throw "a listener's port is 1024 to 32767";
    port_ = static_cast<std::uint16_t>(port);
  }

  /// Every address (LISTENER_IP = ALL), or the given one only. Errors: `invalid_argument` for a
  /// port outside 1024 to 32767, or the unspecified address, which is ALL.
  [[nodiscard]] static result<listener_address> on(
      std::uint64_t port, std::optional<admit::address> only = std::nullopt) {
    if (port < min_port || port > max_port)
      return error(errc::invalid_argument)
          .with(fact::kind, "LISTENER_PORT")
          .with(fact::actual, port)
          .with(fact::next_step, "choose a port from 1024 to 32767");
    listener_address made(unchecked{}, static_cast<std::uint16_t>(port));
    if (!only) return made;
    return made.at(*only);
  }

  /// The same port, on this address only. Errors: `invalid_argument` for 0.0.0.0 and ::.
  [[nodiscard]] result<listener_address> at(const admit::address& only) const {
    if (only == admit::address() || only == admit::address::v4({}))
      return error(errc::invalid_argument)
          .with(fact::kind, "LISTENER_IP")
          .with(fact::actual, only.text())
          .with(fact::next_step, "say ALL, or name one address");
    auto made = *this;
    made.ip_ = only;
    return made;
  }

  /// LISTENER_PORT: 1024 to 32767.
  [[nodiscard]] constexpr std::uint16_t port() const noexcept { return port_; }
  /// The one address; none for ALL.
  [[nodiscard]] constexpr const std::optional<admit::address>& ip() const noexcept { return ip_; }

  friend constexpr bool operator==(const listener_address&, const listener_address&) = default;

 private:
  struct unchecked {};
  constexpr listener_address(unchecked /*port*/, std::uint16_t port) noexcept : port_(port) {}

  std::uint16_t port_;
  std::optional<admit::address> ip_;
};

/// LISTENER_IP as SQL writes it: "ALL", "(192.0.2.1)", "('2001:db8::1')".
[[nodiscard]] inline std::string listener_ip_text(const listener_address& of) {
  if (!of.ip()) return "ALL";
  if (of.ip()->is_v4()) return "(" + of.ip()->text() + ")";
  return "('" + of.ip()->text() + "')";
}

/// Whether the partners may call this instance by `named`: where that is an IP address (also in
/// brackets), LISTENER_IP must be that very address and not ALL. A host name always will do.
/// Errors: `invalid_argument` with the next step; `malformed` for an empty name.
[[nodiscard]] inline result<void> check_partner_address(const listener_address& of,
                                                        std::string_view named) {
  if (named.empty())
    return error(errc::malformed)
        .with(fact::kind, "partner address")
        .with(fact::reason, "it is empty");
  auto bare = named;
  if (bare.size() > 2 && bare.front() == '[' && bare.back() == ']')
    bare = bare.substr(1, bare.size() - 2);
  const auto address = admit::address::read(bare);
  if (!address || of.ip() == address) return done();
  return error(errc::invalid_argument)
      .with(fact::kind, "LISTENER_IP")
      .with(fact::actual, listener_ip_text(of))
      .with(fact::limit, address->text())
      .with(fact::reason, "partners name this instance by that IP address")
      .with(fact::next_step, "set LISTENER_IP to it, or let the partners use the host's name");
}

}  // namespace keywarden
