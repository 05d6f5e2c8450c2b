/// @file
/// An endpoint's definition as JSON: version 1, one spelling for each definition.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/endpoint/definition.hpp>
#include <keywarden/key/strict_json.hpp>

namespace keywarden {

/// The largest definition that is read as JSON, in bytes.
inline constexpr std::size_t max_definition_size = 4096;

/// Writes a definition: JSON with sorted members, a newline at its end. Not sealed; no secrets.
[[nodiscard]] inline std::string to_json(const endpoint_definition& from) {
  auto shown = detail::json::array();
  if (const auto& certificates = from.authentication.certificates())
    for (const auto& each : certificates->all()) shown.push_back(each.text());
  const auto& ip = from.listener.ip();
  const detail::json document{{"keywarden", 1},
                              {"kind", "database mirroring endpoint"},
                              {"name", from.name.text()},
                              {"owner", from.owner.text()},
                              {"state", name_of(from.state)},
                              {"listener_port", from.listener.port()},
                              {"listener_ip", ip ? ip->text() : "ALL"},
                              {"authentication", from.authentication.form()},
                              {"certificates", std::move(shown)},
                              {"encryption", transport::text(from.encryption).string()},
                              {"role", name_of(from.role)}};
  return document.dump(1) + '\n';
}

namespace detail {

/// A JSON text that is to be one spelling of what it means. Errors: `malformed`.
[[nodiscard]] inline result<void> expect_as_written(bytes_view text, std::string_view again,
                                                    std::string_view kind) {
  if (again == as_text(text)) return done();
  return error(errc::malformed).with(fact::kind, kind).with(fact::reason, "not as it is written");
}

/// A name in a member; `fail`s at the reader otherwise.
[[nodiscard]] inline object_name name_in(json_reader& from, const char* member) {
  auto name = object_name::parse(from.text(member, object_name::max_size));
  if (name) return *name;
  from.fail(member, "not a name");
  return object_name("none");
}

/// Certificates' names, none to two. Errors: `malformed`, `invalid_argument` for one named twice.
[[nodiscard]] inline result<endpoint_authentication> authentication_from(std::string_view form,
                                                                         const json& names) {
  const auto refuse = [](std::string_view reason) {
    return error(errc::malformed).with(fact::kind, "authentication").with(fact::reason, reason);
  };
  if (form == auth::form::shared_key::name) {
    if (!names.empty()) return refuse("pre-shared keys come without certificates");
    return endpoint_authentication::pre_shared_key();
  }
  if (form != auth::form::certificate::name) return refuse("an unknown form");
  if (names.empty()) return refuse("a certificate must be named");
  std::vector<object_name> shown;
  for (const auto& each : names) {
    if (!each.is_string()) return refuse("a certificate's name is not a text");
    auto name = object_name::parse(each.get_ref<const std::string&>());
    if (!name) return name.error();
    shown.push_back(*name);
  }
  if (shown.size() == 1) return endpoint_authentication(shown.front());
  auto both = endpoint_certificates::rotation(shown[0], shown[1]);
  if (!both) return both.error();
  return endpoint_authentication(*both);
}

}  // namespace detail

/// Reads what `to_json` wrote, and nothing else: every bound and byte is checked, and the role must
/// be there. Errors: `limit_exceeded`, `malformed`, `unsupported_version`; `invalid_argument` for a
/// port or certificates that make no sense.
[[nodiscard]] inline result<endpoint_definition> definition_from_json(bytes_view text) {
  auto parsed = detail::parse_json(text, {max_definition_size, 3});
  if (!parsed) return parsed.error();
  detail::json_reader read(parsed->value, "endpoint");
  if (const auto version = read.number("keywarden"); version != 1)
    read.fail(error(errc::unsupported_version).with(fact::limit, 1).with(fact::version, version));
  if (read.text("kind", 64) != "database mirroring endpoint") read.fail("kind", "not an endpoint");
  const auto name = detail::name_in(read, "name");
  const auto owner = detail::name_in(read, "owner");
  const auto state = endpoint_state_of(read.text("state", 16));
  if (!state) read.fail("state", "not a state");
  const auto role = endpoint_role_of(read.text("role", 16));
  if (!role) read.fail("role", "not a role");
  const auto port = read.number("listener_port", 65535);
  const auto ip_text = read.text("listener_ip", 64);
  const auto ip = admit::address::read(ip_text);
  if (!ip && ip_text != "ALL") read.fail("listener_ip", "neither ALL nor an address");
  const auto form = read.text("authentication", 32);
  const auto& names = read.array("certificates", 2);
  auto encryption = transport::parse_encryption(read.text("encryption", 64));
  if (!encryption) read.fail(encryption.error());
  if (auto whole = read.finish(); !whole) return whole.error();
  auto by = detail::authentication_from(form, names);
  if (!by) return by.error();
  auto listener = listener_address::on(port, ip);
  if (!listener) return listener.error();
  endpoint_definition made{name, *listener, *by, *role, owner, *encryption, *state};
  if (auto same = detail::expect_as_written(text, to_json(made), "endpoint"); !same)
    return same.error();
  return made;
}

}  // namespace keywarden
