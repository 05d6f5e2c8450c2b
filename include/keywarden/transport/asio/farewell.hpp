/// @file
/// How a connection ends when its peer is refused: the alert, and time to read it.
#pragma once

#include <memory>
#include <utility>

#include <boost/asio/compose.hpp>

#include <keywarden/transport/asio/socket_link.hpp>

namespace keywarden::transport::detail {

/// Sends what a refused peer is owed, closes the sending half, discards what the peer still sends,
/// and closes. A socket closed with unread data resets the connection, and the peer might never see
/// the alert. Bounded by the lane's deadline and by `farewell_size`.
template <class State>
class farewell_op {
 public:
  farewell_op(std::shared_ptr<State> state, bool may_read)
      : state_(std::move(state)), may_read_(may_read) {}

  template <class Self>
  void operator()(Self& self, error_code outcome = {}, std::size_t count = 0) {
    auto& state = *state_;
    if (outcome) return end(self);
    if (!heard_) {
      state.output_start += count;
      if (state.refill(state.machine()))
        return state.socket.async_write_some(state.unsent(), std::move(self));
      state.socket.lowest_layer().shutdown(net::socket_base::shutdown_send, outcome);
      if (outcome || !may_read_) return end(self);
      heard_ = true;
    } else {
      size_ += count;
      if (size_ > farewell_size) return end(self);
    }
    state.socket.async_read_some(net::buffer(*state.input), std::move(self));
  }

 private:
  template <class Self>
  void end(Self& self) {
    state_->close();
    state_.reset();
    self.complete(error_code{}, 0);
  }

  std::shared_ptr<State> state_;
  bool may_read_;
  bool heard_ = false;
  std::size_t size_ = 0;
};

/// Ends a link whose `alert_waits`, for an operation that holds the lane `which`. Completes with no
/// error, whatever happened; at once if there is nothing to wait for.
template <class State, class Self>
void async_farewell(const std::shared_ptr<State>& state, lane_of<State> which,
                    steady::duration allowed, Self& self) {
  state->alert_waits = false;
  arm(state, which, std::min(allowed, farewell_time), self.get_executor());
  const bool may_read = which == &State::reading || !state->reading.busy;
  net::async_compose<Self, void(error_code, std::size_t)>(farewell_op<State>(state, may_read), self,
                                                          state->socket);
}

}  // namespace keywarden::transport::detail
