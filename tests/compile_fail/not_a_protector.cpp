// expects: key_protector
#include <string>

#include <keywarden/protect/account.hpp>
#include <keywarden/protect/combine.hpp>

namespace kp = keywarden::protect;

#ifndef TWIN
using service_key = kp::any_of<kp::account, std::string>;
#else
using service_key = kp::any_of<kp::account, kp::account>;
#endif
service_key* key = nullptr;
