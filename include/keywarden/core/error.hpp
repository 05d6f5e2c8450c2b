/// @file
/// What can go wrong, as one enumeration with facts attached, so that a person reading the message
/// knows the next step.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/core/printable.hpp>

namespace keywarden {

/// Every way in which Keywarden refuses, grouped by who is responsible. The numbers are stable.
enum class errc : std::uint16_t {
  none = 0,  ///< not an error: what `result::error()` gives when there is a value
  // usage: the calling program asked for something that makes no sense
  invalid_argument = 100,
  invalid_name = 101,
  buffer_too_small = 102,
  message_too_long = 103,
  // policy: understood, and refused
  password_refused = 200,
  weaker_than_required = 201,
  already_exists = 202,
  not_found = 203,
  not_open = 204,
  has_dependents = 205,
  last_protector = 206,
  plan_is_stale = 207,
  budget_exhausted = 208,
  secret_required = 209,
  key_state_refused = 210,
  not_permitted = 211,
  would_lose = 212,
  not_activated = 213,
  // integrity: the bytes are not what was written
  malformed = 300,
  truncated = 301,
  limit_exceeded = 302,
  unsupported_version = 303,
  unsupported_suite = 304,
  unknown_key = 305,
  authentication_failed = 306,
  no_slot_opened = 307,
  access_lost = 308,
  reordered = 309,
  rolled_back = 310,
  // environment: files, stores, processes
  secret_unavailable = 400,
  io_failed = 401,
  store_conflict = 402,
  store_busy = 403,
  store_corrupt = 404,
  // backend: the cryptographic library
  backend_failed = 500,
  backend_missing = 501,
  // peer: whoever is at the other end of a connection
  handshake_failed = 600,
  refused_by_peer = 601,
  peer_unproven = 602,
  peer_unknown = 603,
  certificate_expired = 604,
  certificate_not_yet_valid = 605,
  certificate_untrusted = 606,
  certificate_usage = 607,
  certificate_revoked = 608,
  revocation_unknown = 609,
  encryption_refused = 610,
  connection_closed = 611,
  timed_out = 612,
  admission_refused = 613,
  not_listening = 614,
  // configuration: what a person wrote for a service
  configuration_invalid = 700,
};

/// The name of a fact that an error carries. Facts never hold secrets.
enum class fact : std::uint8_t {
  slot,
  scheme,
  name,
  kind,
  file,
  limit,
  actual,
  version,
  key,
  state,
  operation,
  reason,
  next_step,
  peer,
  alert,
  date,
  line,
  column,
};

/// The stable, lower-case name of an error code, for machines ("access_lost").
[[nodiscard]] constexpr std::string_view name_of(errc code) noexcept {
  switch (code) {
    case errc::none:
      return "none";
    case errc::invalid_argument:
      return "invalid_argument";
    case errc::invalid_name:
      return "invalid_name";
    case errc::buffer_too_small:
      return "buffer_too_small";
    case errc::message_too_long:
      return "message_too_long";
    case errc::password_refused:
      return "password_refused";
    case errc::weaker_than_required:
      return "weaker_than_required";
    case errc::already_exists:
      return "already_exists";
    case errc::not_found:
      return "not_found";
    case errc::not_open:
      return "not_open";
    case errc::has_dependents:
      return "has_dependents";
    case errc::last_protector:
      return "last_protector";
    case errc::plan_is_stale:
      return "plan_is_stale";
    case errc::budget_exhausted:
      return "budget_exhausted";
    case errc::secret_required:
      return "secret_required";
    case errc::key_state_refused:
      return "key_state_refused";
    case errc::not_permitted:
      return "not_permitted";
    case errc::would_lose:
      return "would_lose";
    case errc::not_activated:
      return "not_activated";
    case errc::malformed:
      return "malformed";
    case errc::truncated:
      return "truncated";
    case errc::limit_exceeded:
      return "limit_exceeded";
    case errc::unsupported_version:
      return "unsupported_version";
    case errc::unsupported_suite:
      return "unsupported_suite";
    case errc::unknown_key:
      return "unknown_key";
    case errc::authentication_failed:
      return "authentication_failed";
    case errc::no_slot_opened:
      return "no_slot_opened";
    case errc::access_lost:
      return "access_lost";
    case errc::reordered:
      return "reordered";
    case errc::rolled_back:
      return "rolled_back";
    case errc::secret_unavailable:
      return "secret_unavailable";
    case errc::io_failed:
      return "io_failed";
    case errc::store_conflict:
      return "store_conflict";
    case errc::store_busy:
      return "store_busy";
    case errc::store_corrupt:
      return "store_corrupt";
    case errc::backend_failed:
      return "backend_failed";
    case errc::backend_missing:
      return "backend_missing";
    case errc::handshake_failed:
      return "handshake_failed";
    case errc::refused_by_peer:
      return "refused_by_peer";
    case errc::peer_unproven:
      return "peer_unproven";
    case errc::peer_unknown:
      return "peer_unknown";
    case errc::certificate_expired:
      return "certificate_expired";
    case errc::certificate_not_yet_valid:
      return "certificate_not_yet_valid";
    case errc::certificate_untrusted:
      return "certificate_untrusted";
    case errc::certificate_usage:
      return "certificate_usage";
    case errc::certificate_revoked:
      return "certificate_revoked";
    case errc::revocation_unknown:
      return "revocation_unknown";
    case errc::encryption_refused:
      return "encryption_refused";
    case errc::connection_closed:
      return "connection_closed";
    case errc::timed_out:
      return "timed_out";
    case errc::admission_refused:
      return "admission_refused";
    case errc::not_listening:
      return "not_listening";
    case errc::configuration_invalid:
      return "configuration_invalid";
  }
  return "unknown";
}

/// One English clause for an error code: what happened.
[[nodiscard]] constexpr std::string_view describe(errc code) noexcept {
  switch (code) {
    case errc::none:
      return "no error";
    case errc::invalid_argument:
      return "an argument does not make sense";
    case errc::invalid_name:
      return "the name is not usable (1 to 64 of A-Z a-z 0-9 _ . -)";
    case errc::buffer_too_small:
      return "the caller's buffer is too small";
    case errc::message_too_long:
      return "the message is longer than this operation allows";
    case errc::password_refused:
      return "the password does not satisfy the password policy";
    case errc::weaker_than_required:
      return "the protection is weaker than what is required";
    case errc::already_exists:
      return "something of this name exists already";
    case errc::not_found:
      return "there is nothing of this name";
    case errc::not_open:
      return "the key is not open";
    case errc::has_dependents:
      return "other things still depend on this";
    case errc::last_protector:
      return "this is the last way to open the key";
    case errc::plan_is_stale:
      return "the store has changed since the plan was made";
    case errc::budget_exhausted:
      return "the key has sealed as many messages as it may: rotate it";
    case errc::secret_required:
      return "a secret is needed that was not given";
    case errc::key_state_refused:
      return "the key's state does not allow this";
    case errc::not_permitted:
      return "the policy does not permit this";
    case errc::would_lose:
      return "this would lose what cannot be opened: nothing was changed";
    case errc::not_activated:
      return "this instance is not an activated member of the deployment";
    case errc::malformed:
      return "the bytes are not of the expected form";
    case errc::truncated:
      return "the data ends too early";
    case errc::limit_exceeded:
      return "a size, count or cost is above its limit";
    case errc::unsupported_version:
      return "the format version is not known to this program";
    case errc::unsupported_suite:
      return "the algorithm is not the one this program composes";
    case errc::unknown_key:
      return "the key that sealed this is not in the key ring";
    case errc::authentication_failed:
      return "authentication failed: altered data, another key, or other associated data";
    case errc::no_slot_opened:
      return "none of the secrets at hand opens this key";
    case errc::access_lost:
      return "neither the account's nor the machine's secret opens the service master key";
    case errc::reordered:
      return "the parts are not in the order in which they were written";
    case errc::rolled_back:
      return "the store holds an earlier state than one that was seen before";
    case errc::secret_unavailable:
      return "a protector's secret cannot be read";
    case errc::io_failed:
      return "reading or writing failed";
    case errc::store_conflict:
      return "another writer changed the record first: read it again";
    case errc::store_busy:
      return "the store is in use by another process";
    case errc::store_corrupt:
      return "the store's own structure is damaged";
    case errc::backend_failed:
      return "the cryptographic library refused the operation";
    case errc::backend_missing:
      return "the cryptographic library lacks a needed algorithm";
    case errc::handshake_failed:
      return "the handshake with the peer failed";
    case errc::refused_by_peer:
      return "the peer refused the connection";
    case errc::peer_unproven:
      return "the peer did not prove who it is";
    case errc::peer_unknown:
      return "the peer's credential is not one this instance knows";
    case errc::certificate_expired:
      return "a certificate has expired";
    case errc::certificate_not_yet_valid:
      return "a certificate is not valid yet";
    case errc::certificate_untrusted:
      return "a certificate does not lead to a trust anchor";
    case errc::certificate_usage:
      return "a certificate is not meant for this use";
    case errc::certificate_revoked:
      return "a certificate was revoked by its authority";
    case errc::revocation_unknown:
      return "nothing current says whether a certificate was revoked";
    case errc::encryption_refused:
      return "the two ends' encryption settings do not allow a connection";
    case errc::connection_closed:
      return "the connection is closed";
    case errc::timed_out:
      return "the peer took longer than is allowed";
    case errc::admission_refused:
      return "the connection was not admitted";
    case errc::not_listening:
      return "the endpoint does not take connections in its present state";
    case errc::configuration_invalid:
      return "the configuration cannot be used as it is";
  }
  return "unknown error";
}

/// The stable, lower-case name of a fact.
[[nodiscard]] constexpr std::string_view name_of(fact name) noexcept {
  switch (name) {
    case fact::slot:
      return "slot";
    case fact::scheme:
      return "scheme";
    case fact::name:
      return "name";
    case fact::kind:
      return "kind";
    case fact::file:
      return "file";
    case fact::limit:
      return "limit";
    case fact::actual:
      return "actual";
    case fact::version:
      return "version";
    case fact::key:
      return "key";
    case fact::state:
      return "state";
    case fact::operation:
      return "operation";
    case fact::reason:
      return "reason";
    case fact::next_step:
      return "next step";
    case fact::peer:
      return "peer";
    case fact::alert:
      return "alert";
    case fact::date:
      return "date";
    case fact::line:
      return "line";
    case fact::column:
      return "column";
  }
  return "fact";
}

/// A refusal: a code, the facts that explain it, and the refusals that led to it.
///
/// Copyable and printable by design: it never holds secret bytes. Build one by chaining `with`.
class error {
 public:
  /// A fact's name and its value as text.
  struct attached_fact {
    fact name;
    std::string value;
    friend bool operator==(const attached_fact&, const attached_fact&) = default;
  };

