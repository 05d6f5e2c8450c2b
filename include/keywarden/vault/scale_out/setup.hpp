/// @file
/// How an instance comes to a deployment: it makes it, asks to join it, or brings a backup.
#pragma once

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/vault/scale_out/administration.hpp>
#include <keywarden/vault/scale_out/shared_state.hpp>

namespace keywarden {

/// What the operator of an instance that asks to join reads out to the operator of a member.
struct join_ticket {
  installation_id installation;   ///< which instance
  verification_code fingerprint;  ///< of its public key
};

/// How a backup is put in place.
struct apply_options {
  /// The installation whose copy of the key is replaced by this instance's; none to add one.
  std::optional<installation_id> replaces{};
  /// The versions in the store that the backup does not have, and that are given up for lost.
  std::vector<key_id> gives_up{};
  /// Whether members may be cut off: those that have seen more than the backup must apply it as
  /// well; and where nobody vouches for the members in the store, none is carried over, and they
  /// must join again.
  bool cuts_off_members = false;
};

namespace detail {

/// An instance as it was enrolled, for who asks for its confirmation again. Errors: `not_found`.
[[nodiscard]] inline result<join_request> enrolled_before(const shared_edit& edit,
                                                          const installation_id& member) {
  const auto at = std::ranges::find(edit.members, member, &roster_entry::installation);
  if (at == edit.members.end())
    return error(errc::not_found)
        .with(fact::kind, "join request")
        .with(fact::name, label_of(member));
  return join_request{at->installation, at->name, at->public_key};
}

/// The steps of `scale_out::open_or_create`, `ask_to_join` and `apply`, on the state of a member
/// that is to be. Errors: as there.
template <class State, crypto::aead Cipher>
class scale_out_setup {
  using kem = typename State::kem;

 public:
  explicit scale_out_setup(State& state) noexcept : state_(state) {}

  [[nodiscard]] result<void> create_unless_present(std::string_view name) {
    const auto& deployment = state_.deployment();
    auto kept = state_.keeper().load(deployment);
    if (!kept) return kept.error();
    auto present = state_.records().get(state_.key_name());
    if (!present) return present.error();
    if (*kept && (*kept)->kept.stage == membership_stage::creating) {
      if (!*present) return write_first((*kept)->kept);
      auto record = key_record::parse((*present)->data);
      if (record && record->header().id != (*kept)->kept.record) return others_deployment();
      return done();
    }
    if (*present) {
      // Another process of this instance may have made it since we looked.
      auto again = *kept ? std::move(kept) : state_.keeper().load(deployment);
      if (!again) return again.error();
      return *again ? done() : others_deployment();
    }
    if (*kept)
      return error(errc::not_found)
          .with(fact::kind, role::scale_out_key::name)
          .with(fact::name, deployment.text())
          .with(fact::reason, "this instance belongs to a deployment that is gone from the store")
          .with(fact::next_step,
                "restore the database or apply a backup of the key; or forget the deployment here");
    auto made = new_membership(name);
    if (!made) return made.error();
    auto id = random_public<record_id>();
    if (!id) return id.error();
    auto ring = key_ring::create(state_.now());
    if (!ring) return ring.error();
    made->stage = membership_stage::creating;
    made->record = *id;
    made->version = ring->active().id;
    made->trusted = ring->active().secret.duplicate();
    if (auto saved = state_.keeper().save(deployment, *made, std::nullopt); !saved) return saved;
    return write_first(*made);
  }

