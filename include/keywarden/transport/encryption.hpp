/// @file
/// What two ends agree on when each brings its ENCRYPTION clause.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include <keywarden/core/result.hpp>
#include <keywarden/transport/encryption_clause.hpp>

namespace keywarden::transport {

/// Why two clauses do not allow a connection.
enum class encryption_refusal : std::uint8_t {
  encryption_required,  ///< one end is DISABLED and the other REQUIRED
  no_common_algorithm,  ///< both encrypt, and list nothing in common
  rc4,                  ///< what they agree on is RC4, which is never used
};

/// What came of two clauses: encrypted by an algorithm, authenticated only, or refused. A regular
/// type, usable in constant expressions.
class negotiation {
 public:
  /// Both ends encrypt, by this; by RC4 it is a refusal.
  [[nodiscard]] static constexpr negotiation encrypted(transport::algorithm by) noexcept {
    if (by == transport::algorithm::rc4) return refused(encryption_refusal::rc4);
    return {by, std::nullopt};
  }
  /// Nothing is encrypted; all is authenticated still (this cannot be turned off).
  [[nodiscard]] static constexpr negotiation integrity_only() noexcept {
    return {std::nullopt, std::nullopt};
  }
  /// There is no connection.
  [[nodiscard]] static constexpr negotiation refused(encryption_refusal why) noexcept {
    return {std::nullopt, why};
  }

  /// What both ends encrypt by; nothing when they do not.
  [[nodiscard]] constexpr std::optional<transport::algorithm> algorithm() const noexcept {
    return algorithm_;
  }
  /// Why there is no connection; nothing when there may be one.
  [[nodiscard]] constexpr std::optional<encryption_refusal> refusal() const noexcept {
    return refusal_;
  }
  /// Whether data is encrypted.
  [[nodiscard]] constexpr bool is_encrypted() const noexcept { return algorithm_.has_value(); }
  /// Whether there is no connection.
  [[nodiscard]] constexpr bool is_refused() const noexcept { return refusal_.has_value(); }
  /// Whether data is only kept from being changed.
  [[nodiscard]] constexpr bool is_integrity_only() const noexcept {
    return !is_encrypted() && !is_refused();
  }

  friend constexpr bool operator==(const negotiation&, const negotiation&) = default;

 private:
  constexpr negotiation(std::optional<transport::algorithm> by,
                        std::optional<encryption_refusal> why) noexcept
      : algorithm_(by), refusal_(why) {}

  std::optional<transport::algorithm> algorithm_;
  std::optional<encryption_refusal> refusal_;
};

/// What the connecting and the accepting end agree on, as SQL Server's endpoints do.
///
/// DISABLED against REQUIRED is refused, DISABLED against anything else is not encrypted, the rest
/// is: by the first algorithm of the acceptor's list that the connector lists too. Two departures,
/// both stricter: where that is RC4 the connection is refused even if a later algorithm would do,
/// and two SUPPORTED ends without a common algorithm are refused rather than left unencrypted.
/// Both ends reach the same answer, so each can check the other's.
[[nodiscard]] constexpr negotiation negotiate(const encryption_clause& connector,
                                              const encryption_clause& acceptor) noexcept {
  const auto either = [&](presence wanted) {
    return connector.presence() == wanted || acceptor.presence() == wanted;
  };
  if (either(presence::disabled))
    return either(presence::required)
               ? negotiation::refused(encryption_refusal::encryption_required)
               : negotiation::integrity_only();
  for (const auto each : acceptor.algorithms())
    if (connector.lists(each)) return negotiation::encrypted(each);
  return negotiation::refused(encryption_refusal::no_common_algorithm);
}

/// The outcome in a few words: "encrypted: AES-256-GCM", "not encrypted: integrity only",
/// "refused: RC4".
[[nodiscard]] constexpr std::string_view explain(const negotiation& outcome) noexcept {
  if (const auto why = outcome.refusal()) switch (*why) {
      case encryption_refusal::encryption_required:
        return "refused: one end is DISABLED, the other REQUIRED";
      case encryption_refusal::no_common_algorithm:
        return "refused: no common algorithm";
      case encryption_refusal::rc4:
        return "refused: RC4";
    }
  if (const auto by = outcome.algorithm()) switch (*by) {
      case algorithm::aes:
        return "encrypted: AES-256-GCM";
      case algorithm::chacha20:
        return "encrypted: ChaCha20-Poly1305";
      case algorithm::rc4:
        break;  // no negotiation holds it
    }
  return "not encrypted: integrity only";
}

/// A refused negotiation as `encryption_refused`, with `fact::reason` and `fact::next_step`; no
/// error (`errc::none`) for any other.
[[nodiscard]] inline error to_error(const negotiation& outcome) {
  const auto why = outcome.refusal();
  if (!why) return {};
  auto made = error(errc::encryption_refused).with(fact::reason, explain(outcome));
  switch (*why) {
    case encryption_refusal::encryption_required:
      return std::move(made).with(fact::next_step,
                                  "set ENCRYPTION = REQUIRED, or SUPPORTED, at the DISABLED end");
    case encryption_refusal::no_common_algorithm:
      return std::move(made).with(fact::next_step, "list AES at both ends");
    case encryption_refusal::rc4:
      return std::move(made).with(fact::next_step,
                                  "RC4 is broken (RFC 7465): set ALGORITHM AES at both ends");
  }
  return made;
}

}  // namespace keywarden::transport
