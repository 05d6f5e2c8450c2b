// login, user, grant, deny, revoke: whom an instance knows, and who may do what with its endpoint.

#include <keywarden/auth/directory_store.hpp>
#include <keywarden/endpoint/definition_store.hpp>
#include <keywarden/pki/certificate_store.hpp>

#include "advice.hpp"
#include "commands.hpp"
#include "files.hpp"
#include "session.hpp"

namespace cli {

using keywarden::errc;
using keywarden::error;
using keywarden::fact;
using keywarden::object_name;
using keywarden::result;
using keywarden::pki::to_text;
using kind = option::kind;

namespace auth = keywarden::auth;
namespace pki = keywarden::pki;

namespace {

constexpr std::size_t largest_file = std::size_t{1} << 20U;
constexpr std::string_view tell_listener =
    " A listener that runs takes it with SIGHUP: kill -HUP its process.";

result<object_name> name_option(const context& at, std::string_view option_name) {
  auto text = required(at, option_name);
  if (!text) return text.error();
  return object_name::parse(*text);
}

result<auth::server_role> role_option(const context& at) {
  const auto given = at.call.value("role");
  if (!given || as_keyword(*given) == "NONE") return auth::server_role::none;
  if (as_keyword(*given) == "SYSADMIN") return auth::server_role::sysadmin;
  return usage_error("--role takes sysadmin or none", "");
}

using directory_change = std::function<result<void>(auth::directory&)>;

result<answer> change_directory(context& at, const directory_change& change,
                                const std::string& text) {
  return in_master(at, [&](database& in) -> result<answer> {
    auto changed = auth::change_directory(
        in, [&](auth::directory& known) -> result<void> { return change(known); });
    if (!changed) return changed.error();
    return answer(text);
  });
}

using directory_reader = std::function<answer(const auth::directory&)>;

result<answer> read_directory(context& at, const directory_reader& show) {
  return in_master(at, [&](database& in) -> result<answer> {
    auto known = auth::load_directory(in);
    if (!known) return known.error();
    return show(*known);
  });
}

std::string_view text_of(auth::server_role role) {
  return role == auth::server_role::sysadmin ? "sysadmin" : "none";
}

result<answer> login_create(context& at) {
  auto name = name_operand(at, 0);
  if (!name) return name.error();
  auto role = role_option(at);
  if (!role) return role.error();
  const bool all = *role == auth::server_role::sysadmin;
  return change_directory(
      at, [&](auth::directory& known) { return known.create_login(*name, *role); },
      "Made the login " + name->text() +
          (all ? ". It is a sysadmin: no permission is checked for it, and no DENY holds." : ".") +
          " Next, for a peer: keywarden user create NAME --login " + name->text());
}

result<answer> login_alter(context& at) {
  auto name = name_operand(at, 0);
  if (!name) return name.error();
  if (auto given = required(at, "role"); !given) return given.error();
  auto role = role_option(at);
  if (!role) return role.error();
  return change_directory(
      at, [&](auth::directory& known) { return known.alter_login(*name, *role); },
      "The server role of " + name->text() + " is " + std::string(text_of(*role)) + " now." +
          std::string(tell_listener));
}

result<answer> login_drop(context& at) {
  auto name = name_operand(at, 0);
  if (!name) return name.error();
  return change_directory(
      at, [&](auth::directory& known) { return known.drop_login(*name); },
      "Dropped the login " + name->text() + ", and what was granted or denied to it.");
}

result<answer> login_list(context& at) {
  return read_directory(at, [](const auth::directory& known) {
    answer made(known.logins().empty() ? "none" : "");
    auto& rows = made.facts["logins"] = json::array();
    for (const auto& [name, role] : known.logins()) {
      std::vector<std::string> users;
      for (const auto& [user, each] : known.users())
        if (each.login == name) users.push_back(user.text());
      rows.push_back({{"login", name.text()}, {"role", text_of(role)}, {"users", users}});
    }
    return made;
  });
}

result<answer> user_create(context& at) {
  auto name = name_operand(at, 0);
  if (!name) return name.error();
  auto login = name_option(at, "login");
  if (!login) return login.error();
  return change_directory(
      at, [&](auth::directory& known) { return known.create_user(*name, *login); },
      "Made the user " + name->text() + " for the login " + login->text() +
          ". Next: keywarden user add-certificate " + name->text() +
          " --name CERTIFICATE --file FILE --fingerprint SHA256");
}

result<answer> user_drop(context& at) {
  auto name = name_operand(at, 0);
  if (!name) return name.error();
  return change_directory(
      at, [&](auth::directory& known) { return known.drop_user(*name); },
      "Dropped the user " + name->text() + ".");
}

result<answer> user_list(context& at) {
  return read_directory(at, [](const auth::directory& known) {
    answer made(known.users().empty() ? "none" : "");
    auto& users = made.facts["users"] = json::array();
    for (const auto& [name, each] : known.users())
      users.push_back({{"user", name.text()}, {"login", each.login.text()}});
    auto& certificates = made.facts["certificates"] = json::array();
    for (const auto& [name, each] : known.certificates())
      certificates.push_back({{"certificate", name.text()},
                              {"user", each.owner.text()},
                              {"subject", each.certificate.subject()},
                              {"expires", to_text(each.certificate.not_after())},
                              {"days_left", days_until(each.certificate.not_after())},
                              {"sha256", to_text(each.certificate.fingerprint())}});
    return made;
  });
}

/// What somebody at the other end read out, or nothing where it was said that nobody did.
result<std::optional<pki::fingerprint>> compared_fingerprint(const context& at) {
  const auto told = at.call.value("fingerprint");
  const bool not_compared = at.call.has("not-compared");
  if (told && not_compared)
    return usage_error("--fingerprint and --not-compared exclude each other", "");
  if (not_compared) return std::optional<pki::fingerprint>();
  if (!told)
    return error(errc::invalid_argument)
        .with(fact::reason,
              "--fingerprint is needed: a certificate that came by file is worth what the way of "
              "the file is worth")
        .with(fact::next_step,
              "let the people at the other end read it to you over another channel (keywarden cert "
              "show there); --not-compared does without");
  auto read = pki::parse_fingerprint(*told);
  if (!read) return as_usage(read.error());
  return std::optional(*read);
}

result<pki::certificate> only_certificate(const std::string& path) {
  auto content = read_file(path, largest_file);
  if (!content) return content.error();
  auto all = pki::decode_certificates(content->view());
  if (!all) return error(all.error()).with(fact::file, path);
  if (all->size() == 1) return std::move(all->front());
  return error(errc::malformed)
      .with(fact::file, path)
      .with(fact::reason, "a peer's file holds exactly one certificate")
      .with(fact::actual, all->size());
}

result<void> expect_compared(const pki::certificate& one, const std::string& path,
                             const std::optional<pki::fingerprint>& compared) {
  if (compared && *compared != one.fingerprint())
    return error(errc::authentication_failed)
        .with(fact::reason,
              "the file holds another certificate than the one whose fingerprint was compared")
        .with(fact::file, path)
        .with(fact::actual, to_text(one.fingerprint()))
        .with(fact::next_step, "copy the file again, and ask the peer for its fingerprint");
  if (one.not_after() < keywarden::system_clock::now())
    return error(errc::certificate_expired)
        .with(fact::file, path)
        .with(fact::date, to_text(one.not_after()))
        .with(fact::next_step, "ask the peer to make and export a new one");
  return keywarden::done();
}

/// A peer that holds this instance's own key would be this instance.
result<void> expect_foreign(const database& in, const pki::certificate& one) {
  auto own = pki::list_certificates(in.certificates());
  if (!own) return own.error();
  for (const auto& each : *own)
    if (each.protection != keywarden::private_key_protection::none &&
        each.shown.key_fingerprint() == one.key_fingerprint())
      return error(errc::not_permitted)
          .with(fact::name, each.name)
          .with(fact::reason, "it is this instance's own certificate or key")
          .with(fact::next_step, "obtain the file that the peer exported");
  return keywarden::done();
}

result<answer> add_certificate(context& at) {
  auto user = name_operand(at, 0);
  if (!user) return user.error();
  auto name = name_option(at, "name");
  if (!name) return name.error();
  auto path = required(at, "file");
  if (!path) return path.error();
  auto compared = compared_fingerprint(at);
  if (!compared) return compared.error();
  auto one = only_certificate(*path);
  if (!one) return one.error();
  if (auto right = expect_compared(*one, *path, *compared); !right) return right.error();
  return in_master(at, [&](database& in) -> result<answer> {
    if (auto foreign = expect_foreign(in, *one); !foreign) return foreign.error();
    auto known = auth::change_directory(in, [&](auth::directory& to) -> result<void> {
      return to.add_certificate(*name, *one, *user);
    });
    if (!known) return known.error();
    const auto login = known->users().at(*user).login.text();
    answer made("Whoever holds the key of " + name->text() + " (" + to_text(one->fingerprint()) +
                ") is the user " + user->text() + " of the login " + login + " from now on.");
    if (!*compared)
      made.text += "\nNot compared: whoever could change the file on its way may now connect as " +
                   login + ". Compare the fingerprint with the peer's as soon as you can.";
    made.text += "\nNext: keywarden grant connect --endpoint ENDPOINT --to " + login;
    made.facts = {{"certificate", name->text()},
                  {"user", user->text()},
                  {"login", login},
                  {"sha256", to_text(one->fingerprint())},
                  {"compared", compared->has_value()}};
    return made;
  });
}

result<answer> drop_certificate(context& at) {
  auto name = name_operand(at, 0);
  if (!name) return name.error();
  auto dropped = change_directory(
      at,
      [&](auth::directory& known) -> result<void> {
        auto gone = known.drop_certificate(*name);
        if (!gone)
          return error(errc::not_found)
              .with(fact::kind, "peer's certificate")
              .with(fact::name, name->text())
              .with(fact::next_step, "keywarden user list");
        return gone;
      },
      "Dropped the certificate " + name->text() +
          ": who shows it is a stranger from now on. To end sessions that are open: kill -HUP the "
          "listener's process.");
  return dropped;
}

/// One permission of one login on the endpoint.
struct statement {
  auth::permission what;
  object_name endpoint;
  object_name login;

