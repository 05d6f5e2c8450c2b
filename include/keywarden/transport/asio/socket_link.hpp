/// @file
/// What the operations on one connection share: its socket, its buffers, its deadlines, its end.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include <keywarden/core/bytes.hpp>
#include <keywarden/transport/asio/error_code.hpp>
#include <keywarden/transport/asio/socket.hpp>

namespace keywarden::transport::detail {

namespace net = boost::asio;
using boost::system::error_code;
using steady = std::chrono::steady_clock;

/// How much is read from a socket at a time, and how much plaintext one write takes.
inline constexpr std::size_t part_size = 16384;
/// One part, encrypted; what is left over goes with the next write to the socket.
inline constexpr std::size_t output_size = part_size + 1024;
/// What a peer may make a reader owe it (replies to key updates) before it is refused.
inline constexpr std::size_t max_owed = 131072;
/// How long, and for how many bytes, a refused peer is listened to so that it reads the alert.
inline constexpr steady::duration farewell_time = std::chrono::seconds(1);
inline constexpr std::size_t farewell_size = 65536;
/// Longer durations mean this: nothing may overflow.
inline constexpr steady::duration longest_time = std::chrono::hours(24 * 365);

/// Whether a socket ended as it does when the peer is gone.
[[nodiscard]] inline bool is_cut_off(const error_code& outcome) {
  return outcome == net::error::eof || outcome == net::error::connection_reset ||
         outcome == net::error::connection_aborted || outcome == net::error::broken_pipe;
}

/// What went wrong with the socket itself, in our words.
[[nodiscard]] inline error socket_error(const error_code& outcome, std::string_view operation) {
  if (is_cut_off(outcome))
    return error(errc::truncated)
        .with(fact::operation, operation)
        .with(fact::reason, "the connection ended without the peer's goodbye");
  return error(errc::io_failed)
      .with(fact::operation, operation)
      .with(fact::reason, outcome.message());
}

/// The one operation of a kind that may be in flight, and its deadline.
template <class Executor>
struct lane {
  lane(const Executor& executor, std::string_view operation) : name(operation), timer(executor) {}

  /// Begins to be busy.
  void enter() noexcept {
    busy = true;
    cancelled = false;
  }
  /// Is not busy any more, and has no deadline.
  void leave() {
    busy = false;
    disarm();
  }
  void disarm() {
    ++turn;
    timer.cancel();
  }

  std::string_view name;
  bool busy = false;
  bool cancelled = false;  // by `cancel()`, which may find the operation between two steps
  std::uint64_t turn = 0;  // a wait that was already over when it was cancelled knows by this
  net::basic_waitable_timer<steady, net::wait_traits<steady>, Executor> timer;
};

/// A socket and what its operations share. Used by one thread (or strand) at a time.
template <stream_socket Socket>
struct socket_link {
  using link_type = socket_link;
  using executor_type = typename Socket::executor_type;
  using lane_type = lane<executor_type>;

  explicit socket_link(Socket connected, std::string_view first_lane = "read")
      : socket(std::move(connected)),
        reading(socket.get_executor(), first_lane),
        writing(socket.get_executor(), "write") {}

  /// The end of both directions; the first end stays.
  void end(error why) {
    if (read_end) return;
    read_end = write_end = make_error_code(why.code());
    refusal = std::move(why);
  }
  /// The end after which the peer is still owed an alert: the operation in flight sends it, else
  /// the next one.
  void end_with_alert(error why) {
    if (read_end) return;
    alert_waits = true;
    end(std::move(why));
  }
  /// The end of writing alone: what the peer said before it went can still be read.
  void end_writing(const error_code& outcome) {
    if (write_end) return;
    write_end = outcome;
    refusal = socket_error(outcome, writing.name);
  }
  void close() {
    error_code ignored;
    socket.lowest_layer().close(ignored);
  }
  void cancel() {
    reading.cancelled = writing.cancelled = true;
    interrupt();
  }
  /// Makes operations in flight look around; they go on if there is no reason to end.
  void interrupt() {
    error_code ignored;
    socket.lowest_layer().cancel(ignored);
  }

  /// Whether something is to be written. What is in flight is copied out of the machine, which may
  /// add to its own queue meanwhile.
  template <class Machine>
  [[nodiscard]] bool refill(Machine& from) {
    if (output_start < output.size()) return true;
    const auto waiting = from.outgoing();
    const auto next = waiting.first(std::min(waiting.size(), output_size));
    output.assign(next.begin(), next.end());
    output_start = 0;
    from.sent(next.size());
    return !output.empty();
  }
  [[nodiscard]] net::const_buffer unsent() const noexcept {
    return net::buffer(output.data() + output_start, output.size() - output_start);
  }
  [[nodiscard]] bytes_view came(std::size_t count) const noexcept {
    return bytes_view(*input).first(count);
  }

  Socket socket;
  std::unique_ptr<std::array<std::uint8_t, part_size>> input =
      std::make_unique<std::array<std::uint8_t, part_size>>();
  bytes output;
  std::size_t output_start = 0;
  error_code read_end;   // set: nothing more will be read
  error_code write_end;  // set: nothing more will be written
  error refusal;
  bool alert_waits = false;
  lane_type reading;
  lane_type writing;
};

/// The one maker of streams.
struct link_access {
  template <class Stream>
  [[nodiscard]] static Stream make(typename Stream::next_layer_type socket,
                                   typename Stream::session_type session) {
    return Stream(std::move(socket), std::move(session));
  }
};

/// Which of a link's lanes.
template <class Link>
using lane_of = typename Link::lane_type Link::link_type::*;

/// Gives an operation its deadline, replacing the one it had: when it passes, the link ends as
/// `timed_out` and its socket closes. The wait runs where the operation does.
template <class Link, class Executor>
void arm(const std::shared_ptr<Link>& of, lane_of<Link> which, steady::duration allowed,
         const Executor& where) {
  auto& lane = (*of).*which;
  lane.disarm();
  lane.timer.expires_after(std::min(allowed, longest_time));
  lane.timer.async_wait(net::bind_executor(
      where, [weak = std::weak_ptr(of), which, turn = lane.turn](const error_code&) {
        const auto alive = weak.lock();
        if (alive == nullptr || ((*alive).*which).turn != turn) return;
        alive->end(
            error(errc::timed_out).with(fact::operation, std::string_view(((*alive).*which).name)));
        alive->close();
      }));
}

}  // namespace keywarden::transport::detail
