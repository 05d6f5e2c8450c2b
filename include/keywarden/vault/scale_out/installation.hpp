/// @file
/// What names an instance of a scale-out deployment.
#pragma once

#include <keywarden/core/strong.hpp>

namespace keywarden {

/// Names one instance of a deployment for as long as it is a member: 128 bits, random.
using installation_id = strong_bytes<16, struct installation_id_tag>;

}  // namespace keywarden
