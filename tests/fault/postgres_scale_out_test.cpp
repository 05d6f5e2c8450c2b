// Members of a scale-out deployment that are killed, over a PostgreSQL that is restarted.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <map>
#include <random>
#include <sstream>

#include <boost/test/unit_test.hpp>

#include <keywarden/store/postgres.hpp>
#include <keywarden/vault/scale_out.hpp>

#include "fault/kill.hpp"
#include "support/postgres_place.hpp"
#include "vault/fixture.hpp"

namespace scale_out_world {

namespace kw = keywarden;
using namespace kw::testing;
using kw::errc;

using farm = kw::scale_out<vault, kw::store::postgres>;
const kw::object_name farm_name("farm");

/// One server of the deployment: a vault of its own, and the shared store.
struct member {
  installation<in_sqlite> place;

  [[nodiscard]] kw::result<farm> open(const postgres_place& shared) const {
    return with(shared, [](const vault& own, kw::store::postgres store) {
      return farm::open(own, std::move(store), farm_name);
    });
  }
  [[nodiscard]] kw::result<farm> open_or_create(const postgres_place& shared) const {
    return with(shared, [](const vault& own, kw::store::postgres store) {
      return farm::open_or_create(own, std::move(store), farm_name, "first");
    });
  }
  void join(const postgres_place& shared, const member& through, std::string_view name) const {
    const auto own = place.open_or_create();
    const auto ticket = farm::ask_to_join(own, shared.open(), farm_name, name).value();
    auto approving = through.open(shared).value();
    const auto code = approving.approve(ticket.installation, ticket.fingerprint).value();
    static_cast<void>(farm::join(own, shared.open(), farm_name, code).value());
  }

 private:
  template <class Use>
  [[nodiscard]] kw::result<farm> with(const postgres_place& shared, Use&& use) const {
    auto store = kw::store::postgres::open(shared.uri, shared.options());
    if (!store) return store.error();
    auto own = place.open();
    if (!own) return own.error();
    return use(*own, std::move(*store));
  }
};

/// What children tell their parent, in memory that outlives them.
struct outcome {
  std::atomic<int> code{-1};  // an errc, or 0
  std::atomic<std::uint32_t> version{0};
};
template <std::size_t Count>
class outcomes {
 public:
  outcomes() {
    void* const shared =
        ::mmap(nullptr, sizeof(*all_), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) throw std::runtime_error("no shared memory");
    all_ = new (shared) std::array<outcome, Count>();
  }
  outcomes(const outcomes&) = delete;
  outcomes& operator=(const outcomes&) = delete;
  ~outcomes() { ::munmap(all_, sizeof(*all_)); }
  [[nodiscard]] std::array<outcome, Count>& all() noexcept { return *all_; }

 private:
  std::array<outcome, Count>* all_ = nullptr;
};

/// Opens or makes the deployment in as many processes as there are members at the same time.
template <std::size_t Count>
void start_at_once(const std::array<const member*, Count>& members, const postgres_place& shared,
                   std::array<outcome, Count>& told) {
  int gate[2];
  if (::pipe(gate) != 0) throw std::runtime_error("no pipe");
  std::vector<::pid_t> processes;
  for (std::size_t i = 0; i < Count; ++i) {
    const ::pid_t process = ::fork();
    if (process < 0) throw std::runtime_error("no child process");
    if (process == 0) {
      ::close(gate[1]);
      char none = 0;
      static_cast<void>(!::read(gate[0], &none, 1));  // until the parent closes the other end
      auto opened = members[i]->open_or_create(shared);
      if (opened) {
        auto versions = opened->versions();
        if (versions) told[i].version = versions->front().id.value();
      }
      told[i].code = opened ? 0 : static_cast<int>(opened.error().code());
      ::_exit(0);
    }
    processes.push_back(process);
  }
  ::close(gate[0]);
  ::close(gate[1]);
  for (const auto each : processes) ::waitpid(each, nullptr, 0);
}

constexpr std::size_t crowd = 16;

// ---- members that work until they are killed ----

constexpr std::size_t servers = 4;

struct scene {
  postgres_place shared;
  std::array<member, servers> members;
  scratch written{scratch::on::memory};

  [[nodiscard]] std::filesystem::path sealed_by(std::size_t index) const {
    return written / ("sealed-" + std::to_string(index));
  }
  [[nodiscard]] std::filesystem::path put_by(std::size_t index) const {
    return written / ("put-" + std::to_string(index));
  }
  [[nodiscard]] std::filesystem::path problems() const { return written / "problems"; }
};

/// Adds a line in one call: it is there, or it is not.
void acknowledge(const std::filesystem::path& file, const std::string& line) {
  const int to = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const auto text = line + '\n';
  if (to < 0 || ::write(to, text.data(), text.size()) != static_cast<::ssize_t>(text.size()))
    ::_exit(5);
  ::close(to);
}
[[nodiscard]] std::vector<std::string> lines_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::vector<std::string> all;
  for (std::string line; std::getline(in, line);) all.push_back(line);
  return all;
}

