/// @file
/// The directory in a vault: sealed, so that whoever writes the store cannot make a login.
#pragma once

#include <concepts>
#include <functional>
#include <optional>
#include <utility>

#include <keywarden/auth/directory_json.hpp>
#include <keywarden/store/concepts.hpp>

namespace keywarden::auth {

namespace detail {

/// The document of a database that holds the directory.
[[nodiscard]] inline object_name directory_document() { return object_name("directory"); }

struct stored_directory {
  directory content;
  std::optional<store::revision> revision;  ///< none: there is no document yet
};

template <class Database>
[[nodiscard]] result<stored_directory> read_directory(const Database& in) {
  auto documents = in.documents();
  auto found = documents.get(directory_document());
  if (!found) {
    if (found.error().code() != errc::not_found ||
        found.error().value_of(fact::kind) != "document" || !found.error().causes().empty())
      return found.error();
    return stored_directory{};
  }
  auto read = directory_from_json(found->content.view());
  if (!read) return read.error();
  return stored_directory{std::move(*read), found->revision};
}

}  // namespace detail

/// The directory that a database's sealed documents hold; an empty one, in which nobody may
/// connect, where there is none. An attacker who can write the store can put back an earlier one as
/// a whole (see `sealed_documents`). Errors: as `sealed_documents::get`, `directory_from_json`.
template <class Database>
[[nodiscard]] result<directory> load_directory(const Database& in) {
  auto read = detail::read_directory(in);
  if (!read) return read.error();
  return std::move(read->content);
}

/// Reads the directory, lets `change` alter it, and stores it; again from the start, at most 64
/// times, when somebody else was faster. `change` is therefore called once or more, each time with
/// what is stored then. Gives the directory as stored. Errors: those of `change`, and then nothing
/// is stored; as `load_directory`; `limit_exceeded` when it is too large; `store_conflict`.
template <class Database, std::invocable<directory&> Change>
  requires std::same_as<std::invoke_result_t<Change&, directory&>, result<void>>
[[nodiscard]] result<directory> change_directory(const Database& in, Change change) {
  constexpr int attempts = 64;
  for (int attempt = 1;; ++attempt) {
    auto present = detail::read_directory(in);
    if (!present) return present.error();
    if (auto changed = std::invoke(change, present->content); !changed) return changed.error();
    auto text = to_json(present->content);
    if (!text) return text.error();
    auto documents = in.documents();
    auto stored = documents.put(detail::directory_document(), as_bytes(*text), present->revision);
    if (stored) return std::move(present->content);
    if (stored.error().code() != errc::store_conflict || attempt == attempts) return stored.error();
  }
}

}  // namespace keywarden::auth
