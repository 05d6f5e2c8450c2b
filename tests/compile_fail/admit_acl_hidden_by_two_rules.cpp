// expects: never decides: rules before it match all its addresses; move it up, or remove it
#include <keywarden/admit/network_text.hpp>

#ifndef TWIN
constexpr auto rules =
    keywarden::admit::acl<"permit 10.0.0.0/9; permit 10.128.0.0/9; deny 10.0.0.0/8">;
#else
constexpr auto rules =
    keywarden::admit::acl<"permit 10.0.0.0/9; permit 10.128.0.0/10; deny 10.0.0.0/8">;
#endif