  /// No error.
  error() noexcept = default;

  // NOLINTNEXTLINE(google-explicit-constructor): `return errc::malformed;` is how refusals read
  error(errc code) noexcept : code_(code) {}

  /// Attaches a fact, once.
  [[nodiscard]] error with(fact name, std::string_view value) && {
    attached_fact added{name, std::string(value)};
    for (const auto& attached : facts_)
      if (attached == added) return std::move(*this);
    facts_.push_back(std::move(added));
    return std::move(*this);
  }
  /// Attaches a number.
  [[nodiscard]] error with(fact name, std::integral auto value) && {
    return std::move(*this).with(name, std::to_string(value));
  }

  /// Attaches the refusal that led to this one.
  [[nodiscard]] error because(error cause) && {
    causes_.push_back(std::move(cause));
    return std::move(*this);
  }

  /// Which error it is: what programs compare.
  [[nodiscard]] errc code() const noexcept { return code_; }
  /// What is known about it, in the order it was attached.
  [[nodiscard]] const std::vector<attached_fact>& facts() const noexcept { return facts_; }
  /// The errors that led to this one, in the order they happened.
  [[nodiscard]] const std::vector<error>& causes() const noexcept { return causes_; }

  /// The value of a fact, or an empty text.
  [[nodiscard]] std::string_view value_of(fact name) const noexcept {
    for (const auto& attached : facts_)
      if (attached.name == name) return attached.value;
    return {};
  }

