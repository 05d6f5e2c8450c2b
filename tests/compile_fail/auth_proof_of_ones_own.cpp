// expects: private within this context | is private
#include <keywarden/auth/proof.hpp>

namespace ka = keywarden::auth;

#ifndef TWIN
const ka::principal& who(ka::principal claimed) { return ka::proof(std::move(claimed)).who(); }
#else
const ka::principal& who(const ka::proof& shown) { return shown.who(); }
#endif
