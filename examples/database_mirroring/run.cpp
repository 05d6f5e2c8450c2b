// A running instance: its state machine, its network, and the socket through which clients talk to
// it.
#include <sys/stat.h>

#include <csignal>
#include <vector>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/signal_set.hpp>

#include "network.hpp"
#include "partner.hpp"
#include "program.hpp"
#include "replica.hpp"

namespace mirroring {
namespace {

using local = asio::local::stream_protocol;

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words(1);
  for (const char each : line) {
    if (each == '\t')
      words.emplace_back();
    else
      words.back() += each;
  }
  return words;
}
std::string yes_or_no(bool answer) { return answer ? "yes" : "no"; }

/// A partner with its database, and how it answers clients.
class partner_instance {
 public:
  partner_instance(asio::io_context& io, node self, const home& of, const kw::endpoint_log& log)
      : disk_(of.database()),
        machine_(self, disk_),
        changed_(io, std::chrono::steady_clock::time_point::max()),
        network_(
            io, self, of, machine_, [this] { changed_.cancel(); }, log) {}

  asio::awaitable<std::string> answer(std::vector<std::string> asked) {
    if (asked[0] == "put" && asked.size() == 3) return write({asked[1], asked[2]});
    if (asked[0] == "get" && asked.size() == 2) return read(asked[1]);
    return tell(asked[0] == "status" ? status() : "error\tunknown request");
  }

 private:
  static asio::awaitable<std::string> tell(std::string text) { co_return text; }

  asio::awaitable<std::string> write(put what) {
    if (!machine_.is_principal()) co_return "mirror";
    const auto term = machine_.term();
    const auto lsn = machine_.write(what);
    network_.flush();
    if (!lsn) co_return "unavailable";
    const bool kept = co_await acknowledged(term, *lsn);
    co_return kept ? "ok\t" + std::to_string(*lsn) : std::string("unknown");
  }
  /// A value is not shown before it is sure to stay.
  asio::awaitable<std::string> read(std::string key) {
    if (!machine_.serves()) co_return machine_.is_principal() ? "unavailable" : "mirror";
    const auto found = disk_.value(key);
    const bool kept = co_await acknowledged(machine_.term(), disk_.last().lsn);
    if (!kept) co_return "unavailable";
    co_return found ? "value\t" + *found : std::string("none");
  }
  /// Waits until an entry is acknowledged, or cannot be any more in this term.
  asio::awaitable<bool> acknowledged(std::uint64_t term, std::uint64_t lsn) {
    error_code woken;
    while (machine_.is_principal() && machine_.term() == term && machine_.acknowledged() < lsn)
      co_await changed_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    co_return machine_.is_principal() && machine_.term() == term;
  }
  [[nodiscard]] std::string status() const {
    return "role=" + std::string(machine_.is_principal() ? "principal" : "mirror") +
           " term=" + std::to_string(machine_.term()) +
           " last=" + std::to_string(disk_.last().lsn) +
           " acknowledged=" + std::to_string(machine_.acknowledged()) +
           " synchronized=" + yes_or_no(machine_.is_synchronized()) +
           " rows=" + std::to_string(disk_.rows());
  }

  replica disk_;
  partner<replica> machine_;
  asio::steady_timer changed_;  ///< cancelled, which wakes who waits, after everything that happens
  network<partner<replica>> network_;
};

class witness_instance {
 public:
  witness_instance(asio::io_context& io, node self, const home& of, const kw::endpoint_log& log)
      : disk_(of.database()),
        machine_(disk_),
        network_(
            io, self, of, machine_, [] {}, log) {}

  asio::awaitable<std::string> answer(std::vector<std::string> asked) {
    if (asked[0] != "status") co_return "error\tthe witness has no data";
    const auto& kept = machine_.present();
    co_return "role=witness term=" + std::to_string(kept.term) +
        " principal=" + std::string(name_of(kept.principal)) +
        " synchronized=" + yes_or_no(kept.synchronized);
  }

 private:
  ballot_record disk_;
  witness<ballot_record> machine_;
  network<witness<ballot_record>> network_;
};

constexpr std::size_t max_line = 65536;

template <class Instance>
asio::awaitable<void> serve(local::socket client, Instance& with) {
  error_code failed;
  std::string buffer;
  for (;;) {
    const std::size_t size =
        co_await asio::async_read_until(client, asio::dynamic_buffer(buffer, max_line), '\n',
                                        asio::redirect_error(asio::use_awaitable, failed));
    if (failed) co_return;
    auto words = words_of(std::string_view(buffer).substr(0, size - 1));
    buffer.erase(0, size);
    std::string text = co_await with.answer(std::move(words));
    text += '\n';
    co_await asio::async_write(client, asio::buffer(text),
                               asio::redirect_error(asio::use_awaitable, failed));
    if (failed) co_return;
  }
}
template <class Instance>
asio::awaitable<void> listen(asio::io_context& io, local::acceptor at, Instance& with) {
  error_code failed;
  for (;;) {
    local::socket client(io);
    co_await at.async_accept(client, asio::redirect_error(asio::use_awaitable, failed));
    if (!failed) asio::co_spawn(io, serve(std::move(client), with), end_program);
  }
}
/// Only this account may connect: 0600, in a folder that is 0700.
local::acceptor open_control(asio::io_context& io, const std::filesystem::path& path) {
  std::filesystem::remove(path);  // of an instance that was killed
  const auto before = ::umask(0177);
  try {
    local::acceptor made(io, local::endpoint(path.string()));
    ::umask(before);
    return made;
  } catch (...) {
    ::umask(before);
    throw;
  }
}

template <class Instance>
void run_as(const home& of, node self) {
  asio::io_context io(1);
  asio::signal_set signals(io, SIGTERM, SIGINT);
  signals.async_wait([&](const error_code& /*outcome*/, int /*signal*/) { io.stop(); });
  const kw::endpoint_log log = [self](const kw::endpoint_event& event) {
    say(std::string(name_of(self)) + ": " + event.text());
  };
  Instance instance(io, self, of, log);
  asio::co_spawn(io, listen(io, open_control(io, of.control()), instance), end_program);
  io.run();
}

}  // namespace

void run(const std::filesystem::path& folder, node which) {
  const home of(folder, which);
  static_cast<void>(read_addresses(of));  // refuses, and says so, what was not set up
  if (which == node::witness)
    run_as<witness_instance>(of, which);
  else
    run_as<partner_instance>(of, which);
}

}  // namespace mirroring
