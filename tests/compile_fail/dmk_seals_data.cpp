// expects: this key does not seal data: make a symmetric key below it and seal with that
#include <keywarden/key/role.hpp>

namespace kw = keywarden;

void seal() {
#ifndef TWIN
  kw::require_edge<kw::role::database_master_key, kw::role::data>();
#else
  kw::require_edge<kw::role::symmetric_key, kw::role::data>();
#endif
}
