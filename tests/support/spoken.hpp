/// @file
/// Another program as a peer: started, talked to over its standard streams, and ended.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace keywarden::testing {

/// A child process with its standard input and its merged output. Killed when destroyed.
class spoken_program {
 public:
  explicit spoken_program(std::vector<std::string> command) {
    int in[2] = {};
    int out[2] = {};
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(in[0], 0);
      ::dup2(out[1], 1);
      ::dup2(out[1], 2);
      std::vector<char*> arguments;
      for (auto& each : command) arguments.push_back(each.data());
      arguments.push_back(nullptr);
      ::execvp(arguments[0], arguments.data());
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    in_ = in[1];
    out_ = out[0];
  }
  spoken_program(const spoken_program&) = delete;
  spoken_program& operator=(const spoken_program&) = delete;
  spoken_program(spoken_program&&) = delete;
  spoken_program& operator=(spoken_program&&) = delete;
  ~spoken_program() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    if (in_ >= 0) ::close(in_);
    if (out_ >= 0) ::close(out_);
  }

  void say(std::string_view text) const {
    static_cast<void>(!::write(in_, text.data(), text.size()));
  }
  void end_input() {
    ::close(in_);
    in_ = -1;
  }

  /// Reads until the output holds `text` at or behind `from`, ends, or half a minute has passed.
  [[nodiscard]] bool heard(std::string_view text, std::size_t from = 0) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (output_.find(text, from) == std::string::npos) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          deadline - std::chrono::steady_clock::now());
      pollfd ready{out_, POLLIN, 0};
      if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) <= 0) return false;
      char block[4096];
      const auto got = ::read(out_, block, sizeof block);
      if (got <= 0) return output_.find(text, from) != std::string::npos;
      output_.append(block, static_cast<std::size_t>(got));
    }
    return true;
  }
  /// Everything until it ends by itself (or half a minute has passed).
  [[nodiscard]] const std::string& rest() {
    static_cast<void>(heard(std::string_view("\0never\0", 7)));
    return output_;
  }
  [[nodiscard]] const std::string& output() const noexcept { return output_; }

 private:
  pid_t pid_ = -1;
  int in_ = -1;
  int out_ = -1;
  std::string output_;
};

}  // namespace keywarden::testing
