/// @file
/// A random but repeatable stream of transactions, and the state each leads to.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>

#include <keywarden/store/concepts.hpp>

namespace keywarden::testing {

/// The records of a store, by name.
using state = std::map<std::string, std::string>;

/// Reads a whole store.
template <class Store>
[[nodiscard]] state state_of(Store& from) {
  state found;
  for (const auto& name : from.list("").value()) {
    const auto record = from.get(name).value();
    found[name.text()] = record ? std::string(as_text(record->data)) : "(listed but missing)";
  }
  return found;
}

/// The state that the next operation of a stream leads to: one record made, replaced or erased, or
/// many at once (every record to the same new generation, some made, some erased).
[[nodiscard]] inline state next_state(state now, std::mt19937_64& random) {
  const auto name = [&] { return "db/d" + std::to_string(random() % 7) + "/dmk"; };
  const auto text = [&] {
    const auto size = random() % 50 == 0 ? 70000 : random() % 1200;
    return std::to_string(random()) + std::string(size, static_cast<char>('a' + random() % 26));
  };
  switch (random() % 4) {
    case 0:
      now[name()] = text();
      break;
    case 1:
      if (now.erase(name()) == 0) now[name()] = text();
      break;
    default: {  // rotate
      const auto generation = text();
      for (auto& [each, data] : now) data = generation + each;
      now[name()] = generation;
      now.erase(name());
    }
  }
  return now;
}

/// Commits the difference between what a store holds and what it shall hold, by compare-and-swap.
template <class Store>
[[nodiscard]] result<void> bring_to(Store& in, const state& now, const state& wanted) {
  store::transaction changes;
  for (const auto& [name, text] : wanted) {
    const auto parsed = record_name::parse(name).value();
    if (!now.contains(name))
      changes.create(parsed, to_bytes(as_bytes(text)));
    else if (now.at(name) != text)
      changes.replace(parsed, in.get(parsed).value().value().revision, to_bytes(as_bytes(text)));
  }
  for (const auto& [name, text] : now) {
    const auto parsed = record_name::parse(name).value();
    if (!wanted.contains(name)) changes.erase(parsed, in.get(parsed).value().value().revision);
  }
  return in.commit(changes);
}

}  // namespace keywarden::testing
