// expects: static assertion failed | static_assert failed
#include <keywarden/admit/network_text.hpp>

namespace ka = keywarden::admit;

#ifndef TWIN
static_assert(ka::equivalent(ka::acl<"permit 10.0.0.0/8">, ka::acl<"permit 10.0.0.0/9">));
#else
static_assert(ka::equivalent(ka::acl<"permit 10.0.0.0/8">,
                             ka::acl<"permit 10.0.0.0/8; deny 0.0.0.0/0">));
#endif
