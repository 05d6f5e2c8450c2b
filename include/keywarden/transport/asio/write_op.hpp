/// @file
/// Writing to a stream and saying goodbye, step by step.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

#include <keywarden/core/secret.hpp>
#include <keywarden/transport/asio/session_link.hpp>

namespace keywarden::transport::detail {

/// What `write_op` writes: the next part of the caller's data.
template <class Buffers>
class data_part {
 public:
  explicit data_part(const Buffers& buffers) : buffers_(buffers) {}

  [[nodiscard]] bool nothing() const { return net::buffer_size(buffers_) == 0; }

  /// Encrypts one part. Small pieces are gathered into one record.
  template <class Session>
  [[nodiscard]] result<std::size_t> operator()(Session& session) const {
    const auto begin = net::buffer_sequence_begin(buffers_);
    const net::const_buffer first(*begin);
    const auto total = std::min(net::buffer_size(buffers_), part_size);
    if (first.size() >= total || first.size() >= part_size / 4) {
      const bytes_view data(static_cast<const std::uint8_t*>(first.data()),
                            std::min(first.size(), part_size));
      return sent(session, data);
    }
    plaintext gathered(total);
    net::buffer_copy(net::buffer(gathered.view().data(), total), buffers_);
    return sent(session, gathered.view());
  }
  template <class Socket>
  void done(Socket& /*socket*/, error_code& /*outcome*/) const {}
  template <class Self>
  void complete(Self& self, error_code outcome, std::size_t size) const {
    self.complete(outcome, size);
  }

 private:
  template <class Session>
  [[nodiscard]] static result<std::size_t> sent(Session& session, bytes_view data) {
    if (auto fate = session.send(data); !fate) return fate.error();
    return data.size();
  }

  Buffers buffers_;
};

/// What `write_op` writes: that nothing more comes.
struct goodbye_part {
  [[nodiscard]] bool nothing() const noexcept { return false; }

  template <class Session>
  [[nodiscard]] result<std::size_t> operator()(Session& session) const {
    if (auto fate = session.close(); !fate) return fate.error();
    return std::size_t{0};
  }
  template <class Socket>
  void done(Socket& socket, error_code& outcome) const {
    socket.lowest_layer().shutdown(net::socket_base::shutdown_send, outcome);
    if (outcome == net::error::not_connected) outcome = {};  // the peer has gone already
  }
  template <class Self>
  void complete(Self& self, error_code outcome, std::size_t /*size*/) const {
    self.complete(outcome);
  }
};

/// Encrypts one part and hands it to the socket, after what an earlier, cancelled write left over.
template <class State, class Part>
class write_op : stream_op<State> {
  using base = stream_op<State>;

 public:
  write_op(std::shared_ptr<State> state, Part part)
      : base(std::move(state), &State::writing), part_(std::move(part)) {}

  template <class Self>
  void operator()(Self& self, error_code outcome = {}, std::size_t count = 0) {
    switch (at_) {
      case step::starting:
        at_ = step::resumed;
        if (!base::enter(self) || is_ready()) return base::later(self);
        return proceed(self);
      case step::resumed:
        resumed_ = true;
        if (!this->entered_) return finish(self, make_error_code(errc::invalid_argument), 0);
        if (early_) return finish(self, early_, 0);
        if (this->state_->write_end) return ended(self);
        return finish(self, {}, 0);
      case step::flushing:
        resumed_ = true;
        this->state_->output_start += count;
        if (outcome) return failed(self, outcome);
        return proceed(self);
      case step::parting:
        return finish(self, this->state_->write_end, 0);
    }
  }

 private:
  enum class step : std::uint8_t { starting, resumed, flushing, parting };

  [[nodiscard]] bool is_ready() const { return this->state_->write_end || part_.nothing(); }

  template <class Self>
  void proceed(Self& self) {
    auto& state = *this->state_;
    if (state.write_end) return ended(self);
    if (state.refill(state.session)) {
      if (base::cancelled(self)) return finish(self, net::error::operation_aborted, taken_);
      at_ = step::flushing;
      return state.socket.async_write_some(state.unsent(), std::move(self));
    }
    if (sealed_) {
      error_code outcome;
      part_.done(state.socket, outcome);
      return finish(self, outcome, taken_);
    }
    if (base::cancelled(self)) return finish(self, net::error::operation_aborted, 0);
    seal(self);
  }

  template <class Self>
  void seal(Self& self) {
    auto& state = *this->state_;
    const auto taken = part_(state.session);
    if (!taken) {
      const auto why = taken.error();
      if (why == errc::connection_closed) return finish(self, make_error_code(why.code()), 0);
      state.end_with_alert(why);
      state.interrupt();
      return ended(self);
    }
    sealed_ = true;
    taken_ = *taken;
    // From here on it cannot be as if nothing had been written.
    self.reset_cancellation_state(net::enable_partial_cancellation());
    proceed(self);
  }

  /// The socket did not take what it was given. A part that was sealed stays and goes first with
  /// the next write.
  template <class Self>
  void failed(Self& self, const error_code& outcome) {
    auto& state = *this->state_;
    if (state.write_end) return ended(self);
    if (outcome == net::error::operation_aborted) return finish(self, outcome, taken_);
    state.end_writing(outcome);
    finish(self, outcome, 0);
  }

  template <class Self>
  void ended(Self& self) {
    if (!this->state_->alert_waits) return finish(self, this->state_->write_end, 0);
    if (!resumed_) return base::later(self);
    at_ = step::parting;
    base::part(self);
  }

  template <class Self>
  void finish(Self& self, error_code outcome, std::size_t size) {
    if (!resumed_) {
      at_ = step::resumed;
      early_ = outcome;
      return base::later(self);
    }
    base::leave();
    part_.complete(self, outcome, size);
  }

  Part part_;
  std::size_t taken_ = 0;
  error_code early_;
  bool sealed_ = false;
  bool resumed_ = false;
  step at_ = step::starting;
};

}  // namespace keywarden::transport::detail
