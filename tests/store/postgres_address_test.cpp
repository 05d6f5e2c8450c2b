// How a PostgreSQL store reads connection strings, and what it demands of the way to the server.

#include <keywarden/store/postgres.hpp>

#include <poll.h>

#include <thread>

#include "store/laws.hpp"
#include "support/postgres_place.hpp"

namespace keywarden::testing {
namespace postgres_address_test {

using store::postgres;
using local = store::basic_postgres<store::unencrypted_on_loopback>;

template <class T>
[[nodiscard]] std::string refusal(const result<T>& from) {
  return from ? "none" : std::string(name_of(from.error().code()));
}
template <class T>
[[nodiscard]] std::string reason(const result<T>& from) {
  return from ? "none" : std::string(from.error().value_of(fact::reason));
}
[[nodiscard]] bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}
[[nodiscard]] bool mentions(const error& why, std::string_view part) {
  return contains(why.message(), part) ||
         std::ranges::any_of(why.facts(),
                             [&](const auto& each) { return contains(each.value, part); }) ||
         std::ranges::any_of(why.causes(), [&](const auto& each) { return mentions(each, part); });
}

/// A server on 127.0.0.1 that has no TLS: it answers 'N', and keeps what it is told.
class server_without_tls {
 public:
  server_without_tls() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ::sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    ::socklen_t size = sizeof(address);
    BOOST_REQUIRE(::bind(listener_, reinterpret_cast<::sockaddr*>(&address), size) == 0);
    BOOST_REQUIRE(::getsockname(listener_, reinterpret_cast<::sockaddr*>(&address), &size) == 0);
    BOOST_REQUIRE(::listen(listener_, 4) == 0);
    port_ = ::ntohs(address.sin_port);
    serving_ = std::thread([this] {
      const int client = ::accept(listener_, nullptr, nullptr);
      char buffer[4096];
      bool refused = false;
      for (;;) {
        const auto got = ::read(client, buffer, sizeof(buffer));
        if (got <= 0) break;
        told_.append(buffer, static_cast<std::size_t>(got));
        if (!refused) static_cast<void>(!::write(client, "N", 1));
        refused = true;
      }
      ::close(client);
    });
  }
  [[nodiscard]] int port() const { return port_; }
  /// All that the client sent.
  [[nodiscard]] std::string told() {
    serving_.join();
    ::close(listener_);
    return told_;
  }

 private:
  int listener_ = -1;
  int port_ = 0;
  std::string told_;
  std::thread serving_;
};

BOOST_AUTO_TEST_SUITE(postgres_address)

BOOST_AUTO_TEST_CASE(anything_below_verify_full_is_refused_and_told_what_to_do) {
  for (const std::string mode : {"disable", "allow", "prefer", "require", "verify-ca"})
    for (const auto& text :
         {"postgresql://u@db.example/x?sslmode=" + mode, "host=db.example sslmode=" + mode,
          "postgresql:///x?hostaddr=192.0.2.1&sslmode=" + mode,
          "host=/run/postgresql,db.example sslmode=" + mode}) {
      const auto made = postgres::open(text);
      BOOST_TEST(refusal(made) == "weaker_than_required", text);
      BOOST_TEST(made.error().value_of(fact::actual) == mode);
      BOOST_TEST(contains(made.error().value_of(fact::next_step), "sslmode=verify-full"));
    }
  BOOST_TEST(refusal(postgres::open("postgresql://db.example/x?ssl=true")) ==
             "weaker_than_required");
}

BOOST_AUTO_TEST_CASE(what_a_store_cannot_honour_is_refused_not_ignored) {
  for (const auto* parameter :
       {"gssencmode=prefer", "target_session_attrs=any", "target_session_attrs=standby",
        "ssl_min_protocol_version=TLSv1", "sslcompression=1", "replication=database",
        "service=mine", "client_encoding=LATIN1", "connect_timeout=0", "connect_timeout=-1",
        "connect_timeout=soon", "made_up=1", "port=0", "port=65536", "port=1,2"}) {
    const auto made = postgres::open("postgresql://db.example/x?" + std::string(parameter));
    BOOST_TEST(refusal(made) == "invalid_argument", parameter);
    BOOST_TEST(!made.error().value_of(fact::next_step).empty());
  }
  for (const auto* text : {"", "nonsense", "postgresql://[::1/x", "host='unterminated"})
    BOOST_TEST(refusal(postgres::open(text)) == "invalid_argument", text);
  BOOST_TEST(refusal(postgres::open(std::string_view("host=a\0b", 8))) == "invalid_argument");
  BOOST_TEST(refusal(postgres::open(std::string(10000, 'x'))) == "limit_exceeded");
  std::string many = "host=h0";
  for (int i = 1; i < 17; ++i) many += ",h" + std::to_string(i);
  BOOST_TEST(refusal(postgres::open(many)) == "limit_exceeded");
}

