/// @file
/// What the web role shows: a page for people, the same as JSON.
#pragma once

#include <string>
#include <vector>

#include <keywarden/admit/blocked_host.hpp>
#include <keywarden/admit/concepts.hpp>

#include "core/metadata.hpp"

namespace split_merge {

/// What the page shows.
struct view {
  snapshot state;
  std::vector<keywarden::admit::blocked_host> blocked;
  keywarden::admit::instant now;
  std::string client;  ///< who is looking
};

[[nodiscard]] std::string status_page(const view& shown);
[[nodiscard]] std::string status_json(const view& shown);
[[nodiscard]] std::string request_json(const request_status& one);
[[nodiscard]] std::string_view style_sheet() noexcept;

}  // namespace split_merge
