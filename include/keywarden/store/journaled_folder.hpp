/// @file
/// A folder whose files change all together or not at all, whatever happens in between.
#pragma once

#include <algorithm>
#include <chrono>
#include <filesystem>

#include <keywarden/store/concepts.hpp>
#include <keywarden/store/folder.hpp>
#include <keywarden/store/journal.hpp>

namespace keywarden::store {

/// How a `file` store behaves.
struct file_options {
  /// How long an operation waits for other processes before it is refused as `store_busy`.
  std::chrono::milliseconds lock_wait{5000};
};

namespace detail {

/// The folder of a `file` store: its lock, its journal, and what it takes to change files
/// atomically.
///
/// The order of syncs is the whole point; each is there because a power loss without it was seen to
/// leave a state between. Nothing here knows revisions. Threads: any number.
template <file_system FileSystem>
class journaled_folder {
 public:
  using lock = descriptor<FileSystem>;

  /// Opens or makes the folder, recognises it, and clears what a killed process left. Errors: as
  /// `file::open`.
  [[nodiscard]] static result<journaled_folder> open(const std::filesystem::path& path,
                                                     file_options options, FileSystem system) {
    auto opened = folder<FileSystem>::open_or_make(path, std::move(system));
    if (!opened) return opened.error();
    journaled_folder made(std::move(*opened), options);
    if (auto ready = made.prepare(); !ready) return ready.error();
    return made;
  }

  /// Takes the lock and finishes what was left behind.
  [[nodiscard]] result<lock> hold(bool exclusive) const {
    auto held = folder_.lock(lock_name, exclusive, options_.lock_wait);
    if (!held) return held;
    const auto pending = folder_.contains(journal_name);
    if (!pending) return pending.error();
    if (*pending && !exclusive) {
      held->reset();
      held = folder_.lock(lock_name, true, options_.lock_wait);
      if (!held) return held;
    }
    if (*pending)
      if (auto finished = finish(); !finished) return finished.error();
    if (exclusive)
      if (auto retired = retire(); !retired) return retired.error();
    return held;
  }

  /// Makes one change; the caller holds the lock for itself. Errors: `io_failed`.
  [[nodiscard]] result<void> commit_one(const change& only) const {
    if (!only.data) {
      if (auto removed = folder_.remove(file_name(only.name)); !removed) return removed;
      return folder_.sync();
    }
    auto put = folder_.write(staged_name(0), *only.data);
    if (put) put = folder_.rename(staged_name(0), file_name(only.name));
    if (!put) {
      static_cast<void>(folder_.remove(staged_name(0)));  // else the next open does it
      return put;
    }
    return folder_.sync();
  }

  /// Makes changes of different files together; the caller holds the lock for itself. Errors:
  /// `io_failed`.
  [[nodiscard]] result<void> commit_all(const std::vector<change>& changes) const {
    const auto steps = stage(changes);
    // What the journal names must last before the journal itself.
    auto ready = steps ? folder_.sync() : steps.error();
    if (ready) ready = folder_.rename(journal_draft, journal_name);
    if (!ready) {
      unstage(changes.size());
      return ready;
    }
    if (auto committed = folder_.sync(); !committed) return committed;
    // It has happened. What cannot be finished now, the next operation finishes or reports.
    static_cast<void>(apply(*steps));
    return done();
  }

  /// The files themselves, to read. Hold the lock.
  [[nodiscard]] const folder<FileSystem>& files() const noexcept { return folder_; }

  /// The file of a record: '@', which no name contains, stands for '/'.
  [[nodiscard]] static std::string file_name(const record_name& name) {
    auto text = name.text();
    std::replace(text.begin(), text.end(), '/', '@');
    return text;
  }

 private:
  static constexpr const char* lock_name = ".lock";
  static constexpr const char* marker_name = ".keywarden";
  static constexpr const char* marker_draft = ".new.keywarden";
  static constexpr const char* journal_name = ".journal";
  static constexpr const char* journal_done = ".journal.done";
  static constexpr const char* journal_draft = ".new.journal";
  static constexpr std::string_view staged_prefix = ".new.";
  static constexpr std::string_view marker = "keywarden file store 1\n";

  journaled_folder(folder<FileSystem> opened, file_options options) noexcept
      : folder_(std::move(opened)), options_(options) {}

  [[nodiscard]] static std::string staged_name(std::size_t index) {
    return std::string(staged_prefix) + std::to_string(index);
  }

  /// Recognises the folder, or makes it a store, and clears what a killed process left.
  [[nodiscard]] result<void> prepare() const {
    auto known = recognise();
    if (!known) return known.error();
    auto held = hold(!*known);
    if (!held) return held.error();
    if (!*known) {
      known = recognise();  // somebody else may have been first
      if (!known) return known.error();
      if (!*known) {
        auto made = folder_.write(marker_draft, as_bytes(marker));
        if (made) made = folder_.rename(marker_draft, marker_name);
        if (made) made = folder_.sync();
        return made;
      }
    }
    const auto files = folder_.names();
    if (!files) return files.error();
    const auto is_stale = [](const std::string& each) { return each.starts_with(staged_prefix); };
    if (std::none_of(files->begin(), files->end(), is_stale)) return done();
    held->reset();
    return clear();
  }

