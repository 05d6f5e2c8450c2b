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
#include <keywarden/vault/scale_out/installation.hpp>
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

/// What is said of a member, without its public key. Errors: left in the reader.
[[nodiscard]] inline roster_entry read_member(json_reader& read) {
  roster_entry entry;
  entry.installation = read.hex<installation_id>("installation");
  entry.name = read.text("name", record_limits::label);
  entry.joined = time_point(std::chrono::seconds(
      static_cast<std::int64_t>(read.number("joined", std::uint64_t{1} << 40U))));
  return entry;
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
    auto entry = read_member(read);
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

/// What the operator of a newcomer reads out to the operator of a member: which public key wants to
/// join as whom, under which name. Errors: those of the backend.
[[nodiscard]] inline result<verification_code> join_fingerprint(const object_name& deployment,
                                                                const installation_id& newcomer,
                                                                std::string_view name,
                                                                bytes_view public_key) {
  bytes said;
  append_length_prefixed(said, as_bytes("keywarden/1/scale-out/join"));
  append_length_prefixed(said, as_bytes(deployment.text()));
  append_length_prefixed(said, newcomer.view());
  append_length_prefixed(said, as_bytes(name));
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
