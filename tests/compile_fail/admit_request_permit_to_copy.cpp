// expects: the rule of exempt must be a request_rule: copyable, with a name, a move-only permit
#include <keywarden/admit/exempt.hpp>

namespace admit = keywarden::admit;

struct counted {
  static constexpr std::string_view name = "counted";
#ifndef TWIN
  struct permit {};
#else
  using permit = admit::stateless_permit;
#endif
  static keywarden::result<permit> admit(const admit::request&, admit::instant) { return permit{}; }
};

const admit::exempt<counted> admission({admit::network("10.0.0.0/8")}, counted{});
