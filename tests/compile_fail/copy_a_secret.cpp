// expects: use of deleted function
#include <utility>

#include <keywarden/core/secret.hpp>

namespace kw = keywarden;

struct settings {
  kw::password typed;
};

settings keep(settings& given) {
#ifndef TWIN
  return given;
#else
  return std::move(given);
#endif
}
