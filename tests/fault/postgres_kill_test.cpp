#include <boost/test/unit_test.hpp>

#include <keywarden/store/postgres.hpp>

#include "fault/kill.hpp"
#include "fault/workload.hpp"
#include "support/postgres_place.hpp"

namespace keywarden::testing {
namespace postgres_kill_test {

BOOST_AUTO_TEST_SUITE(kill)

BOOST_AUTO_TEST_CASE(a_killed_writer_leaves_a_postgres_store_before_or_after_its_commit,
                     *boost::unit_test::precondition(has_postgres)) {
  postgres_place at;
  static_cast<void>(at.open());
  state known;
  std::uint64_t current_seed = 3;
  std::uint64_t in_doubt_done = 0;
  std::uint64_t in_doubt_undone = 0;
  std::uint64_t acknowledged = 0;
  kill_repeatedly(
      kill_rounds(100), 12, current_seed,
      [&](progress& told, std::uint64_t) {
        auto in = at.open();
        std::mt19937_64 random(current_seed);
        for (auto now = known;;) {
          auto wanted = next_state(now, random);
          told.begin();
          bring_to(in, now, wanted).value();
          told.acknowledge();
          now = std::move(wanted);
        }
      },
      [&](const progress& told) {
        // What the killed writer had sent, the server may still be doing.
        wait_until(
            [&] {
              return at.sql(
                         "SELECT count(*) FROM pg_stat_activity WHERE application_name = "
                         "'keywarden'") == "0";
            },
            "the killed writer's session is over");
        std::mt19937_64 random(current_seed);
        for (std::uint64_t i = 0; i < told.acknowledged(); ++i) known = next_state(known, random);
        acknowledged += told.acknowledged();
        auto in = at.open();
        const auto found = state_of(in);
        if (told.begun() > told.acknowledged()) {
          const auto after = next_state(known, random);
          BOOST_REQUIRE((found == known || found == after));
          ++(found == after ? in_doubt_done : in_doubt_undone);
          known = found;
        } else {
          BOOST_REQUIRE((found == known));
        }
        current_seed += 1;
      });
  BOOST_TEST_MESSAGE("acknowledged " << acknowledged << " commits; of the commits that a kill hit, "
                                     << in_doubt_done << " took effect and " << in_doubt_undone
                                     << " did not");
  BOOST_TEST(acknowledged > 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace postgres_kill_test
}  // namespace keywarden::testing
