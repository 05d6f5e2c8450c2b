/// @file
/// Where a PostgreSQL store's servers are: a checked libpq connection string, and the types that
/// say what protects the way there.
#pragma once

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <concepts>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <botan/secmem.h>

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/core/secret.hpp>

namespace keywarden::store {

/// A concept matching what protects connections over TCP. Satisfied by `verified_tls` and, as a
/// named weakening, `unencrypted_on_loopback`.
///
/// `sslmode(host, address, asked)` gives the libpq sslmode for one server, or refuses: `host` and
/// `address` (libpq's host and hostaddr) as the connection string names them, `asked` the sslmode
/// that it asks for, "" for none.
template <class T>
concept postgres_channel = requires(std::string_view text) {
  { T::sslmode(text, text, text) } -> std::same_as<result<std::string_view>>;
};

namespace detail {

/// The refusal of an sslmode. Shows only what libpq knows: who mixes up words may have put a
/// password there.
[[nodiscard]] inline error sslmode_refused(std::string_view asked, std::string_view next_step) {
  auto made = error(errc::weaker_than_required).with(fact::name, "sslmode");
  for (const auto* known : {"disable", "allow", "prefer", "require", "verify-ca"})
    if (asked == known) made = std::move(made).with(fact::actual, asked);
  return std::move(made).with(fact::limit, "verify-full").with(fact::next_step, next_step);
}

}  // namespace detail

/// TLS whose certificate leads to `sslrootcert` and names the host (libpq's `verify-full`).
struct verified_tls {
  /// Errors: `weaker_than_required` when anything less is asked for.
  [[nodiscard]] static result<std::string_view> sslmode(std::string_view /*host*/,
                                                        std::string_view /*address*/,
                                                        std::string_view asked) {
    if (!asked.empty() && asked != "verify-full")
      return detail::sslmode_refused(
          asked, "leave sslmode out or write sslmode=verify-full, with sslrootcert=FILE");
    return "verify-full";
  }
};

/// A weakening: no TLS to servers at a loopback address (127.0.0.0/8 or ::1, written as such), for
/// tests and for tunnels that end on this machine. Whoever may run programs here may pretend to be
/// the server and read along; `sslmode=verify-full` is honoured where it is asked for.
struct unencrypted_on_loopback {
  /// Errors: `weaker_than_required` for any other address, and for any sslmode but `disable`.
  [[nodiscard]] static result<std::string_view> sslmode(std::string_view host,
                                                        std::string_view address,
                                                        std::string_view asked) {
    if (asked == "verify-full") return "verify-full";
    const auto reached = address.empty() ? host : address;
    const bool digits =
        reached.find_first_not_of("0123456789.") == std::string_view::npos;  // no name to look up
    if (!(reached == "::1" || (digits && reached.starts_with("127."))))
      return error(errc::weaker_than_required)
          .with(fact::name, "sslmode")
          .with(fact::reason, "not a loopback address")
          .with(fact::next_step, "write 127.0.0.1 or ::1, or use TLS with sslmode=verify-full");
    if (!asked.empty() && asked != "disable")
      return detail::sslmode_refused(asked, "write sslmode=disable or sslmode=verify-full");
    return "disable";
  }
};

namespace detail {

/// Parameters of libpq by their names, the values with a zero at the end and wiped afterwards: one
/// of them is the password.
using postgres_parameters = std::map<std::string, Botan::secure_vector<char>, std::less<>>;

/// One server, ready for libpq.
struct postgres_server {
  std::string shown;  ///< "user@host:port/database", never a password
  postgres_parameters parameters;
};

/// The servers of a connection string, in its order.
class postgres_address {
 public:
  static constexpr std::size_t max_servers = 16;
  static constexpr std::size_t max_text = 8192;

  /// Whether this is a connection URI, which `parse` may still refuse.
  [[nodiscard]] static bool is_uri(std::string_view text) noexcept {
    return text.starts_with("postgresql://") || text.starts_with("postgres://");
  }

  /// Reads libpq's key=value form or a URI; what it leaves out is taken from libpq's environment
  /// variables and service file, except what would weaken the connection.
  ///
  /// Errors: those of the channel; `invalid_argument` for what libpq cannot read and for parameters
  /// that a store cannot honour; `limit_exceeded`. None repeats a value of the string.
  template <postgres_channel Channel>
  [[nodiscard]] static result<postgres_address> parse(std::string_view text) {
    auto asked = read(text);
    if (!asked) return asked.error();
    if (auto sound = check(*asked); !sound) return sound.error();
    auto all = defaults();
    for (auto& [keyword, value] : *asked) all[keyword] = std::move(value);
    return spread(all, &Channel::sslmode);
  }

  [[nodiscard]] const std::vector<postgres_server>& servers() const noexcept { return servers_; }
  /// All servers, for an error.
  [[nodiscard]] const std::string& shown() const noexcept { return shown_; }
  /// The `connect_timeout` of the string, if it has one.
  [[nodiscard]] std::optional<std::chrono::milliseconds> connect_wait() const noexcept {
    return connect_wait_;
  }

