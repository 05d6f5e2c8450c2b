/// @file
/// A SQLite file system that records what would be lost if the power went.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>

#include "fault/power_loss.hpp"

namespace keywarden::testing {

/// Registers a SQLite VFS that passes everything to SQLite's default one and records the changes of
/// databases, journals and WAL files in a `disk_log`. Open stores with `sqlite_options{wait,
/// vfs.name()}`, note `log().size()` before and after each operation, and look at
/// `for_every_power_loss(vfs.log(), …)`.
///
/// All recorded files are taken to be in one folder. What a database holds when it is first opened
/// counts as synced. As in SQLite's own unix file system, the first sync of a new journal or WAL
/// file syncs the folder too. The object must outlive every connection that uses it. Any thread.
class recording_vfs {
 public:
  explicit recording_vfs(std::string name)
      : name_(std::move(name)), real_(::sqlite3_vfs_find(nullptr)) {
    vfs_ = *real_;
    vfs_.iVersion = 2;
    vfs_.pNext = nullptr;
    vfs_.zName = name_.c_str();
    vfs_.pAppData = this;
    vfs_.szOsFile = static_cast<int>(sizeof(file)) + real_->szOsFile;
    vfs_.xOpen = open;
    vfs_.xDelete = remove;
    vfs_.xAccess = [](::sqlite3_vfs* vfs, const char* path, int flags, int* out) {
      return self(vfs).real_->xAccess(self(vfs).real_, path, flags, out);
    };
    vfs_.xFullPathname = [](::sqlite3_vfs* vfs, const char* path, int size, char* out) {
      return self(vfs).real_->xFullPathname(self(vfs).real_, path, size, out);
    };
    if (::sqlite3_vfs_register(&vfs_, 0) != SQLITE_OK) throw std::runtime_error("no recording VFS");
  }
  recording_vfs(const recording_vfs&) = delete;
  recording_vfs& operator=(const recording_vfs&) = delete;
  ~recording_vfs() { ::sqlite3_vfs_unregister(&vfs_); }

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const disk_log& log() const noexcept { return log_; }

  /// Makes every `sync` a lie from now on, to see that a test would notice.
  void ignore_syncs() noexcept { ignores_syncs_ = true; }

 private:
  using what = disk_operation::what;

  struct file {
    ::sqlite3_file base;
    recording_vfs* owner;
    int number;  // 0: not recorded

    [[nodiscard]] ::sqlite3_file* real() noexcept {
      return reinterpret_cast<::sqlite3_file*>(this + 1);
    }
  };
  static_assert(sizeof(file) % alignof(std::max_align_t) == 0 || alignof(file) >= 8);

  static recording_vfs& self(::sqlite3_vfs* vfs) {
    return *static_cast<recording_vfs*>(vfs->pAppData);
  }
  static file& as_file(::sqlite3_file* base) { return *reinterpret_cast<file*>(base); }
  static ::sqlite3_file* real(::sqlite3_file* base) { return as_file(base).real(); }
  static const ::sqlite3_io_methods& calls(::sqlite3_file* base) { return *real(base)->pMethods; }

  static void record(::sqlite3_file* base, disk_operation operation) {
    auto& owner = *as_file(base).owner;
    operation.file = as_file(base).number;
    if (operation.file == 0) return;
    const std::scoped_lock held(owner.guard_);
    owner.log_.add(std::move(operation));
  }

  static int open(::sqlite3_vfs* vfs, const char* path, ::sqlite3_file* base, int flags, int* out) {
    auto& owner = self(vfs);
    auto& opened = as_file(base);
    opened.base.pMethods = nullptr;
    opened.owner = &owner;
    opened.number = 0;
    constexpr int kinds = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL;
    const bool recorded = path != nullptr && (flags & kinds) != 0;
    if (recorded) owner.know(path, (flags & SQLITE_OPEN_MAIN_DB) != 0);
    const int answer = owner.real_->xOpen(owner.real_, path, opened.real(), flags, out);
    if (opened.real()->pMethods != nullptr) opened.base.pMethods = &methods();
    if (answer == SQLITE_OK && recorded) opened.number = owner.opened(path);
    return answer;
  }

  static int remove(::sqlite3_vfs* vfs, const char* path, int sync_folder) {
    auto& owner = self(vfs);
    const int answer = owner.real_->xDelete(owner.real_, path, sync_folder);
    const std::scoped_lock held(owner.guard_);
    const auto found = owner.numbers_.find(plain(path));
    if (answer == SQLITE_OK && found != owner.numbers_.end()) {
      owner.log_.add({what::unname, found->second, found->first});
      owner.numbers_.erase(found);
      if (sync_folder != 0 && !owner.ignores_syncs_) owner.log_.add({what::sync_names});
    }
    return answer;
  }

