// expects: no match for
#include <iostream>

#include <keywarden/core/secret.hpp>

namespace kw = keywarden;

void log(const kw::secret_key& key) {
#ifndef TWIN
  std::cout << key;
#else
  std::cout << key.size();
#endif
}
