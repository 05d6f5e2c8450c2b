/// @file
/// An endpoint's definition as the SQL statement that people know.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <keywarden/endpoint/definition.hpp>

namespace keywarden {

/// The CREATE ENDPOINT statement, every property written out. `read_create_endpoint` reads it back.
///
/// Two spellings are Keywarden's own: `CERTIFICATE a, b` during a rotation, and `PRE_SHARED_KEY`.
[[nodiscard]] inline std::string to_create_endpoint(const endpoint_definition& from) {
  std::string by("PRE_SHARED_KEY");
  if (const auto& shown = from.authentication.certificates()) {
    by = "CERTIFICATE " + shown->present().text();
    if (shown->next()) by += ", " + shown->next()->text();
  }
  std::string text("CREATE ENDPOINT " + from.name.text() + "\n");
  text += "  AUTHORIZATION " + from.owner.text() + "\n";
  text.append("  STATE = ").append(name_of(from.state)).append("\n  AS TCP (\n");
  text += "    LISTENER_PORT = " + std::to_string(from.listener.port()) + ",\n";
  text += "    LISTENER_IP = " + listener_ip_text(from.listener) + "\n  )\n";
  text += "  FOR DATABASE_MIRRORING (\n    AUTHENTICATION = " + by + ",\n";
  text += "    ENCRYPTION = " + transport::text(from.encryption).string() + ",\n";
  text.append("    ROLE = ").append(name_of(from.role)).append("\n  );\n");
  return text;
}

namespace detail {

/// Words, numbers and the marks `( ) = , ;` of one statement; 'text' and [name] without their
/// marks.
class statement_words {
 public:
  explicit statement_words(std::string_view text) noexcept : rest_(text) { next(); }

  /// The present word; empty at the end.
  [[nodiscard]] std::string_view word() const noexcept { return word_; }

  /// Whether the present word is this keyword, in any case.
  [[nodiscard]] bool is(std::string_view keyword) const noexcept {
    return !quoted_ && transport::detail::same_word(word_, keyword);
  }
  /// Goes on when the present word is this keyword.
  bool take(std::string_view keyword) noexcept {
    if (!is(keyword)) return false;
    next();
    return true;
  }
  /// The present word, whatever it is; then goes on.
  [[nodiscard]] std::string_view take() noexcept {
    const auto taken = word_;
    next();
    return taken;
  }
  [[nodiscard]] bool at_end() const noexcept { return word_.empty(); }

 private:
  void next() noexcept {
    constexpr std::string_view blanks = " \t\r\n";
    constexpr std::string_view marks = "()=,;";
    rest_.remove_prefix(std::min(rest_.find_first_not_of(blanks), rest_.size()));
    word_ = {};
    quoted_ = false;
    if (rest_.empty()) return;
    if (rest_.front() == '[' || rest_.front() == '\'') {
      const auto end = rest_.find(rest_.front() == '[' ? ']' : '\'', 1);
      if (end == std::string_view::npos) {
        word_ = rest_;  // no name and no keyword: refused where it is wanted
        rest_ = {};
        return;
      }
      quoted_ = true;
      word_ = rest_.substr(1, end - 1);
      rest_.remove_prefix(end + 1);
      if (word_.empty()) word_ = "''";  // not the end
      return;
    }
    const auto length = marks.find(rest_.front()) != std::string_view::npos
                            ? 1
                            : std::min(rest_.find_first_of(" \t\r\n()=,;'["), rest_.size());
    word_ = rest_.substr(0, length);
    rest_.remove_prefix(length);
  }

  std::string_view rest_;
  std::string_view word_;
  bool quoted_ = false;
};

/// Reads one statement. The first problem is kept.
class create_endpoint_reader {
 public:
  create_endpoint_reader(std::string_view text, const object_name& caller)
      : words_(text), owner_(caller) {}

  [[nodiscard]] result<endpoint_definition> read() {
    expect("CREATE"), expect("ENDPOINT");
    const auto name = a_name("endpoint");
    if (words_.take("AUTHORIZATION")) owner_ = a_name("AUTHORIZATION");
    if (words_.take("STATE")) state_ = one_of("STATE", endpoint_state_of);
    expect("AS"), expect("TCP"), expect("(");
    read_listener();
    expect(")"), expect("FOR"), expect("DATABASE_MIRRORING"), expect("(");
    read_payload();
    expect(")");
    (void)words_.take(";");
    if (ok_ && !words_.at_end()) fail("something follows the statement");
    if (ok_ && !port_) missing("LISTENER_PORT");
    if (ok_ && !by_) missing("AUTHENTICATION");
    if (ok_ && !role_) missing("ROLE");
    if (!ok_) return ok_.error();
    auto listener = listener_address::on(*port_, ip_);
    if (!listener) return listener.error();
    return endpoint_definition{name,
                               *listener,
                               *by_,
                               *role_,
                               owner_,
                               encryption_.value_or(transport::encryption_clause{}),
                               state_.value_or(endpoint_state::stopped)};
  }

