/// @file
/// libpq behind owning types and typed errors: a connection whose every wait has an end.
#pragma once

#include <fcntl.h>
#include <libpq-fe.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/system/result.hpp>

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/fork.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/store/postgres_address.hpp>

namespace keywarden::store::detail {

using postgres_clock = std::chrono::steady_clock;

/// What may help after a failure.
enum class remedy : std::uint8_t {
  none,       ///< nothing: it would fail again
  again,      ///< the same on the same connection: the server rolled it back for another's sake
  reconnect,  ///< a new connection: this one is lost
  patience,   ///< a new connection later: the server is starting, stopping or full
};

/// A refusal, and what may help.
struct postgres_failure {
  error what;
  remedy how = remedy::none;
};
template <class T>
using postgres_attempt = boost::system::result<T, postgres_failure>;

/// The parameters of one statement, in binary. Bound views are not copied: they outlive the use.
class postgres_values {
 public:
  static constexpr std::size_t max = 8;

  postgres_values& add(std::string_view text) & { return put(25, text.data(), text.size()); }
  postgres_values& add(bytes_view data) & {
    return put(17, reinterpret_cast<const char*>(data.data()), data.size());
  }
  postgres_values& add(std::uint64_t number) & {
    auto& kept = numbers_[count_];
    for (std::size_t i = 0; i < kept.size(); ++i)
      kept[i] = static_cast<char>(number >> (8 * (kept.size() - 1 - i)));
    return put(20, kept.data(), kept.size());
  }

  [[nodiscard]] int count() const noexcept { return static_cast<int>(count_); }
  [[nodiscard]] const ::Oid* types() const noexcept { return types_.data(); }
  [[nodiscard]] const char* const* values() const noexcept { return values_.data(); }
  [[nodiscard]] const int* sizes() const noexcept { return sizes_.data(); }
  [[nodiscard]] const int* formats() const noexcept { return formats_.data(); }

  postgres_values() noexcept { formats_.fill(1); }
  postgres_values(const postgres_values&) = delete;
  postgres_values& operator=(const postgres_values&) = delete;

 private:
  postgres_values& put(::Oid type, const char* data, std::size_t size) & {
    types_[count_] = type;
    values_[count_] = data == nullptr ? "" : data;  // a null pointer would be NULL
    sizes_[count_] = static_cast<int>(size);
    ++count_;
    return *this;
  }

  std::array<::Oid, max> types_{};
  std::array<const char*, max> values_{};
  std::array<int, max> sizes_{};
  std::array<int, max> formats_{};
  std::array<std::array<char, 8>, max> numbers_{};
  std::size_t count_ = 0;
};

/// What a statement gave, in binary.
class postgres_answer {
 public:
  explicit postgres_answer(::PGresult* result) noexcept : result_(result) {}

  [[nodiscard]] ::PGresult* get() const noexcept { return result_.get(); }
  [[nodiscard]] int rows() const noexcept { return ::PQntuples(get()); }
  /// How many rows it changed.
  [[nodiscard]] std::string_view changed() const noexcept { return ::PQcmdTuples(get()); }
  /// What was done, such as "COMMIT".
  [[nodiscard]] std::string_view command() const noexcept { return ::PQcmdStatus(get()); }

  [[nodiscard]] bool is_null(int row, int column) const noexcept {
    return ::PQgetisnull(get(), row, column) != 0;
  }
  /// Views live as long as the answer.
  [[nodiscard]] bytes_view blob(int row, int column) const noexcept {
    return {reinterpret_cast<const std::uint8_t*>(::PQgetvalue(get(), row, column)),
            static_cast<std::size_t>(::PQgetlength(get(), row, column))};
  }
  [[nodiscard]] std::string_view text(int row, int column) const noexcept {
    return as_text(blob(row, column));
  }
  [[nodiscard]] std::uint64_t integer(int row, int column) const noexcept {
    std::uint64_t value = 0;
    for (const auto each : blob(row, column)) value = value << 8U | each;
    return value;
  }

 private:
  struct clear {
    void operator()(::PGresult* result) const noexcept { ::PQclear(result); }
  };
  std::unique_ptr<::PGresult, clear> result_;
};

/// A connection to one server. Threads: one at a time. In a forked child it may only be destroyed,
/// which leaves the parent's session alone.
class postgres_connection {
 public:
  /// The oldest server that is supported: 15.
  static constexpr int least_version = 150000;

