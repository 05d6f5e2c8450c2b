/// @file
/// Who is refused at the moment, for status pages.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

#include <keywarden/admit/request_rule.hpp>

namespace keywarden::admit {

/// One host whose requests a rule refuses. Hosts that are under their limits are not listed, nor
/// those that were refused because the table had no place for them.
struct blocked_host {
  address host;                  ///< an IPv4 address, or the first address of an IPv6 /64
  instant since;                 ///< its first request that was refused
  std::optional<instant> until;  ///< none: until one of its requests ends
  sub_status why;                ///< which limit: how many at once, or how many in a time

  friend bool operator==(const blocked_host&, const blocked_host&) = default;
};

/// How many a status page lists unless it says otherwise.
inline constexpr std::size_t max_blocked_listed = 1'000;

namespace detail {

/// The end of a time, or the end of all time.
[[nodiscard]] constexpr instant end_of(instant start, std::chrono::milliseconds length) noexcept {
  using std::chrono::floor;
  using std::chrono::milliseconds;
  if (length >= floor<milliseconds>(instant::duration::max())) return instant::max();
  if (start > instant{} && length > floor<milliseconds>(instant::max() - start))
    return instant::max();
  return start + length;
}

}  // namespace detail
}  // namespace keywarden::admit
