// The second translation unit that includes every header: what is defined twice does not link.
#include "everything.hpp"

#include "program.hpp"

int in_the_other_unit() { return 7; }
