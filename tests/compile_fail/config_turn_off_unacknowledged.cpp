// expects: too few arguments to function
#include <keywarden/config/client_certificates.hpp>

namespace config = keywarden::config;
using keywarden::auth::allow_anonymous_i_accept_the_risk;

#ifndef TWIN
const auto changed = config::turn_off_client_certificates("");
#else
const auto changed = config::turn_off_client_certificates("", allow_anonymous_i_accept_the_risk());
#endif
