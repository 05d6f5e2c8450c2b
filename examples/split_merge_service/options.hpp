/// @file
/// The command line.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <keywarden/admit/network.hpp>

#include "core/metadata.hpp"
#include "core/shard.hpp"

namespace split_merge {

extern const std::string_view help_text;

/// The command line makes no sense.
class misuse : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

enum class command : std::uint8_t { help, init, web, worker };

struct options {
  split_merge::command command = command::help;

  // init
  std::filesystem::path data;
  std::vector<placement> shards;
  std::uint64_t rows = 0;

  // web and worker
  std::filesystem::path config;
  std::filesystem::path certificates;
  std::filesystem::path key_password;
  std::string address = "127.0.0.1";
  std::uint16_t https_port = 443;
  std::uint16_t http_port = 80;
  std::string revocation_list;  ///< a file or an http:// address; empty: none
  std::chrono::milliseconds revocation_interval{60'000};
  std::vector<keywarden::admit::network> proxies;
  std::chrono::milliseconds request_time{30'000};
  std::uint64_t batch = batch_limit{}.rows;
  std::uint64_t batch_bytes = batch_limit{}.bytes;
};

/// Errors: throws `misuse`.
[[nodiscard]] options read_options(const std::vector<std::string_view>& words);

}  // namespace split_merge
