/// @file
/// How fuzz targets state what must hold for every input.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <string_view>

#include <botan/hash.h>

#include <keywarden/core/encoding.hpp>
#include <keywarden/core/result.hpp>

#include "originals.hpp"

namespace keywarden::fuzz {

/// Ends the program when something does not hold, saying what.
inline void require(bool holds, std::string_view claim) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %.*s\n", static_cast<int>(claim.size()), claim.data());
  std::abort();
}

/// Whether there is a value. It is that or a refusal, never both; a refusal is one of those that
/// the contract lists, and can be told to a person.
template <class T>
[[nodiscard]] bool settled(const result<T>& outcome, std::initializer_list<errc> listed) {
  require(outcome.has_value() != outcome.has_error(), "a result is a value or a refusal");
  if (outcome) return true;
  const auto& refusal = outcome.error();
  if (std::ranges::find(listed, refusal.code()) == listed.end()) {
    std::fprintf(stderr, "refused with: %s\n", refusal.message().c_str());
    require(false, "a refusal is one that the contract lists");
  }
  require(!refusal.message().empty(), "a refusal says what happened");
  return false;
}

/// Whether make_corpus sealed exactly these bytes for this target: all else is altered or forged.
[[nodiscard]] inline bool is_original(std::string_view target, bytes_view input) {
  const auto hash = Botan::HashFunction::create_or_throw("SHA-256");
  hash->update(input);
  const auto sum = Botan::hex_encode(hash->final(), false);
  return std::ranges::any_of(
      originals, [&](const original& each) { return each.target == target && each.sha256 == sum; });
}

}  // namespace keywarden::fuzz
