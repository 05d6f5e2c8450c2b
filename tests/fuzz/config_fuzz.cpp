// Service configurations: what is found is in the text and tells no secret, what is usable is safe,
// and a change changes what it says and nothing else.

#include <ranges>

#include <keywarden/config/access_control.hpp>
#include <keywarden/config/check.hpp>
#include <keywarden/config/client_certificates.hpp>
#include <keywarden/config/describe.hpp>
#include <keywarden/config/edit.hpp>
#include <keywarden/config/secret_setting.hpp>
#include <keywarden/core/printable.hpp>

#include "fuzz/property.hpp"

using namespace keywarden;
using namespace keywarden::config;
using namespace keywarden::fuzz;

namespace {

/// Line and column, counted once more from the beginning.
position counted(std::string_view text, std::uint32_t offset) {
  position made{offset, 1, 1};
  std::uint32_t at = text.starts_with("\xef\xbb\xbf") ? 3 : 0;
  for (; at < offset; ++at) {
    const auto each = static_cast<unsigned char>(text[at]);
    const bool before_feed = each == '\r' && at + 1 < text.size() && text[at + 1] == '\n';
    if (each == '\n' || (each == '\r' && !before_feed)) {
      ++made.line;
      made.column = 1;
    } else if ((each & 0xc0U) != 0x80) {
      ++made.column;
    }
  }
  return made;
}

bool is_printable(std::string_view text) {
  while (!text.empty()) {
    const auto size = keywarden::detail::printable_size(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

void check_findings(std::string_view text, const finding_list& found) {
  require(found.size() <= finding_list::max_size + 1, "the list of findings is bounded");
  const bool counts_characters = !found.has(rule::bad_character) && !found.has(rule::limit);
  std::uint32_t last = 0;
  for (const auto& each : found) {
    require(each.where.offset <= text.size(), "a finding is in the text");
    require(each.where.offset >= last, "findings are in the order of the text");
    last = each.where.offset;
    if (counts_characters)
      require(each.where == counted(text, last), "a finding has its line and column");
    require(!each.what.empty(), "a finding says what is wrong");
    require(is_printable(each.text("file")), "a finding can be shown to a person");
  }
}

/// What stands once in the text, as the value of a secret setting, and nowhere else.
void check_secrets(std::string_view text, const checked_text& checked) {
  constexpr std::size_t least = 8;  // a shorter one may be said by accident
  for (const auto& role : checked.configuration.roles)
    for (const auto& each : role.settings)
      require(each.secret == is_secret_setting(each.name) && (!each.secret || each.value.empty()),
              "a secret is not in the model");
  finding_list ignored;
  const auto document = parse_xml(text, ignored);
  if (!document.well_formed) return;
  const auto told = checked.findings.text() + describe(checked.configuration);
  for (const auto& each : document.elements) {
    const auto* name = document.find_attribute(each, "name");
    const auto* value = document.find_attribute(each, "value");
    if (each.name != "Setting" || name == nullptr || value == nullptr) continue;
    if (!is_secret_setting(name->value())) continue;
    const auto secret = value->raw;
    if (secret.size() < least || text.find(secret) != text.rfind(secret)) continue;
    require(told.find(secret) == std::string::npos, "a secret is in no finding or description");
  }
}

bool denied(const service_configuration& of, std::string_view endpoint, std::string_view from) {
  const auto* acl = of.find_endpoint_acl(web_role, endpoint);
  if (acl == nullptr) return false;
  const auto rules = rules_of(of, acl->access_control);
  return rules && rules->decide(*admit::address::parse(from)) == acl_action::deny;
}

/// What a service may rely on without looking again.
void check_usable(const service_configuration& of) {
  const auto* web = of.find_role(web_role);
  require(web != nullptr && of.find_role(worker_role) != nullptr, "both roles are there");
  for (const auto from : {"127.0.0.1", "10.1.2.3", "100.100.0.1", "255.255.255.255", "0.0.0.0",
                          "::1", "::", "2001:db8::1", "ffff::ffff"})
    require(denied(of, http_endpoint, from), "nobody is let in by HTTP");
  for (const auto& each : of.endpoint_acls)
    require(rules_of(of, each.access_control).has_value(), "no name of rules dangles");
  for (const auto& role : of.roles)
    for (const auto& each : role.certificates)
      require(read_thumbprint(each.thumbprint).value.has_value(), "every thumbprint can be read");

  const auto settings = settings_of(*web);
  require(settings.max_requests != 0 && settings.max_concurrent_requests != 0 &&
              settings.request_interval.count() > 0,
          "limits let somebody in");
  require(settings.setup_web_app_for_client_certificates ==
              settings.setup_webserver_for_client_certificates,
          "both set-ups agree");
  const auto thumbprint = [&](std::string_view name) {
    return read_thumbprint(web->find_certificate(name)->thumbprint).value;
  };
  const auto ca = thumbprint(certificates::ca);
  if (settings.client_certificates_required())
    require(std::ranges::count(settings.additional_trusted_roots, *ca) > 0,
            "the authority is an additional root");
  else
    require(ca == thumbprint(certificates::ssl), "without clients' certificates CA is SSL");
}

/// Every setting of every role, in order, but for those of one name.
std::string others(const service_configuration& of, std::string_view but) {
  std::string made;
  for (const auto& role : of.roles) {
    made.append("role ").append(role.name.view()).append(1, '\0');
    for (const auto& each : role.settings)
      if (each.name != but)
        made.append(each.name.view()).append(1, '=').append(each.value.view()).append(1, '\0');
    for (const auto& each : role.certificates)
      made.append(each.name.view()).append(1, ':').append(each.thumbprint.view()).append(1, '\0');
  }
  return made;
}

std::size_t comments(std::string_view text) {
  std::size_t made = 0;
  for (auto at = text.find("<!--"); at != text.npos; at = text.find("<!--", at + 4)) ++made;
  return made;
}

void check_edit(std::string_view text, const checked_text& before) {
  auto opened = edit::open(text);
  if (!settled(opened, {errc::configuration_invalid, errc::limit_exceeded})) {
    require(!before.usable(), "what is usable can be changed");
    return;
  }
  require(opened->text() == text, "opening changes nothing");

  constexpr std::string_view hostile = "1&<>\"'\t\r\n \xe2\x80\x8e";
  for (const auto name : {names::max_requests, names::metadata}) {
    auto changed = edit::open(text).value();
    const auto set = changed.set_setting(name, hostile);
    if (!settled(set, {errc::not_found, errc::limit_exceeded})) {
      require(changed.text() == text, "a refused change changes nothing");
      continue;
    }
    const std::string once(changed.text());
    const auto after = check(once);
    require(others(after.configuration, name) == others(before.configuration, name),
            "a change is about one setting");
    require(comments(once) == comments(text), "comments stay");
    for (const auto& role : after.configuration.roles) {
      const auto* found = role.find_setting(name);
      if (found != nullptr && !found->secret)
        require(found->value == hostile, "a value comes back as it was set");
    }
    require(changed.set_setting(name, hostile).has_value() && changed.text() == once,
            "setting it again changes nothing");
    const auto finished = changed.finish();
    if (settled(finished, {errc::configuration_invalid, errc::limit_exceeded}))
      require(as_text(finished->view()) == once, "what is finished is what was changed");
  }
}

void check_turning_off(std::string_view text) {
  const auto off = turn_off_client_certificates(text, auth::allow_anonymous_i_accept_the_risk());
  if (!settled(off, {errc::configuration_invalid, errc::not_found, errc::limit_exceeded})) return;
  const auto after = check(as_text(off->view()));
  for (const auto rule : {rule::setups_disagree, rule::ca_is_not_ssl})
    require(!after.findings.has(rule), "turning off is three edits that agree");
  bool any = false;
  for (const auto& each : after.configuration.roles) {
    if (each.find_setting(names::setup_web_app) == nullptr) continue;
    require(!settings_of(each).client_certificates_required(), "what was turned off is off");
    any = true;
  }
  require(any, "something was turned off");
}

void check_text(std::string_view text) {
  const auto checked = check(text);
  check_findings(text, checked.findings);
  check_secrets(text, checked);
  for (const auto line : std::views::split(describe(checked.configuration), '\n'))
    require(is_printable({line.begin(), line.end()}), "a description can be shown to a person");
  const auto outcome = read(text, "fuzz");
  require(settled(outcome, {errc::configuration_invalid, errc::limit_exceeded}) == checked.usable(),
          "only what has no error configures anything");
  if (outcome) check_usable(*outcome);
  const auto strictly = check(text, strict);
  require(checked.usable() || !strictly.usable(), "strict accepts nothing more");
  check_findings(text, check_fragment(text).findings);
  for (const auto& role : checked.configuration.roles)
    static_cast<void>(
        settled(read_secret_setting(text, role.name),
                {errc::configuration_invalid, errc::limit_exceeded, errc::not_found}));
  check_edit(text, checked);
  check_turning_off(text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check_text(as_text(bytes_view(data, size)));
  return 0;
}
