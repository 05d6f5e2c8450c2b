#include "options.hpp"

#include <charconv>
#include <map>

namespace split_merge {

const std::string_view help_text =
    R"(split_merge_service: moves ranges of keys between shards, on request, over HTTPS.

  split_merge_service init    --data DIR --shard NAME=LOW..HIGH … [--rows COUNT]
  split_merge_service web     --config FILE --certificates DIR --key-password FILE
  split_merge_service worker  --config FILE --certificates DIR --key-password FILE

init makes the shards (SQLite files), the metadata database, and for each shard a file
NAME.connection with what opens it. web takes requests and shows how far they are; it can encrypt
stored credentials and not decrypt any. worker carries the requests out; it is killed at any
instant and goes on where it was. Both are configured by the service configuration (.cscfg), whose
thumbprints name certificates of the certificate folder (see keywarden cert store), and whose
ElasticScaleMetadata is "Data Source=<file>", the metadata database.

SIGHUP reads the configuration again, all of it or nothing: who may connect, limits, certificates.
The worker then seals stored credentials for the new encryption certificate. SIGTERM ends.

Options of web:
  --address IP                where to listen (default: 127.0.0.1)
  --https-port, --http-port   for HttpsIn and HttpIn (default: 443 and 80; 0: one that is free)
  --revocation-list PLACE     a file (Offline), or http://HOST:PORT/PATH (Online)
  --revocation-interval MS    how often to fetch it (default: 60000)
  --trusted-proxy NETWORK     whose X-Forwarded-For is believed (repeatable; default: nobody's)
  --request-time MS           for a client to send all of a request, and to take all of the answer
                              (default: 30000)
Options of worker:
  --batch ROWS                rows moved in one transaction at most (default: 500)
  --batch-bytes BYTES         and bytes of theirs at most, or one row (default: 4194304)

A request is text, sent to https://…/requests:
  move 0..5000 from west to east          (or: merge …, or: split 0..5000 at 2500 from … to …)
  source: Data Source=…;Password=…
  target: Data Source=…;Password=…

Exit status: 0 done, 1 refused, 2 wrong usage, 3 the system refused.
)";

namespace {

template <class Number>
Number number(std::string_view text) {
  Number made = 0;
  const auto* last = text.data() + text.size();
  const auto [end, failed] = std::from_chars(text.data(), last, made);
  if (failed != std::errc{} || end != last)
    throw misuse("\"" + std::string(text) + "\" is not a number that fits");
  return made;
}

placement shard(std::string_view text) {
  const auto equals = text.find('=');
  const auto dots = text.find("..", equals == std::string_view::npos ? 0 : equals);
  if (equals == std::string_view::npos || dots == std::string_view::npos)
    throw misuse("--shard is NAME=LOW..HIGH");
  placement made;
  made.shard = text.substr(0, equals);
  made.keys.low = number<std::int64_t>(text.substr(equals + 1, dots - equals - 1));
  made.keys.high = number<std::int64_t>(text.substr(dots + 2));
  return made;
}

using setter = void (*)(options&, std::string_view);
const std::map<std::string_view, setter> setters{
    {"--data", [](options& to, std::string_view text) { to.data = text; }},
    {"--shard", [](options& to, std::string_view text) { to.shards.push_back(shard(text)); }},
    {"--rows", [](options& to, std::string_view text) { to.rows = number<std::uint64_t>(text); }},
    {"--config", [](options& to, std::string_view text) { to.config = text; }},
    {"--certificates", [](options& to, std::string_view text) { to.certificates = text; }},
    {"--key-password", [](options& to, std::string_view text) { to.key_password = text; }},
    {"--address", [](options& to, std::string_view text) { to.address = text; }},
    {"--https-port",
     [](options& to, std::string_view text) { to.https_port = number<std::uint16_t>(text); }},
    {"--http-port",
     [](options& to, std::string_view text) { to.http_port = number<std::uint16_t>(text); }},
    {"--revocation-list", [](options& to, std::string_view text) { to.revocation_list = text; }},
    {"--revocation-interval",
     [](options& to, std::string_view text) {
       to.revocation_interval = std::chrono::milliseconds(number<std::uint32_t>(text));
       if (to.revocation_interval.count() == 0) throw misuse("--revocation-interval is above 0");
     }},
    {"--trusted-proxy",
     [](options& to, std::string_view text) {
       const auto made = keywarden::admit::network::parse(text);
       if (!made) throw misuse(std::string(text) + ": " + made.error().message());
       to.proxies.push_back(*made);
     }},
    {"--request-time",
     [](options& to, std::string_view text) {
       to.request_time = std::chrono::milliseconds(number<std::uint32_t>(text));
       if (to.request_time.count() == 0) throw misuse("--request-time is above 0");
     }},
    {"--batch", [](options& to, std::string_view text) { to.batch = number<std::uint64_t>(text); }},
    {"--batch-bytes",
     [](options& to, std::string_view text) { to.batch_bytes = number<std::uint64_t>(text); }},
};

const std::map<std::string_view, command> commands{
    {"init", command::init}, {"web", command::web}, {"worker", command::worker}};

}  // namespace

options read_options(const std::vector<std::string_view>& words) {
  options made;
  if (words.empty() || words[0] == "--help" || words[0] == "help") return made;
  const auto which = commands.find(words[0]);
  if (which == commands.end())
    throw misuse("\"" + std::string(words[0]) + "\" is no command: see --help");
  made.command = which->second;
  for (std::size_t i = 1; i < words.size(); i += 2) {
    if (words[i] == "--help") return {};
    const auto set = setters.find(words[i]);
    if (set == setters.end())
      throw misuse("\"" + std::string(words[i]) + "\" is no option: see --help");
    if (i + 1 == words.size()) throw misuse(std::string(words[i]) + " needs a value");
    set->second(made, words[i + 1]);
  }
  if (made.command == command::init) {
    if (made.data.empty()) throw misuse("init needs --data");
    if (made.shards.size() < 2) throw misuse("init needs --shard twice at least");
  } else if (made.config.empty() || made.certificates.empty() || made.key_password.empty()) {
    throw misuse(std::string(words[0]) + " needs --config, --certificates and --key-password");
  }
  return made;
}

}  // namespace split_merge
