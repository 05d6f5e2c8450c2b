// The root of the hierarchy: its two ways in, its repair, backup, restore, regeneration and plans.
#include "vault/compiled_once.hpp"

#include <sys/wait.h>

#include <thread>

#include <boost/test/unit_test.hpp>

#include <keywarden/core/encoding.hpp>

namespace keywarden::testing {
namespace service_master_key_test {

/// The repairs that the record itself tells of.
std::vector<std::string> recorded_repairs(const installation<>& here) {
  std::vector<std::string> schemes;
  const auto attributes = here.record("smk").header().attributes;
  if (attributes.contains("repairs"))
    for (const auto& each : attributes.at("repairs")) schemes.push_back(each.at("scheme"));
  return schemes;
}

std::vector<std::string> names_of(const std::vector<expected_loss>& losses) {
  std::vector<std::string> names;
  for (const auto& each : losses) names.push_back(each.name);
  return names;
}

/// Everything below one service master key: two databases, a credential and a linked server.
struct estate {
  installation<> here;
  vault v = here.open_or_create();
  bytes backup = v.service_master_key().backup(smk_backup_password).value();
  database_handle sales = with_master_key(v, "sales");
  database_handle stock = with_master_key(v, "stock");
  sealed<rows> in_sales = sealed_in(sales, "from sales");
  sealed<rows> in_stock = sealed_in(stock, "from stock");

