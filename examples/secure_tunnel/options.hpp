/// @file
/// What the command line says.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/generic/stream_protocol.hpp>

#include <keywarden/admit/concurrent_connections.hpp>
#include <keywarden/admit/connection_rate.hpp>
#include <keywarden/admit/network_acl.hpp>
#include <keywarden/core/result.hpp>

namespace tunnel {

namespace kw = keywarden;

/// A TCP or a Unix socket: what plaintext goes through.
using plain = boost::asio::generic::stream_protocol;

struct options {
  std::string command;  ///< accept, connect or identity
  std::filesystem::path identity;
  std::string listen;
  std::string target;  ///< --forward, --to
  std::string expect;
  std::string name;
  bool plaintext_on_the_network = false;
  std::vector<kw::admit::network_rule> networks;
  kw::admit::rate_limits rate;
  kw::admit::concurrency_limits open;
};

/// The text of --help.
extern const std::string_view help;

/// The command line makes no sense.
struct misuse : kw::refused {
  explicit misuse(const std::string& reason);
};

/// Reads the words after the program's name. Throws `misuse`.
[[nodiscard]] options parse(std::span<const std::string_view> words);

struct host_and_port {
  std::string host;
  std::string port;
};
/// "db.example.org:5432", "192.0.2.1:5432", "[2001:db8::1]:5432". Throws `misuse`.
[[nodiscard]] host_and_port split(std::string_view text);

/// Where plaintext is taken or given: "ADDRESS:PORT", which must be loopback unless `anywhere`, or
/// "unix:PATH". Throws `misuse`.
[[nodiscard]] plain::endpoint plaintext_place(const std::string& text, bool anywhere);

}  // namespace tunnel
