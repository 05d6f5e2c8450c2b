/// @file
/// Paths that were verified before, so that the next handshake of the same peer need not do it
/// again.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/core/recent.hpp>
#include <keywarden/pki/path.hpp>

namespace keywarden::auth {

/// What was judged, and under which circumstances: a path holds for nothing else.
struct chain_key {
  std::vector<pki::fingerprint> chain;  ///< SHA-256 of the exact DER of each certificate, in order
  /// What the leaf was to be allowed for.
  pki::certificate_purpose purpose = pki::certificate_purpose::both;
  std::string expected_name;     ///< whom the leaf had to name; empty: nobody
  std::uint64_t anchors = 0;     ///< generation
  std::uint64_t revocation = 0;  ///< generation; 0 where revocation is not checked

  friend auto operator<=>(const chain_key&, const chain_key&) = default;

  /// The key of a chain as a peer sent it: hashes each certificate.
  [[nodiscard]] static chain_key of(std::span<const pki::certificate> chain,
                                    pki::certificate_purpose purpose, std::string_view name,
                                    std::uint64_t anchors, std::uint64_t revocation) {
    chain_key made{{}, purpose, std::string(name), anchors, revocation};
    for (const auto& each : chain) made.chain.push_back(each.fingerprint());
    return made;
  }
};

/// A cache of path judgements for one authenticator; its policy is that authenticator's, so the
/// policy is not part of the key.
///
/// Holds what was found good, never a refusal, so that a stranger cannot fill it or have somebody
/// refused; only an authenticator's `judge` fills it, which is called for peers that proved
/// possession. An entry serves from when it was judged until the first of its certificates, or of
/// the lists that said it was not revoked, expires. It says nothing of allow-lists, logins and
/// CONNECT: those are judged every time. Any thread.
class verified_chains {
 public:
  explicit verified_chains(std::size_t capacity) noexcept : paths_(capacity) {}

  /// A path that holds now, for exactly this.
  [[nodiscard]] std::optional<pki::verified_path> find(const chain_key& key, time_point now) {
    auto found = paths_.find(key);
    if (!found) return std::nullopt;
    if (found->judged <= now && now <= found->path.valid_until()) return std::move(found->path);
    if (found->path.valid_until() < now) paths_.forget(key);
    return std::nullopt;
  }
  /// Keeps a path that was judged at `now`.
  void keep(const chain_key& key, pki::verified_path path, time_point now) {
    paths_.keep(key, {std::move(path), now});
  }
  [[nodiscard]] std::size_t size() const { return paths_.size(); }

 private:
  struct entry {
    pki::verified_path path;
    time_point judged;
  };
  keywarden::detail::recent<chain_key, entry> paths_;
};

}  // namespace keywarden::auth
