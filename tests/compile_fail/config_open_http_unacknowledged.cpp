// expects: could not convert | cannot convert | no matching | no viable
#include <keywarden/config/check.hpp>

namespace config = keywarden::config;

#ifndef TWIN
const config::requirements wanted{.explicit_final_rule = false, .open_http = true};
#else
const config::requirements wanted{.explicit_final_rule = false,
                                  .open_http = config::allow_open_http_i_accept_the_risk()};
#endif
