#include "revocation.hpp"

#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/vector_body.hpp>
#include <boost/beast/http/write.hpp>

#include <keywarden/pki/files.hpp>

namespace split_merge {

namespace kw = keywarden;
namespace http = boost::beast::http;

namespace {

constexpr std::size_t max_list = 16U << 20U;
constexpr std::string_view scheme = "http://";

/// A list is signed: plain HTTP is how authorities publish theirs (RFC 5280, 4.2.1.13).
struct place {
  std::string host;
  std::string port = "80";
  std::string path = "/";
};

place parse(std::string_view url) {
  url.remove_prefix(scheme.size());
  place made;
  const auto slash = std::min(url.find('/'), url.size());
  if (slash != url.size()) made.path = url.substr(slash);
  const auto authority = url.substr(0, slash);
  const auto colon = authority.rfind(':');
  made.host = authority.substr(0, std::min(colon, authority.size()));
  if (colon != std::string_view::npos) made.port = authority.substr(colon + 1);
  return made;
}

kw::result<kw::bytes> fetch(const place& from) {
  boost::asio::io_context io;
  boost::beast::tcp_stream stream(io);
  stream.expires_after(std::chrono::seconds(10));
  boost::asio::ip::tcp::resolver names(io);
  boost::system::error_code failed = boost::asio::error::timed_out;
  http::response_parser<http::vector_body<std::uint8_t>> answer;
  answer.body_limit(max_list);
  boost::beast::flat_buffer room;
  http::request<http::empty_body> asked(http::verb::get, from.path, 11);
  asked.set(http::field::host, from.host);
  asked.set(http::field::connection, "close");
  // Asynchronous, because only such operations keep the time.
  stream.async_connect(names.resolve(from.host, from.port), [&](auto why, const auto&) {
    failed = why;
    if (why) return;
    http::async_write(stream, asked, [&](auto written, std::size_t) {
      failed = written;
      if (written) return;
      http::async_read(stream, room, answer, [&](auto read, std::size_t) { failed = read; });
    });
  });
  io.run();
  const auto refuse = [&](std::string_view reason) {
    return kw::error(kw::errc::io_failed)
        .with(kw::fact::name, from.host + ":" + from.port + from.path)
        .with(kw::fact::reason, reason);
  };
  if (failed) return refuse(failed.message());
  if (answer.get().result() != http::status::ok) return refuse("the answer is not 200 OK");
  return std::move(answer.get().body());
}

}  // namespace

void load_revocation(const options& asked, const kw::pki::revocation::configured& lists,
                     const kw::pki::certificate& authority) {
  if (lists.mode != kw::pki::revocation_mode::offline) return;
  const auto content = kw::pki::read_file(asked.revocation_list, max_list).value();
  auto loaded = kw::pki::revocation_snapshot::of({content}).value();
  if (!loaded.lists().front().signed_by(authority))
    throw kw::refused(kw::error(kw::errc::certificate_untrusted)
                          .with(kw::fact::file, asked.revocation_list)
                          .with(kw::fact::reason, "the authority did not sign this list"));
  lists.load(std::move(loaded));
}

std::unique_ptr<kw::pki::revocation_refresher> follow_revocation(
    const options& asked, const kw::pki::revocation::configured& lists,
    const kw::pki::certificate& authority) {
  using kw::pki::revocation_mode;
  if (lists.mode == revocation_mode::no_check) return nullptr;
  const bool fetches = asked.revocation_list.starts_with(scheme);
  if (asked.revocation_list.empty() || fetches != (lists.mode == revocation_mode::online))
    throw kw::refused(
        kw::error(kw::errc::invalid_argument)
            .with(kw::fact::name, "ClientCertificateRevocationCheck")
            .with(kw::fact::next_step, lists.mode == revocation_mode::online
                                           ? "give --revocation-list http://HOST:PORT/PATH"
                                           : "give --revocation-list FILE"));
  load_revocation(asked, lists, authority);
  if (!fetches) return nullptr;
  return std::make_unique<kw::pki::revocation_refresher>(
      lists,
      std::vector{kw::pki::revocation_source{
          [from = parse(asked.revocation_list)] { return fetch(from); }, authority}},
      asked.revocation_interval);
}

}  // namespace split_merge
