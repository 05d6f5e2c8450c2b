/// @file
/// What a power loss can leave of a recorded series of disk operations.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/scratch.hpp"

namespace keywarden::testing {

/// What becomes of the changes that nobody synced before the power went. Synced changes always
/// survive.
struct loss {
  enum class part { none, half, all, some };
  part names;          ///< creations, renames and removals; `some` and `half` draw each of them
  part content;        ///< written bytes; `half` keeps the first half of each write
  std::uint64_t seed;  ///< for the draws
};

/// The ways in which every instant is tried: the strictest disk, the kindest, files that have a
/// name but no content, torn writes, and draws.
inline constexpr loss losses[] = {
    {loss::part::none, loss::part::none, 0}, {loss::part::all, loss::part::none, 0},
    {loss::part::none, loss::part::all, 0},  {loss::part::all, loss::part::all, 0},
    {loss::part::all, loss::part::half, 0},  {loss::part::some, loss::part::none, 1},
    {loss::part::some, loss::part::all, 2},  {loss::part::some, loss::part::some, 3},
    {loss::part::some, loss::part::some, 4}, {loss::part::some, loss::part::all, 5},
    {loss::part::some, loss::part::none, 6}};

/// One operation on the files of one folder. A file is known by its number; its names come and go.
struct disk_operation {
  enum class what {
    make_folder,
    sync_parent,
    name,
    rename,
    unname,
    write,
    truncate,
    sync,
    sync_names
  };
  what kind;
  int file = 0;          ///< name, write, truncate, sync
  std::string name{};    ///< name, rename (from), unname
  std::string to{};      ///< rename
  std::uint64_t at = 0;  ///< write: offset; truncate: size
  std::string data{};    ///< write
};

/// A record of everything that happened to the files of one folder, in order.
class disk_log {
 public:
  using what = disk_operation::what;

  void add(disk_operation operation) { operations_.push_back(std::move(operation)); }

  /// How many operations there are: an instant, to be noted before and after what a test does.
  [[nodiscard]] std::size_t size() const noexcept { return operations_.size(); }

  /// A new file's number.
  [[nodiscard]] int number_file() noexcept { return ++last_file_; }

  /// The files as they would be found at `target` if the power had gone right after the first
  /// `instant` operations. `target` is emptied first; it is missing when the folder itself was
  /// lost.
  void materialise(std::size_t instant, const loss& lost,
                   const std::filesystem::path& target) const {
    disk durable;
    std::vector<const disk_operation*> names;                   // not yet synced
    std::map<int, std::vector<const disk_operation*>> written;  // not yet synced
    for (std::size_t i = 0; i < instant; ++i) {
      const auto& each = operations_[i];
      switch (each.kind) {
        case what::make_folder:
          durable.folder = false;
          break;
        case what::sync_parent:
          durable.folder = true;
          break;
        case what::name:
        case what::rename:
        case what::unname:
          names.push_back(&each);
          break;
        case what::write:
        case what::truncate:
          written[each.file].push_back(&each);
          break;
        case what::sync:
          for (const auto* pending : written[each.file]) durable.write(*pending, loss::part::all);
          written.erase(each.file);
          break;
        case what::sync_names:
          for (const auto* pending : names) durable.change(*pending);
          names.clear();
          break;
      }
    }
    std::mt19937_64 random(lost.seed * 1000003 + instant);
    const auto survives = [&](loss::part part) {
      return part == loss::part::all || part == loss::part::half ||
             (part == loss::part::some && random() % 2 == 0);
    };
    if (lost.names != loss::part::none) durable.folder = true;
    for (const auto* pending : names)
      if (survives(lost.names)) durable.change(*pending);
    for (const auto& [file, pending] : written)
      for (const auto* each : pending)
        if (survives(lost.content)) durable.write(*each, lost.content);
    durable.put(target);
  }

 private:
  struct disk {
    bool folder = true;
    std::map<std::string, int> names;
    std::map<int, std::string> written;

    void change(const disk_operation& by) {
      if (by.kind != what::unname) names[by.kind == what::rename ? by.to : by.name] = by.file;
      if (by.kind != what::name) {
        const auto found = names.find(by.name);
        if (found != names.end() && (by.kind == what::unname || found->second == by.file))
          names.erase(found);
      }
    }
    void write(const disk_operation& by, loss::part part) {
      auto& content = written[by.file];
      if (by.kind == what::truncate) {
        content.resize(by.at);
        return;
      }
      const auto size = part == loss::part::half ? by.data.size() / 2 : by.data.size();
      if (content.size() < by.at + size) content.resize(by.at + size);
      content.replace(by.at, size, by.data, 0, size);
    }
    void put(const std::filesystem::path& target) const {
      std::filesystem::remove_all(target);
      if (!folder) return;
      std::filesystem::create_directory(target);
      for (const auto& [name, file] : names) {
        std::ofstream out(target / name, std::ios::binary);
        if (const auto found = written.find(file); found != written.end()) out << found->second;
      }
    }
  };

  std::vector<disk_operation> operations_;
  int last_file_ = 0;
};

/// Calls `check(folder, instant, loss)` for what a power loss after each operation from `first` on,
/// in each of the `losses`, would leave.
template <class Check>
void for_every_power_loss(const disk_log& log, std::size_t first, Check&& check) {
  scratch work(scratch::on::memory);
  for (auto instant = first; instant <= log.size(); ++instant)
    for (const auto& each : losses) {
      log.materialise(instant, each, work / "disk");
      check(work / "disk", instant, each);
    }
}

/// The name of what a loss did, for messages.
[[nodiscard]] inline std::string name_of(const loss& lost) {
  constexpr std::string_view parts[] = {"none", "half", "all", "some"};
  return "names: " + std::string(parts[static_cast<std::size_t>(lost.names)]) +
         ", content: " + std::string(parts[static_cast<std::size_t>(lost.content)]) + ", seed " +
         std::to_string(lost.seed);
}

}  // namespace keywarden::testing
