// expects: a rule begins with permit or deny
#include <keywarden/admit/network_text.hpp>

#ifndef TWIN
constexpr auto rules = keywarden::admit::acl<"permit 10.0.0.0/8; drop 0.0.0.0/0">;
#else
constexpr auto rules = keywarden::admit::acl<"permit 10.0.0.0/8; deny 0.0.0.0/0">;
#endif
