// The program database_mirroring: three processes, clients that write all the time, and a hundred
// kills at random moments. What was acknowledged must be there at the end, on both partners.
#include "../../examples/database_mirroring/client.cpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "../../examples/database_mirroring/process.hpp"
#include "fault/kill.hpp"
#include "support/scratch.hpp"

namespace keywarden::testing {
namespace mirroring_kill_test {

using mirroring::node;
using mirroring::process;
using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

const std::filesystem::path program =
    std::filesystem::path(KEYWARDEN_BINARY_DIR) / "examples" / "database_mirroring";

/// What clients asked for, and what of it was acknowledged. Any thread.
class ledger {
 public:
  std::string ask(const std::string& client) {
    const std::scoped_lock held(mutex_);
    auto key = client + "." + std::to_string(asked_.size());
    asked_.insert(key);
    return key;
  }
  void acknowledge(const std::string& key) {
    const std::scoped_lock held(mutex_);
    acknowledged_.insert(key);
    count_.store(acknowledged_.size());
  }
  [[nodiscard]] std::size_t count() const { return count_.load(); }
  [[nodiscard]] const std::set<std::string>& asked() const { return asked_; }
  [[nodiscard]] const std::set<std::string>& acknowledged() const { return acknowledged_; }

  static std::string value_of(const std::string& key) { return "value of " + key; }

 private:
  std::mutex mutex_;
  std::set<std::string> asked_;
  std::set<std::string> acknowledged_;
  std::atomic<std::size_t> count_{0};
};

/// Three instances, and clients that write.
class cluster {
 public:
  cluster() {
    process setting_up(program, {"setup", folder_.path().string(), std::to_string(ports_)},
                       folder_ / "setup.log");
    if (setting_up.wait() != 0) throw std::runtime_error("setup failed: " + log_of("setup.log"));
    for (const auto each : mirroring::nodes) start(each);
    for (int each = 0; each < 3; ++each)
      clients_.emplace_back([this, each] { write_until_stopped("client" + std::to_string(each)); });
  }
  cluster(const cluster&) = delete;
  cluster& operator=(const cluster&) = delete;
  ~cluster() { stop_clients(); }

  void start(node which) {
    auto& slot = running_.at(static_cast<std::size_t>(which));
    slot = std::make_unique<process>(program, folder_.path(), mirroring::name_of(which));
  }
  void kill(node which) {
    auto& slot = running_.at(static_cast<std::size_t>(which));
    if (slot && slot->ended())
      throw std::runtime_error(std::string(mirroring::name_of(which)) + " ended by itself: " +
                               log_of(std::string(mirroring::name_of(which)) + "/log"));
    slot.reset();
  }
  void stop_clients() {
    stop_.store(true);
    clients_.clear();  // joins
  }
  void stop() {
    stop_clients();
    for (const auto each : mirroring::nodes) kill(each);
  }

  /// Errors: throws when the condition does not come true in a minute.
  void wait_for(const std::string& what, const std::function<bool()>& condition) const {
    const auto until = steady::now() + 60s;
    while (!condition()) {
      if (steady::now() > until) throw std::runtime_error("in vain: " + what + state());
      std::this_thread::sleep_for(2ms);
    }
  }
  [[nodiscard]] std::string status(node which) const {
    return mirroring::ask(folder_.path(), which, "status", 2s).value_or("");
  }
  [[nodiscard]] std::string state() const {
    std::string all;
    for (const auto each : mirroring::nodes) all += "\n  " + status(each);
    return all;
  }
  [[nodiscard]] bool is_synchronized() const {
    const auto says = [&](node which, const char* what) {
      return status(which).find(what) != std::string::npos;
    };
    return says(node::witness, "synchronized=yes") &&
           ((says(node::host_a, "role=principal") && says(node::host_a, "synchronized=yes")) ||
            (says(node::host_b, "role=principal") && says(node::host_b, "synchronized=yes")));
  }
  [[nodiscard]] const ledger& told() const { return ledger_; }
  [[nodiscard]] std::filesystem::path database_of(node which) const {
    return folder_.path() / mirroring::name_of(which) / "data.db";
  }

 private:
  void write_until_stopped(const std::string& name) {
    while (!stop_.load()) {
      const auto key = ledger_.ask(name);
      const auto line = "put\t" + key + '\t' + ledger::value_of(key);
      // Until somebody takes it: asked twice, it has the same effect. A write that a deposed
      // principal could not keep is left alone.
      while (!stop_.load()) {
        const auto at = (guess_.load() ? node::host_b : node::host_a);
        const auto answer = mirroring::ask(folder_.path(), at, line, 2s);
        if (answer && answer->starts_with("ok\t")) {
          ledger_.acknowledge(key);
          break;
        }
        guess_.store(at == node::host_a);
        if (answer && *answer == "unknown") break;
        std::this_thread::sleep_for(5ms);
      }
    }
  }
  [[nodiscard]] std::string log_of(const std::string& file) const {
    std::ifstream in(folder_ / file);
    std::string all((std::istreambuf_iterator<char>(in)), {});
    return all.size() > 2000 ? all.substr(all.size() - 2000) : all;
  }

