/// @file
/// Moving records from one store to another, whatever their kinds.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <keywarden/store/concepts.hpp>

namespace keywarden::store {

/// The most that `copy_records` holds in memory: 1 GiB of records.
inline constexpr std::size_t max_copy_size = std::size_t{1} << 30U;

/// Copies every record of `from` to `to`, which must be empty, in one transaction, and reads both
/// again to compare; gives how many there were. Records are copied as they are: what is sealed
/// stays sealed, revisions become those of `to`. `from` is not changed.
///
/// Nobody else may write either store meanwhile; who does is noticed unless it is undone at once.
///
/// Errors: `already_exists` with `fact::name` when `to` has records; `store_conflict` when `from`
/// changed meanwhile, `store_corrupt` when `to` gave back something else (either way what was
/// copied is in `to`, not to be used); `limit_exceeded` above `max_copy_size`; those of the stores,
/// after which `to` is empty unless they say that the outcome is unknown.
template <record_store From, record_store To>
[[nodiscard]] result<std::size_t> copy_records(From& from, To& to) {
  const auto present = to.list("");
  if (!present) return present.error();
  if (!present->empty())
    return error(errc::already_exists)
        .with(fact::name, present->front().text())
        .with(fact::kind, To::kind)
        .with(fact::next_step, "name a store without records");
  const auto names = from.list("");
  if (!names) return names.error();
  const auto changed = [](const record_name& name) {
    return error(errc::store_conflict)
        .with(fact::name, name.text())
        .with(fact::next_step, "stop what writes the store, empty the target, and copy again");
  };

  transaction copied;
  std::vector<revision> revisions;
  std::size_t size = 0;
  for (const auto& name : *names) {
    auto found = from.get(name);
    if (!found) return found.error();
    if (!*found) return changed(name);
    size += (*found)->data.size();
    if (size > max_copy_size) return error(errc::limit_exceeded).with(fact::limit, max_copy_size);
    revisions.push_back((*found)->revision);
    copied.create(name, std::move((*found)->data));
  }
  if (auto committed = to.commit(copied); !committed) return committed.error();

  const auto source = from.list("");
  if (!source) return source.error();
  const auto target = to.list("");
  if (!target) return target.error();
  if (*source != *names || *target != *names)
    return error(errc::store_conflict)
        .with(fact::reason, "another program writes one of the stores")
        .with(fact::next_step, "stop it, empty the target, and copy again");
  for (std::size_t i = 0; i < names->size(); ++i) {
    const auto& name = (*names)[i];
    const auto original = from.get(name);
    if (!original) return original.error();
    if (!*original || (*original)->revision != revisions[i]) return changed(name);
    const auto copy = to.get(name);
    if (!copy) return copy.error();
    if (!*copy || (*copy)->data != (*original)->data)
      return error(errc::store_corrupt).with(fact::name, name.text()).with(fact::kind, To::kind);
  }
  return names->size();
}

}  // namespace keywarden::store
