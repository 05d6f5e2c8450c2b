// A vault whose process is killed, and whose disk loses power, while keys are made, rotated, moved
// and dropped.
#include <fcntl.h>
#include <unistd.h>

#include <deque>
#include <optional>

#include <boost/test/unit_test.hpp>

#include <keywarden/core/encoding.hpp>

#include "fault/kill.hpp"
#include "fault/power_loss.hpp"
#include "fault/recording_file_system.hpp"
#include "fault/recording_vfs.hpp"
#include "vault/fixture.hpp"

namespace keywarden::testing {
namespace vault_kill_test {

using opener = any_store (*)(const std::filesystem::path&);

any_store open_files(const std::filesystem::path& place) {
  return any_store(store::file<>::open(place).value());
}
any_store open_sqlite(const std::filesystem::path& place) {
  std::filesystem::create_directory(place);
  return any_store(store::sqlite::open(place / "records.db").value());
}

/// What a child has done, line by line, in a file that outlives it: what a line says was
/// acknowledged by the vault, except for lines that say what is about to happen.
class ledger {
 public:
  explicit ledger(std::filesystem::path path) : path_(std::move(path)) {}

  void write(const std::string& line) const {
    const int file = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    const auto text = line + '\n';
    if (::write(file, text.data(), text.size()) != static_cast<::ssize_t>(text.size()))
      throw std::runtime_error("ledger");
    ::close(file);
  }
  [[nodiscard]] std::vector<std::string> lines() const {
    std::ifstream in(path_);
    std::vector<std::string> all;
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
  }
  void clear() const { std::filesystem::remove(path_); }

 private:
  std::filesystem::path path_;
};

/// What must be true of a store after everything that a ledger says.
struct expectation {
  bool ready = false;  ///< vault, database and master key were acknowledged
  std::map<std::string, std::deque<std::string>> messages;  ///< of every key that must be there
  std::set<std::string> credentials;                        ///< what the credential may be
  bool credential_put = false;  ///< a credential was acknowledged, so there is one

