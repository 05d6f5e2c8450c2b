/// @file
/// Other processes: a PostgreSQL server for the length of the story, and this program's members.
#pragma once

#include <fcntl.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace farm {

/// A child process with pipes to its standard input and output; killed when the object goes.
class child {
 public:
  /// Starts `words`; its errors go to the file `log`. Without `talks` its output does, too.
  child(std::vector<std::string> words, const std::filesystem::path& log, bool talks = true) {
    int in[2], out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0)
      throw std::runtime_error("no pipes");
    std::vector<char*> arguments;
    for (auto& each : words) arguments.push_back(each.data());
    arguments.push_back(nullptr);
    id_ = ::fork();
    if (id_ < 0) throw std::runtime_error("no child process");
    if (id_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      const int errors = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      ::dup2(in[0], STDIN_FILENO);
      ::dup2(talks ? out[1] : errors, STDOUT_FILENO);
      ::dup2(errors, STDERR_FILENO);
      ::execvp(arguments[0], arguments.data());
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    to_ = in[1];
    from_.reset(::fdopen(out[0], "r"));
  }
  child(const child&) = delete;
  child& operator=(const child&) = delete;
  ~child() {
    end(SIGKILL);
    ::close(to_);
  }

  void tell(const std::string& line) const {
    const auto text = line + '\n';
    if (::write(to_, text.data(), text.size()) < 0) throw std::runtime_error("the child is gone");
  }
  /// The next line it says; "gone" after its end.
  [[nodiscard]] std::string hear() const {
    std::string line;
    for (int each = 0; (each = std::fgetc(from_.get())) != '\n';) {
      if (each == EOF) return "gone";
      line += static_cast<char>(each);
    }
    return line;
  }
  [[nodiscard]] std::string ask(const std::string& line) const {
    tell(line);
    return hear();
  }
  void end(int signal) {
    if (id_ <= 0) return;
    ::kill(id_, signal);
    ::waitpid(id_, nullptr, 0);
    id_ = -1;
  }
  /// Waits for its end; whether it ended well.
  [[nodiscard]] bool succeeded() {
    int status = 0;
    ::waitpid(id_, &status, 0);
    id_ = -1;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }

 private:
  struct closer {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };
  ::pid_t id_ = -1;
  int to_ = -1;
  std::unique_ptr<std::FILE, closer> from_;
};

/// A PostgreSQL server of its own in a folder, reachable through a socket there.
class temporary_postgres {
 public:
  /// The folder of the programs, or nothing where PostgreSQL is not installed.
  [[nodiscard]] static std::optional<std::filesystem::path> programs() {
    std::error_code none;
    for (const auto& each : std::filesystem::directory_iterator("/usr/lib/postgresql", none))
      if (std::filesystem::exists(each.path() / "bin/initdb")) return each.path() / "bin";
    return std::nullopt;
  }

  explicit temporary_postgres(const std::filesystem::path& folder)
      : folder_(folder), programs_(programs().value()) {
    if (::geteuid() == 0) {  // PostgreSQL refuses to run as root
      const auto* entry = ::getpwnam("postgres");
      if (entry == nullptr || ::chown(folder.c_str(), entry->pw_uid, entry->pw_gid) != 0)
        throw std::runtime_error("as root, PostgreSQL needs the account \"postgres\"");
      as_server_ = {"setpriv",  "--reuid",        "postgres",    "--regid",
                    "postgres", "--clear-groups", "--pdeathsig", "QUIT"};
    }
    child made(command("initdb", {"-A", "trust", "-U", "postgres", "-D", data()}), log(), false);
    if (!made.succeeded()) throw std::runtime_error("initdb failed: see " + log().string());
    start();
  }

  [[nodiscard]] std::string address() const {
    return "postgresql:///postgres?user=postgres&host=" + folder_.string();
  }
  /// All that the database holds, as a thief of a backup sees it.
  [[nodiscard]] std::string dump() const {
    const auto into = folder_ / "dump";
    child made({programs_ / "pg_dump", "-f", into, address()}, log(), false);
    if (!made.succeeded()) throw std::runtime_error("pg_dump failed");
    std::string text;
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(into.c_str(), "r"),
                                                         std::fclose);
    for (int each = 0; (each = std::fgetc(file.get())) != EOF;) text += static_cast<char>(each);
    return text;
  }
  /// Ends it as a crash does, and starts it again.
  void crash_and_restart() {
    running_->end(SIGQUIT);
    start();
  }

 private:
  [[nodiscard]] std::string data() const { return folder_ / "data"; }
  [[nodiscard]] std::filesystem::path log() const { return folder_ / "log"; }
  [[nodiscard]] std::vector<std::string> command(const std::string& program,
                                                 const std::vector<std::string>& words) const {
    auto all = as_server_;
    all.push_back(programs_ / program);
    all.insert(all.end(), words.begin(), words.end());
    return all;
  }
  void start() {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    running_ = std::make_unique<child>(
        command("postgres", {"-D", data(), "-c", "listen_addresses=", "-c",
                             "unix_socket_directories=" + folder_.string()}),
        log(), false);
    while (::PQping(address().c_str()) != PQPING_OK) {
      if (std::chrono::steady_clock::now() > until)
        throw std::runtime_error("PostgreSQL does not start: see " + log().string());
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }

  std::filesystem::path folder_;
  std::filesystem::path programs_;
  std::vector<std::string> as_server_;
  std::unique_ptr<child> running_;
};

}  // namespace farm
