// expects: without rules would permit nobody: say admit::deny_all()
#include <keywarden/admit/network_text.hpp>

#ifndef TWIN
constexpr auto rules = keywarden::admit::acl<" ; ">;
#else
constexpr auto rules = keywarden::admit::acl<"permit ::1/128; ">;
#endif
