/// @file
/// A PostgreSQL server of a test's own: made, started, killed, restarted and removed.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/scratch.hpp"

namespace keywarden::testing {

/// Polls until `holds()`; throws after a minute.
template <class Condition>
void wait_until(Condition&& holds, const std::string& what) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("never: " + what);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

/// A port of 127.0.0.1 that nobody listened on a moment ago.
[[nodiscard]] inline int free_port() {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ::sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  ::socklen_t size = sizeof(address);
  const bool bound = ::bind(listener, reinterpret_cast<::sockaddr*>(&address), size) == 0 &&
                     ::getsockname(listener, reinterpret_cast<::sockaddr*>(&address), &size) == 0;
  ::close(listener);
  if (!bound) throw std::runtime_error("no free port");
  return ::ntohs(address.sin_port);
}

/// A user who may run a server: PostgreSQL and PgBouncer refuse root. Nobody in particular for
/// everyone else.
class server_user {
 public:
  server_user() {
    if (::geteuid() != 0) return;
    const ::passwd* entry = ::getpwnam("postgres");
    if (entry == nullptr) entry = ::getpwnam("nobody");
    if (entry == nullptr) throw std::runtime_error("root needs another user to run a server");
    who_ = {entry->pw_uid, entry->pw_gid};
  }

  /// Gives a file or folder to that user.
  void own(const std::filesystem::path& path) const {
    if (who_ && ::chown(path.c_str(), who_->first, who_->second) != 0)
      throw std::runtime_error("cannot give " + path.string() + " away");
  }

  /// Starts a program as that user, its output added to `log`. `told`, if not -1, becomes its
  /// standard input.
  [[nodiscard]] ::pid_t start(const std::vector<std::string>& words,
                              const std::filesystem::path& folder, const std::filesystem::path& log,
                              int told = -1, bool as_itself = false) const {
    std::vector<char*> arguments;
    for (const auto& each : words) arguments.push_back(const_cast<char*>(each.c_str()));
    arguments.push_back(nullptr);
    const ::pid_t process = ::fork();
    if (process < 0) throw std::runtime_error("no child process");
    if (process > 0) return process;
    ::setsid();  // a terminal's interrupt is for the test
    const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    const int input = told >= 0 ? told : ::open("/dev/null", O_RDONLY);
    if (output < 0 || ::dup2(input, 0) < 0 || ::dup2(output, 1) < 0 || ::dup2(output, 2) < 0 ||
        ::chdir(folder.c_str()) != 0)
      ::_exit(126);
    ::signal(SIGPIPE, SIG_DFL);
    if (who_ && !as_itself &&
        (::setgroups(0, nullptr) != 0 || ::setgid(who_->second) != 0 || ::setuid(who_->first) != 0))
      ::_exit(126);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }

 private:
  std::optional<std::pair<::uid_t, ::gid_t>> who_;
};

/// A server process, and the folder it lives in. Whatever ends the test, the server ends and the
/// folder goes: a small shell waits for the end of a pipe that only the test (and its forks) hold.
class server_process {
 public:
  server_process() {
    if (::chmod(folder_.path().c_str(), 0755) != 0) throw std::runtime_error("no folder");
    user_.own(folder_.path());
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    alive_ = ends[1];
    mourner_ = user_.start({"/bin/sh", "-c",
                            "cat > /dev/null; for each in \"$0\"/*.pid \"$0\"/data/*.pid; do "
                            "test -f \"$each\" && kill -QUIT \"$(head -n 1 \"$each\")\"; done; "
                            "rm -rf \"$0\"",
                            folder_.path().string()},
                           "/", "/dev/null", ends[0], true);
    ::close(ends[0]);
  }
  server_process(const server_process&) = delete;
  server_process& operator=(const server_process&) = delete;
  ~server_process() {
    end(SIGQUIT);
    ::close(alive_);
    // The shell ends by itself when the forks of this process are gone too: nobody waits for that.
  }

  /// The folder of its socket, its log and its files.
  [[nodiscard]] const std::filesystem::path& folder() const noexcept { return folder_.path(); }
  [[nodiscard]] std::string log() const {
    std::ifstream file(folder() / "log");
    return {std::istreambuf_iterator<char>(file), {}};
  }
  [[nodiscard]] const server_user& user() const noexcept { return user_; }

  void start(const std::vector<std::string>& words) {
    running_ = user_.start(words, folder(), folder() / "log");
  }
  [[nodiscard]] bool ended() {
    if (running_ > 0 && ::waitpid(running_, nullptr, WNOHANG) == running_) running_ = -1;
    return running_ <= 0;
  }
  void signal(int number) const {
    if (running_ > 0) ::kill(running_, number);
  }
  /// Ends it with this signal, and waits.
  void end(int number) {
    if (running_ <= 0) return;
    signal(number);
    ::waitpid(running_, nullptr, 0);
    running_ = -1;
  }
  /// Runs a program as the server's user and waits; throws with the log if it fails.
  void run(const std::vector<std::string>& words) const {
    int status = -1;
    ::waitpid(user_.start(words, folder(), folder() / "log"), &status, 0);
    if (status != 0) throw std::runtime_error(words[0] + " failed: " + log());
  }

