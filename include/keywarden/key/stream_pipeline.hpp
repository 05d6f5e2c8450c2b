/// @file
/// Runs the segments of a stream through several threads, and writes what they make in order.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/key/byte_stream.hpp>

namespace keywarden::detail {

/// Runs segments through lanes, one thread for each lane, and writes what they make in order.
///
/// The first failure in the stream's order is the one reported, and everything before it has been
/// written, however many threads there are. Memory: the lanes' buffers.
template <class Segments, class Lane, byte_sink Sink>
class segment_pipeline {
 public:
  using progress = std::function<void(std::uint64_t)>;

  segment_pipeline(Segments& segments, Sink& sink, const progress& report)
      : segments_(segments), sink_(sink), report_(report) {}

  /// Returns how many bytes were written. What the source, the sink or the progress function throw
  /// passes through, once every thread has ended.
  [[nodiscard]] result<std::uint64_t> run(std::vector<Lane>& lanes) {
    {
      helpers others;
      others.threads.reserve(lanes.size());
      others.outcomes.reserve(lanes.size());
      for (std::size_t i = 1; i < lanes.size(); ++i) {
        std::packaged_task<void()> task([this, &lane = lanes[i]] { work(lane); });
        auto outcome = task.get_future();
        try {
          others.threads.emplace_back(std::move(task));
        } catch (const std::system_error&) {
          break;  // the system gives no more threads: those there are do it
        }
        others.outcomes.push_back(std::move(outcome));
      }
      work(lanes.front());
      for (auto& outcome : others.outcomes) outcome.get();
    }
    if (failure_) return *failure_;
    return written_;
  }

 private:
  struct helpers {
    std::vector<std::thread> threads;
    std::vector<std::future<void>> outcomes;
    ~helpers() {
      for (auto& each : threads) each.join();
    }
  };
  struct stop_on_exit {
    segment_pipeline& pipeline;
    bool armed = true;
    ~stop_on_exit() {
      if (armed) pipeline.stop();
    }
  };

  void work(Lane& lane) {
    stop_on_exit exit{*this};
    for (;;) {
      std::unique_lock reading(reading_);
      if (ended_) break;
      const auto turn = taken_++;
      ended_ = true;  // also when the source throws
      auto next = segments_.take(lane.buffer());
      ended_ = !next || next->last;
      reading.unlock();

      auto made = next ? lane.process(*next, segments_) : result<bytes_view>(next.error());
      if (!await(turn)) break;
      auto written = made ? sink_.write(*made) : result<void>(made.error());
      if (!written) {
        failure_ = written.error();  // read after all threads have ended
        return;                      // stops the others
      }
      written_ += made->size();
      plain_ += Lane::plain_size(*next, *made);
      if (report_) report_(plain_);
      pass_on();
    }
    exit.armed = false;
  }

  /// Waits until all segments before this one are written; false when there is nothing to wait for
  /// any more.
  [[nodiscard]] bool await(std::uint64_t turn) {
    std::unique_lock lock(turns_);
    changed_.wait(lock, [&] { return stopped_ || turn_ == turn; });
    return !stopped_;
  }
  void pass_on() {
    const std::lock_guard lock(turns_);
    ++turn_;
    changed_.notify_all();
  }
  void stop() {
    {
      const std::lock_guard lock(turns_);
      stopped_ = true;
      changed_.notify_all();
    }
    const std::lock_guard lock(reading_);
    ended_ = true;
  }

  Segments& segments_;
  Sink& sink_;
  const progress& report_;

  std::mutex reading_;  // guards the source, taken_, ended_
  std::uint64_t taken_ = 0;
  bool ended_ = false;

  std::mutex turns_;  // guards turn_, stopped_; whose turn it is owns the sink and the counts
  std::condition_variable changed_;
  std::uint64_t turn_ = 0;
  bool stopped_ = false;

  std::uint64_t written_ = 0;
  std::uint64_t plain_ = 0;
  std::optional<error> failure_;
};

}  // namespace keywarden::detail
