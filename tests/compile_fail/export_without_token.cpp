// expects: is private within this context
#include <keywarden/core/secret.hpp>

namespace kw = keywarden;

kw::bytes_view look(const kw::secret_key& key) {
#ifndef TWIN
  return kw::hazmat::export_bytes(key, {});
#else
  return kw::hazmat::export_bytes(key, kw::hazmat::insecure_access::i_know_what_i_do());
#endif
}