  [[nodiscard]] std::string text() const {
    return std::string(name_of(what)) + " on " + endpoint.text();
  }
};

result<statement> statement_of(const context& at, std::string_view whom) {
  const auto what = auth::permission_of(as_keyword(at.call.operand(0)));
  if (!what)
    return usage_error("a permission is connect, alter, control, take-ownership or view-definition",
                       "grant");
  auto endpoint = name_option(at, "endpoint");
  if (!endpoint) return endpoint.error();
  auto login = name_option(at, whom);
  if (!login) return login.error();
  return statement{*what, *endpoint, *login};
}

/// What is said about an endpoint that is not there would be said to nobody.
result<void> expect_endpoint(const database& in, const object_name& name) {
  auto there = keywarden::load_endpoint(in);
  if (!there && there.error() != errc::not_found) return keywarden::done();  // there, with a flaw
  if (!there && there.error().value_of(fact::kind) != "database mirroring endpoint")
    return keywarden::done();
  if (there && there->name == name) return keywarden::done();
  auto missing = error(errc::not_found).with(fact::kind, "endpoint").with(fact::name, name.text());
  if (!there) return std::move(missing).with(fact::next_step, "keywarden endpoint create");
  return std::move(missing).with(fact::next_step,
                                 "this instance's endpoint is " + there->name.text());
}

result<answer> say(context& at, auth::permission_state state) {
  auto said = statement_of(at, "to");
  if (!said) return said.error();
  const bool grants = state == auth::permission_state::grant;
  return in_master(at, [&](database& in) -> result<answer> {
    if (auto there = expect_endpoint(in, said->endpoint); !there) return there.error();
    auto changed = auth::change_directory(in, [&](auth::directory& known) -> result<void> {
      if (grants) return known.grant(said->what, said->endpoint, said->login);
      auto denied = known.deny(said->what, said->endpoint, said->login);
      if (!denied && denied.error() == errc::not_permitted)
        return with_next(denied.error(),
                         "keywarden login alter " + said->login.text() + " --role none");
      return denied;
    });
    if (!changed) return changed.error();
    return answer((grants ? "Granted " : "Denied ") + said->text() + " to " + said->login.text() +
                  "." + std::string(tell_listener));
  });
}

result<answer> grant(context& at) { return say(at, auth::permission_state::grant); }
result<answer> deny(context& at) { return say(at, auth::permission_state::deny); }

result<answer> revoke(context& at) {
  auto said = statement_of(at, "from");
  if (!said) return said.error();
  return in_master(at, [&](database& in) -> result<answer> {
    std::optional<auth::permission_state> before;
    auto changed = auth::change_directory(in, [&](auth::directory& known) -> result<void> {
      const auto found = known.permissions().find({said->endpoint, said->login, said->what});
      before.reset();
      if (found != known.permissions().end()) before = found->second;
      return known.revoke(said->what, said->endpoint, said->login);
    });
    if (!changed) return changed.error();
    if (!before)
      return answer("Nothing was said about " + said->text() + " to " + said->login.text() +
                    ": nothing changed. See keywarden grant list.");
    return answer("Took back the " + std::string(name_of(*before)) + " of " + said->text() +
                  " to " + said->login.text() +
                  ". To end sessions that are open: kill -HUP the listener's process.");
  });
}

result<answer> grant_list(context& at) {
  return read_directory(at, [](const auth::directory& known) {
    answer made(known.permissions().empty() ? "none" : "");
    auto& rows = made.facts["permissions"] = json::array();
    for (const auto& [key, state] : known.permissions())
      rows.push_back({{"state", name_of(state)},
                      {"permission", name_of(key.permission)},
                      {"endpoint", key.endpoint.text()},
                      {"login", key.login.text()}});
    return made;
  });
}

}  // namespace

std::vector<command> principal_commands() {
  using options::master_key_password;
  const option role{"role", kind::value, "ROLE", "sysadmin, for whom no permission is checked"};
  const option on{"endpoint", kind::value, "NAME", "the endpoint"};
  const option to{"to", kind::value, "LOGIN", "the login"};
  return {
      {"login create",
       {"NAME"},
       {role, master_key_password},
       "Make a login for another instance, or for who owns the endpoint (CREATE LOGIN).",
       login_create},
      {"login alter",
       {"NAME"},
       {{"role", kind::value, "ROLE", "sysadmin or none"}, master_key_password},
       "Give a login the server role sysadmin, or take it back.",
       login_alter},
      {"login list", {}, {master_key_password}, "List the logins and their users.", login_list},
      {"login drop",
       {"NAME"},
       {master_key_password},
       "Drop a login that has no users any more, and what was granted or denied to it.",
       login_drop},
      {"user create",
       {"NAME"},
       {{"login", kind::value, "LOGIN", "the login that it stands for"}, master_key_password},
       "Make a user for a login (CREATE USER … FOR LOGIN).",
       user_create},
      {"user add-certificate",
       {"USER"},
       {{"name", kind::value, "NAME", "what the certificate is called here"},
        {"file", kind::value, "FILE", "the peer's certificate, DER or PEM"},
        {"fingerprint", kind::value, "SHA256",
         "its fingerprint, as the people at the other end read it out"},
        {"not-compared",
         kind::flag,
         {},
         "add it although nobody compared it: who could change the file may connect"},
        master_key_password},
       "Give a user the certificate of its instance (CREATE CERTIFICATE … AUTHORIZATION user FROM "
       "FILE).\nA user may have several, so that a peer can change from one to the next.",
       add_certificate},
      {"user drop-certificate",
       {"NAME"},
       {master_key_password},
       "Drop a peer's certificate, by the name that it was given here.",
       drop_certificate},
      {"user list", {}, {master_key_password}, "List the users and their certificates.", user_list},
      {"user drop",
       {"NAME"},
       {master_key_password},
       "Drop a user that owns no certificate any more.",
       user_drop},
      {"grant",
       {"PERMISSION"},
       {on, to, master_key_password},
       "Allow a login something on the endpoint (GRANT … ON ENDPOINT); replaces a DENY.\n"
       "PERMISSION is connect, alter, control (all of them), take-ownership or view-definition.",
       grant},
      {"grant list", {}, {master_key_password}, "List what is granted and denied.", grant_list},
      {"deny",
       {"PERMISSION"},
       {on, to, master_key_password},
       "Forbid a login something on the endpoint, whatever else is granted; replaces a GRANT.",
       deny},
      {"revoke",
       {"PERMISSION"},
       {on, {"from", kind::value, "LOGIN", "the login"}, master_key_password},
       "Take back a GRANT or a DENY.",
       revoke},
  };
}

}  // namespace cli
