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

namespace detail {

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
      if (!record || record->header().id == (*kept)->kept.record) return done();
      // Another instance was first: what this one was about to write is of no use.
      if (auto gone = state_.keeper().forget(deployment, (*kept)->revision); !gone) return gone;
      return others_deployment();
    }
    if (*present) return *kept ? done() : others_deployment();
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
    if (*kept && (*kept)->kept.stage != membership_stage::joining)
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
    const auto at = detail::request_name(deployment, mine.installation);
    auto before = state_.records().get(at);
    if (!before) return before.error();
    store::transaction changes;
    if (*before)
      changes.replace(at, (*before)->revision, detail::encode(request));
    else
      changes.create(at, detail::encode(request));
    if (auto written = state_.records().commit(changes); !written) return written.error();
    auto fingerprint =
        detail::join_fingerprint(deployment, request.installation, request.public_key);
    if (!fingerprint) return fingerprint.error();
    return join_ticket{request.installation, *fingerprint};
  }

  [[nodiscard]] result<void> put_back(std::string_view name, bytes_view backup,
                                      const password& protection,
                                      const std::vector<key_id>& given_up) {
    const auto& deployment = state_.deployment();
    auto file = state_.keeper().read_back_up(backup, protection);
    if (!file) return file.error();
    if (file->label != deployment.text()) return others_backup(file->label);
    auto present = state_.records().get(state_.key_name());
    if (!present) return present.error();
    auto edit = new_record(file->id, detail::duplicate(file->ring));
    if (!edit) return edit.error();
    auto kept = state_.keeper().load(deployment);
    if (!kept) return kept.error();
    auto mine = *kept ? result<membership>(std::move((*kept)->kept)) : new_membership(name);
    if (!mine) return mine.error();
    if (*present) {
      auto others = members_beside(**present, *file, mine->installation, given_up, *edit);
      if (!others) return others;
    }
    if (auto enrolled = enrol_self(*edit, *mine); !enrolled) return enrolled;
    // What this instance trusts from now on is the backup's key, because its password was known.
    auto& header = edit->record.header();
    header.generation = std::max(header.generation, mine->generation);
    mine->stage = membership_stage::creating;
    mine->record = file->id;
    mine->generation = 0;
    mine->version = file->ring.active().id;
    mine->trusted = file->ring.active().secret.duplicate();
    const auto revision = *kept ? std::optional((*kept)->revision) : std::nullopt;
    if (auto saved = state_.keeper().save(deployment, *mine, revision); !saved) return saved;
    return state_.write_anew(std::move(*edit),
                             *present ? std::optional((*present)->revision) : std::nullopt);
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
    return state_.write_anew(std::move(*edit), std::nullopt);
  }

  [[nodiscard]] result<detail::shared_edit> new_record(const record_id& id, key_ring ring) {
    auto record = opened_record::create(role::scale_out_key::name, state_.key_name(),
                                        requirements_of<protect::recipient<kem>>,
                                        detail::ring_material(ring));
    if (!record) return record.error();
    record->header().id = id;
    record->header().attributes = {{"cipher", Cipher::name}, {"kem", kem::name}};
    return detail::shared_edit{std::move(*record), std::move(ring), {}};
  }
  [[nodiscard]] result<void> enrol_self(detail::shared_edit& edit, const membership& mine) {
    auto pair = kem::private_key::decode(mine.private_key);
    if (!pair) return pair.error();
    return detail::enrol<kem>(edit, {mine.installation, mine.name, pair->public_part().encode()},
                              state_.now());
  }

  /// Carries the other members over into `edit`, from a record that only the backup vouches for.
  [[nodiscard]] result<void> members_beside(const store::stored_record& present,
                                            const detail::backed_up_key& file,
                                            const installation_id& self,
                                            const std::vector<key_id>& given_up,
                                            detail::shared_edit& edit) {
    auto record = key_record::parse(present.data);
    if (!record) return record.error();
    const auto& header = record->header();
    if (header.id != file.id) return others_backup(file.label);
    auto members = detail::roster_of<kem>(header);
    if (!members) return members.error();
    auto genuine = result<void>(error(errc::authentication_failed));
    for (const auto& version : file.ring.versions()) {
      if (version.secret.empty()) continue;
      auto vouching = detail::witness_key(version);
      if (!vouching) return vouching.error();
      genuine = detail::check_witness(header, *members, version.id, *vouching);
      if (genuine) break;
    }
    if (!genuine) return genuine;
    std::vector<key_id> lost;
    for (const auto& each : header.versions)
      if (each.state != key_state::destroyed && file.ring.find(each.id) == nullptr)
        lost.push_back(each.id);
    if (!std::ranges::is_permutation(lost, given_up)) {
      auto refusal = error(errc::would_lose)
                         .with(fact::operation, "applying the backup")
                         .with(fact::next_step,
                               "apply a newer backup, or name exactly these versions to give up");
      for (const auto& each : lost)
        refusal =
            std::move(refusal).because(error(errc::unknown_key).with(fact::key, each.value()));
      return refusal;
    }
    for (const auto& each : *members)
      if (each.installation != self)
        if (auto kept = detail::enrol<kem>(edit, {each.installation, each.name, each.public_key},
                                           each.joined);
            !kept)
          return kept;
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