  static int sync(::sqlite3_file* base, int flags) {
    auto& owner = *as_file(base).owner;
    if (!owner.ignores_syncs_) {
      record(base, {what::sync});
      const std::scoped_lock held(owner.guard_);
      if (owner.unsynced_names_.erase(as_file(base).number) != 0)
        owner.log_.add({what::sync_names});
    }
    return calls(base).xSync(real(base), flags);
  }

  static const ::sqlite3_io_methods& methods() {
    static const ::sqlite3_io_methods made = [] {
      ::sqlite3_io_methods m{};
      m.iVersion = 2;
      m.xClose = [](::sqlite3_file* f) { return calls(f).xClose(real(f)); };
      m.xRead = [](::sqlite3_file* f, void* out, int size, ::sqlite3_int64 at) {
        return calls(f).xRead(real(f), out, size, at);
      };
      m.xWrite = [](::sqlite3_file* f, const void* in, int size, ::sqlite3_int64 at) {
        std::string data(static_cast<const char*>(in), static_cast<std::size_t>(size));
        record(f, {what::write, 0, {}, {}, static_cast<std::uint64_t>(at), std::move(data)});
        return calls(f).xWrite(real(f), in, size, at);
      };
      m.xTruncate = [](::sqlite3_file* f, ::sqlite3_int64 size) {
        record(f, {what::truncate, 0, {}, {}, static_cast<std::uint64_t>(size), {}});
        return calls(f).xTruncate(real(f), size);
      };
      m.xSync = sync;
      m.xFileSize = [](::sqlite3_file* f, ::sqlite3_int64* out) {
        return calls(f).xFileSize(real(f), out);
      };
      m.xLock = [](::sqlite3_file* f, int how) { return calls(f).xLock(real(f), how); };
      m.xUnlock = [](::sqlite3_file* f, int how) { return calls(f).xUnlock(real(f), how); };
      m.xCheckReservedLock = [](::sqlite3_file* f, int* out) {
        return calls(f).xCheckReservedLock(real(f), out);
      };
      m.xFileControl = [](::sqlite3_file* f, int what, void* argument) {
        return calls(f).xFileControl(real(f), what, argument);
      };
      m.xSectorSize = [](::sqlite3_file* f) { return calls(f).xSectorSize(real(f)); };
      m.xDeviceCharacteristics = [](::sqlite3_file* f) {
        return calls(f).xDeviceCharacteristics(real(f));
      };
      m.xShmMap = [](::sqlite3_file* f, int page, int size, int extend, void volatile** out) {
        return calls(f).xShmMap(real(f), page, size, extend, out);
      };
      m.xShmLock = [](::sqlite3_file* f, int offset, int count, int flags) {
        return calls(f).xShmLock(real(f), offset, count, flags);
      };
      m.xShmBarrier = [](::sqlite3_file* f) { calls(f).xShmBarrier(real(f)); };
      m.xShmUnmap = [](::sqlite3_file* f, int gone) { return calls(f).xShmUnmap(real(f), gone); };
      return m;
    }();
    return made;
  }

  static std::string plain(const char* path) { return std::filesystem::path(path).filename(); }

  /// Records a file that is there already, as synced.
  void know(const char* path, bool is_database) {
    const std::scoped_lock held(guard_);
    if (numbers_.contains(plain(path)) || (!is_database && !std::filesystem::exists(path))) return;
    const int number = log_.number_file();
    numbers_[plain(path)] = number;
    log_.add({what::name, number, plain(path)});
    std::ifstream in(path, std::ios::binary);
    std::string data{std::istreambuf_iterator<char>(in), {}};
    log_.add({what::write, number, {}, {}, 0, std::move(data)});
    log_.add({what::sync, number});
    log_.add({what::sync_names});
  }

  int opened(const char* path) {
    const std::scoped_lock held(guard_);
    const auto found = numbers_.find(plain(path));
    if (found != numbers_.end()) return found->second;
    const int number = log_.number_file();
    numbers_[plain(path)] = number;
    unsynced_names_.insert(number);
    log_.add({what::name, number, plain(path)});
    return number;
  }

  std::string name_;
  ::sqlite3_vfs* real_;
  ::sqlite3_vfs vfs_{};
  std::mutex guard_;
  disk_log log_;
  std::map<std::string, int> numbers_;
  std::set<int> unsynced_names_;
  bool ignores_syncs_ = false;
};

}  // namespace keywarden::testing
