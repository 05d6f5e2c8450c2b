/// @file
/// The journal of a file store: what a transaction of several records is about to do, in one file.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <botan/hash.h>

#include <keywarden/core/backend.hpp>
#include <keywarden/core/bytes.hpp>
#include <keywarden/core/name.hpp>
#include <keywarden/core/result.hpp>

namespace keywarden::store::detail {

/// SHA-256 of a file's content.
using digest = std::array<std::uint8_t, 32>;

/// Errors: `backend_missing`, `backend_failed`.
[[nodiscard]] inline result<digest> digest_of(bytes_view data) {
  return keywarden::detail::guarded("SHA-256", [&] {
    const auto hash = Botan::HashFunction::create_or_throw("SHA-256");
    digest made{};
    hash->update(data);
    hash->final(made);
    return made;
  });
}

/// One step of a journal: put the staged file in the record's place, or remove the record.
struct journal_step {
  record_name name;
  std::optional<digest> content;  ///< of the staged file; none: remove
};

/// The most steps of one journal, and so the most records of one transaction.
inline constexpr std::size_t max_journal_steps = 65536;

/// The largest journal in bytes: every step with the longest name.
inline constexpr std::size_t max_journal_size =
    64 + max_journal_steps * (8 + record_name::max_size + 1 + sizeof(digest));

inline constexpr std::string_view journal_magic = "keywarden journal 1\n";

/// Magic, count (32 bits), steps (length-prefixed name, 0 or 1, digest if 1), SHA-256 of all
/// before. Errors: those of `digest_of`.
[[nodiscard]] inline result<bytes> encode_journal(const std::vector<journal_step>& steps) {
  auto made = to_bytes(as_bytes(journal_magic));
  append_big_endian(made, static_cast<std::uint32_t>(steps.size()));
  for (const auto& step : steps) {
    append_length_prefixed(made, as_bytes(step.name.text()));
    made.push_back(step.content ? 1 : 0);
    if (step.content) append(made, *step.content);
  }
  const auto sum = digest_of(made);
  if (!sum) return sum.error();
  append(made, *sum);
  return made;
}

/// The steps of a journal. Errors: `store_corrupt` for anything that `encode_journal` would not
/// write.
[[nodiscard]] inline result<std::vector<journal_step>> decode_journal(bytes_view data) {
  const auto corrupt = [](std::string_view reason) {
    return error(errc::store_corrupt).with(fact::reason, reason);
  };
  if (data.size() < journal_magic.size() + 4 + sizeof(digest)) return corrupt("journal too short");
  const auto sum = digest_of(data.first(data.size() - sizeof(digest)));
  if (!sum) return sum.error();
  if (as_text(*sum) != as_text(data.last(sizeof(digest)))) return corrupt("journal checksum");
  if (!as_text(data).starts_with(journal_magic)) return corrupt("journal version");

  auto rest = data.first(data.size() - sizeof(digest)).subspan(journal_magic.size());
  bool enough = true;
  const auto take = [&](std::uint64_t size) -> bytes_view {
    if (size > rest.size()) {
      enough = false;
      return {};
    }
    const auto taken = rest.first(static_cast<std::size_t>(size));
    rest = rest.subspan(static_cast<std::size_t>(size));
    return taken;
  };
  const auto count = load_big_endian<std::uint32_t>(take(4));
  if (count > max_journal_steps) return corrupt("journal length");
  std::vector<journal_step> steps;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto prefix = take(8);
    if (!enough) return corrupt("journal step");
    const auto name = record_name::parse(as_text(take(load_big_endian<std::uint64_t>(prefix))));
    const auto flag = take(1);
    if (!enough || !name || flag[0] > 1) return corrupt("journal step");
    journal_step step{*name, std::nullopt};
    if (flag[0] == 1) {
      const auto content = take(sizeof(digest));
      if (!enough) return corrupt("journal step");
      std::copy(content.begin(), content.end(), step.content.emplace().begin());
    }
    steps.push_back(std::move(step));
  }
  if (!rest.empty()) return corrupt("journal length");
  return steps;
}

}  // namespace keywarden::store::detail
