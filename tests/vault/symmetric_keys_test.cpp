// The keys that seal data: their protectors, their versions, their budgets.
#include "vault/compiled_once.hpp"

#include <boost/test/unit_test.hpp>

namespace keywarden::testing {
namespace symmetric_keys_test {

const password own("Key-Pass-1");
const password wrong("Wrong-Pass-9");

[[nodiscard]] by::password with_password() { return {own.duplicate()}; }

/// A database with one protector of each kind.
struct workshop {
  installation<> here;
  vault v = here.open_or_create();
  database_handle db = with_master_key(v);

  workshop() {
    db.certificates().create(called("auditor")).value();
    db.certificates().create<crypto::dhkem_p256>(called("classic")).value();
    db.asymmetric_keys().create<crypto::x_wing>(called("partner")).value();
    db.keys().create(called("above"), by::master_key{}).value();
  }
  [[nodiscard]] database_handle elsewhere() const {
    return here.open().value().database(called("sales")).value();
  }
  void close_master_key() { db.master_key().drop_service_key().value(); }
  [[nodiscard]] std::vector<key_encryption> encryptions_of(std::string_view key) const {
    std::vector<key_encryption> rows;
    for (auto& each : db.key_encryptions().value())
      if (each.key == key) rows.push_back(each);
    return rows;
  }
  [[nodiscard]] std::string slot_of(std::string_view key, std::string_view crypt_type) const {
    for (const auto& each : encryptions_of(key))
      if (each.crypt_type == crypt_type) return each.slot;
    return "none";
  }
};

/// Sets how many messages the version that seals has leased, as the record itself counts them.
void set_leased(const installation<>& here, std::string_view name, std::uint64_t count) {
  const auto record_name = named("db/sales/symmetric_key/" + std::string(name));
  auto state = vault_state(here.place.open(), here.key(), {}, {});
  state.open_service_key(false).value();
  const auto through = [&](std::string_view of, std::string_view kind, const auto& parent) {
    return opened_record::open_through(here.record(of), kind, of, parent).value();
  };
  const auto dmk =
      through("db/sales/dmk", role::database_master_key::name, state.service_parent().value());
  auto key = through(record_name.text(), role::symmetric_key::name,
                     protect::database_master_key(
                         detail::as_parent(dmk.header().id, detail::load_ring(dmk).value())));
  for (auto& version : key.header().versions)
    if (version.state == key_state::active) version.leased_messages = count;
  here.write(record_name.text(), std::string(as_text(key.encode().value())));
}
std::uint64_t leased(const installation<>& here, std::string_view name) {
  std::uint64_t total = 0;
  const auto record = here.record("db/sales/symmetric_key/" + std::string(name));
  for (const auto& version : record.header().versions) total += version.leased_messages;
  return total;
}

BOOST_AUTO_TEST_SUITE(symmetric_key_rings)

// Protectors

BOOST_AUTO_TEST_CASE(a_key_with_protectors_of_every_kind_opens_through_each_alone) {
  workshop all;
  all.db.keys()
      .create(called("many"), by::master_key{}, by::certificate{called("auditor")},
              by::asymmetric_key{called("partner")}, with_password(),
              by::symmetric_key{called("above")})
      .value();
  const auto message = seal(all.db, "many", "4111");
  const auto rows = all.encryptions_of("many");
  BOOST_REQUIRE(rows.size() == 5U);
  for (const auto* kept : {"ESKM", "EPUC", "EPUA", "ESP3", "ESKS"}) {
    const auto before = all.here.read("db/sales/symmetric_key/many");
    for (const auto& each : rows)
      if (each.crypt_type != kept)
        all.db.keys().drop_protector(called("many"), each.slot, &own).value();
    BOOST_TEST(all.encryptions_of("many").size() == 1U, kept);
    BOOST_TEST(
        reads(all.db, "many", message, "4111", std::string_view(kept) == "ESP3" ? &own : nullptr),
        kept);
    BOOST_TEST(
        refused_as(errc::last_protector,
                   all.db.keys().drop_protector(called("many"), all.slot_of("many", kept), &own)));
    all.here.write("db/sales/symmetric_key/many", before);
  }
}

BOOST_AUTO_TEST_CASE(several_protectors_of_one_kind_coexist) {
  workshop all;
  const password second("Second-Pass-2");
  all.db.certificates().create(called("second")).value();
  all.db.keys()
      .create(called("k"), with_password(), by::password{second.duplicate()},
              by::certificate{called("auditor")}, by::certificate{called("second")})
      .value();
  const auto message = seal(all.db, "k", "x");
  BOOST_TEST(all.encryptions_of("k").size() == 4U);
  all.close_master_key();
  BOOST_TEST(reads(all.db, "k", message, "x", &own));
  BOOST_TEST(reads(all.db, "k", message, "x", &second));
  BOOST_TEST(refused_as(errc::no_slot_opened, all.db.keys().open<rows>(called("k"))));
  BOOST_TEST(refused_as(errc::no_slot_opened, all.db.keys().open<rows>(called("k"), &wrong)));
}

BOOST_AUTO_TEST_CASE(a_protector_that_does_not_exist_or_a_weak_password_makes_no_key) {
  workshop all;
  const auto before = all.here.all();
  BOOST_TEST(refused_as(errc::not_found,
                        all.db.keys().create(called("k"), by::certificate{called("nobody")})));
  BOOST_TEST(refused_as(errc::not_found,
                        all.db.keys().create(called("k"), by::asymmetric_key{called("auditor")})));
  BOOST_TEST(refused_as(errc::not_found,
                        all.db.keys().create(called("k"), by::symmetric_key{called("k")})));
  BOOST_TEST(refused_as(errc::password_refused,
                        all.db.keys().create(called("k"), by::password{password("weak")})));
  BOOST_TEST(
      refused_as(errc::already_exists, all.db.keys().create(called("above"), by::master_key{})));
  all.close_master_key();
  BOOST_TEST(refused_as(errc::not_open, all.db.keys().create(called("k"), by::master_key{})));
  BOOST_TEST(!all.here.all().contains("db/sales/symmetric_key/k"));
}

BOOST_AUTO_TEST_CASE(a_dropped_password_opens_the_key_no_more) {
  workshop all;
  all.db.keys().create(called("k"), by::master_key{}, with_password()).value();
  const auto message = seal(all.db, "k", "x");
  const auto committed = all.here.record("db/sales/symmetric_key/k").header().key_commitment;
  all.db.keys().drop_protector(called("k"), all.slot_of("k", "ESP3")).value();
  BOOST_TEST((all.here.record("db/sales/symmetric_key/k").header().key_commitment != committed));
  BOOST_TEST(reads(all.db, "k", message, "x"));
  all.close_master_key();
  BOOST_TEST(refused_as(errc::no_slot_opened, all.db.keys().open<rows>(called("k"), &own)));
  BOOST_TEST(
      refused_as(errc::no_slot_opened, all.db.keys().drop_protector(called("k"), "00000000")));
}

BOOST_AUTO_TEST_CASE(a_wrong_password_is_noticed_although_the_master_key_opens_the_key) {
  workshop all;
  const password second("Second-Pass-2");
  all.db.keys()
      .create(called("k"), by::master_key{}, with_password(), by::password{second.duplicate()})
      .value();
  BOOST_TEST(accepted(all.db.keys().open<rows>(called("k"), &wrong)));
  BOOST_TEST(refused_as(errc::no_slot_opened, all.db.keys().check_password(called("k"), wrong)));
  BOOST_TEST(accepted(all.db.keys().check_password(called("k"), own)));
  BOOST_TEST(accepted(all.db.keys().check_password(called("k"), second)));
}

BOOST_AUTO_TEST_CASE(a_password_is_no_way_into_a_key_without_one) {
  workshop all;
  all.db.certificates().create(called("locked"), with_password()).value();
  all.db.keys().create(called("k"), by::master_key{}, by::certificate{called("auditor")}).value();
  all.db.keys().create(called("under"), by::certificate{called("locked"), &own}).value();
  BOOST_TEST(refused_as(errc::no_slot_opened, all.db.keys().check_password(called("k"), own)));
  BOOST_TEST(
      refused_as(errc::no_slot_opened, all.db.keys().check_password(called("under"), wrong)));
  BOOST_TEST(accepted(all.db.keys().check_password(called("under"), own)));
  BOOST_TEST(refused_as(errc::not_found, all.db.keys().check_password(called("none"), own)));
}

BOOST_AUTO_TEST_CASE(a_protector_is_added_to_a_key_that_only_a_password_opens) {
  workshop all;
  all.db.keys().create(called("k"), with_password()).value();
  const auto message = seal(all.db, "k", "x", &own);
  BOOST_TEST(
      refused_as(errc::no_slot_opened, all.db.keys().add_protector(called("k"), by::master_key{})));
  BOOST_TEST(refused_as(errc::no_slot_opened,
                        all.db.keys().add_protector(called("k"), by::master_key{}, &wrong)));
  BOOST_TEST(accepted(all.db.keys().add_protector(called("k"), by::master_key{}, &own)));
  BOOST_TEST(reads(all.elsewhere(), "k", message, "x"));
  BOOST_TEST(refused_as(errc::not_found, all.db.keys().drop_protector(called("k"), "00000000")));
}

BOOST_AUTO_TEST_CASE(
    a_classic_certificate_lowers_a_new_keys_floor_and_is_refused_for_a_quantum_safe_key) {
  workshop all;
  all.db.keys().create(called("safe"), by::master_key{}).value();
  all.db.keys()
      .create(called("classic"), by::master_key{}, by::certificate{called("classic")})
      .value();
  BOOST_TEST(all.db.keys().header(called("safe")).value().floor.quantum_safe);
  BOOST_TEST(!all.db.keys().header(called("classic")).value().floor.quantum_safe);
  const auto before = all.here.all();
  BOOST_TEST(
      refused_as(errc::weaker_than_required,
                 all.db.keys().add_protector(called("safe"), by::certificate{called("classic")})));
  BOOST_TEST((all.here.all() == before));
  BOOST_TEST(
      accepted(all.db.keys().add_protector(called("safe"), by::certificate{called("auditor")})));
  BOOST_TEST(accepted(all.db.keys().open<rows>(called("classic"))));
}

BOOST_AUTO_TEST_CASE(names_of_full_length_can_protect) {
  workshop all;
  const std::string longest(object_name::max_size, 'n');
  all.db.certificates().create(called(longest)).value();
  all.db.asymmetric_keys().create(called(longest)).value();
  all.db.keys().create(called(longest), by::master_key{}).value();
  BOOST_TEST(accepted(all.db.keys().create(called("k"), by::certificate{called(longest)},
                                           by::asymmetric_key{called(longest)},
                                           by::symmetric_key{called(longest)})));
  BOOST_TEST(accepted(all.db.keys().open<rows>(called("k"))));
  BOOST_TEST(all.slot_of("k", "EPUA") != "none");
}

// Keys under keys

BOOST_AUTO_TEST_CASE(a_key_under_a_key_follows_its_parent_through_rotations) {
  workshop all;
  all.db.keys().create(called("below"), by::symmetric_key{called("above")}).value();
  const auto message = seal(all.db, "below", "x");
  const auto first = all.db.keys().header(called("above")).value().versions.front().id;
  all.db.keys().rotate(called("above")).value();
  BOOST_TEST(reads(all.db, "below", message, "x"));
  all.db.keys().rotate(called("below")).value();
  BOOST_TEST(reads(all.db, "below", message, "x"));
  all.db.keys().disable(called("above"), first).value();
  BOOST_TEST(refused_as(errc::no_slot_opened, all.db.keys().open<rows>(called("below"))));
  all.db.keys().enable(called("above"), first).value();
  BOOST_TEST(reads(all.db, "below", message, "x"));
}

BOOST_AUTO_TEST_CASE(
    a_second_protection_under_a_newer_version_of_the_same_parent_opens_when_the_first_does_not) {
  workshop all;
  all.db.keys().create(called("below"), by::symmetric_key{called("above")}).value();
  const auto message = seal(all.db, "below", "x");
  const auto first = all.db.keys().header(called("above")).value().versions.front().id;
  all.db.keys().rotate(called("above")).value();
  all.db.keys().add_protector(called("below"), by::symmetric_key{called("above")}).value();
  all.db.keys().disable(called("above"), first).value();
  BOOST_TEST(reads(all.db, "below", message, "x"));
}

BOOST_AUTO_TEST_CASE(a_key_that_protects_another_is_not_dropped) {
  workshop all;
  all.db.keys().create(called("below"), by::symmetric_key{called("above")}).value();
  const auto refusal = all.db.keys().drop(called("above"));
  BOOST_REQUIRE(refused_as(errc::has_dependents, refusal));
  BOOST_TEST(refusal.error().value_of(fact::name) == "db/sales/symmetric_key/below");
  all.db.keys().drop(called("below")).value();
  BOOST_TEST(accepted(all.db.keys().drop(called("above"))));
  BOOST_TEST(refused_as(errc::not_found, all.db.keys().drop(called("above"))));
  BOOST_TEST(refused_as(errc::not_found, all.db.keys().open<rows>(called("above"))));
}

BOOST_AUTO_TEST_CASE(keys_may_stand_eight_deep_and_no_deeper) {
  workshop all;
  std::string parent = "above";
  for (int depth = 1; depth <= 8; ++depth) {
    const auto name = "k" + std::to_string(depth);
    BOOST_REQUIRE(accepted(all.db.keys().create(called(name), by::symmetric_key{called(parent)})));
    parent = name;
  }
  const auto message = seal(all.db, "k8", "deep");
  BOOST_TEST(reads(all.db, "k8", message, "deep"));
  BOOST_TEST(accepted(all.db.keys().create(called("k9"), by::symmetric_key{called("k8")})));
  BOOST_TEST(refused_as(errc::no_slot_opened, all.db.keys().open<rows>(called("k9"))));
}

BOOST_AUTO_TEST_CASE(keys_that_protect_each_other_open_while_one_has_another_way_in) {
  workshop all;
  all.db.keys().create(called("a"), with_password()).value();
  all.db.keys().create(called("b"), by::master_key{}).value();
  all.db.keys().add_protector(called("a"), by::symmetric_key{called("b")}, &own).value();
  all.db.keys().add_protector(called("b"), by::symmetric_key{called("a")}).value();
  const auto message = seal(all.db, "a", "x");
  BOOST_TEST(reads(all.db, "a", message, "x"));
  all.close_master_key();
  BOOST_TEST(refused_as(errc::no_slot_opened, all.db.keys().open<rows>(called("a"))));
  BOOST_TEST(refused_as(errc::no_slot_opened, all.db.keys().open<rows>(called("b"))));
  BOOST_TEST(reads(all.db, "a", message, "x", &own));
}

BOOST_AUTO_TEST_CASE(a_forged_web_of_keys_under_each_other_is_refused_at_once) {
  // Whoever can write the store makes every key claim to be under every other, many times over.
  workshop all;
  constexpr int count = 8;
  std::vector<std::string> ids;
  for (int i = 0; i < count; ++i) {
    all.db.keys()
        .create(called("k" + std::to_string(i)), by::symmetric_key{called("above")})
        .value();
    ids.push_back(
        to_hex(all.here.record("db/sales/symmetric_key/k" + std::to_string(i)).header().id.view()));
  }
  for (int i = 0; i < count; ++i) {
    const auto name = "db/sales/symmetric_key/k" + std::to_string(i);
    auto document = nlohmann::ordered_json::parse(all.here.read(name));
    const auto slot = document["slots"][0];
    document["slots"].clear();
    for (int j = 0; j < 60; ++j) {
      auto forged = slot;
      forged["id"] =
          "0000" + std::string(1, static_cast<char>('a' + j / 10)) + std::to_string(j % 10) + "00";
      forged["data"]["parent"] = ids[static_cast<std::size_t>((i + 1 + j % (count - 1)) % count)];
      document["slots"].push_back(std::move(forged));
    }
    auto text = document.dump(1);
    text.replace(text.rfind(",\n \"mac\""), std::string::npos,
                 ",\n \"mac\": \"" + document["mac"].get<std::string>() + "\"\n}\n");
    all.here.write(name, text);
  }
  BOOST_TEST(refused_as(errc::no_slot_opened, all.db.keys().open<rows>(called("k0"))));
}

BOOST_AUTO_TEST_CASE(slots_of_a_forged_form_are_refused_and_throw_nothing) {
  workshop all;
  all.db.keys()
      .create(called("k"), by::symmetric_key{called("above")}, by::certificate{called("auditor")})
      .value();
  const auto good = all.here.read("db/sales/symmetric_key/k");
  for (const auto* member : {"parent", "parent_version", "public_key", "scheme", "hidden", "salt"})
    for (const auto& value : {nlohmann::ordered_json(5), nlohmann::ordered_json(-1),
                              nlohmann::ordered_json(nullptr), nlohmann::ordered_json::array(),
                              nlohmann::ordered_json("x"), nlohmann::ordered_json(1.5)}) {
      auto document = nlohmann::ordered_json::parse(good);
      for (auto& each : document["slots"])
        if (each["data"].contains(member)) each["data"][member] = value;
      auto text = document.dump(1);
      text.replace(text.rfind(",\n \"mac\""), std::string::npos,
                   ",\n \"mac\": \"" + document["mac"].get<std::string>() + "\"\n}\n");
      all.here.write("db/sales/symmetric_key/k", text);
      BOOST_TEST(!all.db.keys().open<rows>(called("k")).has_value(), member);
      BOOST_TEST(!all.db.keys().rotate(called("k")).has_value(), member);
      static_cast<void>(all.db.keys().drop(called("above")).has_value());
      all.db.keys().create(called("above"), by::master_key{}).has_value();
      static_cast<void>(all.db.certificates().drop(called("unknown")).has_value());
      static_cast<void>(all.db.key_encryptions().has_value());
    }
}

BOOST_AUTO_TEST_CASE(a_damaged_parent_is_one_way_in_that_is_gone_not_the_keys_own_damage) {
  workshop all;
  all.db.keys()
      .create(called("k"), by::symmetric_key{called("above")}, by::certificate{called("auditor")},
              by::master_key{})
      .value();
  const auto message = seal(all.db, "k", "x");
  all.here.damage("db/sales/symmetric_key/above");
  BOOST_TEST(refused_as(errc::authentication_failed, all.db.keys().open<rows>(called("above"))));
  BOOST_TEST(reads(all.db, "k", message, "x"));
  all.here.damage("db/sales/certificate/auditor");
  BOOST_TEST(reads(all.db, "k", message, "x"));
}

// Records that were moved or altered

BOOST_AUTO_TEST_CASE(a_key_under_another_name_or_database_does_not_open) {
  workshop all;
  all.db.keys().create(called("strong"), by::master_key{}).value();
  all.here.write("db/sales/symmetric_key/renamed", all.here.read("db/sales/symmetric_key/strong"));
  BOOST_TEST(refused_as(errc::authentication_failed, all.db.keys().open<rows>(called("renamed"))));
  auto stock = with_master_key(all.v, "stock");
  all.here.write("db/stock/symmetric_key/strong", all.here.read("db/sales/symmetric_key/strong"));
  BOOST_TEST(!stock.keys().open<rows>(called("strong")).has_value());
}

BOOST_AUTO_TEST_CASE(an_altered_record_is_told_as_altered) {
  workshop all;
  for (const auto* member :
       {"\"material\": \"", "\"state\": \"", "\"cipher\": \"", "\"label\": \""}) {
    all.db.keys().create(called("k"), by::master_key{}).value();
    all.here.damage("db/sales/symmetric_key/k", member);
    const auto opened = all.db.keys().open<rows>(called("k"));
    BOOST_TEST(
        (refused_as(errc::authentication_failed, opened) || refused_as(errc::malformed, opened)),
        member);
    all.here.write("db/sales/symmetric_key/k", std::nullopt);
  }
}

BOOST_AUTO_TEST_CASE(messages_of_one_key_do_not_open_under_another_or_in_another_database) {
  workshop all;
  all.db.keys().create(called("one"), by::master_key{}).value();
  all.db.keys().create(called("two"), by::master_key{}).value();
  const auto message = seal(all.db, "one", "x");
  BOOST_TEST(
      refused_as(errc::unknown_key, all.db.keys().open<rows>(called("two")).value().open(message)));
}

// Versions

BOOST_AUTO_TEST_CASE(rotating_seals_with_a_new_version_and_opens_what_the_old_one_sealed) {
  workshop all;
  all.db.keys().create(called("k"), by::master_key{}).value();
  const auto old = seal(all.db, "k", "old");
  const auto first = all.db.keys().open<rows>(called("k")).value().active();
  const auto second = all.db.keys().rotate(called("k")).value();
  BOOST_TEST((first != second));
  BOOST_TEST((all.db.keys().open<rows>(called("k")).value().active() == second));
  const auto fresh = seal(all.db, "k", "new");
  BOOST_TEST(reads(all.elsewhere(), "k", old, "old"));
  BOOST_TEST(reads(all.elsewhere(), "k", fresh, "new"));
}

BOOST_AUTO_TEST_CASE(an_added_version_opens_at_once_and_seals_only_when_it_is_promoted) {
  workshop all;
  all.db.keys().create(called("k"), by::master_key{}).value();
  const auto before = all.db.keys().open<rows>(called("k")).value();
  const auto added = all.db.keys().add_version(called("k")).value();
  const auto informed = all.db.keys().open<rows>(called("k")).value();
  BOOST_TEST((informed.active() == before.active()));
  all.db.keys().promote(called("k"), added).value();
  const auto message = seal(all.db, "k", "x");
  BOOST_TEST(accepted(informed.open(message)));
  BOOST_TEST(refused_as(errc::unknown_key, before.open(message)));
  BOOST_TEST(refused_as(errc::unknown_key, all.db.keys().promote(called("k"), key_id(1))));
}

BOOST_AUTO_TEST_CASE(a_disabled_version_opens_nothing_until_it_is_enabled) {
  workshop all;
  all.db.keys().create(called("k"), by::master_key{}).value();
  const auto old = seal(all.db, "k", "old");
  const auto first = all.db.keys().open<rows>(called("k")).value().active();
  BOOST_TEST(refused_as(errc::key_state_refused, all.db.keys().disable(called("k"), first)));
  all.db.keys().rotate(called("k")).value();
  BOOST_TEST(accepted(all.db.keys().disable(called("k"), first)));
  BOOST_TEST(
      refused_as(errc::unknown_key, all.db.keys().open<rows>(called("k")).value().open(old)));
  BOOST_TEST(accepted(all.db.keys().enable(called("k"), first)));
  BOOST_TEST(reads(all.db, "k", old, "old"));
}

BOOST_AUTO_TEST_CASE(a_destroyed_version_is_gone_from_the_record_and_from_no_earlier_copy) {
  workshop all;
  all.db.keys().create(called("k"), by::master_key{}).value();
  const auto old = seal(all.db, "k", "old");
  const auto first = all.db.keys().open<rows>(called("k")).value().active();
  all.db.keys().rotate(called("k")).value();
  const auto copy = all.here.read("db/sales/symmetric_key/k");
  BOOST_TEST(refused_as(errc::key_state_refused, all.db.keys().destroy(called("k"), first)));
  all.db.keys().disable(called("k"), first).value();
  BOOST_TEST(accepted(all.db.keys().destroy(called("k"), first)));
  BOOST_TEST(
      refused_as(errc::unknown_key, all.db.keys().open<rows>(called("k")).value().open(old)));
  BOOST_TEST(refused_as(errc::key_state_refused, all.db.keys().enable(called("k"), first)));
  BOOST_TEST(all.db.keys().open_ring(called("k")).value().find(first)->secret.empty());
  const auto fresh = seal(all.db, "k", "new");
  BOOST_TEST(reads(all.db, "k", fresh, "new"));
  all.here.write("db/sales/symmetric_key/k",
                 copy);  // documented: who kept a copy of the store still has it
  BOOST_TEST(reads(all.db, "k", old, "old"));
}

BOOST_AUTO_TEST_CASE(a_rotation_replaces_the_record_key) {
  workshop all;
  all.db.keys()
      .create(called("k"), by::master_key{}, with_password(), by::certificate{called("auditor")})
      .value();
  const auto committed = all.here.record("db/sales/symmetric_key/k").header().key_commitment;
  all.db.keys().rotate(called("k")).value();
  BOOST_TEST((all.here.record("db/sales/symmetric_key/k").header().key_commitment != committed));
  all.close_master_key();
  BOOST_TEST(accepted(all.db.keys().open<rows>(called("k"), &own)));
}

// Budgets

BOOST_AUTO_TEST_CASE(a_lease_is_taken_on_the_first_seal_and_lasts_beyond_the_process) {
  workshop all;
  all.db.keys().create(called("k"), by::master_key{}).value();
  {
    const auto opened = all.db.keys().open<rows>(called("k")).value();
    BOOST_TEST(leased(all.here, "k") == 0U);
    BOOST_TEST(accepted(opened.seal(as_bytes("x"))));
    BOOST_TEST(leased(all.here, "k") == seal_budget::first_piece);
    for (std::uint64_t i = 1; i < seal_budget::first_piece; ++i)
      BOOST_TEST_REQUIRE(accepted(opened.seal(as_bytes("x"))));
    BOOST_TEST(leased(all.here, "k") == seal_budget::first_piece);
    BOOST_TEST(accepted(opened.seal(as_bytes("x"))));
    BOOST_TEST(leased(all.here, "k") == 3 * seal_budget::first_piece);
  }
  static_cast<void>(seal(all.elsewhere(), "k", "x"));
  BOOST_TEST(leased(all.here, "k") == 4 * seal_budget::first_piece);
}

BOOST_AUTO_TEST_CASE(at_the_limit_sealing_stops_opening_goes_on_and_rotating_starts_anew) {
  workshop all;
  all.db.keys().create(called("k"), by::master_key{}).value();
  constexpr auto limit = crypto::aes256_gcm::max_messages;
  set_leased(all.here, "k", limit - 3);
  const auto opened = all.db.keys().open<rows>(called("k")).value();
  const auto message = opened.seal(as_bytes("x")).value();
  BOOST_TEST(accepted(opened.seal(as_bytes("x"))));
  BOOST_TEST(accepted(opened.seal(as_bytes("x"))));
  BOOST_TEST(leased(all.here, "k") == limit);
  const auto refusal = opened.seal(as_bytes("x"));
  BOOST_REQUIRE(refused_as(errc::budget_exhausted, refusal));
  BOOST_TEST(refusal.error().value_of(fact::next_step) == "rotate the key");
  BOOST_TEST(
      refused_as(errc::budget_exhausted,
                 all.elsewhere().keys().open<rows>(called("k")).value().seal(as_bytes("x"))));
  BOOST_TEST(reads(all.db, "k", message, "x"));
  all.db.keys().rotate(called("k")).value();
  BOOST_TEST(reads(all.db, "k", seal(all.db, "k", "y"), "y"));
  BOOST_TEST(reads(all.db, "k", message, "x"));
}

BOOST_AUTO_TEST_CASE(a_key_that_outlives_a_rotation_elsewhere_leases_under_the_version_it_knows) {
  workshop all;
  all.db.keys().create(called("k"), by::master_key{}).value();
  const auto opened = all.db.keys().open<rows>(called("k")).value();
  all.elsewhere().keys().rotate(called("k")).value();
  const auto message = opened.seal(as_bytes("late"));
  BOOST_REQUIRE(accepted(message));
  BOOST_TEST(reads(all.elsewhere(), "k", *message, "late"));
  const auto record = all.here.record("db/sales/symmetric_key/k");
  const auto retired =
      std::ranges::find(record.header().versions, opened.active(), &version_info::id);
  BOOST_REQUIRE((retired != record.header().versions.end()));
  BOOST_TEST(retired->leased_messages == seal_budget::first_piece);
}

BOOST_AUTO_TEST_CASE(a_key_that_outlives_the_disabling_of_its_version_seals_no_more) {
  workshop all;
  all.db.keys().create(called("k"), by::master_key{}).value();
  const auto opened = all.db.keys().open<rows>(called("k")).value();
  all.elsewhere().keys().rotate(called("k")).value();
  all.elsewhere().keys().disable(called("k"), opened.active()).value();
  BOOST_TEST(refused_as(errc::key_state_refused, opened.seal(as_bytes("late"))));
  all.elsewhere().keys().drop(called("k")).value();
  BOOST_TEST(refused_as(errc::not_found, opened.seal(as_bytes("late"))));
}

BOOST_AUTO_TEST_CASE(an_opened_key_still_leases_after_the_master_key_was_closed) {
  workshop all;
  all.db.keys().create(called("k"), by::master_key{}).value();
  const auto opened = all.db.keys().open<rows>(called("k")).value();
  all.close_master_key();
  BOOST_TEST(accepted(opened.seal(as_bytes("x"))));
  BOOST_TEST(leased(all.here, "k") == seal_budget::first_piece);
}

BOOST_AUTO_TEST_CASE(a_key_opened_by_password_alone_is_opened_again_after_a_rotation_elsewhere) {
  // The password is not kept: what was leased before can be used up, then the key has to be opened
  // again.
  workshop all;
  all.db.keys().create(called("k"), with_password()).value();
  const auto opened = all.db.keys().open<rows>(called("k"), &own).value();
  BOOST_TEST(accepted(opened.seal(as_bytes("x"))));
  all.elsewhere().keys().rotate(called("k"), &own).value();
  for (std::uint64_t i = 1; i < seal_budget::first_piece; ++i)
    BOOST_TEST_REQUIRE(accepted(opened.seal(as_bytes("x"))));
  BOOST_TEST(refused_as(errc::no_slot_opened, opened.seal(as_bytes("x"))));
}

BOOST_AUTO_TEST_CASE(two_processes_that_lease_at_once_both_get_their_own) {
  const installation<> here;
  auto v = here.open_or_create();
  auto db = with_master_key(v);
  db.keys().create(called("k"), by::master_key{}).value();
  auto slow = here.place.open();
  const auto hook = slow.before_commit();
  auto other = vault::open(std::move(slow), here.key()).value();
  const auto opened =
      other.database(called("sales")).value().keys().open<rows>(called("k")).value();
  *hook = [&] { static_cast<void>(seal(db, "k", "in between")); };
  BOOST_TEST(accepted(opened.seal(as_bytes("x"))));
  BOOST_TEST(leased(here, "k") == 2 * seal_budget::first_piece);
}

BOOST_AUTO_TEST_CASE(a_rotation_and_a_lease_at_once_lose_neither) {
  const installation<> here;
  auto v = here.open_or_create();
  auto db = with_master_key(v);
  db.keys().create(called("k"), by::master_key{}).value();
  const auto opened = db.keys().open<rows>(called("k")).value();
  auto slow = here.place.open();
  const auto hook = slow.before_commit();
  auto other = vault::open(std::move(slow), here.key()).value();
  *hook = [&] { static_cast<void>(opened.seal(as_bytes("x")).value()); };
  BOOST_TEST(accepted(other.database(called("sales")).value().keys().rotate(called("k"))));
  BOOST_TEST(leased(here, "k") == seal_budget::first_piece);
  BOOST_TEST(here.record("db/sales/symmetric_key/k").header().versions.size() == 2U);
}

// Inspection

BOOST_AUTO_TEST_CASE(every_protection_is_one_row_with_the_type_that_sql_server_gives_it) {
  workshop all;
  all.db.keys()
      .create(called("many"), by::master_key{}, by::certificate{called("auditor")},
              by::asymmetric_key{called("partner")}, with_password(),
              by::symmetric_key{called("above")})
      .value();
  std::map<std::string, std::string> types;
  for (const auto& each : all.encryptions_of("many")) {
    BOOST_TEST(each.kind == "symmetric_key");
    types[each.crypt_type] = each.by;
  }
  BOOST_TEST(types.size() == 5U);
  BOOST_TEST(types["ESKM"] == "database master key");
  BOOST_TEST(types["ESP3"] == "password");
  BOOST_TEST(types["EPUC"] == "certificate auditor");
  BOOST_TEST(types["EPUA"] == "asymmetric_key partner");
  BOOST_TEST(types["ESKS"] == "symmetric key above");

  std::vector<std::string> master;
  for (const auto& each : all.encryptions_of("##database_master_key##"))
    master.push_back(each.crypt_type);
  std::ranges::sort(master);
  BOOST_TEST((master == std::vector<std::string>{"ESKM", "ESP3"}));
  BOOST_TEST(all.encryptions_of("auditor").size() == 1U);
  BOOST_TEST(all.db.key_encryptions().value().size() == 5U + 2U + 4U);
}

BOOST_AUTO_TEST_CASE(inspection_names_a_record_that_cannot_be_read) {
  workshop all;
  all.here.write("db/sales/symmetric_key/broken", "{}");
  const auto refusal = all.db.key_encryptions();
  BOOST_REQUIRE(!refusal.has_value());
  BOOST_TEST(refusal.error().value_of(fact::name) == "db/sales/symmetric_key/broken");
}

BOOST_AUTO_TEST_CASE(keys_are_listed_by_name_in_order) {
  workshop all;
  all.db.keys().create(called("b"), by::master_key{}).value();
  all.db.keys().create(called("a"), by::master_key{}).value();
  BOOST_TEST((all.db.keys().list().value() == std::vector<std::string>{"a", "above", "b"}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace symmetric_keys_test

}  // namespace keywarden::testing
