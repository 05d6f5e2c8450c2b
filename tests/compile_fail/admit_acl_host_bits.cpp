// expects: not a network: write address/bits, with no bit set after the first bits
#include <keywarden/admit/network_text.hpp>

#ifndef TWIN
constexpr auto rules = keywarden::admit::acl<"deny 175.1.0.1/24">;
#else
constexpr auto rules = keywarden::admit::acl<"deny 175.1.0.0/24">;
#endif