  [[nodiscard]] result<join_ticket> ask(std::string_view name) {
    const auto& deployment = state_.deployment();
    auto present = state_.records().get(state_.key_name());
    if (!present) return present.error();
    if (!*present)
      return error(errc::not_found)
          .with(fact::kind, role::scale_out_key::name)
          .with(fact::name, deployment.text())
          .with(fact::next_step, "initialise the deployment at its first instance");
    auto kept = state_.keeper().load(deployment);
    if (!kept) return kept.error();
    if (*kept && (*kept)->kept.stage == membership_stage::creating) {
      // Another instance was first: the key that this one was about to write is of no use.
      auto& mine = (*kept)->kept;
      mine.stage = membership_stage::joining;
      mine.trusted = {};
      if (auto saved = state_.keeper().save(deployment, mine, (*kept)->revision); !saved)
        return saved.error();
    } else if (*kept && (*kept)->kept.stage == membership_stage::active)
      return error(errc::already_exists)
          .with(fact::kind, "membership")
          .with(fact::name, deployment.text())
          .with(fact::next_step, "forget the deployment here first, if this instance was removed");
    if (!*kept) {
      auto made = new_membership(name);
      if (!made) return made.error();
      if (auto saved = state_.keeper().save(deployment, *made, std::nullopt); !saved)
        return saved.error();
      kept = state_.keeper().load(deployment);
      if (!kept) return kept.error();
      if (!*kept) return error(errc::store_conflict).with(fact::name, deployment.text());
    }
    const auto& mine = (*kept)->kept;
    auto pair = kem::private_key::decode(mine.private_key);
    if (!pair) return pair.error();
    const join_request request{mine.installation, mine.name, pair->public_part().encode()};
    const auto at = request_name(deployment, mine.installation);
    auto before = state_.records().get(at);
    if (!before) return before.error();
    store::transaction changes;
    if (*before)
      changes.replace(at, (*before)->revision, encode(request));
    else
      changes.create(at, encode(request));
    if (auto written = state_.records().commit(changes); !written) return written.error();
    auto fingerprint =
        join_fingerprint(deployment, request.installation, request.name, request.public_key);
    if (!fingerprint) return fingerprint.error();
    return join_ticket{request.installation, *fingerprint};
  }

  [[nodiscard]] result<void> put_back(std::string_view name, bytes_view backup,
                                      const password& protection, const apply_options& options) {
    const auto& deployment = state_.deployment();
    auto file = state_.keeper().read_back_up(backup, protection);
    if (!file) return file.error();
    if (file->deployment != deployment.text()) return others_backup(file->deployment);
    auto kept = state_.keeper().load(deployment);
    if (!kept) return kept.error();
    if (!*kept) {  // a key pair first: so that a kill loses nothing
      auto made = new_membership(name);
      if (!made) return made.error();
      if (options.replaces) made->installation = *options.replaces;
      if (auto saved = state_.keeper().save(deployment, *made, std::nullopt); !saved) return saved;
      kept = state_.keeper().load(deployment);
      if (!kept) return kept.error();
      if (!*kept) return error(errc::store_conflict).with(fact::name, deployment.text());
    }
    // Not a member yet: an earlier attempt does not decide as whom this one is enrolled.
    auto& mine = (*kept)->kept;
    if (mine.stage == membership_stage::joining) {
      if (name.size() > record_limits::label) return new_membership(name).error();
      mine.name = name;
      if (options.replaces) mine.installation = *options.replaces;
    }
    for (int attempt = 0;; ++attempt) {
      auto put = put_once(*file, **kept, options);
      if (put || put.error().code() != errc::store_conflict || attempt == 64) return put;
      store::stand_back(attempt);
    }
  }

 private:
  /// A key pair and an installation id. Errors: `limit_exceeded`; those of randomness.
  [[nodiscard]] static result<membership> new_membership(std::string_view name) {
    if (name.size() > record_limits::label)
      return error(errc::limit_exceeded)
          .with(fact::kind, "instance name")
          .with(fact::limit, record_limits::label)
          .with(fact::actual, name.size());
    system_random random;
    auto pair = kem::private_key::generate(random);
    if (!pair) return pair.error();
    auto id = random_public<installation_id>();
    if (!id) return id.error();
    membership made;
    made.installation = *id;
    made.name = name;
    made.private_key = pair->encode();
    return made;
  }

