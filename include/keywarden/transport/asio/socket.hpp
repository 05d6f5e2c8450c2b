/// @file
/// The concept of what a stream sits on: a connected socket of Asio.
#pragma once

#include <concepts>
#include <cstddef>

#include <boost/asio/buffer.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/system/error_code.hpp>

namespace keywarden::transport {

namespace detail {

/// A completion handler to ask the compiler with.
struct io_handler {
  void operator()(boost::system::error_code /*outcome*/, std::size_t /*size*/) const {}
};

}  // namespace detail

/// A concept matching connected byte streams of Asio that can be closed in halves and at once.
/// Satisfied by `boost::asio::ip::tcp::socket` and `boost::asio::local::stream_protocol::socket`.
///
/// A read and a write may be in flight at once. A cancelled read has taken nothing; a cancelled
/// write has written nothing. `cancel` and `close` end both with
/// `boost::asio::error::operation_aborted`.
template <class T>
concept stream_socket = std::move_constructible<T> &&
    requires(T& in, boost::asio::mutable_buffer room, boost::asio::const_buffer data,
             boost::system::error_code outcome) {
  typename T::executor_type;
  { in.get_executor() } -> std::convertible_to<typename T::executor_type>;
  in.async_read_some(room, detail::io_handler{});
  in.async_write_some(data, detail::io_handler{});
  in.lowest_layer().cancel(outcome);
  in.lowest_layer().close(outcome);
  in.lowest_layer().shutdown(boost::asio::socket_base::shutdown_send, outcome);
};

}  // namespace keywarden::transport
