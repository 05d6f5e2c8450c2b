// expects: not a network: write address/bits, with no bit set after the first bits
#include <keywarden/admit/network.hpp>

#ifndef TWIN
constexpr keywarden::admit::network here("192.0.2.1/24");
#else
constexpr keywarden::admit::network here("192.0.2.0/24");
#endif
