/// @file
/// Blocking loopback sockets under a sans-I/O connection, with deadlines.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <utility>

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/result.hpp>

namespace keywarden::testing {

/// A TCP socket on loopback that gives up after half a minute.
class wire {
 public:
  wire() = default;
  explicit wire(int handle) noexcept : handle_(handle) {
    const timeval limit{30, 0};
    ::setsockopt(handle_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(handle_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  }
  wire(wire&& other) noexcept : handle_(std::exchange(other.handle_, -1)) {}
  wire& operator=(wire&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  wire(const wire&) = delete;
  wire& operator=(const wire&) = delete;
  ~wire() {
    if (handle_ >= 0) ::close(handle_);
  }

  /// Listens on a free port.
  [[nodiscard]] static wire listen() {
    wire made(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in at = loopback(0);
    ::bind(made.handle_, reinterpret_cast<sockaddr*>(&at), sizeof at);
    ::listen(made.handle_, 8);
    return made;
  }
  [[nodiscard]] static wire connect(std::uint16_t port) {
    wire made(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in at = loopback(port);
    if (::connect(made.handle_, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) return {};
    return made;
  }
  [[nodiscard]] wire accept() const {
    pollfd ready{handle_, POLLIN, 0};
    if (::poll(&ready, 1, 30000) <= 0) return {};
    return wire(::accept4(handle_, nullptr, nullptr, SOCK_CLOEXEC));
  }
  [[nodiscard]] std::uint16_t port() const {
    sockaddr_in at{};
    socklen_t size = sizeof at;
    ::getsockname(handle_, reinterpret_cast<sockaddr*>(&at), &size);
    return ntohs(at.sin_port);
  }
  [[nodiscard]] explicit operator bool() const noexcept { return handle_ >= 0; }

  void write(bytes_view data) const {
    while (!data.empty()) {
      const auto sent = ::send(handle_, data.data(), data.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      data = data.subspan(static_cast<std::size_t>(sent));
    }
  }
  /// Empty at the end.
  [[nodiscard]] bytes read() const {
    bytes block(16384);
    const auto got = ::recv(handle_, block.data(), block.size(), 0);
    block.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return block;
  }
  /// Says that nothing more comes, and waits until the peer says so too: what was written arrives.
  void finish() const {
    ::shutdown(handle_, SHUT_WR);
    while (!read().empty()) {
    }
  }

 private:
  [[nodiscard]] static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return at;
  }
  int handle_ = -1;
};

/// Writes all that is outgoing.
template <class Connection>
void flush(const wire& over, Connection& of) {
  while (!of.outgoing().empty()) {
    const auto count = of.outgoing().size();
    over.write(of.outgoing());
    of.sent(count);
  }
}

/// Brings a handshake to its end over a socket.
template <class Handshake>
[[nodiscard]] auto shake_hands(const wire& over, Handshake handshake)
    -> decltype(std::move(handshake).finish()) {
  flush(over, handshake);
  while (!handshake.finished()) {
    const auto data = over.read();
    if (data.empty()) return error(errc::truncated).with(fact::operation, "handshake");
    const auto fate = handshake.receive(data);
    flush(over, handshake);
    if (!fate) {
      over.finish();
      return fate.error();
    }
  }
  return std::move(handshake).finish();
}

/// Reads until so many bytes, or the end, or a refusal.
template <class Session>
[[nodiscard]] result<bytes> hear(const wire& over, Session& in, std::size_t count) {
  while (in.received().size() < count && !in.peer_closed()) {
    const auto data = over.read();
    if (data.empty()) break;
    const auto fate = in.receive(data);
    flush(over, in);
    if (!fate) return fate.error();
  }
  auto made = to_bytes(in.received());
  in.consume(made.size());
  return made;
}

}  // namespace keywarden::testing