  scratch folder_;
  std::uint16_t ports_ = mirroring::three_free_ports();
  std::array<std::unique_ptr<process>, 3> running_;
  ledger ledger_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> guess_{false};
  std::vector<std::jthread> clients_;
};

/// All rows of a table as text, in order.
std::vector<std::string> rows_of(const std::filesystem::path& file, const char* query) {
  ::sqlite3* raw = nullptr;
  ::sqlite3_open_v2(file.c_str(), &raw, SQLITE_OPEN_READWRITE, nullptr);
  const std::unique_ptr<::sqlite3, int (*)(::sqlite3*)> open(raw, ::sqlite3_close);
  std::vector<std::string> rows;
  const auto take = [](void* to, int columns, char** values, char** /*names*/) {
    std::string row;
    for (int each = 0; each < columns; ++each) row.append(values[each]).append("|");
    static_cast<std::vector<std::string>*>(to)->push_back(row);
    return 0;
  };
  BOOST_TEST_REQUIRE(::sqlite3_exec(raw, query, take, &rows, nullptr) == SQLITE_OK);
  return rows;
}

std::uint64_t seed_of_the_day() {
  const char* const told = std::getenv("KEYWARDEN_SEED");
  return told == nullptr ? 20260101 : std::strtoull(told, nullptr, 10);
}

BOOST_AUTO_TEST_SUITE(mirroring_kill,
                      *boost::unit_test::precondition([](boost::unit_test::test_unit_id) {
                        boost::test_tools::assertion_result built(std::filesystem::exists(program));
                        built.message() << "the examples are not built";
                        return built;
                      }))

BOOST_AUTO_TEST_CASE(no_acknowledged_write_is_lost_in_a_hundred_random_kills) {
  const auto seed = seed_of_the_day();
  const auto kills = kill_rounds(100);
  BOOST_TEST_MESSAGE("KEYWARDEN_SEED=" << seed);
  std::mt19937_64 random(seed);
  const auto begun = steady::now();
  cluster three;
  const auto& told = three.told();
  three.wait_for("the first write", [&] { return told.count() > 0; });

  std::map<node, int> killed;
  for (std::size_t done = 0; done < kills;) {
    const auto enough = told.count() + random() % 40;  // none at all: while it is still recovering
    const auto instant = std::chrono::microseconds(random() % 20000);
    const auto absent = random() % 2 == 0 ? 0us : std::chrono::microseconds(random() % 250000);
    std::array victims = mirroring::nodes;
    std::shuffle(victims.begin(), victims.end(), random);
    const std::size_t how_many = random() % 5 == 0 ? 2 : 1;

    three.wait_for("writes before kill " + std::to_string(done + 1),
                   [&] { return told.count() >= enough; });
    std::this_thread::sleep_for(instant);  // to kill at any moment, not for anything to happen
    for (std::size_t each = 0; each < how_many; ++each, ++done) {
      three.kill(victims.at(each));
      ++killed[victims.at(each)];
    }
    std::this_thread::sleep_for(absent);
    for (std::size_t each = 0; each < how_many; ++each) three.start(victims.at(each));
  }
  const auto before = told.count();
  three.wait_for("writes after the last kill", [&] { return told.count() > before; });
  three.stop_clients();
  three.wait_for("both partners to have everything", [&] { return three.is_synchronized(); });
  const auto terms = three.status(node::witness);
  three.stop();

  const auto seconds = std::chrono::duration<double>(steady::now() - begun).count();
  BOOST_TEST_MESSAGE(killed[node::host_a] + killed[node::host_b] + killed[node::witness]
                     << " kills (" << killed[node::host_a] << " of host_a, " << killed[node::host_b]
                     << " of host_b, " << killed[node::witness] << " of the witness), "
                     << told.acknowledged().size() << " acknowledged of " << told.asked().size()
                     << " writes, " << seconds << " s; " << terms);
  BOOST_TEST(told.acknowledged().size() > kills);

  const auto items = rows_of(three.database_of(node::host_a), "SELECT * FROM items ORDER BY key");
  const auto others = rows_of(three.database_of(node::host_b), "SELECT * FROM items ORDER BY key");
  BOOST_TEST((items == others));
  const auto* const log = "SELECT lsn, term, hex(changeset) FROM mirroring_log ORDER BY lsn";
  BOOST_TEST((rows_of(three.database_of(node::host_a), log) ==
              rows_of(three.database_of(node::host_b), log)));
  const std::set<std::string> kept(items.begin(), items.end());
  std::size_t lost = 0;
  for (const auto& key : told.acknowledged())
    lost += kept.contains(key + '|' + ledger::value_of(key) + '|') ? 0U : 1U;
  BOOST_TEST(lost == 0U);
  std::size_t invented = kept.size();
  for (const auto& key : told.asked())
    invented -= kept.contains(key + '|' + ledger::value_of(key) + '|') ? 1U : 0U;
  BOOST_TEST(invented == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace mirroring_kill_test

}  // namespace keywarden::testing
