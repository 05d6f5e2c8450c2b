/// @file
/// Two connected sockets in memory, which deliver in pieces and fail when they are told to.
#pragma once

#include <algorithm>
#include <functional>
#include <limits>
#include <memory>
#include <type_traits>
#include <utility>

#include <boost/asio/compose.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/asio/steady_timer.hpp>

#include <keywarden/core/bytes.hpp>

namespace keywarden::testing {

/// What one end does other than a good socket would. Set at any time.
struct script {
  static constexpr auto never = std::numeric_limits<std::size_t>::max();

  std::size_t piece = never;     ///< bytes that one operation moves at most
  std::size_t capacity = 65536;  ///< bytes on their way from this end before its writes wait
  std::size_t fail_at = never;   ///< the number, from 0, of the operation that fails
  boost::system::error_code fault = boost::asio::error::connection_reset;
  std::function<void(mutable_bytes)> on_write;  ///< may alter what goes out

  std::size_t operations = 0;  ///< begun so far
  std::size_t writes = 0;      ///< completed so far
  bool open = true;
  bool said_end = false;
};

/// One end. As with TCP: an end closed with unread data resets the other one, which then loses what
/// it has not read. Nothing completes within the function that began it. One thread.
class scripted_stream {
  struct pipe {
    explicit pipe(boost::asio::io_context& context) : changed(context) { wait(); }
    void wait() { changed.expires_at(boost::asio::steady_timer::time_point::max()); }

    bytes data;
    bool ended = false;
    bool reset = false;
    boost::asio::steady_timer changed;  // a condition: cancelling it wakes everybody
  };
  struct end {
    std::shared_ptr<pipe> in;
    std::shared_ptr<pipe> out;
    std::shared_ptr<script> told = std::make_shared<script>();
    std::size_t cancelled = 0;

    void wake() const {
      in->changed.cancel();
      out->changed.cancel();
    }
    void close() {
      if (!told->open) return;
      told->open = false;
      ++cancelled;
      if (!in->data.empty()) {
        out->reset = true;
        out->data.clear();
      }
      in->ended = out->ended = true;
      wake();
    }
  };

 public:
  using executor_type = boost::asio::io_context::executor_type;
  using lowest_layer_type = scripted_stream;

  /// Two ends of one connection.
  [[nodiscard]] static std::pair<scripted_stream, scripted_stream> connected(
      boost::asio::io_context& context) {
    auto there = std::make_shared<pipe>(context);
    auto back = std::make_shared<pipe>(context);
    return {scripted_stream(context, back, there), scripted_stream(context, there, back)};
  }

  scripted_stream(scripted_stream&&) noexcept = default;
  scripted_stream& operator=(scripted_stream&&) = delete;
  scripted_stream(const scripted_stream&) = delete;
  scripted_stream& operator=(const scripted_stream&) = delete;
  ~scripted_stream() {
    if (end_) end_->close();
  }

  /// What this end does. It outlives the end.
  [[nodiscard]] std::shared_ptr<script> told() const noexcept { return end_->told; }

  [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }
  [[nodiscard]] lowest_layer_type& lowest_layer() noexcept { return *this; }
  void cancel(boost::system::error_code& /*outcome*/) {
    ++end_->cancelled;
    end_->wake();
  }
  void close(boost::system::error_code& /*outcome*/) { end_->close(); }
  void shutdown(boost::asio::socket_base::shutdown_type /*half*/,
                boost::system::error_code& outcome) {
    if (!end_->told->open) outcome = boost::asio::error::bad_descriptor;
    end_->out->ended = true;
    end_->told->said_end = true;
    end_->wake();
  }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return begin<true, Buffers, Token>(buffers, token);
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return begin<false, Buffers, Token>(buffers, token);
  }

 private:
  scripted_stream(boost::asio::io_context& context, std::shared_ptr<pipe> in,
                  std::shared_ptr<pipe> out)
      : executor_(context.get_executor()),
        end_(std::make_shared<end>(end{std::move(in), std::move(out)})) {}

  template <bool Reads, class Buffers>
  struct operation {
    std::shared_ptr<end> at;
    executor_type executor;
    Buffers buffers;
    std::size_t number = 0;
    std::size_t cancelled_before = 0;
    bool begun = false;

    template <class Self>
    void operator()(Self& self, boost::system::error_code /*waited*/ = {}) {
      auto& told = *at->told;
      if (!begun) {
        begun = true;
        number = told.operations++;
        cancelled_before = at->cancelled;
        self.reset_cancellation_state(boost::asio::enable_total_cancellation());
        const auto where = executor;
        return boost::asio::post(where, std::move(self));
      }
      if (at->cancelled != cancelled_before ||
          self.cancelled() != boost::asio::cancellation_type::none)
        return finish(self, boost::asio::error::operation_aborted);
      if (!told.open) return finish(self, boost::asio::error::bad_descriptor);
      if (number == told.fail_at) {
        at->in->ended = at->out->ended = true;
        at->in->data.clear();
        at->wake();
        return finish(self, told.fault);
      }
      if constexpr (Reads)
        read(self);
      else
        write(self);
    }

    template <class Self>
    void read(Self& self) {
      auto& from = *at->in;
      if (from.reset) return finish(self, boost::asio::error::connection_reset);
      if (from.data.empty() && !from.ended) return wait(self, at->in);
      if (from.data.empty()) return finish(self, boost::asio::error::eof);
      const auto size = boost::asio::buffer_copy(
          buffers,
          boost::asio::buffer(from.data.data(), std::min(from.data.size(), at->told->piece)));
      from.data.erase(from.data.begin(), from.data.begin() + static_cast<std::ptrdiff_t>(size));
      at->wake();
      finish(self, {}, size);
    }
    template <class Self>
    void write(Self& self) {
      auto& to = *at->out;
      if (to.ended) return finish(self, boost::asio::error::broken_pipe);
      const auto capacity = at->told->capacity;
      if (to.data.size() >= capacity) return wait(self, at->out);
      const auto size =
          std::min({boost::asio::buffer_size(buffers), at->told->piece, capacity - to.data.size()});
      const auto old = to.data.size();
      to.data.resize(old + size);
      boost::asio::buffer_copy(boost::asio::buffer(to.data.data() + old, size), buffers);
      if (at->told->on_write) at->told->on_write(mutable_bytes(to.data).subspan(old));
      ++at->told->writes;
      at->wake();
      finish(self, {}, size);
    }
    template <class Self>
    void wait(Self& self, const std::shared_ptr<pipe>& on) {
      on->changed.async_wait(std::move(self));
    }
    template <class Self>
    void finish(Self& self, boost::system::error_code outcome, std::size_t size = 0) {
      self.complete(outcome, size);
    }
  };

  template <bool Reads, class Buffers, class Token>
  auto begin(const Buffers& buffers, std::remove_reference_t<Token>& token) {
    return boost::asio::async_compose<Token, void(boost::system::error_code, std::size_t)>(
        operation<Reads, Buffers>{end_, executor_, buffers}, token, executor_);
  }

  executor_type executor_;
  std::shared_ptr<end> end_;
};

}  // namespace keywarden::testing
