/// @file
/// An endpoint's listening socket.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <keywarden/endpoint/endpoint.hpp>
#include <keywarden/endpoint/listener_address.hpp>
#include <keywarden/transport/asio/handshake.hpp>

namespace keywarden {

/// How a listener treats those who connect.
struct listener_options {
  /// For a whole handshake, however little the peer sends at a time.
  std::chrono::steady_clock::duration handshake_timeout = std::chrono::seconds(10);
  /// Connections the system may queue (listen's backlog).
  int backlog = boost::asio::socket_base::max_listen_connections;
};

namespace detail {

[[nodiscard]] inline admit::address address_of(const boost::asio::ip::address& from) {
  return from.is_v4() ? admit::address::v4(from.to_v4().to_bytes())
                      : admit::address::v6(from.to_v6().to_bytes());
}
[[nodiscard]] inline boost::asio::ip::address asio_address(const admit::address& from) {
  const auto octets = from.bytes();
  if (!from.is_v4()) return boost::asio::ip::address_v6(octets);
  boost::asio::ip::address_v4::bytes_type last{};
  std::copy(octets.end() - 4, octets.end(), last.begin());
  return boost::asio::ip::address_v4(last);
}

}  // namespace detail

/// Listens while its endpoint's state says so, and hands over the streams of proven peers.
///
/// STARTED: takes connections; who is not admitted is closed at once, before any handshake.
/// STOPPED: the socket is closed. DISABLED: takes connections and answers each with an error. A
/// cheap handle on what runs in `executor`: destroying it stops listening and handing over (a call
/// of the handler that another thread is in goes on); sessions go on. Threads: `set_state` may be
/// called from any; the executor must be a strand, or its context run by one thread, and outlives
/// the endpoint's sessions.
template <class Endpoint>
class listener {
  using tcp = boost::asio::ip::tcp;

 public:
  /// What the handler is given: a TCP socket, and the session on it.
  using stream = transport::stream<typename Endpoint::connection, tcp::socket>;
  /// Takes a proven peer's stream.
  using handler = std::function<void(stream)>;

  /// Listens on an endpoint's own address, now or once it is STARTED or DISABLED. ALL is IPv6 and
  /// IPv4, or IPv4 where the system has no IPv6. Errors: `io_failed` with the system's reason (the
  /// address is in use, or is not this machine's).
  [[nodiscard]] static result<listener> open(boost::asio::any_io_executor executor, Endpoint at,
                                             const listener_address& on, handler take,
                                             listener_options options = {}) {
    if (on.ip())
      return open(std::move(executor), std::move(at),
                  tcp::endpoint(detail::asio_address(*on.ip()), on.port()), std::move(take),
                  options);
    const auto every = has_ipv6(executor) ? tcp::v6() : tcp::v4();
    return open(std::move(executor), std::move(at), tcp::endpoint(every, on.port()),
                std::move(take), options);
  }

  /// The same on any address and port; port 0 is one the system chooses.
  [[nodiscard]] static result<listener> open(boost::asio::any_io_executor executor, Endpoint at,
                                             const tcp::endpoint& on, handler take,
                                             listener_options options = {}) {
    auto made =
        std::make_shared<work>(std::move(executor), std::move(at), on, std::move(take), options);
    if (auto fits = made->follow(); !fits) return fits.error();
    made->watch();
    return listener(std::move(made));
  }

  /// Where it listens; the port that the system chose. Any thread.
  [[nodiscard]] tcp::endpoint local_address() const { return work_->where(); }

  listener(listener&&) noexcept = default;
  listener& operator=(listener&& other) noexcept {
    if (this != &other) {
      stop();
      work_ = std::move(other.work_);
    }
    return *this;
  }
  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;
  ~listener() { stop(); }

 private:
  struct work : std::enable_shared_from_this<work> {
    work(const boost::asio::any_io_executor& executor, Endpoint listens, tcp::endpoint where,
         handler takes, listener_options with)
        : at(std::move(listens)),
          address(std::move(where)),
          take(std::move(takes)),
          options(with),
          acceptor(executor),
          pause(executor) {}

    void watch() {
      auto look = [weak = this->weak_from_this(), executor = acceptor.get_executor()] {
        boost::asio::post(executor, [weak] {
          const auto alive = weak.lock();
          if (alive == nullptr || alive->stopped) return;
          if (auto fits = alive->follow(); !fits)
            alive->at.report({endpoint_event_kind::not_admitted, 0, true,
                              alive->where().address().to_string(), "", fits.error()});
        });
      };
      watcher = at.on_state(look);
      look();  // a change since the socket was opened
    }
    [[nodiscard]] tcp::endpoint where() const {
      const std::scoped_lock held(guard);
      return address;
    }

