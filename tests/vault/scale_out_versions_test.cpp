// The shared key and its versions.
#include <keywarden/vault/scale_out.hpp>

#include <chrono>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "vault/scale_out_fixture.hpp"

namespace kw = keywarden;
using namespace kw::testing;
using kw::errc;

BOOST_AUTO_TEST_SUITE(scale_out_versions)

BOOST_AUTO_TEST_CASE(after_leave_and_rotate_the_removed_member_opens_nothing_new) {
  shared_place shared;
  const server one, two, three;
  auto first = one.open_or_create(shared).value();
  auto second = two.join(shared, first, "second");
  auto third = three.join(shared, first, "third");
  auto removed = third.key<rows>();
  const auto before = seal(first, "before");
  const auto offline = removed.current().value();  // what it holds, were it never to look again
  const auto version = first.leave_and_rotate(id_of(first, "third")).value();
  const auto after = seal(first, "after");
  BOOST_TEST(after.view()[0] == before.view()[0]);
  BOOST_TEST(refused_as(errc::unknown_key, offline->open(after)));
  BOOST_TEST(refused_as(errc::not_activated, removed.open(after)));
  BOOST_TEST(reads(second, after, "after"));
  BOOST_TEST(reads(second, before, "before"));
  BOOST_TEST((first.key<rows>().current().value()->active() == version));
  BOOST_TEST(refused_as(errc::invalid_argument, first.leave_and_rotate(id_of(first, "first"))));
}

BOOST_AUTO_TEST_CASE(a_version_seals_only_when_every_member_has_it) {
  shared_place shared;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  auto second = two.join(shared, first, "second");
  const auto version = first.add_version().value();
  const auto refusal = first.promote(version);
  BOOST_TEST(refused_as(errc::key_state_refused, refusal));
  BOOST_TEST(refusal.error().value_of(kw::fact::reason).find("second") != std::string::npos);
  BOOST_TEST(accepted(second.refresh()));
  BOOST_TEST(accepted(first.promote(version)));
  const auto message = seal(first, "under the new one");
  const auto reads_before = shared.reads();
  BOOST_TEST(reads(second, message, "under the new one"));
  BOOST_TEST(shared.reads() == reads_before);  // it had the version before anybody sealed with it
  BOOST_TEST(refused_as(errc::unknown_key, first.promote(kw::key_id(1))));
}

BOOST_AUTO_TEST_CASE(a_rotation_that_a_member_does_not_see_in_time_can_be_finished_later) {
  shared_place shared;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  auto second = two.join(shared, first, "second");
  BOOST_TEST(refused_as(errc::key_state_refused, first.rotate(std::chrono::milliseconds(1))));
  const auto created = first.versions().value().back();
  BOOST_TEST((created.state == kw::key_state::created));
  BOOST_TEST(accepted(second.refresh()));
  BOOST_TEST((first.rotate().value() == created.id));  // and not with one more version
}

BOOST_AUTO_TEST_CASE(a_version_is_destroyed_only_when_every_member_seals_with_another) {
  shared_place shared;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  auto second = two.join(shared, first, "second");
  const auto old = first.versions().value().front().id;
  const auto message = seal(first, "old");
  const auto version = first.add_version().value();
  BOOST_TEST(accepted(second.refresh()));  // it has the version, and does not know that it seals
  BOOST_TEST(accepted(first.promote(version)));
  BOOST_TEST(accepted(first.disable(old)));
  const later quarter_of_an_hour(std::chrono::minutes(15));
  BOOST_TEST(refused_as(errc::key_state_refused, first.destroy(old)));
  BOOST_TEST(accepted(second.refresh()));
  BOOST_TEST(accepted(first.destroy(old)));
  BOOST_TEST(refused_as(errc::unknown_key, first.key<rows>().open(message)));
  BOOST_TEST(reads(two.open(shared).value(), seal(first, "new"), "new"));
}

BOOST_AUTO_TEST_CASE(a_note_that_was_erased_is_written_again_when_its_member_looks) {
  shared_place shared;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  auto second = two.join(shared, first, "second");
  const auto old = first.versions().value().front().id;
  first.recreate().value();
  BOOST_TEST(accepted(first.disable(old)));
  BOOST_TEST(accepted(second.refresh()));
  shared.write("scale-out/farm/seen/" + kw::detail::label_of(id_of(first, "second")), std::nullopt);
  const later enough(std::chrono::minutes(15));
  BOOST_TEST(refused_as(errc::key_state_refused, first.destroy(old)));
  BOOST_TEST(accepted(second.refresh()));
  BOOST_TEST(accepted(first.destroy(old)));
}

