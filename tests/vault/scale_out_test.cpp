#include <keywarden/vault/scale_out.hpp>

#include <thread>

#include <boost/test/unit_test.hpp>

#include "vault/scale_out_fixture.hpp"

namespace kw = keywarden;
using namespace kw::testing;
using kw::errc;

namespace {

// Holds within a second, or not at all.
template <class Condition>
[[nodiscard]] bool within_a_second(Condition&& holds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  while (std::chrono::steady_clock::now() < deadline) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return false;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(scale_out_membership)

BOOST_AUTO_TEST_CASE(the_first_instance_makes_the_key_and_opens_it_again) {
  shared_place shared;
  const server one;
  const auto message = seal(one.open_or_create(shared).value(), "order 7");
  BOOST_TEST(reads(one.open(shared).value(), message, "order 7"));
  BOOST_TEST(reads(one.open_or_create(shared).value(), message, "order 7"));
  BOOST_TEST(shared.key().header().slots.size() == 1U);
}

BOOST_AUTO_TEST_CASE(an_instance_that_joined_opens_what_others_seal_and_they_what_it_seals) {
  shared_place shared;
  const server one, two, three;
  auto first = one.open_or_create(shared).value();
  auto second = two.join(shared, first, "second");
  auto third = three.join(shared, second, "third");  // any member may approve
  for (const auto* by : {&first, &second, &third}) {
    const auto message = seal(*by, "for all");
    for (const auto* at : {&first, &second, &third}) BOOST_TEST(reads(*at, message, "for all"));
  }
  BOOST_TEST(reads(two.open(shared).value(), seal(third, "again"), "again"));
  const auto members = first.members().value();
  BOOST_TEST(members.size() == 3U);
  BOOST_TEST(members[0].self);
  BOOST_TEST(members[1].name == "second");
  BOOST_TEST(!members[2].self);
  BOOST_TEST(first.requests().value().empty());
}

BOOST_AUTO_TEST_CASE(a_deployment_that_another_instance_made_is_joined_not_made_again) {
  shared_place shared;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  BOOST_TEST(refused_as(errc::not_activated, two.open_or_create(shared)));
  BOOST_TEST(refused_as(errc::not_activated, two.open(shared)));
  BOOST_TEST(first.members().value().size() == 1U);
}

BOOST_AUTO_TEST_CASE(opening_what_is_not_there_is_refused) {
  shared_place shared;
  const server one;
  BOOST_TEST(refused_as(errc::not_found, one.open(shared)));
  BOOST_TEST(
      refused_as(errc::not_found, farm::ask_to_join(one.own, shared.share(), farm_name, "first")));
}

BOOST_AUTO_TEST_CASE(a_newcomer_is_no_member_before_it_is_approved_and_confirmed) {
  shared_place shared;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  const auto ticket = two.ask(shared);
  BOOST_TEST(refused_as(errc::not_activated, two.open(shared)));
  const auto asking = first.requests().value();
  BOOST_TEST(asking.size() == 1U);
  BOOST_TEST((asking[0].installation == ticket.installation));
  const auto code = first.approve(ticket.installation, ticket.fingerprint).value();
  BOOST_TEST(refused_as(errc::not_activated, two.open(shared)));
  BOOST_TEST(accepted(two.join(shared, code)));
  BOOST_TEST(accepted(two.open(shared)));
}

BOOST_AUTO_TEST_CASE(asking_twice_gives_the_same_key_pair) {
  shared_place shared;
  const server one, two;
  const auto first = one.open_or_create(shared).value();
  const auto once = two.ask(shared);
  const auto again = two.ask(shared);
  BOOST_TEST((once.installation == again.installation));
  BOOST_TEST((once.fingerprint == again.fingerprint));
  BOOST_TEST(refused_as(errc::already_exists,
                        farm::ask_to_join(one.own, shared.share(), farm_name, "first")));
}

BOOST_AUTO_TEST_CASE(approving_is_refused_without_a_request_and_with_another_fingerprint) {
  shared_place shared;
  const server one, two, three;
  auto first = one.open_or_create(shared).value();
  const auto ticket = two.ask(shared, "second");
  const auto other = three.ask(shared, "third");
  BOOST_TEST(refused_as(errc::not_found, first.approve(kw::installation_id{}, ticket.fingerprint)));
  BOOST_TEST(refused_as(errc::authentication_failed,
                        first.approve(ticket.installation, other.fingerprint)));
  BOOST_TEST(first.members().value().size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_code_is_read_as_it_was_shown_and_nothing_else_is) {
  shared_place shared;
  const server one, two;
  const auto first = one.open_or_create(shared).value();
  const auto shown = two.ask(shared).fingerprint;
  const auto text = shown.text();
  BOOST_TEST(text.size() == 39U);
  auto shouted = text;
  for (auto& each : shouted) each = static_cast<char>(std::toupper(each));
  BOOST_TEST((kw::verification_code::parse(text).value() == shown));
  BOOST_TEST((kw::verification_code::parse(shouted).value() == shown));
  for (const auto& wrong : {text.substr(1), text + "0", std::string("x") + text.substr(1),
                            std::string(), std::string(1000, '0'), text + std::string(60, ' ')})
    BOOST_TEST(refused_as(errc::invalid_argument, kw::verification_code::parse(wrong)));
}

BOOST_AUTO_TEST_CASE(a_member_that_was_removed_finds_out_and_opens_nothing_any_more) {
  shared_place shared;
  const server one, two, three;
  auto first = one.open_or_create(shared).value();
  auto second = two.join(shared, first, "second");
  auto third = three.join(shared, first, "third");
  const auto message = seal(first, "before");
  BOOST_TEST(accepted(third.leave(id_of(third, "first"))));  // in any order, from any member
  BOOST_TEST(refused_as(errc::not_activated, first.refresh()));
  BOOST_TEST(refused_as(errc::not_activated, first.key<rows>().open(message)));
  BOOST_TEST(refused_as(errc::not_activated, first.key<rows>().seal({})));
  BOOST_TEST(refused_as(errc::not_activated, one.open(shared)));
  BOOST_TEST(reads(second, message, "before"));
  BOOST_TEST(second.members().value().size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_member_may_leave_by_itself_and_join_again) {
  shared_place shared;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  auto second = two.join(shared, first, "second");
  BOOST_TEST(accepted(second.leave(id_of(second, "second"))));
  BOOST_TEST(refused_as(errc::not_activated, second.key<rows>().seal({})));
  BOOST_TEST(first.members().value().size() == 1U);
  auto back = two.join(shared, first, "second");
  BOOST_TEST(reads(back, seal(first, "welcome"), "welcome"));
}

BOOST_AUTO_TEST_CASE(the_last_member_does_not_leave_and_a_stranger_cannot_be_removed) {
  shared_place shared;
  const server one;
  auto first = one.open_or_create(shared).value();
  BOOST_TEST(refused_as(errc::last_protector, first.leave(id_of(first, "first"))));
  BOOST_TEST(refused_as(errc::not_found, first.leave(kw::installation_id{})));
  BOOST_TEST(reads(one.open(shared).value(), seal(first, "still"), "still"));
}

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

BOOST_AUTO_TEST_CASE(a_member_that_only_seals_takes_a_rotation_up_with_its_next_lease) {
  shared_place shared;
  const server one, two, three;
  auto first = one.open_or_create(shared).value();
  const auto second = two.join(shared, first, "second");
  const auto third = three.join(shared, first, "third");
  const auto key = second.key<rows>();
  BOOST_TEST(accepted(key.seal({})));  // 255 messages are left of its lease
  const auto removed = third.key<rows>().current().value();
  const auto version = first.leave_and_rotate(id_of(first, "third")).value();
  for (int i = 0; i < 255; ++i) BOOST_TEST(accepted(removed->open(key.seal({}).value())));
  const auto next = key.seal({}).value();
  BOOST_TEST(refused_as(errc::unknown_key, removed->open(next)));
  BOOST_TEST((key.current().value()->active() == version));
}

BOOST_AUTO_TEST_CASE(a_member_that_seals_looks_every_minute) {
  shared_place shared;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  const auto second = two.join(shared, first, "second");
  const auto key = second.key<rows>();
  BOOST_TEST(accepted(key.seal({})));
  const auto version = first.recreate().value();
  BOOST_TEST(accepted(key.seal({})));
  BOOST_TEST((key.current().value()->active() != version));
  const later a_minute(std::chrono::minutes(1));
  BOOST_TEST(accepted(key.seal({})));
  BOOST_TEST((key.current().value()->active() == version));
}

BOOST_AUTO_TEST_CASE(without_the_store_sealing_goes_on_for_ten_minutes_and_opening_for_ever) {
  shared_place shared;
  const server one;
  const auto first = one.open_or_create(shared).value();
  const auto key = first.key<rows>();
  const auto message = key.seal(kw::as_bytes("kept")).value();
  shared.go_away();
  {
    const later minutes(std::chrono::minutes(9));
    BOOST_TEST(accepted(key.seal({})));
  }
  {
    const later minutes(std::chrono::minutes(10));
    const auto refusal = key.seal({});
    BOOST_TEST(refused_as(errc::timed_out, refusal));
    BOOST_TEST((refusal.error().causes().front() == errc::io_failed));
    BOOST_TEST(key.open(message).value().text() == "kept");
    shared.come_back();
    BOOST_TEST(accepted(key.seal({})));
  }
}

BOOST_AUTO_TEST_CASE(a_clock_that_was_set_back_does_not_stop_the_looks) {
  shared_place shared;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  const auto second = two.join(shared, first, "second");
  const auto key = second.key<rows>();
  BOOST_TEST(accepted(key.seal({})));
  const auto version = first.recreate().value();
  const later back(std::chrono::hours(-2));
  BOOST_TEST(accepted(key.seal({})));
  BOOST_TEST((key.current().value()->active() == version));
  const later further_back(std::chrono::hours(-2));
  shared.go_away();
  BOOST_TEST(refused_as(errc::timed_out, key.seal({})));
}

BOOST_AUTO_TEST_CASE(threads_that_seal_at_once_after_a_long_pause_all_seal) {
  shared_place shared;
  const server one;
  const auto first = one.open_or_create(shared).value();
  const auto key = first.key<rows>();
  BOOST_TEST(accepted(key.seal({})));
  const later idle(std::chrono::minutes(11));
  // The first to look takes so long that the others ask meanwhile.
  std::atomic<bool> looking{false};
  shared.at_read([&] {
    if (!looking.exchange(true)) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  });
  std::vector<kw::result<kw::sealed<rows>>> others(4, kw::error(errc::none));
  {
    std::vector<std::jthread> crowd;
    for (auto& each : others)
      crowd.emplace_back([&] {
        while (!looking) std::this_thread::yield();
        each = key.seal({});
      });
    BOOST_TEST(accepted(key.seal({})));
  }
  for (const auto& each : others) BOOST_TEST(accepted(each));
}

BOOST_AUTO_TEST_CASE(what_must_not_be_trusted_stops_sealing_after_ten_minutes_as_an_absence_does) {
  shared_place shared;
  const server one;
  auto first = one.open_or_create(shared).value();
  const auto before = shared.read(shared_place::key_name);
  const auto key = first.key<rows>();
  BOOST_TEST(accepted(key.seal({})));
  shared.write(shared_place::key_name, before);
  {
    const later minutes(std::chrono::minutes(2));
    for (int i = 0; i < 3; ++i) BOOST_TEST(accepted(key.seal({})));
  }
  const later minutes(std::chrono::minutes(10));
  for (int i = 0; i < 3; ++i) {
    const auto refusal = key.seal({});
    BOOST_TEST(refused_as(errc::timed_out, refusal));
    BOOST_TEST((refusal.error().causes().front() == errc::rolled_back));
  }
}

BOOST_AUTO_TEST_CASE(an_instance_that_forgot_the_deployment_seals_no_more_in_any_process) {
  shared_place shared;
  const server one;
  auto process = one.open_or_create(shared).value();
  const auto key = process.key<rows>();
  BOOST_TEST(accepted(key.seal({})));
  BOOST_TEST(accepted(farm::forget(one.own, farm_name)));
  BOOST_TEST(refused_as(errc::not_activated, process.refresh()));
  BOOST_TEST(refused_as(errc::not_activated, key.seal({})));
}

BOOST_AUTO_TEST_CASE(asking_to_join_does_not_lock_out_who_is_making_the_deployment) {
  shared_place shared;
  server one;
  // Killed right after it wrote the first key; then somebody asks instead of opening.
  std::string creating;
  shared.before_commit([&] { creating = one.place.read("scale_out_member/farm"); });
  const auto message = seal(one.open_or_create(shared).value(), "first");
  one.place.write("scale_out_member/farm", creating);
  BOOST_TEST(refused_as(errc::already_exists,
                        farm::ask_to_join(one.own, shared.share(), farm_name, "first")));
  BOOST_TEST(reads(one.open_or_create(shared).value(), message, "first"));
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

BOOST_AUTO_TEST_CASE(a_change_that_was_committed_is_reported_as_done_although_the_store_is_gone) {
  shared_place shared;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  const auto ticket = two.ask(shared);
  shared.after_commit([&] { shared.go_away(); });
  const auto code = first.approve(ticket.installation, ticket.fingerprint);
  BOOST_TEST(accepted(code));
  shared.come_back();
  BOOST_TEST(accepted(two.join(shared, *code)));
  // Whoever lost the confirmation asks again, with the right fingerprint only.
  BOOST_TEST(accepted(first.approve(ticket.installation, ticket.fingerprint)));
  const server three;
  BOOST_TEST(refused_as(errc::authentication_failed,
                        first.approve(ticket.installation, three.ask(shared).fingerprint)));
}

BOOST_AUTO_TEST_CASE(one_process_leases_once_for_all_its_handles) {
  shared_place shared;
  const server one;
  const auto first = one.open_or_create(shared).value();
  for (int i = 0; i < 100; ++i) BOOST_TEST(accepted(first.key<rows>().seal({})));
  BOOST_TEST(shared.key().header().versions.front().leased_messages == 256U);
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

BOOST_AUTO_TEST_CASE(opening_and_sealing_with_a_cached_key_asks_no_store) {
  shared_place shared;
  const server one;
  const auto first = one.open_or_create(shared).value();
  const auto key = first.key<rows>();
  const auto message = key.seal(kw::as_bytes("warm")).value();  // leases its first messages
  const auto reads = shared.reads();
  const auto commits = shared.commits();
  for (int i = 0; i < 100; ++i) {
    BOOST_TEST(accepted(first.key<rows>().open(message)));
    BOOST_TEST(accepted(key.seal(kw::as_bytes("warm"))));
  }
  BOOST_TEST(shared.reads() == reads);
  BOOST_TEST(shared.commits() == commits);
}

BOOST_AUTO_TEST_CASE(a_message_under_a_version_not_known_here_is_looked_up) {
  shared_place shared;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  const auto second = two.join(shared, first, "second");
  const auto key = second.key<rows>();
  first.recreate().value();  // nobody told the second
  BOOST_TEST(reads(second, seal(first, "new"), "new"));
}

BOOST_AUTO_TEST_CASE(forged_messages_do_not_become_a_load_on_the_store) {
  shared_place shared;
  const server one;
  const auto first = one.open_or_create(shared).value();
  const auto key = first.key<rows>();
  auto forged = seal(first, "x").to_bytes();
  forged[2] ^= 1;  // the key id
  const auto before = shared.reads();
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::jthread> crowd;
  for (int i = 0; i < 8; ++i)
    crowd.emplace_back([&] {
      for (int j = 0; j < 5; ++j)
        static_cast<void>(key.open(kw::sealed<rows>(forged)));  // refused: asserted below
    });
  crowd.clear();
  const auto took = std::chrono::steady_clock::now() - start;
  const auto looks = shared.reads() - before;
  BOOST_TEST(looks >= 1);
  BOOST_TEST(looks <= 1 + took / std::chrono::milliseconds(20));
  BOOST_TEST(looks < 40);
  BOOST_TEST(refused_as(errc::unknown_key, key.open(kw::sealed<rows>(forged))));
}

BOOST_AUTO_TEST_CASE(every_process_leases_its_own_share_of_the_limit) {
  shared_place shared;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  const auto second = two.join(shared, first, "second");
  const auto leased = [&] { return shared.key().header().versions.front().leased_messages; };
  BOOST_TEST(reads(first, seal(first, "a"), "a"));
  BOOST_TEST(leased() == 256U);
  const auto b = seal(second, "b");
  BOOST_TEST(leased() == 512U);
  {
    const auto again = one.open(shared).value();  // a process that ends forfeits the rest
    BOOST_TEST(reads(second, seal(again, "c"), "c"));
  }
  BOOST_TEST(leased() == 768U);
  BOOST_TEST(reads(first, b, "b"));
}

BOOST_AUTO_TEST_CASE(a_follower_sees_a_rotation_within_a_second) {
  shared_place shared;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  auto second = two.join(shared, first, "second");
  const auto following = second.follow({std::chrono::milliseconds(10), {}});
  const auto version = first.rotate(std::chrono::seconds(5)).value();  // needs the second's word
  const auto key = second.key<rows>();
  BOOST_TEST(within_a_second([&] { return key.current().value()->active() == version; }));
  BOOST_TEST((following.last_problem().code() == errc::none));
}

BOOST_AUTO_TEST_CASE(a_follower_reports_what_goes_wrong_and_goes_on) {
  shared_place shared;
  const server one;
  const auto first = one.open_or_create(shared).value();
  std::atomic<int> problems{0};
  const auto following = first.follow({std::chrono::milliseconds(5), [&](const kw::error& what) {
                                         if (what == errc::not_found) ++problems;
                                       }});
  const auto key = shared.read(shared_place::key_name);
  shared.write(shared_place::key_name, std::nullopt);
  BOOST_TEST(within_a_second([&] { return problems > 2; }));
  BOOST_TEST((following.last_problem() == errc::not_found));
  shared.write(shared_place::key_name, key);
  BOOST_TEST(within_a_second([&] { return following.last_problem() == errc::none; }));
}

BOOST_AUTO_TEST_CASE(processes_of_one_instance_that_start_at_once_make_one_key) {
  shared_place shared;
  const server one;
  std::vector<std::optional<kw::result<farm>>> opened(16);
  {
    std::vector<std::jthread> processes;
    for (auto& each : opened)
      processes.emplace_back([&] {
        const auto own = one.open_vault();
        each = farm::open_or_create(own, shared.share(), farm_name, "first");
      });
  }
  for (const auto& each : opened) BOOST_TEST(accepted(*each));
  const auto message = seal(**opened.front(), "one key");
  for (const auto& each : opened) BOOST_TEST(reads(**each, message, "one key"));
  BOOST_TEST(shared.key().header().slots.size() == 1U);
}

BOOST_AUTO_TEST_CASE(instances_that_start_at_once_make_one_key_and_the_others_are_told_to_join) {
  shared_place shared;
  std::vector<std::unique_ptr<server>> servers;
  for (int i = 0; i < 8; ++i) servers.push_back(std::make_unique<server>());
  std::vector<std::optional<kw::result<farm>>> opened(servers.size());
  {
    std::vector<std::jthread> processes;
    for (std::size_t i = 0; i < servers.size(); ++i)
      processes.emplace_back([&, i] { opened[i] = servers[i]->open_or_create(shared); });
  }
  int members = 0;
  for (const auto& each : opened) {
    members += each->has_value() ? 1 : 0;
    if (!*each) BOOST_TEST(refused_as(errc::not_activated, *each));
  }
  BOOST_TEST(members == 1);
}

BOOST_AUTO_TEST_CASE(an_instance_killed_before_it_wrote_the_first_key_goes_on_where_it_was) {
  shared_place shared;
  const server one;
  // What was kept right before the first commit is what a killed process leaves behind.
  const auto other = one.open_vault();
  shared.before_commit([&] {
    BOOST_TEST(accepted(farm::open_or_create(other, shared.share(), farm_name, "first")));
  });
  const auto first = one.open_or_create(shared).value();
  BOOST_TEST(reads(one.open(shared).value(), seal(first, "one"), "one"));
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

BOOST_AUTO_TEST_CASE(regenerating_the_service_master_key_keeps_the_membership) {
  shared_place shared;
  const server one;
  const auto message = seal(one.open_or_create(shared).value(), "kept");
  BOOST_TEST(accepted(one.own.service_master_key().regenerate()));
  BOOST_TEST(reads(one.open(shared).value(), message, "kept"));
}

BOOST_AUTO_TEST_CASE(a_name_above_64_bytes_is_refused) {
  shared_place shared;
  const server one;
  BOOST_TEST(refused_as(errc::limit_exceeded, one.open_or_create(shared, std::string(65, 'a'))));
  BOOST_TEST(accepted(one.open_or_create(shared, std::string(64, 'a'))));
}

BOOST_AUTO_TEST_SUITE_END()
