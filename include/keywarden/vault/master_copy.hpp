/// @file
/// The copy of a database master key's service slot that the master scope keeps for automatic
/// opening.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include <keywarden/key/key_record.hpp>
#include <keywarden/protect/wrapped_by.hpp>

namespace keywarden::detail {

inline constexpr std::string_view master_copy_kind = "database_master_key_copy";

/// The copy to keep for this record, or nothing when it has no service slot.
[[nodiscard]] inline std::optional<bytes> master_copy(const record_header& header) {
  const auto at =
      std::ranges::find(header.slots, protect::service_master_key::scheme(), &slot::scheme);
  if (at == header.slots.end()) return std::nullopt;
  const json copy{{"keywarden", 1},
                  {"kind", master_copy_kind},
                  {"record", to_hex(header.id.view())},
                  {"name", header.name},
                  {"slot", at->data}};
  return to_bytes(as_bytes(copy.dump(1) + "\n"));
}

/// The slot data of a stored copy. Unauthenticated by itself: it only ever yields a candidate for
/// the record's own commitment. Errors: `malformed`, `limit_exceeded`.
[[nodiscard]] inline result<stored_json> read_master_copy(bytes_view stored) {
  auto parsed = parse_json(stored, {std::size_t{1} << 16U, 8});
  if (!parsed) return parsed.error();
  json_reader read(parsed->value, "master copy");
  if (read.number("keywarden") != 1) read.fail("keywarden", "an unknown version");
  if (read.text("kind", 64) != master_copy_kind)
    read.fail("kind", "not a copy of a database master key");
  static_cast<void>(read.hex<record_id>("record"));
  static_cast<void>(read.text("name", record_name::max_size));
  stored_json data{read.object("slot")};
  if (auto ok = read.finish(); !ok) return ok.error();
  return data;
}

}  // namespace keywarden::detail
