/// @file
/// A store chosen while the program runs, from text such as a command-line argument.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>

#include <keywarden/store/concepts.hpp>
#include <keywarden/store/file.hpp>
#include <keywarden/store/memory.hpp>
#include <keywarden/store/sqlite.hpp>

namespace keywarden::store {

/// One of `memory`, `file<>` and `sqlite`, known only at run time. Satisfies `record_store`.
///
/// Protects, fails and may be shared between threads exactly as the store inside. Ownership:
/// move-only, owns that store. Needs SQLite: no umbrella header includes this one.
class any {
 public:
  static constexpr std::string_view kind = "any";

  /// Takes a store over.
  template <class Store>
    requires std::constructible_from<std::variant<memory, file<>, sqlite>, Store &&> &&
        (!std::same_as<std::remove_cvref_t<Store>, any>)explicit any(Store&& inside)
        : inside_(std::forward<Store>(inside)) {}

    /// The kind of the store inside, such as "sqlite".
    [[nodiscard]] std::string_view inner_kind() const noexcept {
      return std::visit([](const auto& store) { return std::string_view(store.kind); }, inside_);
    }

    /// As the store inside.
    [[nodiscard]] result<std::optional<stored_record>> get(const record_name& name) const {
      return std::visit([&](const auto& store) { return store.get(name); }, inside_);
    }
    /// As the store inside.
    [[nodiscard]] result<std::vector<record_name>> list(std::string_view prefix) const {
      return std::visit([&](const auto& store) { return store.list(prefix); }, inside_);
    }
    /// As the store inside.
    [[nodiscard]] result<void> commit(const transaction& changes) {
      return std::visit([&](auto& store) { return store.commit(changes); }, inside_);
    }

   private:
    std::variant<memory, file<>, sqlite> inside_;
};

/// The forms that `open_store` understands, for a help text.
inline constexpr std::string_view store_forms =
    "sqlite:PATH or PATH.db or PATH.sqlite (a SQLite database), PATH/ or an existing folder (a "
    "file store)";

/// Opens the store that `place` names, and makes it if it does not exist: `sqlite:PATH`, `PATH.db`
/// and `PATH.sqlite` are a SQLite database; `PATH/` and an existing folder are a file store.
///
/// Errors: `invalid_argument` with `fact::name` and the forms as the next step for anything else;
/// those of `sqlite::open` and `file::open`.
[[nodiscard]] inline result<any> open_store(std::string_view place) {
  constexpr std::string_view scheme = "sqlite:";
  const auto wrapped = [](auto opened) -> result<any> {
    if (!opened) return opened.error();
    return any(std::move(*opened));
  };
  if (place.starts_with(scheme)) return wrapped(sqlite::open(place.substr(scheme.size())));
  if (place.ends_with('/')) return wrapped(file<>::open(place));
  if (place.ends_with(".db") || place.ends_with(".sqlite")) return wrapped(sqlite::open(place));
  std::error_code ignored;  // a folder that cannot be examined is not an existing folder
  if (std::filesystem::is_directory(place, ignored)) return wrapped(file<>::open(place));
  return error(errc::invalid_argument).with(fact::name, place).with(fact::next_step, store_forms);
}

static_assert(record_store<any>);

}  // namespace keywarden::store
