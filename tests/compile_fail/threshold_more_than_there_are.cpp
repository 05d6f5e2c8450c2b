// expects: threshold needs more protectors than there are: nothing would open it
#include <keywarden/protect/account.hpp>
#include <keywarden/protect/combine.hpp>
#include <keywarden/protect/machine.hpp>

namespace kp = keywarden::protect;

#ifndef TWIN
const kp::threshold<3, kp::account, kp::machine> service_key;
#else
const kp::threshold<2, kp::account, kp::machine> service_key;
#endif
