/// @file
/// The name of the vault alone, for headers that mention one and leave what it is to a source file.
#pragma once

#include <keywarden/core/clock.hpp>

namespace keywarden {

template <class Policy, clock_source Clock = system_clock>
class vault;

}  // namespace keywarden