  explicit expectation(const ledger& told) {
    for (const auto& line : told.lines()) {
      std::istringstream words(line);
      std::string what;
      std::string name;
      std::string value;
      words >> what >> name >> value;
      if (what == "ready") ready = true;
      if (what == "created") messages[name];
      if (what == "dropping") messages.erase(name);
      if (what == "sealed" && messages.contains(name)) {
        auto& kept = messages[name];
        kept.push_back(value);
        if (kept.size() > 6) kept.erase(kept.begin() + 1);  // the first, and the last few
      }
      if (what == "putting") credentials.insert(value);
      if (what == "put") {
        credentials = {value};
        credential_put = true;
      }
    }
  }
};

/// A process at work: until it is killed.
void work(opener open, const std::filesystem::path& place, const policy::service_key& key,
          const ledger& told, progress& steps, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  steps.begin();
  auto v = vault::open_or_create(open(place), key).value();
  auto found = v.database(called("sales"));
  auto db = found ? *found : v.create_database(called("sales")).value();
  if (!db.master_key().usable()) db.master_key().create(dmk_password).value();
  told.write("ready");
  steps.acknowledge();
  std::uint64_t count = 0;
  for (;;) {
    const auto names = db.keys().list().value();
    const auto name = "k" + std::to_string(random() % 4);
    const bool there = std::ranges::count(names, name) != 0;
    steps.begin();
    switch (random() % 8) {
      case 0:
        v.service_master_key().regenerate().value();
        break;
      case 1:
        db.master_key().regenerate(dmk_password).value();
        break;
      case 2:
        if (there) {
          told.write("dropping " + name);
          db.keys().drop(called(name)).value();
          break;
        }
        [[fallthrough]];
      case 3:
      case 4:
        if (there) {
          db.keys().rotate(called(name)).value();
        } else {
          db.keys().create(called(name), by::master_key{}).value();
          told.write("created " + name);
        }
        break;
      case 5: {
        const auto value = std::to_string(seed) + "-" + std::to_string(++count);
        told.write("putting ftp " + value);
        v.credentials().put(called("ftp"), "alice", as_bytes(value)).value();
        told.write("put ftp " + value);
        break;
      }
      default:
        if (there) told.write("sealed " + name + " " + to_hex(seal(db, name, name).view()));
    }
    steps.acknowledge();
  }
}

/// Whether a store is what it may be; the reason why not.
std::string judge(opener open, const std::filesystem::path& place, const policy::service_key& key,
                  const expectation& wanted, std::size_t& opened_messages) {
  auto v = vault::open(open(place), key);
  if (!v)
    return v.error() == errc::not_found && !wanted.ready ? "" : "the vault: " + v.error().message();
  if (!v->service_master_key().report().healthy() ||
      !v->service_master_key().report().repaired.empty())
    return "a way into the service master key was broken";
  auto db = v->database(called("sales"));
  if (!db) return wanted.ready ? "the database: " + db.error().message() : "";
  auto usable = db->master_key().usable();
  if (!usable) return wanted.ready ? "the master key: " + usable.error().message() : "";
  if (!*usable || !db->master_key().opens_automatically().value())
    return "the master key does not open automatically";
  if (auto by_password = db->master_key().open(dmk_password); !by_password)
    return "the master key by password: " + by_password.error().message();
  auto records = open(place);
  const auto text = [&](std::string_view name) {
    return records.get(named(name)).value().value().data;
  };
  const auto slots = slots_of(key_record::parse(text("db/sales/dmk")).value(),
                              protect::service_master_key::scheme());
  if (slots.size() != 1 ||
      nlohmann::json::parse(as_text(text("master/dmk/sales"))).at("slot") != slots[0].data)
    return "the copies of the master key differ";
  for (const auto& name : db->keys().list().value()) {
    auto key_opened = db->keys().open<rows>(called(name));
    if (!key_opened) return "key " + name + ": " + key_opened.error().message();
  }
  for (const auto& [name, messages] : wanted.messages) {
    auto key_opened = db->keys().open<rows>(called(name));
    if (!key_opened) return "key " + name + ": " + key_opened.error().message();
    for (const auto& each : messages) {
      auto shown = key_opened->open(sealed<rows>(from_hex(each).value()));
      if (!shown || shown->text() != name) return "a message of key " + name;
      ++opened_messages;
    }
  }
  if (!wanted.credentials.empty()) {
    auto stored = v->credentials().get(called("ftp"));
    // Before the first is acknowledged, any number of puts may have been killed as a whole.
    if (!stored && stored.error() == errc::not_found)
      return wanted.credential_put ? "the credential is gone" : "";
    if (!stored) return "the credential: " + stored.error().message();
    if (!wanted.credentials.contains(std::string(stored->secret.text())))
      return "the credential is an old one";
  }
  return "";
}

void kill_vaults(opener open, std::uint64_t seed) {
  const scratch folder(scratch::on::memory);
  const world people;
  const policy::service_key key(people.account("alice"), people.machine("host"));
  const auto place = folder / "store";
  const ledger told(folder / "ledger");
  std::size_t kills = 0;
  std::size_t opened_messages = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t in_doubt = 0;
  kill_repeatedly(
      kill_rounds(1000), 12, seed,
      [&](progress& steps, std::uint64_t child_seed) {
        work(open, place, key, told, steps, child_seed);
      },
      [&](const progress& steps) {
        ++kills;
        acknowledged += steps.acknowledged();
        in_doubt += steps.begun() - steps.acknowledged();
        const auto wrong = judge(open, place, key, expectation(told), opened_messages);
        BOOST_TEST_REQUIRE(wrong == "", "after kill " << kills << ": " << wrong);
        if (kills % 40 == 0) {  // from nothing again, so that the first steps are killed as well
          std::filesystem::remove_all(place);
          told.clear();
        }
      });
  BOOST_TEST_MESSAGE(kills << " kills, " << in_doubt << " of them within an operation; "
                           << acknowledged << " operations acknowledged, " << opened_messages
                           << " messages opened afterwards");
  BOOST_TEST(acknowledged > 0U);
}

/// A vault on a disk that records, and one operation on it.
void lose_power(const disk_log& log, any_store records, opener reopen) {
  const world people;
  const policy::service_key key(people.account("alice"), people.machine("host"));
  auto v = vault::open_or_create(std::move(records), key).value();
  auto db = with_master_key(v);
  db.certificates().create(called("auditor")).value();
  db.keys().create(called("k"), by::master_key{}, by::certificate{called("auditor")}).value();
  v.credentials().put(called("ftp"), "alice", as_bytes("geheim")).value();
  const auto message = seal(db, "k", "4111");

  struct step {
    std::size_t begun;
    std::size_t ended;
    contents after;
  };
  const auto read = [](any_store from) {
    contents all;
    for (const auto& name : from.list("").value())
      all[name.text()] = as_text(from.get(name).value().value().data);
    return all;
  };
  std::vector<step> steps;
  scratch now(scratch::on::memory);
  const auto take = [&](std::size_t begun) {
    log.materialise(log.size(), losses[3], now / "now");  // all of it, as the system would show it
    steps.push_back({begun, log.size(), read(reopen(now / "now"))});
  };
  take(log.size());
  const auto first = log.size();
  const auto change = [&](const auto& operation) {
    const auto begun = log.size();
    operation();
    take(begun);
  };
  change([&] { db.keys().rotate(called("k")).value(); });
  change([&] { v.service_master_key().regenerate().value(); });
  change([&] { db.master_key().regenerate(other_password).value(); });
  change([&] { db.keys().create(called("new"), by::master_key{}).value(); });
  change([&] { db.keys().drop(called("new")).value(); });

  std::size_t checked = 0;
  std::size_t wrong = 0;
  for_every_power_loss(log, first, [&](const auto& place, std::size_t instant, const loss& lost) {
    ++checked;
    std::size_t last = 0;
    while (last + 1 < steps.size() && steps[last + 1].ended <= instant) ++last;
    const auto found = read(reopen(place));
    const bool allowed =
        found == steps[last].after || (last + 1 < steps.size() && steps[last + 1].begun < instant &&
                                       found == steps[last + 1].after);
    auto opened = vault::open(reopen(place), key);
    const bool good =
        allowed && opened &&
        opened->database(called("sales")).value().master_key().opens_automatically().value() &&
        opened->credentials().get(called("ftp")).has_value() &&
        reads(opened->database(called("sales")).value(), "k", message, "4111");
    if (good) return;
    if (wrong++ == 0)
      BOOST_TEST_MESSAGE("first wrong state after operation " << instant << ", " << name_of(lost));
  });
  BOOST_TEST_MESSAGE("checked " << checked << " power losses over " << log.size() - first
                                << " disk operations, wrong: " << wrong);
  BOOST_TEST(checked > 100U);
  BOOST_TEST(wrong == 0U);
}

BOOST_AUTO_TEST_SUITE(vault_faults)

BOOST_AUTO_TEST_CASE(a_vault_in_files_loses_no_key_when_its_process_is_killed) {
  kill_vaults(open_files, 21);
}

BOOST_AUTO_TEST_CASE(a_vault_in_sqlite_loses_no_key_when_its_process_is_killed) {
  kill_vaults(open_sqlite, 22);
}

BOOST_AUTO_TEST_CASE(a_vault_in_files_is_before_or_after_each_operation_when_the_power_goes) {
  const scratch folder(scratch::on::memory);
  const recording_file_system disk(folder / "store");
  lose_power(
      disk.log(),
      any_store(store::file<recording_file_system>::open(folder / "store", {}, disk).value()),
      open_files);
}

BOOST_AUTO_TEST_CASE(a_vault_in_sqlite_is_before_or_after_each_operation_when_the_power_goes) {
  const scratch folder(scratch::on::memory);
  recording_vfs vfs("keywarden-vault-recording");
  lose_power(
      vfs.log(),
      any_store(store::sqlite::open(folder / "records.db", {std::chrono::seconds(5), vfs.name()})
                    .value()),
      open_sqlite);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace vault_kill_test

}  // namespace keywarden::testing
