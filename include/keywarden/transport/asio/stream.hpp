/// @file
/// A connection of Boost.Asio whose peer is known.
#pragma once

#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include <boost/asio/ip/tcp.hpp>

#include <keywarden/transport/asio/read_op.hpp>
#include <keywarden/transport/asio/write_op.hpp>

namespace keywarden::transport {

/// A connected socket and the session on it: an AsyncReadStream and AsyncWriteStream of Asio. There
/// is no way to make one but `async_handshake`, and so none to exchange data with a stranger.
///
/// Protects: as the session does (see there). A peer that stops reading or sending is cut off by
/// `expires_after`; without it, never.
///
/// Operations: at most one read and one write (or shutdown) may be in flight; a second of its kind
/// is refused as `errc::invalid_argument` and does not disturb the first. Reads take at most 16 KiB
/// from the socket at a time, writes at most 16 KiB of the caller's data, so that nothing piles up:
/// a write completes when the socket has taken all of its ciphertext. Reading never writes, except
/// the alert of a refusal; what the peer asks for (new keys) is answered by the next write.
///
/// Cancellation, by slot or by `cancel`, leaves the stream usable. A read (any type) has lost
/// nothing. A write cancelled as `total` has written nothing, or goes on; as `partial` or
/// `terminal` it completes with `operation_aborted` and the size of what it took, which is sent,
/// first, by the next write or shutdown: go on after it. Asio's `async_write` counts it so.
///
/// Errors of operations are `error_code`s: `errc` for refusals (its facts are in `refusal()`),
/// `boost::asio::error` for cancellation and the clean end (`eof`, only after the peer said
/// goodbye), the system's for a socket that does not take what is written. `errc::truncated` when
/// the connection ends without goodbye. After a refusal the peer is told (for at most a second),
/// the socket is closed, and every operation fails with the same code.
///
/// Ownership: move-only, also with operations in flight. The destructor closes at once, which the
/// peer sees as truncation (`async_shutdown` is the polite way); operations in flight complete with
/// `operation_aborted`. A moved-from stream may only be assigned to or destroyed.
///
/// Threads: one at a time. With several threads in one context make the socket on a strand, and let
/// the handlers of both operations run there.
///
/// @code
/// boost::asio::awaitable<void> echo(tcp::socket socket, context& tls) {
///   auto made = co_await kw::transport::async_handshake(
///       std::move(socket), tls.accept().value(), std::chrono::seconds(10), use_awaitable);
///   if (!made) co_return log(made.error());  // told apart here, alike for the peer
///   made->expires_after(std::chrono::minutes(1));
///   std::array<char, 4096> data;
///   for (;;) {
///     auto [end, size] = co_await made->async_read_some(buffer(data), as_tuple(use_awaitable));
///     if (end == boost::asio::error::eof) break;
///     if (end) co_return log(made->refusal());
///     co_await async_write(*made, buffer(data, size), use_awaitable);
///   }
///   co_await made->async_shutdown(use_awaitable);
/// }
/// @endcode
template <secure_session Session, stream_socket NextLayer = boost::asio::ip::tcp::socket>
class stream {
  using state = detail::session_link<NextLayer, Session>;

 public:
  /// What protects the connection.
  using session_type = Session;
  /// What carries it.
  using next_layer_type = NextLayer;
  /// The socket below all layers, as Asio names it.
  using lowest_layer_type =
      std::remove_reference_t<decltype(std::declval<NextLayer&>().lowest_layer())>;
  /// Where handlers run unless they say otherwise: the socket's own.
  using executor_type = typename NextLayer::executor_type;
  /// The completion token of operations that are given none.
  using default_token = typename boost::asio::default_completion_token<executor_type>::type;

  stream(stream&&) noexcept = default;
  stream& operator=(stream&& other) noexcept {
    if (this != &other) {
      abandon();
      state_ = std::move(other.state_);
    }
    return *this;
  }
  stream(const stream&) = delete;
  stream& operator=(const stream&) = delete;
  ~stream() { abandon(); }

