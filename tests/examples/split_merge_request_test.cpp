// What examples/split_merge_service takes, refuses and keeps: maps, requests, shards, credentials.
#include "examples/split_merge_world.hpp"

#include <limits>

#include <boost/test/unit_test.hpp>

namespace keywarden::testing::split_merge_request_test {

using namespace split_merge_world;
using split_merge::shard_map;

const request move_middle{kind::move, {200, 400}, 0, "west", "north"};

BOOST_AUTO_TEST_SUITE(split_merge_request)

BOOST_AUTO_TEST_CASE(a_map_joins_neighbours_on_one_shard_and_cuts_what_moves) {
  shard_map map({{{0, 10}, "a"}, {{10, 20}, "a"}, {{20, 30}, "b"}}, 0);
  BOOST_TEST(map.entries().size() == 2U);
  map.assign({5, 20}, "b", 7);
  BOOST_TEST((map.entries() == std::vector<placement>{{{0, 5}, "a"}, {{5, 30}, "b"}}));
  BOOST_TEST(map.version() == 7U);
  BOOST_TEST(map.find(4)->shard == "a");
  BOOST_TEST((map.find(30) == nullptr));
  BOOST_TEST(!map.is_on({4, 6}, "a"));
  BOOST_TEST(map.is_next_to({0, 5}, "b"));
}

BOOST_AUTO_TEST_CASE(a_map_with_overlapping_ranges_is_refused) {
  BOOST_TEST((why([] {
                shard_map({{{0, 10}, "a"}, {{9, 20}, "b"}}, 0);
              }) == errc::invalid_argument));
}

BOOST_AUTO_TEST_CASE(requests_that_make_no_sense_are_refused_with_their_reason) {
  const world in;
  const auto refused = [&](errc code, std::string_view reason, const request& asked) {
    return refuses(code, reason, [&] { in.submit(asked); });
  };
  const auto wrong = errc::invalid_argument;
  const auto invalid = [&](std::string_view reason, const request& asked) {
    return refused(wrong, reason, asked);
  };
  const range lower{0, 600};
  BOOST_TEST(invalid(reason::empty_range, {kind::move, {400, 200}, 0, "west", "north"}));
  BOOST_TEST(invalid(reason::empty_range, {kind::move, {200, 200}, 0, "west", "north"}));
  BOOST_TEST(invalid(reason::same_shard, {kind::move, lower, 0, "west", "west"}));
  BOOST_TEST(invalid(reason::not_on_source, {kind::move, {500, 700}, 0, "west", "north"}));
  BOOST_TEST(invalid(reason::not_on_source, {kind::move, lower, 0, "east", "north"}));
  BOOST_TEST(invalid(reason::not_on_source, {kind::move, {-5, 5}, 0, "west", "north"}));
  BOOST_TEST(invalid(reason::split_point, {kind::split, lower, 0, "west", "north"}));
  BOOST_TEST(invalid(reason::split_point, {kind::split, lower, 600, "west", "north"}));
  BOOST_TEST(invalid(reason::not_adjacent, {kind::merge, lower, 0, "west", "north"}));
  BOOST_TEST(invalid(reason::not_adjacent, {kind::merge, {0, 599}, 0, "west", "east"}));

  const auto unknown = refuses(errc::not_found, reason::unknown_shard, [&] {
    const auto service = in.connection("west");
    in.service().submit({kind::move, lower, 0, "west", "south"}, service, service,
                        split_merge::sealing_with(test_sealing{}));
  });
  BOOST_TEST(unknown);
  BOOST_TEST(in.service().status().requests.empty());
}

BOOST_AUTO_TEST_CASE(a_request_for_keys_of_an_unfinished_one_is_refused) {
  const world in;
  const auto first = in.submit(move_middle);
  const auto again = [&] { in.submit({kind::split, {0, 600}, 500, "west", "east"}); };
  BOOST_TEST(refuses(errc::has_dependents, reason::overlaps, again));
  in.submit({kind::move, {400, 500}, 0, "west", "north"});  // beside it
  in.service().cancel(first);
  BOOST_TEST(refuses(errc::has_dependents, reason::overlaps, again));
  BOOST_TEST((in.status(first).at == phase::cancelled));
}

BOOST_AUTO_TEST_CASE(connection_strings_for_other_files_or_of_another_form_are_refused) {
  const world in;
  const auto submit = [&](const plaintext& source) {
    return [&] {
      in.service().submit(move_middle, source, in.connection("north"),
                          split_merge::sealing_with(test_sealing{}));
    };
  };
  BOOST_TEST(refuses(errc::invalid_argument, reason::wrong_file, submit(in.connection("east"))));
  for (const auto* text : {"", "Password=x", "Data Source=;Password=x", "Data Source=/a;Password=",
                           "data source=/a;Password=x", "Data Source=/a;Pwd=hush-hush"}) {
    const auto refusal = why(submit(plaintext::copy_of(as_bytes(text))));
    BOOST_TEST((refusal == errc::malformed));
    BOOST_TEST(refusal.message().find("hush") == std::string::npos);
  }
  const auto read = split_merge::parse_connection_string(in.connection("west", "a;Password=b"));
  BOOST_TEST((read.secret == password("a;Password=b")));
  BOOST_TEST(read.file == in.file_of("west"));
}

BOOST_AUTO_TEST_CASE(a_failure_to_seal_queues_nothing) {
  const world in;
  const auto refusing = [](const plaintext&, std::string_view) -> result<bytes> {
    return errc::certificate_expired;
  };
  BOOST_TEST((why([&] {
                in.service().submit(move_middle, in.connection("west"), in.connection("north"),
                                    refusing);
              }) == errc::certificate_expired));
  BOOST_TEST(in.service().status().requests.empty());
}

BOOST_AUTO_TEST_CASE(names_that_no_path_may_be_made_of_are_refused) {
  const world in;
  BOOST_TEST((why([&] { in.service().configure({{"../west", "/tmp/x"}}); }) == errc::invalid_name));
  in.submit(move_middle);
  BOOST_TEST((why([&] { in.service().configure({{"west", "/tmp/x"}}); }) == errc::has_dependents));
}

BOOST_AUTO_TEST_CASE(a_shard_opens_with_its_password_only) {
  const world in;
  const auto open = [&](std::string_view secret) {
    return why([&] { shard(in.file_of("west"), password(secret)); });
  };
  BOOST_TEST((open(world::password_of("west")) == errc::none));
  BOOST_TEST((open(world::password_of("east")) == errc::authentication_failed));
  BOOST_TEST((open("") == errc::password_refused));
  BOOST_TEST((why([&] { shard(in.folder() / "none.db", password("x")); }) == errc::not_found));
  std::ofstream(in.folder() / "text.db") << std::string(5000, 'x');
  BOOST_TEST((why([&] { shard(in.folder() / "text.db", password("x")); }) == errc::store_corrupt));
  BOOST_TEST((why([&] {
                shard::create(in.file_of("west"), password("x"), {64, 1, 1});
              }) == errc::already_exists));
}

BOOST_AUTO_TEST_CASE(a_range_is_served_only_in_the_states_that_allow_it) {
  const world in;
  const auto west = in.open("west");
  const auto north = in.open("north");
  const range keys{200, 400};
  const auto elsewhere = [](const auto& act) {
    return refuses(errc::plan_is_stale, reason::elsewhere, act);
  };
  const auto moving = [](const auto& act) {
    return refuses(errc::store_busy, reason::moving, act);
  };
  const auto read = [&](const shard& from, std::uint64_t version) {
    return [&from, version] { static_cast<void>(from.scan({200, 210}, version)); };
  };
  const auto write = [&](const shard& to, std::uint64_t version) {
    return [&to, version] { to.put(world::sample(200), version); };
  };
  BOOST_TEST(elsewhere(read(north, 0)));
  BOOST_TEST(elsewhere([&] { static_cast<void>(west.scan({590, 601}, 0)); }));
  constexpr auto last = std::numeric_limits<std::int64_t>::max();
  BOOST_TEST(elsewhere([&] { static_cast<void>(west.get(last, 0)); }));
  BOOST_TEST(elsewhere([&] { west.begin_leaving({500, 700}, 7); }));
  BOOST_TEST(refuses(errc::already_exists, reason::target_in_use, [&] {
    west.begin_incoming({0, 10}, 7);
  }));

  BOOST_TEST(north.begin_incoming(keys, 7) == 200);
  west.begin_leaving(keys, 7);
  BOOST_TEST(moving(write(west, 0)));
  BOOST_TEST(moving([&] { west.erase(399, 0); }));
  west.erase(401, 0);
  BOOST_TEST(west.scan({100, 500}, 0).size() == 80U);
  BOOST_TEST(elsewhere(read(north, 6)));  // no map of before the switch leads here
  BOOST_TEST(elsewhere(write(north, 6)));
  read(north, 7)();
  BOOST_TEST(moving(write(north, 7)));

  west.retire(7);
  BOOST_TEST(elsewhere(read(west, 0)));
  BOOST_TEST(elsewhere(write(west, 99)));
  BOOST_TEST(west.get(401, 0).has_value() == false);
  north.take_over(7);
  write(north, 7)();
  BOOST_TEST(elsewhere(write(north, 6)));
}

BOOST_AUTO_TEST_CASE(rewrapping_goes_on_where_it_was_cut_off_and_loses_nothing) {
  const world in;
  for (std::int64_t each = 0; each < 3; ++each)
    in.submit({kind::move, {each * 100, each * 100 + 50}, 0, "west", "north"});
  const auto rewrap = split_merge::rewrapping_with(test_sealing{'a'}, test_sealing{'b'});
  struct killed {};
  for (std::size_t dies_at = 1; dies_at <= 2; ++dies_at) {  // each time one credential further
    std::size_t calls = 0;
    const auto dying = [&](bytes_view old, std::string_view owner) {
      auto made = rewrap(old, owner);
      if (made && *made != to_bytes(old) && ++calls == 2) throw killed();
      return made;
    };
    BOOST_CHECK_THROW(in.service().rewrap_all(dying), killed);
    const auto opens = [&](std::uint64_t id, split_merge::role as, const char* shard) {
      const auto kept = in.service().sealed_credential(id, as);
      const auto owner = split_merge::owner_of(id, as, shard);
      return split_merge::opening_with(test_sealing{'a'})(kept, owner).has_value() ||
             split_merge::opening_with(test_sealing{'b'})(kept, owner).has_value();
    };
    for (std::uint64_t id = 1; id <= 3; ++id) {
      BOOST_TEST(opens(id, split_merge::role::source, "west"));
      BOOST_TEST(opens(id, split_merge::role::target, "north"));
    }
  }
  std::vector<std::uint64_t> seen;
  auto rest = in.service().rewrap_all(
      rewrap, [&](const split_merge::rewrap_progress& now) { seen.push_back(now.looked_at); });
  BOOST_TEST((seen == std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6}));
  BOOST_TEST(rest.rewrapped == 4U);
  BOOST_TEST(rest.total == 6U);
  BOOST_TEST(rest.refused.empty());
  BOOST_TEST(rest.old_ones_erased);
  BOOST_TEST(in.service().rewrap_all(rewrap).rewrapped == 0U);

