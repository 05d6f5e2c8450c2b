// A backup file from somewhere, with a password that may be the attacker's own.

#include <keywarden/vault/backup.hpp>

#include "fuzz/property.hpp"
#include "fuzz/world.hpp"

using namespace keywarden;
using namespace keywarden::fuzz;

namespace {

void require_same(const key_ring& read, const key_ring& sealed) {
  require(read.versions().size() == sealed.versions().size(), "a backup holds the whole ring");
  for (const auto& each : sealed.versions()) {
    const auto* found = read.find(each.id);
    require(found != nullptr && found->state == each.state && found->secret == each.secret,
            "what a backup gives is what was sealed");
  }
}

// Who knows the record key can authenticate any header over the material.
void check_a_ring_under_any_header(const key_record& parsed) {
  static const auto key = key_of(1);
  static const auto sealed = ring();
  const auto& header = parsed.header();
  const auto material = detail::ring_material(sealed);
  const auto written = key_record::write(header, key, material.view());
  if (!settled(written, {errc::limit_exceeded})) return;
  const auto record = key_record::parse(*written);
  require(record.has_value(), "what was written is read");
  const auto opened = detail::opened_record_access::open(*record, header.kind, header.name, key);
  require(opened.has_value(), "what was written opens");
  const auto read = detail::load_ring(*opened);
  if (!settled(read, {errc::malformed, errc::limit_exceeded})) return;
  std::size_t active = 0;
  std::size_t secrets = 0;
  for (const auto& each : read->versions()) {
    active += each.state == key_state::active ? 1U : 0U;
    secrets += each.secret.empty() ? 0U : 1U;
    if (each.secret.empty()) continue;
    const auto* known = sealed.find(each.id);
    require(known != nullptr && known->secret == each.secret, "a version has its own secret");
  }
  require(active == 1, "exactly one version is active");
  require(secrets == sealed.versions().size(), "no secret is left over");
  require(detail::ring_material(*read).size() == material.size(), "a ring is as it was stored");
  require(read->versions().size() == header.versions.size(), "a ring has the header's versions");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const bytes_view input(data, size);
  const bool original = is_original("backup", input);
  const auto read = detail::read_backup<backup_protector, protect::accepts_from<>>(
      input, record_kind, backup_password());
  const bool opens = settled(
      read, {errc::limit_exceeded, errc::truncated, errc::malformed, errc::unsupported_version,
             errc::no_slot_opened, errc::authentication_failed, errc::weaker_than_required});
  require(opens == original, "a backup opens if and only if it is as it was sealed");
  if (opens) {
    require_same(read->ring, ring());
    require(read->label == "fuzz" && read->id == copied_header().id, "a backup names its key");
    const auto other = detail::read_backup<backup_protector, protect::accepts_from<>>(
        input, role::service_master_key::name, backup_password());
    require(!settled(other, {errc::authentication_failed}), "a backup is of its own kind only");
  }
  if (const auto parsed = key_record::parse(input)) check_a_ring_under_any_header(*parsed);
  return 0;
}
