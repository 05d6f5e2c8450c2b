#include <keywarden/vault/scale_out.hpp>

#include <boost/test/unit_test.hpp>

#include "vault/scale_out_fixture.hpp"

namespace kw = keywarden;
using namespace kw::testing;
using kw::errc;

namespace {

[[nodiscard]] kw::result<farm> apply(const server& at, const shared_place& shared,
                                     kw::bytes_view file, const kw::password& with = protection,
                                     const kw::apply_options& options = {}) {
  return farm::apply(at.own, shared.share(), farm_name, "restored", file, with, options);
}

/// A server loses what it keeps of the deployment, and with it its private key. Returns as whom it
/// was a member.
[[nodiscard]] kw::installation_id lose_private_key(server& at, farm& member) {
  const auto all = member.members().value();
  const auto self = std::ranges::find(all, true, &kw::scale_out_member_info::self);
  at.place.write("scale_out_member/farm", std::nullopt);
  return self->installation;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(scale_out_restoring)

BOOST_AUTO_TEST_CASE(a_backup_lets_an_instance_back_in_that_lost_its_private_key) {
  shared_place shared;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  auto second = two.join(shared, first, "second");
  const auto message = seal(first, "kept");
  const auto file = second.extract(protection).value();
  kw::apply_options options;
  options.replaces = id_of(second, "first");
  one.place.write("scale_out_member/farm", std::nullopt);  // with it, the private key
  BOOST_TEST(refused_as(errc::not_activated, one.open(shared)));
  auto back = apply(one, shared, file, protection, options).value();
  BOOST_TEST(reads(back, message, "kept"));
  BOOST_TEST(reads(second, seal(back, "and on"), "and on"));
  BOOST_TEST(accepted(second.refresh()));
  BOOST_TEST(back.members().value().size() == 2U);
  BOOST_TEST((id_of(back, "restored") == *options.replaces));
  BOOST_TEST(accepted(one.open(shared)));
  BOOST_TEST(accepted(two.open(shared)));
}

BOOST_AUTO_TEST_CASE(applying_is_refused_when_it_would_cut_off_members_that_have_seen_more) {
  shared_place shared;
  const server two;
  server one;
  auto first = one.open_or_create(shared).value();
  const auto file = first.extract(protection).value();
  auto second = two.join(shared, first, "second");  // the backup does not know it
  kw::apply_options options;
  options.replaces = lose_private_key(one, first);
  BOOST_TEST(refused_as(errc::would_lose, apply(one, shared, file, protection, options)));
  BOOST_TEST(accepted(second.refresh()));
  options.cuts_off_members = true;
  auto back = apply(one, shared, file, protection, options).value();
  BOOST_TEST(refused_as(errc::authentication_failed, second.refresh()));
  // Who was cut off applies the same backup, and both go on.
  const auto message = seal(back, "after");
  BOOST_TEST(reads(apply(two, shared, file).value(), message, "after"));
  BOOST_TEST(accepted(back.refresh()));
  BOOST_TEST(back.versions().value().size() == 2U);  // the second has not made one more
}

BOOST_AUTO_TEST_CASE(applying_keeps_a_member_that_has_seen_less_than_the_backup) {
  shared_place shared;
  const server two;
  server one;
  auto first = one.open_or_create(shared).value();
  auto second = two.join(shared, first, "second");
  first.add_version().value();
  first.recreate().value();  // and the second does not look
  const auto file = first.extract(protection).value();
  kw::apply_options options;
  options.replaces = lose_private_key(one, first);
  auto back = apply(one, shared, file, protection, options).value();
  BOOST_TEST(accepted(second.refresh()));
  BOOST_TEST(reads(second, seal(back, "on"), "on"));
  BOOST_TEST(accepted(two.open(shared)));
}

BOOST_AUTO_TEST_CASE(applying_at_a_member_cuts_nobody_off) {
  shared_place shared;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  const auto file = first.extract(protection).value();
  auto second = two.join(shared, first, "second");
  const auto version = first.recreate().value();
  const auto message = seal(first, "since then");
  auto back = apply(one, shared, file).value();
  BOOST_TEST((back.key<rows>().current().value()->active() != version));
  BOOST_TEST(reads(back, message, "since then"));
  BOOST_TEST(accepted(second.refresh()));
  BOOST_TEST(reads(second, seal(back, "on"), "on"));
}

BOOST_AUTO_TEST_CASE(after_a_restore_a_backup_is_applied_at_each_member_and_none_is_cut_off) {
  shared_place shared;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  auto second = two.join(shared, first, "second");
  const auto file = first.extract(protection).value();
  first.add_version().value();
  const auto dump = shared.read(shared_place::key_name);
  first.recreate().value();
  BOOST_TEST(accepted(second.refresh()));
  shared.write(shared_place::key_name, dump);
  BOOST_TEST(refused_as(errc::rolled_back, first.refresh()));
  auto firsts = apply(one, shared, file).value();
  BOOST_TEST(!second.refresh());
  auto seconds = apply(two, shared, file).value();
  BOOST_TEST(accepted(firsts.refresh()));
  BOOST_TEST(firsts.members().value().size() == 2U);
  BOOST_TEST(reads(firsts, seal(seconds, "on"), "on"));
  BOOST_TEST(accepted(one.open(shared)));
  BOOST_TEST(accepted(two.open(shared)));
}

BOOST_AUTO_TEST_CASE(an_apply_that_was_killed_between_the_two_stores_is_repeated) {
  shared_place shared;
  const server two;
  server one;
  auto first = one.open_or_create(shared).value();
  auto second = two.join(shared, first, "second");
  const auto file = second.extract(protection).value();
  kw::apply_options options;
  options.replaces = lose_private_key(one, first);
  std::string kept;
  shared.before_commit([&] { kept = one.place.read("scale_out_member/farm"); });
  BOOST_TEST(accepted(apply(one, shared, file, protection, options)));
  one.place.write("scale_out_member/farm", kept);  // as it was when the shared store had committed
  BOOST_TEST(refused_as(errc::not_activated, one.open(shared)));
  auto back = apply(one, shared, file, protection, options).value();
  BOOST_TEST(back.versions().value().size() == 2U);
  BOOST_TEST(back.members().value().size() == 2U);
  BOOST_TEST(accepted(second.refresh()));
}

BOOST_AUTO_TEST_CASE(a_removed_instance_comes_back_with_a_backup_or_by_joining_again) {
  shared_place shared;
  const server one, two, three;
  auto first = one.open_or_create(shared).value();
  auto second = two.join(shared, first, "second");
  auto third = three.join(shared, first, "third");
  first.leave(id_of(first, "second")).value();
  first.leave_and_rotate(id_of(first, "third")).value();
  BOOST_TEST(refused_as(errc::not_activated, second.refresh()));
  BOOST_TEST(refused_as(errc::not_activated, third.refresh()));
  auto back = apply(two, shared, first.extract(protection).value()).value();
  BOOST_TEST(accepted(first.refresh()));
  BOOST_TEST(reads(first, seal(back, "on"), "on"));
  BOOST_TEST(accepted(two.open(shared)));
  BOOST_TEST(accepted(farm::forget(three.own, farm_name)));
  BOOST_TEST(reads(three.join(shared, back, "third"), seal(first, "all"), "all"));
}

BOOST_AUTO_TEST_CASE(an_apply_goes_on_when_another_process_keeps_something_at_the_same_moment) {
  shared_place shared;
  busy_server one;
  auto first = one.base.open_or_create(shared).value();
  const auto file = first.extract(protection).value();
  shared.after_commit([&] { one.conflict_once(); });
  auto back = farm::apply(one.own, shared.share(), farm_name, "r", file, protection).value();
  BOOST_TEST(back.versions().value().size() == 2U);
  BOOST_TEST(accepted(one.base.open(shared)));
}

BOOST_AUTO_TEST_CASE(a_record_that_cannot_be_read_is_replaced_only_if_members_may_be_cut_off) {
  shared_place shared;
  const server one;
  auto first = one.open_or_create(shared).value();
  const auto message = seal(first, "kept");
  const auto file = first.extract(protection).value();
  shared.write(shared_place::key_name, "nonsense");
  BOOST_TEST(refused_as(errc::truncated, apply(one, shared, file)));
  kw::apply_options options;
  options.cuts_off_members = true;
  BOOST_TEST(reads(apply(one, shared, file, protection, options).value(), message, "kept"));
}

BOOST_AUTO_TEST_CASE(replacing_a_member_that_is_none_is_refused) {
  shared_place shared, fresh;
  server one;
  auto first = one.open_or_create(shared).value();
  const auto file = first.extract(protection).value();
  kw::apply_options options;
  const auto self = lose_private_key(one, first);
  options.replaces = kw::installation_id{};
  BOOST_TEST(refused_as(errc::not_found, apply(one, fresh, file, protection, options)));
  BOOST_TEST(refused_as(errc::not_found, apply(one, shared, file, protection, options)));
  options.replaces = self;
  BOOST_TEST(accepted(apply(one, fresh, file, protection, options)));
}

BOOST_AUTO_TEST_CASE(a_member_that_was_removed_is_not_let_back_in_by_applying_a_backup) {
  shared_place shared;
  const server one, two, three;
  auto first = one.open_or_create(shared).value();
  auto second = two.join(shared, first, "second");
  static_cast<void>(three.join(shared, first, "third"));
  auto private_key = kw::crypto::x_wing::private_key::decode(
                         three.own.memberships().load(farm_name).value()->kept.private_key)
                         .value();
  auto edit = kw::detail::open_shared<kw::crypto::x_wing>(
                  shared.key(), named(shared_place::key_name), std::move(private_key), nullptr)
                  .value();
  first.leave_and_rotate(id_of(first, "third")).value();
  BOOST_TEST(accepted(second.refresh()));
  const auto file = first.extract(protection).value();
  edit.record.header().generation += 100;
  shared.write(shared_place::key_name,
               kw::as_text(kw::detail::encode_shared(edit, kw::time_point{}).value()));
  BOOST_TEST(refused_as(errc::authentication_failed, apply(one, shared, file)));
  BOOST_TEST(refused_as(errc::authentication_failed, second.refresh()));
  // Where nobody vouches for what is in the store, the members of the backup are carried over.
  kw::apply_options options;
  options.cuts_off_members = true;
  auto back = apply(one, shared, file, protection, options).value();
  BOOST_TEST(back.members().value().size() == 2U);  // those of the backup
  BOOST_TEST(refused_as(errc::not_activated, three.open(shared)));
  BOOST_TEST(accepted(two.open(shared)));
}

BOOST_AUTO_TEST_CASE(an_applied_backup_seals_with_a_fresh_version_only) {
  shared_place shared;
  const server one;
  auto first = one.open_or_create(shared).value();
  const auto file = first.extract(protection).value();
  const auto old = first.versions().value().front().id;
  const auto message = seal(first, "counted");
  auto back = apply(one, shared, file).value();
  BOOST_TEST(reads(back, message, "counted"));
  BOOST_TEST((back.key<rows>().current().value()->active() != old));
  // How much the old one has sealed nobody can tell: it never seals again.
  BOOST_TEST(accepted(back.promote(old)));
  BOOST_TEST(refused_as(errc::budget_exhausted, back.key<rows>().seal({})));
}

BOOST_AUTO_TEST_CASE(an_applied_backup_does_not_bring_back_what_was_disabled) {
  shared_place shared;
  const server one;
  auto first = one.open_or_create(shared).value();
  const auto old = first.versions().value().front().id;
  const auto message = seal(first, "x");
  first.recreate().value();
  const auto file = first.extract(protection).value();
  BOOST_TEST(accepted(first.disable(old)));
  const auto back = apply(one, shared, file).value();
  BOOST_TEST(refused_as(errc::unknown_key, back.key<rows>().open(message)));
}

BOOST_AUTO_TEST_CASE(a_version_that_sealed_until_a_backup_was_applied_is_not_destroyed_at_once) {
  shared_place shared;
  const server one;
  auto first = one.open_or_create(shared).value();
  const auto old = first.versions().value().front().id;
  auto back = apply(one, shared, first.extract(protection).value()).value();
  BOOST_TEST(accepted(back.disable(old)));
  BOOST_TEST(refused_as(errc::key_state_refused, back.destroy(old)));
  const later enough(std::chrono::minutes(15));
  BOOST_TEST(accepted(back.destroy(old)));
}

BOOST_AUTO_TEST_CASE(a_refused_apply_does_not_decide_as_whom_the_next_one_is_enrolled) {
  shared_place shared;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  auto second = two.join(shared, first, "second");
  const auto file = second.extract(protection).value();
  one.place.write("scale_out_member/farm", std::nullopt);
  kw::apply_options options;
  options.replaces = kw::installation_id{};  // mistyped
  BOOST_TEST(refused_as(errc::not_found, apply(one, shared, file, protection, options)));
  options.replaces = id_of(second, "first");
  auto back = apply(one, shared, file, protection, options).value();
  BOOST_TEST((id_of(back, "restored") == *options.replaces));
  BOOST_TEST(back.members().value().size() == 2U);
}

BOOST_AUTO_TEST_CASE(an_apply_that_failed_leaves_the_membership_as_it_was) {
  shared_place shared;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  auto second = two.join(shared, first, "second");
  const auto file = first.extract(protection).value();
  const auto before = shared.read(shared_place::key_name);
  BOOST_TEST(accepted(first.leave(id_of(first, "second"))));
  shared.before_commit([&] { shared.go_away(); });
  kw::apply_options options;
  options.cuts_off_members = true;
  BOOST_TEST(refused_as(errc::io_failed, apply(one, shared, file, protection, options)));
  shared.come_back();
  BOOST_TEST(accepted(one.open(shared)));
  shared.write(shared_place::key_name, before);
  BOOST_TEST(refused_as(errc::rolled_back, one.open(shared)));
}

BOOST_AUTO_TEST_CASE(applying_goes_on_when_a_member_writes_at_the_same_moment) {
  shared_place shared;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  auto second = two.join(shared, first, "second");
  const auto file = first.extract(protection).value();
  shared.before_commit([&] { BOOST_TEST(accepted(second.key<rows>().seal({}))); });
  BOOST_TEST(accepted(apply(one, shared, file)));
  BOOST_TEST(accepted(second.refresh()));
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

BOOST_AUTO_TEST_CASE(a_backup_brings_its_members_back_where_the_store_is_lost) {
  shared_place shared, fresh;
  server one;
  const server two, three;
  auto first = one.open_or_create(shared).value();
  auto second = two.join(shared, first, "second");
  const auto file = second.extract(protection).value();
  for (int i = 0; i < 1000; ++i) BOOST_TEST(accepted(second.key<rows>().seal({})));  // leases since
  auto third = three.join(shared, first, "third");  // after the backup
  kw::apply_options options;
  options.replaces = lose_private_key(one, first);
  auto back = apply(one, fresh, file, protection, options).value();
  BOOST_TEST(back.members().value().size() == 2U);
  BOOST_TEST(reads(two.open(fresh).value(), seal(back, "on"), "on"));
  BOOST_TEST(refused_as(errc::authentication_failed, three.open(fresh)));
}

BOOST_AUTO_TEST_CASE(what_a_member_still_knows_is_backed_up_after_the_store_was_set_back) {
  shared_place shared;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  auto second = two.join(shared, first, "second");
  const auto dump = shared.read(shared_place::key_name);
  first.recreate().value();
  const auto message = seal(first, "acknowledged");
  BOOST_TEST(accepted(second.refresh()));
  shared.write(shared_place::key_name, dump);  // a fail-over that lost the last commits
  BOOST_TEST(refused_as(errc::rolled_back, second.refresh()));
  const auto file = second.extract(protection).value();
  BOOST_TEST(refused_as(errc::authentication_failed, apply(two, shared, file)));
  kw::apply_options options;
  options.cuts_off_members = true;
  BOOST_TEST(reads(apply(two, shared, file, protection, options).value(), message, "acknowledged"));
  BOOST_TEST(accepted(first.refresh()));  // and nobody is, that has seen no more
  BOOST_TEST(reads(first, message, "acknowledged"));
}

BOOST_AUTO_TEST_CASE(a_backup_that_is_applied_again_after_a_second_restore_makes_a_version_again) {
  shared_place shared;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  auto second = two.join(shared, first, "second");
  const auto file = first.extract(protection).value();
  auto back = apply(one, shared, file).value();
  BOOST_TEST(accepted(second.refresh()));
  const auto dump = shared.read(shared_place::key_name);
  BOOST_TEST(accepted(back.key<rows>().seal({})));
  const auto active = back.key<rows>().current().value()->active();
  shared.write(shared_place::key_name, dump);
  BOOST_TEST(accepted(second.key<rows>().seal({})));  // leases the same messages
  BOOST_TEST(refused_as(errc::rolled_back, back.refresh()));
  const auto again = apply(one, shared, file).value();
  BOOST_TEST((again.key<rows>().current().value()->active() != active));
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
  BOOST_TEST(refused_as(errc::authentication_failed, apply(one, shared, file)));
  kw::apply_options options;
  options.cuts_off_members = true;  // nobody vouches for members in a state from before the backup
  BOOST_TEST(reads(apply(one, shared, file, protection, options).value(), message, "newest"));
}

BOOST_AUTO_TEST_CASE(applying_is_refused_when_it_would_lose_a_newer_version) {
  shared_place shared;
  server one;
  auto first = one.open_or_create(shared).value();
  const auto file = first.extract(protection).value();
  const auto version = first.recreate().value();
  const auto message = seal(first, "newer");
  kw::apply_options options;
  options.gives_up = {version};  // which a member has: nothing is given up
  BOOST_TEST(refused_as(errc::would_lose, apply(one, shared, file, protection, options)));
  BOOST_TEST(reads(first, message, "newer"));
  options.replaces = lose_private_key(one, first);
  options.gives_up.clear();
  const auto refusal = apply(one, shared, file, protection, options);
  BOOST_TEST(refused_as(errc::would_lose, refusal));
  BOOST_TEST(refusal.error().causes().size() == 1U);
  options.gives_up = {kw::key_id(1)};
  BOOST_TEST(refused_as(errc::would_lose, apply(one, shared, file, protection, options)));
  options.gives_up = {version};
  const auto back = apply(one, shared, file, protection, options).value();
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
  const later enough(std::chrono::minutes(15));
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

BOOST_AUTO_TEST_CASE(a_key_with_as_many_versions_as_it_can_have_is_deleted_all_the_same) {
  shared_place shared;
  const server one;
  auto first = one.open_or_create(shared).value();
  for (std::size_t i = 2; i < kw::key_ring::max_versions; ++i)
    BOOST_REQUIRE(accepted(first.add_version()));
  BOOST_TEST(refused_as(errc::limit_exceeded, first.add_version()));
  first = apply(one, shared, first.extract(protection).value()).value();  // there is room for one
  BOOST_TEST(accepted(first.delete_content(first.plan_deletion().value())));
  BOOST_TEST(accepted(first.add_version()));
  BOOST_TEST(reads(one.open(shared).value(), seal(first, "on"), "on"));
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
