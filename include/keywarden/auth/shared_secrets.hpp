/// @file
/// The secrets that one instance shares with others, and the keys for each direction.
#pragma once

#include <charconv>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <keywarden/auth/concepts.hpp>
#include <keywarden/core/name.hpp>
#include <keywarden/crypto/kdf.hpp>
#include <keywarden/key/key_ring.hpp>

namespace keywarden::auth {

/// What the identity of a pre-shared key says: who dials, who answers, and which of their secrets.
/// Public. As text `keywarden/1/psk/<from>/<to>/<version>`; a name has no slash, so no two
/// identities have the same text.
struct shared_key_name {
  object_name from;  ///< the connector
  object_name to;    ///< the acceptor
  std::uint32_t version;

  /// What the text of every identity begins with.
  static constexpr std::string_view prefix = "keywarden/1/psk/";

  [[nodiscard]] std::string text() const {
    return std::string(prefix) + from.text() + '/' + to.text() + '/' + std::to_string(version);
  }
  /// Reads exactly what `text` writes.
  [[nodiscard]] static std::optional<shared_key_name> parse(std::string_view text) {
    if (!text.starts_with(prefix) || text.size() > prefix.size() + 2 * object_name::max_size + 12)
      return std::nullopt;
    const auto rest = text.substr(prefix.size());
    const auto first = rest.find('/');
    const auto second = first == rest.npos ? rest.npos : rest.find('/', first + 1);
    if (second == rest.npos) return std::nullopt;
    auto from = object_name::parse(rest.substr(0, first));
    auto to = object_name::parse(rest.substr(first + 1, second - first - 1));
    if (!from || !to) return std::nullopt;
    const auto digits = rest.substr(second + 1);
    shared_key_name made{*from, *to, 0};
    std::from_chars(digits.data(), digits.data() + digits.size(), made.version);
    if (made.text() != text) return std::nullopt;
    return made;
  }

  friend bool operator==(const shared_key_name&, const shared_key_name&) = default;
};

/// The key for one direction between two instances: HKDF-SHA-256 (RFC 5869) of their secret with,
/// each length-prefixed, a label, both names in the order of the direction, and the version.
/// Errors: `backend_failed`.
[[nodiscard]] inline result<secret_key> derive_shared_key(const secret_key& secret,
                                                          const shared_key_name& name) {
  bytes info;
  append_length_prefixed(info, as_bytes("keywarden/1/pre-shared key"));
  append_length_prefixed(info, as_bytes(name.from.text()));
  append_length_prefixed(info, as_bytes(name.to.text()));
  append_big_endian(info, name.version);
  return crypto::hkdf_sha256(secret, {}, info);
}

/// The secrets that the instance `own` shares with its peers, by version. Move-only; holds secrets.
///
/// To change a secret without an interruption: `add` the new version at both ends, then `offer` it
/// at both ends, then `drop` the old one. A secret that three instances share lets each pretend to
/// be any other to the third: give every pair its own. One thread at a time.
class shared_secrets {
 public:
  /// More peers are refused as `limit_exceeded`.
  static constexpr std::size_t max_peers = 1000;
  /// More versions for one peer are refused as `limit_exceeded`: drop old ones.
  static constexpr std::size_t max_versions = 8;
  /// The least size of a secret, in bytes, uniformly random.
  static constexpr std::size_t least_size = 32;

  explicit shared_secrets(const object_name& own) : own_(own) {}
  shared_secrets(shared_secrets&&) = default;
  shared_secrets& operator=(shared_secrets&&) = default;
  shared_secrets(const shared_secrets&) = delete;
  shared_secrets& operator=(const shared_secrets&) = delete;
  ~shared_secrets() = default;

