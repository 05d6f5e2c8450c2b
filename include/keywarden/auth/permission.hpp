/// @file
/// The permissions on an endpoint, and why somebody has one or has not.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace keywarden::auth {

/// What a login may be allowed to do with an endpoint. The five of SQL Server.
enum class permission : std::uint8_t {
  connect,          ///< open a session with it
  alter,            ///< change how it is configured
  control,          ///< everything: implies the others
  take_ownership,   ///< become its owner
  view_definition,  ///< read how it is configured
};

/// Every permission, in the order of their numbers.
inline constexpr std::array all_permissions{permission::connect, permission::alter,
                                            permission::control, permission::take_ownership,
                                            permission::view_definition};

/// As statements spell it: "CONNECT", "TAKE OWNERSHIP", …
[[nodiscard]] constexpr std::string_view name_of(permission which) noexcept {
  switch (which) {
    case permission::connect:
      return "CONNECT";
    case permission::alter:
      return "ALTER";
    case permission::control:
      return "CONTROL";
    case permission::take_ownership:
      return "TAKE OWNERSHIP";
    case permission::view_definition:
      return "VIEW DEFINITION";
  }
  return "unknown";
}

/// The permission of exactly this name, if there is one.
[[nodiscard]] constexpr std::optional<permission> permission_of(std::string_view name) noexcept {
  for (const auto each : all_permissions)
    if (name_of(each) == name) return each;
  return std::nullopt;
}

/// What was said about one permission: the last word of GRANT and DENY; REVOKE takes it back.
enum class permission_state : std::uint8_t { grant, deny };

/// "GRANT" or "DENY".
[[nodiscard]] constexpr std::string_view name_of(permission_state which) noexcept {
  return which == permission_state::grant ? "GRANT" : "DENY";
}

/// Whether a login has a permission, and why.
struct verdict {
  /// What decided; the first four allow.
  enum class reason : std::uint8_t {
    sysadmin,            ///< allowed: permissions are not checked for it
    owner,               ///< allowed: it owns the endpoint
    granted,             ///< allowed by GRANT
    implied_by_control,  ///< allowed by GRANT CONTROL
    denied,              ///< refused by DENY, whatever was granted
    denied_by_control,   ///< refused by DENY CONTROL, whatever was granted
    not_granted,         ///< refused: nobody allowed it
    no_such_login,       ///< refused: the login is gone
  };
  reason why = reason::not_granted;  ///< refused unless something allowed it

  /// Whether the login has the permission.
  [[nodiscard]] constexpr bool allowed() const noexcept { return why < reason::denied; }

  friend bool operator==(const verdict&, const verdict&) = default;
};

/// The reason in words, for the log.
[[nodiscard]] constexpr std::string_view name_of(verdict::reason why) noexcept {
  switch (why) {
    case verdict::reason::sysadmin:
      return "it is a sysadmin";
    case verdict::reason::owner:
      return "it owns the endpoint";
    case verdict::reason::granted:
      return "granted";
    case verdict::reason::implied_by_control:
      return "implied by GRANT CONTROL";
    case verdict::reason::denied:
      return "denied";
    case verdict::reason::denied_by_control:
      return "denied with CONTROL";
    case verdict::reason::not_granted:
      return "not granted";
    case verdict::reason::no_such_login:
      return "there is no such login";
  }
  return "unknown";
}

}  // namespace keywarden::auth
