/// @file
/// One connection's requests: admitted, read, answered.
#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/vector_body.hpp>
#include <boost/beast/http/write.hpp>

#include <botan/secmem.h>

#include <keywarden/admit/dynamic_ip_restrictions.hpp>

#include "request_text.hpp"

namespace split_merge {

namespace http = boost::beast::http;

/// The body of a request: it may hold credentials, so its memory is wiped.
using secret_body = http::vector_body<std::uint8_t, Botan::secure_allocator<std::uint8_t>>;
using secret_buffer = boost::beast::basic_flat_buffer<Botan::secure_allocator<char>>;

struct answer {
  http::status status = http::status::ok;
  std::string body;
  std::string_view type = "application/json";
  std::string location = {};
};

/// What a client asked, once it was admitted.
struct question {
  http::verb method;
  std::string_view target;
  keywarden::bytes_view body;
  std::string_view client;         ///< for people: a certificate's fingerprint, or "anonymous"
  bool from_another_site = false;  ///< a browser says that another site's page sent this
};

/// Whatever answers requests. `site` outlives its connections.
class site {
 public:
  virtual ~site() = default;
  [[nodiscard]] virtual answer respond(const question& asked) = 0;
  [[nodiscard]] virtual const keywarden::admit::dynamic_ip_restrictions& limits() const = 0;
  virtual void log_request(std::string_view line) = 0;

 protected:
  site() = default;
  site(const site&) = default;
  site& operator=(const site&) = default;
};

namespace detail {

inline void set_headers(http::response<http::string_body>& to, std::string_view type) {
  to.set(http::field::content_type, type);
  to.set(http::field::cache_control, "no-store");
  to.set(http::field::strict_transport_security, "max-age=31536000");
  to.set("Content-Security-Policy", "default-src 'none'; style-src 'self'; frame-ancestors 'none'");
  to.set("X-Content-Type-Options", "nosniff");
  to.set("Referrer-Policy", "no-referrer");
}

/// Cancels what a stream does when it takes too long as a whole. One thread.
template <class Stream>
class deadline {
 public:
  explicit deadline(Stream& of)
      : timer_(of.get_executor()), alive_(std::make_shared<Stream*>(&of)) {}
  deadline(const deadline&) = delete;
  deadline& operator=(const deadline&) = delete;
  ~deadline() { *alive_ = nullptr; }

  void allow(std::chrono::steady_clock::duration time) {
    timer_.expires_after(time);
    timer_.async_wait([alive = alive_](boost::system::error_code cancelled) {
      if (!cancelled && *alive != nullptr) (*alive)->cancel();
    });
  }

 private:
  boost::asio::steady_timer timer_;
  std::shared_ptr<Stream*> alive_;
};

/// What browsers say of themselves: other sites' pages can send requests with their visitor's
/// certificate, and cannot hide that they did.
template <class Request>
[[nodiscard]] bool is_from_another_site(const Request& asked) {
  const auto site = asked.find("Sec-Fetch-Site");
  if (site != asked.end() && site->value() != "same-origin" && site->value() != "none") return true;
  const auto origin = asked.find(http::field::origin);
  return origin != asked.end() &&
         origin->value() != std::string("https://").append(asked[http::field::host]);
}

}  // namespace detail

/// Serves one connection until it ends, ten minutes at most. Each request is admitted before its
/// body is read; one that is not gets what the configuration says, in the extreme a closed
/// connection. A client has `patience` for all of a request, and as long to take the answer,
/// however it dribbles.
template <class Stream>
boost::asio::awaitable<void> converse(Stream stream, keywarden::admit::address from,
                                      std::string client, site& serves,
                                      std::chrono::steady_clock::duration patience) {
  constexpr std::size_t max_header = 8192;
  constexpr auto token = boost::asio::as_tuple(boost::asio::use_awaitable);
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(10);
  stream.expires_after(patience);
  secret_buffer room(max_header + max_request_text);
  detail::deadline<Stream> time(stream);
  for (;;) {
    time.allow(patience);
    http::request_parser<secret_body> parser;
    parser.header_limit(max_header);
    parser.body_limit(max_request_text);
    if (auto [failed, size] = co_await http::async_read_header(stream, room, parser, token); failed)
      break;
    const auto& head = parser.get();
    std::vector<std::string_view> forwarded;
    for (const auto& each : head)
      if (boost::beast::iequals(each.name_string(), "X-Forwarded-For"))
        forwarded.emplace_back(each.value().data(), each.value().size());
    const auto line = from.text() + " " + client + " " + std::string(head.method_string()) + " " +
                      std::string(head.target());
    const auto permit = serves.limits().admit({from, forwarded}, std::chrono::steady_clock::now());
    answer made;
    bool last = false;
    if (!permit) {
      const auto action = serves.limits().deny_action();
      serves.log_request(line + " denied: " + permit.error().message());
      if (action.aborts()) co_return;  // no answer at all
      made = {static_cast<http::status>(*action.status()), "denied\n", "text/plain"};
      last = true;
    } else {
      if (auto [failed, size] = co_await http::async_read(stream, room, parser, token); failed) {
        if (failed != http::error::body_limit) break;
        made = {http::status::payload_too_large, "too long\n", "text/plain"};
        last = true;
      } else {
        made = serves.respond({parser.get().method(),
                               {parser.get().target().data(), parser.get().target().size()},
                               parser.get().body(),
                               client,
                               detail::is_from_another_site(parser.get())});
      }
      serves.log_request(line + " " + std::to_string(static_cast<unsigned>(made.status)));
    }
    time.allow(patience);
    last = last || std::chrono::steady_clock::now() > end;
    if (parser.get().method() == http::verb::head) {  // an answer to it has no body
      made.body.clear();
      last = true;
    }
    http::response<http::string_body> sent(made.status, 11);
    detail::set_headers(sent, made.type);
    if (!made.location.empty()) sent.set(http::field::location, made.location);
    sent.keep_alive(!last && parser.get().keep_alive());
    sent.body() = std::move(made.body);
    sent.prepare_payload();
    if (auto [failed, size] = co_await http::async_write(stream, sent, token); failed) co_return;
    if (!sent.keep_alive()) break;
  }
  static_cast<void>(co_await stream.async_shutdown(token));
}

}  // namespace split_merge
