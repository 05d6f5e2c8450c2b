// config: a service's configuration file (.cscfg): checked, shown, and changed without touching the
// rest of it.

#include <keywarden/config/describe.hpp>
#include <keywarden/config/files.hpp>
#include <keywarden/config/near_match.hpp>

#include "advice.hpp"
#include "commands.hpp"
#include "config_file.hpp"
#include "passwords.hpp"

namespace cli {

using keywarden::errc;
using keywarden::error;
using keywarden::fact;
using keywarden::plaintext;
using keywarden::result;
using kind = option::kind;

namespace admit = keywarden::admit;
namespace config = keywarden::config;
namespace pki = keywarden::pki;

namespace {

// ---- what is said about a file

json rows_of(const config::finding_list& all) {
  auto rows = json::array();
  for (const auto& each : all)
    rows.push_back({{"severity", name_of(each.how)},
                    {"line", each.where.line},
                    {"column", each.where.column},
                    {"what", each.what.view()},
                    {"did_you_mean", each.meant.view()},
                    {"next_step", each.next_step.view()}});
  return rows;
}

result<answer> check(context& at) {
  const std::string path(at.call.operand(0));
  const bool strict = at.call.has("strict");
  auto text = config::read_file(path);
  if (!text) return text.error();
  const auto wanted = strict ? config::strict : config::requirements{};
  const auto checked = at.call.has("fragment") ? config::check_fragment(text->text(), wanted)
                                               : config::check(text->text(), wanted);
  const auto warnings = checked.findings.count(config::severity::warning);
  const bool good = checked.usable() && !(strict && warnings != 0);
  answer made;
  if (at.for_machines())
    made.facts = {{"ok", good}, {"findings", rows_of(checked.findings)}};
  else
    made.text = checked.findings.text(path) + summary(checked.findings) + ".";
  if (good) return made;
  cli::show(made, at.for_machines());
  if (!checked.usable()) return config::to_error(checked.findings, path);
  return error(errc::configuration_invalid)
      .with(fact::file, path)
      .with(fact::actual, counted(warnings, "warning"))
      .with(fact::reason, "--strict takes none");
}

json facts_of(const config::service_configuration& one) {
  json made = {
      {"service", one.service_name.view()}, {"roles", json::array()}, {"endpoints", json::array()}};
  for (const auto& each : one.roles) {
    json settings = json::object();
    for (const auto& setting : each.settings)
      settings[setting.name.str()] =
          setting.secret ? json(nullptr) : json(setting.value.view());  // never a secret's value
    json certificates = json::object();
    for (const auto& certificate : each.certificates)
      certificates[certificate.name.str()] = certificate.thumbprint.view();
    made["roles"].push_back({{"name", each.name.view()},
                             {"instances", each.instances},
                             {"settings", settings},
                             {"certificates", certificates}});
  }
  for (const auto& each : one.endpoint_acls) {
    auto rules = json::array();
    const auto ordered = config::rules_of(one, each.access_control);
    if (ordered)
      for (const auto& rule : ordered->rules)
        rules.push_back({{"action", name_of(*rule.action)},
                         {"subnet", rule.subnet->text()},
                         {"description", rule.description.view()}});
    made["endpoints"].push_back(
        {{"role", each.role.view()},
         {"endpoint", each.endpoint.view()},
         {"access_control", each.access_control.view()},
         {"rules", rules},
         {"everybody_else", ordered ? json(name_of(ordered->otherwise)) : json(nullptr)}});
  }
  return made;
}

result<answer> show(context& at) {
  const std::string path(at.call.operand(0));
  auto text = config::read_file(path);
  if (!text) return text.error();
  const auto checked = config::check(text->text());
  answer made;
  if (at.for_machines()) {
    made.facts = facts_of(checked.configuration);
    made.facts["usable"] = checked.usable();
    return made;
  }
  made.text = config::describe(checked.configuration);
  if (!checked.usable())
    note("it cannot be used as it is (" + summary(checked.findings) + "): keywarden config check " +
         path);
  return made;
}

// ---- settings

result<answer> set(context& at) {
  const std::string name(at.call.operand(1));
  const bool secret = config::is_secret_setting(name);
  const bool has_operand = at.call.operands().size() == 3;
  if (secret && has_operand)
    return usage_error(name +
                           " is a secret, which is not taken from an argument: leave it out to be "
                           "asked, or give --value-file FILE or --value-fd N",
                       "config set");
  if (!secret && !has_operand) return usage_error("missing: VALUE", "config set");
  plaintext hidden;
  std::string value;
  if (secret) {
    auto read = read_secret(at.call, "value");
    if (!read) return read.error();
    hidden = std::move(*read);
  } else {
    value = at.call.operand(2);
  }
  if (const auto* known = config::find_known_setting(name);
      known != nullptr && known->kind == config::setting_kind::thumbprints) {
    auto list = pki::parse_thumbprints(value);
    if (!list) return error(list.error()).with(fact::kind, name);
    if (list->dropped.total() != 0) note("left out: " + dropped_text(list->dropped));
    value = list_text(list->entries);
  }
  return in_file(at, [&](std::string_view text, const std::string& path) -> result<changed> {
    auto made = config::edit::open(text, path);
    if (!made) return made.error();
    if (auto done = made->set_setting(name, secret ? hidden.text() : value, role_of(at)); !done) {
      config::near_match match(name);
      for (const auto& each : config::known_settings) match.consider(each.name);
      const bool unknown = config::find_known_setting(name) == nullptr;
      return unknown && !match.nearest().empty()
                 ? with_next(done.error(), "did you mean " + std::string(match.nearest()) + "?")
                 : done.error();
    }
    return finished(*made, path, "Set " + name + ".");
  });
}

// ---- who may reach an endpoint

result<answer> set_acl(context& at) {
  const std::string endpoint(at.call.operand(1));
  const std::string group(at.call.operand(2));
  const auto role = at.call.value(options::in_role.name).value_or(std::string(config::web_role));
  return in_file(at, [&](std::string_view text, const std::string& path) -> result<changed> {
    auto made = config::edit::open(text, path);
    if (!made) return made.error();
    if (auto done = made->set_endpoint_acl(role, endpoint, group); !done) return done.error();
    return finished(*made, path,
                    "The endpoint " + endpoint + " of " + role + " has the rules " + group + ".");
  });
}

/// "permit 100.100.0.0/16 the office".
result<config::new_rule> parse_rule(std::string_view text, std::uint32_t order) {
  const auto word = [&] {
    const auto end = std::min(text.find(' '), text.size());
    const auto first = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return first;
  };
  const auto action = word();
  if (action != "permit" && action != "deny")
    return usage_error("a rule is \"permit SUBNET [DESCRIPTION]\" or \"deny SUBNET [DESCRIPTION]\"",
                       "config add-access-control");
  auto subnet = admit::network::parse(word());
  if (!subnet) return as_usage(subnet.error());
  return config::new_rule{
      action == "permit" ? config::acl_action::permit : config::acl_action::deny, std::string(text),
      order, *subnet};
}

result<answer> add_access_control(context& at) {
  const std::string name(at.call.operand(1));
  std::vector<config::new_rule> rules;
  for (const auto& each : at.call.values("rule")) {
    auto rule = parse_rule(each, static_cast<std::uint32_t>(rules.size() + 1));
    if (!rule) return rule.error();
    rules.push_back(std::move(*rule));
  }
  if (rules.empty())
    return usage_error("--rule is needed: a group without rules permits everybody",
                       "config add-access-control");
  const auto endpoint = at.call.value("endpoint");
  const auto role = at.call.value(options::in_role.name).value_or(std::string(config::web_role));
  return in_file(at, [&](std::string_view text, const std::string& path) -> result<changed> {
    auto made = config::edit::open(text, path);
    if (!made) return made.error();
    if (auto done = made->add_access_control(name, rules); !done) return done.error();
    auto said = "Added the group " + name + " with " + counted(rules.size(), "rule") + ".";
    if (endpoint) {
      if (auto done = made->set_endpoint_acl(role, *endpoint, name); !done) return done.error();
      said += " The endpoint " + *endpoint + " of " + role + " has its rules now.";
    }
    return finished(*made, path, std::move(said));
  });
}

}  // namespace

std::vector<command> config_commands() {
  const option web_role{"role", kind::value, "ROLE", "whose endpoint it is (SplitMergeWeb)"};
  return {
      {"config check",
       {"FILE"},
       {{"strict", kind::flag, {}, "refuse warnings, too, and last rules that are only implied"},
        {"fragment", kind::flag, {}, "FILE holds lines copied out of a configuration"}},
       "Say everything that is wrong with a service's configuration (.cscfg), as a compiler does.\n"
       "Exit status 1 when there is an error; 0 with warnings.",
       check},
      {"config show",
       {"FILE"},
       {},
       "Show who may reach each endpoint, the limits, and the certificates; never a secret.",
       show},
      {"config set",
       {"FILE", "SETTING", "[VALUE]"},
       {options::in_role, {"value", kind::password, "the setting (a secret one has no VALUE)", {}}},
       "Change a setting, in every role that has it. Refused if that makes something wrong.\n"
       "Comments, order and every other byte of the file stay as they are.",
       set},
      {"config set-acl",
       {"FILE", "ENDPOINT", "GROUP"},
       {web_role},
       "Say which group's rules an endpoint has: HttpsIn, and AllowAll, DenyAll or one of one's "
       "own.",
       set_acl},
      {"config add-access-control",
       {"FILE", "GROUP"},
       {{"rule", kind::list, "RULE",
         "\"permit SUBNET [DESCRIPTION]\" or \"deny …\"; the first that matches decides"},
        {"endpoint", kind::value, "ENDPOINT", "give this endpoint the rules at once"},
        web_role},
       "Add a group of rules about who may reach an endpoint, in the order of --rule.",
       add_access_control},
  };
}

}  // namespace cli
