/// @file
/// What this deployment is composed of.
#pragma once

#include <filesystem>
#include <string>

#include <keywarden/keywarden.hpp>
#include <keywarden/store/postgres.hpp>
#include <keywarden/store/sqlite.hpp>

namespace farm {

namespace kw = keywarden;

//[scale_out_composition
// Each server has a vault of its own; all of them share one key, in one PostgreSQL database.
using own_vault = kw::vault<kw::standard_policy<kw::store::sqlite>>;
using deployment = kw::scale_out<own_vault, kw::store::postgres>;

// What the shared key is used for.
struct orders {
  static constexpr std::string_view name = "orders";
};
//]

/// The vault of the server whose files are in this folder: it opens with that account, or on that
/// machine.
[[nodiscard]] inline kw::result<own_vault> open_vault(const std::filesystem::path& folder) {
  auto records = kw::store::sqlite::open(folder / "vault.db");
  if (!records) return records.error();
  return own_vault::open_or_create(
      std::move(*records),
      own_vault::policy::service_key(kw::protect::account(folder / "account"),
                                     kw::protect::machine(folder / "machine")));
}

}  // namespace farm
