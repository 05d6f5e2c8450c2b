/// @file
/// How a backup of a shared key is put in place.
#pragma once

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/vault/scale_out/setup.hpp>

namespace keywarden {

/// How a backup is put in place.
struct apply_options {
  /// The installation whose copy of the key is replaced by this instance's; none to add one.
  std::optional<installation_id> replaces{};
  /// The versions in the store that the backup does not have, and that are given up for lost. For a
  /// record that the backup does not vouch for, that is what the record claims.
  std::vector<key_id> gives_up{};
  /// Whether members may be cut off: those that have seen more than the backup must apply it as
  /// well. And whether a record that the backup does not vouch for is given up: then the members of
  /// the backup are carried over, and others must join again. A store without any record needs no
  /// such word.
  bool cuts_off_members = false;
};

namespace detail {

/// The steps of `scale_out::apply`, on the state of a member that is to be. Errors: as there.
///
/// What is in the store is kept as far as the backup vouches for it: as it is, if this instance can
/// open it; else with the members it lists and the versions of the backup. Where the backup does
/// not vouch for what is in the store, its own members are. In each case a fresh version seals, and
/// the chain of record keys goes on from the backup's, so that whoever trusts one of these links
/// recognises the result.
template <class State, crypto::aead Cipher>
class scale_out_restoring {
  using kem = typename State::kem;
  using setup = scale_out_setup<State, Cipher>;

 public:
  scale_out_restoring(State& state, shared_backup file, const apply_options& options)
      : state_(state), setup_(state), file_(std::move(file)), options_(options) {}

  [[nodiscard]] result<void> put_back(std::string_view name) {
    if (file_.deployment != state_.deployment().text()) return others_backup();
    if (auto good = setup::check_name(name); !good) return good;
    for (int attempt = 0;; ++attempt) {
      auto put = put_once(name);
      if (put || put.error().code() != errc::store_conflict || attempt == 64) return put;
      store::stand_back(attempt);
    }
  }

 private:
  /// How far the generation leaps, so that it is later than what members have seen that only leased
  /// messages since the backup.
  static constexpr std::uint64_t leap = std::uint64_t{1} << 20U;

  /// The record in the store, and what to make of it.
  struct found {
    std::optional<store::revision> revision;  ///< none when there is no record
    state_digest state;
    std::optional<key_record> record;  ///< none when there is none to be read
    bool vouched = false;              ///< it bears the witness of the backup
  };

  [[nodiscard]] result<void> put_once(std::string_view name) {
    auto kept = own(name);
    if (!kept) return kept.error();
    const auto& mine = kept->kept;
    auto stored = look();
    if (!stored) return stored.error();
    auto edit = stored->vouched ? opened_here(*stored->record, mine) : std::nullopt;
    if (edit && applied_before(*edit, stored->state, mine))
      return recognise(name, *edit, stored->state);
    auto ready = edit ? continue_with(std::move(*edit), mine) : start_anew(*stored, mine);
    if (!ready) return ready.error();
    auto& header = ready->record.header();
    header.generation = std::max({header.generation, mine.generation, file_.generation}) + leap;
    header.attributes["applied"] = to_hex(file_.file.view());
    auto written = state_.write_anew(*ready, stored->revision);
    if (!written) return written.error();
    return recognise(name, *ready, *written);
  }

  [[nodiscard]] result<stored_membership> own(std::string_view name) {
    auto kept = setup_.own_or_new(name);
    // Not a member yet: an earlier attempt does not decide as whom this one is enrolled.
    if (kept && kept->kept.stage != membership_stage::active) {
      kept->kept.name = name;
      if (options_.replaces) kept->kept.installation = *options_.replaces;
    }
    return kept;
  }
  /// What this instance trusts from now on is what is there, because the password was known.
  /// Errors: those of the instance's own store; then applying may be repeated.
  [[nodiscard]] result<void> recognise(std::string_view name, const shared_edit& seen,
                                       const state_digest& state) {
    const auto& header = seen.record.header();
    for (int attempt = 0;; ++attempt) {
      auto kept = own(name);
      if (!kept) return kept.error();
      const auto& mine = kept->kept;
      if (mine.stage == membership_stage::active && mine.record == header.id &&
          mine.generation > header.generation)
        return done();  // another process of this instance has seen more
      auto next = recognising(mine, header.id, header.generation, state, seen.chain.last());
      auto saved = state_.keeper().save(state_.deployment(), next, kept->revision);
      if (saved || saved.error().code() != errc::store_conflict) return saved;
      if (attempt == 64) return error(errc::store_busy).because(saved.error());
      store::stand_back(attempt);
    }
  }

