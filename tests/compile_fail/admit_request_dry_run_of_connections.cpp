// expects: the rule of dry_run must be a request_rule: copyable, with a name, a move-only permit
#include <keywarden/admit/connection_rate.hpp>
#include <keywarden/admit/dry_run.hpp>
#include <keywarden/admit/request_rate.hpp>

namespace admit = keywarden::admit;

#ifndef TWIN
const admit::dry_run<admit::connection_rate> admission(admit::connection_rate(), nullptr);
#else
const admit::dry_run<admit::request_rate<>> admission(admit::request_rate<>(), nullptr);
#endif
