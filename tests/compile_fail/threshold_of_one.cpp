// expects: threshold needs at least two: for any one of several take any_of
#include <keywarden/protect/account.hpp>
#include <keywarden/protect/combine.hpp>
#include <keywarden/protect/machine.hpp>

namespace kp = keywarden::protect;

#ifndef TWIN
const kp::threshold<1, kp::account, kp::machine> service_key;
#else
const kp::any_of<kp::account, kp::machine> service_key;
#endif
