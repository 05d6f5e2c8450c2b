/// @file
/// Reading from and writing to a stream, step by step.
#pragma once

#include <memory>
#include <utility>

#include <boost/asio/post.hpp>

#include <keywarden/core/result.hpp>
#include <keywarden/core/secret.hpp>
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
