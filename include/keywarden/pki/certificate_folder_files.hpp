/// @file
/// The files of a certificate folder: who reads them may trust them, and who writes them is alone.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <keywarden/pki/certificate_folder_entry.hpp>
#include <keywarden/pki/certificate_location.hpp>

namespace keywarden::pki::detail {

/// The folders and files below `root`. A plain value; any thread.
struct certificate_files {
  using folder = store::detail::folder<store::posix_file_system>;
  static constexpr std::size_t max_count = 4096;

  std::filesystem::path root;
  location where = location::user;

  [[nodiscard]] static error absent(store_name in) {
    return error(errc::not_found).with(fact::kind, "certificate").with(fact::name, name_of(in));
  }
  /// Whether a file is neither an entry nor foreign.
  [[nodiscard]] static bool is_own(std::string_view name) {
    return name == lock_name || is_unfinished_entry(name);
  }

  /// A store's folder, or nothing where there is none yet. Errors: as `expect_guarded`.
  [[nodiscard]] result<std::optional<folder>> reading(store_name in) const {
    const auto place = root / name_of(in);
    for (const auto& each : {root, place})
      if (auto guarded = expect_guarded(each.string()); !guarded) {
        if (guarded.error() == errc::not_found) return std::optional<folder>();
        return guarded.error();
      }
    auto opened = folder::open(place, {});
    if (!opened) return opened.error();
    return std::optional<folder>(std::move(*opened));
  }

  /// Makes the store's folder, and does `write` while no other writer is there. Errors: as
  /// `reading`, `store_busy`; for a machine's folder with whom to ask.
  template <class Write>
  [[nodiscard]] auto writing(store_name in, Write&& write) const
      -> std::invoke_result_t<Write&, const folder&> {
    const ::mode_t mode = where == location::user ? 0700 : 0755;
    if (auto made = make_folders(root / name_of(in), mode); !made) return explained(made.error());
    auto place = reading(in);
    if (!place) return explained(place.error());
    if (!*place) return absent(in);
    auto lock = (*place)->lock(lock_name, true, patience);
    if (!lock) return explained(lock.error());
    auto names = (*place)->names();
    if (!names) return explained(names.error());
    for (const auto& each : *names)  // of writers that were killed: no other one is here now
      if (is_unfinished_entry(each))
        if (auto gone = (*place)->remove(each); !gone) return explained(gone.error());
    auto answer = write(**place);
    if (!answer) return explained(answer.error());
    return answer;
  }

  /// Errors: `limit_exceeded` when the store is full; `io_failed`.
  [[nodiscard]] static result<fingerprint> write(const folder& place, const fingerprint& of,
                                                 bytes_view data, ::mode_t mode) {
    const auto name = entry_name(of);
    auto names = place.names();
    if (!names) return names.error();
    if (names->size() > max_count && std::ranges::find(*names, name) == names->end())
      return error(errc::limit_exceeded)
          .with(fact::file, place.path())
          .with(fact::kind, "certificates in a store")
          .with(fact::limit, max_count);
    auto written = write_whole(place.path_of(name), data, mode, if_exists::replace);
    if (!written) return written.error();
    return of;
  }

  /// Errors: `not_found`; as `expect_guarded` and `decode_entry`.
  [[nodiscard]] static result<read_entry> read(const folder& place, const fingerprint& of) {
    const auto name = entry_name(of);
    const auto file = place.path_of(name);
    if (auto guarded = expect_guarded(file); !guarded) return guarded.error();
    auto content = place.read(name, max_entry);
    if (!content) return content.error();
    if (!*content) return error(errc::not_found).with(fact::file, file);
    auto made = decode_entry(**content, of);
    if (!made) return error(made.error()).with(fact::file, file);
    if (made->found.has_private_key)
      if (auto secret = expect_guarded(file, 0077); !secret) return secret.error();
    return made;
  }

  [[nodiscard]] result<read_entry> entry(store_name in, const fingerprint& of) const {
    auto place = reading(in);
    if (!place) return place.error();
    const auto missing = [&] { return absent(in).with(fact::key, to_text(of)); };
    if (!*place) return missing();
    auto found = read(**place, of);
    if (!found && found.error() == errc::not_found) return missing();
    return found;
  }

 private:
  static constexpr const char* lock_name = ".lock";
  static constexpr std::chrono::seconds patience{10};

  [[nodiscard]] error explained(error why) const {
    if (where == location::user || why.code() != errc::io_failed) return why;
    return error(errc::io_failed)
        .with(fact::file, root.string())
        .with(fact::next_step,
              "the machine's certificates are written by root: run it as root, or use the user's")
        .because(std::move(why));
  }
};

}  // namespace keywarden::pki::detail