BOOST_AUTO_TEST_CASE(a_password_is_never_in_an_error) {
  for (const std::string text :
       {"postgresql://u:hunter2@127.0.0.1:1/x",
        "postgresql://u:hunter2@127.0.0.1:1/x?sslmode=allow",
        "postgresql://u:p@hunter2@127.0.0.1:1/x", "postgresql://u:1/hunter2@127.0.0.1:1/x",
        "postgresql://u:p?hunter2@127.0.0.1/x", "postgresql://u:hunter2@127.0.0.1:port/x",
        "postgresql://u:%hunter2@127.0.0.1/x", "host=127.0.0.1 port=1 password=hunter2",
        "host=127.0.0.1 password=a hunter2", "password=hunter2 sslmode=hunter2 host=127.0.0.1",
        "host=127.0.0.1 password='hunter2", "host=127.0.0.1 hunter2=x",
        "host=127.0.0.1 password=hunter2 connect_timeout=hunter2",
        "host=127.0.0.1 port=1 sslpassword=hunter2", "postgresql://u:x@h#hunter2@h:1/",
        "host=/nowhere password=hunter2", "host=127.0.0.1,/nowhere port=1 password=hunter2"}) {
    const auto made = postgres::open(text);
    BOOST_TEST(refusal(made) != "none", text);
    BOOST_TEST(!mentions(made.error(), "hunter2"), made.error().message());
    const auto weaker = local::open(text);
    BOOST_TEST(refusal(weaker) != "none", text);
    BOOST_TEST(!mentions(weaker.error(), "hunter2"), weaker.error().message());
  }
}

BOOST_AUTO_TEST_CASE(an_error_names_who_where_and_what) {
  const auto made = local::open("postgresql://u:p@127.0.0.1:1/x");
  BOOST_TEST(refusal(made) == "io_failed");
  BOOST_TEST(made.error().value_of(fact::peer) == "u@127.0.0.1:1/x");
  BOOST_TEST(made.error().value_of(fact::operation) == "connect");
  BOOST_TEST(contains(reason(made), "refused"), reason(made));
}

BOOST_AUTO_TEST_CASE(plain_text_is_for_loopback_addresses_alone) {
  for (const auto* host : {"localhost", "db.example", "10.0.0.1", "127.0.0.1.evil.example", "::2",
                           "0.0.0.0", "127.evil", "1.127.0.0"}) {
    const auto made = local::open("host=" + std::string(host) + " port=1");
    BOOST_TEST(refusal(made) == "weaker_than_required", host);
    BOOST_TEST(contains(made.error().value_of(fact::next_step), "127.0.0.1"));
  }
  BOOST_TEST(refusal(local::open("host=127.0.0.1 hostaddr=10.0.0.1")) == "weaker_than_required");
  BOOST_TEST(refusal(local::open("host=127.0.0.1,10.0.0.1")) == "weaker_than_required");
  BOOST_TEST(refusal(local::open("host=127.0.0.1 sslmode=require")) == "weaker_than_required");
  BOOST_TEST(refusal(local::open("host=::1 port=1")) == "io_failed");
}

