/// @file
/// The program's own data: a table of orders, each sealed before it goes there.
#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <keywarden/core/bytes.hpp>

namespace farm {

/// One row.
struct order_row {
  std::int64_t number = 0;
  keywarden::bytes sealed;
};

/// The table `orders (number, sealed)`. Throws what the server says. One thread at a time.
class order_table {
 public:
  /// Waits up to half a minute for a server that is restarted.
  explicit order_table(const std::string& address) : connection_(nullptr, ::PQfinish) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    for (;;) {
      connection_.reset(::PQconnectdb(address.c_str()));
      if (::PQstatus(connection_.get()) == CONNECTION_OK) break;
      if (std::chrono::steady_clock::now() > until) fail();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    ::PQsetNoticeReceiver(
        connection_.get(), [](void*, const ::PGresult*) {}, nullptr);
  }

  void create() {
    run("CREATE TABLE IF NOT EXISTS orders (number bigserial PRIMARY KEY, sealed bytea NOT NULL)");
  }
  /// Adds an order; its number. It is there for good when this returns.
  std::int64_t add(keywarden::bytes_view sealed) {
    const auto* data = reinterpret_cast<const char*>(sealed.data());
    const int size = static_cast<int>(sealed.size());
    const int binary = 1;
    const auto answer =
        run("INSERT INTO orders (sealed) VALUES ($1) RETURNING number", data, size, binary);
    return number_at(answer.get(), 0, 0);
  }
  /// All orders, by number.
  [[nodiscard]] std::vector<order_row> all() {
    const auto answer = run("SELECT number, sealed FROM orders ORDER BY number");
    std::vector<order_row> rows;
    for (int row = 0; row < ::PQntuples(answer.get()); ++row) {
      const auto* data = reinterpret_cast<const std::uint8_t*>(::PQgetvalue(answer.get(), row, 1));
      const auto size = static_cast<std::size_t>(::PQgetlength(answer.get(), row, 1));
      rows.push_back({number_at(answer.get(), row, 0), {data, data + size}});
    }
    return rows;
  }

 private:
  using answer_pointer = std::unique_ptr<::PGresult, decltype(&::PQclear)>;

  answer_pointer run(const char* statement, const char* value = nullptr, int size = 0,
                     int format = 0) {
    answer_pointer answer(::PQexecParams(connection_.get(), statement, value != nullptr ? 1 : 0,
                                         nullptr, &value, &size, &format, 1),
                          ::PQclear);
    const auto status = ::PQresultStatus(answer.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) fail();
    return answer;
  }
  static std::int64_t number_at(const ::PGresult* answer, int row, int column) {
    return static_cast<std::int64_t>(keywarden::load_big_endian<std::uint64_t>(
        {reinterpret_cast<const std::uint8_t*>(::PQgetvalue(answer, row, column)), 8}));
  }
  [[noreturn]] void fail() { throw std::runtime_error(::PQerrorMessage(connection_.get())); }

  std::unique_ptr<::PGconn, decltype(&::PQfinish)> connection_;
};

}  // namespace farm
