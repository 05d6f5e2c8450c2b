// expects: any_of needs at least one protector: nothing would open it
#include <keywarden/protect/account.hpp>
#include <keywarden/protect/combine.hpp>

namespace kp = keywarden::protect;

#ifndef TWIN
const kp::any_of<> service_key;
#else
const kp::any_of<kp::account> service_key;
#endif
