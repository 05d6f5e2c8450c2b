// endpoint listen and connect: the endpoint at work, so that a set-up can be tried.

#include <fcntl.h>
#include <unistd.h>

#include <csignal>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <keywarden/admit/all_of.hpp>
#include <keywarden/admit/concurrent_connections.hpp>
#include <keywarden/admit/connection_rate.hpp>
#include <keywarden/admit/network_acl.hpp>
#include <keywarden/endpoint/configuration.hpp>
#include <keywarden/endpoint/listener.hpp>

#include "advice.hpp"
#include "commands.hpp"
#include "files.hpp"
#include "session.hpp"

namespace cli {

using keywarden::errc;
using keywarden::error;
using keywarden::fact;
using keywarden::result;
using kind = option::kind;
using tcp = boost::asio::ip::tcp;
using namespace std::chrono_literals;

namespace admit = keywarden::admit;
namespace asio = boost::asio;
namespace auth = keywarden::auth;
namespace transport = keywarden::transport;

namespace {

// How peers prove themselves, how bytes travel, who may even try.
using rules =
    admit::all_of<admit::network_acl, admit::connection_rate, admit::concurrent_connections>;
using mirroring =
    keywarden::endpoint<auth::certificate<keywarden::trust::pinned>, transport::tls13<>, rules>;
using listener = keywarden::listener<mirroring>;
using outgoing = transport::stream<mirroring::outgoing_connection, tcp::socket>;
using boost::system::error_code;

constexpr auto patience = 10s;  // for a connection, and for a handshake
constexpr auto quietly = asio::as_tuple(asio::use_awaitable);

// ---- the stored endpoint

result<keywarden::mirroring_configuration> load(const database& in) {
  auto definition = keywarden::load_endpoint(in);
  if (!definition) return definition.error();
  auto known = auth::load_directory(in);
  if (!known) return known.error();
  auto own = keywarden::load_own_identities(in, *definition);
  if (!own) return own.error();
  return keywarden::mirroring_configuration{std::move(*definition), std::move(*known),
                                            std::move(*own)};
}

/// The master database stays open, for reading it again.
struct stored {
  database in;
  keywarden::mirroring_configuration configuration;
};

result<stored> load(context& at) {
  std::optional<stored> made;
  auto loaded = in_master(at, [&](database& in) -> result<answer> {
    auto configuration = load(in);
    if (!configuration) return configuration.error();
    made.emplace(stored{in, std::move(*configuration)});
    return answer();
  });
  if (!loaded) return loaded.error();
  return std::move(*made);
}

result<mirroring> make(const keywarden::mirroring_configuration& from, rules admitted,
                       keywarden::endpoint_log log = {}) {
  auto made =
      mirroring::create(from.authentication(), std::move(admitted),
                        {from.definition.state, std::move(log)}, {}, from.definition.encryption);
  if (!made) return in_commands(made.error());
  return made;
}

// ---- endpoint listen

result<std::vector<admit::network_rule>> networks(const context& at) {
  using admit::network;
  const auto given = at.call.values("allow");
  if (given.empty())
    return std::vector{admit::permit(network("127.0.0.0/8")), admit::permit(network("::1/128"))};
  std::vector<admit::network_rule> all;
  for (const auto& each : given) {
    auto one = network::parse(each);
    if (!one) return as_usage(one.error());
    all.push_back(admit::permit(*one));
  }
  return all;
}

/// One line, at once: somebody is watching. JSON for machines.
class reporter {
 public:
  explicit reporter(bool for_machines) : for_machines_(for_machines) {}

  void say(std::string_view what, const std::string& text, json facts = json::object()) const {
    std::string line = text;
    if (for_machines_) {
      json all{{"event", what}};
      all.update(facts);
      line = all.dump(-1, ' ', false, json::error_handler_t::replace);
    }
    line += '\n';
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fflush(stdout);
  }
  void say(keywarden::endpoint_event event) const {
    event.reason = in_commands(event.reason);
    json facts{{"address", event.address}, {"login", event.login}};
    if (event.reason.code() != errc::none) {
      facts["code"] = name_of(event.reason.code());
      facts["reason"] = event.reason.message();
    }
    say(name_of(event.kind), event.text(), std::move(facts));
  }

