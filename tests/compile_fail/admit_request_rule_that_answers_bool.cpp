// expects: every rule of all_requests must be a request_rule: copyable, with a name, a move-only
// permit
#include <keywarden/admit/all_requests.hpp>

namespace admit = keywarden::admit;

struct weekdays {
  static constexpr std::string_view name = "weekdays";
  using permit = admit::stateless_permit;
#ifndef TWIN
  static bool admit(const admit::request&, admit::instant) { return true; }
#else
  static keywarden::result<permit> admit(const admit::request&, admit::instant) { return permit{}; }
#endif
};

const admit::all_requests<weekdays> admission;
