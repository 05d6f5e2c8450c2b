// Sealing and opening with the shared key: when the store is asked.
#include <keywarden/vault/scale_out.hpp>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "vault/scale_out_fixture.hpp"

namespace kw = keywarden;
using namespace kw::testing;
using kw::errc;

BOOST_AUTO_TEST_SUITE(scale_out_sealing)

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

BOOST_AUTO_TEST_CASE(a_clock_that_was_set_back_stops_no_sealing_while_the_store_is_away) {
  shared_place shared;
  const server one;
  const auto first = one.open_or_create(shared).value();
  const auto key = first.key<rows>();
  BOOST_TEST(accepted(key.seal({})));
  shared.go_away();
  const later back(std::chrono::hours(-2));
  BOOST_TEST(accepted(key.seal({})));
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

BOOST_AUTO_TEST_CASE(an_instance_that_asks_to_join_again_is_no_member_in_any_process) {
  shared_place shared;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  auto process = two.join(shared, first, "second");
  const auto key = process.key<rows>();
  const auto message = key.seal({}).value();
  BOOST_TEST(accepted(farm::forget(two.own, farm_name)));
  static_cast<void>(two.ask(shared, "second"));
  BOOST_TEST(refused_as(errc::not_activated, process.refresh()));
  const later minutes(std::chrono::minutes(2));
  for (int i = 0; i < 3; ++i) BOOST_TEST(refused_as(errc::not_activated, key.seal({})));
  BOOST_TEST(refused_as(errc::not_activated, key.open(message)));
}

BOOST_AUTO_TEST_CASE(a_change_does_not_make_a_member_of_who_asked_to_join_meanwhile) {
  shared_place shared;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  auto process = two.join(shared, first, "second");
  shared.after_commit([&] {
    BOOST_TEST(accepted(farm::forget(two.own, farm_name)));
    static_cast<void>(two.ask(shared, "second"));
  });
  BOOST_TEST(refused_as(errc::not_activated, process.add_version()));
  const auto kept = two.own.memberships().load(farm_name).value();
  BOOST_TEST((kept->kept.stage == kw::membership_stage::joining));
}

BOOST_AUTO_TEST_CASE(processes_of_one_instance_are_not_told_of_a_rollback_that_is_none) {
  shared_place shared;
  const server one;
  auto process = one.open_or_create(shared).value();
  const auto theirs = shared.other();
  auto other = one.open(theirs).value();
  // The other one commits between what this one reads and what it makes of that.
  shared.after_key_read([&] { other.recreate().value(); });
  BOOST_TEST(accepted(process.refresh()));
  shared.after_key_read([&] { BOOST_TEST(accepted(other.add_version())); });
  BOOST_TEST(accepted(process.add_version()));
  shared.after_key_read([&] { BOOST_TEST(accepted(other.add_version())); });
  BOOST_TEST(accepted(process.key<rows>().seal({})));
  shared.after_key_read([&] { BOOST_TEST(accepted(other.key<rows>().seal({}))); });
  BOOST_TEST(accepted(one.open(shared)));
}

BOOST_AUTO_TEST_CASE(one_process_leases_once_for_all_its_handles) {
  shared_place shared;
  const server one;
  const auto first = one.open_or_create(shared).value();
  for (int i = 0; i < 100; ++i) BOOST_TEST(accepted(first.key<rows>().seal({})));
  BOOST_TEST(shared.key().header().versions.front().leased_messages == 256U);
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

BOOST_AUTO_TEST_SUITE_END()
