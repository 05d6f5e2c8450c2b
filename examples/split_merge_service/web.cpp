#include "web.hpp"

#include <csignal>

#include <charconv>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <nlohmann/json.hpp>

#include <keywarden/admit/all_of.hpp>
#include <keywarden/admit/concurrent_connections.hpp>
#include <keywarden/auth/anonymous.hpp>
#include <keywarden/auth/certificate.hpp>
#include <keywarden/auth/directory.hpp>
#include <keywarden/endpoint/listener.hpp>

#include "core/certificate_sealing.hpp"
#include "http.hpp"
#include "log.hpp"
#include "pages.hpp"
#include "revocation.hpp"
#include "settings.hpp"

namespace split_merge {

namespace kw = keywarden;
namespace asio = boost::asio;
using tcp = asio::ip::tcp;

//[split_merge_service
// Who is served: certificates of the configured authority whose thumbprints are listed, and which
// are not revoked as far as the configuration checks that.
using listed_clients = kw::auth::certificate<
    kw::trust::chain<kw::pki::revocation::configured, kw::trust::thumbprints>>;
// The named weakening: whoever reaches the port.
using anybody = kw::auth::anonymous_connectors;

using rules = kw::admit::all_of<kw::admit::network_acl, kw::admit::concurrent_connections>;
template <class Clients>
using https_endpoint = kw::endpoint<Clients, kw::transport::https<>, rules>;
//]

namespace {

constexpr std::string_view clients_login = "clients";

/// The API and the page.
class web_site final : public site {
 public:
  explicit web_site(const web_settings& first)
      : metadata_(first.metadata),
        limits_(kw::admit::dynamic_ip_restrictions::make(first.requests).value()),
        seal_(sealing_with(first.sealer)) {
    metadata_.wait_at_most(std::chrono::milliseconds(200));  // others wait as long for an answer
  }

  void reload(const web_settings& next) {
    limits_.reload(next.requests).value();
    seal_ = sealing_with(next.sealer);
  }
  [[nodiscard]] const kw::admit::dynamic_ip_restrictions& limits() const override {
    return limits_;
  }
  void log_request(std::string_view line) override { log(line); }

  [[nodiscard]] answer respond(const question& asked) override {
    try {
      return route(asked);
    } catch (const kw::refused& why) {
      log(why.what());
      return {status_of(why.reason().code()), told(why.reason())};
    }
  }

 private:
  [[nodiscard]] answer route(const question& asked) {
    const bool reads = asked.method == http::verb::get;
    if (!reads && asked.from_another_site) return {http::status::forbidden, "{}\n"};
    if (reads && asked.target == "/") return {http::status::ok, page(asked, status_page), html};
    if (reads && asked.target == "/style.css")
      return {http::status::ok, std::string(style_sheet()), "text/css"};
    if (reads && asked.target == "/status") return {http::status::ok, page(asked, status_json)};
    constexpr std::string_view requests = "/requests";
    if (asked.target == requests) {
      if (asked.method != http::verb::post) return {http::status::method_not_allowed, "{}\n"};
      const auto sent = read_request(asked.body);
      const auto id = metadata_.submit(sent.asked, sent.source, sent.target, seal_);
      auto made = one(id);
      made.status = http::status::accepted;
      made.location = "/requests/" + std::to_string(id);
      return made;
    }
    if (asked.target.starts_with("/requests/")) {
      const auto text = asked.target.substr(requests.size() + 1);
      std::uint64_t id = 0;
      const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), id);
      if (failed == std::errc{} && end == text.data() + text.size()) {
        if (reads) return one(id);
        if (asked.method == http::verb::delete_) {
          metadata_.cancel(id);
          return one(id);
        }
        return {http::status::method_not_allowed, "{}\n"};
      }
    }
    return {http::status::not_found, "{}\n"};
  }
  template <class Render>
  [[nodiscard]] std::string page(const question& asked, const Render& render) const {
    const auto now = std::chrono::steady_clock::now();
    return render(view{metadata_.status(), limits_.blocked(now), now, std::string(asked.client)});
  }
  [[nodiscard]] answer one(std::uint64_t id) const {
    for (const auto& each : metadata_.status(metadata::max_unfinished).requests)
      if (each.id == id) return {http::status::ok, request_json(each)};
    return {http::status::not_found, "{}\n"};
  }
  static http::status status_of(kw::errc code) {
    switch (code) {
      case kw::errc::not_found:
        return http::status::not_found;
      case kw::errc::has_dependents:
      case kw::errc::not_permitted:
        return http::status::conflict;
      case kw::errc::store_busy:
        return http::status::service_unavailable;
      case kw::errc::malformed:
      case kw::errc::invalid_argument:
      case kw::errc::invalid_name:
        return http::status::bad_request;
      case kw::errc::limit_exceeded:
        return http::status::payload_too_large;
      default:
        return http::status::internal_server_error;
    }
  }
  /// A proven client learns what was wrong with its request, and nothing of this machine.
  static std::string told(const kw::error& why) {
    return nlohmann::json{{"error", name_of(why.code())},
                          {"reason", why.value_of(kw::fact::reason)}}
        .dump()
        .append("\n");
  }

