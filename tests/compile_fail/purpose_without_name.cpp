// expects: the required expression
#include <keywarden/key/purpose.hpp>

namespace kw = keywarden;

struct cards {
#ifndef TWIN
  static constexpr std::string_view title = "card numbers";
#else
  static constexpr std::string_view name = "card numbers";
#endif
};

kw::sealed<cards> message;
