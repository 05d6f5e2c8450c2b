/// @file
/// A configuration as a person reads it.
#pragma once

#include <string>
#include <string_view>

#include <keywarden/config/access_control.hpp>
#include <keywarden/config/service_configuration.hpp>
#include <keywarden/config/settings.hpp>
#include <keywarden/core/printable.hpp>

namespace keywarden::config {

namespace detail {

/// Text out of a file, on one line, without what Markdown or a terminal would obey.
[[nodiscard]] inline std::string plain_words(std::string_view from) {
  constexpr std::size_t limit = 120;
  std::string made;
  keywarden::detail::append_printable(made, from, limit);
  std::string escaped;
  for (const char each : made) {
    if (std::string_view("\\`*_{}[]<>#|").find(each) != std::string_view::npos) escaped += '\\';
    escaped += each;
  }
  return escaped;
}

inline void describe_endpoint(std::string& to, const service_configuration& all,
                              const endpoint_acl& one) {
  to.append("### ").append(plain_words(one.role)).append(" / ").append(plain_words(one.endpoint));
  to.append("\n\nRules: ").append(plain_words(one.access_control)).append("\n\n");
  const auto rules = rules_of(all, one.access_control);
  if (!rules) {
    to += "There is no such group: the endpoint must not be opened.\n\n";
    return;
  }
  std::size_t number = 0;
  for (const auto& each : rules->rules) {
    to.append(std::to_string(++number)).append(". ").append(name_of(*each.action));
    to.append(" ").append(each.subnet->text());
    if (!each.description.empty())
      to.append(" (").append(plain_words(each.description)).append(")");
    to += '\n';
  }
  to.append(std::to_string(number + 1)).append(". ").append(name_of(rules->otherwise));
  to += number == 0 ? " everybody\n\n" : " everybody else (implied)\n\n";
}

inline void describe_settings(std::string& to, const split_merge_settings& of) {
  to += "- Requests at once from one host: ";
  to += of.deny_by_concurrent_requests ? "at most " + std::to_string(of.max_concurrent_requests)
                                       : std::string("not limited");
  to += "\n- Requests of one host in a time: ";
  to += of.deny_by_request_rate ? "at most " + std::to_string(of.max_requests) + " in " +
                                      std::to_string(of.request_interval.count()) + " ms"
                                : std::string("not limited");
  to.append("\n- Beyond a limit: ").append(of.deny_action.name());
  if (of.deny_action.aborts())
    to += " (no answer)";
  else
    to.append(" (").append(std::to_string(of.deny_action.number())).append(")");
  to += "\n- Client certificates: ";
  if (!of.client_certificates_required()) {
    to += "off: whoever can reach the service is served\n";
    return;
  }
  to.append("required; ").append(std::to_string(of.allowed_client_certificates.size()));
  to += of.allowed_client_certificates.empty() ? " allowed, which is nobody" : " allowed";
  to.append("\n- Revocation: ")
      .append(name_of(of.client_certificate_revocation_check))
      .append("\n");
}

}  // namespace detail

/// A summary in Markdown: who may reach each endpoint, rule by rule with the implied last one; the
/// limits; client certificates and revocation; the certificates. Never a connection string: of a
/// secret setting only whether it is there. Also of a configuration with errors.
[[nodiscard]] inline std::string describe(const service_configuration& one) {
  auto made = "# " + detail::plain_words(one.service_name) + "\n\n## Endpoints\n\n";
  for (const auto& each : one.endpoint_acls) detail::describe_endpoint(made, one, each);
  if (one.endpoint_acls.empty()) made += "No endpoint has rules: everybody is permitted.\n\n";
  for (const auto& each : one.roles) {
    made.append("## Role ").append(detail::plain_words(each.name)).append("\n\n- Instances: ");
    made.append(std::to_string(each.instances)).append("\n");
    if (each.find_setting(names::setup_web_app) != nullptr || each.name == web_role)
      detail::describe_settings(made, settings_of(each));
    for (const auto& setting : each.settings)
      if (setting.secret)
        made.append("- ")
            .append(detail::plain_words(setting.name))
            .append(setting.blank ? ": blank\n" : ": set (not shown)\n");
    for (const auto& certificate : each.certificates) {
      const auto read = read_thumbprint(certificate.thumbprint);
      made.append("- Certificate ").append(detail::plain_words(certificate.name)).append(": ");
      made += read.value ? read.value->text().str() : "no thumbprint: " + std::string(read.problem);
      made += '\n';
    }
    made += '\n';
  }
  made.pop_back();
  return made;
}

}  // namespace keywarden::config
