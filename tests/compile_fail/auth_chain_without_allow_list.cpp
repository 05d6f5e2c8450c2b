// expects: a trusted authority is not enough: say whom of its peers to allow
#include <keywarden/auth/trust.hpp>

namespace kt = keywarden::trust;
using keywarden::pki::revocation::offline;

#ifndef TWIN
kt::chain<offline> trusting;
#else
kt::chain<offline, kt::leaf_fingerprints> trusting;
#endif
