#include "fault/power_loss.hpp"

#include <optional>

#include <boost/test/unit_test.hpp>

#include <keywarden/store/file.hpp>
#include <keywarden/store/sqlite.hpp>

#include "fault/recording_file_system.hpp"
#include "fault/recording_vfs.hpp"
#include "fault/workload.hpp"
#include "support/scratch.hpp"

namespace keywarden::testing {
namespace power_loss_test {

/// The states a store went through, each with the instants between which its commit ran.
struct history {
  struct step {
    state reached;
    std::size_t begun;
    std::size_t acknowledged;
  };
  std::vector<step> steps{{{}, 0, 0}};

  [[nodiscard]] const state& now() const { return steps.back().reached; }

  /// Whether a store may be in `found` if the power went at `instant`: in the last acknowledged
  /// state, or in the one that was on its way.
  [[nodiscard]] bool allows(const state& found, std::size_t instant) const {
    std::size_t last = 0;
    while (last + 1 < steps.size() && steps[last + 1].acknowledged <= instant) ++last;
    if (found == steps[last].reached) return true;
    return last + 1 < steps.size() && steps[last + 1].begun < instant &&
           found == steps[last + 1].reached;
  }
};

/// Commits `count` random transactions and notes when each began and ended.
template <class Store>
void run(Store& in, history& past, const disk_log& log, std::mt19937_64& random, int count) {
  for (int i = 0; i < count; ++i) {
    auto wanted = next_state(past.now(), random);
    const auto begun = log.size();
    bring_to(in, past.now(), wanted).value();
    past.steps.push_back({std::move(wanted), begun, log.size()});
  }
}

/// Opens what is left and reads it; nothing when it does not open.
template <class Open>
[[nodiscard]] std::optional<state> reopened(Open open, const std::filesystem::path& place) {
  try {
    auto in = open(place).value();
    return state_of(in);
  } catch (const refused& refusal) {
    BOOST_TEST_MESSAGE(refusal.what());
    return std::nullopt;
  }
}

const auto open_file = [](const std::filesystem::path& place) {
  return store::file<>::open(place);
};
const auto open_sqlite = [](const std::filesystem::path& place) {
  std::filesystem::create_directory(place);
  return store::sqlite::open(place / "records.db");
};

/// How many instants and losses a store does not survive.
template <class Open>
[[nodiscard]] std::size_t survey(const disk_log& log, const history& past, Open open) {
  std::size_t checked = 0;
  std::size_t wrong = 0;
  for_every_power_loss(log, 0, [&](const auto& place, std::size_t instant, const loss& lost) {
    ++checked;
    const auto found = reopened(open, place);
    if (found && past.allows(*found, instant)) return;
    if (wrong++ == 0)
      BOOST_TEST_MESSAGE("first wrong state after operation " << instant << ", " << name_of(lost));
  });
  BOOST_TEST_MESSAGE("checked " << checked << " power losses over " << log.size()
                                << " disk operations, wrong: " << wrong);
  return wrong;
}

BOOST_AUTO_TEST_SUITE(power_loss)

BOOST_AUTO_TEST_CASE(a_file_store_survives_a_power_loss_at_every_instant) {
  scratch folder(scratch::on::memory);
  const recording_file_system disk(folder / "store");
  history past;
  std::mt19937_64 random(7);
  for (int session = 0; session < 3; ++session) {
    auto in = store::file<recording_file_system>::open(folder / "store", {}, disk).value();
    run(in, past, disk.log(), random, 12);
  }
  BOOST_TEST(survey(disk.log(), past, open_file) == 0U);
}

/// The power goes while a store recovers from an earlier loss.
BOOST_AUTO_TEST_CASE(a_file_store_survives_a_power_loss_during_its_recovery) {
  scratch folder(scratch::on::memory);
  const recording_file_system disk(folder / "store");
  history past;
  std::mt19937_64 random(11);
  auto in = store::file<recording_file_system>::open(folder / "store", {}, disk).value();
  run(in, past, disk.log(), random, 8);
  std::size_t wrong = 0;
  std::size_t recoveries = 0;
  for_every_power_loss(
      disk.log(), 0, [&](const auto& place, std::size_t instant, const loss& lost) {
        if (lost.seed > 3 || !std::filesystem::exists(place / ".journal")) return;
        ++recoveries;
        const recording_file_system again(place);
        const auto start = again.log().size();
        const auto opened = store::file<recording_file_system>::open(place, {}, again);
        if (!opened) {
          ++wrong;
          return;
        }
        for_every_power_loss(again.log(), start, [&](const auto& second, std::size_t, const loss&) {
          const auto found = reopened(open_file, second);
          if (!found || !past.allows(*found, instant)) ++wrong;
        });
      });
  BOOST_TEST_MESSAGE("recoveries cut: " << recoveries);
  BOOST_TEST(recoveries > 10U);
  BOOST_TEST(wrong == 0U);
}

/// A writer is killed after each of its operations, the next process goes on, then the power goes.
BOOST_AUTO_TEST_CASE(a_file_store_survives_a_kill_and_then_a_power_loss) {
  std::size_t wrong = 0;
  bool killed = true;
  for (std::size_t lives = 1; killed; ++lives) {
    scratch folder(scratch::on::memory);
    const recording_file_system disk(folder / "store");
    state before{{"a", "1"}, {"b", "2"}, {"c", "3"}};
    const state after{{"a", "1x"}, {"b", "2x"}, {"d", "4"}};
    {
      auto in = store::file<recording_file_system>::open(folder / "store", {}, disk).value();
      bring_to(in, {}, before).value();
      disk.live_for(lives);
      static_cast<void>(bring_to(in, before, after));
      killed = disk.killed();
    }
    disk.live_for();
    const auto second_process = disk.log().size();
    auto in = store::file<recording_file_system>::open(folder / "store", {}, disk).value();
    const auto seen = state_of(in);
    if (seen != before && seen != after) ++wrong;
    const auto reading_done = disk.log().size();
    auto more = seen;
    more["e"] = "5";
    bring_to(in, seen, more).value();
    const auto all_done = disk.log().size();
    for_every_power_loss(
        disk.log(), second_process, [&](const auto& place, std::size_t instant, const loss&) {
          const auto found = reopened(open_file, place);
          const bool right =
              found && (instant >= all_done      ? *found == more
                        : instant > reading_done ? *found == seen || *found == more
                                                 : *found == before || *found == after);
          if (!right) ++wrong;
        });
  }
  BOOST_TEST(wrong == 0U);
}

BOOST_AUTO_TEST_CASE(a_sqlite_store_survives_a_power_loss_at_every_instant) {
  scratch folder(scratch::on::memory);
  recording_vfs vfs("keywarden-recording");
  history past;
  std::mt19937_64 random(13);
  for (int session = 0; session < 3; ++session) {
    auto in = store::sqlite::open(folder / "records.db", {std::chrono::seconds(5), vfs.name()});
    run(in.value(), past, vfs.log(), random, 8);
  }
  BOOST_TEST(survey(vfs.log(), past, open_sqlite) == 0U);
}

/// The test of the test: without syncs, the same survey must find losses.
BOOST_AUTO_TEST_CASE(a_disk_that_ignores_syncs_is_noticed) {
  scratch folder(scratch::on::memory);
  recording_vfs vfs("keywarden-lying");
  history past;
  std::mt19937_64 random(13);
  {
    auto in = store::sqlite::open(folder / "records.db", {std::chrono::seconds(5), vfs.name()});
    vfs.ignore_syncs();
    run(in.value(), past, vfs.log(), random, 4);
  }
  BOOST_TEST(survey(vfs.log(), past, open_sqlite) > 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace power_loss_test

}  // namespace keywarden::testing
