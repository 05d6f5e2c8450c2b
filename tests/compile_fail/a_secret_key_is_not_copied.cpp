// expects: deleted function
#include <utility>

#include <keywarden/core/secret.hpp>

namespace kw = keywarden;

kw::secret_key hand_on(kw::secret_key& key) {
#ifndef TWIN
  return kw::secret_key(key);
#else
  return kw::secret_key(std::move(key));
#endif
}
