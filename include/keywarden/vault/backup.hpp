/// @file
/// A master key in a file of its own, under a password.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <keywarden/key/role.hpp>
#include <keywarden/protect/opened_record.hpp>
#include <keywarden/protect/password.hpp>
#include <keywarden/vault/names.hpp>
#include <keywarden/vault/ring_material.hpp>

namespace keywarden::detail {

/// A master key that was read from a backup.
struct backed_up_key {
  record_id id;
  key_ring ring;
  std::string label;  ///< which database it was
};

/// A backup: a key record whose only slot is a password's. Errors: those of randomness and of the
/// KDF.
template <class Password>
[[nodiscard]] result<bytes> write_backup(std::string_view kind, std::string_view label,
                                         const record_id& id, const key_ring& ring,
                                         const password& protection) {
  require_edge<role::password, role::backup>();
  auto record = opened_record::create(role::backup::name, joined("backup/" + std::string(kind)),
                                      requirements_of<Password>, ring_material(ring));
  if (!record) return record.error();
  record->header().versions = ring_versions(ring);
  record->header().attributes = {{"of", kind}, {"record", to_hex(id.view())}, {"database", label}};
  if (auto added = record->add_slot(Password(protection.duplicate()), "password"); !added)
    return added.error();
  return record->encode();
}

/// Reads a backup of a key of this kind. Errors: as `opened_record::open`: `authentication_failed`
/// for a backup of another kind.
template <class Password, class Accepts>
[[nodiscard]] result<backed_up_key> read_backup(bytes_view data, std::string_view kind,
                                                const password& protection) {
  auto parsed = key_record::parse(data);
  if (!parsed) return parsed.error();
  auto record = opened_record::open<Password, Accepts>(
      *parsed, role::backup::name, "backup/" + std::string(kind), Password(protection.duplicate()));
  if (!record) return record.error();
  json_reader read(record->header().attributes, "backup");
  if (read.text("of", 64) != kind) read.fail("of", "a backup of another kind of key");
  const auto id = read.hex<record_id>("record");
  auto label = read.text("database", object_name::max_size);
  if (auto ok = read.finish(); !ok) return ok.error();
  auto ring = load_ring(*record);
  if (!ring) return ring.error();
  return backed_up_key{id, std::move(*ring), std::move(label)};
}

}  // namespace keywarden::detail
