// key: the symmetric keys that seal data.

#include <algorithm>
#include <limits>

#include "commands.hpp"
#include "session.hpp"

namespace cli {

using keywarden::errc;
using keywarden::error;
using keywarden::fact;
using keywarden::key_id;
using keywarden::object_name;
using keywarden::password;
using keywarden::result;
using kind = option::kind;

namespace by = keywarden::by;

namespace {

constexpr option protectors{
    "by", kind::list, "WHAT",
    "master-key (the default), password, certificate:NAME, asymmetric-key:NAME or "
    "symmetric-key:NAME; may be repeated"};
constexpr option fresh_password{"new-password", kind::new_password, "the key itself",
                                "needed with --by password"};

// Calls `use` with what `--by WHAT` names; `own` opens a private key that is under a password.
result<void> with_protector(const context& at, std::string_view what, const password* own,
                            const auto& use) {
  const auto colon = what.find(':');
  const auto form = what.substr(0, colon);
  const auto rest = colon == std::string_view::npos ? std::string_view() : what.substr(colon + 1);
  if (what == "master-key") return use(by::master_key{});
  if (what == "password") {
    auto fresh = read_password(at.call, fresh_password.name);
    if (!fresh) return fresh.error();
    return use(by::password{std::move(*fresh)});
  }
  if (form != "certificate" && form != "asymmetric-key" && form != "symmetric-key")
    return usage_error("--by takes " + std::string(protectors.help), "key create");
  auto name = object_name::parse(rest);
  if (!name) return name.error();
  if (form == "certificate") return use(by::certificate{*name, own});
  if (form == "asymmetric-key") return use(by::asymmetric_key{*name, own});
  return use(by::symmetric_key{*name});
}

result<answer> with_named_key(
    context& at,
    const std::function<result<answer>(database&, const object_name&, const password*)>& use) {
  auto name = name_operand(at, 1);
  if (!name) return name.error();
  return with_keys(at, [&](database& in, const password* own) { return use(in, *name, own); });
}

// The same for a key that there is: its own password is refused where it does not fit.
result<answer> with_present_key(
    context& at,
    const std::function<result<answer>(database&, const object_name&, const password*)>& use) {
  return with_named_key(
      at, [&](database& in, const object_name& name, const password* own) -> result<answer> {
        if (auto fits = given_password_fits(at, in, name, own); !fits) return fits.error();
        return use(in, name, own);
      });
}

// The password that is given may be that of a private key, which is opened with it.
bool names_private_key(std::span<const std::string> all) {
  return std::ranges::any_of(all, [](const std::string& each) {
    return each.starts_with("certificate:") || each.starts_with("asymmetric-key:");
  });
}

result<void> add_protectors(context& at, database& in, const object_name& name,
                            std::span<const std::string> all, const password* own) {
  for (const auto& each : all) {
    auto added = with_protector(at, each, own, [&](const auto& protector) {
      return in.keys().add_protector(name, protector, own);
    });
    if (!added) return added;
  }
  return keywarden::done();
}

result<answer> key_create(context& at) {
  if (at.call.has(options::key_password.name) && !names_private_key(at.call.values("by")))
    return usage_error(
        "--key-password is that of a certificate or asymmetric key that --by names; a new "
        "password is --new-password",
        "key create");
  return with_named_key(
      at, [&](database& in, const object_name& name, const password* own) -> result<answer> {
        auto all = at.call.values("by");
        if (all.empty()) all.emplace_back("master-key");
        password chosen;  // opens the key for the protectors that are added to it
        auto made = with_protector(at, all.front(), own, [&](const auto& first) {
          if constexpr (requires { first.secret; }) chosen = first.secret.duplicate();
          return in.keys().create(name, first);
        });
        if (!made) return made.error();
        const auto* opens = own == nullptr && all.front() == "password" ? &chosen : own;
        auto rest = add_protectors(at, in, name, std::span(all).subspan(1), opens);
        if (!rest && !in.keys().drop(name))
          return error(rest.error())
              .with(fact::next_step, "the key exists without that protector: drop it");
        return said(rest, "Made the key " + name.text() + ".");
      });
}

json version_rows(const keywarden::record_header& header) {
  auto rows = json::array();
  for (const auto& each : header.versions)
    rows.push_back({{"version", each.id.value()},
                    {"state", name_of(each.state)},
                    {"created", each.created.time_since_epoch().count()},
                    {"leased_messages", each.leased_messages}});
  return rows;
}

result<answer> key_list(context& at) {
  return in_database(at, [](database& in) -> result<answer> {
    auto names = in.keys().list();
    if (!names) return names.error();
    answer made;
    auto& rows = made.facts["keys"] = json::array();
    for (const auto& text : *names) {
      auto name = object_name::parse(text);
      if (!name) return name.error();
      auto header = in.keys().header(*name);
      if (!header) return header.error();
      json protected_by = json::array();
      for (const auto& each : header->slots) protected_by.push_back(each.label);
      const auto active = std::ranges::find(header->versions, keywarden::key_state::active,
                                            &keywarden::version_info::state);
      rows.push_back(
          {{"name", text},
           {"active_version", active == header->versions.end() ? json() : json(active->id.value())},
           {"versions", header->versions.size()},
           {"protected_by", protected_by}});
    }
    if (names->empty()) made.text = "none";
    return made;
  });
}

result<answer> key_show(context& at) {
  return with_named_key(
      at, [](database& in, const object_name& name, const password*) -> result<answer> {
        auto header = in.keys().header(name);
        if (!header) return header.error();
        answer made;
        made.facts["name"] = name.text();
        made.facts["versions"] = version_rows(*header);
        auto& rows = made.facts["protectors"] = json::array();
        for (const auto& each : header->slots)
          rows.push_back({{"slot", each.id}, {"by", each.label}, {"scheme", each.scheme()}});
        return made;
      });
}

answer version_answer(std::string_view what, key_id version) {
  answer made;
  made.text = std::string(what) + std::to_string(version.value()) + ".";
  made.facts["version"] = version.value();
  return made;
}

result<answer> key_rotate(context& at) {
  return with_present_key(
      at, [](database& in, const object_name& name, const password* own) -> result<answer> {
        auto made = in.keys().rotate(name, own);
        if (!made) return made.error();
        return version_answer("What was sealed before still opens. From now on seals version ",
                              *made);
      });
}

result<answer> key_add_version(context& at) {
  return with_present_key(
      at, [](database& in, const object_name& name, const password* own) -> result<answer> {
        auto made = in.keys().add_version(name, own);
        if (!made) return made.error();
        return version_answer("Opens, and seals once it is promoted: version ", *made);
      });
}

// One of the operations on a version: promote, disable, enable, destroy.
template <auto Operation>
result<answer> change_version(context& at) {
  auto number =
      parse_number(at.call.operand(2), "VERSION", std::numeric_limits<std::uint32_t>::max());
  if (!number) return number.error();
  const key_id version(static_cast<std::uint32_t>(*number));
  return with_present_key(at, [&](database& in, const object_name& name, const password* own) {
    auto keys = in.keys();
    return said((keys.*Operation)(name, version, own),
                "Done with version " + std::to_string(version.value()) + ".");
  });
}

result<answer> key_add_protector(context& at) {
  const auto all = at.call.values("by");
  if (all.empty()) return usage_error("--by is needed", "key add-protector");
  const auto& with_it = names_private_key(all) ? with_named_key : with_present_key;
  return with_it(at, [&](database& in, const object_name& name, const password* own) {
    return said(add_protectors(at, in, name, all, own), "The key is protected by that as well.");
  });
}

result<answer> key_drop_protector(context& at) {
  return with_present_key(at, [&](database& in, const object_name& name, const password* own) {
    return said(in.keys().drop_protector(name, at.call.operand(2), own),
                "That no longer opens the key. It still opens copies of the store made earlier.");
  });
}

result<answer> key_drop(context& at) {
  return with_named_key(at, [](database& in, const object_name& name, const password*) {
    return said(in.keys().drop(name),
                "Dropped the key " + name.text() + ". What it sealed is lost.");
  });
}

}  // namespace

std::vector<command> key_commands() {
  using keys = decltype(std::declval<database>().keys());
  const std::vector<option> opening{options::master_key_password, options::key_password};
  const std::vector<std::string_view> key{"DATABASE", "KEY"};
  const std::vector<std::string_view> version{"DATABASE", "KEY", "VERSION"};
  return {
      {"key create",
       key,
       {protectors, fresh_password, options::master_key_password, options::key_password},
       "Make a key that seals data.\n"
       "Each --by is one way to open it. Name the weakest first: the key's floor is set by the "
       "first, and what would\n"
       "undercut it is refused.",
       key_create},
      {"key list",
       {"DATABASE"},
       {},
       "List the keys with their versions and what protects them.",
       key_list},
      {"key show", key, {}, "Show a key's versions and protectors.", key_show},
      {"key rotate", key, opening, "Seal with a new version from now on; the old ones still open.",
       key_rotate},
      {"key add-version", key, opening, "Add a version that opens but does not seal yet.",
       key_add_version},
      {"key promote", version, opening, "Let a version seal from now on.",
       change_version<&keys::promote>},
      {"key disable", version, opening, "Stop a version from opening.",
       change_version<&keys::disable>},
      {"key enable", version, opening, "Let a disabled version open again.",
       change_version<&keys::enable>},
      {"key destroy", version, opening, "Wipe a disabled version: what it sealed is lost.",
       change_version<&keys::destroy>},
      {"key add-protector",
       key,
       {protectors, fresh_password, options::master_key_password, options::key_password},
       "Let one more thing open the key.",
       key_add_protector},
      {"key drop-protector",
       {"DATABASE", "KEY", "SLOT"},
       opening,
       "Let a protector open the key no longer; `key show` tells the slots.",
       key_drop_protector},
      {"key drop", key, {}, "Drop a key: what it sealed is lost.", key_drop},
  };
}

}  // namespace cli
