/// @file
/// What a member does to the shared key and to who has it: edits, each committed as a whole.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <keywarden/vault/scale_out/shared_secrets.hpp>
#include <keywarden/vault/scale_out/shared_state.hpp>

namespace keywarden {

/// A member, for people and programs.
struct scale_out_member_info {
  installation_id installation;      ///< which instance
  std::string name;                  ///< what people call it
  time_point joined{};               ///< when it was let in
  bool self = false;                 ///< whether it is this instance
  std::vector<key_id> seen;          ///< the versions that it has proved to have
  std::optional<key_id> seals_with;  ///< the version that it has proved to know as the active one
};

/// What deleting the content of a deployment would destroy, bound to the state it was made from.
class scale_out_deletion {
 public:
  /// The names of the secrets that would be gone.
  [[nodiscard]] const std::vector<std::string>& secrets() const noexcept { return secrets_; }
  /// The versions of the key that would be destroyed: what the program sealed under them is lost.
  [[nodiscard]] const std::vector<key_id>& versions() const noexcept { return versions_; }

 private:
  template <class Vault, class Shared, class Kem>
  friend class scale_out;

  std::vector<std::string> secrets_;
  std::vector<key_id> versions_;
  std::vector<std::pair<record_name, store::revision>> records_;
};

namespace detail {

/// Adds the newcomer of a request, whose fingerprint an operator has compared. Errors:
/// `already_exists` with another public key, `weaker_than_required`, `limit_exceeded`.
template <crypto::kem Kem>
[[nodiscard]] result<void> enrol(shared_edit& edit, const join_request& newcomer, time_point now) {
  require_edge<role::recipient, role::scale_out_key>();
  if (const auto* own = slot_of(edit.record.header(), newcomer.installation)) {
    auto present = public_key_of<Kem>(*own);
    if (present && *present == newcomer.public_key) return done();  // enrolled before
    return error(errc::already_exists)
        .with(fact::kind, "member")
        .with(fact::name, label_of(newcomer.installation))
        .with(fact::next_step, "remove it first, if it has a new key pair");
  }
  auto theirs = Kem::public_key::decode(newcomer.public_key);
  if (!theirs) return theirs.error();
  auto added = edit.record.add_slot(protect::recipient<Kem>(std::move(*theirs)),
                                    label_of(newcomer.installation));
  if (!added) return added.error();
  edit.members.push_back({newcomer.installation, newcomer.name, now, newcomer.public_key});
  return done();
}

/// Takes a member's copy of the key away, and replaces the record key, so that it cannot open what
/// is written from now on. Errors: `not_found`; `last_protector`.
[[nodiscard]] inline result<void> strike_off(shared_edit& edit, const installation_id& member) {
  const auto* own = slot_of(edit.record.header(), member);
  if (own == nullptr)
    return error(errc::not_found)
        .with(fact::kind, "member")
        .with(fact::name, label_of(member))
        .with(fact::next_step,
              "see the members: it may have been removed already; re-creating the key closes it to "
              "all who are not listed");
  if (edit.members.size() == 1)
    return error(errc::last_protector)
        .with(fact::name, label_of(member))
        .with(fact::next_step,
              "without members nobody opens the key: back it up, let another "
              "instance join first, or delete the content");
  if (auto dropped = edit.record.drop_slot(std::string(own->id)); !dropped) return dropped;
  std::erase_if(edit.members,
                [&](const roster_entry& each) { return each.installation == member; });
  return done();
}

/// Erases a record in the same commit, if it is there. Errors: those of the store.
[[nodiscard]] result<void> erase_if_present(store::record_store auto& records, shared_edit& edit,
                                            const record_name& name) {
  auto present = records.get(name);
  if (!present) return present.error();
  if (*present) edit.also.erase(name, (*present)->revision);
  return done();
}

/// Adds a version; forgets destroyed ones when the ring grows long, and leaves room for the one
/// that a backup needs when it is applied. Errors: `limit_exceeded`; those of randomness.
[[nodiscard]] inline result<key_id> new_version(key_ring& ring, time_point now) {
  if (ring.versions().size() >= key_ring::max_versions / 2) ring.prune();
  constexpr auto most = key_ring::max_versions - 1;
  if (ring.versions().size() >= most)
    return error(errc::limit_exceeded)
        .with(fact::kind, "versions of a shared key")
        .with(fact::limit, most)
        .with(fact::next_step, "destroy versions under which nothing is sealed any more");
  return ring.add(now);
}
/// The same, and lets it seal.
[[nodiscard]] inline result<key_id> next_version(key_ring& ring, time_point now) {
  auto added = new_version(ring, now);
  if (!added) return added.error();
  if (auto promoted = ring.promote(*added); !promoted) return promoted.error();
  return *added;
}

/// The shared secrets, sealed again under the ring's active version in the same commit. Errors: as
/// opening and sealing them; those of the store.
template <crypto::aead Cipher>
[[nodiscard]] result<void> reseal_secrets(store::record_store auto& records,
                                          const object_name& deployment, shared_edit& edit) {
  auto names = records.list(shared_secret_prefix(deployment));
  if (!names) return names.error();
  if (names->empty()) return done();
  if (auto leased = edit.ring.lease_messages(names->size(), Cipher::max_messages); !leased)
    return leased;
  using sealing = opened_key<shared_secret_purpose, Cipher>;
  auto key = sealing::create(edit.ring, std::make_unique<seal_budget>(names->size()));
  if (!key) return key.error();
  for (const auto& name : *names) {
    auto present = records.get(name);
    if (!present) return present.error();
    if (!*present) continue;  // dropped meanwhile
    const auto context = shared_secret_context(name);
    auto opened = key->open(sealed<shared_secret_purpose>(std::move((*present)->data)), context);
    if (!opened) return error(opened.error()).with(fact::name, name.text());
    auto again = key->seal(opened->view(), context);
    if (!again) return again.error();
    edit.also.replace(name, (*present)->revision, to_bytes(again->view()));
  }
  return done();
}

/// What a member has proved to have. Errors: those of the store.
[[nodiscard]] result<versions_seen> seen_by(store::record_store auto& records,
                                            const object_name& deployment, const seen_context& now,
                                            const installation_id& member) {
  auto note = records.get(seen_name(deployment, member));
  if (!note) return note.error();
  if (!*note) return versions_seen{};
  return proven_seen((*note)->data, now, member);
}

/// Whether every member has a version; with `sealing`, whether every member knows that it is the
/// active one. Errors: `key_state_refused` naming one that has not; those of the store.
[[nodiscard]] result<void> all_have(store::record_store auto& records,
                                    const object_name& deployment, const shared_edit& edit,
                                    key_id version, bool sealing = false) {
  const auto now = context_of(edit);
  for (const auto& each : edit.members) {
    auto seen = seen_by(records, deployment, now, each.installation);
    if (!seen) return seen.error();
    if (sealing ? seen->sealing != version : std::ranges::count(seen->has, version) == 0)
      return error(errc::key_state_refused)
          .with(fact::key, version.value())
          .with(fact::name, label_of(each.installation))
          .with(fact::reason, "a member (" + each.name + ") has not seen this version yet")
          .with(fact::next_step, "let it look at the store, or remove it");
  }
  return done();
}

/// Whether nothing is lost that somebody may still seal or that is kept here, when a version is
/// destroyed. Errors: `key_state_refused` with the reason; `has_dependents` naming a secret; those
/// of the store.
template <message_format Format = format::native>
[[nodiscard]] result<void> nobody_needs(store::record_store auto& records,
                                        const object_name& deployment, const shared_edit& edit,
                                        key_id version, crypto::suite suite, time_point now,
                                        std::chrono::seconds retired_for) {
  const auto active = edit.ring.active().id;
  if (auto everywhere = all_have(records, deployment, edit, active, true); !everywhere)
    return everywhere;
  const auto since = retired_since(edit.record.header(), version);
  if (since && now - *since < retired_for)
    return error(errc::key_state_refused)
        .with(fact::key, version.value())
        .with(fact::reason, "it sealed until a moment ago, and a member may not know yet")
        .with(fact::limit, retired_for.count())
        .with(fact::actual, (now - *since).count())
        .with(fact::next_step, "wait for so many seconds after it stopped sealing");
  auto names = records.list(shared_secret_prefix(deployment));
  if (!names) return names.error();
  for (const auto& name : *names) {
    auto present = records.get(name);
    if (!present) return present.error();
    message_header header;
    if (*present && (*present)->data.size() >= Format::header_size &&
        Format::read_header((*present)->data, suite, header) && header.key == version)
      return error(errc::has_dependents)
          .with(fact::kind, "secret")
          .with(fact::name, name.text())
          .with(fact::next_step, "re-create the key: that seals every secret again");
  }
  return done();
}

}  // namespace detail
}  // namespace keywarden