BOOST_AUTO_TEST_CASE(a_version_that_sealed_a_moment_ago_is_not_destroyed) {
  shared_place shared;
  const server one;
  auto first = one.open_or_create(shared).value();
  const auto old = first.versions().value().front().id;
  first.recreate().value();
  BOOST_TEST(accepted(first.disable(old)));
  {
    const later almost(std::chrono::minutes(14));
    BOOST_TEST(refused_as(errc::key_state_refused, first.destroy(old)));
  }
  const later enough(std::chrono::minutes(15));
  BOOST_TEST(accepted(first.destroy(old)));
}

BOOST_AUTO_TEST_CASE(a_version_that_a_shared_secret_is_sealed_with_is_not_destroyed) {
  shared_place shared;
  const server one;
  auto first = one.open_or_create(shared).value();
  const auto old = first.versions().value().front().id;
  BOOST_TEST(accepted(first.secrets().put("orders", kw::as_bytes("x"))));
  first.rotate().value();
  const later enough(std::chrono::minutes(15));
  BOOST_TEST(accepted(first.disable(old)));
  BOOST_TEST(refused_as(errc::has_dependents, first.destroy(old)));
  BOOST_TEST(accepted(first.enable(old)));
  first.recreate().value();
  BOOST_TEST(accepted(first.disable(old)));
  BOOST_TEST(accepted(first.destroy(old)));
  BOOST_TEST(first.secrets().get("orders").value().text() == "x");
}

BOOST_AUTO_TEST_CASE(a_handle_without_a_follower_seals_on_after_its_version_was_disabled) {
  shared_place shared;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  const auto second = two.join(shared, first, "second");
  const auto old = first.versions().value().front().id;
  first.recreate().value();
  BOOST_TEST(accepted(first.disable(old)));
  BOOST_TEST(reads(first, second.key<rows>().seal(kw::as_bytes("on")).value(), "on"));
}

BOOST_AUTO_TEST_CASE(a_ring_that_grows_long_forgets_what_was_destroyed) {
  auto ring = kw::key_ring::create(kw::time_point{}).value();
  for (int i = 0; i < 1000; ++i) {
    const auto old = ring.active().id;
    BOOST_REQUIRE(accepted(kw::detail::next_version(ring, kw::time_point{})));
    BOOST_REQUIRE(accepted(ring.disable(old)));
    BOOST_REQUIRE(accepted(ring.destroy(old)));
  }
  BOOST_TEST(ring.versions().size() <= kw::key_ring::max_versions / 2 + 1);
}

BOOST_AUTO_TEST_CASE(a_member_that_was_away_for_more_changes_than_are_linked_must_join_again) {
  shared_place shared;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  auto second = two.join(shared, first, "second");
  const auto id = first.versions().value().front().id;
  const auto change = [&] {  // disabled and enabled again: two links
    BOOST_REQUIRE(accepted(first.disable(id)));
    BOOST_REQUIRE(accepted(first.enable(id)));
  };
  first.recreate().value();
  for (std::size_t i = 1; i < kw::detail::record_key_chain::max_links / 2; ++i) change();
  BOOST_TEST(accepted(two.open(shared)));
  for (std::size_t i = 0; i <= kw::detail::record_key_chain::max_links / 2; ++i) change();
  BOOST_TEST(refused_as(errc::authentication_failed, two.open(shared)));
  BOOST_TEST(accepted(one.open(shared)));
  BOOST_TEST(accepted(first.leave(id_of(first, "second"))));
  BOOST_TEST(accepted(farm::forget(two.own, farm_name)));
  BOOST_TEST(reads(two.join(shared, first, "second"), seal(first, "again"), "again"));
}

BOOST_AUTO_TEST_CASE(members_that_change_the_key_at_once_lose_nothing) {
  shared_place shared;
  const server one, two, three;
  auto first = one.open_or_create(shared).value();
  auto second = two.join(shared, first, "second");
  auto third = three.join(shared, first, "third");
  {
    std::vector<std::jthread> members;
    for (auto* each : {&first, &second, &third})
      members.emplace_back([each] {
        for (int i = 0; i < 4; ++i) static_cast<void>(each->add_version().value());
      });
  }
  BOOST_TEST(accepted(first.refresh()));
  BOOST_TEST(first.versions().value().size() == 13U);
}

BOOST_AUTO_TEST_SUITE_END()
