/// @file
/// The web role: takes requests over HTTPS.
#pragma once

#include "options.hpp"

namespace split_merge {

/// Serves until SIGTERM. Throws `keywarden::refused`, `boost::system::system_error`.
void run_web(const options& asked);

}  // namespace split_merge
