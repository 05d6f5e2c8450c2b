// The concept stream_socket: an archetype that satisfies it, and for each requirement a type that
// lacks only that. That a stream comes only of a handshake, and what kind of type it is.

#include <keywarden/transport/asio/handshake.hpp>

#include <concepts>
#include <type_traits>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <keywarden/transport/session.hpp>

namespace static_asio {

namespace kw = keywarden;
namespace net = boost::asio;
namespace transport = kw::transport;
using boost::system::error_code;
using transport::stream_socket;

static_assert(stream_socket<net::ip::tcp::socket>);
static_assert(stream_socket<net::local::stream_protocol::socket>);
static_assert(!stream_socket<net::ip::tcp::acceptor>);
static_assert(!stream_socket<int>);

struct lowest {
  void cancel(error_code&);
  void close(error_code&);
  void shutdown(net::socket_base::shutdown_type, error_code&);
};
struct archetype {
  using executor_type = net::io_context::executor_type;
  executor_type get_executor();
  void async_read_some(net::mutable_buffer, transport::detail::io_handler);
  void async_write_some(net::const_buffer, transport::detail::io_handler);
  lowest& lowest_layer();
};
static_assert(stream_socket<archetype>);

struct without_executor_type {
  net::io_context::executor_type get_executor();
  void async_read_some(net::mutable_buffer, transport::detail::io_handler);
  void async_write_some(net::const_buffer, transport::detail::io_handler);
  lowest& lowest_layer();
};
struct without_executor : archetype {
  void get_executor();
};
struct that_cannot_be_read : archetype {
  void async_read_some();
};
struct that_cannot_be_written : archetype {
  void async_write_some();
};
struct fixed : archetype {
  fixed(fixed&&) = delete;
};
struct without_lowest_layer : archetype {
  void lowest_layer();
};
template <class Lowest>
struct on : archetype {
  Lowest& lowest_layer();
};
struct without_cancel : lowest {
  void cancel();
};
struct without_close : lowest {
  void close();
};
struct without_halves : lowest {
  void shutdown(error_code&);
};
static_assert(stream_socket<on<lowest>>);
static_assert(!stream_socket<without_executor_type>);
static_assert(!stream_socket<without_executor>);
static_assert(!stream_socket<that_cannot_be_read>);
static_assert(!stream_socket<that_cannot_be_written>);
static_assert(!stream_socket<fixed>);
static_assert(!stream_socket<without_lowest_layer>);
static_assert(!stream_socket<on<without_cancel>>);
static_assert(!stream_socket<on<without_close>>);
static_assert(!stream_socket<on<without_halves>>);

// A stream comes of a handshake, never of a socket and whatever session, and there is one of it.
using stream = transport::stream_of<transport::handshake>;
static_assert(std::same_as<stream, transport::stream<transport::session, net::ip::tcp::socket>>);
static_assert(!std::default_initializable<stream>);
static_assert(!std::constructible_from<stream, net::ip::tcp::socket, transport::session>);
static_assert(!std::constructible_from<stream, net::ip::tcp::socket>);
static_assert(!std::copyable<stream> && std::movable<stream>);
static_assert(std::is_nothrow_move_constructible_v<stream>);
static_assert(sizeof(stream) == sizeof(std::shared_ptr<int>));

// Its layers, as Asio's and Beast's algorithms ask for them. The session is there to look at only.
static_assert(std::same_as<stream::next_layer_type, net::ip::tcp::socket>);
static_assert(std::same_as<stream::lowest_layer_type, net::ip::tcp::socket::lowest_layer_type>);
static_assert(std::same_as<stream::executor_type, net::any_io_executor>);
static_assert(std::same_as<decltype(std::declval<stream&>().session()), const transport::session&>);

// Refusals are error codes, and never conditions of somebody else's.
static_assert(std::convertible_to<kw::errc, error_code>);
static_assert(!std::convertible_to<error_code, kw::errc>);

}  // namespace static_asio
