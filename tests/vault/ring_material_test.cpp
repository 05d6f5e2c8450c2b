// How rings, backups and the master scope's copies stand in records; where records live.
#include <keywarden/vault/backup.hpp>
#include <keywarden/vault/inspect.hpp>
#include <keywarden/vault/loss_plan.hpp>
#include <keywarden/vault/master_copy.hpp>
#include <keywarden/vault/names.hpp>
#include <keywarden/vault/ring_material.hpp>

#include <boost/test/unit_test.hpp>

#include "protect/world.hpp"
#include "support/refusals.hpp"

namespace keywarden::testing {
namespace ring_material_test {

const auto service = child_of<role::service_master_key>(7);

key_ring ring_of(int versions) {
  auto ring = key_ring::create(time_point{}).value();
  for (int i = 1; i < versions; ++i)
    static_cast<void>(ring.add(time_point{std::chrono::seconds(i)}).value());
  return ring;
}
opened_record record_of(const key_ring& ring) {
  auto made = opened_record::create("symmetric_key", named("db/a/symmetric_key/k"),
                                    requirements_of<protect::service_master_key>,
                                    detail::ring_material(ring))
                  .value();
  made.header().versions = detail::ring_versions(ring);
  static_cast<void>(made.add_slot(service, "parent").value());
  return made;
}

result<detail::backed_up_key> read(bytes_view stored, std::string_view kind,
                                   const password& known) {
  return detail::read_backup<typed, protect::accepts_from<>>(stored, kind, known);
}

BOOST_AUTO_TEST_SUITE(ring_materials)

BOOST_AUTO_TEST_CASE(a_ring_with_versions_in_every_state_goes_through_a_record) {
  auto ring = ring_of(4);
  const auto ids = [&] {
    std::vector<key_id> all;
    for (const auto& each : ring.versions()) all.push_back(each.id);
    return all;
  }();
  ring.promote(ids[1]).value();
  ring.disable(ids[2]).value();
  ring.destroy(ids[2]).value();
  ring.lease_messages(77, 1000).value();
  auto record = record_of(ring);
  const auto stored = record.encode().value();
  const auto opened = opened_record::open(key_record::parse(stored).value(), "symmetric_key",
                                          "db/a/symmetric_key/k", service);
  const auto again = detail::load_ring(opened.value()).value();
  BOOST_REQUIRE(again.versions().size() == 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    BOOST_TEST((again.versions()[i].id == ids[i]));
    BOOST_TEST((again.versions()[i].state == ring.versions()[i].state));
    BOOST_TEST((again.versions()[i].created == ring.versions()[i].created));
    BOOST_TEST((again.versions()[i].secret == ring.versions()[i].secret));
  }
  BOOST_TEST(again.active().leased_messages == 77U);
  BOOST_TEST(opened->material().size() == 3U * 36U);  // a destroyed version has no secret
}

BOOST_AUTO_TEST_CASE(material_that_does_not_fit_the_versions_is_refused) {
  const auto ring = ring_of(2);
  const auto refuse = [&](auto change) {
    auto record = record_of(ring);
    change(record);
    return detail::load_ring(record);
  };
  const auto all = detail::ring_material(ring);
  const auto part = [&](std::size_t size) { return plaintext::copy_of(all.view().first(size)); };
  BOOST_TEST(refused_as(errc::malformed, refuse([&](auto& r) { r.set_material(part(36)); })));
  BOOST_TEST(refused_as(errc::malformed, refuse([&](auto& r) { r.set_material(part(71)); })));
  BOOST_TEST(refused_as(errc::malformed, refuse([&](auto& r) { r.set_material(plaintext()); })));
  BOOST_TEST(refused_as(errc::malformed, refuse([](auto& r) { r.header().versions.pop_back(); })));
  BOOST_TEST(refused_as(errc::malformed, refuse([](auto& r) { r.header().versions.clear(); })));
  BOOST_TEST(
      refused_as(errc::malformed, refuse([](auto& r) { r.header().versions[1].id = key_id(0); })));
  BOOST_TEST(refused_as(errc::malformed, refuse([](auto& r) {
                          r.header().versions[1].id = r.header().versions[0].id;
                        })));
  BOOST_TEST(refused_as(errc::malformed,
                        refuse([](auto& r) { r.header().versions[1].state = key_state::active; })));
  BOOST_TEST(refused_as(
      errc::malformed, refuse([](auto& r) { r.header().versions[0].state = key_state::retired; })));
  BOOST_TEST(refused_as(errc::malformed, refuse([](auto& r) {
                          r.header().versions[1].state = key_state::destroyed;
                        })));
}

BOOST_AUTO_TEST_CASE(a_duplicate_of_a_ring_is_the_same_ring) {
  const auto ring = ring_of(3);
  const auto second = detail::duplicate(ring);
  BOOST_REQUIRE(second.versions().size() == 3U);
  BOOST_TEST((second.active().id == ring.active().id));
  BOOST_TEST((second.active().secret == ring.active().secret));
}

BOOST_AUTO_TEST_CASE(a_backup_gives_back_key_id_and_label_for_its_password_only) {
  const auto ring = ring_of(2);
  const auto id = random_public<record_id>().value();
  const password right("Backup-Pass-1");
  const auto stored =
      detail::write_backup<typed>("database_master_key", "sales", id, ring, right).value();
  const auto back = read(stored, "database_master_key", right);
  BOOST_REQUIRE(accepted(back));
  BOOST_TEST((back->id == id));
  BOOST_TEST(back->label == "sales");
  BOOST_TEST((back->ring.active().secret == ring.active().secret));
  BOOST_TEST(refused_as(errc::no_slot_opened, read(stored, "database_master_key", password("x"))));
  BOOST_TEST(refused_as(errc::authentication_failed, read(stored, "service_master_key", right)));
  for (std::size_t at = 0; at < stored.size(); ++at) {
    auto altered = stored;
    altered[at] ^= 1;
    BOOST_TEST_REQUIRE(!read(altered, "database_master_key", right).has_value(), at);
  }
}

BOOST_AUTO_TEST_CASE(a_backup_asking_for_costly_hashing_is_refused_before_it_is_done) {
  const auto stored =
      std::string(as_text(detail::write_backup<typed>("service_master_key", "", record_id{},
                                                      ring_of(1), password("Backup-Pass-1"))
                              .value()));
  auto costly = stored;
  const std::string member = "\"memory_kib\": 64";
  costly.replace(costly.find(member), member.size(), "\"memory_kib\": 1073741824");  // 1 TiB
  const auto refusal = read(as_bytes(costly), "service_master_key", password("Backup-Pass-1"));
  BOOST_REQUIRE(refused_as(errc::no_slot_opened, refusal));
  BOOST_REQUIRE(refusal.error().causes().size() == 1U);
  BOOST_TEST((refusal.error().causes()[0].code() == errc::limit_exceeded));
}

BOOST_AUTO_TEST_CASE(the_copy_for_the_master_scope_is_the_service_slot_itself) {
  auto record = record_of(ring_of(1));
  const auto copy = detail::master_copy(record.header());
  BOOST_REQUIRE(copy.has_value());
  BOOST_TEST((detail::read_master_copy(*copy).value().value == record.header().slots[0].data));
  record.header().slots.clear();
  BOOST_TEST(!detail::master_copy(record.header()).has_value());
}

BOOST_AUTO_TEST_CASE(a_copy_of_another_form_is_refused) {
  const auto record = record_of(ring_of(1));
  const auto good = nlohmann::json::parse(as_text(*detail::master_copy(record.header())));
  const auto with = [&](const char* member, nlohmann::json value) {
    auto altered = good;
    altered[member] = std::move(value);
    return detail::read_master_copy(as_bytes(altered.dump()));
  };
  BOOST_TEST(refused_as(errc::malformed, detail::read_master_copy({})));
  BOOST_TEST(refused_as(errc::malformed, detail::read_master_copy(as_bytes("[]"))));
  BOOST_TEST(refused_as(errc::malformed, with("keywarden", 2)));
  BOOST_TEST(refused_as(errc::malformed, with("kind", "symmetric_key")));
  BOOST_TEST(refused_as(errc::malformed, with("record", "12")));
  BOOST_TEST(refused_as(errc::malformed, with("slot", 5)));
  BOOST_TEST(refused_as(errc::malformed, with("more", 5)));
  BOOST_TEST(refused_as(errc::limit_exceeded, with("name", std::string(70000, 'x'))));
}

BOOST_AUTO_TEST_CASE(records_live_where_their_parts_say) {
  const auto name = [](std::string_view text) { return object_name::parse(text).value(); };
  BOOST_TEST(detail::service_key_name().text() == "smk");
  BOOST_TEST(detail::database_key_name(name("a")).text() == "db/a/dmk");
  BOOST_TEST(detail::database_marker_name(name("a")).text() == "db/a/database");
  BOOST_TEST(detail::master_copy_name(name("a")).text() == "master/dmk/a");
  BOOST_TEST(detail::object_record_name<role::certificate>(name("a"), name("c")).text() ==
             "db/a/certificate/c");
  BOOST_TEST(detail::server_record_name<role::credential>(name("c")).text() == "credential/c");
  BOOST_TEST(detail::last_part(named("db/a/symmetric_key/k")) == "k");
  BOOST_TEST(detail::last_part(named("smk")) == "smk");
}

BOOST_AUTO_TEST_CASE(the_longest_names_still_make_a_records_name_and_a_slots_label) {
  const auto longest = object_name::parse(std::string(object_name::max_size, 'n')).value();
  BOOST_TEST(detail::object_record_name<role::asymmetric_key>(longest, longest).text().size() <=
             record_name::max_size);
  BOOST_TEST(detail::parent_label(role::asymmetric_key::name, longest).size() ==
             record_limits::label);
}

BOOST_AUTO_TEST_CASE(protections_are_typed_as_sql_server_types_them) {
  const auto typed_as = [](std::string_view scheme, std::string_view label = "") {
    return detail::crypt_type(slot{"00000000", std::string(label), {{"scheme", scheme}}});
  };
  BOOST_TEST(typed_as("key/service_master_key") == "ESKM");
  BOOST_TEST(typed_as("key/database_master_key") == "ESKM");
  BOOST_TEST(typed_as("key/symmetric_key") == "ESKS");
  BOOST_TEST(typed_as("password/argon2id") == "ESP3");
  BOOST_TEST(typed_as("recipient/x-wing", "certificate c") == "EPUC");
  BOOST_TEST(typed_as("recipient/x-wing", "asymmetric_key a") == "EPUA");
  BOOST_TEST(typed_as("") == "other");
  BOOST_TEST(detail::crypt_type(slot{"00000000", "", {{"scheme", 5}}}) == "other");
}

static_assert(!std::default_initializable<loss_plan> && !std::copyable<loss_plan> &&
                  std::movable<loss_plan>,
              "a plan is made by planning, and executed once");

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring_material_test

}  // namespace keywarden::testing