  /// Errors: those of the store; what is wrong with the record that is there, unless members may be
  /// cut off.
  [[nodiscard]] result<found> look() {
    found made;
    auto present = state_.records().get(state_.key_name());
    if (!present) return present.error();
    if (!*present) return made;
    made.revision = (*present)->revision;
    auto state = digest_of((*present)->data);
    if (!state) return state.error();
    made.state = *state;
    auto record = key_record::parse((*present)->data);
    auto genuine = record ? is_vouched_for(*record) : record.error();
    if (!genuine && !options_.cuts_off_members) return genuine.error();
    made.vouched = genuine.has_value();
    if (record) made.record.emplace(std::move(*record));
    return made;
  }
  /// Whether the record in the store bears the witness of the backup. Errors:
  /// `authentication_failed`, `malformed`.
  [[nodiscard]] result<void> is_vouched_for(const key_record& stored) const {
    const auto& header = stored.header();
    if (header.id != file_.record) return others_backup();
    if (auto sound = check_generation(header); !sound) return sound;
    auto members = roster_of<kem>(header);
    if (!members) return members.error();
    const auto& last = file_.chain.last();
    return check_witness(header, *members, last.of, last.witness);
  }

  /// The record as this instance opens it, if it does.
  [[nodiscard]] std::optional<shared_edit> opened_here(const key_record& stored,
                                                       const membership& mine) const {
    auto pair = kem::private_key::decode(mine.private_key);
    const auto* slot = slot_of(stored.header(), mine.installation);
    if (!pair || slot == nullptr) return std::nullopt;
    auto theirs = public_key_of<kem>(*slot);
    if (!theirs || *theirs != pair->public_part().encode()) return std::nullopt;
    auto edit = open_shared<kem>(stored, state_.key_name(), std::move(*pair), nullptr);
    if (!edit || !edit->chain.position(name_of_link(file_.chain.last().of))) return std::nullopt;
    return std::move(*edit);
  }
  /// Whether this very backup was applied already, by this instance or another: then there is
  /// nothing to write. A state from before what this instance has seen is none.
  [[nodiscard]] bool applied_before(const shared_edit& edit, const state_digest& state,
                                    const membership& mine) const {
    const auto& header = edit.record.header();
    const bool has_seen_some =
        mine.stage == membership_stage::active || mine.stage == membership_stage::removed;
    if (has_seen_some && (mine.generation > header.generation ||
                          (mine.generation == header.generation && mine.state != state)))
      return false;
    if (options_.replaces && *options_.replaces != mine.installation &&
        slot_of(header, *options_.replaces) != nullptr)
      return false;
    const auto of = header.attributes.find("applied");
    return of != header.attributes.end() && *of == to_hex(file_.file.view());
  }

  /// What is in the store has all that the backup has: it goes on, with a fresh version. Errors:
  /// `would_lose`, `not_found`, `limit_exceeded`; those of randomness.
  [[nodiscard]] result<shared_edit> continue_with(shared_edit edit, const membership& mine) const {
    if (options_.replaces && *options_.replaces != mine.installation)
      if (auto gone = strike_off(edit, *options_.replaces); !gone) return gone.error();
    if (auto named = gives_up_exactly({}); !named) return named.error();
    std::vector<key_version> versions;
    for (const auto& each : edit.ring.versions()) add_resting(versions, each, each.state);
    auto ring = with_fresh_version(std::move(versions));
    if (!ring) return ring.error();
    edit.ring = std::move(*ring);
    counted_as_sealing(edit);
    return edit;
  }

  /// The backup's key in a record of its own, for the members of the record in the store if the
  /// backup vouches for these. Errors: `would_lose`, `not_found`, `limit_exceeded`; those of
  /// randomness.
  [[nodiscard]] result<shared_edit> start_anew(const found& stored, const membership& mine) {
    const auto* header = stored.record ? &stored.record->header() : nullptr;
    auto ring = ring_of(header, stored.vouched);
    if (!ring) return ring.error();
    auto edit = setup_.new_record(file_.record, std::move(*ring), file_.chain.duplicate());
    if (!edit) return edit.error();
    counted_as_sealing(*edit);
    if (auto others = carry_members_over(stored, mine.installation, *edit); !others)
      return others.error();
    if (auto enrolled = setup_.enrol_self(*edit, mine); !enrolled) return enrolled.error();
    return edit;
  }