 private:
  struct free_options {
    void operator()(::PQconninfoOption* options) const noexcept { ::PQconninfoFree(options); }
  };
  using sslmode_rule = result<std::string_view> (*)(std::string_view, std::string_view,
                                                    std::string_view);

  [[nodiscard]] static error unusable(std::string_view reason, std::string_view next_step) {
    return error(errc::invalid_argument)
        .with(fact::kind, "PostgreSQL connection string")
        .with(fact::reason, reason)
        .with(fact::next_step, next_step);
  }

  [[nodiscard]] static std::string_view value_of(const postgres_parameters& in,
                                                 std::string_view keyword) noexcept {
    const auto found = in.find(keyword);
    return found == in.end() ? std::string_view() : std::string_view(found->second.data());
  }
  static void set(postgres_parameters& in, const std::string& keyword, std::string_view value) {
    Botan::secure_vector<char> kept(value.begin(), value.end());
    kept.push_back('\0');
    in[keyword] = std::move(kept);
  }

  static void wipe_text(char* text) noexcept {
    keywarden::detail::wipe({reinterpret_cast<std::uint8_t*>(text), std::strlen(text)});
  }

  /// Moves the values out of libpq's memory, and wipes them there.
  [[nodiscard]] static postgres_parameters take(::PQconninfoOption* options) {
    const std::unique_ptr<::PQconninfoOption, free_options> owner(options);
    postgres_parameters taken;
    for (auto* each = options; each != nullptr && each->keyword != nullptr; ++each) {
      if (each->val == nullptr || *each->val == '\0') continue;
      set(taken, each->keyword, each->val);
      wipe_text(each->val);
    }
    return taken;
  }

  [[nodiscard]] static postgres_parameters defaults() {
    auto all = take(::PQconndefaults());
    for (const auto* weakens : {"sslmode", "gssencmode", "target_session_attrs", "client_encoding",
                                "connect_timeout", "service", "load_balance_hosts"})
      all.erase(weakens);
    return all;
  }

  [[nodiscard]] static result<postgres_parameters> read(std::string_view text) {
    if (text.size() > max_text) return error(errc::limit_exceeded).with(fact::limit, max_text);
    if (text.find('\0') != std::string_view::npos || text.empty())
      return unusable("empty, or with a zero byte in it", "write postgresql://host/database");
    if (is_uri(text)) {
      // libpq would take the rest of a password for a host, and show it.
      const auto at = text.find('@');
      const auto beginning = text.substr(text.find("//") + 2);
      if (at != std::string_view::npos &&
          (text.find('@', at + 1) != std::string_view::npos ||
           beginning.substr(0, beginning.find('@')).find_first_of("/?#") != std::string_view::npos))
        return unusable("an @, / or ? that is not percent-encoded",
                        "write %40 for @, %2F for / and %3F for ? in names and passwords");
    }
    Botan::secure_vector<char> copy(text.begin(), text.end());
    copy.push_back('\0');
    char* complaint = nullptr;  // not shown: it quotes the string
    auto* const options = ::PQconninfoParse(copy.data(), &complaint);
    if (complaint != nullptr) {
      wipe_text(complaint);
      ::PQfreemem(complaint);
    }
    if (options == nullptr)
      return unusable("libpq cannot read it",
                      "write postgresql://user@host/database, with percent-encoding where needed");
    return take(options);
  }

  /// What is asked for and cannot be had here.
  [[nodiscard]] static result<void> check(const postgres_parameters& asked) {
    struct rule {
      std::string_view keyword;
      std::array<std::string_view, 2> allowed;
      std::string_view next_step;
    };
    static constexpr std::array<rule, 8> rules{{
        {"service", {}, "write the parameters themselves"},
        {"replication", {}, "leave it out"},
        {"load_balance_hosts", {"disable", "disable"}, "leave it out: writes go to the primary"},
        {"gssencmode", {"disable", "disable"}, "leave it out: connections use TLS"},
        {"sslcompression", {"0", "0"}, "leave it out"},
        {"client_encoding", {"UTF8", "utf8"}, "leave it out"},
        {"target_session_attrs", {"read-write", "primary"}, "leave it out: it is read-write"},
        {"ssl_min_protocol_version", {"TLSv1.2", "TLSv1.3"}, "leave it out, or write TLSv1.3"},
    }};
    for (const auto& each : rules) {
      const auto value = value_of(asked, each.keyword);
      if (!value.empty() && value != each.allowed[0] && value != each.allowed[1])
        return unusable("a store does not take this value of " + std::string(each.keyword),
                        each.next_step);
    }
    return done();
  }

  [[nodiscard]] static std::vector<std::string_view> split(std::string_view list) {
    std::vector<std::string_view> parts;
    for (;;) {
      const auto comma = list.find(',');
      parts.push_back(list.substr(0, comma));
      if (comma == std::string_view::npos) return parts;
      list.remove_prefix(comma + 1);
    }
  }

