/// @file
/// Stands between a PostgreSQL client and its server, and cuts the connection at a chosen instant.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "support/scratch.hpp"

namespace keywarden::testing {

/// A Unix socket whose connections lead to a server's socket. `cut_at_commit` arms it once: it acts
/// when the next COMMIT comes by. Threads: any.
class postgres_proxy {
 public:
  enum class cut {
    none,
    before,  ///< both ends are closed, the server never sees the COMMIT
    after,   ///< the server gets the COMMIT, then both ends are closed
    hang,    ///< only the client's end is closed, the server never sees the COMMIT
    answer,  ///< the server gets the COMMIT and has answered before both ends are closed
  };

  explicit postgres_proxy(std::filesystem::path behind) : behind_(std::move(behind)) {
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto address = address_of(folder_ / ".s.PGSQL.5432");
    if (::bind(listener_, reinterpret_cast<const ::sockaddr*>(&address), sizeof(address)) != 0 ||
        ::listen(listener_, 16) != 0)
      throw std::runtime_error("no proxy");
    accepting_ = std::thread([this] { accept(); });
  }
  postgres_proxy(const postgres_proxy&) = delete;
  postgres_proxy& operator=(const postgres_proxy&) = delete;
  ~postgres_proxy() {
    ending_ = true;
    accepting_.join();
    for (auto& each : running_) each.join();
    ::close(listener_);
  }

  [[nodiscard]] std::string uri() const {
    return "postgresql:///postgres?port=5432&user=postgres&host=" + folder_.path().string();
  }
  void cut_at_commit(cut how) { armed_ = how; }
  /// How many connections were cut.
  [[nodiscard]] int cuts() const { return cuts_; }
  /// Whether new connections are closed at once; they are, by itself, once `and_refuse` and a cut.
  void refuse(bool all) { refusing_ = all; }
  void refuse_after_cut() { refuse_after_cut_ = true; }
  /// Where new connections lead.
  void lead_to(std::filesystem::path behind) {
    const std::scoped_lock held(guard_);
    behind_ = std::move(behind);
  }

 private:
  [[nodiscard]] static ::sockaddr_un address_of(const std::filesystem::path& path) {
    ::sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    return address;
  }

  void accept() {
    while (!ending_) {
      ::pollfd watched{listener_, POLLIN, 0};
      if (::poll(&watched, 1, 10) <= 0) continue;
      const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      const int server = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const auto address = [&] {
        const std::scoped_lock held(guard_);
        return address_of(behind_);
      }();
      if (refusing_ ||
          ::connect(server, reinterpret_cast<const ::sockaddr*>(&address), sizeof(address)) != 0) {
        ::close(client);
        ::close(server);
        continue;
      }
      running_.emplace_back([this, client, server] {
        const bool hangs = pump(client, server);
        ::close(client);
        while (hangs && !ending_) {
          ::pollfd gone{server, POLLIN, 0};
          char byte = 0;
          if (::poll(&gone, 1, 10) > 0 && ::read(server, &byte, 1) <= 0) break;
        }
        ::close(server);
      });
    }
  }

  /// Passes bytes on until an end closes. Whether the server's end is to stay open.
  bool pump(int client, int server) {
    std::vector<char> buffer(65536);
    while (!ending_) {
      std::array<::pollfd, 2> watched{{{client, POLLIN, 0}, {server, POLLIN, 0}}};
      if (::poll(watched.data(), watched.size(), 10) <= 0) continue;
      if (watched[0].revents != 0) {
        const auto got = ::read(client, buffer.data(), buffer.size());
        if (got <= 0) return false;
        const std::string_view text(buffer.data(), static_cast<std::size_t>(got));
        const auto how = text.find(std::string_view("COMMIT\0", 7)) == std::string_view::npos
                             ? cut::none
                             : armed_.exchange(cut::none);
        if (how == cut::none || how == cut::after || how == cut::answer) pass(text, server);
        if (how == cut::answer && ::read(server, buffer.data(), buffer.size()) <= 0) return false;
        if (how != cut::none) {
          if (refuse_after_cut_) refusing_ = true;
          ++cuts_;
          return how == cut::hang;
        }
      }
      if (watched[1].revents != 0) {
        const auto got = ::read(server, buffer.data(), buffer.size());
        if (got <= 0) return false;
        pass({buffer.data(), static_cast<std::size_t>(got)}, client);
      }
    }
    return false;
  }

  static void pass(std::string_view text, int to) {
    while (!text.empty()) {
      const auto sent = ::send(to, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  scratch folder_;
  std::mutex guard_;
  std::filesystem::path behind_;
  int listener_ = -1;
  std::atomic<bool> ending_{false};
  std::atomic<bool> refusing_{false};
  std::atomic<bool> refuse_after_cut_{false};
  std::atomic<cut> armed_{cut::none};
  std::atomic<int> cuts_{0};
  std::vector<std::thread> running_;  // only the accepting thread adds to it
  std::thread accepting_;
};

}  // namespace keywarden::testing
