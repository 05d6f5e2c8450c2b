/// @file
/// A store chosen while the program runs, from text such as a command-line argument.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>

#include <keywarden/store/concepts.hpp>
#include <keywarden/store/file.hpp>
#include <keywarden/store/memory.hpp>
#include <keywarden/store/sqlite.hpp>

namespace keywarden::store {

/// One of `Stores`, known only at run time. Satisfies `record_store`. `any` is the usual one.
///
/// Protects, fails and may be shared between threads exactly as the store inside. Ownership:
/// move-only, owns that store. Needs SQLite: no umbrella header includes this one.
template <record_store... Stores>
class basic_any {
 public:
  static constexpr std::string_view kind = "any";

  /// Takes a store over.
  template <class Store>
    requires(std::same_as<std::remove_cvref_t<Store>, Stores> || ...)
  explicit basic_any(Store&& inside) : inside_(std::forward<Store>(inside)) {}

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
  std::variant<Stores...> inside_;
};

/// One of the stores that need nothing but this machine.
using any = basic_any<memory, file<>, sqlite>;

/// The forms that `open_store` understands, for a help text.
inline constexpr std::string_view store_forms =
    "sqlite:PATH or PATH.db or PATH.sqlite (a SQLite database), PATH/ or an existing folder (a "
    "file store)";

/// Whether this names a PostgreSQL database, `postgresql://…` or `postgres://…`: that is opened by
/// `open_any_store` (store/any_postgres.hpp).
[[nodiscard]] constexpr bool names_postgres(std::string_view place) noexcept {
  return place.starts_with("postgresql://") || place.starts_with("postgres://");
}

/// Opens the store that `place` names, and makes it if it does not exist: `sqlite:PATH`, `PATH.db`
/// and `PATH.sqlite` are a SQLite database; `PATH/` and an existing folder are a file store.
///
/// Errors: `invalid_argument` with `fact::name` and the forms as the next step for anything else,
/// without the name, which may have a password in it, for `postgresql://…`; those of
/// `sqlite::open` and `file::open`.
template <class Any = any>
[[nodiscard]] result<Any> open_store(std::string_view place) {
  constexpr std::string_view scheme = "sqlite:";
  const auto wrapped = [](auto opened) -> result<Any> {
    if (!opened) return opened.error();
    return Any(std::move(*opened));
  };
  if (place.starts_with(scheme)) return wrapped(sqlite::open(place.substr(scheme.size())));
  if (names_postgres(place))
    return error(errc::invalid_argument)
        .with(fact::kind, "postgres")
        .with(fact::reason, "this program was built without PostgreSQL")
        .with(fact::next_step, store_forms);
  if (place.ends_with('/')) return wrapped(file<>::open(place));
  if (place.ends_with(".db") || place.ends_with(".sqlite")) return wrapped(sqlite::open(place));
  std::error_code ignored;  // a folder that cannot be examined is not an existing folder
  if (std::filesystem::is_directory(place, ignored)) return wrapped(file<>::open(place));
  return error(errc::invalid_argument).with(fact::name, place).with(fact::next_step, store_forms);
}

static_assert(record_store<any>);

}  // namespace keywarden::store
