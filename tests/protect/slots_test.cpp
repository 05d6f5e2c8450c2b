#include <keywarden/protect/slots.hpp>

#include <boost/test/unit_test.hpp>

#include <keywarden/protect/opened_record.hpp>

#include "laws.hpp"
#include "world.hpp"

namespace slots_test {

using namespace keywarden;
using namespace keywarden::testing;
using protect::account;
using protect::all_of;
using protect::any_of;
using protect::machine;
using protect::slot_report;
using protect::unlock;

using outcome = slot_report::outcome;
using x_wing = protect::recipient<crypto::x_wing>;

constexpr std::string_view kind = "symmetric_key";
constexpr std::string_view name = "db/sales/orders";

/// A record with these slots, in this order, and no floor.
template <class... Protectors>
key_record record_of(const Protectors&... each) {
  auto made = opened_record::create(kind, named(name), requirements{},
                                    plaintext::copy_of(as_bytes("material")))
                  .value();
  (made.add_slot(each, "label").value(), ...);
  return key_record::parse(made.encode().value()).value();
}

/// A password that counts how often it is asked for.
struct asked_for {
  int times = 0;
  [[nodiscard]] typed as(std::string_view text) {
    return typed([this, text]() -> result<password> {
      ++times;
      return password(text);
    });
  }
};

std::vector<outcome> outcomes(const protect::unlocked& made) {
  std::vector<outcome> all;
  for (const auto& each : made.slots) all.push_back(each.what);
  return all;
}

record_header header_of(const key_record& record) { return record.header(); }

BOOST_AUTO_TEST_CASE(nobody_is_asked_for_a_password_when_the_machine_opens) {
  const world here;
  asked_for person;
  // the password's slot stands first in the record and first in the composition
  const auto record = record_of(by_heart("one"), here.machine("m"));
  const any_of either(person.as("one"), here.machine("m"));
  const auto made = unlock(record, either);
  BOOST_REQUIRE(accepted(made));
  BOOST_TEST(person.times == 0);
  BOOST_TEST(made->slots.size() == 1U);
  BOOST_TEST(made->opened(record.header().slots[1].id));
  BOOST_TEST(!made->opened(record.header().slots[0].id));
}

BOOST_AUTO_TEST_CASE(a_password_is_asked_for_once_over_all_its_slots) {
  const world here;
  asked_for person;
  const auto record =
      record_of(by_heart("one"), by_heart("two"), by_heart("three"), here.machine("m"));
  const auto made = unlock(record, any_of(here.unprovisioned("gone"), person.as("three")));
  BOOST_REQUIRE(accepted(made));
  BOOST_TEST(person.times == 1);
  BOOST_TEST((outcomes(*made) == std::vector{outcome::not_usable, outcome::did_not_fit,
                                             outcome::did_not_fit, outcome::opened}));
}

BOOST_AUTO_TEST_CASE(every_slot_is_reported_when_that_is_asked) {
  const world here;
  asked_for person;
  const auto record =
      record_of(here.machine("m"), here.account("a"), by_heart("one"), by_heart("two"));
  const any_of all(here.machine("m"), here.account("b"), person.as("two"));
  const auto made = unlock(record, all, {.every_slot = true});
  BOOST_REQUIRE(accepted(made));
  BOOST_TEST((outcomes(*made) == std::vector{outcome::opened, outcome::did_not_fit,
                                             outcome::did_not_fit, outcome::opened}));
  BOOST_TEST(person.times == 1);
  for (std::size_t i = 0; i < 4; ++i) {
    BOOST_TEST(made->slots[i].slot == record.header().slots[i].id);
    BOOST_TEST(made->slots[i].scheme == record.header().slots[i].scheme());
  }
  const auto quick = unlock(record, all);
  BOOST_TEST(quick.value().slots.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_slot_whose_secret_cannot_be_read_is_not_one_that_does_not_fit) {
  const world here;
  const auto record = record_of(here.machine("m"), here.account("a"));
  const auto made =
      unlock(record, any_of(here.unprovisioned("gone"), here.account("a")), {.every_slot = true});
  BOOST_REQUIRE(accepted(made));
  BOOST_TEST((made->slots[0].what == outcome::not_usable));
  BOOST_REQUIRE(made->slots[0].why);
  BOOST_TEST((*made->slots[0].why == errc::secret_unavailable));
  BOOST_TEST(!made->slots[1].why);
}

BOOST_AUTO_TEST_CASE(when_nothing_opens_each_slot_says_why) {
  const world here;
  const auto record =
      record_of(here.machine("m"), here.account("a"), by_heart("one"), by_heart("two"));
  const auto refused =
      unlock(record, any_of(here.unprovisioned("gone"), here.account("b"), by_heart("three")));
  BOOST_TEST(refused_as(errc::no_slot_opened, refused));
  const auto causes = refused.error().causes();
  BOOST_REQUIRE(causes.size() == 4U);
  const std::vector expected{errc::secret_unavailable, errc::authentication_failed,
                             errc::authentication_failed, errc::authentication_failed};
  for (std::size_t i = 0; i < 4; ++i) {
    BOOST_TEST((causes[i] == expected[i]));
    BOOST_TEST(causes[i].value_of(fact::slot) == record.header().slots[i].id);
    BOOST_TEST(causes[i].value_of(fact::scheme) == record.header().slots[i].scheme());
  }
  BOOST_TEST(refused.error().value_of(fact::name) == name);
}

BOOST_AUTO_TEST_CASE(a_failed_combination_is_named_as_a_whole) {
  const world here;
  using both = all_of<machine, typed>;
  const auto record = record_of(both(here.machine("m"), by_heart("one")));
  for (const auto& wrong :
       {both(here.machine("m"), by_heart("two")), both(here.machine("n"), by_heart("one"))}) {
    const auto refused = unlock(record, wrong);
    BOOST_TEST(refused_as(errc::no_slot_opened, refused));
    BOOST_REQUIRE(refused.error().causes().size() == 1U);
    const auto cause = refused.error().causes()[0];
    BOOST_TEST((cause == errc::authentication_failed));
    BOOST_TEST(cause.value_of(fact::scheme) == both::scheme());
    BOOST_TEST(cause.causes().empty());
    // whichever leg was wrong, the words are the same
    BOOST_TEST(refused.error().message() ==
               unlock(record, both(here.machine("n"), by_heart("two"))).error().message());
  }
}

BOOST_AUTO_TEST_CASE(a_record_without_a_slot_that_the_program_composes_says_so) {
  const world here;
  const auto refused = unlock(record_of(here.machine("m")), by_heart("one"));
  BOOST_TEST(refused_as(errc::no_slot_opened, refused));
  BOOST_TEST(refused.error().causes().empty());
  BOOST_TEST(!refused.error().value_of(fact::reason).empty());
}

BOOST_AUTO_TEST_CASE(one_attempt_has_one_budget_over_all_slots) {
  const auto record = record_of(by_heart("1"), by_heart("2"), by_heart("3"), by_heart("4"),
                                by_heart("5"), by_heart("right"));
  constexpr std::uint64_t guess = 64 * 16;
  BOOST_TEST(
      accepted(unlock(record, by_heart("right"), {.every_slot = false, .kdf_work = 6 * guess})));
  const auto refused =
      unlock(record, by_heart("right"), {.every_slot = false, .kdf_work = 6 * guess - 1});
  BOOST_TEST(refused_as(errc::no_slot_opened, refused));
  const auto causes = refused.error().causes();
  BOOST_REQUIRE(causes.size() == 6U);
  for (std::size_t i = 0; i < 5; ++i) BOOST_TEST((causes[i] == errc::authentication_failed));
  BOOST_TEST((causes[5] == errc::limit_exceeded));
}

BOOST_AUTO_TEST_CASE(a_hostile_cost_in_a_slot_is_refused_before_memory_is_taken) {
  const auto record = record_of(by_heart("one"));
  auto document = nlohmann::json::parse(
      as_text(key_record::write(header_of(record), secret_key::copy_of(bytes(32)), {}).value()));
  auto& leg = document["slots"][0]["data"]["leg"];
  for (const auto& [memory, iterations] : {std::pair{std::uint64_t{1} << 30U, 1U},  // 1 TiB
                                           {std::uint64_t{1048576}, 17U},
                                           {std::uint64_t{0xffffffff}, 0xffffffffU}}) {
    leg["memory_kib"] = memory;
    leg["iterations"] = iterations;
    const auto closing = document["mac"].get<std::string>();
    auto altered = document;
    altered.erase("mac");
    auto text = altered.dump(1);
    text.resize(text.size() - 2);
    text.append(keywarden::detail::mac_before).append(closing).append(keywarden::detail::mac_after);
    const auto hostile = key_record::parse(as_bytes(text));
    BOOST_REQUIRE(accepted(hostile));
    const auto refused = unlock(*hostile, by_heart("one"));
    BOOST_TEST(refused_as(errc::no_slot_opened, refused));
    BOOST_REQUIRE(refused.error().causes().size() == 1U);
    BOOST_TEST((refused.error().causes()[0] == errc::limit_exceeded));
  }
}

BOOST_AUTO_TEST_CASE(an_attempt_spends_no_more_than_its_budget_however_many_slots_ask) {
  // each at the ceiling of 1 GiB and 16 passes, which alone is the whole default budget
  const auto cheap = record_of(by_heart("one"));
  auto header = header_of(cheap);
  auto dear = header.slots[0];
  dear.data["leg"]["memory_kib"] = 1048576;
  dear.data["leg"]["iterations"] = 16;
  for (int i = 0; i < 63; ++i) {
    dear.id = std::to_string(10'000'000 + i);
    header.slots.push_back(dear);
  }
  const auto hostile =
      key_record::parse(key_record::write(header, secret_key::copy_of(bytes(32)), {}).value())
          .value();
  const auto refused = unlock(hostile, by_heart("wrong"));
  BOOST_TEST(refused_as(errc::no_slot_opened, refused));
  const auto causes = refused.error().causes();
  BOOST_REQUIRE(causes.size() == 64U);
  BOOST_TEST((causes[0] == errc::authentication_failed));
  for (std::size_t i = 1; i < causes.size(); ++i) BOOST_TEST((causes[i] == errc::limit_exceeded));
}

BOOST_AUTO_TEST_CASE(a_new_slot_has_an_id_of_its_own_and_a_short_label) {
  const world here;
  const auto header = header_of(record_of(here.machine("m")));
  const auto key = the_key();
  std::set<std::string> ids;
  for (int i = 0; i < 64; ++i) {
    const auto made = protect::make_slot(here.machine("m"), key, header, std::string(64, 'l'));
    BOOST_REQUIRE(accepted(made));
    BOOST_TEST(made->id.size() == 8U);
    BOOST_TEST(made->label.size() == 64U);
    ids.insert(made->id);
  }
  BOOST_TEST(ids.size() == 64U);
  BOOST_TEST(refused_as(errc::limit_exceeded,
                        protect::make_slot(here.machine("m"), key, header, std::string(65, 'l'))));
  BOOST_TEST(refused_as(errc::secret_unavailable,
                        protect::make_slot(here.unprovisioned("gone"), key, header, "label")));
}

BOOST_AUTO_TEST_CASE(a_slot_with_a_public_key_is_remade_without_its_secret) {
  const world here;
  using both = all_of<machine, typed>;
  const auto key = the_key();
  const auto header = header_of(record_of(here.machine("m")));
  const auto remade = [&](const auto& protector) {
    const auto old =
        protect::make_slot(protector, secret_key::copy_of(bytes(32, 1)), header, "label").value();
    const auto made = protect::remake_slot(old, key, header);
    BOOST_REQUIRE(accepted(made));
    BOOST_TEST(made->id == old.id);
    BOOST_TEST(made->label == old.label);
    BOOST_TEST(made->data["public_key"] == old.data["public_key"]);
    BOOST_TEST(made->data["ciphertext"] != old.data["ciphertext"]);
    BOOST_TEST(made->data["salt"] != old.data["salt"]);
    const auto opens = protect::detail::recover_record_key(
        protector, made->data, protect::detail::context_of(header),
        [&](const secret_key& candidate) -> result<bool> { return candidate == key; });
    BOOST_TEST((opens && *opens));
  };
  remade(by_heart("one"));
  remade(both(here.machine("m"), by_heart("one")));
  remade(recipient_of<crypto::x_wing>(0));
  remade(recipient_of<crypto::dhkem_p256>(0));
  remade(recipient_of<crypto::dhkem_x25519>(0));
  remade(recipient_of<crypto::rsa_oaep<>>(0));
}

BOOST_AUTO_TEST_CASE(a_slot_that_only_its_secret_can_remake_says_so) {
  const world here;
  const auto header = header_of(record_of(here.machine("m")));
  const auto refused = [&](const auto& protector) {
    const auto old = protect::make_slot(protector, the_key(), header, "label").value();
    const auto made = protect::remake_slot(old, the_key(), header);
    BOOST_TEST(refused_as(errc::secret_required, made));
    BOOST_TEST(made.error().value_of(fact::slot) == old.id);
    BOOST_TEST(made.error().value_of(fact::scheme) == old.scheme());
  };
  refused(here.machine("m"));
  refused(here.account("a"));
  refused(child_of<role::service_master_key>(1));
  refused(all_of(here.machine("m"), recipient_of<crypto::x_wing>(0)));
  BOOST_TEST(refused_as(errc::secret_required,
                        protect::remake_slot({"00000000", "", {}}, the_key(), header)));
}

BOOST_AUTO_TEST_CASE(a_damaged_public_key_is_not_hidden_for) {
  const world here;
  const auto header = header_of(record_of(here.machine("m")));
  auto old = protect::make_slot(by_heart("one"), the_key(), header, "label").value();
  old.data["public_key"] = "AAAA";
  BOOST_TEST(refused_as(errc::truncated, protect::remake_slot(old, the_key(), header)));
  old.data["public_key"] = 1;
  BOOST_TEST(!protect::remake_slot(old, the_key(), header));
}

BOOST_AUTO_TEST_CASE(floors_are_held_both_ways) {
  using strong = any_of<machine, x_wing>;
  using weak = any_of<machine, typed>;
  using bound = all_of<machine, typed>;
  const auto with = [](const requirements& floor) {
    record_header header;
    header.name = name;
    header.floor = floor;
    return header;
  };
  BOOST_TEST(accepted(protect::check_floor<strong>(with(requirements_of<strong>))));

  const auto program_weaker = protect::check_floor<weak>(with(requirements_of<strong>));
  BOOST_TEST(refused_as(errc::weaker_than_required, program_weaker));
  BOOST_TEST(program_weaker.error().value_of(fact::reason) == "strength in bits");
  const auto record_weaker = protect::check_floor<strong>(with(requirements_of<weak>));
  BOOST_TEST(refused_as(errc::weaker_than_required, record_weaker));
  BOOST_TEST(record_weaker.error().value_of(fact::next_step).find("accepts_from") !=
             std::string_view::npos);
  BOOST_TEST(refused_as(errc::weaker_than_required,
                        protect::check_floor<bound>(with(requirements_of<strong>))));
  BOOST_TEST(refused_as(errc::weaker_than_required, protect::check_floor<strong>(with({}))));

  // an older composition that is named is read, anything below it is not
  using migrating = protect::accepts_from<weak>;
  BOOST_TEST(accepted(protect::check_floor<strong, migrating>(with(requirements_of<weak>))));
  BOOST_TEST(
      refused_as(errc::weaker_than_required, protect::check_floor<strong, migrating>(with({}))));
  // and naming one does not let a weak program read a strong record
  BOOST_TEST(refused_as(errc::weaker_than_required,
                        protect::check_floor<weak, protect::accepts_from<weak, strong>>(
                            with(requirements_of<strong>))));
}

}  // namespace slots_test
