/// @file
/// The chain of record keys by which members recognise a shared key.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/protect/opened_record.hpp>
#include <keywarden/vault/ring_material.hpp>
#include <keywarden/vault/scale_out/roster.hpp>

namespace keywarden::detail {

/// A record key that the record has had: its commitment, and the key under which who had it vouches
/// for later states. The witness key opens nothing.
struct chain_link {
  commitment of;
  secret_key witness;
};

/// How many bytes of a link's commitment name it in a record.
inline constexpr std::size_t link_id_size = 8;
[[nodiscard]] inline std::string name_of_link(const commitment& of) {
  return to_hex(of.view().first(link_id_size));
}

/// The record keys of a deployment, oldest first; the present one is the last. Every change of
/// members or versions replaces the record key, so each is a link; leases of messages are none.
///
/// A member trusts the link that it saw last. A state of the record is believed when it bears the
/// witness of that link: so neither a record that somebody made up is, nor one that goes back to
/// before a change this member has seen, nor one by a member that was removed with it.
class record_key_chain {
 public:
  /// The most links kept: a member that was away for more changes than that must join again.
  static constexpr std::size_t max_links = 128;

  record_key_chain() = default;

  /// The chain and the ring in a record's material: the number of links (u32, big-endian), for each
  /// its commitment and its witness key, then the ring. Errors: `malformed`.
  [[nodiscard]] static result<std::pair<record_key_chain, key_ring>> load(
      const opened_record& record) {
    const auto data = record.material().view();
    const auto wrong = error(errc::malformed)
                           .with(fact::name, record.header().name)
                           .with(fact::reason, "key material");
    if (data.size() < count_size) return wrong;
    const std::size_t count = load_big_endian<std::uint32_t>(data);
    if (count > max_links || data.size() < count_size + count * link_size) return wrong;
    record_key_chain made;
    for (std::size_t i = 0; i < count; ++i) {
      const auto at = data.subspan(count_size + i * link_size, link_size);
      made.links_.push_back({commitment(at.first<commitment::size>()),
                             secret_key::copy_of(at.subspan(commitment::size))});
    }
    auto ring = load_ring(record.header(), data.subspan(count_size + count * link_size));
    if (!ring) return ring.error();
    return std::pair(std::move(made), std::move(*ring));
  }

  /// Adds a record key, unless it is the last link. Errors: those of the derivation.
  [[nodiscard]] result<void> extend(const secret_key& record_key) {
    auto of = key_record::commitment_of(record_key);
    if (!of) return of.error();
    if (!links_.empty() && links_.back().of == *of) return done();
    auto witness = crypto::subkey(record_key, "keywarden/1/scale-out/witness");
    if (!witness) return witness.error();
    if (links_.size() == max_links) links_.erase(links_.begin());
    links_.push_back({*of, std::move(*witness)});
    return done();
  }

  [[nodiscard]] const std::vector<chain_link>& links() const noexcept { return links_; }
  /// Only once there is one.
  [[nodiscard]] const chain_link& last() const noexcept { return links_.back(); }
  /// How many record keys came before the one of this name; none if it is not (or no longer) a
  /// link.
  [[nodiscard]] std::optional<std::size_t> position(std::string_view name) const {
    const auto at = std::ranges::find_if(
        links_, [&](const chain_link& each) { return name_of_link(each.of) == name; });
    if (at == links_.end()) return std::nullopt;
    return static_cast<std::size_t>(at - links_.begin());
  }

  /// A second holder.
  [[nodiscard]] record_key_chain duplicate() const {
    record_key_chain made;
    for (const auto& each : links_) made.links_.push_back({each.of, each.witness.duplicate()});
    return made;
  }

  /// The record's material.
  [[nodiscard]] plaintext material(const key_ring& ring) const {
    const auto secrets = ring_material(ring);
    plaintext out(count_size + links_.size() * link_size + secrets.size());
    auto at = out.view();
    store_big_endian(at, static_cast<std::uint32_t>(links_.size()));
    at = at.subspan(count_size);
    for (const auto& each : links_) {
      copy_bytes(at, each.of.view());
      copy_bytes(at.subspan(commitment::size), view_of(each.witness));
      at = at.subspan(link_size);
    }
    copy_bytes(at, secrets.view());
    return out;
  }

 private:
  static constexpr std::size_t count_size = 4;
  static constexpr std::size_t link_size = commitment::size + 32;

  std::vector<chain_link> links_;
};

/// Vouches for a state of the record: its generation, its record key, its versions, its members.
/// Errors: those of the backend.
[[nodiscard]] inline result<mac> witness(const secret_key& key, const record_header& header,
                                         std::uint64_t generation, const commitment& record_key,
                                         const roster& members) {
  bytes said;
  const auto number = [&](std::uint64_t value) {
    strong_bytes<8, struct counted_tag> counted;
    store_big_endian(counted.view(), value);
    append_length_prefixed(said, counted.view());
  };
  append_length_prefixed(said, as_bytes("record"));
  append_length_prefixed(said, as_bytes(header.name));
  append_length_prefixed(said, header.id.view());
  append_length_prefixed(said, record_key.view());
  number(generation);
  number(header.versions.size());
  for (const auto& each : header.versions) {
    number(each.id.value());
    append_length_prefixed(said, as_bytes(name_of(each.state)));
    number(each.leased_messages);
  }
  number(members.size());
  for (const auto& each : members) {
    append_length_prefixed(said, each.installation.view());
    append_length_prefixed(said, as_bytes(each.name));
    number(static_cast<std::uint64_t>(each.joined.time_since_epoch().count()));
    append_length_prefixed(said, each.public_key);
  }
  return crypto::hmac_sha256(key, said);
}

/// Writes the witness of every link. Right before the record is encoded, which makes it one
/// generation later. Errors: those of the backend.
[[nodiscard]] inline result<void> bear_witness(opened_record& record, const roster& members,
                                               const record_key_chain& chain) {
  auto all = json::array();
  for (const auto& each : chain.links()) {
    auto said = witness(each.witness, record.header(), record.header().generation + 1,
                        chain.last().of, members);
    if (!said) return said.error();
    all.push_back({{"link", name_of_link(each.of)}, {"mac", to_hex(said->view())}});
  }
  record.header().attributes["witnesses"] = std::move(all);
  return done();
}

/// Whether the record bears the witness of a link. Errors: `authentication_failed`, `malformed`.
[[nodiscard]] inline result<void> check_witness(const record_header& header, const roster& members,
                                                const commitment& link, const secret_key& key) {
  const auto refusal =
      error(errc::authentication_failed)
          .with(fact::name, header.name)
          .with(fact::reason, "nobody who knows the key that this instance trusts vouches for it")
          .with(fact::next_step,
                "restore the database; or, if this instance was away for long, forget the "
                "deployment here and join again");
  const auto listed = header.attributes.find("witnesses");
  if (listed == header.attributes.end() || !listed->is_array() ||
      listed->size() > record_key_chain::max_links)
    return refusal;
  const auto wanted = name_of_link(link);
  for (const auto& each : *listed) {
    json_reader read(each, "witness");
    const auto of = read.text("link", 2 * link_id_size);
    const auto stated = read.hex<mac>("mac");
    if (auto ok = read.finish(); !ok) return ok.error();
    if (of != wanted) continue;
    auto expected = witness(key, header, header.generation, header.key_commitment, members);
    if (!expected) return expected.error();
    if (!Botan::constant_time_compare(bytes_view(expected->view()), bytes_view(stated.view())))
      return refusal;
    return done();
  }
  return refusal;
}

}  // namespace keywarden::detail
