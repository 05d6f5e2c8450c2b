// expects: use of deleted function | call to deleted constructor
#include <keywarden/endpoint/setup.hpp>

namespace kw = keywarden;

const kw::mirroring_endpoint asked{
    .name = "Mirroring",
    .listener = kw::listener_address(7024),
#ifndef TWIN
#else
    .role = kw::endpoint_role::partner,
#endif
    .owner = "dbm_owner",
};
