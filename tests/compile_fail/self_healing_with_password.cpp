// expects: self_healing works unattended: none of its alternatives may need a person
#include <keywarden/protect/account.hpp>
#include <keywarden/protect/combine.hpp>
#include <keywarden/protect/machine.hpp>
#include <keywarden/protect/password.hpp>

namespace kp = keywarden::protect;

#ifndef TWIN
const kp::self_healing<kp::any_of<kp::account, kp::password<>>> service_key;
#else
const kp::self_healing<kp::any_of<kp::account, kp::machine>> service_key;
#endif
