/// @file
/// The settings that hold a secret, as what they are.
#pragma once

#include <string_view>
#include <utility>

#include <botan/secmem.h>

#include <keywarden/config/check.hpp>
#include <keywarden/config/detail/edit_text.hpp>
#include <keywarden/config/settings.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/core/secret.hpp>

namespace keywarden::config {

/// How to reach a database, credentials included: never printed, wiped after use.
using connection_string = secret<struct connection_string_role>;

namespace detail {

struct secret_characters {
  Botan::secure_vector<std::uint8_t>& to;
  secret_characters& append(char each) {
    to.push_back(static_cast<std::uint8_t>(each));
    return *this;
  }
};

}  // namespace detail

/// The value of a role's setting, out of the text, without a copy that nobody wipes. Errors:
/// `configuration_invalid`, `limit_exceeded`, `not_found`.
[[nodiscard]] inline result<connection_string> read_secret_setting(
    std::string_view text, std::string_view role, std::string_view name = names::metadata) {
  finding_list findings;
  const auto document = parse_xml(text, findings);
  if (findings.first_error() != nullptr) return to_error(findings, "the configuration");
  std::size_t end = 0;  // of the role
  for (std::size_t i = 0; i < document.elements.size(); ++i) {
    const auto& each = document.elements[i];
    if (each.name == "Role" && detail::has_value(document, each, "name", role)) end = each.after;
    if (i >= end || each.name != "Setting" || !detail::has_value(document, each, "name", name))
      continue;
    const auto* value = document.find_attribute(each, "value");
    if (value == nullptr) continue;
    Botan::secure_vector<std::uint8_t> bytes;
    bytes.reserve(value->raw.size());
    detail::secret_characters to{bytes};
    value->append_value(to);
    return keywarden::detail::secret_access::adopt<struct connection_string_role>(std::move(bytes));
  }
  return error(errc::not_found).with(fact::kind, "Setting").with(fact::name, name);
}

}  // namespace keywarden::config
