// config: which certificates a service's configuration names, and which clients it allows.

#include <sys/stat.h>

#include <algorithm>

#include <keywarden/config/client_certificates.hpp>
#include <keywarden/config/files.hpp>

#include "certificates.hpp"
#include "commands.hpp"
#include "config_file.hpp"

namespace cli {

using keywarden::errc;
using keywarden::error;
using keywarden::fact;
using keywarden::result;
using kind = option::kind;

namespace config = keywarden::config;
namespace pki = keywarden::pki;

namespace {

/// A thumbprint for a configuration, and the certificate if it was given.
struct named_certificate {
  pki::thumbprint value;
  std::optional<pki::certificate> whole;
};

result<named_certificate> certificate_word(const context& at, std::string_view word) {
  const std::string path(word);
  const auto hash = at.call.value(options::thumbprint_algorithm.name);
  if (hash && *hash != "sha256" && *hash != "sha1")
    return usage_error("--algorithm takes sha256 or sha1", "");
  struct ::stat there {};
  const bool names_a_file =
      ::stat(path.c_str(), &there) == 0 || path.find_first_of("/.") != std::string::npos;
  if (names_a_file) {
    auto all = certificates_of(path);
    if (!all) return all.error();
    const auto by = hash && *hash == "sha1" ? pki::thumbprint_algorithm::sha1
                                            : pki::thumbprint_algorithm::sha256;
    return named_certificate{pki::thumbprint_of(all->front(), by), all->front()};
  }
  auto read = pki::thumbprint::parse(word);
  if (!read) return read.error();
  const auto by = read->value.algorithm();
  if (by != pki::thumbprint_algorithm::sha1 && by != pki::thumbprint_algorithm::sha256)
    return error(errc::unsupported_suite)
        .with(fact::kind, "thumbprint")
        .with(fact::scheme, name_of(by))
        .with(fact::next_step, "give the certificate's file, or its SHA-256 thumbprint");
  if (hash && *hash != name_of(by))
    return usage_error("that thumbprint is of " + std::string(name_of(by)) +
                           ": another one can be made of the certificate's file only",
                       "");
  if (read->dropped.total() != 0) note("left out: " + dropped_text(read->dropped));
  return named_certificate{read->value, std::nullopt};
}

/// Sets a list of thumbprints, in the roles that have it, to what `next` makes of it.
result<answer> change_allowed(
    const context& at, std::string said,
    const std::function<result<void>(std::vector<pki::thumbprint>& list)>& next) {
  return in_file(at, [&](std::string_view text, const std::string& path) -> result<changed> {
    auto made = config::edit::open(text, path);
    if (!made) return made.error();
    constexpr auto name = config::names::allowed_clients;
    const auto before = config::check(text).configuration;
    bool any = false;
    for (const auto& role : before.roles) {
      const auto* present = role.find_setting(name);
      if (present == nullptr) continue;
      any = true;
      auto list = pki::parse_thumbprints(present->value);
      if (!list)
        return error(list.error())
            .with(fact::file, path)
            .with(fact::line, present->value_where.line)
            .with(fact::next_step,
                  "write the list anew: keywarden config set FILE " + std::string(name) + " LIST");
      if (auto done = next(list->entries); !done) return done.error();
      if (auto done = made->set_setting(name, list_text(list->entries), role.name); !done)
        return done.error();
    }
    if (!any) return error(errc::not_found).with(fact::kind, "Setting").with(fact::name, name);
    return finished(*made, path, std::move(said));
  });
}

bool is_same(const named_certificate& wanted, const pki::thumbprint& listed) {
  return wanted.whole ? listed.matches(*wanted.whole) : listed == wanted.value;
}

result<answer> allow_client(context& at) {
  auto client = certificate_word(at, at.call.operand(1));
  if (!client) return client.error();
  return change_allowed(at, "Allowed the client " + client->value.text() + ".",
                        [&](std::vector<pki::thumbprint>& list) -> result<void> {
                          if (std::ranges::find(list, client->value) != list.end())
                            return keywarden::done();
                          std::erase_if(list,
                                        [&](const auto& each) { return is_same(*client, each); });
                          list.push_back(client->value);
                          return keywarden::done();
                        });
}

result<answer> forbid_client(context& at) {
  auto client = certificate_word(at, at.call.operand(1));
  if (!client) return client.error();
  return change_allowed(
      at, "The client " + client->value.text() + " is not allowed any more.",
      [&](std::vector<pki::thumbprint>& list) -> result<void> {
        if (std::erase_if(list, [&](const auto& each) { return is_same(*client, each); }) != 0)
          return keywarden::done();
        return error(errc::not_found)
            .with(fact::kind, "allowed client")
            .with(fact::name, client->value.text())
            .with(fact::next_step, "see who is allowed: keywarden config show FILE --json");
      });
}

// ---- certificates

/// The other authority takes the place of the one that was there, in the list that must have it.
std::string roots_with(const config::role& of, const config::setting& roots,
                       const pki::thumbprint& ca) {
  const auto before = config::detail::thumbprint_of(of, config::certificates::ca);
  std::vector<std::string> all{ca.text()};
  for (const auto& each : config::read_thumbprints(roots.value))
    if (each != before && each.text() != all.front()) all.push_back(each.text().str());
  std::string text;
  for (const auto& each : all) text.append(text.empty() ? "" : ",").append(each);
  return text;
}

result<answer> set_certificate(context& at) {
  const std::string name(at.call.operand(1));
  auto certificate = certificate_word(at, at.call.operand(2));
  if (!certificate) return certificate.error();
  const auto digits = certificate->value.text();
  return in_file(at, [&](std::string_view text, const std::string& path) -> result<changed> {
    auto made = config::edit::open(text, path);
    if (!made) return made.error();
    if (auto done = made->set_certificate(name, digits, role_of(at)); !done) return done.error();
    auto said = "Set the certificate " + name + " to " + digits + ".";
    // What must be the same is changed along with it.
    const auto before = config::check(text).configuration;
    for (const auto& role : before.roles) {
      if (role.find_certificate(name) == nullptr) continue;
      if (!role_of(at).empty() && role.name != role_of(at)) continue;
      const auto* roots = role.find_setting(config::names::additional_roots);
      const bool on = config::settings_of(role).client_certificates_required();
      if (name == config::certificates::ca && on && roots != nullptr) {
        if (auto done = made->set_setting(roots->name, roots_with(role, *roots, certificate->value),
                                          role.name);
            !done)
          return done.error();
        said += " Set " + roots->name.str() + " as well, which must have it.";
      } else if (name == config::certificates::ssl && !on &&
                 role.find_certificate(config::certificates::ca) != nullptr) {
        if (auto done = made->set_certificate(config::certificates::ca, digits, role.name); !done)
          return done.error();
        said += " Set CA as well, which must be the same while client certificates are off.";
      }
    }
    return finished(*made, path, std::move(said));
  });
}

// ---- client certificates, off and on

/// The endpoints that somebody can reach, with who that is.
std::string reachable(const config::service_configuration& one) {
  std::string text;
  const auto add = [&](std::string_view role, std::string_view endpoint, std::string_view who) {
    text.append(text.empty() ? "" : ", ").append(endpoint).append(" of ").append(role);
    text.append(" (").append(who).append(")");
  };
  for (const auto& each : one.endpoint_acls) {
    const auto rules = config::rules_of(one, each.access_control);
    if (!rules || config::denies_everybody(*rules)) continue;
    const bool everybody =
        config::permits_everybody(*rules, true) || config::permits_everybody(*rules, false);
    add(each.role, each.endpoint,
        everybody ? "to everybody" : "to whom \"" + each.access_control.str() + "\" permits");
  }
  if (one.find_endpoint_acl(config::web_role, config::https_endpoint) == nullptr)
    add(config::web_role, config::https_endpoint, "to everybody: it has no rules");
  return text;
}

result<answer> turn_off(context& at) {
  if (at.call.has("accept-the-risk"))
    return in_file(at, [](std::string_view text, const std::string&) -> result<changed> {
      auto made = config::turn_off_client_certificates(
          text, keywarden::auth::allow_anonymous_i_accept_the_risk{});
      if (!made) return made.error();
      return changed{std::move(*made),
                     "Client certificates are off: whoever can reach the service is served."};
    });
  const std::string path(at.call.operand(0));
  auto text = config::read_file(path);
  if (!text) return text.error();
  const auto open = reachable(config::check(text->text()).configuration);
  return error(errc::not_permitted)
      .with(fact::file, path)
      .with(fact::reason,
            "client certificates are the service's only authentication: without "
            "them these become public: " +
                (open.empty() ? "none now, but whichever is opened later" : open))
      .with(fact::next_step,
            "keep others away by rules (keywarden config set-acl) or a private network, then give "
            "--accept-the-risk");
}

result<answer> turn_on(context& at) {
  auto ca = certificate_word(at, at.call.operand(1));
  if (!ca) return ca.error();
  if (ca->whole && !ca->whole->is_authority())
    return error(errc::certificate_usage)
        .with(fact::name, ca->whole->subject())
        .with(fact::reason, "it is not an authority's certificate")
        .with(fact::next_step, "give that of the authority that issues the clients' certificates");
  return in_file(at, [&](std::string_view text, const std::string&) -> result<changed> {
    auto made = config::turn_on_client_certificates(text, ca->value.text());
    if (!made) return made.error();
    return changed{std::move(*made),
                   "Client certificates are required, issued by " + ca->value.text() + "."};
  });
}

}  // namespace

std::vector<command> config_certificate_commands() {
  return {
      {"config set-certificate",
       {"FILE", "NAME", "CERTIFICATE"},
       {options::thumbprint_algorithm, options::in_role},
       "Put a certificate's thumbprint in: SSL, CA or DataEncryptionPrimary.\n"
       "CERTIFICATE is its file, or a thumbprint as it was copied. What must be the same is set "
       "along\nwith it: with CA the additional trusted root.",
       set_certificate},
      {"config allow-client",
       {"FILE", "CERTIFICATE"},
       {options::thumbprint_algorithm},
       "Add a client's certificate (its file, or a thumbprint) to those that are allowed.",
       allow_client},
      {"config forbid-client",
       {"FILE", "CERTIFICATE"},
       {options::thumbprint_algorithm},
       "Take a client's certificate from those that are allowed.",
       forbid_client},
      {"config turn-off-client-certificates",
       {"FILE"},
       {{"accept-the-risk", kind::flag, {}, "whoever can reach the service may be served"}},
       "Serve clients without certificates: both settings and the certificate CA at once.\n"
       "Refused without --accept-the-risk, with what would become public.",
       turn_off},
      {"config turn-on-client-certificates",
       {"FILE", "CA"},
       {options::thumbprint_algorithm},
       "Require clients' certificates, issued by this authority: settings, CA and trusted root.",
       turn_on},
  };
}

}  // namespace cli
