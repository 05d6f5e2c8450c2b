// expects: no member named
#include <keywarden/transport/session.hpp>

namespace kw = keywarden;

#ifndef TWIN
kw::result<void> talk(kw::transport::handshake& to) { return to.send({}); }
#else
kw::result<void> talk(kw::transport::session& to) { return to.send({}); }
#endif
