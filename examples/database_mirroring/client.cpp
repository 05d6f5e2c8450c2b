// A client of an instance on this machine: a line there, a line back.
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "program.hpp"

namespace mirroring {
namespace {

using clock = std::chrono::steady_clock;

/// A connected socket to an instance, closed when it goes.
class control {
 public:
  explicit control(const std::string& path)
      : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    ::sockaddr_un at{};
    at.sun_family = AF_UNIX;
    if (path.size() >= sizeof(at.sun_path)) return;
    std::strncpy(at.sun_path, path.c_str(), sizeof(at.sun_path) - 1);
    connected_ = ::connect(socket_, reinterpret_cast<const ::sockaddr*>(&at), sizeof(at)) == 0;
  }
  control(const control&) = delete;
  control& operator=(const control&) = delete;
  ~control() { ::close(socket_); }

  [[nodiscard]] std::optional<std::string> ask(const std::string& line, clock::time_point until) {
    const std::string text = line + '\n';
    if (!connected_ || ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) !=
                           static_cast<::ssize_t>(text.size()))
      return std::nullopt;
    std::string answer;
    for (;;) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock::now());
      ::pollfd ready{socket_, POLLIN, 0};
      if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) <= 0)
        return std::nullopt;
      char part[4096];
      const auto size = ::recv(socket_, part, sizeof(part), 0);
      if (size <= 0) return std::nullopt;
      answer.append(part, static_cast<std::size_t>(size));
      if (answer.back() == '\n') {
        answer.pop_back();
        return answer;
      }
    }
  }

 private:
  int socket_;
  bool connected_ = false;
};

}  // namespace

std::optional<std::string> ask(const std::filesystem::path& folder, node which,
                               const std::string& line, std::chrono::milliseconds within) {
  control to(folder / name_of(which) / "control");
  return to.ask(line, clock::now() + within);
}

std::optional<std::string> ask_principal(const std::filesystem::path& folder,
                                         const std::string& line,
                                         std::chrono::milliseconds within) {
  const auto until = clock::now() + within;
  for (;;) {
    for (const auto each : {node::host_a, node::host_b}) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - clock::now());
      auto answer = ask(folder, each, line, left);
      if (answer && *answer != "mirror" && *answer != "unavailable" && *answer != "unknown")
        return answer;
    }
    if (clock::now() >= until) return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace mirroring