  /// Connects until `deadline` at the latest, or until the descriptor `interrupt`, if not -1, can
  /// be read. Failures: as `failure`; `unsupported_version` for an old server.
  [[nodiscard]] static postgres_attempt<postgres_connection> open(
      const postgres_server& server, postgres_clock::time_point deadline, int interrupt = -1) {
    std::vector<const char*> keywords;
    std::vector<const char*> values;
    for (const auto& [keyword, value] : server.parameters) {
      keywords.push_back(keyword.c_str());
      values.push_back(value.data());
    }
    keywords.push_back(nullptr);
    values.push_back(nullptr);
    postgres_connection made(::PQconnectStartParams(keywords.data(), values.data(), 0),
                             server.shown);
    auto* const handle = made.get();
    if (handle == nullptr) return made.lost("connect", "out of memory");
    ::PQsetErrorVerbosity(handle, PQERRORS_VERBOSE);  // with the SQLSTATE, until it is connected
    ::PQsetNoticeReceiver(
        handle, [](void*, const ::PGresult*) {}, nullptr);
    for (auto next = PGRES_POLLING_WRITING; next != PGRES_POLLING_OK;
         next = ::PQconnectPoll(handle)) {
      if (next == PGRES_POLLING_FAILED || ::PQstatus(handle) == CONNECTION_BAD)
        return made.refused();
      const auto events = static_cast<short>(next == PGRES_POLLING_READING ? POLLIN : POLLOUT);
      if (const auto end = made.wait(events, deadline, interrupt); end != waited::ready)
        return made.lost("connect", end == waited::expired ? "timed out" : "interrupted");
    }
    ::PQsetErrorVerbosity(handle, PQERRORS_DEFAULT);
    ::PQsetnonblocking(handle, 1);
    if (const int version = ::PQserverVersion(handle); version < least_version)
      return postgres_failure{error(errc::unsupported_version)
                                  .with(fact::peer, server.shown)
                                  .with(fact::version, version / 10000)
                                  .with(fact::limit, least_version / 10000)};
    return made;
  }

  [[nodiscard]] ::PGconn* get() const noexcept { return handle_.get(); }
  [[nodiscard]] const std::string& shown() const noexcept { return shown_; }
  /// Whether this connection can be used no more.
  [[nodiscard]] bool is_lost() const noexcept {
    return lost_ || ::PQstatus(get()) != CONNECTION_OK;
  }
  /// Whether a transaction is open.
  [[nodiscard]] bool in_transaction() const noexcept {
    return ::PQtransactionStatus(get()) != PQTRANS_IDLE;
  }

  /// Runs one statement. Failures: as `failure`; `store_busy` after `deadline`, and then the
  /// connection is lost.
  [[nodiscard]] postgres_attempt<postgres_answer> ask(const char* sql,
                                                      const postgres_values& values,
                                                      std::string_view operation,
                                                      postgres_clock::time_point deadline) {
    if (is_lost() || ::PQsendQueryParams(get(), sql, values.count(), values.types(),
                                         values.values(), values.sizes(), values.formats(), 1) == 0)
      return lost(operation);
    for (int unsent = 1; (unsent = ::PQflush(get())) != 0;) {
      if (unsent < 0) return lost(operation);
      if (wait(POLLIN | POLLOUT, deadline, -1) != waited::ready) return late(operation);
      if (::PQconsumeInput(get()) == 0) return lost(operation);
    }
    postgres_answer first(nullptr);
    for (;;) {
      while (::PQisBusy(get()) != 0) {
        if (wait(POLLIN, deadline, -1) != waited::ready) return late(operation);
        if (::PQconsumeInput(get()) == 0) return lost(operation);
      }
      postgres_answer next(::PQgetResult(get()));
      if (next.get() == nullptr) break;
      if (first.get() == nullptr) first = std::move(next);
    }
    const auto status = ::PQresultStatus(first.get());
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) return first;
    if (first.get() == nullptr || field(first, PG_DIAG_SQLSTATE).empty()) return lost(operation);
    return failure(first, operation);
  }
  [[nodiscard]] postgres_attempt<postgres_answer> ask(const char* sql, std::string_view operation,
                                                      postgres_clock::time_point deadline) {
    return ask(sql, postgres_values(), operation, deadline);
  }

