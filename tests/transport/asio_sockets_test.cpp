// Streams over real sockets of the loopback interface, in the styles of Asio.
#include <keywarden/transport/asio/stream.hpp>

#include <boost/test/unit_test.hpp>

#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>

#include <keywarden/transport/asio/handshake.hpp>
#include <keywarden/transport/tls.hpp>
#include <support/refusals.hpp>
#include <support/two_ends.hpp>

namespace asio_sockets_test {

namespace kw = keywarden;
namespace net = boost::asio;
namespace transport = kw::transport;
using boost::system::error_code;
using kw::errc;
using kw::testing::accepted;
using kw::testing::knows;
using kw::testing::refused_as;
using net::ip::tcp;
using stream = transport::stream_of<transport::handshake>;

constexpr auto patience = std::chrono::seconds(60);
constexpr auto as_pair = net::as_tuple(net::use_awaitable);

/// Two connected sockets, each on a strand of its own.
std::pair<tcp::socket, tcp::socket> connected(net::io_context& context) {
  tcp::acceptor acceptor(context, tcp::endpoint(net::ip::address_v4::loopback(), 0));
  tcp::socket there(net::make_strand(context));
  there.connect(acceptor.local_endpoint());
  return {std::move(there), acceptor.accept(net::make_strand(context))};
}

struct instances {
  std::shared_ptr<const kw::pki::identity> a = kw::testing::make_identity("a");
  std::shared_ptr<const kw::pki::identity> b = kw::testing::make_identity("b");
  knows at_a{a, *b, "b"};
  knows at_b{b, *a, "a"};
  knows stranger{kw::testing::make_identity("stranger"), *b, "b"};

