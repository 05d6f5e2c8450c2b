// expects: OpenSSL cannot bind imported pre-shared keys
#include <keywarden/auth/certificate.hpp>
#include <keywarden/auth/pre_shared_key.hpp>
#include <keywarden/transport/libssl/tls13.hpp>

namespace kw = keywarden;

#ifndef TWIN
using with = kw::auth::pre_shared_key;
#else
using with = kw::auth::certificate<kw::trust::pinned>;
#endif
using context = kw::transport::libssl::tls13<kw::transport::classical_only>::context<with>;
bool complete = sizeof(context) != 0;