  /// The socket's executor: a strand, where several threads run the context.
  [[nodiscard]] executor_type get_executor() const { return state_->socket.get_executor(); }
  /// The socket. To look at and to set options of: bytes that bypass the session break it.
  [[nodiscard]] next_layer_type& next_layer() noexcept { return state_->socket; }
  /// The socket, to look at.
  [[nodiscard]] const next_layer_type& next_layer() const noexcept { return state_->socket; }
  /// The socket below all layers. As `next_layer`: bytes that bypass the session break it.
  [[nodiscard]] lowest_layer_type& lowest_layer() noexcept { return state_->socket.lowest_layer(); }

  /// Who is at the other end, and how the connection is protected.
  [[nodiscard]] const Session& session() const noexcept { return state_->session; }
  /// Who is at the other end, for functions that take no stranger. Valid as long as the stream.
  [[nodiscard]] const auth::proof& proof() const noexcept { return state_->session.proof(); }

  /// Why the stream ended, with facts for the log and never for the peer; `errc::none` while it has
  /// not.
  [[nodiscard]] const error& refusal() const noexcept { return state_->refusal; }

  /// How long each operation begun from now on may take (a read until the first byte of data, a
  /// write until the socket has all of it). An operation that takes longer closes the connection
  /// and fails, as does the other one in flight, with `errc::timed_out`. Zero or less: at once.
  void expires_after(std::chrono::steady_clock::duration each) noexcept { state_->allowed = each; }
  /// No such limit, which is how a stream begins.
  void expires_never() noexcept { state_->allowed = detail::steady::duration::max(); }

  /// Reads at least one byte. Completes with (error_code, size). Room for nothing: completes at
  /// once with 0, and with an error only if reading has failed already.
  template <class MutableBufferSequence, class CompletionToken = default_token>
  auto async_read_some(const MutableBufferSequence& buffers, CompletionToken&& token = {}) {
    return boost::asio::async_compose<CompletionToken, void(detail::error_code, std::size_t)>(
        detail::read_op<state, MutableBufferSequence>(state_, buffers), token, state_->socket);
  }

  /// Writes the first part (at most 16 KiB) of `buffers`. Completes with (error_code, size).
  /// Nothing to write: completes at once with 0, sends nothing, and fails only if writing has
  /// failed already. Errors: also `errc::connection_closed` after `async_shutdown`.
  template <class ConstBufferSequence, class CompletionToken = default_token>
  auto async_write_some(const ConstBufferSequence& buffers, CompletionToken&& token = {}) {
    using part = detail::data_part<ConstBufferSequence>;
    return boost::asio::async_compose<CompletionToken, void(detail::error_code, std::size_t)>(
        detail::write_op<state, part>(state_, part(buffers)), token, state_->socket);
  }

  /// Says goodbye, and closes the sending half when the socket has taken that; reading goes on
  /// until the peer says the same (`eof`). Counts as a write. Completes with (error_code). Once
  /// more: no error, nothing happens.
  template <class CompletionToken = default_token>
  auto async_shutdown(CompletionToken&& token = {}) {
    return boost::asio::async_compose<CompletionToken, void(detail::error_code)>(
        detail::write_op<state, detail::goodbye_part>(state_, {}), token, state_->socket);
  }

  /// Makes operations in flight complete with `operation_aborted`, unless they are done.
  void cancel() { state_->cancel(); }

  /// Ends the session of a peer that is not welcome any more: operations fail with the code of
  /// `why`, and the one in flight (else the next one) tells the peer and closes the socket.
  void refuse(error why) {
    state_->session.refuse(why);
    state_->end_with_alert(std::move(why));
    state_->interrupt();
  }

 private:
  friend struct detail::link_access;

  stream(NextLayer socket, Session session)
      : state_(std::make_shared<state>(std::move(socket), std::move(session))) {
    if constexpr (requires(Session & of, std::function<void()> wake) { of.on_drop(wake); })
      state_->session.on_drop([weak = std::weak_ptr(state_), executor = get_executor()] {
        if (weak.expired()) return;
        boost::asio::post(executor, [weak] {
          if (const auto alive = weak.lock()) alive->look();
        });
      });
  }

  void abandon() noexcept {
    if (state_ == nullptr) return;
    state_->cancel();
    state_->close();
    state_.reset();
  }

  std::shared_ptr<state> state_;
};

}  // namespace keywarden::transport
