// The vault itself, over every store: databases, the server's own secrets, and several vaults on
// one store.
#include "vault/compiled_once.hpp"

#include <boost/test/unit_test.hpp>

// Here for all files of this folder.
template class keywarden::vault<keywarden::testing::policy>;
template class keywarden::database<keywarden::testing::vault_state, keywarden::crypto::aes256_gcm>;
template class keywarden::detail::vault_state<keywarden::testing::policy, keywarden::system_clock>;
template class keywarden::service_master_key_handle<keywarden::testing::vault_state>;
template class keywarden::database_master_key_handle<keywarden::testing::vault_state>;
template class keywarden::open_master_key_guard<keywarden::testing::vault_state>;
template class keywarden::symmetric_keys<keywarden::testing::vault_state,
                                         keywarden::crypto::aes256_gcm>;
template class keywarden::private_keys<keywarden::testing::vault_state,
                                       keywarden::role::certificate>;
template class keywarden::private_keys<keywarden::testing::vault_state,
                                       keywarden::role::asymmetric_key>;
template class keywarden::stored_secrets<keywarden::testing::vault_state,
                                         keywarden::role::credential>;
template class keywarden::stored_secrets<keywarden::testing::vault_state,
                                         keywarden::role::linked_server>;

namespace keywarden::testing {
namespace vault_test {

/// A store that lets others act right before it lists for the first time.
struct interrupted {
  static constexpr std::string_view kind = "interrupted";
  store::memory place;
  std::function<void()> before_list;
  result<std::optional<store::stored_record>> get(const record_name& name) {
    return place.get(name);
  }
  result<std::vector<record_name>> list(std::string_view prefix) {
    if (auto meanwhile = std::exchange(before_list, nullptr)) meanwhile();
    return place.list(prefix);
  }
  result<void> commit(const store::transaction& changes) { return place.commit(changes); }
};

using places = boost::mp11::mp_list<in_memory, in_files, in_sqlite>;

BOOST_AUTO_TEST_SUITE(vaults)

BOOST_AUTO_TEST_CASE_TEMPLATE(what_one_process_seals_another_opens, Place, places) {
  installation<Place> here;
  auto v = here.open_or_create();
  BOOST_TEST(v.service_master_key().report().created);
  auto db = with_master_key(v);
  BOOST_TEST(accepted(db.keys().create(called("cards"), by::master_key{})));
  const auto message = seal(db, "cards", "4111");
  BOOST_TEST(accepted(v.credentials().put(called("ftp"), "alice", as_bytes("geheim"))));

  auto later = here.open().value();
  BOOST_TEST(!later.service_master_key().report().created);
  BOOST_TEST(reads(later.database(called("sales")).value(), "cards", message, "4111"));
  const auto stored = later.credentials().get(called("ftp")).value();
  BOOST_TEST(stored.identity == "alice");
  BOOST_TEST(stored.secret.text() == "geheim");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_whole_life_of_a_hierarchy_keeps_every_message_readable, Place,
                              places) {
  installation<Place> here;
  auto v = here.open_or_create();
  const auto backup = v.service_master_key().backup(smk_backup_password).value();
  auto db = with_master_key(v);
  db.certificates().create(called("auditor")).value();
  db.keys().create(called("cards"), by::master_key{}, by::certificate{called("auditor")}).value();
  db.keys().create(called("sub"), by::symmetric_key{called("cards")}).value();
  const auto first = seal(db, "cards", "one");
  const auto below = seal(db, "sub", "under");
  db.keys().rotate(called("cards")).value();
  const auto second = seal(db, "cards", "two");
  v.service_master_key().regenerate().value();
  db.master_key().regenerate(other_password).value();
  v.service_master_key().restore(backup, smk_backup_password).value();
  db.master_key().drop_service_key().value();
  const auto open = db.master_key().open(other_password).value();
  db.master_key().add_service_key().value();

  auto later = here.open("alice", "another host").value();
  BOOST_TEST(later.service_master_key().report().repaired.size() == 1U);
  auto same = later.database(called("sales")).value();
  BOOST_TEST(reads(same, "cards", first, "one"));
  BOOST_TEST(reads(same, "cards", second, "two"));
  BOOST_TEST(reads(same, "sub", below, "under"));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_refused_regeneration_leaves_every_record_of_every_store_as_it_was,
                              Place, places) {
  installation<Place> here;
  auto v = here.open_or_create();
  auto db = with_master_key(v);
  v.credentials().put(called("ftp"), "alice", as_bytes("geheim")).value();
  v.credentials().put(called("web"), "bob", as_bytes("secret")).value();
  here.damage("credential/ftp");
  const auto before = here.all();
  BOOST_TEST(refused_as(errc::would_lose, v.service_master_key().regenerate()));
  BOOST_TEST((here.all() == before));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(two_vaults_that_heal_at_once_both_open, Place, places) {
  installation<Place> here;
  static_cast<void>(here.open_or_create());
  const auto moved = here.key("alice", "another host");
  auto slow = here.place.open();
  *slow.before_commit() = [&] {
    BOOST_TEST(accepted(here.open(moved)));
  };  // right before the first one's own repair
  auto first = vault::open(std::move(slow), moved);
  BOOST_REQUIRE(accepted(first));
  BOOST_TEST(first->service_master_key().report().healthy());
  BOOST_TEST(accepted(here.open("carol", "another host")));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(two_first_openers_get_the_same_key, Place, places) {
  installation<Place> here;
  auto slow = here.place.open();
  *slow.before_commit() = [&] {
    auto faster = here.open_or_create();
    faster.credentials().put(called("ftp"), "alice", as_bytes("geheim")).value();
  };
  auto v = vault::open_or_create(std::move(slow), here.key());
  BOOST_REQUIRE(accepted(v));
  BOOST_TEST(!v->service_master_key().report().created);
  BOOST_TEST(v->credentials().get(called("ftp")).value().secret.text() == "geheim");
}

BOOST_AUTO_TEST_CASE(a_second_first_opener_that_finds_other_records_looks_for_the_key_again) {
  // The key and a database appear between its look for the key and its look for other records.
  const installation<> here;
  auto v = vault::open_or_create(
      any_store(
          interrupted{here.place.place.share(), [&] { static_cast<void>(here.open_or_create()); }}),
      here.key());
  BOOST_REQUIRE(accepted(v));
  BOOST_TEST(!v->service_master_key().report().created);
}

// Two processes at once: the second acts right before the first one's commit.

template <class Place>
struct interleaved {
  installation<Place> here;
  vault second = here.open_or_create();
  database_handle db = with_master_key(second);
  std::shared_ptr<std::function<void()>> meanwhile;
  vault first = [&] {
    auto slow = here.place.open();
    meanwhile = slow.before_commit();
    return vault::open(std::move(slow), here.key()).value();
  }();
  database_handle same = first.database(called("sales")).value();
};

BOOST_AUTO_TEST_CASE_TEMPLATE(
    a_secret_stored_while_the_service_master_key_is_regenerated_is_not_lost, Place, places) {
  interleaved<Place> both;
  *both.meanwhile = [&] {
    both.second.credentials().put(called("new"), "x", as_bytes("kept")).value();
  };
  BOOST_TEST(accepted(both.first.service_master_key().regenerate()));
  BOOST_TEST(accepted(both.first.credentials().get(called("new"))));
  BOOST_TEST(accepted(both.here.open().value().credentials().get(called("new"))));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    a_service_master_key_regenerated_while_a_secret_is_stored_loses_it_not, Place, places) {
  interleaved<Place> both;
  *both.meanwhile = [&] { both.second.service_master_key().regenerate().value(); };
  BOOST_TEST(accepted(both.first.credentials().put(called("new"), "x", as_bytes("kept"))));
  BOOST_TEST(accepted(both.here.open().value().credentials().get(called("new"))));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    a_master_key_made_while_the_service_master_key_is_regenerated_opens_automatically, Place,
    places) {
  interleaved<Place> both;
  *both.meanwhile = [&] { static_cast<void>(with_master_key(both.second, "stock")); };
  BOOST_TEST(accepted(both.first.service_master_key().regenerate()));
  BOOST_TEST(both.first.database(called("stock")).value().master_key().usable().value());
  both.db.master_key().drop_service_key().value();
  both.same.master_key().open(dmk_password).value().keep_open();
  *both.meanwhile = [&] { both.second.service_master_key().regenerate().value(); };
  BOOST_TEST(accepted(both.same.master_key().add_service_key()));
  BOOST_TEST(
      both.here.open().value().database(called("sales")).value().master_key().usable().value());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_key_made_while_the_master_key_is_regenerated_is_not_lost, Place,
                              places) {
  interleaved<Place> both;
  *both.meanwhile = [&] {
    both.db.keys().create(called("new"), by::master_key{}).value();
    both.db.certificates().create(called("c")).value();
  };
  BOOST_TEST(accepted(both.same.master_key().regenerate(other_password)));
  BOOST_TEST(opens(both.same, "new"));
  BOOST_TEST(accepted(both.same.certificates().backup(called("c"), other_password)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_master_key_regenerated_while_a_key_is_made_loses_it_not, Place,
                              places) {
  interleaved<Place> both;
  const auto regenerate = [&] { both.db.master_key().regenerate(other_password).value(); };
  *both.meanwhile = regenerate;
  BOOST_TEST(accepted(both.same.keys().create(called("new"), by::master_key{})));
  *both.meanwhile = regenerate;
  BOOST_TEST(accepted(both.same.certificates().create(called("c"))));
  const password own("Key-Pass-1");
  both.same.keys().create(called("later"), by::password{own.duplicate()}).value();
  *both.meanwhile = regenerate;
  BOOST_TEST(accepted(both.same.keys().add_protector(called("later"), by::master_key{}, &own)));
  for (const auto* name : {"new", "later"}) BOOST_TEST(opens(both.db, name));
  BOOST_TEST(accepted(both.db.certificates().backup(called("c"), other_password)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_comes_to_depend_on_a_key_that_is_being_dropped_keeps_it, Place,
                              places) {
  interleaved<Place> both;
  *both.meanwhile = [&] { both.db.keys().create(called("k"), by::master_key{}).value(); };
  BOOST_TEST(refused_as(errc::has_dependents, both.same.master_key().drop()));
  *both.meanwhile = [&] {
    both.db.keys().create(called("below"), by::symmetric_key{called("k")}).value();
  };
  BOOST_TEST(refused_as(errc::has_dependents, both.same.keys().drop(called("k"))));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    a_certificate_dropped_while_it_comes_to_protect_a_key_is_refused_to_that_key, Place, places) {
  interleaved<Place> both;
  both.db.certificates().create(called("c")).value();
  *both.meanwhile = [&] { both.db.certificates().drop(called("c")).value(); };
  BOOST_TEST(refused_as(errc::not_found,
                        both.same.keys().create(called("k"), by::certificate{called("c")})));
  both.db.certificates().create(called("d")).value();
  *both.meanwhile = [&] {
    both.db.keys().create(called("k"), by::certificate{called("d")}).value();
  };
  BOOST_TEST(refused_as(errc::has_dependents, both.same.certificates().drop(called("d"))));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_database_that_gets_a_master_key_while_it_is_dropped_stays, Place,
                              places) {
  interleaved<Place> both;
  auto stock = both.second.create_database(called("stock")).value();
  *both.meanwhile = [&] { stock.master_key().create(dmk_password).value(); };
  BOOST_TEST(refused_as(errc::has_dependents, both.first.drop_database(called("stock"))));
  BOOST_TEST(accepted(both.first.database(called("stock"))));
}

BOOST_AUTO_TEST_CASE(an_empty_store_holds_no_vault) {
  const installation<> here;
  BOOST_TEST(refused_as(errc::not_found, here.open()));
  BOOST_TEST(here.all().empty());
}

BOOST_AUTO_TEST_CASE(a_store_that_lost_its_service_master_key_gets_no_new_one) {
  const installation<> here;
  auto v = here.open_or_create();
  v.credentials().put(called("ftp"), "alice", as_bytes("geheim")).value();
  here.write("smk", std::nullopt);
  const auto before = here.all();
  const auto again = vault::open_or_create(here.place.open(), here.key());
  BOOST_TEST(refused_as(errc::store_corrupt, again));
  BOOST_TEST(again.error().message().find("restore a backup") != std::string::npos);
  BOOST_TEST((here.all() == before));
}

BOOST_AUTO_TEST_CASE(a_new_instance_reads_data_it_did_not_seal_once_the_key_is_restored) {
  const installation<> old;
  auto v = old.open_or_create();
  auto db = with_master_key(v);
  db.keys().create(called("cards"), by::master_key{}).value();
  const auto message = seal(db, "cards", "4111");
  const auto backup = v.service_master_key().backup(smk_backup_password).value();

  const installation<>
      fresh;  // the records, on other machines and with other accounts, and without their root
  for (const auto& [name, text] : old.all())
    if (name != "smk") fresh.write(name, text);
  auto recovering = fresh.recover("bob", "new host");
  BOOST_TEST(
      refused_as(errc::not_found, recovering.credentials().put(called("x"), "y", as_bytes("z"))));
  BOOST_TEST(accepted(recovering.service_master_key().restore(backup, smk_backup_password)));
  auto opened = fresh.open("bob", "new host");
  BOOST_REQUIRE(accepted(opened));
  BOOST_TEST(reads(opened->database(called("sales")).value(), "cards", message, "4111"));
}

BOOST_AUTO_TEST_CASE(databases_are_listed_once_each_whatever_their_keys_are_called) {
  const installation<> here;
  auto v = here.open_or_create();
  auto db = with_master_key(v, "b");
  static_cast<void>(v.create_database(called("a")).value());
  db.keys().create(called("database"), by::master_key{}).value();
  db.keys().create(called("dmk"), by::master_key{}).value();
  const auto names = v.databases().value();
  BOOST_REQUIRE(names.size() == 2U);
  BOOST_TEST(names[0].text() == "a");
  BOOST_TEST(names[1].text() == "b");
  BOOST_TEST(accepted(v.service_master_key().regenerate()));
  BOOST_TEST(accepted(db.keys().open<rows>(called("dmk"))));
}

BOOST_AUTO_TEST_CASE(
    a_damaged_key_called_like_a_master_key_is_no_dependent_of_the_service_master_key) {
  const installation<> here;
  auto v = here.open_or_create();
  auto db = with_master_key(v);
  db.keys().create(called("dmk"), by::master_key{}).value();
  here.write("db/sales/symmetric_key/dmk", "not a record");
  BOOST_TEST(accepted(v.service_master_key().regenerate()));
}

BOOST_AUTO_TEST_CASE(keys_in_use_for_long_are_named) {
  const installation<> here;
  auto v = here.open_or_create();
  auto db = with_master_key(v);
  db.keys().create(called("database"), by::master_key{}).value();
  const auto due = v.rotations_due(std::chrono::days(0)).value();
  std::vector<std::string> names;
  for (const auto& each : due) names.push_back(each.name);
  BOOST_TEST(
      names == (std::vector<std::string>{"db/sales/dmk", "db/sales/symmetric_key/database", "smk"}),
      boost::test_tools::per_element());
  BOOST_TEST(v.rotations_due().value().empty());
}

BOOST_AUTO_TEST_CASE(a_database_is_made_once) {
  const installation<> here;
  auto v = here.open_or_create();
  static_cast<void>(v.create_database(called("sales")).value());
  BOOST_TEST(refused_as(errc::already_exists, v.create_database(called("sales"))));
  BOOST_TEST(refused_as(errc::not_found, v.database(called("other"))));
}

BOOST_AUTO_TEST_CASE(only_an_empty_database_is_dropped) {
  const installation<> here;
  auto v = here.open_or_create();
  auto db = with_master_key(v);
  const auto refusal = v.drop_database(called("sales"));
  BOOST_TEST(refused_as(errc::has_dependents, refusal));
  BOOST_TEST(refusal.error().value_of(fact::name) == "db/sales/dmk");
  db.master_key().drop().value();
  BOOST_TEST(accepted(v.drop_database(called("sales"))));
  BOOST_TEST(refused_as(errc::not_found, v.drop_database(called("sales"))));
  BOOST_TEST(here.all().size() == 2U);  // the service master key and the fence
}

BOOST_AUTO_TEST_CASE(the_status_says_of_every_database_whether_it_opens_and_why_not) {
  const installation<> here;
  auto v = here.open_or_create();
  static_cast<void>(v.create_database(called("empty")).value());
  static_cast<void>(with_master_key(v, "good"));
  with_master_key(v, "manual").master_key().drop_service_key().value();
  static_cast<void>(with_master_key(v, "broken"));
  here.damage("db/broken/dmk");
  const auto status = v.status().value();
  BOOST_REQUIRE(status.size() == 4U);
  const auto row = [&](std::string_view name) {
    return *std::ranges::find(status, name, &database_status::name);
  };
  BOOST_TEST(!row("empty").has_master_key);
  BOOST_TEST((row("good").opens_automatically && row("good").problem.empty()));
  BOOST_TEST((row("manual").has_master_key && !row("manual").opens_automatically &&
              row("manual").problem.empty()));
  BOOST_TEST((!row("broken").opens_automatically && !row("broken").problem.empty()));
}

BOOST_AUTO_TEST_CASE(secrets_of_the_server_are_replaced_listed_and_dropped) {
  const installation<> here;
  auto v = here.open_or_create();
  v.linked_servers().put(called("hr"), "sa", as_bytes("one")).value();
  v.linked_servers().put(called("hr"), "reader", as_bytes("two")).value();
  v.credentials().put(called("hr"), "bob", as_bytes("")).value();
  BOOST_TEST(v.linked_servers().get(called("hr")).value().identity == "reader");
  BOOST_TEST(v.linked_servers().get(called("hr")).value().secret.text() == "two");
  BOOST_TEST(v.credentials().get(called("hr")).value().secret.empty());
  BOOST_TEST((v.linked_servers().list().value() == std::vector<std::string>{"hr"}));
  BOOST_TEST(accepted(v.linked_servers().drop(called("hr"))));
  BOOST_TEST(refused_as(errc::not_found, v.linked_servers().get(called("hr"))));
  BOOST_TEST(refused_as(errc::not_found, v.linked_servers().drop(called("hr"))));
  BOOST_TEST(accepted(v.credentials().get(called("hr"))));
}

BOOST_AUTO_TEST_CASE(secrets_above_their_limits_are_refused_and_at_them_kept) {
  const installation<> here;
  auto v = here.open_or_create();
  const bytes largest(65536, 7);
  const bytes larger(65537, 7);
  BOOST_TEST(accepted(v.credentials().put(called("a"), std::string(128, 'i'), largest)));
  BOOST_TEST(v.credentials().get(called("a")).value().secret.size() == 65536U);
  BOOST_TEST(refused_as(errc::limit_exceeded, v.credentials().put(called("b"), "i", larger)));
  BOOST_TEST(refused_as(errc::limit_exceeded,
                        v.credentials().put(called("b"), std::string(129, 'i'), largest)));
  BOOST_TEST(refused_as(errc::invalid_argument,
                        v.credentials().put(called("b"), "\xff\xfe", as_bytes("x"))));
}

BOOST_AUTO_TEST_CASE(a_secret_moved_to_another_name_or_role_does_not_open) {
  const installation<> here;
  auto v = here.open_or_create();
  v.credentials().put(called("admin"), "root", as_bytes("powerful")).value();
  v.credentials().put(called("guest"), "guest", as_bytes("harmless")).value();
  here.write("credential/guest", here.read("credential/admin"));
  here.write("linked_server/admin", here.read("credential/admin"));
  BOOST_TEST(refused_as(errc::authentication_failed, v.credentials().get(called("guest"))));
  BOOST_TEST(refused_as(errc::authentication_failed, v.linked_servers().get(called("admin"))));
}

BOOST_AUTO_TEST_CASE(an_identity_is_authenticated) {
  const installation<> here;
  auto v = here.open_or_create();
  v.credentials().put(called("ftp"), "alice", as_bytes("geheim")).value();
  auto text = here.read("credential/ftp");
  text.replace(text.find("alice"), 5, "mallo");
  here.write("credential/ftp", text);
  BOOST_TEST(refused_as(errc::authentication_failed, v.credentials().get(called("ftp"))));
}

BOOST_AUTO_TEST_CASE(a_record_put_back_to_an_earlier_state_opens) {
  // Rolling back is not detectable without a place that the thief of the store cannot write.
  // Documented.
  const installation<> here;
  auto v = here.open_or_create();
  v.credentials().put(called("ftp"), "alice", as_bytes("old")).value();
  const auto old = here.read("credential/ftp");
  v.credentials().put(called("ftp"), "alice", as_bytes("new")).value();
  here.write("credential/ftp", old);
  BOOST_TEST(v.credentials().get(called("ftp")).value().secret.text() == "old");
}

BOOST_AUTO_TEST_CASE(nothing_secret_stands_in_any_record) {
  const installation<> here;
  auto v = here.open_or_create();
  v.credentials().put(called("ftp"), "alice", as_bytes("Very-Secret-Text")).value();
  auto db = with_master_key(v);
  for (const auto& [name, text] : here.all()) {
    BOOST_TEST(text.find("Very-Secret-Text") == std::string::npos, name);
    BOOST_TEST(text.find("Dmk-Pass-1") == std::string::npos, name);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace vault_test

}  // namespace keywarden::testing
