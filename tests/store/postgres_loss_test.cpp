// What a PostgreSQL store does when connections are cut and servers go.

#include <keywarden/store/postgres.hpp>

#include <atomic>
#include <thread>

#include "store/laws.hpp"
#include "support/postgres_place.hpp"
#include "support/postgres_proxy.hpp"

namespace keywarden::testing {
namespace postgres_loss_test {

using cut = postgres_proxy::cut;
using store::postgres;

template <class T>
[[nodiscard]] std::string refusal(const result<T>& from) {
  return from ? "none" : std::string(name_of(from.error().code()));
}

/// A store behind a proxy, with one record in it.
struct proxied {
  postgres_place at;
  postgres_proxy between{shared_cluster().socket()};
  postgres in = [this] {
    auto options = at.options();
    options.connections = 1;
    options.statement_wait = std::chrono::milliseconds(500);
    options.retry_for = std::chrono::seconds(20);
    return postgres::open(between.uri(), options).value();
  }();
  proxied() { create(in, "first", "1"); }

  /// How many transactions took a revision.
  [[nodiscard]] std::string revisions() const {
    return at.sql("SELECT last_value FROM @revisions");
  }
  [[nodiscard]] result<void> create_cut(cut how) {
    between.cut_at_commit(how);
    store::transaction changes;
    changes.create(named("second"), content("2"));
    auto committed = in.commit(changes);
    BOOST_TEST(between.cuts() == 1);
    return committed;
  }
};

BOOST_AUTO_TEST_SUITE(postgres_loss, *boost::unit_test::precondition(has_postgres))

BOOST_AUTO_TEST_CASE(a_commit_that_was_cut_before_the_server_saw_it_is_repeated) {
  proxied world;
  BOOST_TEST(outcome(world.create_cut(cut::before)) == "committed");
  BOOST_TEST(text_of(world.in, "second") == "2");
  BOOST_TEST(world.revisions() == "3");
}

BOOST_AUTO_TEST_CASE(a_commit_that_was_cut_after_the_server_saw_it_is_not_repeated) {
  for (const auto how : {cut::after, cut::answer}) {
    proxied world;
    BOOST_TEST(outcome(world.create_cut(how)) == "committed");
    BOOST_TEST(text_of(world.in, "second") == "2");
    BOOST_TEST(world.revisions() == "2");
    // The next commit of the same writer leaves a mark of its own.
    BOOST_TEST(world.at.sql("SELECT last_revision FROM @writers") == "2");
    create(world.in, "third", "3");
    BOOST_TEST(world.at.sql("SELECT last_revision FROM @writers") == "3");
  }
}

BOOST_AUTO_TEST_CASE(a_commit_whose_transaction_stays_open_is_repeated_once_that_has_ended) {
  proxied world;
  BOOST_TEST(outcome(world.create_cut(cut::hang)) == "committed");
  BOOST_TEST(text_of(world.in, "second") == "2");
  BOOST_TEST(world.revisions() == "3");
}

BOOST_AUTO_TEST_CASE(a_replacement_and_an_erasure_that_were_cut_happen_once) {
  for (const auto how : {cut::before, cut::after}) {
    proxied world;
    create(world.in, "other", "o");
    store::transaction changes;
    changes.replace(named("first"), revision_of(world.in, "first"), content("1b"))
        .erase(named("other"), revision_of(world.in, "other"));
    world.between.cut_at_commit(how);
    BOOST_TEST(outcome(world.in.commit(changes)) == "committed");
    BOOST_TEST(world.between.cuts() == 1);
    BOOST_TEST(text_of(world.in, "first") == "1b");
    BOOST_TEST(names_in(world.in, "").size() == 1U);
  }
}

BOOST_AUTO_TEST_CASE(a_commit_that_nobody_can_tell_about_is_said_to_be_unknown) {
  postgres_place at;
  postgres_proxy between(shared_cluster().socket());
  auto options = at.options();
  options.retry_for = std::chrono::milliseconds(300);
  auto in = postgres::open(between.uri(), options).value();
  create(in, "first", "1");
  between.refuse_after_cut();
  between.cut_at_commit(cut::answer);
  store::transaction changes;
  changes.create(named("second"), content("2"));
  const auto committed = in.commit(changes);
  BOOST_TEST(refusal(committed) == "io_failed");
  BOOST_TEST(committed.error().value_of(fact::reason) == "the outcome of the commit is unknown");
  BOOST_TEST(committed.error().value_of(fact::next_step) ==
             "read the records again: get tells what took effect");
  BOOST_TEST(refusal(in.get(named("second"))) == "io_failed");  // still refused
  between.refuse(false);
  BOOST_TEST(text_of(in, "second") == "2");
}

BOOST_AUTO_TEST_CASE(another_cluster_cannot_tell_about_a_commit) {
  postgres_cluster other;
  proxied world;
  static_cast<void>(postgres::open(other.uri(), world.at.options()).value());
  world.between.refuse_after_cut();
  world.between.cut_at_commit(cut::before);
  store::transaction changes;
  changes.create(named("second"), content("2"));
  result<void> committed;
  std::thread writer([&] { committed = world.in.commit(changes); });
  wait_until([&] { return world.between.cuts() == 1; }, "the connection is cut");
  world.between.lead_to(other.socket());
  world.between.refuse(false);
  writer.join();
  BOOST_TEST(refusal(committed) == "io_failed");
  BOOST_TEST(committed.error().value_of(fact::reason) == "the outcome of the commit is unknown");
}

BOOST_AUTO_TEST_CASE(a_standby_that_has_the_commit_tells_so_when_it_takes_over) {
  postgres_cluster primary;
  postgres_cluster standby(primary);
  postgres_proxy between(primary.socket());
  postgres_place at;
  auto in = postgres::open(between.uri(), at.options()).value();
  create(in, "first", "1");
  between.refuse_after_cut();
  between.cut_at_commit(cut::answer);
  store::transaction changes;
  changes.create(named("second"), content("2"));
  result<void> committed;
  std::thread writer([&] { committed = in.commit(changes); });
  wait_until([&] { return between.cuts() == 1; }, "the connection is cut");
  primary.kill();
  standby.promote();
  between.lead_to(standby.socket());
  between.refuse(false);
  writer.join();
  BOOST_TEST(outcome(committed) == "committed");
  BOOST_TEST(text_of(in, "second") == "2");

  // One that takes over without it cannot tell.
  between.refuse_after_cut();
  between.cut_at_commit(cut::before);
  changes = {};
  changes.create(named("third"), content("3"));
  postgres_cluster next(standby);
  std::thread later([&] { committed = in.commit(changes); });
  wait_until([&] { return between.cuts() == 2; }, "the connection is cut");
  standby.kill();
  next.promote();
  between.lead_to(next.socket());
  between.refuse(false);
  later.join();
  BOOST_TEST(refusal(committed) == "io_failed");
  BOOST_TEST(committed.error().value_of(fact::reason) == "the outcome of the commit is unknown");
  BOOST_TEST(text_of(in, "third") == "(none)");
}

BOOST_AUTO_TEST_CASE(a_list_of_servers_leads_to_the_one_that_takes_writes) {
  postgres_cluster primary;
  postgres_cluster standby(primary);
  postgres_place at;
  const auto list = [](const postgres_cluster& one, const postgres_cluster& other) {
    return "postgresql:///postgres?user=postgres&host=" + one.folder().string() + ',' +
           other.folder().string() + "&port=" + std::to_string(one.port()) + ',' +
           std::to_string(other.port());
  };
  auto in = postgres::open(list(standby, primary), at.options()).value();
  create(in, "before", "1");
  primary.kill();
  std::thread promoter([&] { standby.promote(); });
  create(in, "after", "2");  // waits for the standby to take over
  promoter.join();
  BOOST_TEST(text_of(in, "before") == "1");
  BOOST_TEST(text_of(in, "after") == "2");
}

BOOST_AUTO_TEST_CASE(connections_that_the_server_ended_are_replaced_unseen) {
  postgres_place at;
  auto in = at.open();
  create(in, "a", "1");
  const auto end_all = [&] {
    at.sql(
        "SELECT count(pg_terminate_backend(pid, 60000)) FROM pg_stat_activity WHERE "
        "application_name = 'keywarden'");
  };
  end_all();
  BOOST_TEST(text_of(in, "a") == "1");
  end_all();
  create(in, "b", "2");
  end_all();
  BOOST_TEST(names_in(in, "").size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_server_that_does_not_come_back_is_a_typed_error_in_time) {
  postgres_cluster own;
  postgres_place at;
  auto options = at.options();
  options.retry_for = std::chrono::milliseconds(200);
  auto in = postgres::open(own.uri(), options).value();
  create(in, "a", "1");
  own.stop();
  const auto begin = std::chrono::steady_clock::now();
  const auto found = in.get(named("a"));
  BOOST_TEST(refusal(found) == "io_failed");
  BOOST_TEST(found.error().value_of(fact::peer).find("postgres@") == 0U);
  store::transaction changes;
  changes.create(named("b"), content("1"));
  BOOST_TEST(refusal(in.commit(changes)) == "io_failed");
  BOOST_TEST(refusal(postgres::open(own.uri(), options)) == "io_failed");
  BOOST_TEST((std::chrono::steady_clock::now() - begin < std::chrono::seconds(10)));
  own.start();
  BOOST_TEST(text_of(in, "a") == "1");
  BOOST_TEST(refusal(in.commit(changes)) == "none");
}

BOOST_AUTO_TEST_CASE(a_server_that_hangs_is_a_typed_error_in_time) {
  postgres_cluster own;
  postgres_place at;
  auto options = at.options();
  options.connect_wait = std::chrono::milliseconds(200);
  own.freeze();  // it takes no connections, but its socket is there
  const auto begin = std::chrono::steady_clock::now();
  const auto made = postgres::open(own.uri(), options);
  BOOST_TEST(refusal(made) == "io_failed");
  BOOST_TEST(made.error().value_of(fact::reason) == "timed out");
  BOOST_TEST((std::chrono::steady_clock::now() - begin < std::chrono::seconds(10)));
  own.thaw();
  BOOST_TEST(refusal(postgres::open(own.uri(), at.options())) == "none");
}

BOOST_AUTO_TEST_CASE(restarts_amid_commits_lose_nothing_and_repeat_nothing) {
  constexpr std::size_t writers = 4;
  postgres_cluster own;
  postgres_place at;
  auto shared = postgres::open(own.uri(), at.options()).value();
  create(shared, "counter", "0");
  std::atomic<bool> ending{false};
  std::atomic<int> acknowledged{0};
  std::vector<std::string> refusals(writers);
  std::vector<std::thread> running;
  for (std::size_t i = 0; i < writers; ++i)
    running.emplace_back([&, i] {
      for (int n = 0; !ending;) {
        const auto found = shared.get(named("counter"));
        if (!found) {
          refusals[i] = found.error().message();
          return;
        }
        const auto next = std::stoi(std::string(as_text((*found)->data))) + 1;
        store::transaction changes;
        changes.replace(named("counter"), (*found)->revision, content(std::to_string(next)))
            .create(named("w" + std::to_string(i) + '/' + std::to_string(n)), content("x"));
        const auto committed = shared.commit(changes);
        if (committed) {
          ++n;
          ++acknowledged;
        } else if (!(committed.error() == errc::store_conflict)) {
          refusals[i] = committed.error().message();
          return;
        }
      }
    });
  for (int round = 1; round <= 4; ++round) {
    const int mark = acknowledged;
    wait_until(
        [&] {
          return acknowledged > mark + 20 ||
                 std::ranges::any_of(refusals, [](const auto& each) { return !each.empty(); });
        },
        "commits go on");
    round % 2 == 0 ? own.kill() : own.stop();
    own.start();
  }
  ending = true;
  for (auto& each : running) each.join();
  for (const auto& each : refusals) BOOST_TEST(each.empty(), each);
  BOOST_TEST(text_of(shared, "counter") == std::to_string(acknowledged));
  BOOST_TEST(names_in(shared, "w").size() == static_cast<std::size_t>(acknowledged));
  BOOST_TEST_MESSAGE(acknowledged << " commits through four restarts");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace postgres_loss_test
}  // namespace keywarden::testing
