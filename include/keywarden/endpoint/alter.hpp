/// @file
/// ALTER ENDPOINT: what of an endpoint can change, and what a change does to it.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include <keywarden/endpoint/definition.hpp>

namespace keywarden {

/// Says, where a program says it, that an endpoint may encrypt less than it did (or, when it is
/// created, less than REQUIRED): what is exchanged can then be read on the way, as far as the
/// peer's configuration says so.
struct accept_weaker_encryption {};

/// What ALTER ENDPOINT changes: the members that are given, and nothing else. The name, the payload
/// (mirroring, its form of authentication) and the owner cannot change: there are no members for
/// them. Drop the endpoint and create another instead.
struct endpoint_change {
  std::optional<endpoint_state> state = std::nullopt;       ///< STATE: whether it listens
  std::optional<listener_address> listener = std::nullopt;  ///< LISTENER_PORT and LISTENER_IP
  /// What is shown; a rotation names both.
  std::optional<endpoint_certificates> certificates = std::nullopt;
  /// Weaker needs `accept_weaker_encryption`.
  std::optional<transport::encryption_clause> encryption = std::nullopt;
  std::optional<given_role> role = std::nullopt;
};

/// A change that was made.
struct endpoint_alteration {
  endpoint_definition before;  ///< as it was kept
  endpoint_definition after;   ///< as it is kept now

  /// Whether a running endpoint has to begin anew for it. Restarting the endpoint of a mirroring
  /// session can cause a failover.
  [[nodiscard]] bool restarts() const {
    auto restated = before;
    restated.state = after.state;
    return restated != after;
  }
};

/// Whether `next` may leave unencrypted, or has to, what `present` does not.
[[nodiscard]] constexpr bool is_weaker(const transport::encryption_clause& next,
                                       const transport::encryption_clause& present) noexcept {
  return next.presence() < present.presence();
}

namespace detail {

[[nodiscard]] inline result<void> expect_not_weaker(const object_name& name,
                                                    const transport::encryption_clause& next,
                                                    const transport::encryption_clause& present) {
  if (!is_weaker(next, present)) return done();
  return error(errc::weaker_than_required)
      .with(fact::kind, "ENCRYPTION")
      .with(fact::name, name.text())
      .with(fact::actual, transport::text(next).string())
      .with(fact::limit, transport::text(present).string())
      .with(fact::next_step, "if it is meant so, pass accept_weaker_encryption{}");
}

[[nodiscard]] inline result<endpoint_alteration> applied(const endpoint_change& change,
                                                         const endpoint_definition& to) {
  endpoint_alteration made{to, to};
  if (change.state) made.after.state = *change.state;
  if (change.listener) made.after.listener = *change.listener;
  if (change.encryption) made.after.encryption = *change.encryption;
  if (change.role) made.after.role = *change.role;
  if (change.certificates) {
    if (!to.authentication.with_certificates())
      return error(errc::not_permitted)
          .with(fact::kind, "AUTHENTICATION")
          .with(fact::name, to.name.text())
          .with(fact::reason, "its form is pre-shared keys, and a form does not change")
          .with(fact::next_step, "drop the endpoint and create one with certificates");
    made.after.authentication = *change.certificates;
  }
  if (auto sound = check_definition(made.after); !sound) return sound.error();
  return made;
}

}  // namespace detail

/// The definition as it would be after a change. All transitions between STARTED, STOPPED and
/// DISABLED are allowed. Errors: `weaker_than_required` for a change that weakens ENCRYPTION, or
/// lists RC4; `not_permitted` for certificates where the form is pre-shared keys.
[[nodiscard]] inline result<endpoint_alteration> alter(const endpoint_definition& to,
                                                       const endpoint_change& change) {
  if (change.encryption)
    if (auto kept = detail::expect_not_weaker(to.name, *change.encryption, to.encryption); !kept)
      return kept.error();
  return detail::applied(change, to);
}

/// The same, also when it weakens ENCRYPTION.
[[nodiscard]] inline result<endpoint_alteration> alter(const endpoint_definition& to,
                                                       const endpoint_change& change,
                                                       accept_weaker_encryption /*meant*/) {
  return detail::applied(change, to);
}

}  // namespace keywarden
