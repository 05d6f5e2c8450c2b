// expects: an endpoint names its form of authentication first
#include <keywarden/admit/anyone.hpp>
#include <keywarden/auth/certificate.hpp>
#include <keywarden/endpoint/endpoint.hpp>

namespace kw = keywarden;
using pinned = kw::auth::certificate<kw::trust::pinned>;

#ifndef TWIN
using mirroring = kw::endpoint<void, kw::transport::tls13<>, kw::admit::anyone>;
#else
using mirroring = kw::endpoint<pinned, kw::transport::tls13<>, kw::admit::anyone>;
#endif
bool complete = sizeof(mirroring) != 0;
