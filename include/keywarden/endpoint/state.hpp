/// @file
/// What an endpoint is for, and whether it takes connections.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace keywarden {

/// Which parts an instance may play in a mirroring session (ROLE = …). The numbers are those of
/// `sys.database_mirroring_endpoints.role`.
enum class endpoint_role : std::uint8_t {
  partner = 1,  ///< one of the two that mirror a database
  witness = 2,  ///< sees who of the two is alive
  all = 3,      ///< either
};

/// Whether an endpoint takes connections (STATE = …), as CREATE ENDPOINT defines the words. The
/// numbers are those of `sys.endpoints.state`.
enum class endpoint_state : std::uint8_t {
  started = 0,   ///< listens and takes connections
  stopped = 1,   ///< does not listen; the state of a new endpoint
  disabled = 2,  ///< listens and answers everybody with an error
};

/// Every role, in the order in which they are listed to people.
inline constexpr std::array all_endpoint_roles{endpoint_role::partner, endpoint_role::witness,
                                               endpoint_role::all};
/// Every state, in the order in which they are listed to people.
inline constexpr std::array all_endpoint_states{endpoint_state::started, endpoint_state::stopped,
                                                endpoint_state::disabled};

/// The SQL keyword.
[[nodiscard]] constexpr std::string_view name_of(endpoint_role role) noexcept {
  switch (role) {
    case endpoint_role::partner:
      return "PARTNER";
    case endpoint_role::witness:
      return "WITNESS";
    case endpoint_role::all:
      return "ALL";
  }
  return "NONE";
}
/// STARTED, STOPPED or DISABLED, as CREATE ENDPOINT spells it.
[[nodiscard]] constexpr std::string_view name_of(endpoint_state state) noexcept {
  switch (state) {
    case endpoint_state::started:
      return "STARTED";
    case endpoint_state::stopped:
      return "STOPPED";
    case endpoint_state::disabled:
      return "DISABLED";
  }
  return "UNKNOWN";
}

/// The value of exactly this keyword, if there is one.
[[nodiscard]] constexpr std::optional<endpoint_role> endpoint_role_of(
    std::string_view name) noexcept {
  for (const auto each : all_endpoint_roles)
    if (name_of(each) == name) return each;
  return std::nullopt;
}
/// The state of this name, if it is one. Names are compared exactly.
[[nodiscard]] constexpr std::optional<endpoint_state> endpoint_state_of(
    std::string_view name) noexcept {
  for (const auto each : all_endpoint_states)
    if (name_of(each) == name) return each;
  return std::nullopt;
}

/// Whether an endpoint of this role may play `part` (partner or witness).
[[nodiscard]] constexpr bool may_play(endpoint_role role, endpoint_role part) noexcept {
  return role == part || role == endpoint_role::all;
}

}  // namespace keywarden