  [[nodiscard]] error others_deployment() const {
    return error(errc::not_activated)
        .with(fact::name, state_.deployment().text())
        .with(fact::reason, "another instance has made this deployment")
        .with(fact::next_step, "ask to join it");
  }

  /// The record of a deployment that this instance is about to make. Every process of the instance
  /// writes the same key.
  [[nodiscard]] result<void> write_first(const membership& mine) {
    std::vector<key_version> versions;
    versions.push_back(
        {mine.version, key_state::active, state_.now(), 0, mine.trusted.duplicate()});
    auto ring = key_ring::adopt(std::move(versions));
    if (!ring) return ring.error();
    auto edit = new_record(mine.record, std::move(*ring));
    if (!edit) return edit.error();
    if (auto enrolled = enrol_self(*edit, mine); !enrolled) return enrolled;
    if (auto written = state_.write_anew(std::move(*edit), std::nullopt); !written)
      return written.error();
    return done();
  }

  [[nodiscard]] result<shared_edit> new_record(const record_id& id, key_ring ring) {
    record_key_chain none;
    auto record =
        opened_record::create(role::scale_out_key::name, state_.key_name(),
                              requirements_of<protect::recipient<kem>>, none.material(ring));
    if (!record) return record.error();
    record->header().id = id;
    record->header().attributes = {{"cipher", Cipher::name}, {"kem", kem::name}};
    // Its record key is fresh as it is.
    return shared_edit{std::move(*record), std::move(ring), std::move(none), {}, false};
  }
  [[nodiscard]] result<void> enrol_self(shared_edit& edit, const membership& mine) {
    auto pair = kem::private_key::decode(mine.private_key);
    if (!pair) return pair.error();
    return enrol<kem>(edit, {mine.installation, mine.name, pair->public_part().encode()},
                      state_.now());
  }

  [[nodiscard]] result<void> put_once(const shared_backup& file, const stored_membership& kept,
                                      const apply_options& options) {
    const auto& deployment = state_.deployment();
    auto present = state_.records().get(state_.key_name());
    if (!present) return present.error();
    std::optional<key_record> stored;
    if (*present) {
      auto record = key_record::parse((*present)->data);
      if (!record) return record.error();
      stored.emplace(std::move(*record));
    }
    bool vouched = false;
    if (stored) {
      auto genuine = is_vouched_for(*stored, file);
      if (!genuine && !options.cuts_off_members) return genuine;
      vouched = genuine.has_value();
    }
    auto ring = ring_of(file, stored ? &stored->header() : nullptr, vouched, options.gives_up);
    if (!ring) return ring.error();
    auto edit = new_record(file.record, std::move(*ring));
    if (!edit) return edit.error();
    // Until a moment ago any of them may have sealed somewhere.
    for (auto& each : file.ring.versions())
      edit->record.header().versions.push_back({each.id, key_state::active, each.created, 0});
    if (auto linked = edit->chain.adopt(file.trusted_key, file.trusted); !linked) return linked;
    if (vouched)
      if (auto others = carry_members_over(*stored, file, kept.kept.installation, options, *edit);
          !others)
        return others;
    if (auto enrolled = enrol_self(*edit, kept.kept); !enrolled) return enrolled;
    auto& header = edit->record.header();
    header.generation = std::max(header.generation, kept.kept.generation);
    auto written = state_.write_anew(std::move(*edit),
                                     *present ? std::optional((*present)->revision) : std::nullopt);
    if (!written) return written.error();
    // What this instance trusts from now on is what it wrote, because the password was known.
    auto next =
        recognising(kept.kept, file.record, written->generation, written->state, written->trusted);
    return state_.keeper().save(deployment, next, kept.revision);
  }

