/// @file
/// A key ring as a record keeps it: states in the header, secrets in the material.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include <keywarden/key/key_record.hpp>
#include <keywarden/key/key_ring.hpp>
#include <keywarden/protect/opened_record.hpp>
#include <keywarden/protect/wrapped_by.hpp>

namespace keywarden::detail {

inline constexpr std::size_t version_secret_size = 32;
inline constexpr std::size_t version_entry_size = 4 + version_secret_size;

/// The secrets of the versions that are not destroyed: `id u32 big-endian | secret 32` each.
[[nodiscard]] inline plaintext ring_material(const key_ring& ring) {
  plaintext out(version_entry_size *
                static_cast<std::size_t>(std::ranges::count_if(
                    ring.versions(), [](const auto& each) { return !each.secret.empty(); })));
  auto at = out.view();
  for (const auto& version : ring.versions()) {
    if (version.secret.empty()) continue;
    store_big_endian(at, version.id.value());
    std::ranges::copy(view_of(version.secret), at.begin() + 4);
    at = at.subspan(version_entry_size);
  }
  return out;
}

/// The versions as the header tells them.
[[nodiscard]] inline std::vector<version_info> ring_versions(const key_ring& ring) {
  std::vector<version_info> out;
  for (const auto& each : ring.versions())
    out.push_back({each.id, each.state, each.created, each.leased_messages});
  return out;
}

/// Puts a ring into a record.
inline void store_ring(opened_record& record, const key_ring& ring) {
  record.header().versions = ring_versions(ring);
  record.set_material(ring_material(ring));
}

/// The ring of a header and the material that belongs to it. Errors: `malformed` when they do not
/// fit.
[[nodiscard]] inline result<key_ring> load_ring(const record_header& header, bytes_view data) {
  if (data.size() % version_entry_size != 0)
    return error(errc::malformed).with(fact::name, header.name).with(fact::reason, "key material");
  std::vector<key_version> versions;
  std::size_t used = 0;
  for (const auto& info : header.versions) {
    key_version version{info.id, info.state, info.created, info.leased_messages, {}};
    for (auto at = data; !at.empty(); at = at.subspan(version_entry_size)) {
      if (load_big_endian<std::uint32_t>(at) != info.id.value()) continue;
      version.secret = secret_key::copy_of(at.subspan(4, version_secret_size));
      ++used;
      break;
    }
    versions.push_back(std::move(version));
  }
  if (used * version_entry_size != data.size())
    return error(errc::malformed).with(fact::name, header.name).with(fact::reason, "key material");
  return key_ring::adopt(std::move(versions));
}

/// The ring of a record whose material is the ring alone. Errors: as above.
[[nodiscard]] inline result<key_ring> load_ring(const opened_record& record) {
  return load_ring(record.header(), record.material().view());
}

/// The active version of a ring as the parent of others.
[[nodiscard]] inline protect::parent_key as_parent(const record_id& id, const key_ring& ring) {
  return {id, ring.active().id, ring.active().secret.duplicate()};
}

/// A second holder of a ring.
[[nodiscard]] inline key_ring duplicate(const key_ring& ring) {
  std::vector<key_version> versions;
  for (const auto& each : ring.versions())
    versions.push_back(
        {each.id, each.state, each.created, each.leased_messages, each.secret.duplicate()});
  return *key_ring::adopt(std::move(versions));
}

}  // namespace keywarden::detail
