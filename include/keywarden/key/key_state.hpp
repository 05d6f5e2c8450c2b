/// @file
/// The life of one version of a key.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace keywarden {

/// Where a key version stands. Only `active` seals; `created`, `active` and `retired` open;
/// `disabled` does neither until it is enabled again; `destroyed` is gone for good.
enum class key_state : std::uint8_t { created, active, retired, disabled, destroyed };

/// The stable name of a state.
[[nodiscard]] constexpr std::string_view name_of(key_state state) noexcept {
  switch (state) {
    case key_state::created:
      return "created";
    case key_state::active:
      return "active";
    case key_state::retired:
      return "retired";
    case key_state::disabled:
      return "disabled";
    case key_state::destroyed:
      return "destroyed";
  }
  return "unknown";
}

/// The state of a stable name, or nothing.
[[nodiscard]] constexpr std::optional<key_state> key_state_of(std::string_view name) noexcept {
  for (const auto state : {key_state::created, key_state::active, key_state::retired,
                           key_state::disabled, key_state::destroyed})
    if (name_of(state) == name) return state;
  return std::nullopt;
}

/// Whether a version in this state opens messages.
[[nodiscard]] constexpr bool opens(key_state state) noexcept {
  return state == key_state::created || state == key_state::active || state == key_state::retired;
}

/// Whether a version may go from one state to another. An active version leaves only by the
/// promotion of another one; destruction comes only after `disabled`, so that a mistake shows while
/// it can be undone.
[[nodiscard]] constexpr bool may_become(key_state from, key_state to) noexcept {
  switch (from) {
    case key_state::created:
      return to == key_state::active || to == key_state::disabled;
    case key_state::active:
      return to == key_state::retired;
    case key_state::retired:
      return to == key_state::active || to == key_state::disabled;
    case key_state::disabled:
      return to == key_state::retired || to == key_state::destroyed;
    case key_state::destroyed:
      return false;
  }
  return false;
}

}  // namespace keywarden
