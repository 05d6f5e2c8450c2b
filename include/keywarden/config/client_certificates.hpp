/// @file
/// Turning client certificates off and on: three coordinated edits as one operation.
#pragma once

#include <string_view>

#include <keywarden/auth/anonymous.hpp>
#include <keywarden/config/detail/validate_role.hpp>
#include <keywarden/config/edit.hpp>
#include <keywarden/config/settings.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/core/secret.hpp>

namespace keywarden::config {

namespace detail {

/// Sets both set-up settings wherever there is one of them; a role that has one has both then.
[[nodiscard]] inline result<void> set_both_setups(const service_configuration& from, edit& to,
                                                  std::string_view value) {
  bool any = false;
  for (const auto& each : from.roles) {
    if (each.find_setting(names::setup_web_app) == nullptr &&
        each.find_setting(names::setup_webserver) == nullptr)
      continue;
    any = true;
    for (const auto name : {names::setup_web_app, names::setup_webserver})
      if (auto set = to.set_setting(name, value, each.name); !set) return set;
  }
  if (any) return done();
  return error(errc::not_found).with(fact::kind, "Setting").with(fact::name, names::setup_web_app);
}

/// The changed text, where what the operation is about is right now, whatever it was before.
[[nodiscard]] inline result<plaintext> finish_agreed(const edit& from) {
  const auto after = check(from.text());
  finding_list wrong;
  for (const auto& each : after.findings)
    if (each.how == severity::error &&
        (each.broken == rule::setups_disagree || each.broken == rule::ca_is_not_ssl ||
         each.broken == rule::ca_is_not_the_additional_root))
      wrong.error(each.broken, each.where, each.what).next_step = each.next_step;
  if (!wrong.empty()) return to_error(wrong, "the changed text");
  return from.finish();
}

}  // namespace detail

/// Turns client certificates off: both set-up settings become false, and the certificate CA becomes
/// the same as SSL, in every role where they occur. From then on whoever can reach the service is
/// served, unless something else keeps them out; the acknowledgement says that this is known.
///
/// Errors: `configuration_invalid` when the text is not well-formed or SSL has no thumbprint that
/// can be read, `not_found` when no role has the settings or none has SSL, `limit_exceeded`.
[[nodiscard]] inline result<plaintext> turn_off_client_certificates(
    std::string_view text, auth::allow_anonymous_i_accept_the_risk /*known*/) {
  auto changed = edit::open(text);
  if (!changed) return changed.error();
  const auto before = check(text).configuration;
  if (auto set = detail::set_both_setups(before, *changed, "false"); !set) return set.error();
  for (const auto& each : before.roles) {
    if (each.find_certificate(certificates::ca) == nullptr) continue;
    const auto* ssl = each.find_certificate(certificates::ssl);
    for (const auto& other : before.roles)
      if (ssl == nullptr) ssl = other.find_certificate(certificates::ssl);
    if (ssl == nullptr)
      return error(errc::not_found).with(fact::kind, "Certificate").with(fact::name, "SSL");
    if (const auto read = read_thumbprint(ssl->thumbprint); !read.value)
      return error(errc::configuration_invalid)
          .with(fact::line, ssl->thumbprint_where.line)
          .with(fact::column, ssl->thumbprint_where.column)
          .with(fact::reason, detail::joined("the thumbprint of SSL: ", read.problem).view())
          .with(fact::next_step, "set the certificate SSL first");
    if (auto set = changed->set_certificate(certificates::ca, ssl->thumbprint, each.name); !set)
      return set.error();
  }
  return detail::finish_agreed(*changed);
}

/// Turns client certificates on: both set-up settings become true, and the certificate CA and the
/// additional trusted root become the authority that issues the clients' certificates. Who is
/// allowed stays as it was (nobody, where the list is empty). Errors: `invalid_argument` for a
/// thumbprint that cannot be read, `not_found`, `configuration_invalid`, `limit_exceeded`.
[[nodiscard]] inline result<plaintext> turn_on_client_certificates(std::string_view text,
                                                                   std::string_view ca_thumbprint) {
  const auto ca = read_thumbprint(ca_thumbprint);
  if (!ca.value)
    return error(errc::invalid_argument)
        .with(fact::kind, "thumbprint")
        .with(fact::reason, ca.problem);
  auto changed = edit::open(text);
  if (!changed) return changed.error();
  const auto before = check(text).configuration;
  if (auto set = detail::set_both_setups(before, *changed, "true"); !set) return set.error();
  for (const auto& each : before.roles) {
    if (each.find_setting(names::setup_web_app) == nullptr &&
        each.find_setting(names::setup_webserver) == nullptr)
      continue;
    if (auto set = changed->set_certificate(certificates::ca, ca_thumbprint, each.name); !set)
      return set.error();
    if (auto set = changed->set_setting(names::additional_roots, ca.value->text(), each.name); !set)
      return set.error();
  }
  return detail::finish_agreed(*changed);
}

}  // namespace keywarden::config
