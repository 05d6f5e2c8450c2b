/// @file
/// Between a secure stream and a plain socket: what one says, the other hears.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "log.hpp"
#include "options.hpp"

namespace tunnel {

namespace asio = boost::asio;

/// The end of one direction; the other goes on.
inline asio::awaitable<void> say_goodbye(plain::socket& to) {
  to.shutdown(plain::socket::shutdown_send);
  co_return;
}
template <class Secure>
asio::awaitable<void> say_goodbye(Secure& to) {
  co_await to.async_shutdown(asio::use_awaitable);
}

/// One direction, until its end. Reads no more than has been written: who does not take data makes
/// the other end wait. Throws `system_error` for any end but a goodbye.
template <class From, class To>
asio::awaitable<void> copy(From& from, To& to) {
  std::array<std::uint8_t, 16384> block;  // one TLS record
  for (;;) {
    const auto [end, size] =
        co_await from.async_read_some(asio::buffer(block), asio::as_tuple(asio::use_awaitable));
    if (end == asio::error::eof) break;
    if (end) throw boost::system::system_error(end);
    co_await asio::async_write(to, asio::buffer(block, size), asio::use_awaitable);
  }
  co_await say_goodbye(to);
}

template <class Secure>
asio::awaitable<void> both_ways(Secure& secure, plain::socket& local) {
  using asio::experimental::awaitable_operators::operator&&;
  try {
    co_await (copy(secure, local) && copy(local, secure));
  } catch (const asio::multiple_exceptions& both) {
    std::rethrow_exception(both.first_exception());
  }
}

/// Closed in this state, a connection is reset (over a Unix socket it ends): nobody takes a part of
/// the data for the whole, whatever ends this program.
inline void reset_when_closed(plain::socket& local, bool reset) {
  const struct ::linger choice { reset ? 1 : 0, 0 };  // behind Asio's back: its destructors undo it
  ::setsockopt(local.native_handle(), SOL_SOCKET, SO_LINGER, &choice, sizeof choice);
}

/// Both directions at once. Where one breaks, both do: neither end sees a goodbye.
template <class Secure>
asio::awaitable<void> relay(Secure secure, plain::socket local) {
  try {
    co_await both_ways(secure, local);
    reset_when_closed(local, false);
  } catch (const boost::system::system_error& broken) {
    const auto& why = secure.refusal();
    log("broken off: " + (why.code() == kw::errc::none ? broken.code().message() : why.message()));
  }
}

}  // namespace tunnel