 private:
  scratch folder_;
  server_user user_;
  ::pid_t running_ = -1;
  ::pid_t mourner_ = -1;
  int alive_ = -1;
};

/// A PostgreSQL cluster with a database "postgres" and a superuser "postgres", on a Unix socket and
/// on 127.0.0.1 with and without TLS (the certificate is for "localhost" alone).
///
/// Who logs in over TCP as "teller" needs the password "hush-hush-7" once that role was made with
/// it; everybody else is trusted. Not durable against a power cut: nothing is synced.
/// Threads: `uri`, `tls` and `sql` from any, the rest from one.
class postgres_cluster {
 public:
  /// The folder of PostgreSQL's newest programs, or nothing where it is not installed.
  [[nodiscard]] static std::optional<std::filesystem::path> programs() {
    namespace fs = std::filesystem;
    std::optional<std::pair<int, fs::path>> newest;
    std::error_code none;
    for (const auto& each : fs::directory_iterator("/usr/lib/postgresql", none)) {
      const int version = std::atoi(each.path().filename().c_str());
      if (fs::exists(each.path() / "bin/initdb") && (!newest || version > newest->first))
        newest = {version, each.path() / "bin"};
    }
    if (!newest) return std::nullopt;
    return newest->second;
  }

  /// Makes the cluster and starts it.
  postgres_cluster() : programs_(programs().value()), port_(free_port()) {
    process_.run({programs_ / "initdb", "--no-sync", "--no-instructions", "-A", "trust", "-U",
                  "postgres", "-E", "UTF8", "--locale=C", "-D", data()});
    write("data/pg_hba.conf",
          "local all all trust\nhost all teller 127.0.0.1/32 scram-sha-256\n"
          "host all all 127.0.0.1/32 trust\n"
          "local replication all trust\n");
    certify();
    start();
  }

  /// Makes a standby that follows `primary`, synchronously: once it is there, the primary waits for
  /// it with every commit.
  explicit postgres_cluster(const postgres_cluster& primary)
      : programs_(programs().value()), port_(free_port()) {
    process_.run({programs_ / "pg_basebackup", "--no-sync", "-c", "fast", "-R", "-D", data(), "-d",
                  primary.uri() + "&application_name=standby"});
    certify();
    start();
    primary.sql("ALTER SYSTEM SET synchronous_standby_names = '*'");
    primary.sql("SELECT pg_reload_conf()");
    wait_until(
        [&] { return primary.sql("SELECT max(sync_state) FROM pg_stat_replication") == "sync"; },
        "the standby follows");
  }
  /// Makes a primary of the standby.
  void promote() const {
    sql("SELECT pg_promote()");
    sql("ALTER SYSTEM SET synchronous_standby_names = ''");
    sql("SELECT pg_reload_conf()");
  }

  [[nodiscard]] const std::filesystem::path& folder() const noexcept { return process_.folder(); }
  [[nodiscard]] int port() const noexcept { return port_; }
  [[nodiscard]] std::string log() const { return process_.log(); }
  [[nodiscard]] std::filesystem::path socket() const {
    return folder() / (".s.PGSQL." + std::to_string(port_));
  }
  /// The certificate that the server's leads to, and one of somebody else.
  [[nodiscard]] std::filesystem::path authority() const { return folder() / "authority.pem"; }
  [[nodiscard]] std::filesystem::path strange_authority() const {
    return folder() / "strange-authority.pem";
  }

  /// A connection URI through the Unix socket.
  [[nodiscard]] std::string uri(const std::string& user = "postgres",
                                const std::string& database = "postgres") const {
    return "postgresql:///" + database + "?host=" + folder().string() +
           "&port=" + std::to_string(port_) + "&user=" + user;
  }
  /// A connection URI over TCP; `parameters` such as "sslmode=require".
  [[nodiscard]] std::string tcp(const std::string& host, const std::string& parameters = {},
                                const std::string& user = "postgres") const {
    return "postgresql://" + user + '@' + host + ':' + std::to_string(port_) + "/postgres" +
           (parameters.empty() ? "" : '?' + parameters);
  }
  /// A connection URI over TLS with full verification.
  [[nodiscard]] std::string tls(const std::string& user = "postgres") const {
    return tcp("localhost", "hostaddr=127.0.0.1&sslrootcert=" + authority().string(), user);
  }