  enum class waited : std::uint8_t { ready, expired, interrupted };
  /// Waits for its socket, `interrupt` (unless -1) or `deadline`.
  [[nodiscard]] waited wait(short events, postgres_clock::time_point deadline,
                            int interrupt) const noexcept {
    std::array<::pollfd, 2> watched{{{::PQsocket(get()), events, 0}, {interrupt, POLLIN, 0}}};
    for (;;) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(deadline - postgres_clock::now());
      const auto most = std::clamp<std::int64_t>(left.count(), 0, 60000);
      const int found = ::poll(watched.data(), watched.size(), static_cast<int>(most));
      if (found < 0 && errno != EINTR) return waited::ready;  // libpq will say why
      if (watched[1].revents != 0) return waited::interrupted;
      if (found > 0) return waited::ready;
      if (postgres_clock::now() >= deadline) return waited::expired;
    }
  }

  /// A failure of the way to the server. The connection is lost.
  [[nodiscard]] postgres_failure lost(std::string_view operation, std::string_view reason = {}) {
    lost_ = true;
    auto said = reason.empty() ? plain(::PQerrorMessage(get())) : std::string(reason);
    return {about(errc::io_failed, operation).with(fact::reason, said), remedy::reconnect};
  }

 private:
  // In a forked child the socket is the parent's too: libpq shall say good-bye to nobody.
  struct finish {
    std::unique_ptr<fork_guard> owner;
    void operator()(::PGconn* handle) const noexcept {
      if (owner->forked() && ::PQsocket(handle) >= 0) {
        const int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
        if (nowhere < 0) return;
        ::dup2(nowhere, ::PQsocket(handle));
        ::close(nowhere);
      }
      ::PQfinish(handle);
    }
  };

  postgres_connection(::PGconn* handle, std::string shown)
      : handle_(handle, finish{std::make_unique<fork_guard>()}), shown_(std::move(shown)) {}

  [[nodiscard]] error about(errc what, std::string_view operation) const {
    return error(what).with(fact::peer, shown_).with(fact::operation, operation);
  }
  [[nodiscard]] static std::string_view field(const postgres_answer& from, int which) noexcept {
    const char* const value = ::PQresultErrorField(from.get(), which);
    return value == nullptr ? std::string_view() : std::string_view(value);
  }
  /// libpq's message on one line, without the source lines of the server.
  [[nodiscard]] static std::string plain(std::string_view message) {
    std::string text(message.substr(0, message.find("\nLOCATION:")));
    while (text.ends_with('\n')) text.pop_back();
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
  }
  /// The SQLSTATE in a verbose message ("FATAL:  28P01: …"), or nothing.
  [[nodiscard]] static std::string_view state_in(std::string_view message) noexcept {
    for (auto at = message.find(":  "); at != std::string_view::npos;
         at = message.find(":  ", at + 1)) {
      const auto state = message.substr(at + 3, 5);
      if (message.substr(at + 8, 2) == ": " &&
          state.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string_view::npos)
        return state;
    }
    return {};
  }

  /// The failure to connect.
  [[nodiscard]] postgres_failure refused() {
    const std::string_view message = ::PQerrorMessage(get());
    const auto state = state_in(message);
    auto made = lost("connect");
    if (message.find("root certificate") != std::string_view::npos)
      made.what = std::move(made.what).with(
          fact::next_step, "name the file of the authority's certificate: sslrootcert=FILE");
    if (state.starts_with("57P") || state == "53300")
      made.how = remedy::patience;
    else if (!state.empty())
      made.how = remedy::none;  // a wrong password, no such database
    return made;
  }

  /// The statement took too long; nobody knows what became of it.
  [[nodiscard]] postgres_failure late(std::string_view operation) {
    lost_ = true;
    return {about(errc::store_busy, operation).with(fact::reason, "no answer in time")};
  }

  /// The typed form of the server's refusal, with `fact::peer`, `fact::operation` and its reason.
  [[nodiscard]] postgres_failure failure(const postgres_answer& from, std::string_view operation) {
    const auto state = field(from, PG_DIAG_SQLSTATE);
    const auto severity = field(from, PG_DIAG_SEVERITY_NONLOCALIZED);
    const auto made = [&](errc what, remedy how = remedy::none, std::string_view next = {}) {
      auto reason = std::string(field(from, PG_DIAG_MESSAGE_PRIMARY)) + " (SQLSTATE " +
                    std::string(state) + ')';
      postgres_failure told{about(what, operation).with(fact::reason, reason), how};
      if (!next.empty()) told.what = std::move(told.what).with(fact::next_step, next);
      return told;
    };
    const auto any_of = [&](std::initializer_list<std::string_view> states) {
      return std::ranges::find(states, state) != states.end();
    };
    if (any_of({"40001", "40P01"})) return made(errc::store_busy, remedy::again);
    if (any_of({"55P03", "57014"})) return made(errc::store_busy);
    if (severity == "FATAL" || severity == "PANIC" || state.starts_with("08") ||
        state.starts_with("57P") || any_of({"25006", "25P03", "53300"})) {
      lost_ = true;
      return made(errc::io_failed, remedy::reconnect);
    }
    if (state == "42501")
      return made(errc::io_failed, remedy::none, "grant the role what docs/postgresql.md lists");
    if (state == "53100") return made(errc::io_failed, remedy::none, "free some space");
    if (state.starts_with("54")) return made(errc::limit_exceeded);
    if (state.starts_with("42") || state.starts_with("22") || state.starts_with("23") ||
        state.starts_with("3F") || state.starts_with("XX"))
      return made(errc::store_corrupt);
    return made(errc::io_failed);
  }

  std::unique_ptr<::PGconn, finish> handle_;
  std::string shown_;
  bool lost_ = false;
};

}  // namespace keywarden::store::detail
