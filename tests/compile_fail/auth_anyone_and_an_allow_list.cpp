// expects: makes the other allow-lists pointless
#include <keywarden/auth/trust.hpp>

namespace kt = keywarden::trust;
using keywarden::pki::revocation::offline;

#ifndef TWIN
using options = kt::chain<offline, kt::leaf_fingerprints, kt::anyone_of_the_authority>;
#else
using options = kt::chain<offline, kt::anyone_of_the_authority>;
#endif
static_assert(options::cached_paths == 256);
