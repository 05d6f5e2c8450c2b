// scale-out: many instances, one key, in a store that they share.

#include <unistd.h>

#include <keywarden/vault/scale_out.hpp>

#include "commands.hpp"
#include "files.hpp"
#include "session.hpp"

namespace cli {

using keywarden::errc;
using keywarden::error;
using keywarden::fact;
using keywarden::result;
using kind = option::kind;

namespace {

using farm = keywarden::scale_out<vault, production::store>;

constexpr std::size_t largest_backup = std::size_t{1} << 20U;

// --store is the store of all here, and --vault the instance's own.
constexpr option own_vault{"vault", kind::value, "PLACE",
                           "this instance's own vault (default: $KEYWARDEN_VAULT)"};
constexpr option deployment_option{"deployment", kind::value, "NAME",
                                   "which deployment in the store (default: default)"};
constexpr option instance_name{"name", kind::value, "NAME",
                               "what people call this instance (default: the host's name)"};

/// What every command works on.
struct place {
  vault own;
  production::store shared;
  keywarden::object_name deployment;
  std::string name;
};

std::string host_name() {
  char host[64] = {};
  return ::gethostname(host, sizeof(host) - 1) == 0 ? host : "";
}

result<vault> open_own(context& at, bool may_create) {
  const char* fallback = std::getenv("KEYWARDEN_VAULT");
  const auto given = at.call.value("vault");
  if (given)
    if (auto sound = no_password_in(*given); !sound) return sound.error();
  const auto where = given.value_or(fallback != nullptr ? fallback : "");
  if (where.empty())
    return error(errc::invalid_argument)
        .with(fact::reason, "no vault was named")
        .with(fact::next_step,
              "give --vault PLACE or set KEYWARDEN_VAULT: every instance has a vault of its own, "
              "beside the store that all share");
  auto records = open_place(where, may_create);
  if (!records) return records.error();
  auto opened =
      may_create
          ? vault::open_or_create(std::move(*records), protector_of(at.call), password_rules())
          : vault::open(std::move(*records), protector_of(at.call), password_rules());
  if (opened) remember_repairs(at, *opened);
  return opened;
}

result<place> places(context& at, bool may_create) {
  auto own = open_own(at, may_create);
  if (!own) return own.error();
  auto shared = open_records(at, may_create);
  if (!shared) return shared.error();
  auto deployment = keywarden::object_name::parse(at.call.value("deployment").value_or("default"));
  if (!deployment) return deployment.error();
  return place{std::move(*own), std::move(*shared), *deployment,
               at.call.value("name").value_or(host_name())};
}

using with_member = std::function<result<answer>(farm&)>;

result<answer> as_member(context& at, const with_member& use) {
  auto all = places(at, false);
  if (!all) return all.error();
  auto member = farm::open(all->own, std::move(all->shared), all->deployment);
  if (!member) return member.error();
  return use(*member);
}

std::string hex_of(const keywarden::installation_id& id) { return keywarden::to_hex(id.view()); }

result<keywarden::installation_id> installation(std::string_view text, std::string_view what) {
  auto id = keywarden::strong_from_hex<keywarden::installation_id>(text);
  if (!id)
    return error(errc::invalid_argument)
        .with(fact::name, what)
        .with(fact::reason, "not 32 hexadecimal digits")
        .with(fact::next_step, "keywarden scale-out members lists them");
  return *id;
}
result<keywarden::installation_id> installation_operand(const context& at) {
  return installation(at.call.operand(0), "INSTALLATION");
}

result<answer> init(context& at) {
  auto all = places(at, true);
  if (!all) return all.error();
  auto made = farm::open_or_create(all->own, std::move(all->shared), all->deployment, all->name);
  if (!made) return made.error();
  auto members = made->members();
  if (!members) return members.error();
  answer said("This instance is a member of the deployment \"" + all->deployment.text() +
              "\". Back the shared key up next, and keep that elsewhere: keywarden scale-out "
              "extract --output FILE");
  said.facts["members_count"] = members->size();
  return said;
}

result<answer> join(context& at) {
  auto all = places(at, true);
  if (!all) return all.error();
  if (const auto shown = at.call.value("confirm")) {
    auto code = keywarden::verification_code::parse(*shown);
    if (!code) return code.error();
    auto joined = farm::join(all->own, std::move(all->shared), all->deployment, *code);
    if (!joined) return joined.error();
    return answer("Joined: this instance is a member now.");
  }
  auto ticket = farm::ask_to_join(all->own, std::move(all->shared), all->deployment, all->name);
  if (!ticket) return ticket.error();
  const auto id = hex_of(ticket->installation);
  answer said(
      "Asked to join. Read this out to the operator of a member, over another channel than "
      "the database:\n\n  installation " +
      id + "\n  fingerprint  " + ticket->fingerprint.text() +
      "\n\nThere: keywarden scale-out approve " + id + " --fingerprint " +
      ticket->fingerprint.text() +
      "\nThat shows a confirmation. Here, with it: keywarden scale-out join --confirm "
      "CONFIRMATION");
  if (at.for_machines())
    said.facts = {{"installation", id}, {"fingerprint", ticket->fingerprint.text()}};
  return said;
}

result<answer> requests(context& at) {
  return as_member(at, [](farm& member) -> result<answer> {
    auto asking = member.requests();
    if (!asking) return asking.error();
    answer made;
    auto& rows = made.facts["requests"] = json::array();
    for (const auto& each : *asking)
      rows.push_back({{"installation", hex_of(each.installation)}, {"claims_to_be", each.name}});
    if (asking->empty()) made.text = "none";
    return made;
  });
}

result<answer> approve(context& at) {
  auto id = installation_operand(at);
  if (!id) return id.error();
  auto shown = required(at, "fingerprint");
  if (!shown) return shown.error();
  auto fingerprint = keywarden::verification_code::parse(*shown);
  if (!fingerprint) return fingerprint.error();
  return as_member(at, [&](farm& member) -> result<answer> {
    auto confirmation = member.approve(*id, *fingerprint);
    if (!confirmation) return confirmation.error();
    answer said("Approved. Read this out to the operator of the new instance:\n\n  confirmation " +
                confirmation->text() + "\n\nThere: keywarden scale-out join --confirm " +
                confirmation->text());
    if (at.for_machines()) said.facts["confirmation"] = confirmation->text();
    return said;
  });
}

result<answer> members(context& at) {
  return as_member(at, [](farm& member) -> result<answer> {
    auto listed = member.members();
    if (!listed) return listed.error();
    auto versions = member.versions();
    if (!versions) return versions.error();
    answer made;
    auto& rows = made.facts["members"] = json::array();
    for (const auto& each : *listed) {
      const auto unseen = std::ranges::count_if(*versions, [&](const auto& version) {
        return version.state != keywarden::key_state::destroyed &&
               std::ranges::count(each.seen, version.id) == 0;
      });
      rows.push_back({{"installation", hex_of(each.installation)},
                      {"name", each.name},
                      {"this_instance", each.self},
                      {"versions_not_seen", unseen},
                      {"seals_with", each.seals_with ? json(each.seals_with->value()) : json()}});
    }
    auto& keys = made.facts["versions"] = json::array();
    for (const auto& each : *versions)
      keys.push_back({{"version", each.id.value()},
                      {"state", keywarden::name_of(each.state)},
                      {"leased_messages", each.leased_messages}});
    return made;
  });
}

result<answer> leave(context& at) {
  auto id = installation_operand(at);
  if (!id) return id.error();
  return as_member(at, [&](farm& member) {
    return said(member.leave(*id),
                "Removed the member. It still knows the key that it had: keywarden scale-out "
                "rotate makes that useless for new messages.");
  });
}

result<answer> leave_and_rotate(context& at) {
  auto id = installation_operand(at);
  if (!id) return id.error();
  return as_member(at, [&](farm& member) -> result<answer> {
    auto version = member.leave_and_rotate(*id);
    if (!version) return version.error();
    answer made(
        "Removed the member, and rotated the key: it opens nothing that is sealed from now "
        "on. What was sealed before, it can still open: seal it again.");
    if (at.for_machines()) made.facts["version"] = version->value();
    return made;
  });
}

result<answer> rotate(context& at) {
  std::uint64_t seconds = 30;
  if (const auto given = at.call.value("patience")) {
    auto number = parse_number(*given, "--patience", 86400);
    if (!number) return number.error();
    seconds = *number;
  }
  return as_member(at, [&](farm& member) -> result<answer> {
    auto version = member.rotate(std::chrono::seconds(seconds));
    if (!version) return version.error();
    answer made("Rotated the key, after every member had the new version.");
    if (at.for_machines()) made.facts["version"] = version->value();
    return made;
  });
}

template <result<void> (farm::*Change)(keywarden::key_id)>
result<answer> change_version(context& at, std::string_view text) {
  auto number = parse_number(at.call.operand(0), "VERSION", 0xffffffffU);
  if (!number) return number.error();
  return as_member(at, [&](farm& member) {
    return said((member.*Change)(keywarden::key_id(static_cast<std::uint32_t>(*number))),
                std::string(text));
  });
}
result<answer> promote(context& at) {
  return change_version<&farm::promote>(at, "The version seals now.");
}
result<answer> disable(context& at) {
  return change_version<&farm::disable>(at, "The version opens nothing until it is enabled again.");
}
result<answer> enable(context& at) {
  return change_version<&farm::enable>(at, "The version opens again.");
}
result<answer> destroy(context& at) {
  return change_version<&farm::destroy>(at, "The version is gone, and what it sealed is lost.");
}

result<answer> recreate(context& at) {
  return as_member(at, [&](farm& member) -> result<answer> {
    auto version = member.recreate();
    if (!version) return version.error();
    answer made(
        "Re-created the key: every shared secret is sealed again, and every member has a "
        "new copy. Seal again what your programs keep; then disable and destroy the version "
        "before.");
    if (at.for_machines()) made.facts["version"] = version->value();
    return made;
  });
}

result<answer> extract(context& at) {
  auto output = required(at, "output");
  if (!output) return output.error();
  auto protection = read_password(at.call, "backup-password");
  if (!protection) return protection.error();
  return as_member(at, [&](farm& member) -> result<answer> {
    auto file = member.extract(*protection);
    if (!file) return file.error();
    return said(write_file(*output, at.call.has("overwrite"), *file),
                "Backed up the shared key to " + *output + ". One file serves all instances.");
  });
}

result<answer> apply(context& at) {
  auto input = required(at, "input");
  if (!input) return input.error();
  auto file = read_file(*input, largest_backup);
  if (!file) return file.error();
  auto protection = read_password(at.call, "backup-password");
  if (!protection) return protection.error();
  keywarden::apply_options options;
  for (const auto& each : at.call.values("give-up")) {
    auto number = parse_number(each, "--give-up", 0xffffffffU);
    if (!number) return number.error();
    options.gives_up.emplace_back(static_cast<std::uint32_t>(*number));
  }
  if (const auto replaced = at.call.value("replaces")) {
    auto id = installation(*replaced, "--replaces");
    if (!id) return id.error();
    options.replaces = *id;
  }
  options.cuts_off_members = at.call.has("cut-off-members");
  auto all = places(at, true);
  if (!all) return all.error();
  auto applied = farm::apply(all->own, std::move(all->shared), all->deployment, all->name,
                             file->view(), *protection, options);
  if (!applied) return applied.error();
  return answer(
      "The backup is in place: this instance is a member, and a fresh version seals. Back the key "
      "up "
      "again.");
}

result<answer> delete_content(context& at) {
  return as_member(at, [&](farm& member) -> result<answer> {
    auto plan = member.plan_deletion();
    if (!plan) return plan.error();
    const auto count = plan->secrets().size() + plan->versions().size();
    std::uint64_t accepted = 0;
    if (const auto given = at.call.value("accept-losses")) {
      auto number = parse_number(*given, "--accept-losses", 1000000);
      if (!number) return number.error();
      accepted = *number;
    }
    answer shown("This would destroy, for good:");
    auto& rows = shown.facts["losses"] = json::array();
    for (const auto& each : plan->versions())
      rows.push_back({{"kind", "key version"}, {"name", std::to_string(each.value())}});
    for (const auto& each : plan->secrets()) rows.push_back({{"kind", "secret"}, {"name", each}});
    if (accepted != count) {
      show(shown, at.for_machines());
      return error(errc::would_lose)
          .with(fact::limit, accepted)
          .with(fact::actual, count)
          .with(fact::next_step,
                "read the plan; --accept-losses " + std::to_string(count) + " carries it out");
    }
    return said(member.delete_content(*plan),
                "Destroyed the key and all that it sealed, and made a new one. Back it up.");
  });
}

result<answer> forget(context& at) {
  auto own = open_own(at, false);
  if (!own) return own.error();
  auto deployment = keywarden::object_name::parse(at.call.value("deployment").value_or("default"));
  if (!deployment) return deployment.error();
  return said(farm::forget(*own, *deployment),
              "Forgot the deployment: to come back, this instance must join again.");
}

result<answer> put_secret(context& at) {
  auto name = name_operand(at, 0);
  if (!name) return name.error();
  auto secret = read_secret(at.call, "secret");
  if (!secret) return secret.error();
  return as_member(at, [&](farm& member) {
    return said(member.secrets().put(*name, secret->view()),
                "Stored the secret " + name->text() + " for all members.");
  });
}

result<answer> get_secret(context& at) {
  auto name = name_operand(at, 0);
  if (!name) return name.error();
  const auto output = at.call.value("output");
  if (at.for_machines() && !output)
    return usage_error("--json needs --output: a secret is not put into JSON",
                       "scale-out secret get");
  return as_member(at, [&](farm& member) -> result<answer> {
    auto secret = member.secrets().get(*name);
    if (!secret) return secret.error();
    if (output)
      return said(write_file(*output, at.call.has("overwrite"), secret->view()),
                  "Wrote the secret " + name->text() + " to " + *output + ".");
    keywarden::fd_sink out(STDOUT_FILENO);
    if (auto written = out.write(secret->view()); !written) return written.error();
    return answer(::isatty(STDOUT_FILENO) == 1 ? "\n" : "");
  });
}

result<answer> list_secrets(context& at) {
  return as_member(at, [](farm& member) { return listed(member.secrets().list(), "secrets"); });
}

result<answer> drop_secret(context& at) {
  auto name = name_operand(at, 0);
  if (!name) return name.error();
  return as_member(at, [&](farm& member) {
    return said(member.secrets().drop(*name), "Dropped " + name->text() + ".");
  });
}

}  // namespace

std::vector<command> scale_out_commands() {
  std::vector<command> all{
      {"scale-out init",
       {},
       {instance_name},
       "Make a deployment, with this instance as its first member.\n"
       "--store is the store that all instances share; each has a --vault of its own.",
       init},
      {"scale-out join",
       {},
       {instance_name,
        {"confirm", kind::value, "CONFIRMATION", "what the member that approved has shown"}},
       "Ask to join a deployment; and, once approved, join it.\n"
       "Two codes are compared out of band, so that whoever can write the database can neither let "
       "itself in nor be taken for the deployment.",
       join},
      {"scale-out requests", {}, {}, "List the instances that ask to join.", requests},
      {"scale-out approve",
       {"INSTALLATION"},
       {{"fingerprint", kind::value, "FINGERPRINT", "what the operator of that instance read out"}},
       "Let an instance in: wrap the shared key for its public key.",
       approve},
      {"scale-out members",
       {},
       {},
       "List the members, the versions of the key, and who has not seen which.",
       members},
      {"scale-out leave",
       {"INSTALLATION"},
       {},
       "Remove a member, from any member, also from itself. The key is not rotated.",
       leave},
      {"scale-out leave-and-rotate",
       {"INSTALLATION"},
       {},
       "Remove a member and rotate the key: it opens nothing sealed from then on.",
       leave_and_rotate},
      {"scale-out rotate",
       {},
       {{"patience", kind::value, "SECONDS", "how long to wait for the members (default: 30)"}},
       "Rotate the key in two roll-outs: everybody has the new version before anybody seals with "
       "it.",
       rotate},
      {"scale-out promote",
       {"VERSION"},
       {},
       "Finish a rotation that a member had not seen in time.",
       promote},
      {"scale-out disable", {"VERSION"}, {}, "Stop a version from opening.", disable},
      {"scale-out enable", {"VERSION"}, {}, "Let a disabled version open again.", enable},
      {"scale-out destroy", {"VERSION"}, {}, "Destroy a disabled version, for good.", destroy},
      {"scale-out recreate",
       {},
       {},
       "Re-create a key that may be known to others; seals every shared secret again.",
       recreate},
      {"scale-out extract",
       {},
       {options::backup_to, options::new_backup_password, options::overwrite},
       "Write the shared key to a file under a password.",
       extract},
      {"scale-out apply",
       {},
       {options::backup_from,
        options::backup_password,
        instance_name,
        {"replaces", kind::value, "INSTALLATION", "whose copy of the key this instance takes over"},
        {"give-up", kind::list, "VERSION", "a version in the store that the backup does not have"},
        {"cut-off-members",
         kind::flag,
         {},
         "go on although members must then apply the backup as well, or join again"}},
       "Put a backup of the shared key in place, and make this instance a member with it.",
       apply},
      {"scale-out delete",
       {},
       {options::accept_losses},
       "Destroy the key and every shared secret, and start again with a new key.",
       delete_content},
      {"scale-out forget", {}, {}, "Forget what this instance keeps of a deployment.", forget},
      {"scale-out secret put",
       {"NAME"},
       {{"secret", kind::new_password, "that name", {}}},
       "Store a secret for all members, in place of one of this name.",
       put_secret},
      {"scale-out secret get",
       {"NAME"},
       {{"output", kind::value, "FILE", "where the secret goes (default: standard output)"},
        options::overwrite},
       "Give a secret.",
       get_secret},
      {"scale-out secret list", {}, {}, "List the names.", list_secrets},
      {"scale-out secret drop", {"NAME"}, {}, "Drop a secret.", drop_secret},
  };
  for (auto& each : all) {
    each.options.push_back(own_vault);
    each.options.push_back(deployment_option);
  }
  return all;
}

}  // namespace cli