  /// How much a version has sealed nobody can tell after this: it opens, and seals no more.
  static void add_resting(std::vector<key_version>& to, const key_version& each, key_state state) {
    if (state == key_state::active || state == key_state::created) state = key_state::retired;
    key_version next{each.id, state, each.created, Cipher::max_messages, each.secret.duplicate()};
    if (state == key_state::destroyed) next.secret.wipe();
    to.push_back(std::move(next));
  }
  [[nodiscard]] result<key_ring> with_fresh_version(std::vector<key_version> versions) const {
    auto fresh = key_ring::create(state_.now());
    if (!fresh) return fresh.error();
    const auto& active = fresh->active();
    if (versions.size() >= key_ring::max_versions / 2)
      std::erase_if(versions,
                    [](const key_version& each) { return each.state == key_state::destroyed; });
    versions.push_back({active.id, active.state, active.created, 0, active.secret.duplicate()});
    return key_ring::adopt(std::move(versions));
  }
  /// Until a moment ago any version may have sealed somewhere: none is destroyed at once.
  static void counted_as_sealing(shared_edit& edit) {
    auto& listed = edit.record.header().versions;
    listed.clear();
    for (const auto& each : edit.ring.versions())
      if (each.state != key_state::active)
        listed.push_back({each.id, key_state::active, each.created, 0});
  }

  /// The backup's versions, as what the store says of them has them now, and a fresh one that
  /// seals. Errors: `would_lose`, `limit_exceeded`; those of randomness.
  [[nodiscard]] result<key_ring> ring_of(const record_header* stored, bool vouched) const {
    std::vector<key_version> versions;
    for (const auto& each : file_.ring.versions()) {
      auto state = each.state;
      if (vouched) {
        const auto now = std::ranges::find(stored->versions, each.id, &version_info::id);
        if (now != stored->versions.end() &&
            (now->state == key_state::disabled || now->state == key_state::destroyed))
          state = now->state;
      }
      add_resting(versions, each, state);
    }
    std::vector<key_id> lost;
    if (stored != nullptr)
      for (const auto& each : stored->versions)
        if (each.state != key_state::destroyed && each.leased_messages > 0 &&
            file_.ring.find(each.id) == nullptr)
          lost.push_back(each.id);
    if (auto named = gives_up_exactly(lost); !named) return named.error();
    return with_fresh_version(std::move(versions));
  }
  [[nodiscard]] result<void> gives_up_exactly(const std::vector<key_id>& lost) const {
    if (std::ranges::is_permutation(lost, options_.gives_up)) return done();
    auto refusal =
        error(errc::would_lose)
            .with(fact::operation, "applying the backup")
            .with(fact::next_step,
                  lost.empty() ? "nothing would be lost: name no version to give up"
                               : "apply a newer backup, or name exactly these versions to give up");
    for (const auto& each : lost)
      refusal = std::move(refusal).because(error(errc::unknown_key).with(fact::key, each.value()));
    return refusal;
  }

  /// Carries the other members over into `edit`: those of a record for which the backup vouches, or
  /// else those of the backup.
  [[nodiscard]] result<void> carry_members_over(const found& stored, const installation_id& self,
                                                shared_edit& edit) {
    auto members =
        stored.vouched ? roster_of<kem>(stored.record->header()) : result<roster>(file_.members);
    if (!members) return members.error();
    if (options_.replaces &&
        std::ranges::count(*members, *options_.replaces, &roster_entry::installation) == 0)
      return no_member();
    const bool have_seen_more =
        stored.vouched && stored.record->header().key_commitment != file_.chain.last().of;
    for (const auto& each : *members) {
      if (each.installation == self || each.installation == options_.replaces) continue;
      if (have_seen_more && !options_.cuts_off_members)
        return error(errc::would_lose)
            .because(error(errc::not_activated).with(fact::name, label_of(each.installation)))
            .with(fact::operation, "applying the backup")
            .with(fact::reason, "members have seen changes that the backup does not know")
            .with(fact::next_step,
                  "let one of them approve this instance instead; or say that they are cut off");
      if (auto kept =
              enrol<kem>(edit, {each.installation, each.name, each.public_key}, each.joined);
          !kept)
        return kept;
    }
    if (stored.vouched) edit.record.header().generation = stored.record->header().generation;
    return done();
  }

  [[nodiscard]] error no_member() const {
    return error(errc::not_found)
        .with(fact::kind, "member")
        .with(fact::name, options_.replaces ? label_of(*options_.replaces) : "")
        .with(fact::reason, "no member that the backup knows or vouches for has this id")
        .with(fact::next_step, "leave it out, or name one of the members");
  }
  [[nodiscard]] error others_backup() const {
    return error(errc::authentication_failed)
        .with(fact::name, state_.deployment().text())
        .with(fact::actual, file_.deployment)
        .with(fact::reason, "this is a backup of another deployment's key");
  }

  State& state_;
  setup setup_;
  shared_backup file_;
  const apply_options& options_;
};

}  // namespace detail
}  // namespace keywarden
