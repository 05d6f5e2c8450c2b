/// @file
/// One server of the deployment, as a process.
#pragma once

#include <filesystem>
#include <string>

namespace farm {

/// Runs a server whose own files are in `folder`, over the database at `address`, until its
/// standard input ends. Throws when it cannot start.
int serve(const std::filesystem::path& folder, const std::string& name, const std::string& address);

}  // namespace farm
