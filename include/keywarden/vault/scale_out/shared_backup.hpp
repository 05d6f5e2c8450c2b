/// @file
/// A backup of a shared key.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <keywarden/key/role.hpp>
#include <keywarden/protect/opened_record.hpp>
#include <keywarden/vault/names.hpp>
#include <keywarden/vault/scale_out/chain.hpp>

namespace keywarden {

/// A shared key as a backup holds it. Holds secrets: move-only.
struct shared_backup {
  record_id file;                  ///< names this backup; as it was read
  std::string deployment;          ///< its name
  record_id record;                ///< its record
  std::uint64_t generation = 0;    ///< the state of that record
  detail::roster members;          ///< the members of that time
  detail::record_key_chain chain;  ///< by it, the members of that time are recognised
  key_ring ring;                   ///< the key
};

namespace detail {

inline constexpr std::string_view shared_backup_name = "backup/scale_out_key";
inline constexpr std::size_t largest_public_key = 4096;

/// A backup of a shared key: a key record whose only slot is a password's, with the material of the
/// record in the store. Errors: those of randomness and of the KDF.
template <class Password>
[[nodiscard]] result<bytes> write_shared_backup(const shared_backup& shared,
                                                const password& protection) {
  require_edge<role::password, role::backup>();
  auto record =
      opened_record::create(role::backup::name, joined(shared_backup_name),
                            requirements_of<Password>, shared.chain.material(shared.ring));
  if (!record) return record.error();
  record->header().versions = ring_versions(shared.ring);
  auto members = json::array();
  for (const auto& each : shared.members)
    members.push_back({{"installation", label_of(each.installation)},
                       {"name", each.name},
                       {"joined", each.joined.time_since_epoch().count()},
                       {"public_key", to_base64(each.public_key)}});
  record->header().attributes = {{"of", role::scale_out_key::name},
                                 {"deployment", shared.deployment},
                                 {"record", to_hex(shared.record.view())},
                                 {"generation", shared.generation},
                                 {"members", std::move(members)}};
  if (auto added = record->add_slot(Password(protection.duplicate()), "password"); !added)
    return added.error();
  return record->encode();
}

/// Reads a backup of a shared key. Errors: as `opened_record::open`; `malformed`.
template <class Password, class Accepts>
[[nodiscard]] result<shared_backup> read_shared_backup(bytes_view data,
                                                       const password& protection) {
  auto parsed = key_record::parse(data);
  if (!parsed) return parsed.error();
  auto record = opened_record::open<Password, Accepts>(
      *parsed, role::backup::name, shared_backup_name, Password(protection.duplicate()));
  if (!record) return record.error();
  json_reader read(record->header().attributes, "backup");
  if (read.text("of", 64) != role::scale_out_key::name)
    read.fail("of", "a backup of another kind of key");
  auto deployment = read.text("deployment", object_name::max_size);
  const auto id = read.hex<record_id>("record");
  const auto generation = read.number("generation");
  roster members;
  for (const auto& each : read.array("members", record_limits::slots)) {
    json_reader one(each, "member");
    auto entry = read_member(one);
    entry.public_key = one.base64("public_key", largest_public_key);
    if (auto ok = one.finish(); !ok) return ok.error();
    members.push_back(std::move(entry));
  }
  if (auto ok = read.finish(); !ok) return ok.error();
  auto inside = record_key_chain::load(*record);
  if (!inside) return inside.error();
  if (inside->first.links().empty())
    return error(errc::malformed).with(fact::name, "backup").with(fact::reason, "record keys");
  return shared_backup{
      record->header().id,      std::move(deployment),    id, generation, std::move(members),
      std::move(inside->first), std::move(inside->second)};
}

}  // namespace detail
}  // namespace keywarden
