/// @file
/// Reading from a stream, step by step.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include <keywarden/transport/asio/session_link.hpp>

namespace keywarden::transport::detail {

/// Reads what has arrived, or waits until something does.
template <class State, class Buffers>
class read_op : stream_op<State> {
  using base = stream_op<State>;

 public:
  read_op(std::shared_ptr<State> state, const Buffers& buffers)
      : base(std::move(state), &State::reading), buffers_(buffers) {}

  template <class Self>
  void operator()(Self& self, error_code outcome = {}, std::size_t count = 0) {
    switch (at_) {
      case step::starting:
        at_ = step::resumed;
        if (!base::enter(self) || is_ready()) return base::later(self);
        return pull(self);
      case step::resumed:
        if (!this->entered_) return finish(self, make_error_code(errc::invalid_argument), 0);
        return settle(self);
      case step::pulling:
        return came(self, outcome, count);
      case step::parting:
        return finish(self, this->state_->read_end, 0);
    }
  }

 private:
  enum class step : std::uint8_t { starting, resumed, pulling, parting };

  [[nodiscard]] bool is_ready() const {
    const auto& state = *this->state_;
    return net::buffer_size(buffers_) == 0 || state.read_end || !state.session.received().empty() ||
           state.session.peer_closed();
  }

  /// Completes with what there is, or waits for more.
  template <class Self>
  void settle(Self& self) {
    auto& state = *this->state_;
    if (const auto data = state.session.received(); !data.empty()) {
      const auto size = net::buffer_copy(buffers_, net::buffer(data.data(), data.size()));
      state.session.consume(size);
      return finish(self, {}, size);
    }
    if (state.read_end) return ended(self);
    if (net::buffer_size(buffers_) == 0) return finish(self, {}, 0);
    if (state.session.peer_closed()) return finish(self, net::error::eof, 0);
    if (base::cancelled(self)) return finish(self, net::error::operation_aborted, 0);
    pull(self);
  }

  template <class Self>
  void pull(Self& self) {
    at_ = step::pulling;
    auto& state = *this->state_;
    state.socket.async_read_some(net::buffer(*state.input), std::move(self));
  }

  template <class Self>
  void came(Self& self, const error_code& outcome, std::size_t count) {
    auto& state = *this->state_;
    if (!state.read_end && count != 0) {
      if (auto fate = state.session.receive(state.came(count)); !fate) {
        state.end_with_alert(fate.error());
      } else if (state.session.outgoing().size() > max_owed) {
        auto why = error(errc::limit_exceeded)
                       .with(fact::operation, "reading")
                       .with(fact::reason, "the peer asks for more replies than it reads");
        state.session.refuse(why);
        state.end_with_alert(std::move(why));
      }
    }
    if (outcome == net::error::operation_aborted && !state.read_end)
      return finish(self, outcome, 0);
    if (outcome) state.end(socket_error(outcome, "read"));
    settle(self);
  }

  /// Tells the peer, unless a write in flight will.
  template <class Self>
  void ended(Self& self) {
    auto& state = *this->state_;
    if (!state.alert_waits) return finish(self, state.read_end, 0);
    if (state.writing.busy) {
      state.interrupt();
      return finish(self, state.read_end, 0);
    }
    at_ = step::parting;
    base::part(self);
  }

  template <class Self>
  void finish(Self& self, error_code outcome, std::size_t size) {
    base::leave();
    self.complete(outcome, size);
  }

  Buffers buffers_;
  step at_ = step::starting;
};

}  // namespace keywarden::transport::detail