  estate() {
    v.credentials().put(called("ftp"), "alice", as_bytes("geheim")).value();
    v.linked_servers().put(called("hr"), "reader", as_bytes("hush")).value();
  }
  static sealed<rows> sealed_in(const database_handle& in, std::string_view text) {
    in.keys().create(called("key"), by::master_key{}).value();
    return seal(in, "key", text);
  }
  /// Whether all of it can be read through this vault.
  [[nodiscard]] boost::test_tools::assertion_result all_readable(vault& through) const {
    if (auto ok = reads(through.database(called("sales")).value(), "key", in_sales, "from sales");
        !ok)
      return ok;
    if (auto ok = reads(through.database(called("stock")).value(), "key", in_stock, "from stock");
        !ok)
      return ok;
    if (through.credentials().get(called("ftp")).value().secret.text() != "geheim") return false;
    return through.linked_servers().get(called("hr")).value().secret.text() == "hush";
  }
};

BOOST_AUTO_TEST_SUITE(service_master_keys)

BOOST_AUTO_TEST_CASE(it_is_made_on_first_need_under_two_independent_wraps) {
  const installation<> here;
  auto v = here.open_or_create();
  const auto record = here.record("smk");
  BOOST_REQUIRE(record.header().slots.size() == 2U);
  BOOST_TEST(slots_of(record, "account").size() == 1U);
  BOOST_TEST(slots_of(record, "machine").size() == 1U);
  BOOST_TEST(v.service_master_key().report().healthy());
}

// Nothing changed.

BOOST_AUTO_TEST_CASE(with_nothing_changed_it_opens_and_nothing_is_written) {
  const installation<> here;
  static_cast<void>(here.open_or_create());
  const auto before = here.all();
  auto v = here.open();
  BOOST_REQUIRE(accepted(v));
  BOOST_TEST(v->service_master_key().report().healthy());
  BOOST_TEST(v->service_master_key().report().repaired.empty());
  BOOST_TEST((here.all() == before));
}

// The account, or the machine, changed.

void change_one(const std::string& account, const std::string& machine, const std::string& repaired,
                const std::string& later_account, const std::string& later_machine) {
  const installation<> here;
  here.open_or_create().credentials().put(called("ftp"), "alice", as_bytes("geheim")).value();
  {
    auto v = here.open(account, machine);
    BOOST_REQUIRE(accepted(v));
    const auto& report = v->service_master_key().report();
    BOOST_TEST((report.repaired == std::vector{repaired}));
    BOOST_TEST(report.healthy());
    BOOST_TEST(std::ranges::count(report.slots, protect::slot_report::outcome::did_not_fit,
                                  &protect::slot_report::what) == 1);
    BOOST_TEST(v->credentials().get(called("ftp")).value().secret.text() == "geheim");
  }
  BOOST_TEST((recorded_repairs(here) == std::vector{repaired}));
  BOOST_TEST(here.record("smk").header().slots.size() == 2U);
  // The way that was repaired opens alone: the other one is gone now.
  auto alone = here.open(later_account, later_machine);
  BOOST_REQUIRE(accepted(alone));
  BOOST_TEST(alone->credentials().get(called("ftp")).value().secret.text() == "geheim");
}

BOOST_AUTO_TEST_CASE(a_changed_account_is_repaired_from_the_machine_and_then_opens_alone) {
  change_one("bob", "host", "account", "bob", "another host");
}

BOOST_AUTO_TEST_CASE(a_changed_machine_is_repaired_from_the_account_and_then_opens_alone) {
  change_one("alice", "another host", "machine", "carol", "another host");
}

BOOST_AUTO_TEST_CASE(who_was_repaired_away_does_not_open_any_more) {
  const installation<> here;
  static_cast<void>(here.open_or_create());
  BOOST_TEST(accepted(here.open("bob", "host")));
  BOOST_TEST(refused_as(errc::access_lost, here.open("alice", "another host")));
}

BOOST_AUTO_TEST_CASE(the_log_of_repairs_keeps_the_last_sixteen) {
  const installation<> here;
  static_cast<void>(here.open_or_create());
  for (int i = 0; i < 20; ++i)
    BOOST_TEST(accepted(here.open("account" + std::to_string(i % 2), "host")));
  BOOST_TEST(recorded_repairs(here).size() == 16U);
}

// Both changed.

BOOST_AUTO_TEST_CASE(with_both_changed_access_is_lost_and_the_error_names_both_and_says_backup) {
  const installation<> here;
  static_cast<void>(here.open_or_create());
  const auto before = here.all();
  const auto refusal = here.open("bob", "another host");
  BOOST_REQUIRE(refused_as(errc::access_lost, refusal));
  const auto text = refusal.error().message();
  BOOST_TEST(text.find("scheme: account") != std::string::npos);
  BOOST_TEST(text.find("scheme: machine") != std::string::npos);
  BOOST_TEST(refusal.error().value_of(fact::next_step).find("backup") != std::string_view::npos);
  BOOST_TEST((here.all() == before));
  BOOST_TEST(accepted(here.open()));
}

BOOST_AUTO_TEST_CASE(opening_or_creating_with_both_changed_makes_no_new_key) {
  const installation<> here;
  static_cast<void>(here.open_or_create());
  const auto before = here.all();
  BOOST_TEST(refused_as(errc::access_lost,
                        vault::open_or_create(here.place.open(), here.key("bob", "another host"))));
  BOOST_TEST((here.all() == before));
}

BOOST_AUTO_TEST_CASE(restoring_the_backup_after_both_changed_recovers_every_dependent) {
  const estate all;
  auto recovering = all.here.recover("bob", "another host");
  BOOST_TEST(refused_as(errc::access_lost, recovering.credentials().get(called("ftp"))));
  const auto closed = recovering.database(called("sales")).value().keys().open<rows>(called("key"));
  BOOST_TEST(refused_as(errc::no_slot_opened, closed));
  BOOST_TEST(closed.error().message().find("the service master key is not open") !=
             std::string::npos);
  BOOST_TEST(accepted(recovering.service_master_key().restore(all.backup, smk_backup_password)));
  BOOST_TEST(all.all_readable(recovering));
  auto later = all.here.open("bob", "another host").value();
  BOOST_TEST(later.service_master_key().report().healthy());
  BOOST_TEST(all.all_readable(later));
  BOOST_TEST(refused_as(errc::access_lost, all.here.open("alice", "host")));
}

// A secret that cannot be read never heals over a good slot.

/// Opens with an account whose secret is not readable: it works through the machine, is told, and
/// changes nothing.
void unreadable_account(const installation<>& here, const protect::account& account,
                        std::string_view reason) {
  const auto before = here.all();
  auto v = here.open(policy::service_key(account, here.people.machine("host")));
  BOOST_REQUIRE(accepted(v));
  const auto& report = v->service_master_key().report();
  BOOST_TEST(!report.healthy());
  BOOST_TEST(report.repaired.empty());
  const auto told =
      std::ranges::find(report.slots, std::string("account"), &protect::slot_report::scheme);
  BOOST_REQUIRE((told != report.slots.end() && told->why.has_value()));
  BOOST_TEST((told->what == protect::slot_report::outcome::not_usable));
  BOOST_TEST((told->why->code() == errc::secret_unavailable));
  BOOST_TEST(told->why->message().find(reason) != std::string::npos);
  BOOST_TEST((here.all() == before));
  // And together with a lost machine it is told as unreadable, not as gone.
  const auto lost = here.open(policy::service_key(account, here.people.machine("another host")));
  BOOST_REQUIRE(refused_as(errc::access_lost, lost));
  BOOST_TEST(lost.error().value_of(fact::next_step).find("readable") != std::string_view::npos);
  BOOST_TEST((here.all() == before));
  BOOST_TEST(accepted(here.open()));
}

BOOST_AUTO_TEST_CASE(an_empty_secret_file_is_told_and_heals_nothing) {
  const installation<> here;
  static_cast<void>(here.open_or_create());
  write_file(here.people / "empty", "");
  unreadable_account(here, protect::account(here.people / "empty"), "wrong length");
}

BOOST_AUTO_TEST_CASE(a_short_secret_file_is_told_and_heals_nothing) {
  const installation<> here;
  static_cast<void>(here.open_or_create());
  write_file(here.people / "short", std::string(31, 'x'));
  unreadable_account(here, protect::account(here.people / "short"), "wrong length");
}

BOOST_AUTO_TEST_CASE(a_secret_in_a_folder_that_is_not_mounted_is_told_and_heals_nothing) {
  const installation<> here;
  static_cast<void>(here.open_or_create());
  unreadable_account(here, protect::account(here.people / "not mounted/account"), "No such file");
  BOOST_TEST(!std::filesystem::exists(here.people / "not mounted"));
}

BOOST_AUTO_TEST_CASE(a_secret_that_others_may_read_is_told_and_heals_nothing) {
  const installation<> here;
  static_cast<void>(here.open_or_create());
  write_file(here.people / "open", std::string(32, 'x'), 0644);
  unreadable_account(here, protect::account(here.people / "open"), "others may access it");
}

BOOST_AUTO_TEST_CASE(a_machine_without_its_id_is_told_and_heals_nothing) {
  const installation<> here;
  static_cast<void>(here.open_or_create());
  const auto before = here.all();
  const protect::machine nameless(here.people / "host.machine", here.people / "no such id");
  auto v = here.open(policy::service_key(here.people.account("alice"), nameless));
  BOOST_REQUIRE(accepted(v));
  BOOST_TEST(!v->service_master_key().report().healthy());
  BOOST_TEST((here.all() == before));
}

BOOST_AUTO_TEST_CASE(a_secret_without_permission_is_told_and_heals_nothing) {
  const installation<in_sqlite> here;
  static_cast<void>(here.open_or_create());
  const auto before = here.read("smk");
  const auto denied = here.people / "alice.account";
  const auto user = ::geteuid();
  constexpr ::uid_t nobody = 65534;
  // A child that may not read the account's secret: as root, by giving up being root; otherwise by
  // its mode.
  if (user == 0) {
    std::vector<std::filesystem::path> given{here.people / "host.machine", here.people / "host.id",
                                             here.place.folder.path()};
    for (const auto& each : std::filesystem::directory_iterator(here.place.folder.path()))
      given.push_back(each.path());
    for (const auto& each : given) BOOST_REQUIRE(::chown(each.c_str(), nobody, nobody) == 0);
    BOOST_REQUIRE(::chmod(here.people.path().c_str(), 0755) == 0);
  } else {
    BOOST_REQUIRE(::chmod(denied.c_str(), 0) == 0);
  }
  const auto child = ::fork();
  if (child == 0) {  // the store is opened anew there: SQLite's connections do not cross a fork
    if (user == 0 && (::setgid(nobody) != 0 || ::setuid(nobody) != 0)) ::_exit(2);
    const policy::service_key key(
        protect::account(denied, user),
        protect::machine(here.people / "host.machine", here.people / "host.id"));
    auto v = vault::open(here.place.open(), key);
    if (!v) ::_exit(3);
    const auto& report = v->service_master_key().report();
    const auto told =
        std::ranges::find(report.slots, std::string("account"), &protect::slot_report::scheme);
    if (report.healthy() || !report.repaired.empty() || told == report.slots.end() || !told->why)
      ::_exit(4);
    if (told->why->code() != errc::secret_unavailable) ::_exit(5);
    ::_exit(told->why->message().find("Permission denied") != std::string::npos ? 0 : 6);
  }
  int status = 0;
  BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
  BOOST_TEST((WIFEXITED(status) ? WEXITSTATUS(status) : -1) == 0);
  BOOST_TEST(here.read("smk") == before);
}

// Repair and damage.

BOOST_AUTO_TEST_CASE(every_letter_of_the_record_that_is_altered_is_refused_and_never_healed) {
  const installation<> here;
  static_cast<void>(here.open_or_create());
  const auto good = here.read("smk");
  std::size_t opened = 0;
  std::size_t healed = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    auto altered = good;
    altered[at] = static_cast<char>(altered[at] ^ 1);
    here.write("smk", altered);
    opened += here.open().has_value() ? 1U : 0U;
    healed += here.read("smk") != altered ? 1U : 0U;
  }
  BOOST_TEST(opened == 0U);
  BOOST_TEST(healed == 0U);
}

BOOST_AUTO_TEST_CASE(a_slot_stripped_from_the_record_is_refused_and_not_healed) {
  const installation<> here;
  static_cast<void>(here.open_or_create());
  auto document = nlohmann::ordered_json::parse(here.read("smk"));
  document["slots"].erase(0);
  auto text = document.dump(1);
  text.replace(text.rfind(",\n \"mac\""), std::string::npos,
               ",\n \"mac\": \"" + document["mac"].get<std::string>() + "\"\n}\n");
  here.write("smk", text);
  BOOST_TEST(refused_as(errc::authentication_failed, here.open()));
  BOOST_TEST(here.read("smk") == text);
}

BOOST_AUTO_TEST_CASE(another_vaults_service_master_key_is_not_healed_into_this_one) {
  const installation<> here;
  static_cast<void>(here.open_or_create());
  const installation<> there;
  static_cast<void>(there.open_or_create());
  here.write("smk", there.read("smk"));
  BOOST_TEST(refused_as(errc::access_lost, here.open()));
}

// Changing who opens it.

BOOST_AUTO_TEST_CASE(account_and_machine_can_both_be_changed_in_one_step_while_they_still_open) {
  estate all;
  BOOST_TEST(
      accepted(all.v.service_master_key().change_service_key(all.here.key("bob", "another host"))));
  BOOST_TEST(all.all_readable(all.v));
  auto later = all.here.open("bob", "another host").value();
  BOOST_TEST(later.service_master_key().report().repaired.empty());
  BOOST_TEST(all.all_readable(later));
  BOOST_TEST(refused_as(errc::access_lost, all.here.open("alice", "host")));
}

BOOST_AUTO_TEST_CASE(changing_who_opens_it_makes_the_new_secrets) {
  const installation<> here;
  auto v = here.open_or_create();
  const policy::service_key next(protect::account(here.people / "new/account"),
                                 here.people.unprovisioned("new host"));
  BOOST_TEST(accepted(v.service_master_key().change_service_key(next)));
  BOOST_TEST(accepted(here.open(next)));
}

BOOST_AUTO_TEST_CASE(a_change_that_cannot_be_made_leaves_the_present_ways_in) {
  const installation<> here;
  auto v = here.open_or_create();
  const auto before = here.all();
  write_file(here.people / "short", "x");
  const policy::service_key next(protect::account(here.people / "short"),
                                 here.people.machine("host"));
  BOOST_TEST(refused_as(errc::secret_unavailable, v.service_master_key().change_service_key(next)));
  BOOST_TEST((here.all() == before));
  BOOST_TEST(accepted(v.service_master_key().regenerate()));  // still with the present ones
  BOOST_TEST(accepted(here.open()));
}

BOOST_AUTO_TEST_CASE(who_may_not_open_the_key_may_not_change_who_opens_it) {
  const installation<> here;
  static_cast<void>(here.open_or_create());
  auto stranger = here.recover("mallory", "elsewhere");
  BOOST_TEST(refused_as(errc::access_lost, stranger.service_master_key().change_service_key(
                                               here.key("mallory", "elsewhere"))));
  BOOST_TEST(
      refused_as(errc::access_lost, stranger.service_master_key().backup(smk_backup_password)));
}

// Backup and restore.

BOOST_AUTO_TEST_CASE(a_backup_password_is_checked_and_the_files_is_not) {
  const installation<> here;
  auto v = here.open_or_create();
  BOOST_TEST(refused_as(errc::password_refused, v.service_master_key().backup(password("short"))));
  BOOST_TEST(refused_as(errc::password_refused, v.service_master_key().backup(password())));
  const auto backup = v.service_master_key().backup(smk_backup_password).value();
  BOOST_TEST(
      refused_as(errc::no_slot_opened, v.service_master_key().restore(backup, password("short"))));
}

BOOST_AUTO_TEST_CASE(a_damaged_backup_is_refused_and_changes_nothing) {
  estate all;
  const auto before = all.here.all();
  auto shorter = all.backup;
  shorter.resize(shorter.size() / 2);
  BOOST_TEST(refused_as(errc::truncated,
                        all.v.service_master_key().restore(shorter, smk_backup_password)));
  auto text = std::string(as_text(all.backup));
  const auto at = text.find("\"material\": \"") + 20;
  text[at] = text[at] == 'A' ? 'B' : 'A';
  BOOST_TEST(refused_as(errc::authentication_failed,
                        all.v.service_master_key().restore(as_bytes(text), smk_backup_password)));
  BOOST_TEST((all.here.all() == before));
}

BOOST_AUTO_TEST_CASE(a_database_master_keys_backup_is_not_restored_as_the_service_master_key) {
  estate all;
  const auto other = all.sales.master_key().backup(smk_backup_password).value();
  BOOST_TEST(refused_as(errc::authentication_failed,
                        all.v.service_master_key().restore(other, smk_backup_password)));
}

BOOST_AUTO_TEST_CASE(restoring_an_older_key_moves_everything_to_it) {
  estate all;
  all.v.service_master_key().regenerate().value();
  const auto regenerated = all.here.record("smk").header().id;
  BOOST_TEST(accepted(all.v.service_master_key().restore(all.backup, smk_backup_password)));
  BOOST_TEST((all.here.record("smk").header().id != regenerated));
  BOOST_TEST(all.all_readable(all.v));
  auto later = all.here.open().value();
  BOOST_TEST(all.all_readable(later));
}

BOOST_AUTO_TEST_CASE(a_stranger_with_a_backup_of_his_own_cannot_take_the_dependents_over) {
  estate all;
  const installation<> there;
  const auto theirs =
      there.open_or_create().service_master_key().backup(smk_backup_password).value();
  auto stranger = all.here.recover("mallory", "elsewhere");
  const auto before = all.here.all();
  const auto refusal = stranger.service_master_key().restore(theirs, smk_backup_password);
  BOOST_REQUIRE(refused_as(errc::would_lose, refusal));
  BOOST_TEST(refusal.error().causes().size() == 4U);
  BOOST_TEST((all.here.all() == before));
}

// Regenerate.

BOOST_AUTO_TEST_CASE(
    regenerating_replaces_the_key_and_carries_everything_over_under_new_record_keys) {
  estate all;
  const auto before = all.here.all();
  const auto id = all.here.record("smk").header().id;
  const auto committed = all.here.record("credential/ftp").header().key_commitment;
  const auto database = all.here.record("db/sales/dmk").header().key_commitment;
  BOOST_TEST(accepted(all.v.service_master_key().regenerate()));
  BOOST_TEST((all.here.record("smk").header().id != id));
  BOOST_TEST((all.here.record("credential/ftp").header().key_commitment != committed));
  BOOST_TEST((all.here.record("db/sales/dmk").header().key_commitment != database));
  BOOST_TEST(all.here.read("db/sales/symmetric_key/key") ==
             before.at("db/sales/symmetric_key/key"));
  BOOST_TEST(all.all_readable(all.v));
  auto later = all.here.open().value();
  BOOST_TEST(all.all_readable(later));
  for (const auto* name : {"sales", "stock"}) {
    const auto copy = nlohmann::json::parse(all.here.read(std::string("master/dmk/") + name));
    const auto slots = slots_of(all.here.record(std::string("db/") + name + "/dmk"),
                                protect::service_master_key::scheme());
    BOOST_REQUIRE(slots.size() == 1U);
    BOOST_TEST((copy.at("slot") == slots[0].data));
  }
}

BOOST_AUTO_TEST_CASE(passwords_of_database_master_keys_survive_a_regeneration) {
  estate all;
  all.v.service_master_key().regenerate().value();
  all.sales.master_key().drop_service_key().value();
  BOOST_TEST(accepted(all.sales.master_key().open(dmk_password)));
}

BOOST_AUTO_TEST_CASE(another_vault_object_follows_a_regeneration) {
  estate all;
  auto other = all.here.open().value();
  BOOST_TEST(all.all_readable(other));
  all.v.service_master_key().regenerate().value();
  BOOST_TEST(all.all_readable(other));
  BOOST_TEST(accepted(other.credentials().put(called("later"), "x", as_bytes("y"))));
  BOOST_TEST(accepted(all.v.credentials().get(called("later"))));
}

BOOST_AUTO_TEST_CASE(regenerating_with_one_damaged_dependent_changes_nothing_and_names_exactly_it) {
  for (const auto* damaged : {"credential/ftp", "linked_server/hr", "db/stock/dmk"}) {
    estate all;
    all.here.damage(damaged);
    const auto before = all.here.all();
    const auto refusal = all.v.service_master_key().regenerate();
    BOOST_REQUIRE(refused_as(errc::would_lose, refusal));
    BOOST_TEST(refusal.error().value_of(fact::name) == damaged);
    BOOST_TEST(refusal.error().value_of(fact::actual) == "1");
    BOOST_REQUIRE(refusal.error().causes().size() == 1U);
    BOOST_TEST((all.here.all() == before));

    auto plan = all.v.service_master_key().plan_regenerate();
    BOOST_REQUIRE(accepted(plan));
    BOOST_TEST((names_of(plan->losses()) == std::vector<std::string>{damaged}));
    BOOST_TEST(plan->carried_over() == 3U);
    BOOST_TEST((all.here.all() == before));  // planning changes nothing either

    BOOST_TEST(accepted(all.v.service_master_key().execute(std::move(*plan))));
    const auto after = all.here.all();
    BOOST_TEST(after.at(damaged) == before.at(damaged));
    std::size_t carried = 0;
    for (const auto* name : {"credential/ftp", "linked_server/hr", "db/stock/dmk", "db/sales/dmk"})
      carried += after.at(name) != before.at(name) ? 1U : 0U;
    BOOST_TEST(carried == 3U);
    auto later = all.here.open().value();
    BOOST_TEST(reads(later.database(called("sales")).value(), "key", all.in_sales, "from sales"));
  }
}

BOOST_AUTO_TEST_CASE(a_dependent_that_is_no_record_or_has_no_slot_counts_as_lost) {
  estate all;
  all.here.write("credential/ftp", "not a record");
  auto slotless = all.here.read("linked_server/hr");
  const auto from = slotless.find("\"slots\": [") + 10;
  // The array's closing bracket is the first one at its own depth.
  std::size_t to = from;
  for (int depth = 1; depth > 0; ++to)
    depth += slotless[to] == '[' ? 1 : slotless[to] == ']' ? -1 : 0;
  slotless.erase(from, to - 1 - from);
  all.here.write("linked_server/hr", slotless);
  const auto plan = all.v.service_master_key().plan_regenerate().value();
  BOOST_TEST(
      (names_of(plan.losses()) == std::vector<std::string>{"credential/ftp", "linked_server/hr"}));
}

BOOST_AUTO_TEST_CASE(a_plan_is_stale_once_a_dependent_changed_came_or_went) {
  const auto changes = {
      +[](vault& v) { v.credentials().put(called("ftp"), "alice", as_bytes("changed")).value(); },
      +[](vault& v) { v.credentials().put(called("new"), "alice", as_bytes("new")).value(); },
      +[](vault& v) { v.linked_servers().drop(called("hr")).value(); },
      +[](vault& v) { v.service_master_key().regenerate().value(); },
      +[](vault& v) {
        v.database(called("sales")).value().master_key().add_password(other_password).value();
      }};
  for (const auto change : changes) {
    estate all;
    auto plan = all.v.service_master_key().plan_regenerate().value();
    auto other = all.here.open().value();
    change(other);
    const auto before = all.here.all();
    BOOST_TEST(
        refused_as(errc::plan_is_stale, all.v.service_master_key().execute(std::move(plan))));
    BOOST_TEST((all.here.all() == before));
  }
}

BOOST_AUTO_TEST_CASE(
    a_plan_that_loses_nothing_does_not_lose_everything_where_the_key_does_not_open) {
  estate all;
  auto plan = all.v.service_master_key().plan_regenerate().value();
  BOOST_TEST(plan.losses().empty());
  auto elsewhere = all.here.recover("mallory", "elsewhere");
  const auto before = all.here.all();
  BOOST_TEST(
      refused_as(errc::plan_is_stale, elsewhere.service_master_key().execute(std::move(plan))));
  BOOST_TEST((all.here.all() == before));
}

BOOST_AUTO_TEST_CASE(a_plan_for_another_kind_of_key_is_refused) {
  estate all;
  const auto before = all.here.all();
  auto for_database = all.sales.master_key().plan_regenerate(other_password).value();
  BOOST_TEST(refused_as(errc::invalid_argument,
                        all.v.service_master_key().execute(std::move(for_database))));
  auto for_service = all.v.service_master_key().plan_regenerate().value();
  BOOST_TEST(
      refused_as(errc::invalid_argument, all.sales.master_key().execute(std::move(for_service))));
  auto for_stock = all.stock.master_key().plan_regenerate(other_password).value();
  BOOST_TEST(
      refused_as(errc::invalid_argument, all.sales.master_key().execute(std::move(for_stock))));
  BOOST_TEST((all.here.all() == before));
}

BOOST_AUTO_TEST_CASE(forcing_works_when_the_key_cannot_be_opened_at_all) {
  estate all;
  auto recovering = all.here.recover("bob", "another host");
  BOOST_TEST(refused_as(errc::would_lose, recovering.service_master_key().regenerate()));
  auto plan = recovering.service_master_key().plan_regenerate().value();
  BOOST_TEST(
      (names_of(plan.losses()) == std::vector<std::string>{"credential/ftp", "db/sales/dmk",
                                                           "db/stock/dmk", "linked_server/hr"}));
  BOOST_TEST(plan.carried_over() == 0U);
  const auto before = all.here.all();
  BOOST_TEST(accepted(recovering.service_master_key().execute(std::move(plan))));
  auto after = all.here.all();
  BOOST_TEST(after.at("smk") != before.at("smk"));
  for (const auto* each : {"smk", "fence"}) after.at(each) = before.at(each);
  BOOST_TEST((after == before));

  // What is under a password as well is not lost.
  auto later = all.here.open("bob", "another host").value();
  auto sales = later.database(called("sales")).value();
  BOOST_TEST(refused_as(errc::no_slot_opened, sales.keys().open<rows>(called("key"))));
  BOOST_TEST(!sales.master_key().usable().value());
  const auto open = sales.master_key().open(dmk_password).value();
  BOOST_TEST(reads(sales, "key", all.in_sales, "from sales"));
  BOOST_TEST(accepted(sales.master_key().add_service_key()));
  auto automatic = all.here.open("bob", "another host").value();
  BOOST_TEST(reads(automatic.database(called("sales")).value(), "key", all.in_sales, "from sales"));
  // What was not, is.
  BOOST_TEST(refused_as(errc::no_slot_opened, later.credentials().get(called("ftp"))));
}

BOOST_AUTO_TEST_CASE(forcing_replaces_a_service_master_key_that_is_no_record_any_more) {
  const installation<> here;
  static_cast<void>(here.open_or_create());
  here.write("smk", "not a record");
  BOOST_TEST(refused_as(errc::truncated, here.open()));
  auto recovering = here.recover("alice", "host");
  BOOST_TEST(accepted(recovering.service_master_key().regenerate()));
  BOOST_TEST(accepted(here.open()));
}

BOOST_AUTO_TEST_CASE(the_generation_of_the_record_only_grows) {
  const installation<> here;
  auto v = here.open_or_create();
  auto last = here.record("smk").header().generation;
  const auto grown = [&] {
    return std::exchange(last, here.record("smk").header().generation) < last;
  };
  v.service_master_key().regenerate().value();
  BOOST_TEST(grown());
  v.service_master_key().change_service_key(here.key("bob", "host")).value();
  BOOST_TEST(grown());
  BOOST_TEST(accepted(here.open("carol", "host")));
  BOOST_TEST(grown());
}

// Databases from another server.

BOOST_AUTO_TEST_CASE(a_database_from_another_server_is_no_obstacle_to_regenerating_here) {
  estate all;
  installation<> there;
  auto v = there.open_or_create();
  for (const auto& [name, text] : all.here.all())
    if (name.starts_with("db/sales/")) there.write(name, text);
  const auto before = there.read("db/sales/dmk");
  BOOST_TEST(accepted(v.service_master_key().regenerate()));
  BOOST_TEST(there.read("db/sales/dmk") == before);
}

BOOST_AUTO_TEST_CASE(restoring_the_original_servers_key_opens_a_moved_database_automatically) {
  estate all;
  installation<> there;
  auto v = there.open_or_create();
  v.credentials().put(called("own"), "x", as_bytes("kept")).value();
  for (const auto& [name, text] : all.here.all())
    if (name.starts_with("db/sales/")) there.write(name, text);
  auto sales = v.database(called("sales")).value();
  BOOST_TEST(!sales.master_key().usable().value());
  BOOST_TEST(accepted(v.service_master_key().restore(all.backup, smk_backup_password)));
  BOOST_TEST(reads(sales, "key", all.in_sales, "from sales"));
  BOOST_TEST(sales.master_key().opens_automatically().value());
  BOOST_TEST(v.credentials().get(called("own")).value().secret.text() == "kept");
}

BOOST_AUTO_TEST_CASE(many_threads_use_one_vault_while_its_key_is_regenerated) {
  estate all;
  std::atomic<int> wrong{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i)
    readers.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        auto opened = all.v.database(called("sales")).value().keys().open<rows>(called("key"));
        if (!opened || opened->open(all.in_sales).value().text() != "from sales") ++wrong;
      }
    });
  for (int round = 0; round < 5; ++round) all.v.service_master_key().regenerate().value();
  for (auto& each : readers) each.join();
  BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace service_master_key_test

}  // namespace keywarden::testing
