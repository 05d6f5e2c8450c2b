// vault, smk and describe: the store as a whole and the root of the hierarchy.

#include <keywarden/store/copy.hpp>
#include <keywarden/vault/describe.hpp>

#include "commands.hpp"
#include "files.hpp"
#include "session.hpp"

namespace cli {

using keywarden::result;
using kind = option::kind;

namespace {

constexpr std::size_t largest_backup = std::size_t{1} << 20U;

std::string_view name_of(keywarden::protect::slot_report::outcome what) {
  using keywarden::protect::slot_report;
  switch (what) {
    case slot_report::outcome::opened:
      return "opens";
    case slot_report::outcome::did_not_fit:
      return "did not fit";
    case slot_report::outcome::not_usable:
      return "not usable";
  }
  return "unknown";
}

json ways_in(const keywarden::service_key_report& report) {
  auto rows = json::array();
  for (const auto& each : report.slots) {
    const bool repaired = std::ranges::count(report.repaired, each.scheme) != 0;
    rows.push_back({{"way_in", each.scheme},
                    {"outcome", repaired ? "made anew" : name_of(each.what)},
                    {"why", each.why ? json(each.why->message()) : json()}});
  }
  return rows;
}

std::string sentence(const keywarden::service_key_report& report) {
  return report.healthy()
             ? "The service master key opens in every way that is provided for."
             : "The service master key opens, but not in every way that is provided for.";
}

answer service_key_answer(const vault& opened) {
  const auto key = opened.service_master_key();
  answer made(sentence(key.report()));
  made.facts["healthy"] = key.report().healthy();
  made.facts["ways_in"] = ways_in(key.report());
  return made;
}

// Who may not write where a machine's or an account's secret is kept is told that it may be
// elsewhere.
keywarden::error with_another_place(const context& at, keywarden::error why) {
  namespace protect = keywarden::protect;
  const auto file = std::string(why.value_of(keywarden::fact::file));
  const auto is = [&](std::string_view option_name, const std::filesystem::path& otherwise) {
    return file == at.call.value(option_name).value_or(otherwise.string());
  };
  const bool of_the_place =
      why.code() == keywarden::errc::io_failed || why.code() == keywarden::errc::secret_unavailable;
  if (!of_the_place || !why.value_of(keywarden::fact::next_step).empty() ||
      (!is("machine-secret", protect::machine().file().path()) &&
       !is("account-secret", protect::account::default_path())))
    return why;
  return std::move(why).with(
      keywarden::fact::next_step,
      "name a file that this account may write with --machine-secret or --account-secret, here and "
      "in every later command, or let root make the vault");
}

result<answer> vault_init(context& at) {
  auto records = open_records(at, true);
  if (!records) return records.error();
  auto made = vault::open_or_create(std::move(*records), protector_of(at.call), password_rules());
  if (!made) return with_another_place(at, made.error());
  const bool created = made->service_master_key().report().created;
  answer said(created
                  ? "Made a vault. Back up its service master key next, and keep that elsewhere: "
                    "keywarden smk backup --output FILE"
                  : "There was a vault already: nothing was changed.");
  said.facts["created"] = created;
  return said;
}

result<answer> store_copy(context& at) {
  for (const std::size_t each : {0U, 1U})
    if (auto sound = no_password_in(at.call.operand(each)); !sound) return sound.error();
  auto from = open_place(at.call.operand(0), false);
  if (!from) return from.error();
  auto to = open_place(at.call.operand(1), true);
  if (!to) return to.error();
  const auto count = keywarden::store::copy_records(*from, *to);
  if (!count) return count.error();
  answer made("Copied " + std::to_string(*count) +
              " records, and read them again. The store that they were copied from is unchanged.");
  made.facts["records"] = *count;
  return made;
}

result<answer> vault_status(context& at) {
  auto opened = open_vault(at);
  if (!opened) return opened.error();
  auto databases = opened->status();
  if (!databases) return databases.error();
  auto made = service_key_answer(*opened);
  auto& rows = made.facts["databases"] = json::array();
  for (const auto& each : *databases) {
    made.facts["healthy"] = made.facts["healthy"].get<bool>() && each.problem.empty();
    rows.push_back({{"database", each.name},
                    {"master_key", each.has_master_key},
                    {"opens_automatically", each.opens_automatically},
                    {"problem", each.problem.empty() ? json() : json(each.problem)}});
  }
  auto due = opened->rotations_due();
  if (!due) return due.error();
  auto& old = made.facts["in_use_for_90_days"] = json::array();
  for (const auto& each : *due) old.push_back({{"key", each.name}, {"kind", each.kind}});
  return made;
}

result<answer> smk_status(context& at) {
  auto opened = open_vault(at);
  if (!opened) return opened.error();
  return service_key_answer(*opened);
}

result<answer> smk_backup(context& at) {
  auto output = required(at, "output");
  if (!output) return output.error();
  auto opened = open_vault(at);
  if (!opened) return opened.error();
  auto protection = read_password(at.call, "backup-password");
  if (!protection) return protection.error();
  auto data = opened->service_master_key().backup(*protection);
  if (!data) return data.error();
  return said(write_file(*output, at.call.has("overwrite"), *data),
              "Backed up the service master key to " + *output +
                  ". Keep it, and its password, somewhere else.");
}

result<answer> smk_restore(context& at) {
  auto input = required(at, "input");
  if (!input) return input.error();
  auto data = read_file(*input, largest_backup);
  if (!data) return data.error();
  auto opened = open_vault_or_recover(at);
  if (!opened) return opened.error();
  auto protection = read_password(at.call, "backup-password");
  if (!protection) return protection.error();
  auto key = opened->service_master_key();
  const std::string done = "Restored the service master key. Everything below it was carried over.";
  if (!at.call.has("force")) return said(key.restore(data->view(), *protection), done);
  return force(at, key.plan_restore(data->view(), *protection), [&](keywarden::loss_plan plan) {
    return said(key.execute(std::move(plan)), "Restored the service master key.");
  });
}

result<answer> smk_regenerate(context& at) {
  auto opened = at.call.has("force") ? open_vault_or_recover(at) : open_vault(at);
  if (!opened) return opened.error();
  auto key = opened->service_master_key();
  if (!at.call.has("force"))
    return said(key.regenerate(),
                "Made a new service master key. Everything below it was carried over. Back it up.");
  return force(at, key.plan_regenerate(), [&](keywarden::loss_plan plan) {
    return said(key.execute(std::move(plan)), "Made a new service master key. Back it up.");
  });
}

result<answer> smk_change_account(context& at) {
  if (!at.call.has("new-account-secret") && !at.call.has("new-machine-secret") &&
      !at.call.has("new-machine-id"))
    return usage_error(
        "nothing to change: give --new-account-secret, --new-machine-secret or --new-machine-id",
        "smk change-account");
  auto opened = open_vault(at);
  if (!opened) return opened.error();
  return said(opened->service_master_key().change_service_key(protector_of(at.call, "new-")),
              "The service master key now opens for the new account and machine, and no longer for "
              "the old ones.");
}

result<answer> describe_policy(context& at) {
  answer made;
  made.text = at.call.has("dot") ? keywarden::describe_dot<production>()
                                 : keywarden::describe<production>();
  made.facts[at.call.has("dot") ? "dot" : "markdown"] = made.text;
  return made;
}

}  // namespace

std::vector<command> vault_commands() {
  return {
      {"vault init",
       {},
       {},
       "Make a vault: a service master key that the account and the machine each open.",
       vault_init},
      {"vault status",
       {},
       {},
       "Open everything that opens by itself, and tell how it fares.",
       vault_status},
      {"smk status",
       {},
       {},
       "Tell how the ways into the service master key fare; repair what can be.",
       smk_status},
      {"smk backup",
       {},
       {options::backup_to, options::new_backup_password, options::overwrite},
       "Write the service master key to a file under a password.",
       smk_backup},
      {"smk restore",
       {},
       {options::backup_from, options::backup_password, options::force, options::accept_losses},
       "Put a backed-up service master key in place.\n"
       "Works when account and machine have both changed. Without --force all is carried over or "
       "nothing changes.",
       smk_restore},
      {"smk regenerate",
       {},
       {options::force, options::accept_losses},
       "Replace the service master key by a new one.\n"
       "Everything below it is carried over, or nothing changes; --force leaves behind what cannot "
       "be opened.",
       smk_regenerate},
      {"smk change-account",
       {},
       {{"new-account-secret", kind::value, "FILE",
         "the new account's secret; made unless it exists"},
        {"new-machine-secret", kind::value, "FILE",
         "the new machine's secret; made unless it exists"},
        {"new-machine-id", kind::value, "FILE", "what names the new machine"}},
       "Change who opens the service master key, while the present account or machine still does.",
       smk_change_account},
      {"store copy",
       {"FROM", "TO"},
       {},
       "Copy every record of a store to one that has none, such as a SQLite database to "
       "PostgreSQL.",
       store_copy},
      {"describe",
       {},
       {{"dot", kind::flag, {}, "as a graph for Graphviz"}},
       "Tell what this tool is composed of, what that survives, and how strong it is.",
       describe_policy},
  };
}

}  // namespace cli
