// db and dmk: databases and their master keys.

#include "commands.hpp"
#include "files.hpp"
#include "session.hpp"

namespace cli {

using keywarden::errc;
using keywarden::result;
using kind = option::kind;

namespace {

constexpr std::size_t largest_backup = std::size_t{1} << 20U;

constexpr option new_master_key_password{
    "new-password", kind::new_password, "the database master key", {}};

result<answer> db_create(context& at) {
  auto name = name_operand(at, 0);
  if (!name) return name.error();
  auto opened = open_vault(at);
  if (!opened) return opened.error();
  auto made = opened->create_database(*name);
  if (!made) return made.error();
  return answer("Made the database " + name->text() + ". Next: keywarden dmk create " +
                name->text());
}

result<answer> db_list(context& at) {
  auto opened = open_vault(at);
  if (!opened) return opened.error();
  auto names = opened->databases();
  if (!names) return names.error();
  std::vector<std::string> texts;
  for (const auto& each : *names) texts.push_back(each.text());
  return listed(texts, "databases");
}

result<answer> db_drop(context& at) {
  auto name = name_operand(at, 0);
  if (!name) return name.error();
  auto opened = open_vault(at);
  if (!opened) return opened.error();
  return said(opened->drop_database(*name), "Dropped the database " + name->text() + ".");
}

result<answer> db_encryptions(context& at) {
  return in_database(at, [](database& in) -> result<answer> {
    auto encryptions = in.key_encryptions();
    if (!encryptions) return encryptions.error();
    answer made;
    auto& rows = made.facts["encryptions"] = json::array();
    for (const auto& each : *encryptions)
      rows.push_back({{"key", each.key},
                      {"kind", each.kind},
                      {"crypt_type", each.crypt_type},
                      {"scheme", each.scheme},
                      {"by", each.by},
                      {"slot", each.slot}});
    return made;
  });
}

// Reads a new password before anything is opened, and then works with the master key.
result<answer> with_new_password(
    context& at, std::string_view name,
    const std::function<result<answer>(database&, const keywarden::password&)>& use) {
  auto read = read_password(at.call, name);
  if (!read) return read.error();
  return with_keys(at, [&](database& in, const keywarden::password*) { return use(in, *read); });
}

result<answer> dmk_create(context& at) {
  return with_new_password(at, "new-password", [](database& in, const keywarden::password& fresh) {
    return said(in.master_key().create(fresh), "Made the master key of " + in.name().text() +
                                                   ". Back it up: keywarden dmk backup");
  });
}

result<answer> dmk_open(context& at) {
  auto known = read_password(at.call, "password");
  if (!known) return known.error();
  return in_database(at, [&](database& in) -> result<answer> {
    auto key = in.master_key();
    auto guard = key.open(*known);
    if (!guard) return guard.error();
    auto plan = key.plan_regenerate(*known);  // carried out by nobody: it says what the key opens
    if (!plan) return plan.error();
    auto automatic = key.opens_automatically();
    if (!automatic) return automatic.error();
    answer made;
    made.text =
        "The password opens the master key of " + in.name().text() +
        ". Keys below it that open: " + std::to_string(plan->carried_over()) +
        "; that do not: " + std::to_string(plan->losses().size()) + "." +
        (*automatic ? " It is also opened automatically." : " It is not opened automatically.");
    made.facts = {{"opens", plan->carried_over()},
                  {"does_not_open", plan->losses().size()},
                  {"opens_automatically", *automatic}};
    return made;
  });
}

result<answer> dmk_add_password(context& at) {
  return with_new_password(at, "new-password", [](database& in, const keywarden::password& fresh) {
    return said(in.master_key().add_password(fresh),
                "The new password opens the master key as well.");
  });
}

result<answer> dmk_drop_password(context& at) {
  return with_new_password(at, "password", [](database& in, const keywarden::password& dropped) {
    return said(in.master_key().drop_password(dropped),
                "That password no longer opens the master key. It still opens copies of the store "
                "made earlier.");
  });
}

result<answer> dmk_add_service_key(context& at) {
  return with_keys(at, [](database& in, const keywarden::password*) {
    return said(in.master_key().add_service_key(),
                "The service master key opens it automatically from now on.");
  });
}

result<answer> dmk_drop_service_key(context& at) {
  return with_keys(at, [](database& in, const keywarden::password*) {
    return said(in.master_key().drop_service_key(),
                "Only a password opens the master key from now on.");
  });
}

answer restored(const keywarden::restore_report& report, std::string_view what) {
  answer made;
  made.text = std::string(what) + " Carried over: " + std::to_string(report.carried_over) + "." +
              (report.opens_automatically
                   ? " It opens automatically."
                   : " Only a password opens it: see keywarden dmk add-service-key.");
  made.facts = {{"carried_over", report.carried_over},
                {"opens_automatically", report.opens_automatically}};
  return made;
}

result<answer> execute(database& in, keywarden::loss_plan plan, std::string_view what) {
  auto done = in.master_key().execute(std::move(plan));
  if (!done) return done.error();
  return restored(*done, what);
}

result<answer> dmk_regenerate(context& at) {
  return with_new_password(
      at, "new-password", [&](database& in, const keywarden::password& fresh) -> result<answer> {
        if (!at.call.has("force"))
          return said(in.master_key().regenerate(fresh),
                      "Made a new master key. Everything below it was carried over. Back it up.");
        return force(at, in.master_key().plan_regenerate(fresh), [&](keywarden::loss_plan plan) {
          return execute(in, std::move(plan), "Made a new master key.");
        });
      });
}

result<answer> dmk_backup(context& at) {
  auto output = required(at, "output");
  if (!output) return output.error();
  return with_new_password(
      at, "backup-password", [&](database& in, const keywarden::password& fresh) -> result<answer> {
        auto data = in.master_key().backup(fresh);
        if (!data) return data.error();
        return said(write_file(*output, at.call.has("overwrite"), *data),
                    "Backed up the master key of " + in.name().text() + " to " + *output + ".");
      });
}

result<answer> dmk_restore(context& at) {
  auto input = required(at, "input");
  if (!input) return input.error();
  auto data = read_file(*input, largest_backup);
  if (!data) return data.error();
  auto file_password = read_password(at.call, "backup-password");
  if (!file_password) return file_password.error();
  return with_new_password(
      at, "new-password", [&](database& in, const keywarden::password& fresh) -> result<answer> {
        auto key = in.master_key();
        if (at.call.has("force"))
          return force(at, key.plan_restore(data->view(), *file_password, fresh),
                       [&](keywarden::loss_plan plan) {
                         return execute(in, std::move(plan), "Restored the master key.");
                       });
        auto done = key.restore(data->view(), *file_password, fresh);
        if (!done) return done.error();
        return restored(*done, "Restored the master key.");
      });
}

result<answer> dmk_drop(context& at) {
  return in_database(at, [](database& in) {
    return said(in.master_key().drop(), "Dropped the master key of " + in.name().text() + ".");
  });
}

}  // namespace

std::vector<command> database_commands() {
  using options::master_key_password;
  return {
      {"db create", {"DATABASE"}, {}, "Make a database, still without a master key.", db_create},
      {"db list", {}, {}, "List the databases.", db_list},
      {"db encryptions",
       {"DATABASE"},
       {},
       "Tell what protects what in a database.",
       db_encryptions},
      {"db drop", {"DATABASE"}, {}, "Drop a database that holds nothing any more.", db_drop},
      {"dmk create",
       {"DATABASE"},
       {new_master_key_password},
       "Make a database master key, opened by a password and automatically by the service master "
       "key.",
       dmk_create},
      {"dmk open",
       {"DATABASE"},
       {{"password", kind::password, "the database master key", {}}},
       "Try whether a password opens the master key, and how much that opens in turn.\n"
       "Nothing stays open: other commands take the password themselves where it is needed.",
       dmk_open},
      {"dmk add-password",
       {"DATABASE"},
       {new_master_key_password, master_key_password},
       "Let one more password open the master key.",
       dmk_add_password},
      {"dmk drop-password",
       {"DATABASE"},
       {{"password", kind::password, "the database master key that is to go", {}},
        master_key_password},
       "Let a password open the master key no longer. The last one stays.",
       dmk_drop_password},
      {"dmk add-service-key",
       {"DATABASE"},
       {master_key_password},
       "Let the service master key open the master key automatically.",
       dmk_add_service_key},
      {"dmk drop-service-key",
       {"DATABASE"},
       {master_key_password},
       "Let only passwords open the master key.",
       dmk_drop_service_key},
      {"dmk regenerate",
       {"DATABASE"},
       {new_master_key_password, master_key_password, options::force, options::accept_losses},
       "Replace the master key by a new one, under one new password.\n"
       "Everything below it is carried over, or nothing changes; --force leaves behind what cannot "
       "be opened.",
       dmk_regenerate},
      {"dmk backup",
       {"DATABASE"},
       {options::backup_to, options::new_backup_password, options::overwrite, master_key_password},
       "Write the master key to a file under a password.",
       dmk_backup},
      {"dmk restore",
       {"DATABASE"},
       {options::backup_from, options::backup_password, new_master_key_password,
        master_key_password, options::force, options::accept_losses},
       "Put a backed-up master key in place, from now on under a new password.",
       dmk_restore},
      {"dmk drop",
       {"DATABASE"},
       {},
       "Drop the master key. Refused while anything is protected by it.",
       dmk_drop},
  };
}

}  // namespace cli
