// expects: auth::certificate takes trust::pinned or trust::chain
#include <keywarden/auth/certificate.hpp>

namespace kw = keywarden;

#ifndef TWIN
using trusting = kw::trust::leaf_fingerprints;
#else
using trusting = kw::trust::pinned;
#endif
static_assert(sizeof(kw::auth::certificate<trusting>) > 0);