  /// One sentence for a person: what happened, every fact, the causes, and the next step (the
  /// causes' own if this error names none). Of a value at most 256 bytes are shown (then "…"), and
  /// what a terminal would obey is shown as `\x` and two digits; `facts()` has values whole.
  [[nodiscard]] std::string message() const {
    std::string text = sentence();
    if (const auto next = next_step(); !next.empty())
      detail::append_printable(text.append(". Next: "), next, max_shown_step);
    return text;
  }

  /// Two refusals are equal when their codes are: facts explain, they do not decide.
  friend bool operator==(const error& left, errc right) noexcept { return left.code_ == right; }

 private:
  // A value may come from a stranger (a certificate's subject): it writes no lines of its own into
  // a log, nothing a terminal obeys, and no novel.
  static constexpr std::size_t max_shown_value = 256;
  static constexpr std::size_t max_shown_step = 2048;

  [[nodiscard]] std::string sentence() const {
    std::string text(describe(code_));
    std::string_view separator = " (";
    for (const auto& attached : facts_) {
      if (attached.name == fact::next_step) continue;
      text.append(separator).append(name_of(attached.name)).append(": ");
      detail::append_printable(text, attached.value, max_shown_value);
      separator = ", ";
    }
    if (separator == ", ") text += ')';
    for (const auto& cause : causes_) text.append("; ").append(cause.sentence());
    return text;
  }
  [[nodiscard]] std::string_view next_step() const {
    if (const auto own = value_of(fact::next_step); !own.empty()) return own;
    for (const auto& cause : causes_)
      if (const auto next = cause.next_step(); !next.empty()) return next;
    return {};
  }

  errc code_ = errc::none;
  std::vector<attached_fact> facts_;
  std::vector<error> causes_;
};

}  // namespace keywarden
