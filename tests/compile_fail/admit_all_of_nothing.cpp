// expects: all_of without rules would admit everybody: say admit::anyone if that is meant
#include <keywarden/admit/all_of.hpp>

namespace admit = keywarden::admit;

#ifndef TWIN
const admit::all_of<> admission;
#else
const admit::all_of<admit::anyone> admission;
#endif
