/// @file
/// The named weakening: no rule about who may connect.
#pragma once

#include <keywarden/admit/concepts.hpp>

namespace keywarden::admit {

/// Admits every address at any rate. Protects against nothing: whoever reaches the port makes the
/// endpoint compute handshakes. For endpoints behind something else that filters. Stateless; any
/// thread; no errors.
struct anyone {
  static constexpr std::string_view name = "anyone";
  using permit = stateless_permit;

  [[nodiscard]] static result<permit> admit(const address& /*from*/, instant /*now*/) {
    return permit{};
  }

  friend bool operator==(const anyone&, const anyone&) = default;
};

static_assert(connection_rule<anyone>);

}  // namespace keywarden::admit
