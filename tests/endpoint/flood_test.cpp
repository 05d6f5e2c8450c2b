// Ten thousand connections that never say a word, over real sockets.

#include <keywarden/endpoint/listener.hpp>

#include <boost/test/unit_test.hpp>

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <boost/asio/io_context.hpp>

#include <keywarden/admit/all_of.hpp>
#include <keywarden/admit/concurrent_connections.hpp>
#include <support/refusals.hpp>
#include <support/two_ends.hpp>

namespace flood_test {

namespace kw = keywarden;
using kw::errc;
using kw::testing::accepted;
using kw::testing::knows;
namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using namespace std::chrono_literals;

constexpr int flood = 10000;
constexpr int hosts = 40;  // of loopback: 127.0.1.1 and so on

using mirroring = kw::endpoint<knows, kw::transport::tls13<>,
                               kw::admit::all_of<kw::admit::concurrent_connections>>;

kw::admit::all_of<kw::admit::concurrent_connections> mirroring_rules() {
  return kw::admit::all_of(kw::admit::concurrent_connections());
}

std::size_t resident_bytes() {
  std::ifstream status("/proc/self/statm");
  std::size_t all = 0;
  std::size_t resident = 0;
  status >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

/// Another process: opens `flood` connections, from many addresses, as fast as it can, says how
/// many the system let it open, and holds them.
class flooder {
 public:
  explicit flooder(std::uint16_t port) {
    if (::pipe(report_) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) run(port);
    ::close(report_[1]);
  }
  flooder(const flooder&) = delete;
  flooder& operator=(const flooder&) = delete;
  ~flooder() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    ::close(report_[0]);
  }
  /// Whether it is done, and with how many.
  [[nodiscard]] std::optional<int> opened() const {
    pollfd ready{report_[0], POLLIN, 0};
    int count = 0;
    if (::poll(&ready, 1, 0) <= 0) return std::nullopt;
    if (::read(report_[0], &count, sizeof count) != sizeof count) return 0;
    return count;
  }

 private:
  [[noreturn]] void run(std::uint16_t port) {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    int count = 0;
    for (int i = 0; i < flood; ++i) {
      const int handle = ::socket(AF_INET, SOCK_STREAM, 0);
      if (handle < 0) break;
      sockaddr_in from{};
      from.sin_family = AF_INET;
      from.sin_addr.s_addr = htonl(0x7f000101U + static_cast<unsigned>(i % hosts));
      sockaddr_in to{};
      to.sin_family = AF_INET;
      to.sin_port = htons(port);
      to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      if (::bind(handle, reinterpret_cast<sockaddr*>(&from), sizeof from) == 0 &&
          ::connect(handle, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0)
        ++count;
    }
    static_cast<void>(!::write(report_[1], &count, sizeof count));
    for (;;) ::pause();
  }

  int report_[2] = {-1, -1};
  pid_t pid_ = -1;
};

BOOST_AUTO_TEST_SUITE(flood_of_connections)

BOOST_AUTO_TEST_CASE(ten_thousand_silent_connections_take_little_and_others_are_served) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_max < flood + 100) {
    BOOST_TEST_MESSAGE("skipped: this system allows " << files.rlim_max << " open files");
    return;
  }
  const auto a = kw::testing::make_identity("a");
  const auto b = kw::testing::make_identity("b");
  const knows at_a(a, *b, "b");
  const knows at_b(b, *a, "a");
  asio::io_context context;
  const auto at = mirroring::create(at_b, mirroring_rules(), {kw::endpoint_state::started}).value();
  std::optional<kw::listener<mirroring>::stream> taken;
  auto listening =
      kw::listener<mirroring>::open(
          context.get_executor(), at, tcp::endpoint(asio::ip::address_v4::loopback(), 0),
          [&](kw::listener<mirroring>::stream made) { taken.emplace(std::move(made)); },
          {.handshake_timeout = 60s})
          .value();
  const auto before = resident_bytes();
  const flooder others(listening.local_address().port());
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  std::optional<int> opened;
  std::size_t most = 0;
  while (!opened && std::chrono::steady_clock::now() < deadline) {
    context.restart();
    context.poll();
    most = std::max(most, at.connections().size());
    opened = others.opened();
  }
  BOOST_TEST_REQUIRE(opened.has_value());
  BOOST_TEST(*opened == flood);
  context.run_for(100ms);

  // Each host of the flood holds its 20 places and no more; a host that has none is served.
  BOOST_TEST(most == 20U * hosts);
  const auto grown = resident_bytes() - before;
  BOOST_TEST(grown < (32U << 20U), "grew by " << grown / 1024 << " KiB");
  const auto from = kw::endpoint<knows, kw::transport::tls13<>,
                                 kw::admit::all_of<kw::admit::concurrent_connections>>::
                        create(at_a, mirroring_rules(), {kw::endpoint_state::started})
                            .value();
  tcp::socket socket(context);
  socket.connect(listening.local_address());
  bool served = false;
  kw::transport::async_handshake(std::move(socket), from.connect("b", "b").value(), 30s,
                                 [&](auto made) { served = made.has_value(); });
  while (!taken && std::chrono::steady_clock::now() < deadline) context.run_one_for(100ms);
  BOOST_TEST(served);
  BOOST_TEST(taken.has_value());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace flood_test