  [[nodiscard]] static bool is_host(std::string_view text) noexcept {
    if (text.starts_with('/') || text.starts_with('@')) return true;
    return std::ranges::all_of(text, [](unsigned char each) {
      return (each >= '0' && each <= '9') || ((each | 0x20U) >= 'a' && (each | 0x20U) <= 'z') ||
             std::string_view(".:-_%").find(static_cast<char>(each)) != std::string_view::npos;
    });
  }
  [[nodiscard]] static std::optional<unsigned> number(std::string_view text, unsigned most) {
    unsigned value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc() || end != text.data() + text.size() || value > most)
      return std::nullopt;
    return value;
  }

  /// One set of parameters for each server of the lists.
  [[nodiscard]] static result<postgres_address> spread(postgres_parameters& all,
                                                       sslmode_rule sslmode) {
    postgres_address made;
    if (const auto timeout = value_of(all, "connect_timeout"); !timeout.empty()) {
      const auto seconds = number(timeout, 3600);
      if (!seconds || *seconds == 0)
        return unusable("connect_timeout is not 1 to 3600", "write it in seconds");
      made.connect_wait_ = std::chrono::seconds(*seconds);
      all.erase("connect_timeout");
    }
    const auto host_list = std::string(value_of(all, "host"));
    const auto address_list = std::string(value_of(all, "hostaddr"));
    const auto port_list = std::string(value_of(all, "port"));
    const auto asked_mode = std::string(value_of(all, "sslmode"));
    const auto hosts = split(host_list);
    const auto addresses = split(address_list);
    const auto ports = split(port_list);
    const auto count = std::max(hosts.size(), addresses.size());
    if (count > max_servers) return error(errc::limit_exceeded).with(fact::limit, max_servers);
    if ((!host_list.empty() && hosts.size() != count) ||
        (!address_list.empty() && addresses.size() != count) ||
        (ports.size() != 1 && ports.size() != count))
      return unusable("host, hostaddr and port are not equally many", "name each for every server");
    prepare(all);
    for (std::size_t i = 0; i < count; ++i) {
      const auto host = host_list.empty() ? std::string_view() : hosts[i];
      const auto address = address_list.empty() ? std::string_view() : addresses[i];
      const auto port = ports.size() == 1 ? ports[0] : ports[i];
      if (!is_host(host) || !is_host(address))
        return unusable("a host has characters that no host has", "check it; percent-encode");
      if (const auto value = number(port, 65535); !port.empty() && (!value || *value == 0))
        return unusable("a port is not 1 to 65535", "check it; percent-encode the password");
      postgres_server server{{}, all};
      const bool local =
          address.empty() && (host.empty() || host.starts_with('/') || host.starts_with('@'));
      // libpq has no TLS on Unix sockets, whatever the mode: the strictest one hurts nobody.
      auto mode =
          local ? result<std::string_view>("verify-full") : sslmode(host, address, asked_mode);
      if (!mode) return mode.error();
      set(server.parameters, "sslmode", *mode);
      for (const auto& [keyword, value] :
           {std::pair("host", host), std::pair("hostaddr", address), std::pair("port", port)})
        value.empty() ? void(server.parameters.erase(keyword))
                      : set(server.parameters, keyword, value);
      server.shown = show(all, host.empty() ? address : host, port);
      made.shown_ += (made.shown_.empty() ? "" : ",") + server.shown;
      made.servers_.push_back(std::move(server));
    }
    return made;
  }

  /// What every connection has, unless the string says otherwise where it may.
  static void prepare(postgres_parameters& all) {
    for (const auto& [keyword, value] :
         {std::pair("gssencmode", "disable"), std::pair("client_encoding", "UTF8")})
      set(all, keyword, value);
    using pair = std::pair<const char*, const char*>;
    for (const auto& [keyword, value] :
         {pair("target_session_attrs", "read-write"), pair("keepalives_idle", "15"),
          pair("keepalives_interval", "5"), pair("keepalives_count", "3"),
          pair("tcp_user_timeout", "20000"), pair("fallback_application_name", "keywarden")})
      if (const auto given = value_of(all, keyword); given.empty() || given == "0")
        set(all, keyword, value);
  }

  [[nodiscard]] static std::string show(const postgres_parameters& all, std::string_view host,
                                        std::string_view port) {
    const auto user = value_of(all, "user");
    const auto database = value_of(all, "dbname");
    std::string shown(user);
    shown.append("@").append(host.empty() ? "local" : host);
    if (!port.empty()) shown.append(":").append(port);
    return shown.append("/").append(database.empty() ? user : database);
  }

  std::vector<postgres_server> servers_;
  std::string shown_;
  std::optional<std::chrono::milliseconds> connect_wait_;
};

}  // namespace detail

static_assert(postgres_channel<verified_tls> && postgres_channel<unencrypted_on_loopback>);

}  // namespace keywarden::store
