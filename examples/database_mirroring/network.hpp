/// @file
/// Connects an instance's state machine with those of the others.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <keywarden/endpoint/listener.hpp>
#include <keywarden/transport/asio/handshake.hpp>

#include "instance.hpp"
#include "messages.hpp"
#include "witness.hpp"

namespace mirroring {

namespace asio = boost::asio;
using boost::system::error_code;

/// What ends a coroutine that was spawned: an exception (a disk that fails) ends the program.
inline void end_program(const std::exception_ptr& thrown) {
  if (thrown) std::rethrow_exception(thrown);
}

/// Keeps one connection to each other instance, and carries messages between them and `Machine`: a
/// `partner` or the `witness`. One thread. Who calls whom is fixed, so that two never call each
/// other at once: partners call the witness, and HOST_B calls HOST_A.
template <class Machine>
class network {
 public:
  /// `told` is called after everything that happened to the machine.
  network(asio::io_context& in, node self, const home& of, Machine& machine,
          std::function<void()> told, kw::endpoint_log log)
      : io_(in),
        self_(self),
        ports_(read_addresses(of)),
        opened_(open_endpoint(of, std::move(log))),
        machine_(machine),
        told_(std::move(told)),
        listening_(kw::listener<mirroring_endpoint>::open(
                       io_.get_executor(), opened_.endpoint, opened_.address,
                       [this](accepted stream) { take(std::move(stream)); })
                       .value()) {
    for (const auto peer : nodes)
      if (calls(self_, peer)) asio::co_spawn(io_, call(peer), end_program);
    if constexpr (requires { machine_.timeout(); }) asio::co_spawn(io_, tick(), end_program);
  }

  /// Sends what the machine has to say: to be called after everything that happens to it.
  void flush() {
    for (auto& each : machine_.take_outgoing())
      if (const auto& to = links_.at(index(each.to))) {
        kw::append(to->queue, encode(std::move(each.what)));
        to->wake.cancel();
      }
    told_();
  }

 private:
  using tcp = asio::ip::tcp;
  using accepted = kw::listener<mirroring_endpoint>::stream;
  using called = kw::transport::stream<mirroring_endpoint::outgoing_connection, tcp::socket>;

  static constexpr auto sign_of_life = std::chrono::milliseconds(250);
  static constexpr auto silence = std::chrono::seconds(3);  ///< after it, the peer is gone
  static constexpr auto call_again = std::chrono::milliseconds(50);
  static constexpr auto ask_again = std::chrono::milliseconds(100);

  /// A connection, whoever opened it.
  struct link {
    link(asio::io_context& in, node other) : peer(other), wake(in) {}
    link(const link&) = delete;
    link& operator=(const link&) = delete;
    virtual ~link() = default;
    virtual void cut() = 0;

    node peer;
    bytes queue;  ///< what is to be sent; bounded by the principal's window
    bytes received;
    std::array<std::uint8_t, 16384> room{};
    asio::steady_timer wake;
    bool over = false;
  };
  template <class Stream>
  struct link_on final : link {
    link_on(asio::io_context& in, node other, Stream connected)
        : link(in, other), stream(std::move(connected)) {}
    void cut() override {
      this->over = true;
      this->wake.cancel();
      stream.cancel();
    }
    Stream stream;
  };

  static constexpr std::size_t index(node which) { return static_cast<std::size_t>(which); }
  static constexpr bool calls(node from, node to) {
    return from != node::witness && (to == node::witness || to < from);
  }

  void take(accepted stream) {
    for (const auto peer : nodes)
      if (calls(peer, self_) && stream.session().peer().login == login_of(peer))
        return attach(peer, std::move(stream));
  }
  template <class Stream>
  void attach(node peer, Stream stream) {
    end(links_.at(index(peer)));  // the peer has begun anew, so the old one is over
    stream.expires_after(silence);
    auto made = std::make_shared<link_on<Stream>>(io_, peer, std::move(stream));
    links_.at(index(peer)) = made;
    asio::co_spawn(io_, receive_on(made), end_program);
    asio::co_spawn(io_, send_on(made), end_program);
    machine_.connected(peer);
    flush();
  }
  void end(std::shared_ptr<link> which) {
    if (which == nullptr || which->over) return;
    which->cut();
    links_.at(index(which->peer)).reset();
    machine_.disconnected(which->peer);
    flush();
  }

  asio::awaitable<void> call(node peer) {
    asio::steady_timer pause(io_);
    error_code failed;
    for (;;) {
      if (links_.at(index(peer)) == nullptr) co_await try_to_call(peer);
      pause.expires_after(call_again);
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, failed));
    }
  }
  asio::awaitable<void> try_to_call(node peer) {
    error_code failed;
    tcp::socket socket(io_);
    const tcp::endpoint at(asio::ip::address_v4::loopback(), ports_.at(index(peer)));
    co_await socket.async_connect(at, asio::redirect_error(asio::use_awaitable, failed));
    if (failed) co_return;
    socket.set_option(tcp::no_delay(true), failed);
    // Whoever answers must be the one who was called, not merely somebody known.
    auto begun = opened_.endpoint.connect(std::string(name_of(peer)), std::string(login_of(peer)));
    if (!begun) co_return;
    auto made = co_await kw::transport::async_handshake(std::move(socket), std::move(*begun),
                                                        silence, asio::use_awaitable);
    if (made) attach(peer, called(std::move(*made)));
  }

  template <class Stream>
  asio::awaitable<void> receive_on(std::shared_ptr<link_on<Stream>> on) {
    error_code failed;
    while (!on->over) {
      const std::size_t size = co_await on->stream.async_read_some(
          asio::buffer(on->room), asio::redirect_error(asio::use_awaitable, failed));
      if (failed || on->over) break;
      kw::append(on->received, bytes_view(on->room).first(size));
      if (!hand_over(*on)) break;
    }
    end(on);
  }
  /// Everything that is complete. False when the peer says what it must not.
  bool hand_over(link& from) {
    std::size_t used = 0;
    for (;;) {
      auto next = decode(bytes_view(from.received).subspan(used));
      if (!next) return false;
      if (!*next) break;
      used += (*next)->size;
      if (std::holds_alternative<alive>((*next)->what)) continue;
      const auto fate = machine_.received(from.peer, (*next)->what);
      flush();
      if (!fate) return false;
    }
    from.received.erase(from.received.begin(),
                        from.received.begin() + static_cast<std::ptrdiff_t>(used));
    return true;
  }

  template <class Stream>
  asio::awaitable<void> send_on(std::shared_ptr<link_on<Stream>> on) {
    error_code failed;
    bytes part;
    while (!on->over) {
      if (on->queue.empty()) {
        on->wake.expires_after(sign_of_life);
        co_await on->wake.async_wait(asio::redirect_error(asio::use_awaitable, failed));
        if (on->over) break;
        if (on->queue.empty()) on->queue = encode(alive{});
      }
      part.clear();
      part.swap(on->queue);
      co_await asio::async_write(on->stream, asio::buffer(part),
                                 asio::redirect_error(asio::use_awaitable, failed));
      if (failed) break;
    }
    end(on);
  }

  asio::awaitable<void> tick() {
    asio::steady_timer pause(io_);
    error_code failed;
    for (;;) {
      pause.expires_after(ask_again);
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, failed));
      machine_.timeout();
      flush();
    }
  }

  asio::io_context& io_;
  node self_;
  addresses ports_;
  opened_endpoint opened_;
  Machine& machine_;
  std::function<void()> told_;
  std::array<std::shared_ptr<link>, 3> links_;
  kw::listener<mirroring_endpoint> listening_;
};

}  // namespace mirroring