  /// A secret shared with the instance `peer`; the first is offered when dialling it. Errors:
  /// `invalid_argument` for oneself; `weaker_than_required` below 32 bytes; `already_exists` for
  /// the version; `limit_exceeded`.
  [[nodiscard]] result<void> add(const object_name& peer, std::uint32_t version,
                                 const secret_key& secret) {
    if (peer == own_)
      return refusal(errc::invalid_argument, peer).with(fact::reason, "this is the own name");
    if (secret.size() < least_size)
      return refusal(errc::weaker_than_required, peer)
          .with(fact::limit, least_size)
          .with(fact::actual, secret.size())
          .with(fact::next_step, "share 32 random bytes, not a password");
    auto known = peers_.find(peer);
    if (known == peers_.end() && peers_.size() >= max_peers)
      return refusal(errc::limit_exceeded, peer).with(fact::limit, max_peers);
    if (known != peers_.end() && known->second.versions.contains(version))
      return refusal(errc::already_exists, peer).with(fact::version, version);
    if (known != peers_.end() && known->second.versions.size() >= max_versions)
      return refusal(errc::limit_exceeded, peer)
          .with(fact::limit, max_versions)
          .with(fact::next_step, "drop old versions");
    auto outbound = derive_shared_key(secret, {own_, peer, version});
    if (!outbound) return outbound.error();
    auto inbound = derive_shared_key(secret, {peer, own_, version});
    if (!inbound) return inbound.error();
    if (known == peers_.end()) known = peers_.emplace(peer, peer_keys{version, {}}).first;
    known->second.versions.emplace(version, both_ways{std::move(*outbound), std::move(*inbound)});
    return done();
  }

  /// Every version of a key of the hierarchy that opens; the active one is offered. Both ends hold
  /// the same ring. Errors: as `add`.
  [[nodiscard]] result<void> add(const object_name& peer, const key_ring& ring) {
    for (const auto& each : ring.versions())
      if (opens(each.state))
        if (auto added = add(peer, each.id.value(), each.secret); !added) return added;
    return offer(peer, ring.active().id.value());
  }

  /// Which version is offered when dialling `peer`. Errors: `not_found`.
  [[nodiscard]] result<void> offer(const object_name& peer, std::uint32_t version) {
    const auto known = peers_.find(peer);
    if (known == peers_.end() || !known->second.versions.contains(version))
      return refusal(errc::not_found, peer).with(fact::version, version);
    known->second.offered = version;
    return done();
  }

  /// Forgets a version. Errors: `not_found`; `has_dependents` for the one that is offered while
  /// there are others.
  [[nodiscard]] result<void> drop(const object_name& peer, std::uint32_t version) {
    const auto known = peers_.find(peer);
    if (known == peers_.end() || !known->second.versions.contains(version))
      return refusal(errc::not_found, peer).with(fact::version, version);
    auto& [offered, versions] = known->second;
    if (offered == version && versions.size() > 1)
      return refusal(errc::has_dependents, peer)
          .with(fact::version, version)
          .with(fact::next_step, "offer another version first");
    versions.erase(version);
    if (versions.empty()) peers_.erase(known);
    return done();
  }

  [[nodiscard]] const object_name& own() const noexcept { return own_; }

  /// The key with which to dial `peer`. Errors: `not_found`.
  [[nodiscard]] result<shared_key_offer> offer_to(const object_name& peer) const {
    const auto known = peers_.find(peer);
    if (known == peers_.end())
      return refusal(errc::not_found, peer)
          .with(fact::next_step, "share a secret with that instance first");
    const auto version = known->second.offered;
    return shared_key_offer{shared_key_name{own_, peer, version}.text(),
                            known->second.versions.at(version).outbound.duplicate()};
  }

  /// The key of a connector that dials this instance, if it is known; never that of the other
  /// direction.
  [[nodiscard]] std::optional<secret_key> key_of(const shared_key_name& name) const {
    if (name.to != own_ || !knows(name.from, name.version)) return std::nullopt;
    return peers_.find(name.from)->second.versions.at(name.version).inbound.duplicate();
  }

  /// Whether this version of the secret with `peer` is there.
  [[nodiscard]] bool knows(const object_name& peer, std::uint32_t version) const {
    const auto known = peers_.find(peer);
    return known != peers_.end() && known->second.versions.contains(version);
  }
  /// Whether any secret with `peer` is there.
  [[nodiscard]] bool knows(const object_name& peer) const { return peers_.contains(peer); }

 private:
  struct both_ways {
    secret_key outbound;
    secret_key inbound;
  };
  struct peer_keys {
    std::uint32_t offered;
    std::map<std::uint32_t, both_ways> versions;
  };

  [[nodiscard]] static error refusal(errc code, const object_name& peer) {
    return error(code).with(fact::kind, "shared secret").with(fact::peer, peer.text());
  }

  object_name own_;
  std::map<object_name, peer_keys> peers_;
};

}  // namespace keywarden::auth
