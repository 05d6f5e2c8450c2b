// expects: could not convert | no viable conversion
#include <keywarden/pki/credential_sealing.hpp>

namespace pki = keywarden::pki;

#ifndef TWIN
pki::sealer_and_opener<> hand_over(const pki::decrypt_only<>& from) { return from; }
#else
pki::decrypt_only<> hand_over(const pki::sealer_and_opener<>& from) { return from; }
#endif
