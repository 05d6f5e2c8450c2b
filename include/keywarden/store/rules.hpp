/// @file
/// What every record store checks of a transaction before it touches anything.
#pragma once

#include <algorithm>
#include <functional>
#include <string_view>
#include <vector>

#include <keywarden/store/concepts.hpp>

namespace keywarden::store::detail {

/// The refusal for a record that is not in the state its writer expected.
[[nodiscard]] inline error conflict(const record_name& name) {
  return error(errc::store_conflict).with(fact::name, name.text());
}

/// Checks what can be known without a store.
///
/// Errors: `invalid_argument` with `fact::name` when a record is named twice or is erased without
/// an expected revision; `limit_exceeded` with `fact::name` above `max_record_size` (bytes).
[[nodiscard]] inline result<void> check(const transaction& changes) {
  std::vector<std::string_view> names;
  names.reserve(changes.changes().size());
  for (const auto& each : changes.changes()) {
    names.push_back(each.name.text());
    if (!each.data && !each.expected)
      return error(errc::invalid_argument)
          .with(fact::name, each.name.text())
          .with(fact::reason, "erased without an expected revision");
    if (each.data && each.data->size() > max_record_size)
      return error(errc::limit_exceeded)
          .with(fact::name, each.name.text())
          .with(fact::limit, max_record_size)
          .with(fact::actual, each.data->size());
  }
  std::sort(names.begin(), names.end());
  if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end())
    return error(errc::invalid_argument)
        .with(fact::name, *twice)
        .with(fact::reason, "named twice in one transaction");
  return done();
}

}  // namespace keywarden::store::detail
