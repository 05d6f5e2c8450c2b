/// @file
/// The two ends of a tunnel.
#pragma once

#include "options.hpp"

namespace tunnel {

/// Runs the end that was asked for, until SIGTERM or SIGINT. Throws `refused`,
/// `boost::system::system_error`.
void run(const options& asked);

}  // namespace tunnel
