// expects: is private within this context | calling a private constructor
#include <keywarden/auth/proof.hpp>

namespace kw = keywarden;

kw::auth::principal who();
void serve(const kw::auth::proof& proven);

#ifndef TWIN
void accept() { serve(kw::auth::proof(who())); }
#else
void accept(const kw::auth::proof& proven) { serve(proven); }
#endif