  auto with_old_key = in.make_worker();
  drain(with_old_key);
  BOOST_TEST((in.status(1).at == phase::failed));
}

BOOST_AUTO_TEST_CASE(a_credential_that_cannot_be_rewrapped_stays_as_it_was) {
  const world in;
  in.submit(move_middle);
  const auto before = in.service().sealed_credential(1, split_merge::role::target);
  const auto wrong = split_merge::rewrapping_with(test_sealing{'x'}, test_sealing{'b'});
  const auto made = in.service().rewrap_all(wrong);
  BOOST_TEST(made.refused.size() == 2U);
  BOOST_TEST((made.refused.front().why == errc::unknown_key));
  BOOST_TEST((in.service().sealed_credential(1, split_merge::role::target) == before));
}

BOOST_AUTO_TEST_CASE(a_sealed_credential_opens_for_its_request_and_shard_only) {
  const world in;
  in.submit(move_middle);
  const auto kept = in.service().sealed_credential(1, split_merge::role::source);
  const auto open = split_merge::opening_with(test_sealing{});
  BOOST_TEST(accepted(open(kept, split_merge::owner_of(1, split_merge::role::source, "west"))));
  for (const auto& other : {split_merge::owner_of(2, split_merge::role::source, "west"),
                            split_merge::owner_of(1, split_merge::role::target, "west"),
                            split_merge::owner_of(1, split_merge::role::source, "east")})
    BOOST_TEST(refused_as(errc::authentication_failed, open(kept, other)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace keywarden::testing::split_merge_request_test
