/// @file
/// The small records beside a shared key: who wants to join, and who has seen which version.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/store/concepts.hpp>
#include <keywarden/vault/names.hpp>
#include <keywarden/vault/scale_out/chain.hpp>
#include <keywarden/vault/scale_out/roster.hpp>

namespace keywarden {

/// An instance that wants to join. Nobody vouches for it but the fingerprint, compared out of band.
struct join_request {
  installation_id installation;  ///< which instance
  std::string name;              ///< what it calls itself; at most 64 bytes
  bytes public_key;              ///< of the deployment's KEM, encoded
};

namespace detail {

inline constexpr std::size_t max_note_size = std::size_t{64} << 10U;

[[nodiscard]] inline record_name request_name(const object_name& deployment,
                                              const installation_id& of) {
  return joined(scale_out_prefix(deployment) + "request/" + label_of(of));
}
[[nodiscard]] inline record_name seen_name(const object_name& deployment,
                                           const installation_id& of) {
  return joined(scale_out_prefix(deployment) + "seen/" + label_of(of));
}

[[nodiscard]] inline bytes encode(const join_request& request) {
  const json document{{"keywarden", 1},
                      {"kind", "join_request"},
                      {"installation", label_of(request.installation)},
                      {"name", request.name},
                      {"public_key", to_base64(request.public_key)}};
  return to_bytes(as_bytes(document.dump(1, ' ', false, json::error_handler_t::replace) + "\n"));
}

/// Errors: `limit_exceeded`, `malformed`, `unsupported_version`.
template <crypto::kem Kem>
[[nodiscard]] result<join_request> decode_request(bytes_view stored) {
  auto parsed = parse_json(stored, {max_note_size, 4});
  if (!parsed) return parsed.error();
  json_reader read(parsed->value, "join request");
  if (read.number("keywarden") != 1) read.fail(error(errc::unsupported_version));
  if (read.text("kind", 64) != "join_request") read.fail("kind", "not a join request");
  join_request made;
  made.installation = read.hex<installation_id>("installation");
  made.name = read.text("name", record_limits::label);
  made.public_key = read.base64("public_key", Kem::max_public_key_size);
  if (auto ok = read.finish(); !ok) return ok.error();
  return made;
}

/// What a member has proved about the versions of a key.
struct versions_seen {
  std::vector<key_id> has;        ///< it can open what they sealed
  std::optional<key_id> sealing;  ///< the one that it knows to be active
};

/// What such proofs are about, and are made with: a shared key, as it is now.
struct seen_context {
  const key_ring& ring;
  const record_key_chain& chain;
  const record_id& record;
  /// The record key with which the active version began to seal.
  std::string sealing_since;
};

/// A member's word: only who has the key can give it.
[[nodiscard]] inline result<mac> word_of(const secret_key& key, std::string_view what,
                                         const record_id& record, const installation_id& member,
                                         key_id version) {
  strong_bytes<4, struct version_bytes_tag> number;
  store_big_endian(number.view(), version.value());
  bytes said;
  append_length_prefixed(said, as_bytes(what));
  append_length_prefixed(said, record.view());
  append_length_prefixed(said, member.view());
  append_length_prefixed(said, number.view());
  return crypto::hmac_sha256(key, said);
}
/// That it has a version: by a key of that version.
[[nodiscard]] inline result<mac> word_for_having(const key_version& version,
                                                 const record_id& record,
                                                 const installation_id& member) {
  auto key = crypto::subkey(version.secret, "keywarden/1/scale-out/seen");
  if (!key) return key.error();
  return word_of(*key, "has", record, member, version.id);
}
/// That it knows a version to be the one that seals: by the witness key of the record key at that
/// time, so that the word is of no use once another version has sealed in between.
[[nodiscard]] inline result<mac> word_for_sealing(const chain_link& at, const record_id& record,
                                                  const installation_id& member, key_id version) {
  return word_of(at.witness, "seals with", record, member, version);
}

/// The note in which a member says which versions it has, and which it seals with. Errors: those of
/// the backend.
[[nodiscard]] inline result<bytes> encode_seen(const seen_context& now,
                                               const installation_id& member) {
  auto versions = json::array();
  for (const auto& each : now.ring.versions()) {
    if (each.secret.empty()) continue;
    auto word = word_for_having(each, now.record, member);
    if (!word) return word.error();
    versions.push_back({{"id", each.id.value()}, {"mac", to_hex(word->view())}});
  }
  const auto active = now.ring.active().id;
  auto sealing = word_for_sealing(now.chain.last(), now.record, member, active);
  if (!sealing) return sealing.error();
  const json document{{"keywarden", 1},
                      {"kind", "versions_seen"},
                      {"versions", versions},
                      {"sealing",
                       {{"id", active.value()},
                        {"link", name_of_link(now.chain.last().of)},
                        {"mac", to_hex(sealing->view())}}}};
  return to_bytes(as_bytes(document.dump(1) + "\n"));
}

[[nodiscard]] inline bool same_word(const result<mac>& expected, const mac& stated) {
  return expected &&
         Botan::constant_time_compare(bytes_view(expected->view()), bytes_view(stated.view()));
}

/// The version that an entry proves its author to have, if any.
[[nodiscard]] inline std::optional<key_id> proven_having(const json& entry, const seen_context& now,
                                                         const installation_id& member) {
  json_reader one(entry, "version");
  const key_id id(static_cast<std::uint32_t>(one.number("id", 0xffffffffU)));
  const auto stated = one.hex<mac>("mac");
  const auto* version = now.ring.find(id);
  if (!one.finish() || version == nullptr || version->secret.empty()) return std::nullopt;
  if (!same_word(word_for_having(*version, now.record, member), stated)) return std::nullopt;
  return id;
}
/// The version that an entry proves its author to know as the one that seals, if any.
[[nodiscard]] inline std::optional<key_id> proven_sealing(const json& entry,
                                                          const seen_context& now,
                                                          const installation_id& member) {
  json_reader one(entry, "version");
  const key_id id(static_cast<std::uint32_t>(one.number("id", 0xffffffffU)));
  const auto at = now.chain.position(one.text("link", 2 * link_id_size));
  const auto stated = one.hex<mac>("mac");
  if (!one.finish() || !at) return std::nullopt;
  // Said before the present version began to seal: of an earlier time in which it did.
  if (const auto since = now.chain.position(now.sealing_since); since && *at < *since)
    return std::nullopt;
  if (!same_word(word_for_sealing(now.chain.links()[*at], now.record, member, id), stated))
    return std::nullopt;
  return id;
}

/// What a member's note proves about a shared key. Whatever else a note says, and a note that
/// cannot be read, proves nothing.
[[nodiscard]] inline versions_seen proven_seen(bytes_view stored, const seen_context& now,
                                               const installation_id& member) {
  versions_seen made;
  auto parsed = parse_json(stored, {max_note_size, 4});
  if (!parsed) return made;
  json_reader read(parsed->value, "versions seen");
  if (read.number("keywarden") != 1 || read.text("kind", 64) != "versions_seen") return made;
  for (const auto& each : read.array("versions", record_limits::versions))
    if (const auto id = proven_having(each, now, member)) made.has.push_back(*id);
  made.sealing = proven_sealing(read.object("sealing"), now, member);
  return made;
}

}  // namespace detail
}  // namespace keywarden