/// What may happen while the server is away or others are at work; the operation is not
/// acknowledged then, and nothing is wrong.
[[nodiscard]] bool passing(const kw::error& why) {
  return why == errc::io_failed || why == errc::store_busy || why == errc::store_conflict ||
         why == errc::timed_out;
}

struct worker {
  const scene& at;
  std::size_t index;
  std::mt19937_64 random;

  template <class T>
  bool fine(const kw::result<T>& done, std::string_view what) {
    if (done) return true;
    if (!passing(done.error())) {
      acknowledge(at.problems(),
                  std::to_string(index) + ' ' + std::string(what) + ": " + done.error().message());
      ::_exit(4);
    }
    return false;
  }

  [[noreturn]] void run() {
    for (;;) {
      auto opened = at.members[index].open(at.shared);
      if (!fine(opened, "open")) continue;
      const auto key = opened->key<rows>();
      auto secrets = opened->secrets();
      for (int turn = 0; turn < 200; ++turn) act(*opened, key, secrets);
    }
  }

  template <class Key, class Secrets>
  void act(farm& in, const Key& key, Secrets& secrets) {
    const auto drawn = random() % 100;
    const auto text = std::to_string(index) + '-' + std::to_string(random());
    if (drawn < 60) {
      auto sealed = key.seal(kw::as_bytes(text));
      if (fine(sealed, "seal"))
        acknowledge(at.sealed_by(index), kw::to_hex(sealed->view()) + ' ' + text);
    } else if (drawn < 75) {
      const auto name = called("s" + std::to_string(index));
      acknowledge(at.put_by(index), "? " + text);
      if (fine(secrets.put(name, kw::as_bytes(text)), "put"))
        acknowledge(at.put_by(index), "! " + text);
    } else if (drawn < 95) {
      const auto all = lines_of(at.sealed_by(random() % servers));
      if (all.empty()) return;
      const auto& line = all[random() % all.size()];
      const auto space = line.find(' ');
      auto shown = key.open(kw::sealed<rows>(kw::from_hex(line.substr(0, space)).value()));
      if (fine(shown, "open another's") && shown->text() != line.substr(space + 1)) ::_exit(6);
    } else {
      rotate(in);
    }
  }

  void rotate(farm& in) {
    if (!fine(in.refresh(), "refresh")) return;
    auto versions = in.versions();
    if (!fine(versions, "versions")) return;
    for (const auto& each : *versions) {
      if (each.state != kw::key_state::created) continue;
      const auto promoted = in.promote(each.id);
      if (!promoted && promoted.error() == errc::key_state_refused) return;
      fine(promoted, "promote");
      return;
    }
    if (versions->size() < 200) fine(in.add_version(), "add a version");
  }
};

[[nodiscard]] ::pid_t start_worker(const scene& at, std::size_t index, std::uint64_t seed) {
  const ::pid_t process = ::fork();
  if (process < 0) throw std::runtime_error("no child process");
  if (process > 0) return process;
  worker{at, index, std::mt19937_64(seed)}.run();
}

}  // namespace scale_out_world

BOOST_AUTO_TEST_SUITE(scale_out_faults,
                      *boost::unit_test::precondition(keywarden::testing::has_postgres))

using namespace scale_out_world;

BOOST_AUTO_TEST_CASE(sixteen_processes_of_one_instance_make_exactly_one_first_key) {
  const postgres_place shared;
  static_cast<void>(shared_cluster());
  const member only;
  static_cast<void>(only.place.open_or_create());
  std::array<const member*, crowd> all{};
  all.fill(&only);
  outcomes<crowd> told;
  start_at_once(all, shared, told.all());
  for (const auto& each : told.all()) {
    BOOST_TEST(each.code == 0);
    BOOST_TEST(each.version == told.all().front().version);
  }
  BOOST_TEST(only.open(shared).value().members().value().size() == 1U);
}

BOOST_AUTO_TEST_CASE(sixteen_instances_make_exactly_one_first_key_and_one_is_a_member) {
  const postgres_place shared;
  static_cast<void>(shared_cluster());
  std::array<member, crowd> servers_here;
  std::array<const member*, crowd> all{};
  for (std::size_t i = 0; i < crowd; ++i) {
    static_cast<void>(servers_here[i].place.open_or_create());
    all[i] = &servers_here[i];
  }
  outcomes<crowd> told;
  start_at_once(all, shared, told.all());
  BOOST_TEST(std::ranges::count_if(told.all(), [](const auto& each) { return each.code == 0; }) ==
             1);
  for (const auto& each : told.all())
    if (each.code != 0) BOOST_TEST(each.code == static_cast<int>(errc::not_activated));
}