BOOST_AUTO_TEST_CASE(a_server_without_tls_learns_nothing) {
  ::setenv("PGSSLMODE", "disable", 1);  // what the environment says weakens nothing
  server_without_tls strange;
  const auto made =
      postgres::open("postgresql://someone:hunter2@localhost:" + std::to_string(strange.port()) +
                     "/books?hostaddr=127.0.0.1&sslrootcert=/dev/null");
  ::unsetenv("PGSSLMODE");
  BOOST_TEST(refusal(made) == "io_failed");
  BOOST_TEST(contains(reason(made), "SSL"), reason(made));
  BOOST_TEST(strange.told().size() == 8U);  // the wish for TLS
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(postgres_tls, *boost::unit_test::precondition(has_postgres))

BOOST_AUTO_TEST_CASE(connections_are_encrypted_by_default) {
  postgres_place at;
  ::setenv("PGSSLMODE", "disable", 1);
  auto in = postgres::open(shared_cluster().tls(), at.options()).value();
  ::unsetenv("PGSSLMODE");
  const auto encrypted =
      "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
      "WHERE application_name = 'keywarden' AND client_addr IS NOT NULL";
  BOOST_TEST(at.sql(encrypted) == "t");
  const auto modest = postgres::open(shared_cluster().tls() + "&sslmode=verify-full", at.options());
  BOOST_TEST(refusal(modest) == "none");
  auto plain = local::open(shared_cluster().tcp("127.0.0.1"), at.options()).value();
  create(plain, "a", "1");
  BOOST_TEST(at.sql(encrypted) == "f");
  BOOST_TEST(text_of(in, "a") == "1");
}

BOOST_AUTO_TEST_CASE(a_strange_authority_is_refused) {
  const auto made = postgres::open(shared_cluster().tcp(
      "localhost",
      "hostaddr=127.0.0.1&sslrootcert=" + shared_cluster().strange_authority().string()));
  BOOST_TEST(refusal(made) == "io_failed");
  BOOST_TEST(contains(reason(made), "certificate verify failed"), reason(made));
}

BOOST_AUTO_TEST_CASE(a_certificate_for_another_name_is_refused) {
  const auto made = postgres::open(shared_cluster().tcp(
      "db.example", "hostaddr=127.0.0.1&sslrootcert=" + shared_cluster().authority().string()));
  BOOST_TEST(refusal(made) == "io_failed");
  BOOST_TEST(contains(reason(made), "does not match host name"), reason(made));
}

BOOST_AUTO_TEST_CASE(without_an_authority_the_next_step_is_told) {
  const auto made = postgres::open(
      shared_cluster().tcp("localhost", "hostaddr=127.0.0.1&sslrootcert=/nonexistent"));
  BOOST_TEST(refusal(made) == "io_failed");
  BOOST_TEST(contains(made.error().value_of(fact::next_step), "sslrootcert=FILE"));
}

BOOST_AUTO_TEST_CASE(a_wrong_password_is_refused_at_once_and_the_right_one_works) {
  postgres_place at;
  at.sql("CREATE ROLE teller LOGIN SUPERUSER PASSWORD 'hush-hush-7'");
  const auto begin = std::chrono::steady_clock::now();
  const auto wrong = postgres::open(shared_cluster().tls("teller:hunter2"), at.options());
  BOOST_TEST((std::chrono::steady_clock::now() - begin < std::chrono::seconds(10)));
  BOOST_TEST(refusal(wrong) == "io_failed");
  BOOST_TEST(contains(reason(wrong), "password authentication failed"), reason(wrong));
  BOOST_TEST(!mentions(wrong.error(), "hunter2"));
  auto in = postgres::open(shared_cluster().tls("teller:hush-hush-7"), at.options()).value();
  create(in, "a", "1");
  BOOST_TEST(text_of(in, "a") == "1");
}

BOOST_AUTO_TEST_CASE(a_database_that_is_not_there_is_refused_at_once) {
  const auto made = postgres::open(shared_cluster().uri("postgres", "nothing"));
  BOOST_TEST(refusal(made) == "io_failed");
  BOOST_TEST(contains(reason(made), "3D000"), reason(made));
}

BOOST_AUTO_TEST_CASE(a_server_that_takes_no_writes_is_refused) {
  postgres_place at;
  at.sql("CREATE ROLE reader LOGIN; ALTER ROLE reader SET default_transaction_read_only = on");
  const auto made = postgres::open(shared_cluster().uri("reader"), at.options());
  BOOST_TEST(refusal(made) == "io_failed");
  BOOST_TEST(contains(reason(made), "read-only"), reason(made));
}

BOOST_AUTO_TEST_CASE(a_later_server_of_a_list_is_used_when_the_first_is_not_there) {
  postgres_place at;
  auto in = postgres::open("host=/nowhere," + shared_cluster().folder().string() +
                               " port=" + std::to_string(shared_cluster().port()) +
                               " user=postgres dbname=postgres connect_timeout=2",
                           at.options())
                .value();
  create(in, "a", "1");
  BOOST_TEST(text_of(in, "a") == "1");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace postgres_address_test
}  // namespace keywarden::testing
