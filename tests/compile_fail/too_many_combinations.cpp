// expects: all_of would have to try more than 256 combinations: take fewer alternatives inside it
#include <keywarden/protect/combine.hpp>
#include <keywarden/protect/password.hpp>

namespace kp = keywarden::protect;

using pair = kp::any_of<kp::password<>, kp::password<>>;

#ifndef TWIN
const kp::all_of<pair, pair, pair, pair, pair, pair, pair, pair, pair> key;
#else
const kp::all_of<pair, pair, pair, pair, pair, pair, pair, pair> key;
#endif
