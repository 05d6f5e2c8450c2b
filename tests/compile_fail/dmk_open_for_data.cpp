// expects: this key does not seal data: make a symmetric key below it and seal with that
#include <keywarden/protect/account.hpp>
#include <keywarden/protect/machine.hpp>
#include <keywarden/store/memory.hpp>
#include <keywarden/vault/vault.hpp>

namespace kw = keywarden;
namespace kp = keywarden::protect;

struct policy {
  using cipher = kw::crypto::aes256_gcm;
  using service_key = kp::self_healing<kp::any_of<kp::account, kp::machine>>;
  using database_key = kp::any_of<kp::service_master_key, kp::password<>>;
  using store = kw::store::memory;
};

struct rows {
  static constexpr std::string_view name = "rows";
};

auto use(kw::vault<policy>::database_handle& database, const kw::object_name& name) {
#ifndef TWIN
  return database.master_key().open_for_data<rows>();
#else
  return database.keys().open<rows>(name);
#endif
}