 private:
  bool for_machines_;
};

std::string shown(const std::optional<keywarden::pki::fingerprint>& certificate) {
  return certificate ? to_text(*certificate) : "none";
}
template <class Connection>
std::string protection_of(const Connection& of) {
  return std::string(transport::explain(of.protection())) + ", " + of.session().version() +
         ", key agreement " + of.session().group();
}

/// What a peer says, it hears again; its goodbye is answered.
asio::awaitable<void> echo(listener::stream peer) {
  std::array<char, 16384> block{};
  for (;;) {
    const auto [end, size] = co_await peer.async_read_some(asio::buffer(block), quietly);
    if (end) break;
    const auto [failed, written] =
        co_await asio::async_write(peer, asio::buffer(block.data(), size), quietly);
    if (failed) break;
  }
  if (peer.refusal().code() == errc::none) co_await peer.async_shutdown(quietly);
}

/// The running endpoint takes what is stored now; what makes it stricter first, so that nothing
/// later keeps a revocation from taking effect. Errors: those of loading; what needs a new start.
result<std::size_t> reload(const mirroring& running, const keywarden::endpoint_definition& begun,
                           const database& in) {
  auto known = auth::load_directory(in);
  if (!known) return known.error();
  running.authentication().reload_directory(std::move(*known));
  const auto dropped = running.drop_unpermitted();
  auto next = load(in);
  if (!next) {
    if (next.error() == errc::not_found &&
        next.error().value_of(fact::kind) == "database mirroring endpoint") {
      running.set_state(keywarden::endpoint_state::stopped);
      return dropped + running.drop_all();
    }
    return next.error();
  }
  const auto& now = next->definition;
  if (now.name != begun.name)
    return error(errc::not_permitted)
        .with(fact::name, now.name.text())
        .with(fact::reason, "it is another endpoint than this listener's")
        .with(fact::next_step, "start the listener again");
  running.authentication().reload_owner(now.owner);
  running.authentication().reload_own(next->own);
  running.set_state(now.state);
  if (auto encrypts = running.set_encryption(now.encryption); !encrypts) return encrypts.error();
  if (now.listener != begun.listener)
    return error(errc::not_permitted)
        .with(fact::kind, "LISTENER_PORT, LISTENER_IP")
        .with(fact::reason, "the rest is reloaded; it still listens where it did")
        .with(fact::next_step, "start the listener again");
  return dropped + running.drop_unpermitted();
}

result<answer> listen(context& at) {
  auto allowed = networks(at);
  if (!allowed) return allowed.error();
  std::uint64_t seconds = 0;
  if (const auto given = at.call.value("seconds")) {
    auto number = parse_number(*given, "--seconds", 86400);
    if (!number) return number.error();
    seconds = *number;
  }
  auto from = load(at);
  if (!from) return from.error();
  const auto& definition = from->configuration.definition;
  if (definition.state == keywarden::endpoint_state::stopped)
    return in_commands(error(errc::not_listening).with(fact::state, name_of(definition.state)));

  const reporter report(at.for_machines());
  std::uint64_t sessions = 0;
  asio::io_context traffic(1);
  auto made = make(from->configuration,
                   rules(admit::network_acl(std::move(*allowed)), admit::connection_rate(),
                         admit::concurrent_connections()),
                   [&report](const keywarden::endpoint_event& event) { report.say(event); });
  if (!made) return made.error();
  const auto& running = *made;
  auto open = listener::open(
      traffic.get_executor(), running, definition.listener,
      [&](listener::stream peer) {
        ++sessions;
        const auto& who = peer.session().peer();
        report.say("session",
                   "session: " + who.login + " (user " + who.user + ", certificate " +
                       shown(who.certificate) + "): " + protection_of(peer.session()),
                   {{"login", who.login},
                    {"user", who.user},
                    {"sha256", shown(who.certificate)},
                    {"protection", protection_of(peer.session())}});
        asio::co_spawn(traffic, echo(std::move(peer)), [](const std::exception_ptr& /*ended*/) {});
      },
      {patience});
  if (!open) return open.error();

  asio::signal_set hangups(traffic, SIGHUP);
  std::function<void(const error_code&, int)> on_hangup = [&](const error_code& cancelled, int) {
    if (cancelled) return;
    hangups.async_wait(on_hangup);
    auto ended = reload(running, definition, from->in);
    if (ended)
      report.say("reloaded", "reloaded; sessions ended: " + std::to_string(*ended),
                 {{"sessions_ended", *ended}});
    else
      report.say("not reloaded", "not reloaded: " + in_commands(ended.error()).message(),
                 {{"reason", in_commands(ended.error()).message()}});
  };
  hangups.async_wait(on_hangup);
  asio::signal_set ends(traffic, SIGTERM, SIGINT);
  ends.async_wait([&](const error_code&, int) { traffic.stop(); });
  asio::steady_timer deadline(traffic);
  if (seconds != 0) {
    deadline.expires_after(std::chrono::seconds(seconds));
    deadline.async_wait([&](const error_code& cancelled) {
      if (!cancelled) traffic.stop();
    });
  }

  const auto place = open->local_address();
  report.say("listening",
             std::string(name_of(definition.state)) + ": listening on " +
                 place.address().to_string() + " port " + std::to_string(place.port()),
             {{"address", place.address().to_string()}, {"port", place.port()}});
  traffic.run();
  running.set_state(keywarden::endpoint_state::stopped);  // the listener closes
  running.drop_all();                                     // each peer is told
  hangups.cancel();
  ends.cancel();
  deadline.cancel();
  traffic.restart();
  traffic.run_for(2s);
  answer ended("ended; sessions: " + std::to_string(sessions));
  ended.facts["sessions"] = sessions;
  return ended;
}

// ---- endpoint connect

struct place {
  std::string text;
  std::string host;
  std::string port;
};
result<place> place_of(std::string_view text) {
  const auto colon = text.rfind(':');
  auto host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string_view::npos)
    host = {};
  if (colon == std::string_view::npos || host.empty())
    return usage_error("the place is ADDRESS:PORT, or [ADDRESS]:PORT for IPv6", "endpoint connect");
  auto port = parse_number(text.substr(colon + 1), "the port", 65535);
  if (!port) return port.error();
  return place{std::string(text), std::string(host), std::to_string(*port)};
}

/// What a run of `connect` shares with its coroutines, which all end before it does.
struct conversation {
  const mirroring& from;
  place to;
  std::string expected;
  bool only_check;
  asio::posix::stream_descriptor input;
};

error unreachable(const place& to, const std::string& reason) {
  return error(errc::io_failed)
      .with(fact::operation, "connect")
      .with(fact::name, to.text)
      .with(fact::reason, reason)
      .with(fact::next_step, "is the other instance's listener running there?");
}

asio::awaitable<result<tcp::socket>> dial(const place& to) {
  using asio::experimental::awaitable_operators::operator||;
  const auto executor = co_await asio::this_coro::executor;
  tcp::resolver resolver(executor);
  const auto [unknown, places] = co_await resolver.async_resolve(to.host, to.port, quietly);
  if (unknown) co_return unreachable(to, unknown.message());
  tcp::socket socket(executor);
  asio::steady_timer deadline(executor, patience);
  const auto first =
      co_await (asio::async_connect(socket, places, quietly) || deadline.async_wait(quietly));
  if (first.index() != 0) co_return unreachable(to, "it does not answer");
  const auto& failed = std::get<0>(std::get<0>(first));
  if (failed) co_return unreachable(to, failed.message());
  co_return std::move(socket);
}

asio::awaitable<void> send_input(std::shared_ptr<outgoing> to,
                                 asio::posix::stream_descriptor& input) {
  std::array<char, 16384> block{};
  for (;;) {
    const auto [end, size] = co_await input.async_read_some(asio::buffer(block), quietly);
    if (end == asio::error::operation_aborted) co_return;
    if (end) break;
    const auto [failed, written] =
        co_await asio::async_write(*to, asio::buffer(block.data(), size), quietly);
    if (failed) co_return;
  }
  co_await to->async_shutdown(quietly);
}

/// Prints what the peer says, until its goodbye. Errors: why it ended otherwise.
asio::awaitable<result<void>> print_what_comes(std::shared_ptr<outgoing> from) {
  std::array<char, 16384> block{};
  for (;;) {
    const auto [end, size] = co_await from->async_read_some(asio::buffer(block), quietly);
    if (end == asio::error::eof) co_return keywarden::done();
    if (end) co_return from->refusal().code() != errc::none ? from->refusal() : errc::io_failed;
    if (std::fwrite(block.data(), 1, size, stdout) != size || std::fflush(stdout) != 0)
      co_return error(errc::io_failed).with(fact::operation, "writing to standard output");
  }
}

asio::awaitable<result<answer>> converse(conversation& with) {
  auto socket = co_await dial(with.to);
  if (!socket) co_return socket.error();
  auto handshake = with.from.connect(with.to.text, with.expected);
  if (!handshake) co_return handshake.error();
  auto made = co_await transport::async_handshake(std::move(*socket), std::move(*handshake),
                                                  patience, asio::use_awaitable);
  if (!made) co_return made.error();
  auto peer = std::make_shared<outgoing>(std::move(*made));
  const auto& who = peer->session().peer();
  const auto answered =
      who.login + " answered (user " + who.user + ", certificate " + shown(who.certificate) + ")";
  answer said(with.only_check ? answered + "\n" + protection_of(peer->session()) : "");
  if (with.only_check) {
    said.facts = {{"login", who.login},
                  {"user", who.user},
                  {"sha256", shown(who.certificate)},
                  {"protection", transport::explain(peer->session().protection())},
                  {"version", peer->session().session().version()},
                  {"group", peer->session().session().group()}};
    peer->expires_after(patience);
    co_await peer->async_shutdown(quietly);
  } else {
    note(answered);
    note(protection_of(peer->session()));
    asio::co_spawn(co_await asio::this_coro::executor, send_input(peer, with.input),
                   [](const std::exception_ptr& /*ended*/) {});
  }
  // Whether the other side accepts this one shows with the first read.
  auto heard = co_await print_what_comes(peer);
  error_code ignored;
  with.input.cancel(ignored);
  if (!heard) co_return heard.error();
  co_await peer->async_shutdown(quietly);
  co_return said;
}

result<answer> connect(context& at) {
  auto to = place_of(at.call.operand(0));
  if (!to) return to.error();
  auto expected = required(at, "expect");
  if (!expected) return expected.error();
  auto login = keywarden::object_name::parse(*expected);
  if (!login) return login.error();
  const bool only_check = at.call.has("check");
  if (at.for_machines() && !only_check)
    return usage_error("--json and what the peer says do not share standard output: give --check",
                       "endpoint connect");
  auto from = load(at);
  if (!from) return from.error();
  auto made = make(from->configuration, rules());
  if (!made) return made.error();

  asio::io_context traffic(1);
  conversation with{*made, std::move(*to), login->text(), only_check,
                    asio::posix::stream_descriptor(traffic)};
  const int before = ::fcntl(STDIN_FILENO, F_GETFL);
  error_code unusable;
  with.input.assign(::open("/dev/null", O_RDONLY | O_CLOEXEC), unusable);
  if (const int copy = only_check ? -1 : ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0); copy >= 0) {
    with.input.close(unusable);
    with.input.assign(copy, unusable);
  }
  std::optional<result<answer>> outcome;
  asio::co_spawn(traffic, converse(with),
                 [&](const std::exception_ptr& failed, result<answer> ended) {
                   if (!failed) outcome.emplace(std::move(ended));
                   traffic.stop();
                 });
  traffic.run();
  // The descriptor is shared with whoever started this program.
  if (before >= 0) ::fcntl(STDIN_FILENO, F_SETFL, before);
  if (!outcome) return error(errc::io_failed).with(fact::operation, "connect");
  if (!*outcome) return in_commands(outcome->error());
  return std::move(*outcome);
}

}  // namespace

std::vector<command> connection_commands() {
  using options::master_key_password;
  return {
      {"endpoint listen",
       {},
       {{"allow", kind::list, "CIDR",
         "let these addresses try (may be repeated; default: this machine only)"},
        {"seconds", kind::value, "N", "end after so long"},
        master_key_password},
       "Listen as the stored endpoint, tell what happens, and echo what peers say.\n"
       "SIGHUP takes what was changed meanwhile and ends sessions of peers that may connect no "
       "longer.\nSIGTERM tells all peers and ends. With --json, a line for each event.",
       listen},
      {"endpoint connect",
       {"ADDRESS:PORT"},
       {{"expect", kind::value, "LOGIN", "who has to answer; anybody else is refused"},
        {"check", kind::flag, {}, "only see who answers, and whether it lets this instance in"},
        master_key_password},
       "Connect as the stored endpoint, tell who answers, send standard input, print what comes.",
       connect},
  };
}

}  // namespace cli
