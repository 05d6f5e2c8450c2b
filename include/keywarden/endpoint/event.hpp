/// @file
/// What an endpoint tells its log. The peer is told none of it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <keywarden/core/clock.hpp>
#include <keywarden/core/error.hpp>

namespace keywarden {

/// What happened to a connection.
enum class endpoint_event_kind : std::uint8_t {
  not_admitted,  ///< an admission rule or the endpoint's state kept it out
  refused,       ///< the handshake failed, here or at the peer
  logged_in,     ///< a session began
  dropped,       ///< a session was ended because its peer is not permitted any more
  closed,        ///< a session ended
};

/// What happened, in a word for logs.
[[nodiscard]] constexpr std::string_view name_of(endpoint_event_kind kind) noexcept {
  switch (kind) {
    case endpoint_event_kind::not_admitted:
      return "not admitted";
    case endpoint_event_kind::refused:
      return "refused";
    case endpoint_event_kind::logged_in:
      return "logged in";
    case endpoint_event_kind::dropped:
      return "dropped";
    case endpoint_event_kind::closed:
      return "closed";
  }
  return "";
}

/// One entry for the log. Holds no secrets.
struct endpoint_event {
  endpoint_event_kind kind = endpoint_event_kind::refused;
  std::uint64_t connection_id = 0;  ///< 0 when there was no connection
  bool is_accept = false;           ///< the peer opened the connection
  std::string address;              ///< the peer's address, or the name that was dialled
  std::string login;                ///< who it was; empty when that is not known
  error reason;                     ///< why; `errc::none` where nothing went wrong

  /// One line for people.
  [[nodiscard]] std::string text() const {
    std::string line(name_of(kind));
    line.append(is_accept ? ": from " : ": to ").append(address);
    if (!login.empty()) line.append(" as ").append(login);
    if (reason.code() != errc::none) line.append(": ").append(reason.message());
    return line;
  }
};

/// Takes events. Called from any thread, also while connections are destroyed: it must not throw,
/// block for long, or call the endpoint.
using endpoint_log = std::function<void(const endpoint_event&)>;

}  // namespace keywarden
