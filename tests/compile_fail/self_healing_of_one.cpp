// expects: self_healing needs at least two alternatives: one cannot be re-made from itself
#include <keywarden/protect/account.hpp>
#include <keywarden/protect/combine.hpp>
#include <keywarden/protect/machine.hpp>

namespace kp = keywarden::protect;

#ifndef TWIN
const kp::self_healing<kp::any_of<kp::account>> service_key;
#else
const kp::self_healing<kp::any_of<kp::account, kp::machine>> service_key;
#endif
