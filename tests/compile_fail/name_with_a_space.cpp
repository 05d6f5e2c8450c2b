// expects: a name is 1 to 64 characters
#include <keywarden/core/name.hpp>

#ifndef TWIN
const keywarden::object_name name = "sales data";
#else
const keywarden::object_name name = "sales_data";
#endif
