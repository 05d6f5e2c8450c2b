// The root of one database: its passwords, its copy for automatic opening, sessions, regeneration,
// backup and restore.
#include "vault/compiled_once.hpp"

#include <boost/test/unit_test.hpp>

namespace keywarden::testing {
namespace database_master_key_test {

const password weak("weak");
const password third_password("Third-Pass-3");

/// A database with a certificate, an asymmetric key and a symmetric key below its master key.
struct premises {
  installation<> here;
  vault v = here.open_or_create();
  database_handle db = with_master_key(v);
  sealed<rows> message;

  premises() : message(make()) {}
  sealed<rows> make() {
    db.certificates().create(called("auditor")).value();
    db.asymmetric_keys().create<crypto::dhkem_p256>(called("partner")).value();
    db.keys().create(called("cards"), by::master_key{}).value();
    return seal(db, "cards", "4111");
  }
  /// The key as another process finds it: nothing opened by hand.
  [[nodiscard]] bool opens_by_itself() const {
    return here.open().value().database(called("sales")).value().master_key().usable().value();
  }
  [[nodiscard]] bool opens_with(const password& known) const {
    auto other = here.open().value();
    return other.database(called("sales")).value().master_key().open(known).has_value();
  }
};

std::vector<std::string> names_of(const std::vector<expected_loss>& losses) {
  std::vector<std::string> names;
  for (const auto& each : losses) names.push_back(each.name);
  return names;
}

/// Whether the master scope's copy is byte for byte the record's own service slot, or both are
/// missing.
bool copies_agree(const installation<>& here) {
  const auto slots = slots_of(here.record("db/sales/dmk"), protect::service_master_key::scheme());
  const auto all = here.all();
  const auto copy = all.find("master/dmk/sales");
  if (slots.empty() || copy == all.end()) return slots.empty() && copy == all.end();
  return nlohmann::json::parse(copy->second).at("slot").dump() == slots.at(0).data.dump();
}

BOOST_AUTO_TEST_SUITE(database_master_keys)

// CREATE

BOOST_AUTO_TEST_CASE(
    a_new_key_opens_automatically_through_copies_in_the_database_and_in_the_master_scope) {
  premises all;
  BOOST_TEST(slots_of(all.here.record("db/sales/dmk"), typed::scheme()).size() == 1U);
  BOOST_TEST(
      slots_of(all.here.record("db/sales/dmk"), protect::service_master_key::scheme()).size() ==
      1U);
  BOOST_TEST(all.here.all().contains("master/dmk/sales"));
  BOOST_TEST(copies_agree(all.here));
  BOOST_TEST(all.db.master_key().opens_automatically().value());
  BOOST_TEST(all.opens_by_itself());
  BOOST_TEST(all.opens_with(dmk_password));
}

BOOST_AUTO_TEST_CASE(a_database_has_one_master_key) {
  premises all;
  const auto before = all.here.all();
  BOOST_TEST(refused_as(errc::already_exists, all.db.master_key().create(other_password)));
  BOOST_TEST((all.here.all() == before));
}

BOOST_AUTO_TEST_CASE(creating_checks_the_password_and_the_database) {
  const installation<> here;
  auto v = here.open_or_create();
  auto db = v.create_database(called("sales")).value();
  BOOST_TEST(refused_as(errc::password_refused, db.master_key().create(weak)));
  BOOST_TEST(refused_as(errc::not_found, db.keys().create(called("k"), by::master_key{})));
  BOOST_TEST(refused_as(errc::not_found, db.master_key().usable()));
  BOOST_TEST(refused_as(errc::not_found, db.master_key().open(dmk_password)));
  v.drop_database(called("sales")).value();
  BOOST_TEST(refused_as(errc::not_found, db.master_key().create(dmk_password)));
}

// OPEN and CLOSE

BOOST_AUTO_TEST_CASE(closing_what_was_only_opened_automatically_is_refused) {
  premises all;
  BOOST_TEST(reads(all.db, "cards", all.message, "4111"));
  BOOST_TEST(refused_as(errc::not_open, all.db.master_key().close()));
  BOOST_TEST(all.db.master_key().usable().value());
}

BOOST_AUTO_TEST_CASE(a_key_without_its_service_copy_is_open_as_long_as_its_guard) {
  premises all;
  all.db.master_key().drop_service_key().value();
  BOOST_TEST(!all.db.master_key().usable().value());
  BOOST_TEST(refused_as(errc::no_slot_opened, all.db.keys().open<rows>(called("cards"))));
  {
    const auto open = all.db.master_key().open(dmk_password).value();
    BOOST_TEST(all.db.master_key().usable().value());
    BOOST_TEST(reads(all.db, "cards", all.message, "4111"));
  }
  BOOST_TEST(!all.db.master_key().usable().value());
  BOOST_TEST(refused_as(errc::not_open, all.db.master_key().close()));
}

BOOST_AUTO_TEST_CASE(opening_belongs_to_one_vault_object) {
  premises all;
  all.db.master_key().drop_service_key().value();
  const auto open = all.db.master_key().open(dmk_password).value();
  BOOST_TEST(!all.opens_by_itself());
}

BOOST_AUTO_TEST_CASE(a_wrong_password_opens_nothing_and_leaves_nothing_open) {
  premises all;
  all.db.master_key().drop_service_key().value();
  BOOST_TEST(refused_as(errc::no_slot_opened, all.db.master_key().open(other_password)));
  BOOST_TEST(refused_as(errc::no_slot_opened, all.db.master_key().open(password())));
  BOOST_TEST(!all.db.master_key().usable().value());
}

BOOST_AUTO_TEST_CASE(a_key_kept_open_stays_so_until_it_is_closed) {
  premises all;
  all.db.master_key().drop_service_key().value();
  all.db.master_key().open(dmk_password).value().keep_open();
  BOOST_TEST(all.db.master_key().usable().value());
  // A refused operation, the like of a transaction rolled back, closes nothing.
  BOOST_TEST(
      refused_as(errc::already_exists, all.db.keys().create(called("cards"), by::master_key{})));
  BOOST_TEST(all.db.master_key().usable().value());
  BOOST_TEST(accepted(all.db.master_key().close()));
  BOOST_TEST(!all.db.master_key().usable().value());
}

BOOST_AUTO_TEST_CASE(an_inner_guard_does_not_close_what_an_outer_one_keeps_open) {
  premises all;
  all.db.master_key().drop_service_key().value();
  const auto outer = all.db.master_key().open(dmk_password).value();
  { const auto inner = all.db.master_key().open(dmk_password).value(); }
  BOOST_TEST(all.db.master_key().usable().value());
}

BOOST_AUTO_TEST_CASE(a_guard_of_a_key_that_was_closed_does_not_close_the_next_opening) {
  premises all;
  all.db.master_key().drop_service_key().value();
  auto first = std::make_optional(all.db.master_key().open(dmk_password).value());
  all.db.master_key().close().value();
  const auto second = all.db.master_key().open(dmk_password).value();
  first.reset();
  BOOST_TEST(all.db.master_key().usable().value());
}

BOOST_AUTO_TEST_CASE(a_guard_outlives_its_vault_object_safely) {
  premises all;
  std::optional<open_master_key_guard<vault_state>> open;
  {
    auto other = all.here.open().value();
    open.emplace(other.database(called("sales")).value().master_key().open(dmk_password).value());
  }
  open.reset();
  BOOST_TEST(all.opens_by_itself());
}

// ADD and DROP ENCRYPTION BY PASSWORD

BOOST_AUTO_TEST_CASE(several_passwords_each_open_through_a_copy_of_their_own) {
  premises all;
  all.db.master_key().add_password(other_password).value();
  all.db.master_key().add_password(third_password).value();
  BOOST_TEST(slots_of(all.here.record("db/sales/dmk"), typed::scheme()).size() == 3U);
  for (const auto* each : {&dmk_password, &other_password, &third_password})
    BOOST_TEST(all.opens_with(*each));
  BOOST_TEST(all.opens_by_itself());
  BOOST_TEST(refused_as(errc::already_exists, all.db.master_key().add_password(other_password)));
  BOOST_TEST(refused_as(errc::password_refused, all.db.master_key().add_password(weak)));
}

BOOST_AUTO_TEST_CASE(dropping_takes_the_password_that_is_given_and_no_other) {
  premises all;
  all.db.master_key().add_password(other_password).value();
  all.db.master_key().add_password(third_password).value();
  BOOST_TEST(accepted(all.db.master_key().drop_password(other_password)));
  BOOST_TEST(!all.opens_with(other_password));
  BOOST_TEST(all.opens_with(dmk_password));
  BOOST_TEST(all.opens_with(third_password));
  BOOST_TEST(all.opens_by_itself());
  BOOST_TEST(reads(all.db, "cards", all.message, "4111"));
}

BOOST_AUTO_TEST_CASE(the_last_password_is_not_dropped) {
  premises all;
  const auto before = all.here.all();
  BOOST_TEST(refused_as(errc::last_protector, all.db.master_key().drop_password(dmk_password)));
  BOOST_TEST(refused_as(errc::no_slot_opened, all.db.master_key().drop_password(other_password)));
  BOOST_TEST((all.here.all() == before));
}

BOOST_AUTO_TEST_CASE(
    a_dropped_password_opens_an_old_copy_of_the_store_and_not_what_is_written_from_then_on) {
  premises all;
  all.db.master_key().add_password(other_password).value();
  const auto old = all.here.read("db/sales/dmk");
  const auto committed = all.here.record("db/sales/dmk").header().key_commitment;
  all.db.master_key().drop_password(other_password).value();
  BOOST_TEST((all.here.record("db/sales/dmk").header().key_commitment != committed));
  BOOST_TEST(!all.opens_with(other_password));
  // Not even by the slot as it was: the new record has another record key.
  const auto fresh = all.here.read("db/sales/dmk");
  const auto parsed_old = key_record::parse(as_bytes(old)).value();
  const auto parsed_new = key_record::parse(as_bytes(fresh)).value();
  const auto opened_old =
      opened_record::open_through(parsed_old, role::database_master_key::name, "db/sales/dmk",
                                  typed(other_password.duplicate()));
  BOOST_REQUIRE(accepted(opened_old));
  const auto old_record_key = detail::opened_record_access::record_key(*opened_old);
  BOOST_TEST(refused_as(errc::authentication_failed, parsed_new.check_commitment(old_record_key)));
  // The copy of the store that was made before still opens: documented.
  all.here.write("db/sales/dmk", old);
  BOOST_TEST(all.opens_with(other_password));
}

BOOST_AUTO_TEST_CASE(changing_passwords_needs_the_key_open) {
  premises all;
  all.db.master_key().drop_service_key().value();
  BOOST_TEST(refused_as(errc::not_open, all.db.master_key().add_password(other_password)));
  BOOST_TEST(refused_as(errc::not_open, all.db.master_key().drop_password(dmk_password)));
  BOOST_TEST(refused_as(errc::not_open, all.db.master_key().add_service_key()));
  BOOST_TEST(refused_as(errc::not_open, all.db.master_key().drop_service_key()));
  BOOST_TEST(refused_as(errc::not_open, all.db.master_key().backup(other_password)));
  BOOST_TEST(refused_as(errc::not_open, all.db.master_key().regenerate(other_password)));
  const auto open = all.db.master_key().open(dmk_password).value();
  BOOST_TEST(accepted(all.db.master_key().add_password(other_password)));
  BOOST_TEST(accepted(all.db.master_key().drop_password(dmk_password)));
  BOOST_TEST(all.db.master_key().usable().value());  // the session goes on under the new record key
}

BOOST_AUTO_TEST_CASE(passwords_above_the_number_of_slots_are_refused) {
  premises all;
  result<void> added = done();
  int count = 0;
  for (; added && count < 70; ++count)
    added = all.db.master_key().add_password(password("Many-Pass-" + std::to_string(count)));
  BOOST_TEST(refused_as(errc::limit_exceeded, added));
  BOOST_TEST(count == 63);  // 64 slots with the service copy and the first password
  BOOST_TEST(all.opens_with(password("Many-Pass-0")));
}

// ADD and DROP ENCRYPTION BY SERVICE MASTER KEY

BOOST_AUTO_TEST_CASE(dropping_the_service_copy_stops_automatic_opening_and_adding_it_resumes_it) {
  premises all;
  BOOST_TEST(accepted(all.db.master_key().drop_service_key()));
  BOOST_TEST(!all.here.all().contains("master/dmk/sales"));
  BOOST_TEST(
      slots_of(all.here.record("db/sales/dmk"), protect::service_master_key::scheme()).empty());
  BOOST_TEST(!all.opens_by_itself());
  BOOST_TEST(!all.db.master_key().opens_automatically().value());
  const auto open = all.db.master_key().open(dmk_password).value();
  BOOST_TEST(refused_as(errc::not_found, all.db.master_key().drop_service_key()));
  BOOST_TEST(accepted(all.db.master_key().add_service_key()));
  BOOST_TEST(all.opens_by_itself());
  BOOST_TEST(copies_agree(all.here));
  BOOST_TEST(refused_as(errc::already_exists, all.db.master_key().add_service_key()));
}

BOOST_AUTO_TEST_CASE(the_master_scopes_copy_follows_every_change_of_the_key) {
  premises all;
  const auto backup = all.db.master_key().backup(other_password).value();
  std::string last;
  const auto followed = [&] {
    const auto all_records = all.here.all();
    const auto now = all_records.at("master/dmk/sales");
    return copies_agree(all.here) && all.opens_by_itself() && std::exchange(last, now) != now;
  };
  BOOST_TEST(followed());
  all.db.master_key().add_password(other_password).value();
  BOOST_TEST(copies_agree(all.here));
  all.db.master_key().drop_password(dmk_password).value();
  BOOST_TEST(followed());
  all.db.master_key().regenerate(third_password).value();
  BOOST_TEST(followed());
  all.db.master_key().restore(backup, other_password, dmk_password).value();
  BOOST_TEST(followed());
  all.v.service_master_key().regenerate().value();
  BOOST_TEST(followed());
}

BOOST_AUTO_TEST_CASE(without_the_master_scopes_copy_the_key_does_not_open_automatically) {
  premises all;
  all.here.write("master/dmk/sales", std::nullopt);
  BOOST_TEST(!all.opens_by_itself());
  BOOST_TEST(!all.db.master_key().opens_automatically().value());
  const auto open = all.db.master_key().open(dmk_password).value();
  BOOST_TEST(accepted(all.db.master_key().add_service_key()));
  BOOST_TEST(all.opens_by_itself());
}

BOOST_AUTO_TEST_CASE(a_damaged_copy_in_one_place_is_made_up_for_by_the_other) {
  for (const auto& damage :
       {std::string("not a copy"), std::string("{}"), std::string(100000, '[')}) {
    premises all;
    all.here.write("master/dmk/sales", damage);
    BOOST_TEST(all.opens_by_itself());
  }
}

BOOST_AUTO_TEST_CASE(another_databases_copy_opens_nothing) {
  premises all;
  auto stock = with_master_key(all.v, "stock");
  all.here.write("db/sales/dmk", all.here.read("db/stock/dmk"));
  all.here.write("master/dmk/sales", all.here.read("master/dmk/stock"));
  BOOST_TEST(refused_as(errc::authentication_failed, all.db.master_key().usable()));
  BOOST_TEST(refused_as(errc::authentication_failed, all.db.master_key().open(dmk_password)));
}

BOOST_AUTO_TEST_CASE(a_stripped_slot_is_noticed_by_every_way_in) {
  premises all;
  all.db.master_key().add_password(other_password).value();
  auto document = nlohmann::ordered_json::parse(all.here.read("db/sales/dmk"));
  document["slots"].erase(2);
  auto text = document.dump(1);
  text.replace(text.rfind(",\n \"mac\""), std::string::npos,
               ",\n \"mac\": \"" + document["mac"].get<std::string>() + "\"\n}\n");
  all.here.write("db/sales/dmk", text);
  BOOST_TEST(refused_as(errc::authentication_failed, all.db.master_key().open(dmk_password)));
  BOOST_TEST(refused_as(errc::authentication_failed, all.db.master_key().usable()));
}

BOOST_AUTO_TEST_CASE(an_earlier_state_of_the_record_opens_with_what_opened_it_then) {
  // Rolling back is not detectable; a rolled-back key still opens everything below it.
  premises all;
  const auto old = all.here.read("db/sales/dmk");
  const auto old_copy = all.here.read("master/dmk/sales");
  all.db.master_key().add_password(other_password).value();
  all.db.master_key().drop_password(dmk_password).value();
  all.here.write("db/sales/dmk", old);
  all.here.write("master/dmk/sales", old_copy);
  BOOST_TEST(all.opens_with(dmk_password));
  BOOST_TEST(reads(all.db, "cards", all.message, "4111"));
}

// REGENERATE

BOOST_AUTO_TEST_CASE(
    regenerating_replaces_all_passwords_by_the_one_given_and_keeps_automatic_opening) {
  premises all;
  all.db.master_key().add_password(other_password).value();
  const auto id = all.here.record("db/sales/dmk").header().id;
  BOOST_TEST(accepted(all.db.master_key().regenerate(third_password)));
  BOOST_TEST((all.here.record("db/sales/dmk").header().id != id));
  BOOST_TEST(!all.opens_with(dmk_password));
  BOOST_TEST(!all.opens_with(other_password));
  BOOST_TEST(all.opens_with(third_password));
  BOOST_TEST(all.opens_by_itself());
  BOOST_TEST(copies_agree(all.here));
  BOOST_TEST(reads(all.db, "cards", all.message, "4111"));
}

BOOST_AUTO_TEST_CASE(regenerating_a_key_that_was_not_automatic_leaves_it_so) {
  premises all;
  all.db.master_key().drop_service_key().value();
  const auto open = all.db.master_key().open(dmk_password).value();
  BOOST_TEST(accepted(all.db.master_key().regenerate(third_password)));
  BOOST_TEST(!all.db.master_key().usable().value());  // also the session's opening is over
  BOOST_TEST(!all.here.all().contains("master/dmk/sales"));
  const auto again = all.db.master_key().open(third_password).value();
  BOOST_TEST(reads(all.db, "cards", all.message, "4111"));
}

BOOST_AUTO_TEST_CASE(regenerating_moves_the_dependents_to_new_record_keys) {
  premises all;
  const auto committed = all.here.record("db/sales/symmetric_key/cards").header().key_commitment;
  all.db.master_key().regenerate(third_password).value();
  BOOST_TEST(
      (all.here.record("db/sales/symmetric_key/cards").header().key_commitment != committed));
}

BOOST_AUTO_TEST_CASE(regenerating_carries_over_keys_with_many_protectors_of_every_kind) {
  premises all;
  const password own("Key-Pass-1");
  all.db.keys()
      .create(called("many"), by::master_key{}, by::certificate{called("auditor")},
              by::password{own.duplicate()}, by::symmetric_key{called("cards")})
      .value();
  const auto message = seal(all.db, "many", "x");
  all.db.master_key().regenerate(third_password).value();
  BOOST_TEST(reads(all.db, "many", message, "x"));
  for (const auto& each : all.here.record("db/sales/symmetric_key/many").header().slots)
    BOOST_TEST(!each.id.empty());
  // Each way in still works alone.
  for (int left = 4; left > 1; --left) {
    const auto slots = all.db.keys().header(called("many")).value().slots;
    all.db.keys().drop_protector(called("many"), slots.front().id, &own).value();
    BOOST_TEST(reads(all.db, "many", message, "x", &own));
  }
}

BOOST_AUTO_TEST_CASE(regenerating_with_one_damaged_dependent_changes_nothing_and_names_exactly_it) {
  for (const auto* damaged : {"db/sales/certificate/auditor", "db/sales/asymmetric_key/partner",
                              "db/sales/symmetric_key/cards"}) {
    premises all;
    all.here.damage(damaged);
    const auto before = all.here.all();
    const auto refusal = all.db.master_key().regenerate(third_password);
    BOOST_REQUIRE(refused_as(errc::would_lose, refusal));
    BOOST_TEST(refusal.error().value_of(fact::name) == damaged);
    BOOST_TEST(refusal.error().causes().size() == 1U);
    BOOST_TEST((all.here.all() == before));

    auto plan = all.db.master_key().plan_regenerate(third_password).value();
    BOOST_TEST((names_of(plan.losses()) == std::vector<std::string>{damaged}));
    BOOST_TEST(plan.carried_over() == 2U);
    BOOST_TEST((all.here.all() == before));
    const auto report = all.db.master_key().execute(std::move(plan));
    BOOST_REQUIRE(accepted(report));
    BOOST_TEST(report->carried_over == 2U);
    BOOST_TEST(report->opens_automatically);
    const auto after = all.here.all();
    BOOST_TEST(after.at(damaged) == before.at(damaged));
    BOOST_TEST(after.at("db/sales/dmk") != before.at("db/sales/dmk"));
  }
}

BOOST_AUTO_TEST_CASE(a_plan_is_stale_once_anything_below_or_the_key_itself_changed) {
  const auto changes = {
      +[](database_handle& db) { db.keys().rotate(called("cards")).value(); },
      +[](database_handle& db) { db.keys().create(called("new"), by::master_key{}).value(); },
      +[](database_handle& db) { db.certificates().drop(called("auditor")).value(); },
      +[](database_handle& db) { db.master_key().add_password(other_password).value(); },
      +[](database_handle& db) { db.master_key().drop_service_key().value(); }};
  for (const auto change : changes) {
    premises all;
    auto plan = all.db.master_key().plan_regenerate(third_password).value();
    auto other = all.here.open().value();
    auto same = other.database(called("sales")).value();
    change(same);
    const auto before = all.here.all();
    BOOST_TEST(refused_as(errc::plan_is_stale, all.db.master_key().execute(std::move(plan))));
    BOOST_TEST((all.here.all() == before));
  }
}

BOOST_AUTO_TEST_CASE(
    a_plan_made_while_the_key_was_open_does_not_lose_everything_once_it_is_closed) {
  premises all;
  all.db.master_key().drop_service_key().value();
  std::optional<loss_plan> plan;
  {
    const auto open = all.db.master_key().open(dmk_password).value();
    plan.emplace(all.db.master_key().plan_regenerate(third_password).value());
    BOOST_TEST(plan->losses().empty());
  }
  const auto before = all.here.all();
  BOOST_TEST(refused_as(errc::plan_is_stale, all.db.master_key().execute(std::move(*plan))));
  BOOST_TEST((all.here.all() == before));
}

BOOST_AUTO_TEST_CASE(forcing_a_key_that_nobody_can_open_loses_what_only_it_protected) {
  premises all;
  const password own("Key-Pass-1");
  all.db.keys().create(called("shared"), by::master_key{}, by::password{own.duplicate()}).value();
  const auto message = seal(all.db, "shared", "kept");
  all.db.master_key().drop_service_key().value();
  auto plan = all.db.master_key().plan_regenerate(third_password).value();
  BOOST_TEST(plan.losses().size() == 4U);
  BOOST_TEST(plan.carried_over() == 0U);
  BOOST_TEST(accepted(all.db.master_key().execute(std::move(plan))));
  const auto open = all.db.master_key().open(third_password).value();
  BOOST_TEST(refused_as(errc::no_slot_opened, all.db.keys().open<rows>(called("cards"))));
  BOOST_TEST(reads(all.db, "shared", message, "kept", &own));
  // A rotation gives the key that its password still opens to the new master key again.
  all.db.keys().rotate(called("shared"), &own).value();
  BOOST_TEST(reads(all.db, "shared", message, "kept"));
}

// BACKUP and RESTORE

BOOST_AUTO_TEST_CASE(a_backup_has_a_password_of_its_own_and_a_restored_key_another) {
  premises all;
  BOOST_TEST(refused_as(errc::password_refused, all.db.master_key().backup(weak)));
  const auto backup = all.db.master_key().backup(other_password).value();
  all.db.master_key().regenerate(dmk_password).value();
  BOOST_TEST(refused_as(errc::no_slot_opened,
                        all.db.master_key().restore(backup, dmk_password, third_password)));
  BOOST_TEST(refused_as(errc::password_refused,
                        all.db.master_key().restore(backup, other_password, weak)));
  const auto report = all.db.master_key().restore(backup, other_password, third_password);
  BOOST_REQUIRE(accepted(report));
  BOOST_TEST(report->opens_automatically);
  BOOST_TEST(report->carried_over == 3U);
  BOOST_TEST(all.opens_with(third_password));
  BOOST_TEST(!all.opens_with(dmk_password));
  BOOST_TEST(!all.opens_with(other_password));
  BOOST_TEST(all.opens_by_itself());
  BOOST_TEST(reads(all.db, "cards", all.message, "4111"));
}

BOOST_AUTO_TEST_CASE(a_key_restored_over_one_that_was_not_automatic_is_not_either) {
  premises all;
  const auto backup = all.db.master_key().backup(other_password).value();
  all.db.master_key().drop_service_key().value();
  BOOST_TEST(refused_as(errc::not_open,
                        all.db.master_key().restore(backup, other_password, third_password)));
  const auto open = all.db.master_key().open(dmk_password).value();
  const auto report = all.db.master_key().restore(backup, other_password, third_password);
  BOOST_REQUIRE(accepted(report));
  BOOST_TEST(!report->opens_automatically);
  BOOST_TEST(!all.here.all().contains("master/dmk/sales"));
}

BOOST_AUTO_TEST_CASE(
    a_key_restored_where_there_was_none_is_not_opened_automatically_and_the_report_says_so) {
  premises all;
  const auto backup = all.db.master_key().backup(other_password).value();
  auto fresh = all.v.create_database(called("fresh")).value();
  const auto report = fresh.master_key().restore(backup, other_password, third_password);
  BOOST_REQUIRE(accepted(report));
  BOOST_TEST(!report->opens_automatically);
  BOOST_TEST(report->carried_over == 0U);
  BOOST_TEST(!fresh.master_key().usable().value());
  const auto open = fresh.master_key().open(third_password).value();
  BOOST_TEST(accepted(fresh.master_key().add_service_key()));
  BOOST_TEST(fresh.master_key().opens_automatically().value());
}

BOOST_AUTO_TEST_CASE(
    restoring_with_a_damaged_dependent_changes_nothing_and_its_plan_loses_exactly_that) {
  premises all;
  const auto backup = all.db.master_key().backup(other_password).value();
  all.db.master_key().regenerate(third_password).value();
  all.here.damage("db/sales/certificate/auditor");
  const auto before = all.here.all();
  BOOST_TEST(refused_as(errc::would_lose,
                        all.db.master_key().restore(backup, other_password, third_password)));
  BOOST_TEST((all.here.all() == before));
  auto plan = all.db.master_key().plan_restore(backup, other_password, third_password).value();
  BOOST_TEST((names_of(plan.losses()) == std::vector<std::string>{"db/sales/certificate/auditor"}));
  BOOST_TEST(accepted(all.db.master_key().execute(std::move(plan))));
  BOOST_TEST(reads(all.db, "cards", all.message, "4111"));
}

BOOST_AUTO_TEST_CASE(a_service_master_keys_backup_is_not_restored_as_a_database_master_key) {
  premises all;
  const auto other = all.v.service_master_key().backup(smk_backup_password).value();
  BOOST_TEST(refused_as(errc::authentication_failed,
                        all.db.master_key().restore(other, smk_backup_password, third_password)));
}

BOOST_AUTO_TEST_CASE(a_restored_backup_recovers_dependents_after_the_service_master_key_was_lost) {
  premises all;
  const auto backup = all.db.master_key().backup(other_password).value();
  auto recovering = all.here.recover("bob", "another host");
  auto plan = recovering.service_master_key().plan_regenerate().value();
  recovering.service_master_key().execute(std::move(plan)).value();
  auto db = recovering.database(called("sales")).value();
  BOOST_TEST(
      refused_as(errc::not_open, db.master_key().restore(backup, other_password, third_password)));
  auto forced = db.master_key().plan_restore(backup, other_password, third_password).value();
  BOOST_TEST(forced.losses().empty());  // what is below is under the very key that comes back
  BOOST_TEST(accepted(db.master_key().execute(std::move(forced))));
  BOOST_TEST(reads(db, "cards", all.message, "4111"));
}

// DROP

BOOST_AUTO_TEST_CASE(a_master_key_is_not_dropped_while_something_is_below_it) {
  premises all;
  const auto below = {"db/sales/certificate/auditor", "db/sales/asymmetric_key/partner",
                      "db/sales/symmetric_key/cards"};
  const auto before = all.here.all();
  const auto refusal = all.db.master_key().drop();
  BOOST_REQUIRE(refused_as(errc::has_dependents, refusal));
  BOOST_TEST(std::ranges::count(below, refusal.error().value_of(fact::name)) == 1);
  BOOST_TEST((all.here.all() == before));
  all.db.certificates().drop(called("auditor")).value();
  all.db.asymmetric_keys().drop(called("partner")).value();
  BOOST_TEST(refused_as(errc::has_dependents, all.db.master_key().drop()));
  all.db.keys().drop(called("cards")).value();
  BOOST_TEST(accepted(all.db.master_key().drop()));
  BOOST_TEST(!all.here.all().contains("db/sales/dmk"));
  BOOST_TEST(!all.here.all().contains("master/dmk/sales"));
  BOOST_TEST(refused_as(errc::not_found, all.db.master_key().drop()));
  BOOST_TEST(accepted(all.db.master_key().create(other_password)));
}

BOOST_AUTO_TEST_CASE(what_is_only_under_a_password_does_not_hold_the_master_key) {
  const installation<> here;
  auto v = here.open_or_create();
  auto db = with_master_key(v);
  const password own("Key-Pass-1");
  db.keys().create(called("own"), by::password{own.duplicate()}).value();
  db.certificates().create(called("theirs"), by::password{own.duplicate()}).value();
  const auto message = seal(db, "own", "x", &own);
  BOOST_TEST(accepted(db.master_key().drop()));
  BOOST_TEST(reads(db, "own", message, "x", &own));
}

BOOST_AUTO_TEST_CASE(dropping_a_master_key_closes_it) {
  const installation<> here;
  auto v = here.open_or_create();
  auto db = with_master_key(v);
  db.master_key().open(dmk_password).value().keep_open();
  db.master_key().drop().value();
  BOOST_TEST(refused_as(errc::not_open, db.master_key().close()));
}

// Moving a database

BOOST_AUTO_TEST_CASE(a_moved_database_opens_with_its_password_alone_and_then_becomes_automatic) {
  premises all;
  const installation<> there;
  auto v = there.open_or_create();
  for (const auto& [name, text] : all.here.all())
    if (name.starts_with("db/sales/")) there.write(name, text);
  auto moved = v.database(called("sales")).value();
  BOOST_TEST(!moved.master_key().usable().value());
  BOOST_TEST(!moved.master_key().opens_automatically().value());
  BOOST_TEST(refused_as(errc::no_slot_opened, moved.keys().open<rows>(called("cards"))));
  {
    const auto open = moved.master_key().open(dmk_password).value();
    BOOST_TEST(reads(moved, "cards", all.message, "4111"));
    BOOST_TEST(accepted(moved.master_key().add_service_key()));
  }
  BOOST_TEST(reads(moved, "cards", all.message, "4111"));
  BOOST_TEST(slots_of(there.record("db/sales/dmk"), protect::service_master_key::scheme()).size() ==
             1U);
  BOOST_TEST(copies_agree(there));
}

BOOST_AUTO_TEST_CASE(a_moved_database_with_its_masters_copy_is_told_to_be_under_another_key) {
  premises all;
  const installation<> there;
  auto v = there.open_or_create();
  for (const auto& [name, text] : all.here.all())
    if (name != "smk") there.write(name, text);
  auto moved = v.database(called("sales")).value();
  BOOST_TEST(!moved.master_key().usable().value());
  const auto status = v.status().value();
  BOOST_REQUIRE(status.size() == 1U);
  BOOST_TEST(status[0].problem.find("another service master key") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_moved_database_is_not_made_automatic_by_regenerating_or_restoring_its_key) {
  for (const bool restores : {false, true}) {
    premises all;
    const auto backup = all.db.master_key().backup(other_password).value();
    const installation<> there;
    auto v = there.open_or_create();
    for (const auto& [name, text] : all.here.all())
      if (name.starts_with("db/sales/")) there.write(name, text);
    auto moved = v.database(called("sales")).value();
    const auto open = moved.master_key().open(dmk_password).value();
    if (restores)
      BOOST_TEST(!moved.master_key()
                      .restore(backup, other_password, third_password)
                      .value()
                      .opens_automatically);
    else
      moved.master_key().regenerate(third_password).value();
    BOOST_TEST(!moved.master_key().opens_automatically().value());
    const auto again = moved.master_key().open(third_password).value();
    BOOST_TEST(reads(moved, "cards", all.message, "4111"));
  }
}

BOOST_AUTO_TEST_CASE(the_password_alone_opens_the_key_where_the_service_master_key_is_lost) {
  premises all;
  auto recovering = all.here.recover("bob", "another host");
  auto db = recovering.database(called("sales")).value();
  BOOST_TEST(!db.master_key().usable().value());
  const auto open = db.master_key().open(dmk_password).value();
  BOOST_TEST(reads(db, "cards", all.message, "4111"));
  BOOST_TEST(accepted(db.keys().rotate(called("cards"))));
  BOOST_TEST(refused_as(errc::access_lost, db.master_key().add_service_key()));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace database_master_key_test

}  // namespace keywarden::testing
