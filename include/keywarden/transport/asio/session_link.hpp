/// @file
/// What reading and writing a stream have in common.
#pragma once

#include <memory>
#include <utility>

#include <boost/asio/post.hpp>

#include <keywarden/core/result.hpp>
#include <keywarden/transport/asio/farewell.hpp>
#include <keywarden/transport/concepts.hpp>

namespace keywarden::transport::detail {

/// A socket and the session on it.
template <stream_socket Socket, secure_session Session>
struct session_link : socket_link<Socket> {
  session_link(Socket connected, Session made)
      : socket_link<Socket>(std::move(connected)), session(std::move(made)) {}
  [[nodiscard]] Session& machine() noexcept { return session; }

  /// What the session says of itself without bytes from the network: whether it was dropped.
  void look() {
    if (this->read_end) return;
    const auto fate = session.receive({});
    if (fate) return;
    this->end_with_alert(fate.error());
    this->interrupt();
  }

  Session session;
  steady::duration allowed = steady::duration::max();  // for each operation
};

/// What reading and writing have in common: one of each is in flight, and none completes before
/// the function that began it has returned.
template <class State>
class stream_op {
 protected:
  stream_op(std::shared_ptr<State> state, lane_of<State> lane) noexcept
      : state_(std::move(state)), lane_(lane) {}

  [[nodiscard]] auto& lane() const noexcept { return (*state_).*lane_; }

  /// False for a second operation of the kind: it is refused, and the first one goes on.
  template <class Self>
  [[nodiscard]] bool enter(Self& self) {
    self.reset_cancellation_state(net::enable_total_cancellation());
    if (lane().busy) return false;
    entered_ = true;
    lane().enter();
    if (state_->allowed < longest_time) arm(state_, lane_, state_->allowed, self.get_executor());
    return true;
  }
  template <class Self>
  void later(Self& self) {
    auto executor = state_->socket.get_executor();
    net::post(executor, std::move(self));
  }
  template <class Self>
  [[nodiscard]] bool cancelled(Self& self) const {
    return lane().cancelled || self.cancelled() != net::cancellation_type::none;
  }
  template <class Self>
  void part(Self& self) {
    async_farewell(state_, lane_, state_->allowed, self);
  }
  void leave() {
    if (entered_) lane().leave();
    state_.reset();
  }

  std::shared_ptr<State> state_;
  lane_of<State> lane_;
  bool entered_ = false;
};

}  // namespace keywarden::transport::detail
