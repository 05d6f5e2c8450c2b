/// @file
/// A handshake over a socket, step by step.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>

#include <keywarden/core/result.hpp>
#include <keywarden/transport/asio/farewell.hpp>
#include <keywarden/transport/concepts.hpp>

namespace keywarden::transport::detail {

/// A socket and the handshake on it.
template <stream_socket Socket, secure_handshake Handshake>
struct handshake_link : socket_link<Socket> {
  handshake_link(Socket connected, Handshake begun)
      : socket_link<Socket>(std::move(connected), "handshake"), handshake(std::move(begun)) {}
  [[nodiscard]] Handshake& machine() noexcept { return handshake; }

  Handshake handshake;
};

/// Carries a handshake to its end. Completes with `Made` (a stream), or with the refusal after the
/// peer was told and the socket closed.
template <stream_socket Socket, secure_handshake Handshake, class Made>
class handshake_op {
  using state_type = handshake_link<Socket, Handshake>;

 public:
  handshake_op(Socket connected, Handshake begun, steady::duration timeout)
      : state_(std::make_shared<state_type>(std::move(connected), std::move(begun))),
        timeout_(std::min(timeout, longest_time)) {}

  template <class Self>
  void operator()(Self& self, error_code outcome = {}, std::size_t count = 0) {
    switch (at_) {
      case step::starting:
        self.reset_cancellation_state(net::enable_partial_cancellation());
        deadline_ = steady::now() + timeout_;
        arm(state_, &state_type::reading, timeout_, self.get_executor());
        return proceed(self);
      case step::sending:
        // A peer that refused this side and went may have left an alert to read.
        if (is_cut_off(outcome)) unsent_ = outcome;
        if (outcome && !unsent_) return lost(self, outcome);
        state_->output_start += count;
        return proceed(self);
      case step::receiving:
        if (outcome) return lost(self, unsent_ ? unsent_ : outcome);
        if (auto fate = state_->handshake.receive(state_->came(count)); !fate)
          return refuse(self, fate.error());
        return proceed(self);
      case step::parting:
        return refused(self, std::move(state_->refusal));
    }
  }

 private:
  enum class step : std::uint8_t { starting, sending, receiving, parting };

  template <class Self>
  void proceed(Self& self) {
    auto& state = *state_;
    if (state.read_end || self.cancelled() != net::cancellation_type::none)
      return lost(self, net::error::operation_aborted);
    if (!unsent_ && state.refill(state.handshake)) {
      at_ = step::sending;
      return state.socket.async_write_some(state.unsent(), std::move(self));
    }
    if (!unsent_ && state.handshake.finished()) return finish(self);
    at_ = step::receiving;
    state.socket.async_read_some(net::buffer(*state.input), std::move(self));
  }

  template <class Self>
  void finish(Self& self) {
    auto session = std::move(state_->handshake).finish();
    if (!session) return refuse(self, session.error());
    state_->reading.leave();
    result<Made> made(link_access::make<Made>(std::move(state_->socket), std::move(*session)));
    state_.reset();
    self.complete(std::move(made));
  }

  /// The machine has refused the peer (or the peer this side): what it has left to say is said.
  template <class Self>
  void refuse(Self& self, error why) {
    state_->end(std::move(why));
    if (unsent_ || !state_->refill(state_->handshake))
      return refused(self, std::move(state_->refusal));
    at_ = step::parting;
    async_farewell(state_, &state_type::reading, deadline_ - steady::now(), self);
  }

  /// The socket failed, the deadline passed, or the caller gave up.
  template <class Self>
  void lost(Self& self, const error_code& outcome) {
    auto why = state_->read_end ? std::move(state_->refusal)
               : outcome == net::error::operation_aborted
                   ? error(errc::connection_closed)
                         .with(fact::operation, "handshake")
                         .with(fact::reason, "this side cancelled it")
                   : socket_error(outcome, "handshake");
    if constexpr (requires { state_->handshake.abandon(why); }) state_->handshake.abandon(why);
    refused(self, std::move(why));
  }

  template <class Self>
  void refused(Self& self, error why) {
    state_->reading.leave();
    state_->close();
    state_.reset();
    self.complete(result<Made>(std::move(why)));
  }

  std::shared_ptr<state_type> state_;
  steady::duration timeout_;
  steady::time_point deadline_{};
  error_code unsent_;
  step at_ = step::starting;
};

}  // namespace keywarden::transport::detail