BOOST_AUTO_TEST_CASE(whatever_is_killed_or_restarted_every_acknowledged_write_opens) {
  scene at;
  auto& cluster = shared_cluster();
  static_cast<void>(at.members[0].place.open_or_create());
  static_cast<void>(at.members[0].open_or_create(at.shared).value());
  for (std::size_t i = 1; i < servers; ++i)
    at.members[i].join(at.shared, at.members[0], "server-" + std::to_string(i));

  const auto kills = kill_rounds(1000);
  std::mt19937_64 random(6);
  std::array<::pid_t, servers> working{};
  for (std::size_t i = 0; i < servers; ++i) working[i] = start_worker(at, i, random());
  std::size_t restarts = 0;
  for (std::size_t round = 0; round < kills; ++round) {
    const bool restarting = round % 5 == 0;
    if (restarting) cluster.stop();
    ::usleep(static_cast<unsigned>(random() % 30000));
    const auto victim = random() % servers;
    int status = 0;
    ::kill(working[victim], SIGKILL);
    ::waitpid(working[victim], &status, 0);
    BOOST_REQUIRE_MESSAGE(
        WIFSIGNALED(status),
        "a worker ended by itself: "
            << WEXITSTATUS(status) << ' '
            << (lines_of(at.problems()).empty() ? std::string() : lines_of(at.problems()).front()));
    working[victim] = start_worker(at, victim, random());
    if (restarting) {
      cluster.start();
      ++restarts;
    }
  }
  for (const auto each : working) {
    ::kill(each, SIGKILL);
    ::waitpid(each, nullptr, 0);
  }
  for (const auto& problem : lines_of(at.problems())) BOOST_ERROR(problem);
  BOOST_TEST(restarts == (kills + 4) / 5);

  // The last member is removed, and the key rotated.
  auto first = at.members[0].open(at.shared).value();
  kw::installation_id last;
  for (const auto& each : first.members().value())
    if (each.name == "server-3") last = each.installation;
  const auto offline = [&] {
    auto leaving = at.members[3].open(at.shared).value();
    return leaving.key<rows>().current().value();
  }();
  BOOST_TEST(accepted(first.leave_and_rotate(last)));
  const auto after = first.key<rows>().seal(kw::as_bytes("after")).value();
  BOOST_TEST(refused_as(errc::unknown_key, offline->open(after)));
  BOOST_TEST(refused_as(errc::not_activated, at.members[3].open(at.shared)));

  std::size_t opened = 0;
  for (std::size_t i = 0; i + 1 < servers; ++i) {
    auto remaining = at.members[i].open(at.shared).value();
    const auto key = remaining.key<rows>();
    BOOST_TEST(accepted(key.open(after)));
    for (std::size_t by = 0; by < servers; ++by) {
      for (const auto& line : lines_of(at.sealed_by(by))) {
        const auto space = line.find(' ');
        auto shown = key.open(kw::sealed<rows>(kw::from_hex(line.substr(0, space)).value()));
        BOOST_REQUIRE(accepted(shown));
        BOOST_REQUIRE(shown->text() == line.substr(space + 1));
        ++opened;
      }
      // The last value that was acknowledged, or one that was under way after it.
      std::vector<std::string> possible;
      for (const auto& line : lines_of(at.put_by(by))) {
        if (line[0] == '!') possible.clear();
        possible.push_back(line.substr(2));
      }
      if (possible.empty()) continue;
      auto secret = remaining.secrets().get(called("s" + std::to_string(by)));
      if (!secret && secret.error() == errc::not_found) continue;  // no put was acknowledged
      BOOST_TEST(accepted(secret));
      BOOST_TEST(std::ranges::count(possible, std::string(secret->text())) == 1);
    }
  }
  BOOST_TEST(opened > kills);
  BOOST_TEST(first.versions().value().size() > 3U);
  BOOST_TEST_MESSAGE("opened " << opened << " acknowledged writes under "
                               << first.versions().value().size() << " versions");
}

BOOST_AUTO_TEST_CASE(every_member_sees_a_rotation_within_a_second_because_the_server_tells) {
  scene at;
  static_cast<void>(shared_cluster());
  static_cast<void>(at.members[0].place.open_or_create());
  static_cast<void>(at.members[0].open_or_create(at.shared).value());
  std::vector<farm> members;
  for (std::size_t i = 1; i < servers; ++i)
    at.members[i].join(at.shared, at.members[0], "server-" + std::to_string(i));
  for (const auto& each : at.members) members.push_back(each.open(at.shared).value());
  // Nobody looks unless told: the interval is longer than the test.
  std::vector<decltype(members[0].follow())> following;
  for (const auto& each : members) following.push_back(each.follow({std::chrono::minutes(5), {}}));
  const auto within_a_second = [&](kw::key_id version) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    const auto seen = [&](const farm& each) {
      return each.key<rows>().current().value()->active() == version;
    };
    while (!std::ranges::all_of(members, seen)) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
  };
  for (int i = 0; i < 3; ++i)
    BOOST_TEST(within_a_second(members[1].rotate(std::chrono::seconds(20)).value()));
  shared_cluster().restart();
  BOOST_TEST(within_a_second(members[2].rotate(std::chrono::seconds(20)).value()));
}

BOOST_AUTO_TEST_SUITE_END()
