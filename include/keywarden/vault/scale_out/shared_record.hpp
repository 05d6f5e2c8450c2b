/// @file
/// The record of a shared key: reading it, changing it, writing it.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include <keywarden/store/concepts.hpp>
#include <keywarden/vault/scale_out/chain.hpp>
#include <keywarden/vault/scale_out/membership.hpp>
#include <keywarden/vault/scale_out/notes.hpp>
#include <keywarden/vault/scale_out/roster.hpp>

namespace keywarden::detail {

/// The shared key as it was when it was last looked at. Immutable; holds the key.
struct shared_view {
  key_ring ring;
  roster members;
  record_id record;
  commitment record_commitment;
  secret_key record_key;
  record_key_chain chain;
  std::string members_since;   ///< see `seen_context`
  std::string sealing_since;   ///< the same
  bool wants_renewal = false;  ///< see `wants_renewal`
  std::uint64_t generation = 0;
  state_digest state;
  std::optional<store::revision> revision;  ///< none for what was written and not read again
};

/// A shared key in the hands of one who changes it.
struct shared_edit {
  opened_record record;
  key_ring ring;
  record_key_chain chain;
  roster members;
  /// Who could open the record before cannot open what is written; a link of the chain.
  bool fresh_record_key = true;
  /// Who writes this leaves with it, and still knows the record key.
  bool leaves = false;
  store::transaction also{};  ///< committed together with the record
};

/// The last generation that is read: so that a leap beyond one never wraps.
inline constexpr std::uint64_t last_generation = std::uint64_t{1} << 62U;
[[nodiscard]] inline result<void> check_generation(const record_header& header) {
  if (header.generation <= last_generation) return done();
  return error(errc::malformed).with(fact::name, header.name).with(fact::reason, "generation");
}

/// Errors: those of the backend.
[[nodiscard]] inline result<state_digest> digest_of(bytes_view stored) {
  auto digest = crypto::sha256(stored);
  if (!digest) return digest.error();
  return state_digest(digest->view().first<state_digest::size>());
}

/// What an instance keeps once it has seen this state of the record.
[[nodiscard]] inline membership recognising(const membership& before, const record_id& record,
                                            std::uint64_t generation, const state_digest& state,
                                            const chain_link& trusted) {
  membership next;
  next.stage = membership_stage::active;
  next.installation = before.installation;
  next.name = before.name;
  next.record = record;
  next.generation = generation;
  next.state = state;
  next.trusted_key = trusted.of;
  next.private_key = before.private_key.duplicate();
  next.trusted = trusted.witness.duplicate();
  return next;
}

/// A link that the record names, or nothing.
[[nodiscard]] inline std::string link_in(const record_header& header, const char* attribute) {
  json_reader read(header.attributes, "record");
  return read.text(attribute, 2 * link_id_size);
}
/// Whether who wrote this state has left with it and still knows its record key: the next member
/// that sees it replaces that.
[[nodiscard]] inline bool wants_renewal(const record_header& header) {
  const auto at = header.attributes.find("left");
  return at != header.attributes.end() && at->is_boolean() && at->get<bool>();
}

/// What proofs about versions are made with.
[[nodiscard]] inline seen_context context_of(const shared_view& view) {
  return {view.ring, view.chain, view.record, view.members_since, view.sealing_since};
}
[[nodiscard]] inline seen_context context_of(const shared_edit& edit) {
  const auto& header = edit.record.header();
  return {edit.ring, edit.chain, header.id, link_in(header, "members_since"),
          link_in(header, "sealing_since")};
}

/// A second holder of what an edit has.
[[nodiscard]] inline shared_view view_of_edit(const shared_edit& edit, const state_digest& state,
                                              std::optional<store::revision> revision) {
  const auto& last = edit.chain.last();
  return {duplicate(edit.ring),
          edit.members,
          edit.record.header().id,
          last.of,
          opened_record_access::record_key(edit.record),
          edit.chain.duplicate(),
          link_in(edit.record.header(), "members_since"),
          link_in(edit.record.header(), "sealing_since"),
          wants_renewal(edit.record.header()),
          edit.record.header().generation,
          state,
          revision};
}

/// Opens a record: with the record key that is known already, or through the slot of this private
/// key. Errors: as `opened_record::open`; `malformed`.
template <crypto::kem Kem>
[[nodiscard]] result<shared_edit> open_shared(const key_record& record, const record_name& name,
                                              typename Kem::private_key own,
                                              const shared_view* known) {
  const std::string_view kind = role::scale_out_key::name;
  if (auto sound = check_generation(record.header()); !sound) return sound.error();
  auto opened =
      known != nullptr && known->record_commitment == record.header().key_commitment
          ? opened_record_access::open(record, kind, name.text(), known->record_key)
          : opened_record::open(record, kind, name.text(), protect::recipient<Kem>(std::move(own)));
  if (!opened) return opened.error();
  auto inside = record_key_chain::load(*opened);
  if (!inside) return inside.error();
  auto members = roster_of<Kem>(opened->header());
  if (!members) return members.error();
  // The present record key is a link as well: who writes the record takes care of that.
  if (inside->first.links().empty() || inside->first.last().of != opened->header().key_commitment)
    return error(errc::malformed).with(fact::name, name.text()).with(fact::reason, "record keys");
  return shared_edit{std::move(*opened), std::move(inside->second), std::move(inside->first),
                     std::move(*members)};
}

/// When each version stopped sealing, as the record tells.
[[nodiscard]] inline std::optional<time_point> retired_since(const record_header& header,
                                                             key_id version) {
  const auto listed = header.attributes.find("retired");
  if (listed == header.attributes.end() || !listed->is_array()) return std::nullopt;
  for (const auto& each : *listed)
    if (json_reader read(each, "retired"); read.number("version") == version.value()) {
      const time_point since(std::chrono::seconds(
          static_cast<std::int64_t>(read.number("time", std::uint64_t{1} << 40U))));
      if (read.finish()) return since;
    }
  return std::nullopt;
}

/// Whether a member that the header lists is none any more; of a header that lists none, also true.
[[nodiscard]] inline bool somebody_left(const record_header& header, const roster& members) {
  const auto listed = header.attributes.find("members");
  if (listed == header.attributes.end()) return true;
  return std::ranges::any_of(*listed, [&](const json& each) {
    json_reader read(each, "member");
    const auto before = read.hex<installation_id>("installation");
    return std::ranges::count(members, before, &roster_entry::installation) == 0;
  });
}

/// Writes down what an edit has changed: versions, members, when versions stopped sealing, a fresh
/// record key, the chain and its witnesses. Errors: those of randomness and of the backend;
/// `limit_exceeded`.
[[nodiscard]] inline result<bytes> encode_shared(shared_edit& edit, time_point now) {
  auto& header = edit.record.header();
  auto retired = json::array();
  for (const auto& each : edit.ring.versions()) {
    if (each.state == key_state::active || each.state == key_state::created) continue;
    const bool sealed_before =
        std::ranges::any_of(header.versions, [&](const version_info& before) {
          return before.id == each.id && before.state == key_state::active;
        });
    const auto since = sealed_before ? std::optional(now) : retired_since(header, each.id);
    if (since)
      retired.push_back(
          {{"version", each.id.value()}, {"time", since->time_since_epoch().count()}});
  }
  header.attributes["retired"] = std::move(retired);
  const bool another_seals = std::ranges::none_of(header.versions, [&](const version_info& before) {
    return before.id == edit.ring.active().id && before.state == key_state::active;
  });
  const bool others_are_members = wants_renewal(header) || somebody_left(header, edit.members);
  header.versions = ring_versions(edit.ring);
  list_members(header, edit.members);
  if (edit.fresh_record_key) {
    header.attributes["left"] = edit.leaves;
    auto fresh = edit.record.rekey_with(
        [](const slot& old, const secret_key& record_key, const record_header& of) {
          return protect::remake_slot(old, record_key, of);
        });
    if (!fresh) return fresh.error();
  }
  if (auto longer = edit.chain.extend(opened_record_access::record_key(edit.record)); !longer)
    return longer.error();
  const auto present = name_of_link(edit.chain.last().of);
  if (others_are_members) header.attributes["members_since"] = present;
  if (others_are_members || another_seals) header.attributes["sealing_since"] = present;
  edit.record.set_material(edit.chain.material(edit.ring));
  if (auto borne = bear_witness(edit.record, edit.members, edit.chain); !borne)
    return borne.error();
  return edit.record.encode();
}

/// Whether handles that hold keys of one ring may go on with them under the other.
[[nodiscard]] inline bool same_keys(const key_ring& left, const key_ring& right) {
  return std::ranges::equal(left.versions(), right.versions(),
                            [](const key_version& a, const key_version& b) {
                              return a.id == b.id && a.state == b.state;
                            });
}

}  // namespace keywarden::detail
