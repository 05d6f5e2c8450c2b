#include "options.hpp"

#include <charconv>
#include <map>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

namespace tunnel {

const std::string_view help =
    R"(secure_tunnel: carries a TCP service between two machines over mutually authenticated TLS 1.3.

  secure_tunnel accept   --identity DIR --listen ADDRESS:PORT --forward PLACE
  secure_tunnel connect  --identity DIR --listen PLACE --to HOST:PORT [--expect LOGIN]
  secure_tunnel identity --identity DIR --name NAME

accept takes connections of proven peers and forwards their plaintext to a local service; connect
listens for local programs and carries what they say to an accept. PLACE is where plaintext goes:
ADDRESS:PORT on loopback, which every user of the machine can reach, or unix:PATH, which only the
tunnel's own user can. identity makes a key and a self-signed certificate in DIR/own, and DIR itself.

The identity folder:
  own/NAME.crt, NAME.key  what is shown: certificates (PEM or DER, leaf first) and PKCS#8 keys; of
                          several, the newest that is valid
  password                what the keys are encrypted under: one line, for the owner's eyes only
  peers/LOGIN.crt         who is who: each peer's certificate, or several (PEM) while it changes
  grants                  who may connect, or answer to connect: one login a line
  authorities/            if it is there, peers' certificates must also lead to one of these,
  crls/                   be on none of these lists, which must be current,
  allowed                 and have a SHA-256 fingerprint in this file: one a line

SIGHUP reads the folder again, all of it or nothing, and ends the sessions of peers that are not
permitted any more; others go on. SIGTERM ends all sessions and the program.

Options:
  --expect LOGIN              whoever else answers is refused; without it any peer that is granted
  --allow NETWORK             accept connections from there only (repeatable; default: everywhere)
  --deny NETWORK              not from there (repeatable; the first that matches decides)
  --rate COUNT                connections of one host in two seconds (default: 100)
  --per-host COUNT            open connections of one host (default: 20)
  --connections COUNT         open connections in all (default: 1000)
  --plaintext-on-the-network  PLACE may be any address: others can read and change what goes there

Exit status: 0 done, 1 refused, 2 wrong usage, 3 the system refused.
)";

namespace {

kw::admit::network network(std::string_view text) {
  const auto made = kw::admit::network::parse(text);
  if (!made) throw misuse(std::string(text) + ": " + made.error().message());
  return *made;
}

template <class Number>
Number number(std::string_view text, Number least = 1) {
  Number made = 0;
  const auto* last = text.data() + text.size();
  const auto [end, failed] = std::from_chars(text.data(), last, made);
  if (failed != std::errc{} || end != last || made < least)
    throw misuse("\"" + std::string(text) + "\" is not a number that fits");
  return made;
}

using setter = void (*)(options&, std::string_view);
const std::map<std::string_view, setter> setters{
    {"--identity", [](options& to, std::string_view text) { to.identity = text; }},
    {"--listen", [](options& to, std::string_view text) { to.listen = text; }},
    {"--forward", [](options& to, std::string_view text) { to.target = text; }},
    {"--to", [](options& to, std::string_view text) { to.target = text; }},
    {"--expect", [](options& to, std::string_view text) { to.expect = text; }},
    {"--name", [](options& to, std::string_view text) { to.name = text; }},
    {"--allow",
     [](options& to, std::string_view text) {
       to.networks.push_back(kw::admit::permit(network(text)));
     }},
    {"--deny",
     [](options& to, std::string_view text) {
       to.networks.push_back(kw::admit::deny(network(text)));
     }},
    {"--rate",
     [](options& to, std::string_view text) { to.rate.connections = number<std::uint32_t>(text); }},
    {"--per-host",
     [](options& to, std::string_view text) { to.open.per_host = number<std::uint32_t>(text); }},
    {"--connections",
     [](options& to, std::string_view text) { to.open.in_all = number<std::uint32_t>(text); }},
};

// Which options each command needs, and which it takes beside those.
struct shape {
  std::vector<std::string_view> needs;
  std::vector<std::string_view> takes;
};
const std::map<std::string_view, shape> commands{
    {"accept",
     {{"--identity", "--listen", "--forward"},
      {"--allow", "--deny", "--rate", "--per-host", "--connections",
       "--plaintext-on-the-network"}}},
    {"connect", {{"--identity", "--listen", "--to"}, {"--expect", "--plaintext-on-the-network"}}},
    {"identity", {{"--identity", "--name"}, {}}},
};

}  // namespace

misuse::misuse(const std::string& reason)
    : refused(kw::error(kw::errc::invalid_argument)
                  .with(kw::fact::reason, reason)
                  .with(kw::fact::next_step, "secure_tunnel --help")) {}

options parse(std::span<const std::string_view> words) {
  const auto command = words.empty() ? commands.end() : commands.find(words[0]);
  if (command == commands.end()) throw misuse("the first word is accept, connect or identity");
  const auto& [needs, takes] = command->second;
  options made;
  made.command = command->first;
  std::map<std::string_view, int> given;
  for (std::size_t at = 1; at < words.size(); ++at) {
    const auto option = words[at];
    if (std::ranges::count(needs, option) + std::ranges::count(takes, option) == 0)
      throw misuse(made.command + " takes no \"" + std::string(option) + "\"");
    if (++given[option] > 1 && option != "--allow" && option != "--deny")
      throw misuse(std::string(option) + " was given twice");
    if (option == "--plaintext-on-the-network") {
      made.plaintext_on_the_network = true;
      continue;
    }
    if (++at == words.size() || words[at].empty())
      throw misuse(std::string(option) + " needs a value");
    setters.at(option)(made, words[at]);
  }
  for (const auto each : needs)
    if (!given.contains(each)) throw misuse(made.command + " needs " + std::string(each));
  // After --deny alone, everybody else is still welcome; after --allow, nobody is.
  if (!given.contains("--allow"))
    for (const auto everywhere : {"0.0.0.0/0", "::/0"})
      made.networks.push_back(kw::admit::permit(network(everywhere)));
  return made;
}

host_and_port split(std::string_view text) {
  const auto colon = text.rfind(':');
  auto host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string_view::npos)
    host = {};
  if (colon == std::string_view::npos || host.empty())
    throw misuse("\"" + std::string(text) + "\" is not ADDRESS:PORT ([ADDRESS]:PORT for IPv6)");
  const auto port = text.substr(colon + 1);
  return {std::string(host), std::to_string(number<std::uint16_t>(port, 0))};
}

plain::endpoint plaintext_place(const std::string& text, bool anywhere) {
  using local = boost::asio::local::stream_protocol;
  if (text.starts_with("unix:/") && text.size() < 100) return local::endpoint(text.substr(5));
  const auto [host, port] = split(text);
  boost::system::error_code failed;
  const auto address = boost::asio::ip::make_address(host, failed);
  if (failed) throw misuse("\"" + host + "\" is no IP address");
  if (!address.is_loopback() && !anywhere)
    throw misuse(text + " is not loopback: others could read and change the plaintext; " +
                 "--plaintext-on-the-network allows it");
  return boost::asio::ip::tcp::endpoint(address, number<std::uint16_t>(port, 0));
}

}  // namespace tunnel
