// expects: this OpenSSL has no X25519MLKEM768, which came with 3.5
#include <keywarden/auth/certificate.hpp>
#include <keywarden/transport/libssl/tls13.hpp>

namespace kw = keywarden;

#ifndef TWIN
using transport = kw::transport::libssl::tls13<>;
#else
using transport = kw::transport::libssl::tls13<kw::transport::classical_only>;
#endif
using context = transport::context<kw::auth::certificate<kw::trust::pinned>>;
bool complete = sizeof(context) != 0;
