/// @file
/// The whole story of a deployment, told and checked.
#pragma once

#include <filesystem>

namespace farm {

/// Plays it with `program` for the members. Whether every claim held.
[[nodiscard]] bool tell(const std::filesystem::path& program);

}  // namespace farm
