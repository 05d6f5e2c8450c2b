// endpoint: an instance's one mirroring endpoint: what it is, whom it knows, what the others need
// to know of it.

#include <unistd.h>

#include <keywarden/endpoint/configuration.hpp>
#include <keywarden/endpoint/definition_text.hpp>
#include <keywarden/endpoint/description.hpp>
#include <keywarden/endpoint/topology_drawing.hpp>

#include "advice.hpp"
#include "commands.hpp"
#include "files.hpp"
#include "session.hpp"

namespace cli {

using keywarden::endpoint_definition;
using keywarden::errc;
using keywarden::error;
using keywarden::fact;
using keywarden::object_name;
using keywarden::result;
using keywarden::pki::to_text;
using kind = option::kind;

namespace admit = keywarden::admit;
namespace auth = keywarden::auth;
namespace pki = keywarden::pki;
namespace transport = keywarden::transport;

namespace {

// ---- what an option says, if it was given

template <class Value, class Read>
result<std::optional<Value>> parsed(const context& at, std::string_view name, const Read& read) {
  const auto text = at.call.value(name);
  if (!text) return std::optional<Value>();
  result<Value> value = read(*text);
  if (!value) return value.error();
  return std::optional<Value>(*value);
}

template <class Value>
result<Value> or_usage(const std::optional<Value>& value, std::string_view reason) {
  if (!value) return usage_error(reason, "");
  return *value;
}

result<std::optional<object_name>> certificate_option(const context& at) {
  return parsed<object_name>(at, "certificate",
                             [](const std::string& text) { return object_name::parse(text); });
}
result<std::optional<keywarden::endpoint_role>> role_option(const context& at) {
  return parsed<keywarden::endpoint_role>(at, "role", [](const std::string& text) {
    return or_usage(keywarden::endpoint_role_of(as_keyword(text)),
                    "--role takes partner, witness or all");
  });
}
result<std::optional<keywarden::endpoint_state>> state_option(const context& at) {
  return parsed<keywarden::endpoint_state>(at, "state", [](const std::string& text) {
    return or_usage(keywarden::endpoint_state_of(as_keyword(text)),
                    "--state takes started, stopped or disabled");
  });
}
result<std::optional<transport::encryption_clause>> encryption_option(const context& at) {
  return parsed<transport::encryption_clause>(
      at, "encryption", [](const std::string& text) -> result<transport::encryption_clause> {
        auto clause = transport::parse_encryption(text);
        if (!clause) return as_usage(clause.error());
        return clause;
      });
}

/// LISTENER_PORT and LISTENER_IP; what is not given stays as it is at `present`.
result<std::optional<keywarden::listener_address>> listener_option(
    const context& at, const std::optional<keywarden::listener_address>& present) {
  using listener_address = keywarden::listener_address;
  const auto port = at.call.value("port");
  const auto ip = at.call.value("ip");
  if (!port && !ip) return std::optional<listener_address>();
  std::uint64_t number = present ? present->port() : 0;
  if (port) {
    auto read = parse_number(*port, "--port", 65535);
    if (!read) return read.error();
    number = *read;
  }
  auto only = present ? present->ip() : std::nullopt;
  if (ip) {
    only = admit::address::read(*ip);
    if (!only && as_keyword(*ip) != "ALL")
      return usage_error("--ip takes an IPv4 or IPv6 address, or all", "");
  }
  auto made = listener_address::on(number, only);
  if (!made) return made.error();
  return std::optional(*made);
}

template <class Value>
result<Value> needed(const result<std::optional<Value>>& given, std::string_view name) {
  if (!given) return given.error();
  if (!*given) return usage_error("--" + std::string(name) + " is needed", "endpoint create");
  return **given;
}

// ---- what is said about an endpoint

void add_definition(answer& to, const endpoint_definition& of) {
  to.text = keywarden::to_create_endpoint(of);
  auto shown = json::array();
  if (const auto& certificates = of.authentication.certificates())
    for (const auto& each : certificates->all()) shown.push_back(each.text());
  to.facts["name"] = of.name.text();
  to.facts["owner"] = of.owner.text();
  to.facts["state"] = name_of(of.state);
  to.facts["listener_port"] = of.listener.port();
  to.facts["listener_ip"] = of.listener.ip() ? of.listener.ip()->text() : "ALL";
  to.facts["authentication"] = of.authentication.form();
  to.facts["shows"] = shown;
  to.facts["encryption"] = transport::text(of.encryption).string();
  to.facts["role"] = name_of(of.role);
}

json row_of(const std::string& name, const std::string& of, const pki::certificate& one) {
  const auto left = days_until(one.not_after());
  const bool later = keywarden::system_clock::now() < one.not_before();
  return {{"certificate", name},
          {"of", of},
          {"valid_from", to_text(one.not_before())},
          {"valid_until", to_text(one.not_after())},
          {"days_left", left},
          {"state", left < 0 ? "expired"
                    : later  ? "not valid yet"
                             : "valid"}};
}

/// The certificates that an endpoint shows, verified.
result<std::vector<std::pair<object_name, pki::certificate>>> own_certificates(
    const database& in, const endpoint_definition& of) {
  std::vector<std::pair<object_name, pki::certificate>> all;
  if (!of.authentication.with_certificates()) return all;
  for (const auto& name : of.authentication.certificates()->all()) {
    auto one = pki::load_certificate(in.certificates(), name);
    if (!one) return one.error();
    all.emplace_back(name, std::move(*one));
  }
  return all;
}

json logins_of(const auth::directory& known, const endpoint_definition& on) {
  auto rows = json::array();
  for (const auto& [login, role] : known.logins()) {
    const auto found = known.effective(login, auth::permission::connect, on.name, on.owner);
    std::vector<std::string> by;
    for (const auto& [name, each] : known.certificates())
      if (known.users().at(each.owner).login == login) by.push_back(name.text());
    for (const auto& [identity, holder] : known.shared_key_identities())
      if (holder == login) by.push_back(identity.text());
    rows.push_back(
        {{"login", login.text()},
         {"may_connect", found.allowed() && !by.empty()},
         {"why", found.allowed() && by.empty() ? "it has no certificate here" : name_of(found.why)},
         {"proves_itself_by", by}});
  }
  return rows;
}

// ---- the commands

result<answer> create(context& at) {
  auto name = name_operand(at, 0);
  if (!name) return name.error();
  auto listener = needed(
      at.call.has("port") ? listener_option(at, {}) : std::optional<keywarden::listener_address>(),
      "port");
  if (!listener) return listener.error();
  auto certificate = needed(certificate_option(at), "certificate");
  if (!certificate) return certificate.error();
  auto role = needed(role_option(at), "role");
  if (!role) return role.error();
  auto owner = required(at, "owner");
  if (!owner) return owner.error();
  auto login = object_name::parse(*owner);
  if (!login) return login.error();
  auto encryption = encryption_option(at);
  if (!encryption) return encryption.error();
  auto state = state_option(at);
  if (!state) return state.error();
  const endpoint_definition wanted{*name,
                                   *listener,
                                   keywarden::endpoint_certificates(*certificate),
                                   *role,
                                   *login,
                                   encryption->value_or(transport::encryption_clause{}),
                                   state->value_or(keywarden::endpoint_state::stopped)};
  return in_master(at, [&](database& in) -> result<answer> {
    auto made = at.call.has("accept-weaker")
                    ? keywarden::create_endpoint(in, wanted, keywarden::accept_weaker_encryption{})
                    : keywarden::create_endpoint(in, wanted);
    if (!made) return made.error();
    answer said;
    add_definition(said, wanted);
    said.text += "Next: keywarden cert export master " + certificate->text() +
                 " --output FILE; then, for each peer, a login, a user, its certificate, and "
                 "keywarden grant connect.";
    return said;
  });
}

/// The certificates to show after `next` joined: instead of the present ones, or beside the newer.
result<keywarden::endpoint_certificates> joined(const endpoint_definition& to,
                                                const object_name& next, bool and_old) {
  const auto& present = to.authentication.certificates();
  if (!and_old || !present) return keywarden::endpoint_certificates(next);
  const bool newer = present->next() && *present->next() != next;
  return keywarden::endpoint_certificates::rotation(newer ? *present->next() : present->present(),
                                                    next);
}

result<keywarden::endpoint_change> change_of(const context& at, const endpoint_definition& to) {
  keywarden::endpoint_change change;
  auto state = state_option(at);
  if (!state) return state.error();
  change.state = *state;
  auto listener = listener_option(at, to.listener);
  if (!listener) return listener.error();
  change.listener = *listener;
  auto encryption = encryption_option(at);
  if (!encryption) return encryption.error();
  change.encryption = *encryption;
  auto role = role_option(at);
  if (!role) return role.error();
  if (*role) change.role = **role;
  auto certificate = certificate_option(at);
  if (!certificate) return certificate.error();
  if (!*certificate) return change;
  auto shown = joined(to, **certificate, at.call.has("and-old"));
  if (!shown) return shown.error();
  change.certificates = *shown;
  return change;
}

/// What has to happen for a change to take effect, and what is still missing.
std::string after(const database& in, const keywarden::endpoint_alteration& made) {
  const bool elsewhere = made.before.listener != made.after.listener;
  std::string text = elsewhere ? "A listener that runs has to be started again for it."
                               : "A listener that runs takes it with SIGHUP.";
  if (made.after.state != keywarden::endpoint_state::started) return text;
  if (auto ready = keywarden::load_configuration(in); !ready)
    text += "\nNobody can connect yet: " + in_commands(ready.error()).message();
  return text;
}

result<answer> alter(context& at) {
  constexpr std::array changing{"state", "port", "ip", "certificate", "encryption", "role"};
  if (std::ranges::none_of(changing, [&](const auto* each) { return at.call.has(each); }))
    return usage_error("nothing to change was given", "endpoint alter");
  if (at.call.has("and-old") && !at.call.has("certificate"))
    return usage_error("--and-old goes with --certificate", "endpoint alter");
  return in_master(at, [&](database& in) -> result<answer> {
    auto present = keywarden::detail::read_endpoint(in);
    if (!present) return present.error();
    if (!*present) return keywarden::detail::no_endpoint();
    auto change = change_of(at, (*present)->definition);
    if (!change) return change.error();
    auto made = at.call.has("accept-weaker")
                    ? keywarden::alter_endpoint(in, *change, keywarden::accept_weaker_encryption{})
                    : keywarden::alter_endpoint(in, *change);
    if (!made) return made.error();
    const auto changed = keywarden::differences(made->before, made->after);
    answer said;
    add_definition(said, made->after);
    said.facts["changed"] = changed;
    said.text += changed.empty() ? "It was so already: nothing changed."
                                 : "Changed: " + changed + ". " + after(in, *made);
    return said;
  });
}

result<answer> show_status(context& at) {
  return in_master(at, [&](database& in) -> result<answer> {
    auto of = keywarden::load_endpoint(in);
    if (!of) return of.error();
    auto known = auth::load_directory(in);
    if (!known) return known.error();
    auto own = own_certificates(in, *of);
    if (!own) return own.error();
    answer made;
    add_definition(made, *of);
    auto& certificates = made.facts["certificates"] = json::array();
    for (const auto& [name, one] : *own)
      certificates.push_back(row_of(name.text(), "this instance", one));
    for (const auto& [name, each] : known->certificates())
      certificates.push_back(row_of(name.text(), each.owner.text(), each.certificate));
    made.facts["logins"] = logins_of(*known, *of);
    return made;
  });
}

result<object_name> instance_name(const context& at) {
  if (const auto given = at.call.value("instance")) return object_name::parse(*given);
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0)
    return error(errc::io_failed).with(fact::operation, "gethostname");
  auto name = object_name::parse(host.data());
  if (!name) return with_next(name.error(), "name the instance: --instance NAME");
  return name;
}

result<answer> describe(context& at) {
  auto path = required(at, "output");
  if (!path) return path.error();
  auto name = instance_name(at);
  if (!name) return name.error();
  return in_master(at, [&](database& in) -> result<answer> {
    auto of = keywarden::load_endpoint(in);
    if (!of) return of.error();
    auto known = auth::load_directory(in);
    if (!known) return known.error();
    auto own = own_certificates(in, *of);
    if (!own) return own.error();
    std::vector<pki::certificate> shown;
    for (auto& [certificate, one] : *own) shown.push_back(std::move(one));
    auto text = keywarden::to_json(keywarden::describe_instance(*name, *of, *known, shown));
    if (!text) return text.error();
    auto written = write_file(*path, at.call.has("overwrite"), keywarden::as_bytes(*text));
    if (!written) return written.error();
    answer made("Described the instance " + name->text() + " in " + *path +
                ". Next, with those of the others: keywarden endpoint topology FILE FILE [FILE]");
    made.facts = {{"instance", name->text()}, {"file", *path}};
    return made;
  });
}

result<keywarden::instance_description> description_in(const std::string& path) {
  auto content = read_file(path, keywarden::max_description_size);
  if (!content) return content.error();
  auto read = keywarden::description_from_json(content->view());
  if (read) return read;
  return error(read.error())
      .with(fact::file, path)
      .with(fact::next_step, "let the instance describe itself: keywarden endpoint describe");
}

json problems_of(const keywarden::topology_report& report) {
  auto rows = json::array();
  for (const auto& each : report.problems)
    rows.push_back({{"fault", name_of(each.fault)},
                    {"breaks", keywarden::breaks(each.fault)},
                    {"from", each.from},
                    {"at", each.at},
                    {"text", each.text},
                    {"next_step", each.next_step}});
  return rows;
}

std::string in_words(const std::vector<keywarden::instance_description>& all,
                     const keywarden::topology_report& report) {
  const auto edges = all.size() * (all.size() - 1);
  std::size_t there = 0;
  for (const auto& from : all)
    for (const auto& to : all)
      if (&from != &to && report.broken(from.name.text(), to.name.text()) == nullptr) ++there;
  auto text = std::to_string(there) + " of " + std::to_string(edges) + " trust edges are there.";
  for (const auto& each : report.problems) text += "\n" + each.sentence();
  return text;
}

result<answer> topology(context& at) {
  const bool as_dot = at.call.has("dot");
  if (as_dot && at.call.has("markdown"))
    return usage_error("--dot and --markdown exclude each other", "endpoint topology");
  std::vector<keywarden::instance_description> all;
  for (const auto& path : at.call.operands()) {
    auto one = description_in(path);
    if (!one) return one.error();
    all.push_back(std::move(*one));
  }
  const auto report = keywarden::check_topology(all, keywarden::system_clock::now());
  answer made;
  if (at.for_machines())
    made.facts = {{"ok", report.connected()}, {"problems", problems_of(report)}};
  else
    made.text = as_dot                    ? keywarden::to_graphviz(all, report)
                : at.call.has("markdown") ? keywarden::to_markdown(all, report)
                                          : in_words(all, report);
  if (report.connected()) return made;
  show(made, at.for_machines());
  const auto worst = std::ranges::find_if(
      report.problems, [](const auto& each) { return keywarden::breaks(each.fault); });
  return error(errc::not_permitted)
      .with(fact::kind, "mirroring session")
      .with(fact::actual, report.problems.size())
      .with(fact::reason, "not every instance can connect to every other")
      .with(fact::next_step, worst->next_step);
}

result<answer> drop(context& at) {
  return in_master(at, [](database& in) {
    return said(keywarden::drop_endpoint(in),
                "Dropped the endpoint, and what was granted and denied on it. Logins, users and "
                "certificates stay. A listener that runs ends its sessions with SIGHUP.");
  });
}

}  // namespace