 private:
  void fail(std::string_view reason) {
    if (ok_)
      ok_ = error(errc::malformed)
                .with(fact::kind, "CREATE ENDPOINT")
                .with(fact::reason, reason)
                .with(fact::next_step, "write it as `to_create_endpoint` does");
  }
  void fail(error why) {
    if (ok_) ok_ = std::move(why);
  }
  void missing(std::string_view property) {
    fail(error(errc::invalid_argument)
             .with(fact::kind, "CREATE ENDPOINT")
             .with(fact::name, property)
             .with(fact::reason, "it must be given and has no default"));
  }
  void expect(std::string_view keyword) {
    if (ok_ && !words_.take(keyword)) fail(std::string(keyword) + " is expected");
  }
  [[nodiscard]] object_name a_name(std::string_view what) {
    auto name = object_name::parse(words_.take());
    if (name) return *name;
    fail(std::move(name).error().with(fact::kind, what));
    return object_name("none");
  }
  [[nodiscard]] auto one_of(std::string_view what, auto of) -> decltype(of("")) {
    expect("=");
    std::string upper;
    for (const char each : words_.take())
      upper += each >= 'a' && each <= 'z' ? static_cast<char>(each - 'a' + 'A') : each;
    const auto value = of(upper);
    if (!value) fail("an unknown " + std::string(what));
    return value;
  }
  /// Whether this property comes now; twice is refused.
  [[nodiscard]] bool comes(std::string_view property, bool already) {
    if (!words_.take(property)) return false;
    if (already) fail(std::string(property) + " is given twice");
    return true;
  }

  void read_listener() {
    do {
      if (comes("LISTENER_PORT", port_.has_value())) {
        expect("=");
        const auto digits = words_.take();
        std::uint64_t port = 0;
        bool number = !digits.empty() && digits.size() <= 5;
        for (const char each : digits) {
          number = number && each >= '0' && each <= '9';
          port = port * 10 + static_cast<unsigned char>(each) % 48U;
        }
        if (!number) fail("LISTENER_PORT is a number");
        port_ = port;
      } else if (comes("LISTENER_IP", ip_said_)) {
        ip_said_ = true;
        expect("=");
        if (words_.take("ALL")) continue;
        expect("(");
        ip_ = admit::address::read(words_.take());
        if (!ip_) fail("LISTENER_IP is ALL, (an IPv4 address) or ('an IPv6 address')");
        expect(")");
      } else {
        fail("only LISTENER_PORT and LISTENER_IP stand in AS TCP");
      }
    } while (ok_ && words_.take(","));
  }
  void read_payload() {
    do {
      if (comes("AUTHENTICATION", by_.has_value())) {
        expect("=");
        read_authentication();
      } else if (comes("ENCRYPTION", encryption_.has_value())) {
        expect("=");
        std::string clause;
        while (!words_.at_end() && !words_.is(",") && !words_.is(")"))
          clause.append(words_.take()).append(" ");
        auto parsed = transport::parse_encryption(clause);
        if (!parsed) return fail(parsed.error());
        encryption_ = *parsed;
      } else if (comes("ROLE", role_.has_value())) {
        role_ = one_of("ROLE", endpoint_role_of);
      } else {
        fail("only AUTHENTICATION, ENCRYPTION and ROLE stand in FOR DATABASE_MIRRORING");
      }
    } while (ok_ && words_.take(","));
  }
  void read_authentication() {
    if (words_.take("PRE_SHARED_KEY")) {
      by_ = endpoint_authentication::pre_shared_key();
      return;
    }
    if (words_.is("WINDOWS"))
      return fail(error(errc::unsupported_suite)
                      .with(fact::kind, "AUTHENTICATION")
                      .with(fact::scheme, "WINDOWS")
                      .with(fact::next_step, "write AUTHENTICATION = CERTIFICATE and its name"));
    expect("CERTIFICATE");
    const auto present = a_name("certificate");
    by_ = endpoint_authentication(present);
    if (words_.is("WINDOWS")) return read_authentication();
    // Another certificate follows the comma, or another property.
    auto ahead = words_;
    if (!ahead.take(",") || ahead.is("AUTHENTICATION") || ahead.is("ENCRYPTION") ||
        ahead.is("ROLE"))
      return;
    words_ = ahead;
    auto both = endpoint_certificates::rotation(present, a_name("certificate"));
    if (!both) return fail(both.error());
    by_ = endpoint_authentication(*both);
  }

  statement_words words_;
  object_name owner_;
  std::optional<endpoint_state> state_;
  std::optional<std::uint64_t> port_;
  std::optional<admit::address> ip_;
  bool ip_said_ = false;
  std::optional<endpoint_authentication> by_;
  std::optional<transport::encryption_clause> encryption_;
  std::optional<endpoint_role> role_;
  result<void> ok_;
};

}  // namespace detail

/// Reads a CREATE ENDPOINT statement for database mirroring, at most 4,096 bytes: keywords in any
/// case, names bare or in brackets. Left out, STATE is STOPPED, LISTENER_IP ALL, ENCRYPTION
/// REQUIRED ALGORITHM AES, and AUTHORIZATION is the `caller`'s login; LISTENER_PORT, AUTHENTICATION
/// and ROLE have no default. Reading judges nothing: RC4 is read (see `check_definition`).
///
/// Errors: `malformed`; `invalid_argument` for a missing property, a port or an encryption that
/// makes no sense; `invalid_name`; `unsupported_suite` for WINDOWS authentication;
/// `limit_exceeded`.
[[nodiscard]] inline result<endpoint_definition> read_create_endpoint(std::string_view text,
                                                                      const object_name& caller) {
  constexpr std::size_t max_size = 4096;
  if (text.size() > max_size)
    return error(errc::limit_exceeded)
        .with(fact::kind, "CREATE ENDPOINT")
        .with(fact::limit, max_size)
        .with(fact::actual, text.size());
  return detail::create_endpoint_reader(text, caller).read();
}

}  // namespace keywarden
