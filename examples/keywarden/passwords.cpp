#include "passwords.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <limits>
#include <string>

#include "files.hpp"

namespace cli {

using keywarden::errc;
using keywarden::error;
using keywarden::fact;
using keywarden::password;
using keywarden::plaintext;
using keywarden::result;

namespace {

constexpr std::size_t longest = 1024;

// Byte by byte, so that several passwords may follow each other on one descriptor, and data after
// them.
result<plaintext> read_line(int file, const std::string& where) {
  plaintext line(longest + 1);
  std::size_t size = 0;
  for (;;) {
    std::uint8_t& next = line.view()[size];
    const auto got = ::read(file, &next, 1);
    if (got < 0)
      return error(errc::secret_unavailable)
          .with(fact::file, where)
          .with(fact::reason, std::strerror(errno));
    if (got == 0 || next == '\n') break;
    if (++size > longest)
      return error(errc::password_refused).with(fact::file, where).with(fact::limit, longest);
  }
  if (size > 0 && line.view()[size - 1] == '\r') --size;
  line.shrink(size);
  if (line.empty())
    return error(errc::secret_unavailable)
        .with(fact::file, where)
        .with(fact::reason, "an empty line");
  return line;
}

result<plaintext> read_from_file(const std::string& path) {
  const descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  const auto unavailable = [&](std::string_view reason) {
    return error(errc::secret_unavailable).with(fact::file, path).with(fact::reason, reason);
  };
  struct ::stat facts {};
  if (!file || ::fstat(file.number(), &facts) != 0) return unavailable(std::strerror(errno));
  if (S_ISREG(facts.st_mode) && (facts.st_mode & 077U) != 0)
    return unavailable("others may access it").with(fact::next_step, "chmod 600 the file");
  return read_line(file.number(), path);
}

// Echo is off while this lives, and a signal ends the read instead of the program, so that echo
// comes back.
class silence {
 public:
  explicit silence(int terminal) : terminal_(terminal) {
    struct ::sigaction interrupt {};
    interrupt.sa_handler = [](int) {};
    for (std::size_t i = 0; i < signals.size(); ++i)
      ::sigaction(signals[i], &interrupt, &actions_[i]);
    off_ = ::tcgetattr(terminal_, &before_) == 0;
    auto quiet = before_;
    quiet.c_lflag &= ~static_cast<::tcflag_t>(ECHO);
    off_ = off_ && ::tcsetattr(terminal_, TCSAFLUSH, &quiet) == 0;
  }
  silence(const silence&) = delete;
  silence& operator=(const silence&) = delete;
  ~silence() {
    if (off_) ::tcsetattr(terminal_, TCSAFLUSH, &before_);
    for (std::size_t i = 0; i < signals.size(); ++i) ::sigaction(signals[i], &actions_[i], nullptr);
  }
  [[nodiscard]] explicit operator bool() const noexcept { return off_; }

 private:
  static constexpr std::array signals{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
  int terminal_;
  bool off_ = false;
  struct ::termios before_ {};
  std::array<struct ::sigaction, signals.size()> actions_{};
};

void say(int terminal, std::string_view text) {
  while (!text.empty()) {
    const auto count = ::write(terminal, text.data(), text.size());
    if (count <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

result<plaintext> ask_once(int terminal, const std::string& prompt) {
  const silence quiet(terminal);
  if (!quiet)
    return error(errc::secret_unavailable)
        .with(fact::reason, "the terminal's echo cannot be switched off");
  say(terminal, prompt);
  auto line = read_line(terminal, "/dev/tty");
  say(terminal, "\n");
  return line;
}

result<plaintext> ask(const option& what) {
  const descriptor terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  const auto name = std::string(what.name);
  if (!terminal)
    return error(errc::secret_required)
        .with(fact::name, name)
        .with(fact::reason, "there is no terminal to ask at")
        .with(fact::next_step, "give --" + name + "-file FILE or --" + name + "-fd N");
  const bool fresh = what.takes == option::kind::new_password;
  const auto prompt =
      (fresh ? "New password of " : "Password of ") + std::string(what.shown) + ": ";
  auto first = ask_once(terminal.number(), prompt);
  if (!first || !fresh) return first;
  auto second = ask_once(terminal.number(), "The same again: ");
  if (!second) return second;
  if (!(*first == second->view()))
    return error(errc::password_refused)
        .with(fact::reason, "the two that were typed are not the same");
  return first;
}

}  // namespace

bool can_ask() {
  return static_cast<bool>(descriptor(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)));
}

result<plaintext> read_secret(const invocation& call, std::string_view name) {
  const auto file = call.value(std::string(name) + "-file");
  const auto number = call.value(std::string(name) + "-fd");
  if (file && number)
    return error(errc::invalid_argument)
        .with(fact::reason,
              "--" + std::string(name) + " comes from a file or from a descriptor, not from both");
  if (file) return read_from_file(*file);
  if (number) {
    auto parsed =
        parse_number(*number, "--" + std::string(name) + "-fd", std::numeric_limits<int>::max());
    if (!parsed) return parsed.error();
    return read_line(static_cast<int>(*parsed), "descriptor " + *number);
  }
  return ask(*call.find(name));
}

result<password> read_password(const invocation& call, std::string_view name) {
  auto line = read_secret(call, name);
  if (!line) return line.error();
  return password(line->text());
}

}  // namespace cli