  /// Whether the folder is a store already; an empty one is not yet.
  [[nodiscard]] result<bool> recognise() const {
    const auto present = folder_.read(marker_name, 4096);
    if (!present) return present.error();
    if (*present) {
      const auto text = as_text(**present);
      if (text == marker) return true;
      return error(text.starts_with("keywarden file store ") ? errc::unsupported_version
                                                             : errc::store_corrupt)
          .with(fact::file, folder_.path_of(marker_name));
    }
    const auto files = folder_.names();
    if (!files) return files.error();
    if (std::binary_search(files->begin(), files->end(), marker_name))
      return recognise();  // made since we looked for it
    for (const auto& each : *files)
      if (each != lock_name && each != marker_draft && each != marker_name)
        return error(errc::store_corrupt)
            .with(fact::file, folder_.path_of(each))
            .with(fact::reason, "the folder is not a store and is not empty");
    return false;
  }

  /// Removes staged files that no journal speaks for.
  [[nodiscard]] result<void> clear() const {
    const auto held = hold(true);
    if (!held) return held.error();
    const auto files = folder_.names();
    if (!files) return files.error();
    for (const auto& each : *files)
      if (each.starts_with(staged_prefix))
        if (auto removed = folder_.remove(each); !removed) return removed;
    return done();
  }

  /// Makes sure that a journal that was obeyed cannot come back, before anything else changes.
  [[nodiscard]] result<void> retire() const {
    const auto left = folder_.contains(journal_done);
    if (!left) return left.error();
    if (!*left) return done();  // whoever removed it had synced before
    if (auto synced = folder_.sync(); !synced) return synced;
    return folder_.remove(journal_done);
  }

  /// Writes every new file and the journal's draft.
  [[nodiscard]] result<std::vector<journal_step>> stage(const std::vector<change>& changes) const {
    std::vector<journal_step> steps;
    for (const auto& each : changes) {
      steps.push_back({each.name, std::nullopt});
      if (!each.data) continue;
      const auto sum = digest_of(*each.data);
      if (!sum) return sum.error();
      steps.back().content = *sum;
      if (auto put = folder_.write(staged_name(steps.size() - 1), *each.data); !put)
        return put.error();
    }
    const auto journal = encode_journal(steps);
    if (!journal) return journal.error();
    if (auto put = folder_.write(journal_draft, *journal); !put) return put.error();
    return steps;
  }

  /// Takes back, as far as possible, what `stage` wrote; the next open does the rest.
  void unstage(std::size_t count) const {
    const auto committed = folder_.contains(journal_name);
    if (!committed || *committed) return;  // a journal that may count keeps its files
    for (std::size_t i = 0; i < count; ++i) static_cast<void>(folder_.remove(staged_name(i)));
    static_cast<void>(folder_.remove(journal_draft));
  }

  [[nodiscard]] error damaged_journal(std::string_view reason) const {
    return error(errc::store_corrupt)
        .with(fact::file, folder_.path_of(journal_name))
        .with(fact::reason, reason);
  }

  /// Obeys a journal that was left behind, if there is one.
  [[nodiscard]] result<void> finish() const {
    const auto content = folder_.read(journal_name, max_journal_size);
    if (!content) return content.error();
    if (!*content) return done();
    const auto steps = decode_journal(**content);
    if (!steps) return damaged_journal(steps.error().value_of(fact::reason));
    // A killed process may have renamed the journal without syncing: it must last before it is
    // obeyed.
    if (auto synced = folder_.sync(); !synced) return synced;
    return apply(*steps);
  }

  /// Does what a durable journal says, then removes it; repeating it after any interruption is
  /// harmless.
  [[nodiscard]] result<void> apply(const std::vector<journal_step>& steps) const {
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const auto target = file_name(steps[i].name);
      if (!steps[i].content) {
        if (auto removed = folder_.remove(target); !removed) return removed;
        continue;
      }
      auto found = folder_.read(staged_name(i), max_record_size);
      if (!found) return found.error();
      const bool waiting = found->has_value();
      if (!waiting) found = folder_.read(target, max_record_size);
      if (!found) return found.error();
      if (!*found) return damaged_journal("a file that it names is missing");
      const auto sum = digest_of(**found);
      if (!sum) return sum.error();
      if (*sum != *steps[i].content) return damaged_journal("a file that it names was altered");
      if (!waiting) continue;
      if (auto renamed = folder_.rename(staged_name(i), target); !renamed) return renamed;
    }
    if (auto synced = folder_.sync(); !synced) return synced;
    if (auto renamed = folder_.rename(journal_name, journal_done); !renamed) return renamed;
    return retire();
  }

  folder<FileSystem> folder_;
  file_options options_;
};

}  // namespace detail
}  // namespace keywarden::store
