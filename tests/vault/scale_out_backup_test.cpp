#include <keywarden/vault/scale_out.hpp>

#include <boost/test/unit_test.hpp>

#include "vault/scale_out_fixture.hpp"

namespace kw = keywarden;
using namespace kw::testing;
using kw::errc;

namespace {

const kw::password protection("Shared-Backup-1");

[[nodiscard]] kw::result<farm> apply(const server& at, const shared_place& shared,
                                     kw::bytes_view file, const kw::password& with = protection,
                                     const std::vector<kw::key_id>& given_up = {}) {
  return farm::apply(at.own, shared.share(), farm_name, "restored", file, with, given_up);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(scale_out_backup)

BOOST_AUTO_TEST_CASE(a_backup_lets_an_instance_back_in_that_lost_its_private_key) {
  shared_place shared;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  auto second = two.join(shared, first, "second");
  const auto message = seal(first, "kept");
  const auto file = second.extract(protection).value();
  const auto membership = "scale_out_member/farm";
  one.place.write(membership, std::nullopt);  // with it, the private key
  BOOST_TEST(refused_as(errc::not_activated, one.open(shared)));
  const auto back = apply(one, shared, file).value();
  BOOST_TEST(reads(back, message, "kept"));
  BOOST_TEST(reads(second, seal(back, "and on"), "and on"));
  BOOST_TEST(accepted(second.refresh()));
  BOOST_TEST(accepted(one.open(shared)));
  BOOST_TEST(accepted(two.open(shared)));
}

BOOST_AUTO_TEST_CASE(applying_replaces_the_copy_of_this_instance_and_keeps_its_id) {
  shared_place shared;
  const server one;
  auto first = one.open_or_create(shared).value();
  const auto file = first.extract(protection).value();
  const auto before = id_of(first, "first");
  auto again = apply(one, shared, file).value();
  BOOST_TEST(again.members().value().size() == 1U);
  BOOST_TEST((again.members().value()[0].installation == before));
}

BOOST_AUTO_TEST_CASE(a_backup_makes_a_deployment_whose_store_is_lost) {
  shared_place shared, fresh;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  const auto message = seal(first, "kept elsewhere");
  const auto file = first.extract(protection).value();
  BOOST_TEST(refused_as(errc::not_found, one.open_or_create(fresh)));
  auto back = apply(one, fresh, file).value();
  BOOST_TEST(reads(back, message, "kept elsewhere"));
  BOOST_TEST(reads(two.join(fresh, back, "second"), message, "kept elsewhere"));
}

BOOST_AUTO_TEST_CASE(a_store_that_was_restored_on_purpose_is_accepted_with_a_backup) {
  shared_place shared;
  const server one;
  auto first = one.open_or_create(shared).value();
  const auto dump = shared.read(shared_place::key_name);
  first.recreate().value();
  const auto message = seal(first, "newest");
  const auto file = first.extract(protection).value();
  shared.write(shared_place::key_name, dump);
  BOOST_TEST(refused_as(errc::rolled_back, one.open(shared)));
  BOOST_TEST(reads(apply(one, shared, file).value(), message, "newest"));
}

BOOST_AUTO_TEST_CASE(applying_is_refused_when_it_would_lose_a_newer_version) {
  shared_place shared;
  const server one;
  auto first = one.open_or_create(shared).value();
  const auto file = first.extract(protection).value();
  const auto version = first.recreate().value();
  const auto message = seal(first, "newer");
  const auto refusal = apply(one, shared, file);
  BOOST_TEST(refused_as(errc::would_lose, refusal));
  BOOST_TEST(refusal.error().causes().size() == 1U);
  BOOST_TEST(refused_as(errc::would_lose, apply(one, shared, file, protection, {kw::key_id(1)})));
  BOOST_TEST(reads(first, message, "newer"));
  const auto back = apply(one, shared, file, protection, {version}).value();
  BOOST_TEST(refused_as(errc::unknown_key, back.key<rows>().open(message)));
}

BOOST_AUTO_TEST_CASE(applying_is_refused_with_another_password_or_another_deployments_backup) {
  shared_place shared, elsewhere;
  const server one, stranger;
  auto first = one.open_or_create(shared).value();
  auto others = stranger.open_or_create(elsewhere).value();
  const auto file = first.extract(protection).value();
  BOOST_TEST(
      refused_as(errc::no_slot_opened, apply(one, shared, file, kw::password("Shared-Backup-2"))));
  BOOST_TEST(refused_as(errc::authentication_failed,
                        apply(one, shared, others.extract(protection).value())));
  BOOST_TEST(refused_as(errc::truncated, apply(one, shared, kw::as_bytes("{}"))));
  BOOST_TEST(accepted(one.open(shared)));
}

BOOST_AUTO_TEST_CASE(extracting_under_an_empty_password_is_refused) {
  shared_place shared;
  const server one;
  BOOST_TEST(refused_as(errc::password_refused,
                        one.open_or_create(shared).value().extract(kw::password(""))));
}

BOOST_AUTO_TEST_CASE(applying_does_not_carry_members_over_that_nobody_vouches_for) {
  shared_place shared, elsewhere;
  const server one, stranger;
  auto first = one.open_or_create(shared).value();
  static_cast<void>(stranger.open_or_create(elsewhere).value());
  const auto file = first.extract(protection).value();
  auto document = nlohmann::json::parse(shared.read(shared_place::key_name));
  const auto theirs = nlohmann::json::parse(elsewhere.read(shared_place::key_name));
  document["slots"].push_back(theirs["slots"][0]);
  document["attributes"]["members"].push_back(theirs["attributes"]["members"][0]);
  const auto mac = document["mac"].get<std::string>();
  document.erase("mac");
  auto text = document.dump(1);
  text.resize(text.size() - 2);
  shared.write(shared_place::key_name, text + ",\n \"mac\": \"" + mac + "\"\n}\n");
  BOOST_TEST(refused_as(errc::authentication_failed, apply(one, shared, file)));
}

BOOST_AUTO_TEST_CASE(re_creating_the_key_seals_every_secret_again_and_every_members_copy) {
  shared_place shared;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  auto second = two.join(shared, first, "second");
  for (const auto* name : {"a", "b", "c"})
    BOOST_TEST(accepted(first.secrets().put(called(name), kw::as_bytes(name))));
  const auto old = first.versions().value().front().id;
  first.recreate().value();
  BOOST_TEST(accepted(second.refresh()));
  BOOST_TEST(accepted(first.disable(old)));
  BOOST_TEST(accepted(first.destroy(old)));
  const auto restarted = two.open(shared).value();
  for (const auto* name : {"a", "b", "c"})
    BOOST_TEST(restarted.secrets().get(called(name)).value().text() == name);
  BOOST_TEST(restarted.secrets().list().value().size() == 3U);
}

BOOST_AUTO_TEST_CASE(re_creating_is_refused_while_a_secret_does_not_open) {
  shared_place shared;
  const server one;
  auto first = one.open_or_create(shared).value();
  BOOST_TEST(accepted(first.secrets().put("a", kw::as_bytes("a"))));
  shared.write("scale-out/farm/secret/a", "nonsense");
  const auto before = shared.read(shared_place::key_name);
  BOOST_TEST(!first.recreate());
  BOOST_TEST(shared.read(shared_place::key_name) == before);
}

BOOST_AUTO_TEST_CASE(deleting_destroys_all_content_and_starts_again_with_the_same_members) {
  shared_place shared;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  auto second = two.join(shared, first, "second");
  BOOST_TEST(accepted(first.secrets().put("orders", kw::as_bytes("x"))));
  const auto message = seal(first, "gone");
  const auto plan = first.plan_deletion().value();
  BOOST_TEST(plan.secrets().size() == 1U);
  BOOST_TEST(plan.versions().size() == 1U);
  BOOST_TEST(accepted(first.delete_content(plan)));
  BOOST_TEST(refused_as(errc::unknown_key, first.key<rows>().open(message)));
  BOOST_TEST(refused_as(errc::not_found, first.secrets().get("orders")));
  BOOST_TEST(accepted(second.refresh()));
  BOOST_TEST(refused_as(errc::unknown_key, second.key<rows>().open(message)));
  BOOST_TEST(reads(two.open(shared).value(), seal(first, "new"), "new"));
}

BOOST_AUTO_TEST_CASE(deleting_is_refused_when_something_has_changed_since_the_plan) {
  shared_place shared;
  const server one;
  auto first = one.open_or_create(shared).value();
  BOOST_TEST(accepted(first.secrets().put("orders", kw::as_bytes("x"))));
  const auto plan = first.plan_deletion().value();
  BOOST_TEST(accepted(first.secrets().put("orders", kw::as_bytes("y"))));
  BOOST_TEST(refused_as(errc::plan_is_stale, first.delete_content(plan)));
  const auto next = first.plan_deletion().value();
  first.recreate().value();
  BOOST_TEST(refused_as(errc::plan_is_stale, first.delete_content(next)));
  BOOST_TEST(first.secrets().get("orders").value().text() == "y");
}

BOOST_AUTO_TEST_CASE(secrets_are_put_replaced_listed_and_dropped) {
  shared_place shared;
  const server one;
  const auto first = one.open_or_create(shared).value();
  auto secrets = first.secrets();
  BOOST_TEST(accepted(secrets.put("orders", kw::as_bytes("one"))));
  BOOST_TEST(accepted(secrets.put("orders", kw::as_bytes("two"))));
  BOOST_TEST(secrets.get("orders").value().text() == "two");
  BOOST_TEST(secrets.list().value().size() == 1U);
  BOOST_TEST(accepted(secrets.drop("orders")));
  BOOST_TEST(refused_as(errc::not_found, secrets.drop("orders")));
  BOOST_TEST(refused_as(errc::not_found, secrets.get("orders")));
  BOOST_TEST(refused_as(errc::limit_exceeded, secrets.put("orders", kw::bytes(65537))));
}

BOOST_AUTO_TEST_SUITE_END()
