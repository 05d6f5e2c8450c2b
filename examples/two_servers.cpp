// Two servers that let each other in by certificate, and a stranger that is refused. Three vaults
// in the working directory play three machines. Exits with 0 only if that is what happened.

//[two_servers_includes
#include <array>
#include <chrono>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio.hpp>

#include <keywarden/endpoint/listener.hpp>  // sockets: component asio
#include <keywarden/endpoints.hpp>          // certificates, set-up, endpoints
#include <keywarden/keywarden.hpp>          // keys, vaults, stores
#include <keywarden/store/sqlite.hpp>       // component sqlite
namespace kw = keywarden;
namespace asio = boost::asio;
//]

//[two_servers_parts
using policy = kw::standard_policy<kw::store::sqlite>;
using vault = kw::vault<policy>;

struct host_a {
  static constexpr std::string_view name = "HOST_A";
};
struct host_b {
  static constexpr std::string_view name = "HOST_B";
};
struct stranger {
  static constexpr std::string_view name = "STRANGER";
};

using partner_endpoint =
    kw::endpoint<kw::auth::certificate<kw::trust::pinned>,  // the one form of authentication
                 kw::transport::tls13<>,                    // encrypted, always
                 kw::admit::all_of<kw::admit::network_acl, kw::admit::connection_rate>>;
//]

//[two_servers_outbound
template <class Of>
kw::object_name called(const char* what) {
  return kw::object_name::parse(std::string(Of::name) + what).value();
}

template <class Self, class Peer>
auto outbound(kw::listener_address address) {
  using session = kw::mirroring_session<kw::partner<Self>, kw::partner<Peer>>;
  const std::string name(Self::name);
  const policy::service_key ways_in(kw::protect::account(name + ".account"),
                                    kw::protect::machine(name + ".machine"));
  const auto in =
      vault::open_or_create(kw::store::sqlite::open(name + ".db").value(), ways_in).value();
  return kw::set_up_endpoint<session, Self>(in)
      .create_master_key(kw::password("Kept in 1 safe place"))
      .value()
      .create_certificate(called<Self>("_cert"), {.subject = name + " certificate"})
      .value()
      .create_endpoint({.name = "Endpoint_Mirroring",
                        .listener = address,
                        .role = kw::endpoint_role::partner,
                        .owner = "administrator"})
      .value()
      .export_certificate(name + ".cer")
      .value();
}
//]

//[two_servers_inbound
template <class Peer, class Outbound>
kw::mirroring_configuration inbound(const Outbound& configured,
                                    const kw::pki::fingerprint& read_out) {
  return configured.template configure_inbound<Peer>()
      .create_login(called<Peer>("_login"))
      .value()
      .create_user(called<Peer>("_user"))
      .value()
      .obtain_certificate(std::string(Peer::name) + ".cer", read_out)
      .value()
      .associate_certificate(called<Peer>("_cert"))
      .value()
      .grant_connect()
      .value()
      .start()
      .value();
}
//]

//[two_servers_endpoint
partner_endpoint compose(std::string_view name, const kw::mirroring_configuration& ready) {
  const kw::admit::network loopback("127.0.0.0/8");
  const kw::admit::all_of admission(kw::admit::network_acl({kw::admit::permit(loopback)}),
                                    kw::admit::connection_rate());
  const auto log = [name](const kw::endpoint_event& happened) {
    std::cout << name << ": " << happened.text() << '\n';
  };
  return partner_endpoint::create(ready.authentication(), admission,
                                  {.state = ready.definition.state, .log = log})
      .value();
}
//]

//[two_servers_talk
constexpr auto quietly = asio::as_tuple(asio::use_awaitable);

asio::awaitable<void> answer(kw::listener<partner_endpoint>::stream peer) {
  std::array<char, 64> line{};
  const auto [problem, size] = co_await peer.async_read_some(asio::buffer(line), quietly);
  if (!problem) co_await asio::async_write(peer, asio::buffer(line, size), quietly);
  co_await peer.async_shutdown(quietly);
}

asio::awaitable<kw::errc> greet(partner_endpoint from, asio::ip::tcp::endpoint at) {
  asio::ip::tcp::socket socket(co_await asio::this_coro::executor);
  co_await socket.async_connect(at, asio::use_awaitable);
  auto peer = co_await kw::transport::async_handshake(
      std::move(socket), from.connect("host_b", "HOST_B_login").value(), std::chrono::seconds(10),
      asio::use_awaitable);
  if (!peer) {
    std::cout << "refused: " << peer.error().message() << '\n';
    co_return peer.error().code();
  }
  std::array<char, 64> line{};
  co_await asio::async_write(*peer, asio::buffer(std::string_view("Is anybody there?")), quietly);
  const auto [problem, size] = co_await peer->async_read_some(asio::buffer(line), quietly);
  if (problem)  // the acceptor judges last: its refusal comes with the first read
    std::cout << "refused: " << peer->refusal().message() << '\n';
  else
    std::cout << "answered: " << std::string_view(line.data(), size) << '\n';
  co_return peer->refusal().code();
}

asio::awaitable<bool> visits(partner_endpoint known, partner_endpoint unknown,
                             asio::ip::tcp::endpoint at) {
  const auto to_known = co_await greet(known, at);
  const auto to_unknown = co_await greet(unknown, at);
  const bool as_meant = to_known == kw::errc::none && to_unknown == kw::errc::refused_by_peer;
  co_return as_meant;
}
//]

//[two_servers_main
int main() {
  const auto outbound_a = outbound<host_a, host_b>(kw::listener_address(7024));
  const auto outbound_b = outbound<host_b, host_a>(kw::listener_address(7025));
  const auto outbound_s = outbound<stranger, host_b>(kw::listener_address(7026));

  // On machines of their own, the .cer files are copied, and people read the fingerprints out.
  const auto of_a = outbound_a.certificate().fingerprint();
  const auto of_b = outbound_b.certificate().fingerprint();
  const auto a = compose(host_a::name, inbound<host_b>(outbound_a, of_b));
  const auto b = compose(host_b::name, inbound<host_a>(outbound_b, of_a));
  // The stranger knows HOST_B, but HOST_B was never told to let it in.
  const auto s = compose(stranger::name, inbound<host_b>(outbound_s, of_b));

  asio::io_context io;
  const auto take = [&io](kw::listener<partner_endpoint>::stream peer) {
    asio::co_spawn(io, answer(std::move(peer)), asio::detached);
  };
  const asio::ip::tcp::endpoint any_port(asio::ip::address_v4::loopback(), 0);
  const auto listening =
      kw::listener<partner_endpoint>::open(io.get_executor(), b, any_port, take).value();

  bool as_meant = false;
  asio::co_spawn(io, visits(a, s, listening.local_address()),
                 [&](const std::exception_ptr& problem, bool good) {
                   as_meant = !problem && good;
                   io.stop();
                 });
  io.run();
  return as_meant ? 0 : 1;
}
//]
