/// @file
/// The worker role: carries out requests, and moves credentials to a new certificate.
#pragma once

#include "options.hpp"

namespace split_merge {

/// Works until SIGTERM. Throws `keywarden::refused`.
void run_worker(const options& asked);

}  // namespace split_merge
