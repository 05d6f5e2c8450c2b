/// @file
/// Making an identity folder, and the next certificate in it.
#pragma once

#include <filesystem>
#include <string>

namespace tunnel {

/// Makes a key and a self-signed certificate in the folder, and the folder if need be. Gives what
/// to tell the people at the other end. Throws `refused`, `std::filesystem::filesystem_error`.
[[nodiscard]] std::string make_identity(const std::filesystem::path& folder,
                                        const std::string& name);

}  // namespace tunnel
