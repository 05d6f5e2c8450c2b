// expects: all_requests without rules would serve everybody: leave it out if that is meant
#include <keywarden/admit/all_requests.hpp>
#include <keywarden/admit/request_rate.hpp>

namespace admit = keywarden::admit;

#ifndef TWIN
const admit::all_requests<> admission;
#else
const admit::all_requests<admit::request_rate<>> admission;
#endif
