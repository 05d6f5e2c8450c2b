/// @file
/// Whose a request is when proxies stand before the service.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/admit/network.hpp>
#include <keywarden/admit/request.hpp>

namespace keywarden::admit {

namespace detail {

/// `:` and a port, in the whole of `text`; or nothing at all.
[[nodiscard]] constexpr bool is_port_or_nothing(std::string_view text) noexcept {
  if (text.empty()) return true;
  if (text.front() != ':' || text.size() < 2 || text.size() > 6) return false;
  std::uint32_t port = 0;
  for (const char digit : text.substr(1)) {
    if (digit < '0' || digit > '9') return false;
    port = port * 10 + static_cast<std::uint32_t>(digit - '0');
  }
  return port <= 65'535;
}

/// One element of X-Forwarded-For: an address; `[` IPv6 `]`; either with a port (an IPv6 address
/// only in brackets). Nothing for `unknown`, for `_names`, and for all else.
[[nodiscard]] constexpr std::optional<address> read_forwarded(std::string_view text) noexcept {
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos || !is_port_or_nothing(text.substr(end + 1)))
      return std::nullopt;
    const auto inside = text.substr(1, end - 1);
    if (inside.find(':') == std::string_view::npos) return std::nullopt;
    return address::read(inside);
  }
  const auto colon = text.find(':');
  if (colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos) {
    if (!is_port_or_nothing(text.substr(colon))) return std::nullopt;
    text = text.substr(0, colon);
  }
  return address::read(text);
}

/// Takes the last element off a comma-separated list, without the space around it. Nothing when it
/// is longer than any address can be; the rest of the list is then of no use.
[[nodiscard]] constexpr std::optional<std::string_view> take_last(std::string_view& list) noexcept {
  constexpr std::size_t longest = 128;
  const auto window = list.size() > longest ? list.size() - longest : 0;
  const auto comma = list.substr(window).rfind(',');
  if (comma == std::string_view::npos && window > 0) return std::nullopt;
  auto last = comma == std::string_view::npos ? list : list.substr(window + comma + 1);
  list = comma == std::string_view::npos ? std::string_view{} : list.substr(0, window + comma);
  const auto is_space = [](char one) { return one == ' ' || one == '\t'; };
  while (!last.empty() && is_space(last.front())) last.remove_prefix(1);
  while (!last.empty() && is_space(last.back())) last.remove_suffix(1);
  return last;
}

}  // namespace detail

/// The client is the nearest address that is not one of ours: starting at the peer, and as long as
/// the address reached is a trusted proxy's, the one that this proxy wrote into X-Forwarded-For,
/// from the last element of the last header line to the left.
///
/// Protects against a client that names itself as somebody else: what it writes stands to the left
/// of what the first trusted proxy appends, and is never reached. A header from a peer that is no
/// trusted proxy is not looked at. Does not protect when a trusted proxy passes the header on
/// without appending, when clients can send from a trusted address, or when everybody is trusted
/// (`0.0.0.0/0`).
///
/// The walk stops where it cannot go on, at an element that is no address (`unknown`, `_hidden`, a
/// host name), and after 32 elements: the client is then the last proxy it reached, so that what a
/// proxy does not say is counted against the proxy. Empty elements are passed over (RFC 9110,
/// 5.6.1) and count among the 32. Ports and brackets are dropped; a mapped IPv4 address is the IPv4
/// address. With an empty list this is `peer_address`. A value; any thread.
class trusted_proxies {
 public:
  /// How many elements are looked at.
  static constexpr std::size_t max_hops = 32;

  /// Trusts nobody.
  trusted_proxies() = default;
  explicit trusted_proxies(std::vector<network> trusted) : trusted_(std::move(trusted)) {}

  /// Whose request it is; the peer itself unless it is a trusted proxy.
  [[nodiscard]] address client(const request& asked) const noexcept {
    auto reached = asked.peer;
    if (!trusts(reached)) return reached;
    std::size_t hops = 0;
    for (auto left = asked.forwarded_for.size(); left > 0; --left) {
      auto line = asked.forwarded_for[left - 1];
      // A line without a comma is one element, an empty one too.
      do {
        if (++hops > max_hops) return reached;
        const auto element = detail::take_last(line);
        if (!element) return reached;
        if (element->empty()) continue;
        const auto named = detail::read_forwarded(*element);
        if (!named) return reached;
        reached = *named;
        if (!trusts(reached)) return reached;
      } while (!line.empty());
    }
    return reached;
  }

  /// Whether what this address says of others is believed.
  [[nodiscard]] bool trusts(const address& one) const noexcept {
    return std::ranges::any_of(trusted_, [&](const network& each) { return each.contains(one); });
  }

  /// The addresses of the proxies that are believed.
  [[nodiscard]] const std::vector<network>& networks() const noexcept { return trusted_; }

  friend bool operator==(const trusted_proxies&, const trusted_proxies&) = default;

 private:
  std::vector<network> trusted_;
};

static_assert(client_identity<trusted_proxies>);

}  // namespace keywarden::admit