    /// Opens or closes the socket as the endpoint's state says. Errors: `io_failed`.
    [[nodiscard]] result<void> follow() {
      const bool wanted = at.state() != endpoint_state::stopped;
      boost::system::error_code failed;
      if (!wanted) {
        acceptor.close(failed);
        return done();
      }
      if (acceptor.is_open()) return done();
      acceptor.open(address.protocol(), failed);
      if (!failed && address.protocol() == tcp::v6() && address.address().is_unspecified())
        acceptor.set_option(boost::asio::ip::v6_only(false), failed);
      if (!failed) acceptor.set_option(tcp::acceptor::reuse_address(true), failed);
      if (!failed) acceptor.bind(address, failed);
      if (!failed) acceptor.listen(options.backlog, failed);
      const auto bound = failed ? address : acceptor.local_endpoint(failed);
      if (!failed) {
        const std::scoped_lock held(guard);
        address = bound;
      }
      if (failed) {
        boost::system::error_code ignored;
        acceptor.close(ignored);
        return error(errc::io_failed)
            .with(fact::operation, "listen")
            .with(fact::name,
                  address.address().to_string() + " port " + std::to_string(address.port()))
            .with(fact::reason, failed.message());
      }
      next();
      return done();
    }

    void next() {
      acceptor.async_accept([self = this->shared_from_this()](
                                const boost::system::error_code& failed, tcp::socket socket) {
        if (self->stopped || !self->acceptor.is_open()) return;
        if (!failed) {
          self->receive(std::move(socket));
          return self->next();
        }
        if (failed == boost::asio::error::operation_aborted) return;
        // Out of descriptors or memory: others give some back; try again soon, not at once.
        self->pause.expires_after(std::chrono::milliseconds(100));
        self->pause.async_wait([self](const boost::system::error_code& cancelled) {
          if (!cancelled && !self->stopped && self->acceptor.is_open()) self->next();
        });
      });
    }

    void receive(tcp::socket socket) {
      boost::system::error_code failed;
      const auto from = socket.remote_endpoint(failed);
      if (failed) return;  // it went already
      const auto peer = detail::address_of(from.address());
      const auto now = std::chrono::steady_clock::now();
      auto begun = at.accept(peer, now);
      if (!begun) {
        if (at.state() != endpoint_state::disabled) return;
        // An error is an answer as well: it goes to those whom the rules admit, and counts.
        auto leased = at.admission().admit(peer, now);
        if (leased) answer_with_error(std::move(socket), std::move(*leased));
        return;
      }
      socket.set_option(tcp::no_delay(true), failed);
      transport::async_handshake(
          std::move(socket), std::move(*begun), options.handshake_timeout,
          [self = this->shared_from_this()](result<stream> made) {
            if (made && !self->stopped && self->at.state() == endpoint_state::started)
              self->take(std::move(*made));
          });
    }

    /// An alert, and time to read it: at most a second, and 16 KiB of what the peer says.
    static void answer_with_error(tcp::socket socket, typename Endpoint::permit leased) {
      struct answer {
        answer(tcp::socket taken, typename Endpoint::permit with)
            : socket(std::move(taken)), deadline(socket.get_executor()), permit(std::move(with)) {}
        tcp::socket socket;
        boost::asio::steady_timer deadline;
        [[no_unique_address]] typename Endpoint::permit permit;
        std::array<std::uint8_t, 7> record = refusal_record();
        std::array<std::uint8_t, 1024> ignored{};
        int reads = 0;
        void drain(std::shared_ptr<answer> self) {
          socket.async_read_some(boost::asio::buffer(ignored),
                                 [self](const boost::system::error_code& end, std::size_t) {
                                   if (end || ++self->reads == 16) {
                                     boost::system::error_code closing;
                                     self->socket.close(closing);
                                     self->deadline.cancel();
                                     return;
                                   }
                                   self->drain(self);
                                 });
        }
      };
      auto last = std::make_shared<answer>(std::move(socket), std::move(leased));
      last->deadline.expires_after(std::chrono::seconds(1));
      last->deadline.async_wait([last](const boost::system::error_code& cancelled) {
        boost::system::error_code closing;
        if (!cancelled) last->socket.close(closing);
      });
      boost::asio::async_write(last->socket, boost::asio::buffer(last->record),
                               [last](const boost::system::error_code& failed, std::size_t) {
                                 boost::system::error_code ignored;
                                 last->socket.shutdown(tcp::socket::shutdown_send, ignored);
                                 if (!failed) last->drain(last);
                               });
    }

    Endpoint at;
    tcp::endpoint address;
    handler take;
    listener_options options;
    tcp::acceptor acceptor;
    boost::asio::steady_timer pause;
    std::shared_ptr<const typename Endpoint::state_watcher> watcher;
    mutable std::mutex guard;  // of the address
    std::atomic<bool> stopped = false;
  };
  /// Whether this system can listen on IPv6 at all.
  [[nodiscard]] static bool has_ipv6(const boost::asio::any_io_executor& executor) {
    boost::system::error_code failed;
    tcp::acceptor probe(executor);
    probe.open(tcp::v6(), failed);
    if (!failed) probe.bind(tcp::endpoint(tcp::v6(), 0), failed);
    return !failed;
  }
  explicit listener(std::shared_ptr<work> made) noexcept : work_(std::move(made)) {}

  void stop() {
    if (work_ == nullptr) return;
    work_->stopped = true;
    boost::asio::post(work_->acceptor.get_executor(), [work = work_] {
      boost::system::error_code ignored;
      work->acceptor.close(ignored);
      work->pause.cancel();
    });
    work_.reset();
  }

  std::shared_ptr<work> work_;
};

}  // namespace keywarden
