/// @file
/// The directory as JSON: version 1, one spelling for each directory.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <keywarden/auth/directory.hpp>
#include <keywarden/core/encoding.hpp>
#include <keywarden/key/strict_json.hpp>

namespace keywarden::auth {

/// The largest directory that is written or read as JSON, in bytes: 4 MiB, which a sealed document
/// of a database holds as well (`sealed_documents::max_size`). The 2,000 certificates of a full
/// directory take that much at some 1,400 bytes of DER each; with P-256 they have about 600.
inline constexpr std::size_t max_directory_size = std::size_t{4} << 20U;

/// Writes a directory: JSON with sorted members and rows, a newline at its end. Not sealed. Errors:
/// `limit_exceeded` above `max_directory_size`.
[[nodiscard]] inline result<std::string> to_json(const directory& from) {
  using keywarden::detail::json;
  auto logins = json::array();
  for (const auto& [name, role] : from.logins())
    logins.push_back({{"name", name.text()}, {"sysadmin", role == server_role::sysadmin}});
  auto users = json::array();
  for (const auto& [name, user] : from.users())
    users.push_back({{"name", name.text()}, {"login", user.login.text()}});
  auto certificates = json::array();
  for (const auto& [name, each] : from.certificates())
    certificates.push_back({{"name", name.text()},
                            {"owner", each.owner.text()},
                            {"der", to_base64(each.certificate.der())}});
  auto identities = json::array();
  for (const auto& [identity, login] : from.shared_key_identities())
    identities.push_back({{"identity", identity.text()}, {"login", login.text()}});
  auto permissions = json::array();
  for (const auto& [key, state] : from.permissions())
    permissions.push_back({{"endpoint", key.endpoint.text()},
                           {"login", key.login.text()},
                           {"permission", name_of(key.permission)},
                           {"state", name_of(state)}});
  const json document{{"keywarden", 1},
                      {"kind", "directory"},
                      {"logins", std::move(logins)},
                      {"users", std::move(users)},
                      {"certificates", std::move(certificates)},
                      {"shared_key_identities", std::move(identities)},
                      {"permissions", std::move(permissions)}};
  auto text = document.dump(1) + '\n';
  if (text.size() > max_directory_size)
    return error(errc::limit_exceeded)
        .with(fact::kind, "directory")
        .with(fact::limit, max_directory_size)
        .with(fact::actual, text.size());
  return text;
}

namespace detail {

/// Reads the rows of a stored directory by making them anew, so that whatever an operation refuses
/// is refused here.
class directory_reader {
 public:
  [[nodiscard]] result<directory> read(bytes_view text) {
    auto parsed = keywarden::detail::parse_json(text, {max_directory_size, 4});
    if (!parsed) return parsed.error();
    reader document(parsed->value, "directory");
    if (const auto version = document.number("keywarden"); version != 1)
      document.fail(
          error(errc::unsupported_version).with(fact::limit, 1).with(fact::version, version));
    if (document.text("kind", 64) != "directory") document.fail("kind", "not a directory");
    rows(document, "logins", directory::max_logins, [&](reader& row) { read_login(row); });
    rows(document, "users", directory::max_users, [&](reader& row) {
      const auto name = name_in(row, "name");
      const auto login = name_in(row, "login");
      if (ok_) keep(made_.create_user(name, login));
    });
    rows(document, "certificates", directory::max_certificates,
         [&](reader& row) { read_certificate(row); });
    rows(document, "shared_key_identities", directory::max_identities, [&](reader& row) {
      const auto identity = name_in(row, "identity");
      const auto login = name_in(row, "login");
      if (ok_) keep(made_.add_shared_key_identity(identity, login));
    });
    rows(document, "permissions", directory::max_permissions,
         [&](reader& row) { read_permission(row); });
    for (const auto& name : sysadmins_)
      if (ok_) keep(made_.alter_login(name, server_role::sysadmin));
    if (auto whole = document.finish(); !whole) return whole.error();
    if (!ok_) return ok_.error();
    // One spelling: nothing in the text is there without a meaning.
    auto again = to_json(made_);
    if (!again) return again.error();
    if (*again != as_text(text))
      return error(errc::malformed)
          .with(fact::kind, "directory")
          .with(fact::reason, "not as it is written");
    return std::move(made_);
  }

 private:
  using reader = keywarden::detail::json_reader;

  void rows(reader& document, const char* name, std::size_t limit, auto read_row) {
    for (const auto& each : document.array(name, limit)) {
      if (!ok_) return;
      reader row(each, name);
      read_row(row);
      if (auto whole = row.finish(); !whole && ok_) ok_ = whole;
    }
  }
  void read_login(reader& row) {
    const auto name = name_in(row, "name");
    const bool all = row.flag("sysadmin");
    if (ok_) keep(made_.create_login(name));
    if (ok_ && all) sysadmins_.push_back(name);  // last, for no DENY is taken for one
  }
  void read_certificate(reader& row) {
    const auto name = name_in(row, "name");
    const auto owner = name_in(row, "owner");
    auto read = pki::certificate::from_der(row.base64("der", pki::certificate::max_size));
    if (!read && ok_) ok_ = read.error();
    if (ok_) keep(made_.add_certificate(name, std::move(*read), owner));
  }
  void read_permission(reader& row) {
    const auto endpoint = name_in(row, "endpoint");
    const auto login = name_in(row, "login");
    const auto what = permission_of(row.text("permission", 32));
    const auto state = row.text("state", 8);
    if (!what) row.fail("permission", "an unknown permission");
    if (state != "GRANT" && state != "DENY") row.fail("state", "neither GRANT nor DENY");
    if (ok_ && what)
      keep(state == "DENY" ? made_.deny(*what, endpoint, login)
                           : made_.grant(*what, endpoint, login));
  }
  [[nodiscard]] object_name name_in(reader& row, const char* member) {
    auto name = object_name::parse(row.text(member, object_name::max_size));
    if (name) return *name;
    row.fail(member, "not a name");
    if (ok_) ok_ = error(errc::malformed).with(fact::name, member).with(fact::reason, "not a name");
    return object_name("none");
  }
  void keep(const result<void>& made) {
    if (made) return;
    ok_ = error(errc::malformed).with(fact::kind, "directory").because(made.error());
  }

  directory made_;
  std::vector<object_name> sysadmins_;
  result<void> ok_;
};

}  // namespace detail

/// Reads what `to_json` wrote, and nothing else: every reference, bound and byte is checked.
/// Errors: `limit_exceeded` (for the size before parsing), `malformed`, `unsupported_version`.
[[nodiscard]] inline result<directory> directory_from_json(bytes_view text) {
  return detail::directory_reader().read(text);
}

}  // namespace keywarden::auth
