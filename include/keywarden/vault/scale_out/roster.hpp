/// @file
/// The members of a scale-out deployment, as the shared key's record lists them.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/core/clock.hpp>
#include <keywarden/crypto/kem.hpp>
#include <keywarden/protect/recipient.hpp>
#include <keywarden/vault/ring_material.hpp>
#include <keywarden/vault/scale_out/membership.hpp>
#include <keywarden/vault/scale_out/verification_code.hpp>

namespace keywarden::detail {

/// One member: who it is, and the public key that its copy of the shared key is hidden for.
struct roster_entry {
  installation_id installation;
  std::string name;
  time_point joined{};
  bytes public_key;
};
using roster = std::vector<roster_entry>;

[[nodiscard]] inline std::string label_of(const installation_id& of) { return to_hex(of.view()); }

/// The slot of this member, or null.
[[nodiscard]] inline const slot* slot_of(const record_header& header, const installation_id& of) {
  const auto at = std::ranges::find(header.slots, label_of(of), &slot::label);
  return at == header.slots.end() ? nullptr : &*at;
}

/// The public key of a member's slot. Errors: `malformed`.
template <crypto::kem Kem>
[[nodiscard]] result<bytes> public_key_of(const slot& from) {
  if (from.scheme() != protect::recipient<Kem>::scheme())
    return error(errc::malformed)
        .with(fact::slot, from.id)
        .with(fact::scheme, from.scheme())
        .with(fact::reason, "a member's slot is made for a public key of the deployment's kind");
  const auto at = from.data.find("public_key");
  auto key =
      at != from.data.end() && at->is_string() &&
              at->get_ref<const std::string&>().size() <= (Kem::max_public_key_size + 2) / 3 * 4
          ? from_base64(at->get_ref<const std::string&>())
          : result<bytes>(errc::malformed);
  if (!key || key->size() > Kem::max_public_key_size)
    return error(errc::malformed).with(fact::slot, from.id).with(fact::name, "public_key");
  return key;
}

/// The members that a header lists: one slot for each, and nothing else. A claim until the record
/// is authenticated. Errors: `malformed`.
template <crypto::kem Kem>
[[nodiscard]] result<roster> roster_of(const record_header& header) {
  const auto listed = header.attributes.find("members");
  if (listed == header.attributes.end() || !listed->is_array() ||
      listed->size() != header.slots.size())
    return error(errc::malformed).with(fact::name, "members");
  roster made;
  for (const auto& each : *listed) {
    json_reader read(each, "member");
    roster_entry entry;
    entry.installation = read.hex<installation_id>("installation");
    entry.name = read.text("name", record_limits::label);
    entry.joined = time_point(std::chrono::seconds(
        static_cast<std::int64_t>(read.number("joined", std::uint64_t{1} << 40U))));
    if (auto ok = read.finish(); !ok) return ok.error();
    const auto* own = slot_of(header, entry.installation);
    if (own == nullptr ||
        std::ranges::count(made, entry.installation, &roster_entry::installation) != 0)
      return error(errc::malformed).with(fact::name, label_of(entry.installation));
    auto key = public_key_of<Kem>(*own);
    if (!key) return key.error();
    entry.public_key = std::move(*key);
    made.push_back(std::move(entry));
  }
  return made;
}

inline void list_members(record_header& header, const roster& members) {
  auto listed = json::array();
  for (const auto& each : members)
    listed.push_back({{"installation", label_of(each.installation)},
                      {"name", each.name},
                      {"joined", each.joined.time_since_epoch().count()}});
  header.attributes["members"] = std::move(listed);
}

/// The key under which who knows a version of the shared key vouches for records, members and
/// joins. It opens no data.
[[nodiscard]] inline result<secret_key> witness_key(const key_version& version) {
  return crypto::subkey(version.secret, "keywarden/1/scale-out/witness");
}

/// Vouches for a state of the record (its generation, its record key, who the members are) under a
/// version that the reader already trusts: a record that whoever writes the store made up has no
/// such witness. It can be checked without opening the record, by a member that was removed.
[[nodiscard]] inline result<mac> witness(const secret_key& key, const record_id& record,
                                         std::uint64_t generation, const commitment& record_key,
                                         const roster& members) {
  strong_bytes<8, struct generation_tag> counted;
  store_big_endian(counted.view(), generation);
  bytes said;
  append_length_prefixed(said, as_bytes("record"));
  append_length_prefixed(said, record.view());
  append_length_prefixed(said, counted.view());
  append_length_prefixed(said, record_key.view());
  for (const auto& each : members) {
    append_length_prefixed(said, each.installation.view());
    append_length_prefixed(said, each.public_key);
  }
  return crypto::hmac_sha256(key, said);
}

/// Writes a witness for every version that is not destroyed, and for those of `gone`. Right before
/// the record is encoded, which makes it one generation later.
[[nodiscard]] inline result<void> bear_witness(opened_record& record, const key_ring& ring,
                                               const std::vector<key_version>& gone,
                                               const roster& members) {
  auto committed = key_record::commitment_of(opened_record_access::record_key(record));
  if (!committed) return committed.error();
  auto all = json::array();
  const auto vouch = [&](const key_version& version) -> result<void> {
    if (version.secret.empty()) return done();
    auto key = witness_key(version);
    if (!key) return key.error();
    auto said =
        witness(*key, record.header().id, record.header().generation + 1, *committed, members);
    if (!said) return said.error();
    all.push_back({{"version", version.id.value()}, {"mac", to_hex(said->view())}});
    return done();
  };
  for (const auto* versions : {&ring.versions(), &gone})
    for (const auto& version : *versions)
      if (auto vouched = vouch(version); !vouched) return vouched;
  record.header().attributes["witnesses"] = std::move(all);
  return done();
}

/// Whether the record bears the witness of this version. Errors: `authentication_failed`,
/// `malformed`.
[[nodiscard]] inline result<void> check_witness(const record_header& header, const roster& members,
                                                key_id version, const secret_key& key) {
  const auto refusal = error(errc::authentication_failed)
                           .with(fact::name, header.name)
                           .with(fact::key, version.value())
                           .with(fact::reason,
                                 "nobody who knows this version of the shared key vouches for "
                                 "this record");
  const auto listed = header.attributes.find("witnesses");
  if (listed == header.attributes.end() || !listed->is_array()) return refusal;
  for (const auto& each : *listed) {
    json_reader read(each, "witness");
    const auto of = read.number("version", 0xffffffffU);
    const auto stated = read.hex<mac>("mac");
    if (auto ok = read.finish(); !ok) return ok.error();
    if (of != version.value()) continue;
    auto expected = witness(key, header.id, header.generation, header.key_commitment, members);
    if (!expected) return expected.error();
    if (!Botan::constant_time_compare(bytes_view(expected->view()), bytes_view(stated.view())))
      return refusal;
    return done();
  }
  return refusal;
}

/// What the operator of a newcomer reads out to the operator of a member: which public key wants to
/// join as whom. Errors: those of the backend.
[[nodiscard]] inline result<verification_code> join_fingerprint(const object_name& deployment,
                                                                const installation_id& newcomer,
                                                                bytes_view public_key) {
  bytes said;
  append_length_prefixed(said, as_bytes("keywarden/1/scale-out/join"));
  append_length_prefixed(said, as_bytes(deployment.text()));
  append_length_prefixed(said, newcomer.view());
  append_length_prefixed(said, public_key);
  auto made = crypto::sha256(said);
  if (!made) return made.error();
  return verification_code(made->view());
}

/// What the operator of the member that approved reads out in return: only who knows the shared key
/// can make it, so that a newcomer is not talked into a deployment of somebody else's.
[[nodiscard]] inline result<verification_code> join_confirmation(const secret_key& witness_key,
                                                                 const record_id& record,
                                                                 const installation_id& newcomer,
                                                                 bytes_view public_key) {
  bytes said;
  append_length_prefixed(said, as_bytes("confirmation"));
  append_length_prefixed(said, record.view());
  append_length_prefixed(said, newcomer.view());
  append_length_prefixed(said, public_key);
  auto made = crypto::hmac_sha256(witness_key, said);
  if (!made) return made.error();
  return verification_code(made->view());
}

}  // namespace keywarden::detail
