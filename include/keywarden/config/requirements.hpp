/// @file
/// How strictly a configuration is judged.
#pragma once

#include <optional>

namespace keywarden::config {

/// Acknowledges that requests over plain HTTP may carry database credentials and that whoever can
/// reach the HTTP endpoint is served. It turns that error into a warning; it makes each place where
/// that is decided findable.
struct allow_open_http_i_accept_the_risk {
  explicit constexpr allow_open_http_i_accept_the_risk() noexcept = default;
};

/// What a configuration must satisfy beyond what it always must.
struct requirements {
  /// Every group of rules ends with a rule for all addresses; a warning otherwise.
  bool explicit_final_rule = false;
  /// The HTTP endpoint may be open.
  std::optional<allow_open_http_i_accept_the_risk> open_http;
};

/// Nothing is left to be implied.
inline constexpr requirements strict{.explicit_final_rule = true, .open_http = std::nullopt};

}  // namespace keywarden::config
