#include "tunnel.hpp"

#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <sstream>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include <keywarden/admit/all_of.hpp>
#include <keywarden/endpoint/listener.hpp>

#include "identity_folder.hpp"
#include "relay.hpp"

namespace tunnel {

using asio::as_tuple;
using asio::use_awaitable;
using asio::experimental::awaitable_operators::operator||;
using tcp = asio::ip::tcp;
using namespace std::chrono_literals;
using plain_acceptor = asio::basic_socket_acceptor<plain>;

namespace {

// Who may even try, who may be at the other end, how bytes travel.
using rules = kw::admit::all_of<kw::admit::network_acl, kw::admit::connection_rate,
                                kw::admit::concurrent_connections>;
using endpoint = kw::endpoint<authentication, kw::transport::tls13<>, rules>;

constexpr auto patience = 10s;  // for a connection, and for a handshake

// What a connection attempt completes with, if it does so soon. Throws `system_error`.
template <class... Rest>
asio::awaitable<void> in_time(asio::awaitable<std::tuple<boost::system::error_code, Rest...>> op) {
  asio::steady_timer timer(co_await asio::this_coro::executor, patience);
  const auto first = co_await (std::move(op) || timer.async_wait(as_tuple(use_awaitable)));
  const auto failed = first.index() == 0 ? std::get<0>(std::get<0>(first))
                                         : boost::system::error_code(asio::error::timed_out);
  if (failed) throw boost::system::system_error(failed, "connect");
}

// A peer that vanished without a word is noticed after some two minutes.
void watch(tcp::socket& socket) {
  boost::system::error_code ignored;
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  for (const auto& [option, seconds] : {std::pair(TCP_KEEPIDLE, 60), std::pair(TCP_KEEPINTVL, 10)})
    ::setsockopt(socket.native_handle(), IPPROTO_TCP, option, &seconds, sizeof seconds);
  socket.set_option(tcp::no_delay(true), ignored);
}

// A failure of one connection is no other's.
void spawn(asio::io_context& in, asio::awaitable<void> session) {
  asio::co_spawn(in, std::move(session), [](const std::exception_ptr& failed) {
    try {
      if (failed) std::rethrow_exception(failed);
    } catch (const std::exception& why) {
      log(std::string("not forwarded: ") + why.what());
    }
  });
}

// accept: a proven peer, to the service.
using listener = kw::listener<endpoint>;
asio::awaitable<void> to_the_service(listener::stream peer, plain::endpoint service) {
  plain::socket local(co_await asio::this_coro::executor);
  co_await in_time(local.async_connect(service, as_tuple(use_awaitable)));
  reset_when_closed(local, true);
  watch(peer.next_layer());
  co_await relay(std::move(peer), std::move(local));
}

// connect: a local program, to the other end. What the endpoint refuses it has told the log.
asio::awaitable<void> to_the_peer(endpoint from, options asked, plain::socket local) {
  reset_when_closed(local, true);
  const auto executor = co_await asio::this_coro::executor;
  const auto [host, port] = split(asked.target);
  tcp::resolver resolver(executor);
  const auto places = co_await resolver.async_resolve(host, port, use_awaitable);
  tcp::socket socket(executor);
  co_await in_time(asio::async_connect(socket, places, as_tuple(use_awaitable)));
  watch(socket);
  auto begun = asked.expect.empty() ? from.connect(asked.target, kw::any_known_peer{})
                                    : from.connect(asked.target, asked.expect);
  if (!begun) co_return;
  auto peer = co_await kw::transport::async_handshake(std::move(socket), std::move(*begun),
                                                      patience, use_awaitable);
  if (peer) co_await relay(std::move(*peer), std::move(local));
}

asio::awaitable<void> take_local(asio::io_context& in, endpoint from, options asked,
                                 plain_acceptor& at) {
  while (at.is_open()) {
    auto [failed, local] = co_await at.async_accept(as_tuple(use_awaitable));
    if (!failed)
      spawn(in, to_the_peer(from, asked, std::move(local)));
    else if (at.is_open())  // out of descriptors: others give some back
      co_await asio::steady_timer(in, 100ms).async_wait(use_awaitable);
  }
}

plain_acceptor listen_locally(asio::io_context& in, const options& asked) {
  const auto place = plaintext_place(asked.listen, asked.plaintext_on_the_network);
  if (place.protocol().family() != AF_UNIX) return plain_acceptor(in, place);
  // What a tunnel that was killed left behind goes; what somebody listens on stays.
  const auto path = asked.listen.substr(5);
  boost::system::error_code failed;
  plain::socket(in).connect(place, failed);
  if (failed == asio::error::connection_refused) ::unlink(path.c_str());
  ::umask(0177);  // the tunnel's user only
  return plain_acceptor(in, place, false);
}

std::string text_of(const plain::endpoint& at) {
  tcp::endpoint made;
  if (at.size() > made.capacity()) return "a Unix socket";
  std::memcpy(made.data(), at.data(), at.size());
  return (std::ostringstream() << made).str();
}

}  // namespace

void run(const options& asked) {
  const auto who = authentication::load(asked.identity);
  const kw::endpoint_log to_log = [](const kw::endpoint_event& event) { log(event.text()); };
  const auto at = endpoint::create(who,
                                   rules(kw::admit::network_acl(asked.networks),
                                         kw::admit::connection_rate(asked.rate),
                                         kw::admit::concurrent_connections(asked.open)),
                                   {kw::endpoint_state::started, to_log})
                      .value();
  asio::io_context traffic(1);
  std::optional<listener> secure;
  std::optional<plain_acceptor> local;
  if (asked.command == "accept") {
    const auto service = plaintext_place(asked.target, asked.plaintext_on_the_network);
    const auto [host, port] = split(asked.listen);
    const tcp::endpoint place = *tcp::resolver(traffic).resolve(host, port, tcp::resolver::passive);
    secure = listener::open(traffic.get_executor(), at, place,
                            [&traffic, service](listener::stream peer) {
                              spawn(traffic, to_the_service(std::move(peer), service));
                            },
                            {patience})
                 .value();
  } else {
    local = listen_locally(traffic, asked);
    asio::co_spawn(traffic, take_local(traffic, at, asked, *local), asio::detached);
  }

  // Decrypting private keys takes a while: not on the thread that carries traffic.
  asio::thread_pool background(1);
  asio::signal_set hangups(traffic, SIGHUP);
  std::function<void(const boost::system::error_code&, int)> reload =
      [&](const boost::system::error_code& cancelled, int) {
        if (cancelled) return;
        hangups.async_wait(reload);
        asio::post(background, [&] {
          try {
            who.reload(asked.identity);
            const auto ended = at.drop_unpermitted();
            log("reloaded; sessions ended: " + std::to_string(ended));
          } catch (const std::exception& why) {
            log(std::string("not reloaded, all stays as it was: ") + why.what());
          }
        });
      };
  hangups.async_wait(reload);
  asio::signal_set ends(traffic, SIGTERM, SIGINT);
  ends.async_wait([&](const boost::system::error_code&, int) { traffic.stop(); });

  log("listening on " +
      text_of(secure ? plain::endpoint(secure->local_address()) : local->local_endpoint()));
  traffic.run();
  secure.reset();
  if (local) local->close();
  hangups.cancel();
  at.drop_all();  // each peer is told
  traffic.restart();
  traffic.run_for(2s);
  if (asked.listen.starts_with("unix:")) ::unlink(asked.listen.c_str() + 5);
  log("ended");
}

}  // namespace tunnel
