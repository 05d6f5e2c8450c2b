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
  std::string members_since;  ///< the record key since which nobody was removed
  std::string sealing_since;  ///< and since which, beside that, the active version seals
};

/// A member's word about the versions it has and the one it seals with: only who has the record key
/// of that time can give it.
[[nodiscard]] inline result<mac> word_of(const chain_link& at, const record_id& record,
                                         const installation_id& member,
                                         const std::vector<key_id>& has, key_id sealing) {
  bytes said;
  const auto number = [&](std::uint32_t value) {
    strong_bytes<4, struct counted_tag> counted;
    store_big_endian(counted.view(), value);
    append_length_prefixed(said, counted.view());
  };
  append_length_prefixed(said, as_bytes("seen"));
  append_length_prefixed(said, record.view());
  append_length_prefixed(said, member.view());
  number(sealing.value());
  for (const auto each : has) number(each.value());
  return crypto::hmac_sha256(at.witness, said);
}

/// The note in which a member says which versions it has, and which it seals with. Errors: those of
/// the backend.
[[nodiscard]] inline result<bytes> encode_seen(const seen_context& now,
                                               const installation_id& member) {
  std::vector<key_id> has;
  auto versions = json::array();
  for (const auto& each : now.ring.versions()) {
    if (each.secret.empty()) continue;
    has.push_back(each.id);
    versions.push_back(each.id.value());
  }
  const auto active = now.ring.active().id;
  auto word = word_of(now.chain.last(), now.record, member, has, active);
  if (!word) return word.error();
  const json document{{"keywarden", 1},
                      {"kind", "versions_seen"},
                      {"versions", versions},
                      {"sealing", active.value()},
                      {"link", name_of_link(now.chain.last().of)},
                      {"mac", to_hex(word->view())}};
  return to_bytes(as_bytes(document.dump(1) + "\n"));
}

/// What a member's note proves about a shared key. A note that cannot be read proves nothing; one
/// from before somebody was removed neither, because that one could have written it; and one from
/// before the active version began to seal does not tell what its author seals with, although that
/// version may have sealed before.
[[nodiscard]] inline versions_seen proven_seen(bytes_view stored, const seen_context& now,
                                               const installation_id& member) {
  auto parsed = parse_json(stored, {max_note_size, 4});
  if (!parsed) return {};
  json_reader read(parsed->value, "versions seen");
  if (read.number("keywarden") != 1 || read.text("kind", 64) != "versions_seen") return {};
  versions_seen made;
  for (const auto& each : read.array("versions", record_limits::versions)) {
    if (!each.is_number_unsigned() || each.get<std::uint64_t>() > 0xffffffffU) return {};
    made.has.emplace_back(each.get<std::uint32_t>());
  }
  const key_id sealing(static_cast<std::uint32_t>(read.number("sealing", 0xffffffffU)));
  const auto at = now.chain.position(read.text("link", 2 * link_id_size));
  const auto stated = read.hex<mac>("mac");
  if (!read.finish() || !at) return {};
  const auto word = word_of(now.chain.links()[*at], now.record, member, made.has, sealing);
  if (!word || !Botan::constant_time_compare(bytes_view(word->view()), bytes_view(stated.view())))
    return {};
  const auto from_before = [&](std::string_view link) {
    const auto since = now.chain.position(link);
    return since && *at < *since;
  };
  if (from_before(now.members_since)) return {};
  std::erase_if(made.has, [&](key_id each) {
    const auto* version = now.ring.find(each);
    return version == nullptr || version->secret.empty();
  });
  if (!from_before(now.sealing_since)) made.sealing = sealing;
  return made;
}

}  // namespace detail
}  // namespace keywarden
