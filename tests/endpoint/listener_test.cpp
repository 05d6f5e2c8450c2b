#include <keywarden/endpoint/listener.hpp>

#include <boost/test/unit_test.hpp>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>

#include <keywarden/admit/anyone.hpp>
#include <keywarden/admit/concurrent_connections.hpp>
#include <support/refusals.hpp>
#include <support/two_ends.hpp>

namespace listener_test {

namespace kw = keywarden;
using kw::errc;
using kw::testing::accepted;
using kw::testing::knows;
using kw::testing::refused_as;
namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using namespace std::chrono_literals;

using mirroring = kw::endpoint<knows, kw::transport::tls13<>, kw::admit::anyone>;

/// An endpoint that listens on a port of loopback, and one that calls it, in one thread.
struct loopback {
  explicit loopback(kw::endpoint_state state = kw::endpoint_state::started,
                    std::chrono::milliseconds timeout = 10s)
      : acceptor(mirroring::create(
                     at_b, {},
                     {state, [this](const kw::endpoint_event& event) { log.push_back(event); }})
                     .value()),
        listening(
            listener::open(context.get_executor(), acceptor,
                           tcp::endpoint(asio::ip::address_v4::loopback(), 0),
                           [this](listener::stream made) { taken.push_back(std::move(made)); },
                           {timeout})
                .value()) {}

  using listener = kw::listener<mirroring>;
  using outgoing = kw::transport::stream<mirroring::outgoing_connection, tcp::socket>;

  /// Runs until `enough`, at most half a minute.
  void run_until(const std::function<bool()>& enough) {
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (!enough() && std::chrono::steady_clock::now() < deadline) {
      context.restart();
      context.run_one_for(100ms);
    }
    BOOST_TEST_REQUIRE(enough());
  }
  [[nodiscard]] boost::system::error_code dial(tcp::socket& socket) const {
    boost::system::error_code failed;
    socket.connect(listening.local_address(), failed);
    return failed;
  }
  kw::result<outgoing> call() {
    tcp::socket socket(context);
    if (dial(socket)) return kw::error(errc::io_failed);
    std::optional<kw::result<outgoing>> made;
    kw::transport::async_handshake(
        std::move(socket), connector.connect("b", "b").value(), 10s,
        [&](kw::result<outgoing> done) { made.emplace(std::move(done)); });
    run_until([&] { return made.has_value(); });
    return std::move(*made);
  }

