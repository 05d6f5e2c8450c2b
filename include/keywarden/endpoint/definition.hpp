/// @file
/// What an endpoint is: the properties of CREATE ENDPOINT … FOR DATABASE_MIRRORING.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/auth/concepts.hpp>
#include <keywarden/core/name.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/endpoint/listener_address.hpp>
#include <keywarden/endpoint/state.hpp>
#include <keywarden/transport/encryption_clause.hpp>

namespace keywarden {

/// The names of the certificates that an endpoint shows: one, or two while it changes from one to
/// the next (the newest that is valid is shown). A regular value.
class endpoint_certificates {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): one certificate is the usual case
  endpoint_certificates(const object_name& only) : first_(only) {}
  // NOLINTNEXTLINE(google-explicit-constructor): the same, from a literal
  consteval endpoint_certificates(const char* only) : first_(only) {}

  /// The present one and the next, during a rotation. Errors: `invalid_argument` when they are the
  /// same.
  [[nodiscard]] static result<endpoint_certificates> rotation(const object_name& present,
                                                              const object_name& next) {
    if (present == next)
      return error(errc::invalid_argument)
          .with(fact::kind, "AUTHENTICATION")
          .with(fact::name, next.text())
          .with(fact::reason, "a rotation is from one certificate to another");
    endpoint_certificates made(present);
    made.next_ = next;
    return made;
  }

  /// The certificate in use; during a rotation, the one that is to be replaced.
  [[nodiscard]] const object_name& present() const noexcept { return first_; }
  /// The one that replaces it; none outside a rotation.
  [[nodiscard]] const std::optional<object_name>& next() const noexcept { return next_; }
  /// Both, the present one first.
  [[nodiscard]] std::vector<object_name> all() const {
    if (next_) return {first_, *next_};
    return {first_};
  }

  friend bool operator==(const endpoint_certificates&, const endpoint_certificates&) = default;

 private:
  object_name first_;
  std::optional<object_name> next_;
};

/// The one form of authentication of an endpoint, given when it is created: certificates, or
/// pre-shared keys. There is no "none" and no default. A regular value.
class endpoint_authentication {
 public:
  /// AUTHENTICATION = CERTIFICATE …
  // NOLINTNEXTLINE(google-explicit-constructor): naming certificates is choosing the form
  endpoint_authentication(const endpoint_certificates& shown) : shown_(shown) {}

  /// AUTHENTICATION = PRE_SHARED_KEY
  [[nodiscard]] static endpoint_authentication pre_shared_key() noexcept { return {}; }

  /// Whether the form is certificates; else it is pre-shared keys.
  [[nodiscard]] bool with_certificates() const noexcept { return shown_.has_value(); }
  /// What is shown; none with pre-shared keys.
  [[nodiscard]] const std::optional<endpoint_certificates>& certificates() const noexcept {
    return shown_;
  }
  /// "certificate" or "pre-shared key".
  [[nodiscard]] std::string_view form() const noexcept {
    return shown_ ? auth::form::certificate::name : auth::form::shared_key::name;
  }

  friend bool operator==(const endpoint_authentication&, const endpoint_authentication&) = default;

 private:
  endpoint_authentication() noexcept = default;
  std::optional<endpoint_certificates> shown_;
};

/// A role that somebody gave: it has no default.
class given_role {
 public:
  /// ROLE = PARTNER, WITNESS or ALL must be said.
  given_role() = delete;
  // NOLINTNEXTLINE(google-explicit-constructor): it is a role
  constexpr given_role(endpoint_role role) noexcept : role_(role) {}
  // NOLINTNEXTLINE(google-explicit-constructor): it is a role
  [[nodiscard]] constexpr operator endpoint_role() const noexcept { return role_; }

  friend constexpr bool operator==(const given_role&, const given_role&) = default;
  friend constexpr bool operator==(const given_role& left, endpoint_role right) noexcept {
    return left.role_ == right;
  }

 private:
  endpoint_role role_;
};

/// One database mirroring endpoint. A regular value; what has no default in SQL has none here.
struct endpoint_definition {
  object_name name;
  listener_address listener;               ///< LISTENER_PORT and LISTENER_IP
  endpoint_authentication authentication;  ///< certificates or pre-shared keys
  given_role role;
  object_name owner;  ///< AUTHORIZATION: a login; has every permission on the endpoint
  transport::encryption_clause encryption = {};    ///< REQUIRED ALGORITHM AES
  endpoint_state state = endpoint_state::stopped;  ///< a new endpoint does not listen

  friend bool operator==(const endpoint_definition&, const endpoint_definition&) = default;
};

/// What needs no store to be judged. Errors: `weaker_than_required` for a clause that lists RC4.
[[nodiscard]] inline result<void> check_definition(const endpoint_definition& of) {
  if (!of.encryption.lists(transport::algorithm::rc4)) return done();
  return error(errc::weaker_than_required)
      .with(fact::kind, "ENCRYPTION")
      .with(fact::name, of.name.text())
      .with(fact::actual, transport::text(of.encryption).string())
      .with(fact::next_step, "RC4 is broken (RFC 7465): write ALGORITHM AES");
}

/// Whether the form of a definition is the one that a program composes. Errors: `not_permitted`
/// with both.
template <class Form>
[[nodiscard]] result<void> expect_form(const endpoint_definition& of) {
  if (of.authentication.form() == Form::name) return done();
  return error(errc::not_permitted)
      .with(fact::kind, "AUTHENTICATION")
      .with(fact::name, of.name.text())
      .with(fact::actual, of.authentication.form())
      .with(fact::limit, Form::name)
      .with(fact::next_step, "an endpoint has one form: compose it with that of its definition");
}

/// The properties, by their SQL names, in which two definitions differ; STATE is left out where
/// `ignoring_state`.
[[nodiscard]] inline std::string differences(const endpoint_definition& left,
                                             const endpoint_definition& right,
                                             bool ignoring_state = false) {
  std::string all;
  const auto note = [&](bool same, std::string_view name) {
    if (same) return;
    if (!all.empty()) all += ", ";
    all += name;
  };
  note(left.name == right.name, "name");
  note(left.owner == right.owner, "AUTHORIZATION");
  note(ignoring_state || left.state == right.state, "STATE");
  note(left.listener.port() == right.listener.port(), "LISTENER_PORT");
  note(left.listener.ip() == right.listener.ip(), "LISTENER_IP");
  note(left.authentication == right.authentication, "AUTHENTICATION");
  note(left.encryption == right.encryption, "ENCRYPTION");
  note(left.role == right.role, "ROLE");
  return all;
}

}  // namespace keywarden
