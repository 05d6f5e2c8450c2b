/// @file
/// What protects what: the view that sys.key_encryptions gives.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <keywarden/core/clock.hpp>
#include <keywarden/key/key_record.hpp>
#include <keywarden/key/role.hpp>
#include <keywarden/vault/names.hpp>

namespace keywarden {

/// One protection of one key.
struct key_encryption {
  std::string key;         ///< the key's name; "##database_master_key##" for the master key itself
  std::string kind;        ///< its role
  std::string crypt_type;  ///< ESKM, ESP3, EPUC, EPUA or ESKS, as in SQL Server
  std::string scheme;      ///< Keywarden's own name of it
  std::string by;          ///< what it is protected by, for people
  std::string slot;        ///< the slot's id
};

/// A key that has been in use for long.
struct rotation_due {
  std::string name;  ///< the record's name
  std::string kind;  ///< its role
  time_point since;  ///< when its active version was made
};

namespace detail {

/// SQL Server's code: by a master key, a password, a certificate, an asymmetric key, a symmetric
/// key.
[[nodiscard]] inline std::string_view crypt_type(const slot& each) {
  const auto scheme = each.scheme();
  if (scheme == "key/service_master_key" || scheme == "key/database_master_key") return "ESKM";
  if (scheme == "key/symmetric_key") return "ESKS";
  if (scheme.starts_with("password/")) return "ESP3";
  if (scheme.starts_with("recipient/"))
    return each.label.starts_with(role::asymmetric_key::name) ? "EPUA" : "EPUC";
  return "other";
}

template <class State>
[[nodiscard]] result<std::vector<key_encryption>> key_encryptions(State& state,
                                                                  const object_name& database) {
  std::vector<key_encryption> rows;
  auto names = state.records().list(database_prefix(database));
  if (!names) return names.error();
  for (const auto& name : *names) {
    if (name == database_marker_name(database)) continue;
    auto loaded = state.load(name);
    if (!loaded) return loaded.error();
    const auto& header = loaded->record.header();
    const std::string key(header.kind == role::database_master_key::name ? "##database_master_key##"
                                                                         : last_part(name));
    for (const auto& each : header.slots)
      rows.push_back(
          {key, header.kind, std::string(crypt_type(each)), each.scheme(), each.label, each.id});
  }
  return rows;
}

template <class State>
[[nodiscard]] result<std::vector<rotation_due>> rotations_due(State& state, time_point before) {
  std::vector<rotation_due> due;
  auto names = state.records().list("");
  if (!names) return names.error();
  for (const auto& name : *names) {
    const std::string_view text = name.text();
    const bool marker = text.starts_with("db/") && text.ends_with("/database") &&
                        std::ranges::count(text, '/') == 2;
    if (marker || name == fence_name() || text.starts_with("master/")) continue;
    auto loaded = state.load(name);
    if (!loaded) return loaded.error();
    for (const auto& version : loaded->record.header().versions)
      if (version.state == key_state::active && version.created <= before)
        due.push_back({name.text(), loaded->record.header().kind, version.created});
  }
  return due;
}

}  // namespace detail
}  // namespace keywarden