  static constexpr std::string_view html = "text/html; charset=utf-8";

  metadata metadata_;
  kw::admit::dynamic_ip_restrictions limits_;
  sealer seal_;
};

[[nodiscard]] kw::admit::address address_of(const tcp::endpoint& from) {
  const auto address = from.address();
  if (address.is_v4()) return kw::admit::address::v4(address.to_v4().to_bytes());
  return kw::admit::address::v6(address.to_v6().to_bytes());
}

/// HttpIn: nothing is served there. Who is admitted by its rules is turned away like the rest; the
/// log tells them apart.
asio::awaitable<void> turn_away(tcp::acceptor& port, kw::admit::network_acl& acl) {
  for (;;) {
    auto [failed, socket] = co_await port.async_accept(asio::as_tuple(asio::use_awaitable));
    if (failed == asio::error::operation_aborted) co_return;
    if (failed) {  // too many open files, say
      asio::steady_timer pause(co_await asio::this_coro::executor, std::chrono::milliseconds(100));
      co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
      continue;
    }
    boost::system::error_code gone;
    const auto from = socket.remote_endpoint(gone);
    if (gone) continue;
    const auto verdict = acl.admit(address_of(from), std::chrono::steady_clock::now());
    log("HttpIn: not admitted: from " + from.address().to_string() + ": " +
        (verdict ? std::string("only HTTPS is served") : verdict.error().message()));
    socket.set_option(asio::socket_base::linger(true, 0), gone);
  }
}

[[nodiscard]] rules rules_of(const web_settings& from) {
  return rules(kw::admit::network_acl(from.https.rules, from.https.last),
               kw::admit::concurrent_connections({.per_host = 64, .in_all = 400}));
}

[[nodiscard]] kw::trust::thumbprints allowed_of(const web_settings& from) {
  return {from.allowed, kw::object_name::parse(clients_login).value()};
}

[[nodiscard]] kw::endpoint_log to_log() {
  return [](const kw::endpoint_event& event) { log("HttpsIn: " + event.text()); };
}

void demand_same(bool same, std::string_view what) {
  if (!same)
    throw kw::refused(kw::error(kw::errc::not_permitted)
                          .with(kw::fact::name, what)
                          .with(kw::fact::next_step, "restart the service to change this"));
}

