// expects: cannot convert
#include <keywarden/key/opened_key.hpp>

namespace kw = keywarden;

struct cards {
  static constexpr std::string_view name = "card numbers";
};
struct notes {
  static constexpr std::string_view name = "notes";
};

#ifndef TWIN
auto read(const kw::opened_key<notes>& key, const kw::sealed<cards>& message) {
#else
auto read(const kw::opened_key<cards>& key, const kw::sealed<cards>& message) {
#endif
  return key.open(message);
}
