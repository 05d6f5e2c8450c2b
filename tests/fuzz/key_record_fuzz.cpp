// A stored key record, as whoever can write the store may have left it.

#include <keywarden/protect/opened_record.hpp>

#include <set>

#include "fuzz/property.hpp"
#include "fuzz/world.hpp"

using namespace keywarden;
using namespace keywarden::fuzz;

namespace {

void check_bounds(const record_header& header) {
  require(header.kind.size() <= 64 && header.name.size() <= record_name::max_size,
          "a record's kind and name are bounded");
  require(header.slots.size() <= record_limits::slots &&
              header.versions.size() <= record_limits::versions,
          "a record's slots and versions are bounded");
  std::set<std::string> ids;
  for (const auto& each : header.slots) {
    require(each.label.size() <= record_limits::label && each.data.is_object(),
            "a slot is bounded");
    require(ids.insert(each.id).second, "no two slots have the same id");
    static_cast<void>(each.scheme());
  }
}

void check_that_reading_again_is_the_same(const record_header& header, bytes_view input) {
  const auto again = key_record::parse(input);
  require(again.has_value(), "what was accepted once is accepted again");
  const auto said = detail::to_json(header);
  require(detail::to_json(again->header()) == said, "a record reads the same each time");
}

// Whoever opens a record may write any header under its key: that must read back, too.
void check_that_writing_reads_back(const record_header& header) {
  static const auto key = key_of(1);
  const auto material = content(material_size);
  const auto written = key_record::write(header, key, material);
  if (!settled(written, {errc::limit_exceeded})) return;
  const auto record = key_record::parse(*written);
  require(record.has_value(), "what was written is read");
  auto expected = header;
  expected.key_commitment = record->header().key_commitment;
  require(detail::to_json(record->header()) == detail::to_json(expected),
          "what was written reads back as it was");
  const auto opened = detail::opened_record_access::open(*record, header.kind, header.name, key);
  require(opened && opened->material() == bytes_view(material), "what was written opens");
  require(!detail::opened_record_access::open(*record, header.kind, header.name, key_of(2)),
          "it does not open with another key");
}

void check_that_only_originals_open(const key_record& record, bytes_view input) {
  static const auto secrets = all_secrets();
  const bool original = is_original("key_record", input);
  for (const bool every_slot : {false, true}) {
    const auto opened =
        opened_record::open(record, record_kind, record_path, secrets, {every_slot, kdf_work});
    const bool opens = settled(
        opened, {errc::no_slot_opened, errc::authentication_failed, errc::weaker_than_required});
    require(opens == original, "a record opens if and only if it is as it was sealed");
    if (opens)
      require(opened->material() == bytes_view(content(material_size)),
              "what opens is what was sealed");
    require(!opened_record::open(record, record_kind, "db/other/dmk", secrets, {false, kdf_work}),
            "a record opens in its own place only");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const bytes_view input(data, size);
  const auto record = key_record::parse(input);
  if (!settled(record, {errc::limit_exceeded, errc::truncated, errc::malformed,
                        errc::unsupported_version})) {
    require(!is_original("key_record", input), "a record that was sealed is read");
    return 0;
  }
  check_bounds(record->header());
  check_that_reading_again_is_the_same(record->header(), input);
  check_that_writing_reads_back(record->header());
  check_that_only_originals_open(*record, input);
  return 0;
}
