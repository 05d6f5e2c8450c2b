/// @file
/// Other processes of this program, to run and to kill.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace mirroring {

/// A child process; killed (SIGKILL) when the object goes, or the thread that made it.
class process {
 public:
  /// Runs `program words…`; what it prints is appended to the file `log`.
  process(const std::filesystem::path& program, std::vector<std::string> words,
          const std::filesystem::path& log) {
    words.insert(words.begin(), program.string());
    std::vector<char*> arguments;
    for (auto& each : words) arguments.push_back(each.data());
    arguments.push_back(nullptr);
    id_ = ::fork();
    if (id_ < 0) throw std::runtime_error("no child process");
    if (id_ > 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    ::execv(program.c_str(), arguments.data());
    ::_exit(127);
  }
  /// An instance of the mirroring session.
  process(const std::filesystem::path& program, const std::filesystem::path& folder,
          std::string_view instance)
      : process(program, {"run", folder.string(), std::string(instance)},
                folder / instance / "log") {}
  process(const process&) = delete;
  process& operator=(const process&) = delete;
  ~process() {
    if (id_ <= 0) return;
    ::kill(id_, SIGKILL);
    ::waitpid(id_, nullptr, 0);
  }

  /// Waits for its end; its exit status, -1 if a signal ended it.
  [[nodiscard]] int wait() {
    int status = 0;
    ::waitpid(id_, &status, 0);
    id_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  /// Whether it ended by itself: the status is then kept for `wait`.
  [[nodiscard]] bool ended() const {
    ::siginfo_t found{};
    return ::waitid(P_PID, static_cast<::id_t>(id_), &found, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           found.si_pid == id_;
  }

 private:
  ::pid_t id_ = -1;
};

/// Three ports in a row that nobody uses now, outside of those that the system gives out by itself.
[[nodiscard]] inline std::uint16_t three_free_ports() {
  const auto is_free = [](std::uint32_t port) {
    const int trial = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ::sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons(static_cast<std::uint16_t>(port));
    const bool bound = ::bind(trial, reinterpret_cast<const ::sockaddr*>(&at), sizeof(at)) == 0;
    ::close(trial);
    return bound;
  };
  const auto start = static_cast<std::uint32_t>(::getpid()) * 3;
  for (std::uint32_t each = 0; each < 12000; each += 3) {
    const auto port = 20000 + (start + each) % 12000;
    if (is_free(port) && is_free(port + 1) && is_free(port + 2))
      return static_cast<std::uint16_t>(port);
  }
  throw std::runtime_error("no three free ports");
}

}  // namespace mirroring