/// Serves with one form of authentication; `reload` applies what may change while it runs.
template <class Endpoint, class Reload>
void serve(const options& asked, const web_settings& first, const Endpoint& at,
           const Reload& reload, const std::function<void()>& look_after) {
  asio::io_context io;
  auto present = first;
  web_site serves(first);
  auto acl = kw::admit::network_acl(first.http.rules, first.http.last);
  const auto address = asio::ip::make_address(asked.address);
  tcp::acceptor http_port(io, tcp::endpoint(address, asked.http_port));
  asio::co_spawn(io, turn_away(http_port, acl), asio::detached);

  const auto https =
      kw::listener<Endpoint>::open(
          io.get_executor(), at, tcp::endpoint(address, asked.https_port),
          [&](typename kw::listener<Endpoint>::stream made) {
            boost::system::error_code gone;
            const auto from = made.lowest_layer().remote_endpoint(gone);
            if (gone) return;
            const auto& who = made.proof().who();
            auto client = who.certificate ? to_text(*who.certificate).substr(0, 23) : who.login;
            asio::co_spawn(
                io, converse(std::move(made), address_of(from), client, serves, asked.request_time),
                asio::detached);
          })
          .value();
  log("web: HTTPS on port " + std::to_string(https.local_address().port()) + ", HTTP on port " +
      std::to_string(http_port.local_endpoint().port()));

  asio::signal_set signals(io, SIGTERM, SIGINT, SIGHUP);
  std::function<void()> wait = [&] {
    signals.async_wait([&](boost::system::error_code failed, int signal) {
      if (failed || signal != SIGHUP) {
        log("web: stopping");
        io.stop();
        return;
      }
      try {
        const auto next = read_web_settings(asked);
        demand_same(next.metadata == first.metadata, "ElasticScaleMetadata");
        reload(next);
        serves.reload(next);
        std::get<0>(at.admission().rules()).reload(next.https.rules, next.https.last);
        acl.reload(next.http.rules, next.http.last);
        const bool same_rules =
            next.https.rules == present.https.rules && next.https.last == present.https.last;
        const auto dropped = same_rules ? at.drop_unpermitted() : at.drop_all();
        present = next;
        log("web: the configuration was read again; " + std::to_string(dropped) +
            " sessions dropped");
      } catch (const kw::refused& why) {
        log(std::string("web: the old configuration stays: ") + why.what());
      }
      wait();
    });
  };
  wait();

  // Who may not be served any more (a fresh revocation list says so) does not stay connected.
  asio::steady_timer clock(io);
  std::function<void()> tick = [&] {
    clock.expires_after(std::chrono::seconds(5));
    clock.async_wait([&](boost::system::error_code failed) {
      if (failed) return;
      at.drop_unpermitted();
      look_after();
      tick();
    });
  };
  tick();
  io.run();
}

void serve_listed(const options& asked, const web_settings& first) {
  const kw::pki::revocation::configured lists(first.revocation);
  const auto refreshing = follow_revocation(asked, lists, first.ca.certificates().front());
  const auto login = kw::object_name::parse(clients_login).value();
  const auto service = kw::object_name::parse("HttpsIn").value();
  kw::auth::directory known;
  known.create_login(login).value();
  known.grant(kw::auth::permission::connect, service, login).value();
  const auto clients =
      listed_clients::create(first.ssl, {first.ca, lists, {allowed_of(first)}}, known, service,
                             kw::object_name::parse("service").value())
          .value();
  const auto at = https_endpoint<listed_clients>::create(clients, rules_of(first),
                                                         {kw::endpoint_state::started, to_log()})
                      .value();
  serve(
      asked, first, at,
      [&](const web_settings& next) {
        demand_same(next.asks_clients, "SetupWebAppForClientCertificates");
        demand_same(next.revocation == first.revocation, "ClientCertificateRevocationCheck");
        demand_same(next.ca.certificates() == first.ca.certificates() || refreshing == nullptr,
                    "CA");
        auto own = kw::auth::own_identities::of({next.ssl}).value();
        load_revocation(asked, lists, next.ca.certificates().front());  // the last that can refuse
        clients.reload_own(std::move(own));
        clients.reload_anchors(next.ca);
        clients.reload_allowed(allowed_of(next));
      },
      [&, reported = std::string()]() mutable {
        const auto failure = refreshing == nullptr ? std::nullopt : refreshing->last_failure();
        const auto text = failure ? failure->message() : std::string();
        if (text != reported && failure) log("revocation: " + text);
        reported = text;
      });
}

void serve_anybody(const options& asked, const web_settings& first) {
  log("web: client certificates are turned off: whoever reaches the port is served");
  const auto clients =
      anybody::create(first.ssl, kw::auth::allow_anonymous_i_accept_the_risk()).value();
  const auto at = https_endpoint<anybody>::create(clients, rules_of(first),
                                                  {kw::endpoint_state::started, to_log()})
                      .value();
  serve(
      asked, first, at,
      [&](const web_settings& next) {
        // Not a moment longer: whoever starts the service again starts it with client certificates.
        if (next.asks_clients)
          throw std::runtime_error("client certificates are turned on: start again");
        clients.reload_own(kw::auth::own_identities::of({next.ssl}).value());
      },
      [] {});
}

}  // namespace

void run_web(const options& asked) {
  const auto first = read_web_settings(asked);
  if (first.asks_clients)
    serve_listed(asked, first);
  else
    serve_anybody(asked, first);
}

}  // namespace split_merge
