/// @file
/// From a connected socket and a handshake to a stream.
#pragma once

#include <chrono>
#include <utility>

#include <keywarden/transport/asio/handshake_op.hpp>
#include <keywarden/transport/asio/stream.hpp>

namespace keywarden::transport {

/// The stream that a handshake over a socket yields.
template <secure_handshake Handshake, stream_socket NextLayer = boost::asio::ip::tcp::socket>
using stream_of =
    stream<typename decltype(std::declval<Handshake>().finish())::value_type, NextLayer>;

/// Completes with what a handshake over `socket` yields: `void(result<stream_of<Handshake>>)`.
///
/// `timeout` is for the whole handshake, however little the peer sends at a time. A refused peer is
/// told, and given the rest of the timeout, at most one second, to read that; then the socket is
/// closed. A connector's handshake completes before the acceptor has judged it: that it was refused
/// shows with the first read.
///
/// Cancellation (terminal or partial) closes the socket. Errors: those of `handshake::receive`;
/// `timed_out`; `truncated` when the peer goes away; `io_failed`; `connection_closed` when
/// cancelled. Threads: as the stream.
template <secure_handshake Handshake, stream_socket NextLayer, class CompletionToken>
auto async_handshake(NextLayer socket, Handshake handshake,
                     std::chrono::steady_clock::duration timeout, CompletionToken&& token) {
  using made = stream_of<Handshake, NextLayer>;
  const auto executor = socket.get_executor();
  return boost::asio::async_compose<CompletionToken, void(result<made>)>(
      detail::handshake_op<NextLayer, Handshake, made>(std::move(socket), std::move(handshake),
                                                       timeout),
      token, executor);
}

}  // namespace keywarden::transport
