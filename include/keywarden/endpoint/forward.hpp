/// @file
/// The name of the endpoint alone, for headers that mention one and leave what it is to a source
/// file.
#pragma once

#include <keywarden/core/clock.hpp>

namespace keywarden {

template <class Authentication, class Transport, class Admission, clock_source Clock = system_clock>
class endpoint;

}  // namespace keywarden