  /// Runs SQL as the superuser, waiting for a server that starts; the first field of the last row,
  /// or "". Throws what the server said against it.
  std::string sql(const std::string& text, const std::string& database = "postgres") const {
    const auto place = uri("postgres", database);
    ::PGconn* connection = nullptr;
    wait_until(
        [&] {
          connection = ::PQconnectdb(place.c_str());
          if (::PQstatus(connection) == CONNECTION_OK) return true;
          ::PQfinish(connection);
          return false;
        },
        "PostgreSQL takes connections: " + log());
    ::PQsetNoticeReceiver(
        connection, [](void*, const ::PGresult*) {}, nullptr);
    ::PGresult* const answer = ::PQexec(connection, text.c_str());
    const auto status = ::PQresultStatus(answer);
    std::string said = ::PQresultErrorMessage(answer);
    std::string first;
    if (status == PGRES_TUPLES_OK && ::PQntuples(answer) > 0)
      first = ::PQgetvalue(answer, ::PQntuples(answer) - 1, 0);
    ::PQclear(answer);
    ::PQfinish(connection);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) throw std::runtime_error(said);
    return first;
  }

  /// Starts the server and waits until it takes connections.
  void start() {
    // The backends of a server that was killed hold its shared memory for a moment.
    for (int attempt = 0;; ++attempt) {
      std::vector<std::string> words{programs_ / "postgres", "-D", data()};
      for (const auto& each :
           {"fsync=off", "full_page_writes=off", "shared_buffers=16MB", "max_connections=60",
            "autovacuum=off", "dynamic_shared_memory_type=posix", "log_min_messages=log", "ssl=on",
            "password_encryption=scram-sha-256", "restart_after_crash=on"})
        words.insert(words.end(), {"-c", each});
      for (const auto& each :
           {"unix_socket_directories=" + folder().string(),
            std::string("listen_addresses=127.0.0.1"), "port=" + std::to_string(port_),
            "ssl_cert_file=" + (folder() / "server.pem").string(),
            "ssl_key_file=" + (folder() / "server.key").string()})
        words.insert(words.end(), {"-c", each});
      process_.start(words);
      bool ready = false;
      wait_until(
          [&] {
            ready = ::PQping(uri().c_str()) == PQPING_OK;
            return ready || process_.ended();
          },
          "PostgreSQL is ready");
      if (ready) return;
      if (attempt == 20) throw std::runtime_error("PostgreSQL does not start: " + log());
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }
  /// Ends the server at once, as `pg_ctl stop -m immediate` does: it recovers when it is started.
  void stop() { process_.end(SIGQUIT); }
  /// Kills the server's first process (SIGKILL); its others notice and end.
  void kill() { process_.end(SIGKILL); }
  void restart() {
    stop();
    start();
  }
  /// Stops answering (SIGSTOP) until `thaw`: the backends go on, new connections hang.
  void freeze() const { process_.signal(SIGSTOP); }
  void thaw() const { process_.signal(SIGCONT); }

 private:
  [[nodiscard]] std::string data() const { return folder() / "data"; }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder() / name) << text;
    process_.user().own(folder() / name);
  }

  void certify() const {
    write("names", "subjectAltName=DNS:localhost\n");
    const std::string authority =
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
        "-addext basicConstraints=critical,CA:TRUE ";
    openssl(authority + "-subj /CN=Authority -keyout authority.key -out authority.pem");
    openssl(authority + "-subj /CN=Stranger -keyout stranger.key -out strange-authority.pem");
    openssl(
        "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost "
        "-keyout server.key -out server.csr");
    openssl(
        "x509 -req -in server.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 2 "
        "-extfile names -out server.pem");
  }
  void openssl(const std::string& words) const {
    process_.run({"/bin/sh", "-c", "umask 077 && openssl " + words + " && chmod a+r *.pem"});
  }

  std::filesystem::path programs_;
  int port_;
  server_process process_;
};

/// PgBouncer in front of a cluster, in transaction pooling mode.
class pgbouncer {
 public:
  [[nodiscard]] static std::optional<std::string> program() {
    for (const auto* each : {"/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"})
      if (std::filesystem::exists(each)) return each;
    return std::nullopt;
  }

  explicit pgbouncer(const postgres_cluster& behind) : port_(free_port()) {
    std::ofstream(folder() / "ini")
        << "[databases]\n* = host=" << behind.folder().string() << " port=" << behind.port()
        << " user=postgres\n[pgbouncer]\npool_mode=transaction\nauth_type=any\nlisten_addr=\n"
        << "listen_port=" << port_ << "\nunix_socket_dir=" << folder().string()
        << "\ndefault_pool_size=3\nmax_client_conn=100\npidfile="
        << (folder() / "pgbouncer.pid").string() << '\n';
    process_.user().own(folder() / "ini");
    process_.start({program().value(), (folder() / "ini").string()});
    wait_until([&] { return ::PQping(uri().c_str()) == PQPING_OK || process_.ended(); },
               "PgBouncer is ready");
    if (process_.ended()) throw std::runtime_error("PgBouncer does not start: " + process_.log());
  }

  [[nodiscard]] const std::filesystem::path& folder() const noexcept { return process_.folder(); }
  [[nodiscard]] std::string uri() const {
    return "postgresql:///postgres?host=" + folder().string() + "&port=" + std::to_string(port_) +
           "&user=postgres";
  }

 private:
  int port_;
  server_process process_;
};

}  // namespace keywarden::testing
