// expects: key_protector
#include <keywarden/core/secret.hpp>
#include <keywarden/protect/account.hpp>

namespace kw = keywarden;

#ifndef TWIN
static_assert(kw::survives<kw::password, kw::loss::machine>);
#else
static_assert(kw::survives<kw::protect::account, kw::loss::machine>);
#endif