  asio::io_context context;
  std::vector<kw::endpoint_event> log;
  std::vector<listener::stream> taken;
  std::shared_ptr<const kw::pki::identity> a = kw::testing::make_identity("a");
  std::shared_ptr<const kw::pki::identity> b = kw::testing::make_identity("b");
  knows at_a{a, *b, "b"};
  knows at_b{b, *a, "a"};
  mirroring connector = mirroring::create(at_a, {}, {kw::endpoint_state::started}).value();
  mirroring acceptor;
  listener listening;
};

BOOST_AUTO_TEST_SUITE(listener)

BOOST_AUTO_TEST_CASE(proven_peers_are_handed_over) {
  loopback on;
  auto made = on.call();
  BOOST_TEST_REQUIRE(accepted(made));
  on.run_until([&] { return on.taken.size() == 1; });
  BOOST_TEST(on.taken[0].session().peer().login == "a");
  BOOST_TEST(on.acceptor.connections().at(0).address == "127.0.0.1");
}

BOOST_AUTO_TEST_CASE(a_stopped_endpoint_does_not_listen_until_it_is_started) {
  loopback on(kw::endpoint_state::stopped);
  on.acceptor.set_state(kw::endpoint_state::started);
  on.run_until([&] { return on.listening.local_address().port() != 0; });
  BOOST_TEST(accepted(on.call()));
  on.acceptor.set_state(kw::endpoint_state::stopped);
  on.run_until([&] {
    tcp::socket socket(on.context);
    return on.dial(socket) == asio::error::connection_refused;
  });
}

BOOST_AUTO_TEST_CASE(a_disabled_endpoint_listens_and_answers_with_an_error) {
  loopback on(kw::endpoint_state::disabled);
  auto made = on.call();
  BOOST_TEST(refused_as(errc::refused_by_peer, made));
  BOOST_TEST(made.error().value_of(kw::fact::alert) == "access_denied");
  BOOST_TEST_REQUIRE(!on.log.empty());
  BOOST_TEST((on.log[0].reason == errc::not_listening));
  BOOST_TEST(on.taken.empty());
}

BOOST_AUTO_TEST_CASE(sessions_go_on_when_the_endpoint_stops) {
  loopback on;
  auto made = on.call();
  on.run_until([&] { return on.taken.size() == 1; });
  on.acceptor.set_state(kw::endpoint_state::stopped);
  std::string heard(5, ' ');
  bool arrived = false;
  asio::async_write(*made, asio::buffer(std::string_view("hello")),
                    [](const boost::system::error_code&, std::size_t) {});
  asio::async_read(on.taken[0], asio::buffer(heard),
                   [&](const boost::system::error_code& end, std::size_t) { arrived = !end; });
  on.run_until([&] { return arrived; });
  BOOST_TEST(heard == "hello");
}

BOOST_AUTO_TEST_CASE(a_dropped_peer_is_told_at_once) {
  loopback on;
  auto made = on.call();
  on.run_until([&] { return on.taken.size() == 1; });
  std::array<char, 16> room{};
  std::optional<boost::system::error_code> here;
  std::optional<boost::system::error_code> there;
  on.taken[0].async_read_some(
      asio::buffer(room), [&](const boost::system::error_code& end, std::size_t) { here = end; });
  made->async_read_some(asio::buffer(room),
                        [&](const boost::system::error_code& end, std::size_t) { there = end; });
  on.at_b.forget(*on.a);
  BOOST_TEST(on.acceptor.drop_unpermitted() == 1U);
  on.run_until([&] { return here && there; });
  BOOST_TEST((*here == errc::not_permitted));
  BOOST_TEST((*there == errc::refused_by_peer));
}

BOOST_AUTO_TEST_CASE(a_silent_peer_is_cut_off_and_logged) {
  loopback on(kw::endpoint_state::started, 20ms);
  tcp::socket socket(on.context);
  BOOST_TEST(!on.dial(socket));
  on.run_until([&] { return !on.log.empty(); });
  BOOST_TEST((on.log[0].kind == kw::endpoint_event_kind::refused));
  BOOST_TEST((on.log[0].reason == errc::timed_out));
  on.run_until([&] { return on.acceptor.connections().empty(); });
}

BOOST_AUTO_TEST_CASE(who_is_not_admitted_is_closed_before_any_handshake) {
  using limited = kw::endpoint<knows, kw::transport::tls13<>, kw::admit::concurrent_connections>;
  asio::io_context context;
  const knows with(kw::testing::make_identity("b"));
  auto at = limited::create(with, kw::admit::concurrent_connections({.per_host = 1, .in_all = 1}),
                            {kw::endpoint_state::started})
                .value();
  auto listening = kw::listener<limited>::open(context.get_executor(), at,
                                               tcp::endpoint(asio::ip::address_v4::loopback(), 0),
                                               [](auto) {}, {})
                       .value();
  tcp::socket first(context);
  first.connect(listening.local_address());
  tcp::socket second(context);
  second.connect(listening.local_address());
  std::array<char, 16> room{};
  std::optional<boost::system::error_code> end;
  second.async_read_some(asio::buffer(room),
                         [&](const boost::system::error_code& code, std::size_t) { end = code; });
  while (!end) context.run_one_for(100ms);
  BOOST_TEST((*end == asio::error::eof || *end == asio::error::connection_reset));
  BOOST_TEST(at.connections().size() == 1U);
}

BOOST_AUTO_TEST_CASE(an_address_in_use_is_a_typed_refusal) {
  loopback on;
  auto other = kw::listener<mirroring>::open(on.context.get_executor(), on.acceptor,
                                             on.listening.local_address(), [](auto) {});
  BOOST_TEST(refused_as(errc::io_failed, other));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace listener_test
