// expects: every rule of all_of must be a connection_rule: copyable, with a name, a move-only
// permit
#include <keywarden/admit/all_of.hpp>

namespace admit = keywarden::admit;

struct weekdays {
  static constexpr std::string_view name = "weekdays";
  using permit = admit::stateless_permit;
#ifndef TWIN
  static bool admit(const admit::address&, admit::instant) { return true; }
#else
  static keywarden::result<permit> admit(const admit::address&, admit::instant) { return permit{}; }
#endif
};

const admit::all_of<weekdays> admission;
