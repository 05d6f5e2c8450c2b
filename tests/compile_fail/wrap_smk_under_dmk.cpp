// expects: this parent may not wrap this child
#include <keywarden/key/role.hpp>

namespace kw = keywarden;

void wrap() {
#ifndef TWIN
  kw::require_edge<kw::role::database_master_key, kw::role::service_master_key>();
#else
  kw::require_edge<kw::role::service_master_key, kw::role::database_master_key>();
#endif
}
