// expects: an endpoint has exactly one form of authentication
#include <keywarden/admit/anyone.hpp>
#include <keywarden/auth/certificate.hpp>
#include <keywarden/auth/pre_shared_key.hpp>
#include <keywarden/endpoint/endpoint.hpp>

namespace kw = keywarden;
using pinned = kw::auth::certificate<kw::trust::pinned>;

#ifndef TWIN
using mirroring = kw::endpoint<pinned, kw::auth::pre_shared_key, kw::admit::anyone>;
#else
using mirroring = kw::endpoint<pinned, kw::transport::tls13<>, kw::admit::anyone>;
#endif
mirroring* made = nullptr;
bool complete = sizeof(mirroring) != 0;