std::vector<command> endpoint_commands() {
  using options::master_key_password;
  const option port{"port", kind::value, "N", "LISTENER_PORT, 1024 to 32767"};
  const option ip{"ip", kind::value, "ADDRESS", "LISTENER_IP: one address, or all (the default)"};
  const option encryption{"encryption", kind::value, "CLAUSE",
                          "\"REQUIRED ALGORITHM AES\" (the default) and the like"};
  const option weaker{"accept-weaker",
                      kind::flag,
                      {},
                      "it may be less than it was, or than REQUIRED: others may then read"};
  const option role{"role", kind::value, "ROLE", "partner, witness or all"};
  const option state{"state", kind::value, "STATE",
                     "started, stopped (does not listen) or disabled (answers with an error)"};
  return {
      {"endpoint create",
       {"NAME"},
       {port,
        ip,
        {"certificate", kind::value, "NAME", "the certificate of master that it shows"},
        encryption,
        weaker,
        role,
        {"owner", kind::value, "LOGIN", "the login that owns it (AUTHORIZATION)"},
        state,
        master_key_password},
       "Make the mirroring endpoint of this instance, stopped unless said otherwise (CREATE "
       "ENDPOINT).\nAn instance has exactly one.",
       create},
      {"endpoint alter",
       {},
       {state,
        port,
        ip,
        {"certificate", kind::value, "NAME", "show this certificate from now on"},
        {"and-old", kind::flag, {}, "with --certificate: and the present one until it ends"},
        encryption,
        weaker,
        role,
        master_key_password},
       "Change what is given, and nothing else (ALTER ENDPOINT). Owner and name cannot change.",
       alter},
      {"endpoint status",
       {},
       {master_key_password},
       "Show the endpoint as a statement, its certificates' days, and who may connect and why.",
       show_status},
      {"endpoint describe",
       {},
       {{"output", kind::value, "FILE", "where the description goes: JSON without secrets"},
        {"instance", kind::value, "NAME", "what this instance is called (default: the host)"},
        options::overwrite,
        master_key_password},
       "Write down what the others' topology check needs to know of this instance.",
       describe},
      {"endpoint topology",
       {"FILE", "FILE", "[FILE]"},
       {{"dot", kind::flag, {}, "draw it, for Graphviz"},
        {"markdown", kind::flag, {}, "draw it, as a Markdown table"}},
       "Check that the instances described in the files trust each other, edge by edge.\n"
       "Needs no store. Exit status 1 when an edge is missing or something else keeps them apart.",
       topology},
      {"endpoint drop",
       {},
       {master_key_password},
       "Drop the endpoint, with what was granted on it (DROP ENDPOINT).",
       drop},
  };
}

}  // namespace cli
