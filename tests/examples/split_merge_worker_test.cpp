// The worker of examples/split_merge_service, ended at every step and at random instants: whatever
// happens, every row is in one place, and whoever reads through the map sees it once.
#include "examples/split_merge_world.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <charconv>
#include <random>
#include <thread>

#include <boost/test/unit_test.hpp>

#include "fault/kill.hpp"

namespace keywarden::testing::split_merge_worker_test {

using namespace split_merge_world;

const request move_middle{kind::move, {200, 400}, 0, "west", "north"};

/// What ends a worker in this process; it is no error that anybody handles.
struct crash {};

/// A request, what becomes of it, and where everything is then.
struct scenario {
  std::string name;
  request asked;
  bool is_cancelled = false;
  std::vector<placement> map;
};

const std::vector<placement> unchanged{{{0, 600}, "west"}, {{600, 1000}, "east"}};

const std::vector<scenario>& scenarios() {
  static const std::vector<scenario> all{
      {"move",
       move_middle,
       false,
       {{{0, 200}, "west"}, {{200, 400}, "north"}, {{400, 600}, "west"}, {{600, 1000}, "east"}}},
      {"split",
       {kind::split, {0, 600}, 450, "west", "north"},
       false,
       {{{0, 450}, "west"}, {{450, 600}, "north"}, {{600, 1000}, "east"}}},
      {"merge", {kind::merge, {600, 1000}, 0, "east", "west"}, false, {{{0, 1000}, "west"}}},
      {"cancelled", move_middle, true, unchanged},
  };
  return all;
}

/// A hook that counts steps, cancels if the scenario says so, and calls `end` at one of them.
std::function<void(step)> hook(const world& in, const scenario& what, std::size_t& steps,
                               std::size_t end_at, const std::function<void()>& end) {
  return [&in, &what, &steps, end_at, end](step reached) {
    if (what.is_cancelled && reached == step::noted) {
      auto service = in.service();
      if (service.next()->at == phase::copying) service.cancel(1);
    }
    if (steps++ == end_at) end();
  };
}
constexpr auto never = std::numeric_limits<std::size_t>::max();

/// How many steps a scenario takes when nothing ends it.
std::size_t steps_of(const scenario& what) {
  const world in;
  in.submit(what.asked);
  std::size_t steps = 0;
  auto whole = in.make_worker(hook(in, what, steps, never, [] {}), 20);
  drain(whole);
  return steps;
}

/// What holds after another worker finished what the first one left.
void check_finished(const world& in, const scenario& what) {
  const auto expected = what.is_cancelled ? phase::cancelled : phase::done;
  BOOST_TEST((in.status(1).at == expected));
  BOOST_TEST(in.status(1).waiting.empty());
  BOOST_TEST((in.map() == what.map));
  BOOST_TEST(in.is_stored_once());
  BOOST_TEST(in.is_seen_whole());
  BOOST_TEST(in.is_writable());
}

BOOST_AUTO_TEST_SUITE(split_merge_worker)

BOOST_AUTO_TEST_CASE(a_worker_that_ends_at_any_step_and_again_while_recovering_loses_nothing) {
  for (const auto& what : scenarios()) {
    const auto steps = steps_of(what);
    BOOST_TEST(steps >= 9U);
    for (std::size_t first = 0; first < steps; ++first) {
      BOOST_TEST_CONTEXT(what.name << " ended at step " << first) {
        const world in;
        in.submit(what.asked);
        for (const auto end_at : {first, (first * 7 + 3) % steps}) {
          std::size_t done = 0;
          try {
            auto mortal = in.make_worker(hook(in, what, done, end_at, [] { throw crash(); }), 20);
            drain(mortal);
          } catch (const crash&) {
          }
          BOOST_TEST(in.is_seen_whole());
        }
        std::size_t done = 0;
        auto last = in.make_worker(hook(in, what, done, never, [] {}), 20);
        BOOST_TEST((drain(last) == worker::outcome::idle));
        check_finished(in, what);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_process_that_ends_at_any_step_leaves_what_another_one_finishes) {
  for (const auto& what : {scenarios().front(), scenarios().back()}) {
    const auto steps = steps_of(what);
    for (std::size_t end_at = 0; end_at < steps; ++end_at) {
      BOOST_TEST_CONTEXT(what.name << " ended at step " << end_at) {
        const world in;
        in.submit(what.asked);
        const ::pid_t child = ::fork();
        if (child == 0) {
          std::size_t done = 0;
          try {
            auto mortal = in.make_worker(hook(in, what, done, end_at, [] { ::_exit(7); }), 20);
            drain(mortal);
          } catch (...) {
          }
          ::_exit(1);
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        BOOST_REQUIRE(WIFEXITED(status));
        BOOST_TEST(WEXITSTATUS(status) == 7);
        BOOST_TEST(in.is_seen_whole());
        // The write-ahead logs of the dead are still there: nothing secret is in them either.
        for (const auto& each : world::names())
          BOOST_TEST(!in.is_in_a_file(world::password_of(each)));
        std::size_t done = 0;
        auto last = in.make_worker(hook(in, what, done, never, [] {}), 20);
        drain(last);
        check_finished(in, what);
      }
    }
  }
}

// --- The random kills: clients that read and write all the time, in processes of their own. ---

/// What all processes of the test see. Of each key: the last value begun, and acknowledged.
struct shared {
  static constexpr std::size_t keys = 200;
  std::array<std::atomic<std::uint32_t>, keys> begun{};
  std::array<std::atomic<std::uint32_t>, keys> acknowledged{};
  std::atomic<std::uint64_t> reads{0};
  std::atomic<std::uint64_t> scans{0};
  std::atomic<std::uint64_t> writes{0};
  std::atomic<std::uint64_t> refusals{0};
  std::atomic<bool> stop{false};
  std::atomic<bool> broken{false};
  std::array<char, 400> what{};

  void complain(const std::string& text) {
    if (broken.exchange(true)) return;
    std::copy_n(text.begin(), std::min(text.size(), what.size() - 1), what.begin());
  }
};

// The keys that are written are those after the rows' own: 2, 7, 12, ...
constexpr std::int64_t key_of(std::size_t index) {
  return static_cast<std::int64_t>(index) * world::stride + 2;
}
row counted(std::size_t index, std::uint32_t value) {
  return {key_of(index), to_bytes(as_bytes(std::to_string(value)))};
}
std::uint32_t value_of(const bytes& payload) {
  std::uint32_t made = 0;
  const auto text = as_text(payload);
  std::from_chars(text.data(), text.data() + text.size(), made);
  return made;
}

/// A client: writes the keys that are its own, and checks what it reads of all of them.
void be_client(const world& in, shared& board, std::size_t self) {
  std::mt19937_64 random(self);
  auto to = in.client();
  const auto check = [&](std::size_t index, std::uint32_t least, std::uint32_t seen) {
    if (seen < least || seen > board.begun[index].load())
      board.complain("key " + std::to_string(key_of(index)) + " is " + std::to_string(seen) +
                     ", was " + std::to_string(least));
  };
  while (!board.stop.load()) {
    const std::size_t index = random() % shared::keys;
    const auto least = board.acknowledged[index].load();
    const auto seen = to.get(key_of(index));
    if (!seen)
      board.complain("no key " + std::to_string(key_of(index)));
    else
      check(index, least, value_of(*seen));
    ++board.reads;

    if (index % 2 == self % 2) {
      const auto value = ++board.begun[index];
      const auto refusal = why([&] { to.put(counted(index, value)); });
      if (refusal == errc::none) {
        board.acknowledged[index].store(value);
        ++board.writes;
      } else if (refusal.value_of(fact::reason) == reason::moving) {
        ++board.refusals;
      } else {
        board.complain(refusal.message());
      }
    }

    if (random() % 8 != 0) continue;
    std::array<std::uint32_t, shared::keys> floor{};
    for (std::size_t each = 0; each < shared::keys; ++each)
      floor[each] = board.acknowledged[each].load();
    const auto all = to.scan(world::everything);
    if (all.size() != shared::keys + world::all_rows().size())
      board.complain("a scan sees " + std::to_string(all.size()) + " rows");
    std::int64_t before = -1;
    for (const auto& each : all) {
      if (each.key <= before) board.complain("twice " + std::to_string(each.key));
      before = each.key;
      if (each.key % world::stride != 2) continue;
      const auto at = static_cast<std::size_t>(each.key / world::stride);
      check(at, floor[at], value_of(each.payload));
    }
    ++board.scans;
  }
}

/// A request for a random part of what is somewhere; none when that makes no sense.
void submit_something(const world& in, std::mt19937_64& random) {
  const auto map = in.service().map();
  const auto& from = map.entries()[random() % map.entries().size()];
  const auto& to = world::names()[random() % 3];
  const auto width = static_cast<std::uint64_t>(from.keys.high - from.keys.low);
  const auto middle = from.keys.low + static_cast<std::int64_t>(random() % width);
  const request asked{static_cast<kind>(random() % 3), from.keys, middle, from.shard, to};
  static_cast<void>(why([&] { in.submit(asked); }));
}

BOOST_AUTO_TEST_CASE(random_kills_lose_nothing_while_clients_read_and_write) {
  const auto rounds = kill_rounds(60);
  std::mt19937_64 random(20260101);
  const world in;
  void* const memory =
      ::mmap(nullptr, sizeof(shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  BOOST_REQUIRE((memory != MAP_FAILED));
  auto& board = *new (memory) shared();
  {
    auto to = in.client();
    for (std::size_t each = 0; each < shared::keys; ++each) to.put(counted(each, 0));
  }
  const auto begin = [](const auto& act) {  // this process has nothing open now
    const ::pid_t made = ::fork();
    if (made != 0) return made;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const auto refusal = why(act);
    if (refusal != errc::none)
      static_cast<void>(
          !::write(STDERR_FILENO, refusal.message().data(), refusal.message().size()));
    ::_exit(refusal == errc::none ? 0 : 1);
  };
  std::array<::pid_t, 2> clients{};
  for (std::size_t each = 0; each < clients.size(); ++each)
    clients[each] = begin([&] {
      try {
        be_client(in, board, each);
      } catch (const refused& why) {
        board.complain(why.what());
      }
    });

  std::map<phase, std::size_t> killed_in;
  for (std::size_t round = 0; round < rounds; ++round) {
    while (!in.service().next()) submit_something(in, random);
    if (random() % 16 == 0)
      static_cast<void>(why([&] { in.service().cancel(in.service().next()->id); }));
    const ::pid_t child = begin([&] {
      auto mortal = in.make_worker({}, 8);
      while (true) drain(mortal);
    });
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 25000));  // any instant
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    BOOST_REQUIRE(WIFSIGNALED(status));
    if (const auto now = in.service().next()) ++killed_in[now->at];
  }
  board.stop.store(true);
  for (const auto each : clients) {
    int status = 0;
    ::waitpid(each, &status, 0);
    BOOST_TEST(WIFEXITED(status));
  }
  auto last = in.make_worker();
  drain(last);

  BOOST_TEST(!board.broken.load(), std::string(board.what.data()));
  std::string phases;
  for (const auto& [at, times] : killed_in)
    phases.append(", ").append(name_of(at)).append(" ").append(std::to_string(times));
  BOOST_TEST_MESSAGE(rounds << " kills" << phases << "; " << in.service().map().version()
                            << " requests, " << board.reads.load() << " reads, "
                            << board.scans.load() << " scans, " << board.writes.load()
                            << " writes, " << board.refusals.load() << " refused as moving");
  BOOST_TEST(board.scans.load() > 0U);
  BOOST_TEST(board.writes.load() > 0U);
  // Every write that was acknowledged is there, and each row once, in all files together.
  std::map<std::int64_t, bytes> kept;
  for (const auto& name : world::names())
    for (const auto& each : in.open(name).rows(world::everything, 10000))
      BOOST_TEST(kept.emplace(each.key, each.payload).second);
  for (std::size_t each = 0; each < shared::keys; ++each)
    BOOST_TEST(value_of(kept[key_of(each)]) >= board.acknowledged[each].load());
  for (const auto& each : world::names()) BOOST_TEST(!in.is_in_a_file(world::password_of(each)));
  ::munmap(memory, sizeof(shared));
}

// --- What a worker refuses, and what it leaves behind. ---

/// Nothing has changed, and everything can be written.
void check_as_before(const world& in) {
  BOOST_TEST((in.map() == unchanged));
  BOOST_TEST(in.service().map().version() == 0U);
  BOOST_TEST(in.is_stored_once());
  BOOST_TEST(in.is_seen_whole());
  BOOST_TEST(in.is_writable());
}

BOOST_AUTO_TEST_CASE(a_wrong_credential_fails_the_request_and_tells_no_secret) {
  for (const auto* wrong : {"west", "north"}) {
    const world in;
    const auto given = [&](const std::string& name) {
      return in.connection(name, name == wrong ? "a wrong Gues5" : world::password_of(name));
    };
    in.service().submit(move_middle, given("west"), given("north"),
                        split_merge::sealing_with(test_sealing{}));
    auto one = in.make_worker();
    drain(one);
    const auto now = in.status(1);
    BOOST_TEST((now.at == phase::failed));
    BOOST_TEST(now.problem.find("authentication_failed") != std::string::npos);
    BOOST_TEST(now.problem.find("Gues5") == std::string::npos);
    BOOST_TEST(!in.is_in_a_file("Gues5"));
    BOOST_TEST((why([&] {
                  static_cast<void>(in.service().sealed_credential(1, split_merge::role::source));
                }) == errc::not_found));
    check_as_before(in);
  }
}

BOOST_AUTO_TEST_CASE(a_missing_shard_fails_the_request) {
  const world in;
  in.submit(move_middle);
  std::filesystem::remove(in.file_of("north"));
  auto one = in.make_worker();
  drain(one);
  BOOST_TEST((in.status(1).at == phase::failed));
  BOOST_TEST((in.map() == unchanged));
  BOOST_TEST(in.is_seen_whole());
  BOOST_TEST(in.is_writable());
}

BOOST_AUTO_TEST_CASE(a_target_with_rows_of_the_range_fails_the_request_and_keeps_them) {
  const world in;
  {
    auto north = in.open("north");
    north.serve({390, 410});
    north.put({399, {1, 2, 3}}, 0);
  }
  in.submit(move_middle);
  auto one = in.make_worker();
  drain(one);
  const auto now = in.status(1);
  BOOST_TEST((now.at == phase::failed));
  BOOST_TEST(now.problem.find(reason::target_in_use) != std::string::npos);
  BOOST_TEST((in.map() == unchanged));
  BOOST_TEST(in.is_writable());
  BOOST_TEST(in.is_seen_whole());
  BOOST_TEST((in.open("north").rows(world::everything, 9) == std::vector<row>{{399, {1, 2, 3}}}));
}

BOOST_AUTO_TEST_CASE(a_copy_that_differs_turns_the_request_back) {
  const world in;
  in.submit(move_middle);
  bool altered = false;
  auto one = in.make_worker([&](step reached) {
    if (reached != step::copied || std::exchange(altered, true)) return;
    const split_merge::database behind(in.file_of("north"));
    behind.run("UPDATE rows SET payload = x'00' WHERE key = 205");
  });
  drain(one);
  BOOST_TEST((in.status(1).at == phase::failed));
  BOOST_TEST(in.status(1).problem.find("not what was copied") != std::string::npos);
  check_as_before(in);
}

BOOST_AUTO_TEST_CASE(a_target_that_vanishes_while_copying_leaves_the_source_writable) {
  const world in;
  in.submit(move_middle);
  {
    auto first = in.make_worker();
    while (in.status(1).copied == 0) BOOST_REQUIRE((first.work_once() == worker::outcome::worked));
  }
  const auto away = in.folder() / "away";
  std::filesystem::rename(in.file_of("north"), away);
  auto second = in.make_worker();
  BOOST_TEST((drain(second) == worker::outcome::waiting));
  BOOST_TEST((in.status(1).at == phase::undoing));
  BOOST_TEST(!in.status(1).waiting.empty());
  BOOST_TEST(in.is_writable());
  BOOST_TEST(in.is_seen_whole());
  std::filesystem::rename(away, in.file_of("north"));
  BOOST_TEST((drain(second) == worker::outcome::idle));
  BOOST_TEST((in.status(1).at == phase::failed));
  check_as_before(in);
}

BOOST_AUTO_TEST_CASE(a_source_that_vanishes_after_the_switch_is_waited_for) {
  const world in;
  in.submit(move_middle);
  try {
    auto first = in.make_worker([](step reached) {
      if (reached == step::switched) throw crash();
    });
    drain(first);
  } catch (const crash&) {
  }
  const auto away = in.folder() / "away";
  std::filesystem::rename(in.file_of("west"), away);
  auto second = in.make_worker();
  BOOST_TEST((drain(second) == worker::outcome::waiting));
  BOOST_TEST((in.status(1).at == phase::cleaning));
  BOOST_TEST((why([&] { in.service().cancel(1); }) == errc::not_permitted));
  BOOST_TEST(in.client().scan({200, 400}).size() == 40U);  // its new place needs no old one
  std::filesystem::rename(away, in.file_of("west"));
  drain(second);
  check_finished(in, scenarios().front());
}

BOOST_AUTO_TEST_CASE(while_a_range_moves_it_is_read_and_not_written) {
  const world in;
  auto client = in.client();
  in.submit(move_middle);
  std::size_t refusals = 0;
  auto one = in.make_worker([&](step reached) {
    if (reached == step::taken_over || reached == step::ended) {
      client.put(world::sample(200));
      return;
    }
    BOOST_TEST(client.get(200).has_value());
    BOOST_TEST(client.scan(world::everything).size() == world::all_rows().size());
    client.put(world::sample(195));
    if (reached == step::opened || reached == step::claimed || reached == step::incoming ||
        reached == step::committing || reached == step::removed || reached == step::emptied)
      return;
    BOOST_TEST(refuses(errc::store_busy, reason::moving, [&] { client.put(world::sample(200)); }));
    ++refusals;
  });
  drain(one);
  BOOST_TEST(refusals > 5U);
  BOOST_TEST((in.status(1).at == phase::done));
}

BOOST_AUTO_TEST_CASE(a_second_worker_and_an_empty_batch_are_refused) {
  const world in;
  BOOST_TEST((why([&] { static_cast<void>(in.make_worker({}, 0)); }) == errc::invalid_argument));
  BOOST_TEST((why([&] { static_cast<void>(in.make_worker({}, 7, 0)); }) == errc::invalid_argument));
  const auto one = in.make_worker();
  BOOST_TEST((why([&] { static_cast<void>(in.make_worker()); }) == errc::store_busy));
}

BOOST_AUTO_TEST_CASE(a_batch_has_no_more_bytes_than_its_limit_but_always_a_row) {
  constexpr std::uint64_t limit = 1000;
  constexpr std::int64_t large = 301;  // a key whose row is above the limit by itself
  const world in;
  std::vector<row> added;
  for (std::int64_t key = 201; key < 400; key += 5)
    added.push_back({key, bytes(key == large ? 5000 : 300, static_cast<std::uint8_t>(key))});
  for (const auto& each : added) in.client().put(each);
  in.submit(move_middle);

  // What a step copied, or removed: rows of a file that are not in another state of it.
  const auto check_batch = [&](std::vector<row>& before, std::vector<row> after) {
    std::uint64_t size = 0;
    const auto& more = before.size() < after.size() ? after : before;
    const auto& less = before.size() < after.size() ? before : after;
    std::size_t rows = 0;
    for (const auto& each : more) {
      if (std::ranges::find(less, each) != less.end()) continue;
      size += each.payload.size();
      ++rows;
    }
    BOOST_TEST((size <= limit || rows == 1U), size << " bytes in " << rows << " rows");
    before = std::move(after);
    return rows;
  };
  const auto middle = [&](const std::string& of) { return in.open(of).rows({200, 400}, 1000); };
  auto copied = middle("north");
  auto left = middle("west");
  const auto all = left;
  std::size_t copies = 0;
  std::size_t removals = 0;
  bool alone = false;
  auto one = in.make_worker(
      [&](step reached) {
        if (reached == step::copied) {
          ++copies;
          if (check_batch(copied, middle("north")) == 1) alone = true;
        }
        if (reached == step::removed) {
          ++removals;
          check_batch(left, middle("west"));
        }
      },
      500, limit);
  drain(one);
  BOOST_TEST((in.status(1).at == phase::done));
  BOOST_TEST((middle("north") == all));
  BOOST_TEST(middle("west").empty());
  BOOST_TEST(copies > all.size() / 7);  // at 500 rows it would be one
  BOOST_TEST(removals > all.size() / 7);
  BOOST_TEST(alone);
}

BOOST_AUTO_TEST_CASE(batches_end_where_the_rows_do) {
  const world in;
  const auto west = in.open("west");
  const range keys{200, 400};  // forty rows
  const auto all = west.rows(keys, 1000);
  for (const std::uint64_t rows : {1U, 7U, 39U, 40U, 41U, 1000U})
    for (const std::uint64_t size : {1U, 20U, 100U, 1'000'000U}) {
      std::vector<row> seen;
      range rest = keys;
      for (bool last = false; !last;) {
        auto some = west.some_rows(rest, {rows, size});
        last = some.last;
        BOOST_REQUIRE((last || !some.rows.empty()));
        BOOST_TEST(some.rows.size() <= rows);
        if (!some.rows.empty()) rest.low = some.rows.back().key + 1;
        std::ranges::move(some.rows, std::back_inserter(seen));
      }
      BOOST_TEST((seen == all), "rows " << rows << ", bytes " << size);
    }
}

BOOST_AUTO_TEST_CASE(what_has_moved_leaves_nothing_behind) {
  const world in;
  const auto moved = world::sample(300);
  const auto row = as_text(moved.payload);
  in.submit(move_middle);
  const auto sealed = in.service().sealed_credential(1, split_merge::role::target);
  BOOST_TEST(in.is_in_a_file(row, "west"));
  BOOST_TEST(in.is_in_a_file(as_text(sealed), "metadata"));
  {
    auto one = in.make_worker();
    drain(one);
  }
  BOOST_TEST(!in.is_in_a_file(row, "west"));
  BOOST_TEST(in.is_in_a_file(row, "north"));
  BOOST_TEST(!in.is_in_a_file(as_text(sealed)));
  for (const auto& each : world::names()) BOOST_TEST(!in.is_in_a_file(world::password_of(each)));
}

BOOST_AUTO_TEST_CASE(its_progress_can_be_seen) {
  const world in;
  in.submit(move_middle);
  in.submit({kind::split, {600, 1000}, 800, "east", "west"});
  std::vector<std::uint64_t> copied;
  auto one = in.make_worker([&](step reached) {
    if (reached == step::noted) copied.push_back(in.status(1).copied);
  });
  drain(one);
  BOOST_TEST((std::vector(copied.begin(), copied.begin() + 6) ==
              std::vector<std::uint64_t>{7, 14, 21, 28, 35, 40}));
  const auto all = in.service().status();
  BOOST_TEST(all.requests.size() == 2U);
  for (const auto& each : all.requests) {
    BOOST_TEST((each.at == phase::done));
    BOOST_TEST(each.rows == 40U);
    BOOST_TEST(each.removed == 40U);
  }
  BOOST_TEST((all.map.entries() == std::vector<placement>{{{0, 200}, "west", 40},
                                                          {{200, 400}, "north", 40},
                                                          {{400, 600}, "west", 40},
                                                          {{600, 800}, "east", 40},
                                                          {{800, 1000}, "west", 40}}));
}

BOOST_AUTO_TEST_CASE(a_worker_in_a_thread_works_until_it_is_told_to_stop) {
  const world in;
  auto one = in.make_worker();
  std::jthread working([&](const std::stop_token& stop) { one.run(stop); });
  in.submit(move_middle);
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (in.status(1).at != phase::done && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  BOOST_TEST((in.status(1).at == phase::done));
  working.request_stop();
  working.join();
  check_finished(in, scenarios().front());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace keywarden::testing::split_merge_worker_test