  static transport::handshake connect(const knows& with) {
    return transport::tls13<>::context<knows>::create(with).value().connect("b").value();
  }
  static transport::handshake accept(const knows& with) {
    return transport::tls13<>::context<knows>::create(with).value().accept().value();
  }
};

std::string pattern(std::size_t size, unsigned seed) {
  std::string made(size, ' ');
  for (auto& each : made) {
    seed = seed * 1664525U + 1013904223U;
    each = static_cast<char>(seed >> 24U);
  }
  return made;
}

using task = net::awaitable<void>;

/// Runs one coroutine for each end, on the end's strand, until both are done. Gives false when that
/// takes too long.
template <class There, class Here>
bool meet(There there, Here here, int threads = 1) {
  net::io_context context;
  auto sockets = connected(context);
  int done = 0;
  std::mutex guard;
  const auto finished = [&](const std::exception_ptr& thrown) {
    const std::scoped_lock held(guard);
    if (thrown == nullptr) ++done;
  };
  const auto first = sockets.first.get_executor();
  const auto second = sockets.second.get_executor();
  net::co_spawn(
      first, [&]() -> task { return there(std::move(sockets.first)); }, finished);
  net::co_spawn(
      second, [&]() -> task { return here(std::move(sockets.second)); }, finished);
  std::vector<std::thread> others;
  for (int i = 1; i < threads; ++i) others.emplace_back([&] { context.run_for(patience); });
  context.run_for(patience);
  for (auto& each : others) each.join();
  return done == 2;
}

net::awaitable<stream> made_by(tcp::socket socket, transport::handshake handshake) {
  auto made = co_await transport::async_handshake(std::move(socket), std::move(handshake), patience,
                                                  net::use_awaitable);
  co_return std::move(made).value();
}

BOOST_AUTO_TEST_SUITE(asio_sockets)

BOOST_AUTO_TEST_CASE(two_instances_talk_in_coroutines) {
  const instances of;
  std::string heard;
  BOOST_TEST(meet(
      [&](tcp::socket socket) -> task {
        auto to = co_await made_by(std::move(socket), instances::connect(of.at_a));
        BOOST_CHECK(to.proof().who().login == "b");
        co_await net::async_write(to, net::buffer("hello", 5), net::deferred);
        co_await to.async_shutdown(net::use_awaitable);
        char more = ' ';
        const auto [end, size] = co_await to.async_read_some(net::buffer(&more, 1), as_pair);
        BOOST_CHECK(end == net::error::eof);
        BOOST_CHECK(size == 0U);
      },
      [&](tcp::socket socket) -> task {
        auto from = co_await made_by(std::move(socket), instances::accept(of.at_b));
        std::string room(100, ' ');
        const auto [end, size] = co_await net::async_read(from, net::buffer(room), as_pair);
        BOOST_CHECK(end == net::error::eof);
        heard = room.substr(0, size);
        co_await from.async_shutdown(net::use_awaitable);
      }));
  BOOST_TEST(heard == "hello");
}

BOOST_AUTO_TEST_CASE(futures_and_deferred_operations_complete_as_coroutines_do) {
  const instances of;
  net::io_context context;
  auto work = net::make_work_guard(context);
  auto sockets = connected(context);
  std::thread runner([&] { context.run(); });
  {
    auto later = transport::async_handshake(std::move(sockets.first), instances::connect(of.at_a),
                                            patience, net::deferred);
    auto made_b = transport::async_handshake(std::move(sockets.second), instances::accept(of.at_b),
                                             patience, net::use_future);
    auto made_a = std::move(later)(net::use_future);
    auto a = made_a.get();
    auto b = made_b.get();
    BOOST_TEST(accepted(a));
    BOOST_TEST(accepted(b));
    if (a && b) {
      auto wrote = net::async_write(*a, net::buffer("future", 6), net::use_future);
      std::string heard(6, ' ');
      auto read = net::async_read(*b, net::buffer(heard), net::use_future);
      BOOST_TEST(wrote.get() == 6U);
      BOOST_TEST(read.get() == 6U);
      BOOST_TEST(heard == "future");
      auto refused = b->async_read_some(net::buffer(heard), net::use_future);
      // A stream is destroyed where its operations run.
      net::post(a->get_executor(), net::use_future([&] { a = kw::error(errc::not_open); })).get();
      BOOST_CHECK_EXCEPTION(
          static_cast<void>(refused.get()), boost::system::system_error,
          [](const boost::system::system_error& why) { return why.code() == errc::truncated; });
      net::post(b->get_executor(), net::use_future([&] { b = kw::error(errc::not_open); })).get();
    }
  }
  work.reset();
  runner.join();
}

BOOST_AUTO_TEST_CASE(eight_mebibytes_go_both_ways_at_once) {
  const instances of;
  const auto there = pattern(8U << 20U, 1);
  const auto back = pattern(8U << 20U, 2);
  // One coroutine writes while the other reads; the stream stays here until both are done.
  const auto exchange = [](stream& with, const std::string& mine, std::string& theirs) -> task {
    theirs.resize(mine.size());
    error_code read_end = net::error::would_block;
    net::steady_timer both(co_await net::this_coro::executor, net::steady_timer::time_point::max());
    net::async_read(with, net::buffer(theirs), [&](error_code end, std::size_t) {
      read_end = end;
      both.cancel();
    });
    co_await net::async_write(with, net::buffer(mine), net::use_awaitable);
    if (read_end == net::error::would_block) co_await both.async_wait(as_pair);
    BOOST_CHECK(!read_end);
    co_await with.async_shutdown(net::use_awaitable);
    char more = ' ';
    const auto [end, size] = co_await with.async_read_some(net::buffer(&more, 1), as_pair);
    BOOST_CHECK(end == net::error::eof);
    BOOST_CHECK(size == 0U);
  };
  std::string heard_there;
  std::string heard_back;
  BOOST_TEST(meet(
      [&](tcp::socket socket) -> task {
        auto with = co_await made_by(std::move(socket), instances::connect(of.at_a));
        with.expires_after(patience);
        co_await exchange(with, there, heard_back);
      },
      [&](tcp::socket socket) -> task {
        auto with = co_await made_by(std::move(socket), instances::accept(of.at_b));
        with.expires_after(patience);
        co_await exchange(with, back, heard_there);
      },
      2));
  BOOST_TEST((heard_there == there));
  BOOST_TEST((heard_back == back));
}

BOOST_AUTO_TEST_CASE(a_stranger_reads_access_denied_instead_of_a_reset) {
  const instances of;
  const auto data = pattern(30000, 3);
  BOOST_TEST(meet(
      [&](tcp::socket socket) -> task {
        auto made = co_await made_by(std::move(socket), instances::connect(of.stranger));
        static_cast<void>(co_await net::async_write(made, net::buffer(data), as_pair));
        char more = ' ';
        const auto [end, size] = co_await made.async_read_some(net::buffer(&more, 1), as_pair);
        BOOST_CHECK(end == errc::refused_by_peer);
        BOOST_CHECK(size == 0U);
        BOOST_CHECK(made.refusal().value_of(kw::fact::alert) == "access_denied");
      },
      [&](tcp::socket socket) -> task {
        auto made = co_await transport::async_handshake(
            std::move(socket), instances::accept(of.at_b), patience, net::use_awaitable);
        BOOST_CHECK(refused_as(errc::peer_unknown, made));
      }));
}

BOOST_AUTO_TEST_CASE(a_peer_that_stops_reading_is_cut_off) {
  const instances of;
  const auto data = pattern(8U << 20U, 4);
  net::steady_timer* gone = nullptr;
  BOOST_TEST(meet(
      [&](tcp::socket socket) -> task {
        auto to = co_await made_by(std::move(socket), instances::connect(of.at_a));
        to.expires_after(std::chrono::milliseconds(100));
        error_code end;
        while (!end) {
          const auto [code, size] = co_await net::async_write(to, net::buffer(data), as_pair);
          end = code;
        }
        BOOST_CHECK(end == errc::timed_out);
        BOOST_CHECK(!to.lowest_layer().is_open());
        BOOST_REQUIRE(gone != nullptr);
        gone->cancel();
      },
      [&](tcp::socket socket) -> task {
        // Holds the connection, and does not read, until the other end has given up.
        auto from = co_await made_by(std::move(socket), instances::accept(of.at_b));
        net::steady_timer other_end(from.get_executor(), net::steady_timer::time_point::max());
        gone = &other_end;
        co_await other_end.async_wait(as_pair);
      }));
}

BOOST_AUTO_TEST_CASE(a_reset_is_truncation) {
  const instances of;
  BOOST_TEST(meet(
      [&](tcp::socket socket) -> task {
        auto to = co_await made_by(std::move(socket), instances::connect(of.at_a));
        co_await net::async_write(to, net::buffer("x", 1), net::use_awaitable);
        to.lowest_layer().set_option(net::socket_base::linger(true, 0));
      },
      [&](tcp::socket socket) -> task {
        auto from = co_await made_by(std::move(socket), instances::accept(of.at_b));
        std::string heard(10, ' ');
        const auto [end, size] = co_await net::async_read(from, net::buffer(heard), as_pair);
        BOOST_CHECK(end == errc::truncated);
        BOOST_CHECK(size <= 1U);
        BOOST_CHECK(from.refusal() == errc::truncated);
      }));
}

BOOST_AUTO_TEST_CASE(a_refusal_is_an_error_code_with_our_words) {
  const error_code code = errc::peer_unknown;
  BOOST_TEST(code.failed());
  BOOST_TEST((code == errc::peer_unknown));
  BOOST_TEST((code != errc::truncated));
  BOOST_TEST(code.message() == kw::describe(errc::peer_unknown));
  BOOST_TEST(std::string(code.category().name()) == "keywarden");
  BOOST_TEST(!error_code(errc::none).failed());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace asio_sockets_test
