#include "session.hpp"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "advice.hpp"

namespace cli {

using keywarden::errc;
using keywarden::error;
using keywarden::fact;
using keywarden::password;
using keywarden::result;

namespace {

bool mentions(const error& why, const std::function<bool(const error&)>& matches) {
  return matches(why) || std::ranges::any_of(why.causes(), [&](const error& each) {
           return mentions(each, matches);
         });
}

bool master_key_closed(const error& why) {
  return mentions(why, [](const error& each) { return each.code() == errc::not_open; });
}

bool password_missing(const error& why) {
  return mentions(why, [](const error& each) {
    return each.code() == errc::secret_required &&
           each.value_of(fact::scheme).starts_with("password/");
  });
}

}  // namespace

void remember_repairs(context& at, const vault& opened) {
  const auto key = opened.service_master_key();
  at.repaired.insert(at.repaired.end(), key.report().repaired.begin(), key.report().repaired.end());
}

result<std::string> required(const context& at, std::string_view option_name) {
  auto given = at.call.value(option_name);
  if (!given)
    return error(errc::invalid_argument)
        .with(fact::reason, "--" + std::string(option_name) + " is needed");
  return *given;
}

production::service_key protector_of(const invocation& call, const std::string& prefix) {
  namespace protect = keywarden::protect;
  const auto path = [&](const std::string& name, const std::filesystem::path& otherwise) {
    if (auto given = call.value(prefix + name)) return std::filesystem::path(*given);
    return std::filesystem::path(call.value(name).value_or(otherwise.string()));
  };
  return production::service_key(
      protect::account(path("account-secret", protect::account::default_path())),
      protect::machine(path("machine-secret", protect::machine().file().path()),
                       path("machine-id", "/etc/machine-id")));
}

result<production::store> open_place(std::string_view place, bool may_create) {
  if (keywarden::store::names_postgres(place)) {
#ifdef CLI_WITH_POSTGRES
    return keywarden::store::open_any_store(place);
#else
    return keywarden::store::open_store(place);
#endif
  }
  constexpr std::string_view scheme = "sqlite:";
  const auto path = place.starts_with(scheme) ? place.substr(scheme.size()) : place;
  std::error_code failed;
  if (!may_create && !std::filesystem::exists(path, failed)) {
    auto missing = error(errc::io_failed).with(fact::file, path);
    if (failed) return std::move(missing).with(fact::reason, failed.message());
    return std::move(missing)
        .with(fact::reason, "there is no store")
        .with(fact::next_step, "make one with keywarden vault init, or check --store");
  }
  return keywarden::store::open_store<production::store>(place);
}

result<void> no_password_in(std::string_view place) {
  const auto user = place.substr(0, place.find('@'));
  const bool named =
      keywarden::store::names_postgres(place) &&
      ((user.size() < place.size() && user.find(':', user.find("//")) != user.npos) ||
       place.find("password=") != place.npos);
  if (!named) return keywarden::done();
  return error(errc::invalid_argument)
      .with(fact::reason, "a password is not taken from an argument")
      .with(fact::next_step, "put it into ~/.pgpass, or name that file in PGPASSFILE");
}

result<production::store> open_records(const context& at, bool may_create) {
  const char* fallback = std::getenv("KEYWARDEN_STORE");
  const auto given = at.call.value("store");
  if (given)
    if (auto sound = no_password_in(*given); !sound) return sound.error();
  const auto place = given.value_or(fallback != nullptr ? fallback : "");
  if (place.empty())
    return error(errc::invalid_argument)
        .with(fact::reason, "no store was named")
        .with(fact::next_step, "give --store PLACE or set KEYWARDEN_STORE");
  return open_place(place, may_create);
}

keywarden::password_policy password_rules() {
  std::vector<std::string> names;
  char host[256] = {};
  if (::gethostname(host, sizeof(host) - 1) == 0) names.emplace_back(host);
  if (const auto* entry = ::getpwuid(::geteuid())) names.emplace_back(entry->pw_name);
  return keywarden::password_policy(std::move(names));
}

result<vault> open_vault(context& at) {
  auto records = open_records(at, false);
  if (!records) return records.error();
  auto opened = vault::open(std::move(*records), protector_of(at.call), password_rules());
  if (opened) remember_repairs(at, *opened);
  return opened;
}

result<vault> open_vault_or_recover(context& at) {
  auto opened = open_vault(at);
  if (opened) return opened;
  switch (opened.error().code()) {
    case errc::access_lost:
    case errc::not_found:
    case errc::malformed:
    case errc::authentication_failed:
      break;
    default:
      return opened;
  }
  auto records = open_records(at, false);
  if (!records) return records.error();
  return vault::open_for_recovery(std::move(*records), protector_of(at.call), password_rules());
}

result<keywarden::object_name> name_operand(const context& at, std::size_t index) {
  return keywarden::object_name::parse(at.call.operand(index));
}

namespace {

result<answer> in_named(context& at, const result<keywarden::object_name>& name,
                        const with_database& use) {
  if (!name) return name.error();
  auto opened = open_vault(at);
  if (!opened) return opened.error();
  auto found = opened->database(*name);
  if (!found) return found.error();
  return use(*found);
}

result<answer> with_keys_of(context& at, const result<keywarden::object_name>& name,
                            const with_key& use) {
  return in_named(at, name, [&](database& in) -> result<answer> {
    std::optional<keywarden::result<password>> own;
    const auto open_master_key = [&]() -> result<void> {
      auto known = read_password(at.call, options::master_key_password.name);
      if (!known) return known.error();
      auto guard = in.master_key().open(*known);
      if (!guard) return guard.error();
      std::move(*guard).keep_open();  // the process ends soon
      return keywarden::done();
    };
    const auto read_own = [&]() -> result<void> {
      own = read_password(at.call, options::key_password.name);
      if (!*own) return own->error();
      return keywarden::done();
    };
    const auto try_it = [&] { return use(in, own ? &**own : nullptr); };

    if (at.call.has(options::master_key_password.name))
      if (auto opened = open_master_key(); !opened) return opened.error();
    if (at.call.has(options::key_password.name))
      if (auto read = read_own(); !read) return read.error();
    auto tried = try_it();
    if (tried || !can_ask()) return tried;
    if (master_key_closed(tried.error()) && !at.call.has(options::master_key_password.name)) {
      if (auto opened = open_master_key(); !opened) return opened.error();
      tried = try_it();
    }
    if (!tried && !own && at.call.find(options::key_password.name) != nullptr &&
        password_missing(tried.error())) {
      if (auto read = read_own(); !read) return read.error();
      tried = try_it();
    }
    return tried;
  });
}

}  // namespace

result<answer> in_database(context& at, const with_database& use) {
  return in_named(at, name_operand(at, 0), use);
}

result<answer> with_keys(context& at, const with_key& use) {
  return with_keys_of(at, name_operand(at, 0), use);
}

result<void> given_password_fits(const context& at, database& in, const keywarden::object_name& key,
                                 const password* own) {
  if (own == nullptr || !at.call.has(options::key_password.name)) return keywarden::done();
  return in.keys().check_password(key, *own);
}

result<answer> in_master(context& at, const with_database& use) {
  auto outcome = with_keys_of(at, keywarden::object_name("master"),
                              [&](database& in, const password* /*own*/) { return use(in); });
  if (!outcome) return in_commands(outcome.error());
  return outcome;
}

result<answer> force(context& at, result<keywarden::loss_plan> plan,
                     const std::function<result<answer>(keywarden::loss_plan)>& execute) {
  if (!plan) return plan.error();
  const auto count = plan->losses().size();
  answer shown;
  shown.facts["carried_over"] = plan->carried_over();
  shown.facts["losses"] = json::array();
  for (const auto& each : plan->losses())
    shown.facts["losses"].push_back(
        {{"name", each.name}, {"kind", each.kind}, {"why", each.why.message()}});
  shown.text = "The plan: " + std::to_string(plan->carried_over()) + " carried over, " +
               std::to_string(count) + " lost.";

  std::uint64_t accepted = 0;
  if (const auto given = at.call.value(options::accept_losses.name)) {
    auto number = parse_number(*given, "--accept-losses", 1000000);
    if (!number) return number.error();
    accepted = *number;
  }
  if (accepted != count) {
    show(shown, at.for_machines());
    return error(errc::would_lose)
        .with(fact::limit, accepted)
        .with(fact::actual, count)
        .with(fact::next_step, "read the plan; --force --accept-losses " + std::to_string(count) +
                                   " carries it out");
  }
  if (!at.for_machines()) show(shown, false);
  auto done = execute(std::move(*plan));
  if (done && at.for_machines()) done->facts.update(shown.facts);
  return done;
}

result<answer> said(const result<void>& done, std::string text) {
  if (!done) return done.error();
  return answer(std::move(text));
}

result<answer> listed(const result<std::vector<std::string>>& names, std::string_view what) {
  if (!names) return names.error();
  answer made;
  auto& rows = made.facts[std::string(what)] = json::array();
  for (const auto& each : *names) rows.push_back({{"name", each}});
  if (names->empty()) made.text = "none";
  return made;
}

}  // namespace cli