  /// The backup's versions, as what the store says of them has them now, and a fresh one that
  /// seals. Errors: `would_lose`.
  [[nodiscard]] result<key_ring> ring_of(const shared_backup& file, const record_header* stored,
                                         bool vouched, const std::vector<key_id>& gives_up) const {
    std::vector<key_version> versions;
    for (const auto& each : file.ring.versions()) {
      key_version next{each.id, each.state, each.created, Cipher::max_messages,
                       each.secret.duplicate()};
      if (next.state == key_state::active || next.state == key_state::created)
        next.state = key_state::retired;
      if (vouched) {
        const auto now = std::ranges::find(stored->versions, each.id, &version_info::id);
        if (now != stored->versions.end() &&
            (now->state == key_state::disabled || now->state == key_state::destroyed))
          next.state = now->state;
      }
      if (next.state == key_state::destroyed) next.secret.wipe();
      versions.push_back(std::move(next));
    }
    std::vector<key_id> lost;
    if (stored != nullptr)
      for (const auto& each : stored->versions)
        if (each.state != key_state::destroyed && each.leased_messages > 0 &&
            file.ring.find(each.id) == nullptr)
          lost.push_back(each.id);
    if (!std::ranges::is_permutation(lost, gives_up)) {
      auto refusal = error(errc::would_lose)
                         .with(fact::operation, "applying the backup")
                         .with(fact::next_step,
                               "apply a newer backup, or name exactly these versions to give up");
      for (const auto& each : lost)
        refusal =
            std::move(refusal).because(error(errc::unknown_key).with(fact::key, each.value()));
      return refusal;
    }
    auto fresh = key_ring::create(state_.now());
    if (!fresh) return fresh.error();
    const auto& active = fresh->active();
    versions.push_back({active.id, active.state, active.created, 0, active.secret.duplicate()});
    return key_ring::adopt(std::move(versions));
  }

  /// Whether the record in the store bears the witness of the backup. Errors:
  /// `authentication_failed`, `malformed`.
  [[nodiscard]] result<void> is_vouched_for(const key_record& stored,
                                            const shared_backup& file) const {
    const auto& header = stored.header();
    if (header.id != file.record) return others_backup(file.deployment);
    auto members = roster_of<kem>(header);
    if (!members) return members.error();
    return check_witness(header, *members, file.trusted_key, file.trusted);
  }

  /// Carries the other members over into `edit`, from a record for which the backup vouches.
  [[nodiscard]] result<void> carry_members_over(const key_record& stored, const shared_backup& file,
                                                const installation_id& self,
                                                const apply_options& options, shared_edit& edit) {
    const auto& header = stored.header();
    auto members = roster_of<kem>(header);
    if (!members) return members.error();
    if (options.replaces &&
        std::ranges::count(*members, *options.replaces, &roster_entry::installation) == 0)
      return error(errc::not_found)
          .with(fact::kind, "member")
          .with(fact::name, label_of(*options.replaces));
    const bool cut_off = header.key_commitment != file.trusted_key;
    auto refusal =
        error(errc::would_lose)
            .with(fact::operation, "applying the backup")
            .with(fact::reason, "members have seen changes that the backup does not know")
            .with(fact::next_step,
                  "let one of them approve this instance instead; or say that they are cut off");
    for (const auto& each : *members) {
      if (each.installation == self || each.installation == options.replaces) continue;
      if (cut_off && !options.cuts_off_members)
        return std::move(refusal).because(
            error(errc::not_activated).with(fact::name, label_of(each.installation)));
      if (auto kept =
              enrol<kem>(edit, {each.installation, each.name, each.public_key}, each.joined);
          !kept)
        return kept;
    }
    edit.record.header().generation = header.generation;
    return done();
  }

  [[nodiscard]] error others_backup(std::string_view of) const {
    return error(errc::authentication_failed)
        .with(fact::name, state_.deployment().text())
        .with(fact::actual, of)
        .with(fact::reason, "this is a backup of another deployment's key");
  }

  State& state_;
};

}  // namespace detail
}  // namespace keywarden
