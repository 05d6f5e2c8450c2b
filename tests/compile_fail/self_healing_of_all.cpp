// expects: self_healing takes an any_of<...>: other combinations cannot be re-made
#include <keywarden/protect/account.hpp>
#include <keywarden/protect/combine.hpp>
#include <keywarden/protect/machine.hpp>

namespace kp = keywarden::protect;

#ifndef TWIN
const kp::self_healing<kp::all_of<kp::account, kp::machine>> service_key;
#else
const kp::self_healing<kp::any_of<kp::account, kp::machine>> service_key;
#endif
