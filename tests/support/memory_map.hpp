/// @file
/// This process's memory as the kernel shows it, read without touching it from C++.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <keywarden/core/bytes.hpp>

namespace keywarden::testing {

/// One mapping and its kernel flags, such as "dd" (left out of core dumps) and "wf" (wiped in a
/// forked child).
struct mapping {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  std::string permissions;
  std::string name;
  std::vector<std::string> flags;

  [[nodiscard]] bool has(std::string_view flag) const {
    for (const auto& each : flags)
      if (each == flag) return true;
    return false;
  }
};

/// The mappings of a process ("self" or its number).
[[nodiscard]] inline std::vector<mapping> mappings_of(const std::string& process) {
  std::ifstream in("/proc/" + process + "/smaps");
  std::vector<mapping> found;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string first;
    words >> first;
    if (const auto dash = first.find('-'); dash != first.npos && first.find(':') == first.npos) {
      mapping each;
      each.begin = std::stoull(first.substr(0, dash), nullptr, 16);
      each.end = std::stoull(first.substr(dash + 1), nullptr, 16);
      std::string skip;
      words >> each.permissions >> skip >> skip >> skip;
      std::getline(words >> std::ws, each.name);
      found.push_back(std::move(each));
    } else if (first == "VmFlags:" && !found.empty()) {
      for (std::string flag; words >> flag;) found.back().flags.push_back(flag);
    }
  }
  if (found.empty()) throw std::runtime_error("no mappings of process " + process);
  return found;
}

/// Memory of a process. What cannot be read is left out.
[[nodiscard]] inline bytes read_memory(const std::string& process, std::uintptr_t begin,
                                       std::size_t size) {
  const int memory = ::open(("/proc/" + process + "/mem").c_str(), O_RDONLY | O_CLOEXEC);
  bytes data(size);
  std::size_t done = 0;
  while (memory >= 0 && done < size) {
    const auto got =
        ::pread(memory, data.data() + done, size - done, static_cast<off_t>(begin + done));
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  if (memory >= 0) ::close(memory);
  data.resize(done);
  return data;
}

/// What lies at an address of this process, whether or not an object lives there.
[[nodiscard]] inline bytes memory_at(const void* address, std::size_t size) {
  return read_memory("self", reinterpret_cast<std::uintptr_t>(address), size);
}

}  // namespace keywarden::testing
