#include <keywarden/protect/opened_record.hpp>

#include <boost/test/unit_test.hpp>

#include "support/refusals.hpp"
#include "world.hpp"

namespace opened_record_test {

using namespace keywarden;
using namespace keywarden::testing;
using protect::account;
using protect::all_of;
using protect::any_of;
using protect::machine;
using protect::self_healing;
using protect::threshold;

using x_wing = protect::recipient<crypto::x_wing>;

constexpr std::string_view kind = "database_master_key";
constexpr std::string_view name = "db/sales/dmk";

template <class Protector>
opened_record fresh(std::string_view content = "material") {
  return opened_record::create(kind, named(name), requirements_of<Protector>,
                               plaintext::copy_of(as_bytes(content)))
      .value();
}

template <class Protector, class Accepts = protect::accepts_from<>>
result<opened_record> reopen(bytes_view stored, const Protector& protector) {
  auto record = key_record::parse(stored);
  if (!record) return record.error();
  return opened_record::open<Protector, Accepts>(*record, kind, name, protector);
}

std::string slot_of(const opened_record& record, std::string_view label) {
  return std::ranges::find(record.header().slots, label, &slot::label)->id;
}

BOOST_AUTO_TEST_CASE(what_a_record_keeps_is_found_by_each_of_its_slots) {
  const world here;
  using pair = all_of<account, typed>;
  using three = threshold<2, typed, typed, machine>;
  using all = any_of<machine, typed, x_wing, pair, three>;
  const auto m = here.machine("m");
  const auto n = here.machine("n");
  const auto a = here.account("a");
  const auto x = recipient_of<crypto::x_wing>(0);
  auto record = fresh<all>();
  BOOST_REQUIRE(accepted(record.add_slots_of(all(m, by_heart("one"), x, pair(a, by_heart("two")),
                                                 three(by_heart("three"), by_heart("four"), n)))));
  const auto stored = record.encode().value();

  const machine no_machine = here.unprovisioned("gone");
  const pair no_pair(here.gone(), typed());
  const three no_three(typed(), typed(), no_machine);
  const auto opens = [&](const all& with) {
    const auto opened = reopen(stored, with);
    BOOST_REQUIRE(accepted(opened));
    BOOST_TEST(opened->material().text() == "material");
  };
  opens(all(m, typed(), x_wing(), no_pair, no_three));
  opens(all(no_machine, by_heart("one"), x_wing(), no_pair, no_three));
  opens(all(no_machine, typed(), x, no_pair, no_three));
  opens(all(no_machine, typed(), x_wing(), pair(a, by_heart("two")), no_three));
  opens(all(no_machine, typed(), x_wing(), no_pair, three(by_heart("three"), typed(), n)));
  opens(all(no_machine, typed(), x_wing(), no_pair, three(by_heart("wrong"), by_heart("four"), n)));
  const all nobody(no_machine, by_heart("two"), x_wing(), no_pair, no_three);
  BOOST_TEST(refused_as(errc::no_slot_opened, reopen(stored, nobody)));
}

BOOST_AUTO_TEST_CASE(combinations_nest_as_deep_as_anybody_would) {
  const world here;
  using one = all_of<machine, typed>;
  using two = threshold<2, one, account, typed>;
  using three = all_of<any_of<two, x_wing>, machine>;
  const auto m = here.machine("m");
  const three deep(any_of(two(one(m, by_heart("one")), here.account("a"), by_heart("two")),
                          recipient_of<crypto::x_wing>(0)),
                   m);
  auto record = fresh<three>();
  BOOST_REQUIRE(accepted(record.add_slots_of(deep)));
  const auto stored = record.encode();
  BOOST_REQUIRE(accepted(stored));
  BOOST_TEST(reopen(*stored, deep).value().material().text() == "material");
}

BOOST_AUTO_TEST_CASE(a_long_scheme_is_cut_to_a_label) {
  using many = threshold<3, typed, typed, typed, typed, typed, typed, typed, typed>;
  const many eight(by_heart("1"), by_heart("2"), by_heart("3"), by_heart("4"), by_heart("5"),
                   by_heart("6"), by_heart("7"), by_heart("8"));
  auto record = fresh<many>();
  BOOST_REQUIRE(accepted(record.add_slots_of(eight)));
  BOOST_TEST(record.header().slots[0].label.size() == record_limits::label);
  BOOST_TEST(accepted(reopen(record.encode().value(), eight)));
}

BOOST_AUTO_TEST_CASE(a_record_without_a_slot_is_not_stored) {
  auto record = fresh<machine>();
  BOOST_TEST(refused_as(errc::last_protector, record.encode()));
  BOOST_TEST(record.header().generation == 0U);
}

BOOST_AUTO_TEST_CASE(each_write_is_one_generation_later_and_a_refused_one_is_none) {
  const world here;
  auto record = fresh<machine>();
  BOOST_REQUIRE(accepted(record.add_slots_of(here.machine("m"))));
  for (std::uint64_t generation = 1; generation < 4; ++generation) {
    const auto stored = record.encode().value();
    BOOST_TEST(key_record::parse(stored).value().header().generation == generation);
  }
  record.header().slots[0].label = "\xff";
  BOOST_TEST(refused_as(errc::invalid_argument, record.encode()));
  BOOST_TEST(record.header().generation == 3U);
}

BOOST_AUTO_TEST_CASE(adding_a_password_touches_no_other_slot) {
  const world here;
  using either = any_of<machine, typed>;
  auto record = fresh<either>();
  BOOST_REQUIRE(accepted(record.add_slots_of(either(here.machine("m"), by_heart("one")))));
  const auto before = record.header().slots;
  const auto id = record.add_slot(by_heart("two"), "second");
  BOOST_REQUIRE(accepted(id));
  const auto& after = record.header().slots;
  BOOST_REQUIRE(after.size() == 3U);
  for (std::size_t i = 0; i < 2; ++i) {
    BOOST_TEST(after[i].id == before[i].id);
    BOOST_TEST((after[i].data == before[i].data));
  }
  BOOST_TEST(after[2].id == *id);
  const auto stored = record.encode().value();
  for (const auto* each : {"one", "two"})
    BOOST_TEST(accepted(reopen(stored, either(here.unprovisioned("gone"), by_heart(each)))));
}

BOOST_AUTO_TEST_CASE(a_slot_that_undercuts_the_floor_is_not_added) {
  const world here;
  auto record = fresh<machine>();
  const auto refused = record.add_slot(by_heart("one"), "password");
  BOOST_TEST(refused_as(errc::weaker_than_required, refused));
  BOOST_TEST(refused.error().value_of(fact::reason) == "strength in bits");
  BOOST_TEST(
      refused_as(errc::weaker_than_required,
                 record.add_slot(here.account("a"), "account")));  // not bound to the machine
  BOOST_TEST(refused_as(errc::weaker_than_required,
                        record.add_slot(recipient_of<crypto::dhkem_p256>(0), "recipient")));
  BOOST_TEST(record.header().slots.empty());
  BOOST_TEST(accepted(record.add_slot(here.machine("m"), "machine")));
}

BOOST_AUTO_TEST_CASE(a_record_holds_64_slots) {
  const world here;
  auto record = fresh<machine>();
  for (int i = 0; i < 64; ++i)
    BOOST_REQUIRE(accepted(record.add_slot(here.machine("m"), "machine")));
  BOOST_TEST(refused_as(errc::limit_exceeded, record.add_slot(here.machine("m"), "machine")));
  BOOST_TEST(accepted(reopen(record.encode().value(), here.machine("m"))));
}

BOOST_AUTO_TEST_CASE(the_last_slot_is_not_dropped) {
  const world here;
  using either = any_of<machine, typed>;
  auto record = fresh<either>();
  BOOST_REQUIRE(accepted(record.add_slots_of(either(here.machine("m"), by_heart("one")))));
  BOOST_TEST(refused_as(errc::not_found, record.drop_slot("ffffffff_")));
  BOOST_REQUIRE(accepted(record.drop_slot(record.header().slots[0].id)));
  BOOST_TEST(refused_as(errc::last_protector, record.drop_slot(record.header().slots[0].id)));
  BOOST_TEST(record.header().slots.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_dropped_password_no_longer_opens_and_nobody_else_types_theirs) {
  const world here;
  using all = any_of<machine, typed, x_wing, all_of<machine, typed>>;
  const auto with = [&](const machine& of, std::string_view text, const x_wing& recipient,
                        std::string_view second) {
    return all(of, text.empty() ? typed() : by_heart(text), recipient,
               all_of(here.machine("m"), second.empty() ? typed() : by_heart(second)));
  };
  auto record = fresh<all>();
  BOOST_REQUIRE(accepted(record.add_slot(here.machine("m"), "machine")));
  BOOST_REQUIRE(accepted(record.add_slot(by_heart("leaving"), "leaving")));
  BOOST_REQUIRE(accepted(record.add_slot(by_heart("staying"), "staying")));
  BOOST_REQUIRE(accepted(record.add_slot(recipient_of<crypto::x_wing>(0), "recipient")));
  BOOST_REQUIRE(accepted(record.add_slot(all_of(here.machine("m"), by_heart("both")), "both")));
  const auto earlier = record.encode().value();

  auto opened = reopen(earlier, with(here.machine("m"), "", x_wing(), "")).value();
  BOOST_REQUIRE(accepted(opened.drop_slot(slot_of(opened, "leaving"))));
  BOOST_REQUIRE(accepted(opened.rekey(with(here.machine("m"), "", x_wing(), ""))));
  const auto later = opened.encode().value();

  const auto gone = here.unprovisioned("gone");
  BOOST_TEST(refused_as(errc::no_slot_opened, reopen(later, with(gone, "leaving", x_wing(), ""))));
  BOOST_TEST(accepted(reopen(later, with(here.machine("m"), "", x_wing(), ""))));
  BOOST_TEST(accepted(reopen(later, with(gone, "staying", x_wing(), ""))));
  BOOST_TEST(accepted(reopen(later, with(gone, "", recipient_of<crypto::x_wing>(0), ""))));
  BOOST_TEST(accepted(reopen(later, with(gone, "", x_wing(), "both"))));
  BOOST_TEST(reopen(later, with(gone, "staying", x_wing(), "")).value().material().text() ==
             "material");
  // ids and labels stay, and a copy made earlier stays open: that is what the documentation says
  BOOST_TEST(opened.header().slots[1].label == "staying");
  BOOST_TEST(opened.header().slots[1].id == record.header().slots[2].id);
  BOOST_TEST(accepted(reopen(earlier, with(gone, "leaving", x_wing(), ""))));
}

BOOST_AUTO_TEST_CASE(a_rekeyed_record_has_another_key_and_its_old_slots_do_not_open_it) {
  const world here;
  auto record = fresh<machine>();
  BOOST_REQUIRE(accepted(record.add_slots_of(here.machine("m"))));
  const auto earlier = key_record::parse(record.encode().value()).value();
  const auto old = record.header().slots;
  BOOST_REQUIRE(accepted(record.rekey(here.machine("m"))));
  const auto later = key_record::parse(record.encode().value()).value();
  BOOST_TEST((earlier.header().key_commitment != later.header().key_commitment));
  BOOST_TEST((earlier.header().id == later.header().id));
  BOOST_TEST(!record.fits(here.machine("m"), old[0]).value());
  BOOST_TEST(record.fits(here.machine("m"), record.header().slots[0]).value());
  BOOST_TEST(!record.fits(here.machine("n"), record.header().slots[0]).value());
}

BOOST_AUTO_TEST_CASE(rekey_refuses_what_it_cannot_make_anew_and_changes_nothing) {
  const world here;
  using either = any_of<machine, account, typed>;
  auto record = fresh<either>();
  BOOST_REQUIRE(
      accepted(record.add_slots_of(either(here.machine("m"), here.account("a"), by_heart("one")))));
  const auto before = record.header().slots;
  const auto refused_and_unchanged = [&](const auto& protector, std::string_view id) {
    const auto refused = record.rekey(protector);
    BOOST_TEST(refused_as(errc::secret_required, refused));
    BOOST_TEST(refused.error().value_of(fact::slot) == id);
    for (std::size_t i = 0; i < before.size(); ++i)
      BOOST_TEST((record.header().slots[i].data == before[i].data));
    BOOST_TEST(accepted(reopen(record.encode().value(),
                               either(here.unprovisioned("gone"), here.gone(), by_heart("one")))));
  };
  refused_and_unchanged(here.machine("m"), before[1].id);  // composes no account
  refused_and_unchanged(by_heart("one"), before[0].id);
  refused_and_unchanged(any_of(here.machine("m"), here.gone()), before[1].id);  // cannot be read
  refused_and_unchanged(any_of(here.machine("n"), here.account("a")),
                        before[0].id);  // is another's
  BOOST_TEST(accepted(record.rekey(any_of(here.machine("m"), here.account("a")))));
}

BOOST_AUTO_TEST_CASE(rekey_leaves_each_machine_its_own_slot) {
  const world here;
  using pair = any_of<machine, machine>;
  auto record = fresh<machine>();
  BOOST_REQUIRE(accepted(record.add_slot(here.machine("one"), "one")));
  BOOST_REQUIRE(accepted(record.add_slot(here.machine("two"), "two")));
  // one machine alone must not take the other's slot for its own
  BOOST_TEST(refused_as(errc::secret_required, record.rekey(here.machine("one"))));
  BOOST_REQUIRE(accepted(record.rekey(pair(here.machine("one"), here.machine("two")))));
  const auto stored = record.encode().value();
  BOOST_TEST(accepted(reopen(stored, here.machine("one"))));
  BOOST_TEST(accepted(reopen(stored, here.machine("two"))));
}

BOOST_AUTO_TEST_CASE(a_slot_is_replaced_in_place) {
  const world here;
  using service = self_healing<any_of<account, machine>>;
  auto record = fresh<service>();
  BOOST_REQUIRE(accepted(record.add_slots_of(service(here.account("a"), here.machine("m")))));
  const auto id = record.header().slots[0].id;
  const auto other = record.header().slots[1].data;
  BOOST_REQUIRE(accepted(record.replace_slot(id, here.account("b"))));
  BOOST_TEST(record.header().slots[0].id == id);
  BOOST_TEST((record.header().slots[1].data == other));
  const auto stored = record.encode().value();
  BOOST_TEST(accepted(reopen(stored, service(here.account("b"), here.unprovisioned("gone")))));
  BOOST_TEST(refused_as(errc::no_slot_opened,
                        reopen(stored, service(here.account("a"), here.unprovisioned("gone")))));
  BOOST_TEST(refused_as(errc::not_found, record.replace_slot("nosuchid", here.account("b"))));
  BOOST_TEST(refused_as(errc::secret_unavailable, record.replace_slot(id, here.gone())));
  BOOST_TEST(accepted(
      reopen(record.encode().value(), service(here.account("b"), here.unprovisioned("gone")))));
}

BOOST_AUTO_TEST_CASE(a_weaker_program_does_not_open_a_stronger_record_nor_a_stronger_one_a_weaker) {
  const world here;
  using strong = any_of<machine, x_wing>;
  using weak = any_of<machine, typed>;
  auto record = fresh<strong>();
  BOOST_REQUIRE(accepted(record.add_slot(here.machine("m"), "machine")));
  const auto stored = record.encode().value();
  BOOST_TEST(accepted(reopen(stored, strong(here.machine("m"), x_wing()))));
  BOOST_TEST(
      refused_as(errc::weaker_than_required, reopen(stored, weak(here.machine("m"), typed()))));

  auto older = fresh<weak>();
  BOOST_REQUIRE(accepted(older.add_slot(here.machine("m"), "machine")));
  const auto old = older.encode().value();
  BOOST_TEST(
      refused_as(errc::weaker_than_required, reopen(old, strong(here.machine("m"), x_wing()))));
  using migrating = protect::accepts_from<weak>;
  BOOST_TEST(accepted(reopen<strong, migrating>(old, strong(here.machine("m"), x_wing()))));
}

BOOST_AUTO_TEST_CASE(a_record_tells_how_each_slot_fared) {
  const world here;
  using service = self_healing<any_of<account, machine>>;
  auto record = fresh<service>();
  BOOST_REQUIRE(accepted(record.add_slots_of(service(here.account("a"), here.machine("m")))));
  const auto stored = key_record::parse(record.encode().value()).value();
  const auto opened =
      opened_record::open(stored, kind, name, service(here.account("b"), here.machine("m")),
                          {.every_slot = true})
          .value();
  BOOST_REQUIRE(opened.reports().size() == 2U);
  BOOST_TEST((opened.reports()[0].what == protect::slot_report::outcome::did_not_fit));
  BOOST_TEST((opened.reports()[1].what == protect::slot_report::outcome::opened));
}

// The files in tests/vectors/record_v1 were written once, by version 1 of the format. Their README
// has the secrets.

bytes frozen(const std::string& file) {
  const auto text = read_file(KEYWARDEN_SOURCE_DIR "/tests/vectors/record_v1/" + file);
  return to_bytes(as_bytes(text));
}

class frozen_world {
 public:
  frozen_world() {
    write_file(
        folder_ / "machine.secret",
        as_text(
            from_hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f").value()),
        0640);
    write_file(
        folder_ / "account.secret",
        as_text(
            from_hex("404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f").value()));
    write_file(folder_ / "machine-id", "c0ffee00c0ffee00c0ffee00c0ffee00\n");
  }
  [[nodiscard]] protect::machine machine() const {
    return protect::machine(folder_ / "machine.secret", folder_ / "machine-id");
  }
  [[nodiscard]] protect::account account() const {
    return protect::account(folder_ / "account.secret", 1000);
  }
  [[nodiscard]] static x_wing recipient() {
    return x_wing(
        crypto::x_wing::private_key::from_seed(secret_key::copy_of(bytes(32, 0x2a))).value());
  }
  [[nodiscard]] static protect::service_master_key parent() {
    return child_of<role::service_master_key>(0x77);
  }

 private:
  scratch folder_{scratch::on::memory};
};

template <class Protector>
void opens_for_ever(const std::string& file, const Protector& protector) {
  BOOST_TEST_CONTEXT(file) {
    const auto record = key_record::parse(frozen(file));
    BOOST_REQUIRE(accepted(record));
    const auto opened =
        opened_record::open(*record, "database_master_key", "db/frozen/dmk", protector);
    BOOST_REQUIRE(accepted(opened));
    BOOST_TEST(opened->material().text() == "frozen: " + file);
    BOOST_TEST((opened->header().floor == requirements_of<Protector>));
    BOOST_REQUIRE(opened->header().versions.size() == 1U);
    BOOST_TEST((opened->header().versions[0].id == key_id(305419896)));
  }
}

BOOST_AUTO_TEST_CASE(records_of_version_1_open_for_ever) {
  const frozen_world then;
  opens_for_ever("account.json", then.account());
  opens_for_ever("machine.json", then.machine());
  opens_for_ever("parent.json", frozen_world::parent());
  opens_for_ever("password_argon2id.json", by_heart("correct horse battery staple"));
  opens_for_ever("password_pbkdf2.json", protect::password<crypto::pbkdf2_sha256<1000>>(
                                             password("correct horse battery staple")));
  opens_for_ever("recipient_x_wing.json", frozen_world::recipient());
  opens_for_ever("all_of.json", all_of(then.machine(), by_heart("one"), frozen_world::recipient()));
  using two_of_three = threshold<2, typed, typed, machine>;
  opens_for_ever("threshold.json", two_of_three(by_heart("one"), by_heart("two"),
                                                protect::machine("/nowhere", "/nowhere")));
  opens_for_ever("threshold.json", two_of_three(typed(), by_heart("two"), then.machine()));
  using service = self_healing<any_of<account, machine>>;
  opens_for_ever("any_of.json", service(then.account(), protect::machine("/nowhere", "/nowhere")));
  opens_for_ever("any_of.json", service(protect::account("/nowhere"), then.machine()));
}

}  // namespace opened_record_test
