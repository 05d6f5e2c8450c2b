#include "fault/kill.hpp"

#include <boost/test/unit_test.hpp>

#include <keywarden/store/file.hpp>
#include <keywarden/store/sqlite.hpp>

#include "fault/workload.hpp"
#include "support/scratch.hpp"

namespace keywarden::testing {
namespace kill_test {

/// Kills writers of one store again and again, each going on from what the one before left.
template <class Open>
void kill_writers(Open open, std::uint64_t seed) {
  scratch folder(scratch::on::memory);
  const auto place = folder / "store";
  state known;
  std::uint64_t current_seed = seed;
  std::uint64_t in_doubt_done = 0;
  std::uint64_t in_doubt_undone = 0;
  std::uint64_t acknowledged = 0;
  kill_repeatedly(
      kill_rounds(500), 12, seed,
      [&](progress& told, std::uint64_t) {
        auto in = open(place);
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
        std::mt19937_64 random(current_seed);
        for (std::uint64_t i = 0; i < told.acknowledged(); ++i) known = next_state(known, random);
        acknowledged += told.acknowledged();
        auto in = open(place);
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

BOOST_AUTO_TEST_SUITE(kill)

BOOST_AUTO_TEST_CASE(a_killed_writer_leaves_a_file_store_before_or_after_its_commit) {
  kill_writers([](const auto& place) { return store::file<>::open(place).value(); }, 1);
}

BOOST_AUTO_TEST_CASE(a_killed_writer_leaves_a_sqlite_store_before_or_after_its_commit) {
  kill_writers([](const auto& place) { return store::sqlite::open(place).value(); }, 2);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace kill_test

}  // namespace keywarden::testing
