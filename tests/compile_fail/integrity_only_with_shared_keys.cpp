// expects: the integrity-only transport authenticates by certificates
#include <keywarden/auth/certificate.hpp>
#include <keywarden/auth/pre_shared_key.hpp>
#include <keywarden/transport/tls.hpp>

namespace kw = keywarden;

#ifndef TWIN
using with = kw::auth::pre_shared_key;
#else
using with = kw::auth::certificate<kw::trust::pinned>;
#endif
using context = kw::transport::tls12_integrity_only::context<with>;
bool complete = sizeof(context) != 0;
