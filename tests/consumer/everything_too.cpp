// The second translation unit that includes every header: what is defined twice does not link.
#include "everything.hpp"

keywarden::bytes from_the_other_unit() { return {1, 2, 3}; }
