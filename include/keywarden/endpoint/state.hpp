/// @file
/// An endpoint's STATE and ROLE, as CREATE ENDPOINT names them.
#pragma once

#include <cstdint>
#include <string_view>

namespace keywarden {

/// STATE: started listens; stopped does not listen; disabled listens and answers with an error
/// (CREATE ENDPOINT's words; `sys.endpoints` has the last two the other way round).
enum class endpoint_state : std::uint8_t { started, stopped, disabled };

[[nodiscard]] constexpr std::string_view name_of(endpoint_state state) noexcept {
  switch (state) {
    case endpoint_state::started:
      return "STARTED";
    case endpoint_state::stopped:
      return "STOPPED";
    case endpoint_state::disabled:
      return "DISABLED";
  }
  return "";
}

/// ROLE: which parts of a mirroring session an instance may play. The numbers are the catalog's.
enum class endpoint_role : std::uint8_t { partner = 1, witness = 2, all = 3 };

[[nodiscard]] constexpr std::string_view name_of(endpoint_role role) noexcept {
  switch (role) {
    case endpoint_role::partner:
      return "PARTNER";
    case endpoint_role::witness:
      return "WITNESS";
    case endpoint_role::all:
      return "ALL";
  }
  return "";
}

}  // namespace keywarden
