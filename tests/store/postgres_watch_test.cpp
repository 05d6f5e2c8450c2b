#include <keywarden/store/postgres.hpp>

#include <sys/resource.h>

#include <thread>

#include "store/laws.hpp"
#include "support/postgres_place.hpp"

namespace keywarden::testing {
namespace postgres_watch_test {

using std::chrono::milliseconds;
using std::chrono::seconds;
using store::postgres;

template <class T>
[[nodiscard]] std::string refusal(const result<T>& from) {
  return from ? "none" : std::string(name_of(from.error().code()));
}

void end_watchers() {
  shared_cluster().sql(
      "SELECT count(pg_terminate_backend(pid, 60000)) FROM pg_stat_activity WHERE "
      "query LIKE 'SELECT pg_catalog.pg_backend_pid()'");
}

[[nodiscard]] milliseconds processor_time() {
  ::rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return seconds(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         milliseconds((used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000);
}

BOOST_AUTO_TEST_SUITE(postgres_watching, *boost::unit_test::precondition(has_postgres))

BOOST_AUTO_TEST_CASE(a_commit_is_told_to_every_watch_of_its_schema) {
  postgres_place at, elsewhere;
  auto in = at.open();
  auto other = at.open();
  auto stranger = elsewhere.open();
  auto one = in.watch().value();
  auto two = other.watch().value();
  auto three = stranger.watch().value();
  create(other, "a", "1");
  BOOST_TEST(one.wait(seconds(30)).value());
  BOOST_TEST(two.wait(seconds(30)).value());
  BOOST_TEST(!one.wait(milliseconds(50)).value());  // told once
  BOOST_TEST(!three.wait(milliseconds(0)).value());
}

BOOST_AUTO_TEST_CASE(a_commit_wakes_a_watch_that_waits) {
  postgres_place at;
  auto in = at.open();
  auto watch = in.watch().value();
  std::atomic<bool> told{false};
  std::jthread waiting([&] { told = watch.wait(seconds(60)).value(); });
  create(in, "a", "1");
  waiting.join();
  BOOST_TEST(told);
}

BOOST_AUTO_TEST_CASE(many_commits_may_be_told_at_once_and_none_goes_untold) {
  postgres_place at;
  auto in = at.open();
  auto watch = in.watch().value();
  for (int i = 0; i < 20; ++i) create(in, "r" + std::to_string(i), "x");
  std::size_t seen = 0;
  while (seen < 20) {
    BOOST_REQUIRE(watch.wait(seconds(30)).value());
    seen = names_in(in, "").size();
  }
}

BOOST_AUTO_TEST_CASE(a_commit_that_is_refused_is_not_told) {
  postgres_place at;
  auto in = at.open();
  create(in, "a", "1");
  auto watch = in.watch().value();
  store::transaction changes;
  changes.create(named("a"), content("2"));
  BOOST_TEST(refusal(in.commit(changes)) == "store_conflict");
  BOOST_TEST(!watch.wait(milliseconds(50)).value());
}

BOOST_AUTO_TEST_CASE(a_stop_ends_a_wait_at_once_and_waiting_costs_nothing) {
  postgres_place at;
  auto in = at.open();
  auto watch = in.watch().value();
  std::stop_source source;
  const auto used = processor_time();
  const auto begin = std::chrono::steady_clock::now();
  std::jthread stopper([&] {
    std::this_thread::sleep_for(milliseconds(300));
    source.request_stop();
  });
  BOOST_TEST(!watch.wait(std::chrono::hours(1), source.get_token()).value());
  BOOST_TEST((std::chrono::steady_clock::now() - begin < seconds(20)));
  BOOST_TEST((processor_time() - used < milliseconds(150)));
  // Stopped before it began; and an older stop does not stop a new wait.
  BOOST_TEST(!watch.wait(std::chrono::hours(1), source.get_token()).value());
  create(in, "a", "1");
  BOOST_TEST(watch.wait(seconds(30)).value());
}

BOOST_AUTO_TEST_CASE(a_watch_whose_connection_was_lost_says_so_and_goes_on) {
  postgres_place at;
  auto in = at.open();
  auto watch = in.watch().value();
  end_watchers();
  create(in, "meanwhile", "1");
  BOOST_TEST(watch.wait(seconds(30)).value());
  BOOST_TEST(!watch.wait(milliseconds(20)).value());
  create(in, "later", "1");
  BOOST_TEST(watch.wait(seconds(30)).value());
}

BOOST_AUTO_TEST_CASE(a_watch_survives_a_restart) {
  postgres_cluster own;
  postgres_place at;
  auto in = postgres::open(own.uri(), at.options()).value();
  auto watch = in.watch().value();
  std::jthread restarting([&] {
    own.stop();
    own.start();
  });
  BOOST_TEST(watch.wait(seconds(60)).value());
  restarting.join();
  create(in, "a", "1");
  BOOST_TEST(watch.wait(seconds(30)).value());
}

BOOST_AUTO_TEST_CASE(a_watch_without_a_server_is_a_typed_error_and_can_be_stopped) {
  postgres_cluster own;
  postgres_place at;
  auto in = postgres::open(own.uri(), at.options()).value();
  auto watch = in.watch().value();
  own.stop();
  BOOST_TEST(refusal(watch.wait(milliseconds(20))) == "io_failed");
  BOOST_TEST(refusal(watch.wait(milliseconds(250))) == "io_failed");
  std::stop_source source;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(milliseconds(50));
    source.request_stop();
  });
  const auto used = processor_time();
  BOOST_TEST(!watch.wait(std::chrono::hours(1), source.get_token()).value());
  BOOST_TEST((processor_time() - used < milliseconds(100)));
  BOOST_TEST(refusal(in.watch()) == "io_failed");
  own.start();
  BOOST_TEST(watch.wait(seconds(60)).value());
}

BOOST_AUTO_TEST_CASE(a_watch_through_a_pooler_is_refused_unless_it_has_a_way_of_its_own,
                     *boost::unit_test::precondition(has_pgbouncer)) {
  postgres_place at;
  const pgbouncer between(shared_cluster());
  auto in = postgres::open(between.uri(), at.options()).value();
  const auto refused = in.watch();
  BOOST_TEST(refusal(refused) == "invalid_argument");
  BOOST_TEST(refused.error().value_of(fact::next_step).find("watch_at") != std::string::npos);
  auto options = at.options();
  options.watch_at = at.uri;
  auto direct = postgres::open(between.uri(), options).value();
  auto watch = direct.watch().value();
  create(direct, "a", "1");
  BOOST_TEST(watch.wait(seconds(30)).value());
  options.watch_at = "postgresql://db.example/x?sslmode=require";
  BOOST_TEST(refusal(postgres::open(between.uri(), options)) == "weaker_than_required");
}

BOOST_AUTO_TEST_CASE(a_watch_outlives_its_store_and_can_be_moved) {
  postgres_place at;
  auto other = at.open();
  auto watch = [&] {
    auto in = at.open();
    return in.watch().value();
  }();
  auto moved = std::move(watch);
  create(other, "a", "1");
  BOOST_TEST(moved.wait(seconds(30)).value());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace postgres_watch_test
}  // namespace keywarden::testing
