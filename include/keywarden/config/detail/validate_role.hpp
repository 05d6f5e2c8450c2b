/// @file
/// The rules about a role's settings and certificates.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

#include <keywarden/admit/deny_action.hpp>
#include <keywarden/config/finding.hpp>
#include <keywarden/config/near_match.hpp>
#include <keywarden/config/service_configuration.hpp>
#include <keywarden/config/settings.hpp>
#include <keywarden/config/thumbprint.hpp>

namespace keywarden::config::detail {

constexpr void validate_thumbprint_list(const setting& one, finding_list& to) {
  std::vector<thumbprint> seen;
  for_each_of_list(one.value, [&](std::string_view part) {
    const auto read = read_thumbprint(part);
    if (!read.value) {
      to.error(rule::malformed_thumbprint, one.value_where,
               joined("the thumbprint ", quoted(part), " in ", one.name,
                      " cannot be read: ", read.problem));
      return;
    }
    if (!read.untidiness.empty())
      to.warn(rule::untidy_thumbprint, one.value_where,
              joined("in ", one.name, ": ", read.untidiness));
    if (std::find(seen.begin(), seen.end(), *read.value) != seen.end())
      to.warn(rule::duplicate_setting, one.value_where,
              joined("the thumbprint ", quoted(part), " is in ", one.name, " twice"));
    else if (constexpr std::size_t looked_at = 256; seen.size() < looked_at)
      seen.push_back(*read.value);
  });
}

/// Whether the value is of its setting's kind. A secret's value is not looked at but for blankness.
constexpr void validate_value(const setting& one, const known_setting& known, finding_list& to) {
  const auto refuse = [&](std::string_view why) -> finding& {
    return to.error(rule::bad_value, one.value_where,
                    joined(one.name, " is ", quoted(one.value), ", ", why));
  };
  switch (known.kind) {
    case setting_kind::boolean:
      if (!read_boolean(one.value))
        refuse("neither true nor false").meant =
            near_match(one.value).consider("true").consider("false").nearest();
      break;
    case setting_kind::positive_number:
      if (const auto number = read_number(one.value); !number)
        refuse("not a number");
      else if (*number == 0)
        to.error(rule::zero_limit, one.value_where, joined(one.name, " is 0: nobody is served"))
            .next_step = joined("write a number from 1; the default is ", known.default_text);
      break;
    case setting_kind::deny_action:
      if (!admit::deny_action::read(one.value)) {
        near_match match(one.value);
        match.consider(admit::deny_action::abort().name());
        for (const auto each : {admit::deny_status::unauthorized, admit::deny_status::forbidden,
                                admit::deny_status::not_found})
          match.consider(admit::deny_action(each).name());
        auto& made = refuse("not AbortRequest, Unauthorized, Forbidden or NotFound");
        made.meant = match.nearest();
      }
      break;
    case setting_kind::revocation_check:
      if (!read_revocation_check(one.value)) {
        near_match match(one.value);
        for (const auto each : every_revocation_check) match.consider(name_of(each));
        auto& made = refuse("not NoCheck, Online or Offline");
        made.meant = match.nearest();
      }
      break;
    case setting_kind::thumbprints:
      validate_thumbprint_list(one, to);
      break;
    case setting_kind::secret_text:
      if (one.blank)
        to.error(rule::bad_value, one.value_where, joined(one.name, " is blank")).next_step =
            "write the connection string of the metadata database";
      break;
  }
}

constexpr void validate_settings(const role& of, finding_list& to) {
  for (const auto& one : of.settings) {
    if (const auto* first = of.find_setting(one.name); first != &one)
      to.error(rule::duplicate_setting, one.where,
               joined("the setting ", quoted(one.name), " is there twice, first in line ",
                      decimal(first->where.line)));
    if (const auto* known = find_known_setting(one.name)) {
      validate_value(one, *known, to);
      continue;
    }
    if (one.name.empty()) continue;
    near_match match(one.name);
    for (const auto& each : known_settings) match.consider(each.name);
    to.add(match.nearest().empty() ? severity::warning : severity::error, rule::unknown_setting,
           one.where, joined("the setting ", quoted(one.name), " is unknown"))
        .meant = match.nearest();
  }
}

constexpr void validate_certificate(const certificate_reference& one, finding_list& to) {
  const auto read = read_thumbprint(one.thumbprint);
  if (read.blank) {
    to.error(rule::blank_thumbprint, one.thumbprint_where,
             joined("the thumbprint of the certificate ", quoted(one.name), " is blank"))
        .next_step =
        joined("fill it in: keywarden config set-certificate FILE ", one.name, " CERTIFICATE-FILE");
    return;
  }
  if (!read.value) {
    to.error(rule::malformed_thumbprint, one.thumbprint_where,
             joined("the thumbprint of the certificate ", quoted(one.name),
                    " cannot be read: ", read.problem));
    return;
  }
  if (!read.untidiness.empty())
    to.warn(rule::untidy_thumbprint, one.thumbprint_where, read.untidiness);
  const auto expected = read.value->is_sha1() ? std::string_view("sha1") : "sha256";
  if (one.algorithm != expected) {
    auto& made = to.error(
        rule::thumbprint_algorithm, one.algorithm_where,
        joined("thumbprintAlgorithm is ", quoted(one.algorithm), ", but the thumbprint has ",
               read.value->is_sha1() ? "40 digits" : "64 digits"));
    made.next_step = joined("write thumbprintAlgorithm=\"", expected, "\"");
  } else if (read.value->is_sha1()) {
    to.note(rule::sha1_thumbprint, one.algorithm_where,
            joined("the certificate ", quoted(one.name),
                   " is found by SHA-1, which authorises nobody by itself"));
  }
}

[[nodiscard]] constexpr bool is_known(const setting& one) noexcept {
  return find_known_setting(one.name) != nullptr;
}
[[nodiscard]] constexpr bool is_known(const certificate_reference& one) noexcept {
  for (const auto& each : known_certificates)
    if (each.name == one.name) return true;
  return false;
}

constexpr void validate_certificates(const role& of, finding_list& to) {
  for (const auto& one : of.certificates) {
    if (const auto* first = of.find_certificate(one.name); first != &one)
      to.error(rule::duplicate_certificate, one.where,
               joined("the certificate ", quoted(one.name), " is there twice, first in line ",
                      decimal(first->where.line)));
    validate_certificate(one, to);
    if (is_known(one) || one.name.empty()) continue;
    near_match match(one.name);
    for (const auto& each : known_certificates) match.consider(each.name);
    to.add(match.nearest().empty() ? severity::warning : severity::error, rule::unknown_certificate,
           one.where, joined("the certificate ", quoted(one.name), " is unknown"))
        .meant = match.nearest();
  }
}

/// What a role says, each thing by itself.
constexpr void validate_values(const role& one, finding_list& to) {
  validate_settings(one, to);
  validate_certificates(one, to);
}

constexpr void validate_presence(const role& one, finding_list& to) {
  const bool web = one.name == web_role;
  const bool worker = one.name == worker_role;
  if (!web && !worker) return;
  const auto misspelt = [](const auto& those, std::string_view name) {
    for (const auto& each : those)
      if (!is_known(each) && !near_match(each.name).consider(name).nearest().empty()) return true;
    return false;
  };
  for (const auto& each : known_settings) {
    if (one.find_setting(each.name) != nullptr || misspelt(one.settings, each.name)) continue;
    if (web ? each.required_in_web : each.required_in_worker)
      to.error(rule::missing_setting, one.where,
               joined("the role ", quoted(one.name), " has no setting ", each.name));
    else if (web)
      to.note(rule::default_applies, one.where,
              joined(each.name, " is not set: ", each.default_text, " applies"));
  }
  for (const auto& each : known_certificates) {
    if (one.find_certificate(each.name) != nullptr || misspelt(one.certificates, each.name))
      continue;
    if (web ? each.required_in_web : each.required_in_worker)
      to.error(rule::missing_certificate, one.where,
               joined("the role ", quoted(one.name), " has no certificate ", quoted(each.name)))
          .next_step =
          joined("add it: keywarden config set-certificate FILE ", each.name, " CERTIFICATE-FILE");
  }
}

/// The thumbprint of one of a role's certificates, where it has one.
[[nodiscard]] constexpr std::optional<thumbprint> thumbprint_of(const role& from,
                                                                std::string_view name) noexcept {
  const auto* found = from.find_certificate(name);
  if (found == nullptr) return std::nullopt;
  return read_thumbprint(found->thumbprint).value;
}

constexpr void validate_roots(const role& one, const setting& roots, finding_list& to) {
  const auto ca = thumbprint_of(one, certificates::ca);
  if (!ca) return;
  const auto listed = read_thumbprints(roots.value);
  bool found = false;
  bool others = false;
  for (const auto& each : listed) (each == *ca ? found : others) = true;
  if (!found)
    to.error(rule::ca_is_not_the_additional_root, roots.value_where,
             joined(roots.name, " does not have the thumbprint of the certificate \"CA\""))
        .next_step = joined("write value=\"", ca->text(), "\"");
  else if (others)
    to.warn(rule::ca_is_not_the_additional_root, roots.value_where,
            joined(roots.name, " also trusts other authorities than \"CA\""));
}

/// The settings and certificates that only make sense together (S46 to S52).
constexpr void validate_client_certificates(const role& one, finding_list& to) {
  const auto* app = one.find_setting(names::setup_web_app);
  const auto* server = one.find_setting(names::setup_webserver);
  if (app == nullptr && server == nullptr) return;
  const auto says = [](const setting* which) {
    return which == nullptr ? true : read_boolean(which->value).value_or(true);
  };
  if (says(app) != says(server)) {
    to.error(rule::setups_disagree, (app != nullptr ? app : server)->value_where,
             joined(names::setup_web_app, " and ", names::setup_webserver, " disagree"))
        .next_step =
        "set both to true, or turn client certificates off with one command: "
        "keywarden config turn-off-client-certificates FILE";
    return;
  }
  if (says(app)) {
    if (const auto* roots = one.find_setting(names::additional_roots))
      validate_roots(one, *roots, to);
    const auto* allowed = one.find_setting(names::allowed_clients);
    if (allowed != nullptr && allowed->blank)
      to.warn(rule::nobody_allowed, allowed->value_where,
              joined(names::allowed_clients, " is empty: nobody is allowed"))
          .next_step = "list the thumbprints of the clients' certificates, separated by commas";
    return;
  }
  to.warn(rule::client_certificates_off, (app != nullptr ? app : server)->value_where,
          "client certificates are off: whoever can reach the service is served");
  const auto ca = thumbprint_of(one, certificates::ca);
  const auto ssl = thumbprint_of(one, certificates::ssl);
  if (ca && ssl && *ca != *ssl)
    to.error(rule::ca_is_not_ssl, one.find_certificate(certificates::ca)->thumbprint_where,
             "client certificates are off, so the certificate \"CA\" must be the same as \"SSL\"")
        .next_step = joined("write thumbprint=\"", ssl->text(), "\"");
}

constexpr void validate_role(const role& one, finding_list& to) {
  validate_values(one, to);
  validate_presence(one, to);
  validate_client_certificates(one, to);
}

}  // namespace keywarden::config::detail
