// expects: not an IPv4 or IPv6 address
#include <keywarden/admit/address.hpp>

#ifndef TWIN
constexpr keywarden::admit::address here("192.0.2.01");
#else
constexpr keywarden::admit::address here("192.0.2.1");
#endif
