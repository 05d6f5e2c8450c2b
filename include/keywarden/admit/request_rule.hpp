/// @file
/// What a request rule is: who may ask now, decided for every request before it is served.
#pragma once

#include <concepts>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include <keywarden/admit/concepts.hpp>
#include <keywarden/admit/request.hpp>

namespace keywarden::admit {

/// The sub-status that IIS logs with a refusal of Dynamic IP Restrictions.
enum class sub_status : std::uint16_t { concurrent_requests = 501, request_rate = 502 };

/// A sub-status in words.
[[nodiscard]] constexpr std::string_view describe(sub_status why) noexcept {
  return why == sub_status::concurrent_requests ? "too many concurrent requests"
                                                : "too many requests in a time";
}

/// A concept matching rules about which requests are served. Satisfied by `request_rate`,
/// `generic_cell_rate`, `concurrent_requests`, `dynamic_ip_restrictions`, and over other rules by
/// `exempt<…>`, `dry_run<…>` and `all_requests<…>`, which nest.
///
/// Every request counts, whatever it asks for (a page, its scripts, its images). Not a
/// `connection_rule`: that one is asked once a connection, before the handshake.
///
/// Requirements the compiler cannot check:
/// - `admit(asked, now)` gives a permit, to be held until the response is sent, or refuses with
///   `errc::admission_refused`, `fact::peer` (the client, as the rule's `client_identity` finds
///   it), `fact::kind` (the rule's `name`), `fact::reason`, `fact::limit`, and `fact::state` (the
///   number of the `sub_status`). The refusal is for the log; what the client gets is a
///   `deny_action`.
/// - A permit is a lease: destroying it, on any thread, gives back what it counts for, once,
///   whatever it was moved through. It may outlive the rule.
/// - Copies of a rule are the same rule: they count together and are reloaded together.
/// - `admit` may be called from many threads at once; `now` may then go back by as much as they
///   differ. It does a bounded amount of work, waits for nothing but short locks, and its memory is
///   bounded whatever the clients do.
template <class T>
concept request_rule = std::copyable<T> &&
    requires(const T& rule, const request& asked, instant now) {
  typename T::permit;
  requires std::movable<typename T::permit>;
  requires !std::copyable<typename T::permit>;
  requires std::is_nothrow_move_constructible_v<typename T::permit>;
  { T::name } -> std::convertible_to<std::string_view>;
  { rule.admit(asked, now) } -> std::same_as<result<typename T::permit>>;
};

namespace detail {

/// A refusal as the concept asks for it.
[[nodiscard]] inline error refuse(const address& client, std::string_view rule,
                                  std::string_view reason, sub_status why, std::uint32_t limit) {
  return refuse(client, rule, reason)
      .with(fact::limit, limit)
      .with(fact::state, static_cast<std::uint16_t>(why));
}

/// The refusal of a host for which there is no place.
[[nodiscard]] inline error refuse_for_want_of_place(const address& client, std::string_view rule,
                                                    sub_status why, std::uint32_t limit) {
  return refuse(client, rule,
                "the table of hosts is full: every place for this host is taken by another that "
                "may not be displaced",
                why, limit)
      .with(fact::next_step, "give the rule a table of more hosts if these are honest");
}

}  // namespace detail
}  // namespace keywarden::admit
