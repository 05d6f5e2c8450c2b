/// @file
/// Keeping up with a deployment in the background.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

#include <keywarden/store/concepts.hpp>
#include <keywarden/vault/scale_out/shared_state.hpp>

namespace keywarden {

/// How a follower behaves.
struct follow_options {
  /// How often to look without being told. A store that tells of commits (`store::watched_store`)
  /// is looked at when it does, and this often all the same. At least ten milliseconds.
  std::chrono::milliseconds interval{500};
  /// Told of every problem, from the follower's thread; a look that fails is tried again. It must
  /// not throw, nor destroy the follower.
  std::function<void(const error&)> on_problem{};
};

/// A thread that looks at the store whenever a member has changed something, so that rotations,
/// joins and removals are known here soon after. Move-only; it stops when it is destroyed, once a
/// look that is under way has ended. Any thread may own it.
template <class State>
class scale_out_follower {
 public:
  /// Made by `scale_out::follow`; starts at once.
  scale_out_follower(std::shared_ptr<State> state, follow_options options)
      : inside_(std::make_unique<inside>(std::move(state), std::move(options))),
        thread_([shared = inside_.get()](const std::stop_token& stop) { shared->run(stop); }) {}

  /// What is moved from follows nothing any more.
  scale_out_follower(scale_out_follower&&) noexcept = default;
  /// Stops, and takes the other's place.
  scale_out_follower& operator=(scale_out_follower&& other) noexcept {
    if (this != &other) {
      stop();
      inside_ = std::move(other.inside_);
      thread_ = std::move(other.thread_);
    }
    return *this;
  }
  scale_out_follower(const scale_out_follower&) = delete;
  scale_out_follower& operator=(const scale_out_follower&) = delete;
  ~scale_out_follower() { stop(); }

  /// What the latest look came to: `none` when it went well.
  [[nodiscard]] error last_problem() const {
    if (inside_ == nullptr) return error(errc::none);
    const std::scoped_lock held(inside_->guard);
    return inside_->problem;
  }

 private:
  struct inside {
    inside(std::shared_ptr<State> state_in, follow_options options_in)
        : state(std::move(state_in)), options(std::move(options_in)) {
      options.interval = std::max(options.interval, std::chrono::milliseconds(10));
    }

    void run(const std::stop_token& stop) {
      if constexpr (store::watched_store<std::remove_cvref_t<decltype(state->records())>>)
        follow(stop);
      else
        while (!stop.stop_requested()) {
          look();
          pause(stop);
        }
    }

    // As long as the store tells; and by looking now and then while it cannot.
    void follow(const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        auto watch = state->records().watch();
        look();
        if (!watch) {
          note(watch.error());
          pause(stop);
          continue;
        }
        while (!stop.stop_requested()) {
          auto told = watch->wait(options.interval, stop);
          if (!told) note(told.error());
          look();
          if (!told) {
            pause(stop);
            break;
          }
        }
      }
    }

    void look() {
      auto looked = state->refresh();
      note(looked ? error(errc::none) : looked.error());
    }
    void note(error what) {
      if (what.code() != errc::none && options.on_problem) options.on_problem(what);
      const std::scoped_lock held(guard);
      problem = std::move(what);
    }
    void pause(const std::stop_token& stop) {
      std::unique_lock held(guard);
      wake.wait_for(held, stop, options.interval, [] { return false; });
    }

    std::shared_ptr<State> state;
    follow_options options;
    std::mutex guard;
    std::condition_variable_any wake;
    error problem = error(errc::none);
  };

  void stop() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    thread_.join();
  }

  std::unique_ptr<inside> inside_;
  std::jthread thread_;
};

}  // namespace keywarden
