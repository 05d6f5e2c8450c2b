/// @file
/// A store chosen while the program runs, PostgreSQL among them.
#pragma once

#include <string_view>
#include <utility>

#include <keywarden/store/any.hpp>
#include <keywarden/store/postgres.hpp>

namespace keywarden::store {

/// One of the stores of `any`, or `postgres`. Needs SQLite beside libpq.
using any_or_postgres = basic_any<memory, file<>, sqlite, postgres>;

/// Opens the store that `place` names: a PostgreSQL URI, or a form of `open_store`.
///
/// Errors: those of `postgres::open` and `open_store`.
[[nodiscard]] inline result<any_or_postgres> open_any_store(std::string_view place,
                                                            const postgres_options& options = {}) {
  if (!names_postgres(place)) return open_store<any_or_postgres>(place);
  auto opened = postgres::open(place, options);
  if (!opened) return opened.error();
  return any_or_postgres(std::move(*opened));
}

static_assert(record_store<any_or_postgres>);

}  // namespace keywarden::store
