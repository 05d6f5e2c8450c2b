// expects: this parent may not wrap this child: see may_wrap in keywarden/key/role.hpp
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
  return database.keys().create(name, kw::by::service_key{});
#else
  return database.keys().create(name, kw::by::master_key{});
#endif
}
