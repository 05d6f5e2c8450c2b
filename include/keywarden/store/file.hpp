/// @file
/// Records as files in one folder: readable with `ls`, durable, all-or-nothing across records.
#pragma once

#include <algorithm>
#include <filesystem>

#include <keywarden/store/concepts.hpp>
#include <keywarden/store/journaled_folder.hpp>
#include <keywarden/store/rules.hpp>

namespace keywarden::store {

/// A record store in a folder of a local file system. Satisfies `record_store`.
///
/// The record `db/sales/dmk` is the file `db@sales@dmk`, mode 0600, in a folder of mode 0700.
/// Beside the records live `.keywarden` (marks the folder as a store and names its version),
/// `.lock`, and while a commit runs `.new.*`, `.journal` and `.journal.done`; other names with a
/// leading dot are left alone.
///
/// A commit of one record writes a new file, syncs it, renames it into place and syncs the folder.
/// A commit of several stages every new file, then renames a journal into place: once the folder is
/// synced the commit has happened, and from there only renames and removals are left, which need no
/// space. Whoever next uses the store finishes what a killed process, or a failure after that
/// point, left to do.
///
/// Protects against: a kill or a power loss at any instant (before or after, never between), lost
/// updates between threads and processes, symbolic links and other kinds of file in a record's
/// place.
///
/// Does not protect against: whoever can write the folder, file systems without `flock` or whose
/// `fsync` lies, removing `.lock` while the store is in use. A revision is the first 64 bits of the
/// content's SHA-256: content that returns has its revision back.
///
/// Ownership: move-only; holds the folder open. A moved-from object may only be assigned to or
/// destroyed.
///
/// Threads: one object may be used from several threads, and survives `fork`.
///
/// Errors of every function: `store_busy` after `file_options::lock_wait`; `io_failed` with
/// `fact::file`, `fact::operation`, `fact::reason`; `store_corrupt` with `fact::file` for damage
/// from outside.
template <file_system FileSystem = posix_file_system>
class file {
 public:
  static constexpr std::string_view kind = "file";

  /// Opens the store in the folder `path`, and makes both if they do not exist (the folder above
  /// must). Errors: those above; `store_corrupt` for a folder that has other things in it and is no
  /// store; `unsupported_version` for a store of a later format.
  [[nodiscard]] static result<file> open(const std::filesystem::path& path,
                                         file_options options = {}, FileSystem system = {}) {
    auto opened = folder::open(path, options, std::move(system));
    if (!opened) return opened.error();
    return file(std::move(*opened));
  }

  /// The record as last committed, or nothing. Errors: also `limit_exceeded` for a file above
  /// `max_record_size`.
  [[nodiscard]] result<std::optional<stored_record>> get(const record_name& name) const {
    const auto held = folder_.hold(false);
    if (!held) return held.error();
    return read(name);
  }

  /// The names that start with `prefix`, sorted. Errors: also `store_corrupt` for a file that is no
  /// record.
  [[nodiscard]] result<std::vector<record_name>> list(std::string_view prefix) const {
    const auto held = folder_.hold(false);
    if (!held) return held.error();
    const auto files = folder_.files().names();
    if (!files) return files.error();
    std::vector<record_name> names;
    for (const auto& each : *files) {
      if (each.starts_with('.')) continue;
      auto text = each;
      std::replace(text.begin(), text.end(), '@', '/');
      const auto name = record_name::parse(text);
      if (!name)
        return error(errc::store_corrupt)
            .with(fact::file, folder_.files().path_of(each))
            .with(fact::reason, "not the name of a record")
            .with(fact::next_step, "move the file out of the store's folder");
      if (!text.starts_with(prefix)) continue;
      if (auto regular = folder_.files().expect_regular(each); !regular) return regular.error();
      names.push_back(*name);
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  /// All changes, or none. After `io_failed` the state is the one before or the one after, and
  /// `get` tells which; success is durable. Errors: those of the concept; `limit_exceeded` also
  /// above 65,536 changes.
  [[nodiscard]] result<void> commit(const transaction& changes) {
    if (auto sound = detail::check(changes); !sound) return sound;
    if (changes.changes().size() > detail::max_journal_steps)
      return error(errc::limit_exceeded)
          .with(fact::limit, detail::max_journal_steps)
          .with(fact::actual, changes.changes().size());
    if (changes.changes().empty()) return done();
    const auto held = folder_.hold(true);
    if (!held) return held.error();
    for (const auto& each : changes.changes()) {
      const auto present = read(each.name);
      if (!present) return present.error();
      const auto actual =
          *present ? std::optional<store::revision>((*present)->revision) : std::nullopt;
      if (actual != each.expected) return detail::conflict(each.name);
    }
    return changes.changes().size() == 1 ? folder_.commit_one(changes.changes().front())
                                         : folder_.commit_all(changes.changes());
  }

 private:
  using folder = detail::journaled_folder<FileSystem>;

  explicit file(folder opened) noexcept : folder_(std::move(opened)) {}

  [[nodiscard]] static result<store::revision> revision_of(bytes_view data) {
    const auto sum = detail::digest_of(data);
    if (!sum) return sum.error();
    return store::revision(load_big_endian<std::uint64_t>(bytes_view(*sum).first(8)));
  }

  [[nodiscard]] result<std::optional<stored_record>> read(const record_name& name) const {
    auto data = folder_.files().read(folder::file_name(name), max_record_size);
    if (!data) return data.error();
    if (!*data) return std::optional<stored_record>();
    const auto current = revision_of(**data);
    if (!current) return current.error();
    return std::optional<stored_record>({std::move(**data), *current});
  }

  folder folder_;
};

static_assert(record_store<file<>>);

}  // namespace keywarden::store
