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
    auto kept = own_or_new(name);
    if (!kept) return kept.error();
    auto& mine = kept->kept;
    if (mine.stage == membership_stage::active || mine.stage == membership_stage::removed)
      return error(errc::already_exists)
          .with(fact::kind, "membership")
          .with(fact::name, deployment.text())
          .with(fact::next_step, "forget the deployment here first, if this instance was removed");
    if (mine.stage == membership_stage::creating) {
      auto record = key_record::parse((*present)->data);
      if (!record) return record.error();
      if (record->header().id == mine.record)
        return error(errc::already_exists)
            .with(fact::kind, "deployment")
            .with(fact::name, deployment.text())
            .with(fact::reason, "this instance has made it")
            .with(fact::next_step, "open it");
      // Another instance was first: the key that this one was about to write is of no use.
      mine.stage = membership_stage::joining;
      mine.trusted = {};
      if (auto saved = state_.keeper().save(deployment, mine, kept->revision); !saved)
        return saved.error();
    }
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

  /// What this instance keeps of the deployment, with a key pair made if there is none. Errors:
  /// `limit_exceeded`, `store_conflict`; those of randomness and of the instance's store.
  [[nodiscard]] result<stored_membership> own_or_new(std::string_view name) {
    const auto& deployment = state_.deployment();
    auto kept = state_.keeper().load(deployment);
    if (!kept) return kept.error();
    if (!*kept) {
      auto made = new_membership(name);
      if (!made) return made.error();
      if (auto saved = state_.keeper().save(deployment, *made, std::nullopt); !saved)
        return saved.error();
      kept = state_.keeper().load(deployment);
      if (!kept) return kept.error();
      if (!*kept) return error(errc::store_conflict).with(fact::name, deployment.text());
    }
    return std::move(**kept);
  }
  [[nodiscard]] static result<void> check_name(std::string_view name) {
    if (name.size() <= record_limits::label) return done();
    return error(errc::limit_exceeded)
        .with(fact::kind, "instance name")
        .with(fact::limit, record_limits::label)
        .with(fact::actual, name.size());
  }

  /// The record of a key that nobody shares yet.
  [[nodiscard]] result<shared_edit> new_record(const record_id& id, key_ring ring,
                                               record_key_chain chain) {
    auto record =
        opened_record::create(role::scale_out_key::name, state_.key_name(),
                              requirements_of<protect::recipient<kem>>, chain.material(ring));
    if (!record) return record.error();
    record->header().id = id;
    record->header().attributes = {{"cipher", Cipher::name}, {"kem", kem::name}, {"left", false}};
    // Its record key is fresh as it is.
    return shared_edit{std::move(*record), std::move(ring), std::move(chain), {}, false};
  }
  [[nodiscard]] result<void> enrol_self(shared_edit& edit, const membership& mine) {
    auto pair = kem::private_key::decode(mine.private_key);
    if (!pair) return pair.error();
    return enrol<kem>(edit, {mine.installation, mine.name, pair->public_part().encode()},
                      state_.now());
  }

 private:
  /// A key pair and an installation id. Errors: `limit_exceeded`; those of randomness.
  [[nodiscard]] static result<membership> new_membership(std::string_view name) {
    if (auto good = check_name(name); !good) return good.error();
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
    auto edit = new_record(mine.record, std::move(*ring), {});
    if (!edit) return edit.error();
    if (auto enrolled = enrol_self(*edit, mine); !enrolled) return enrolled;
    if (auto written = state_.write_anew(*edit, std::nullopt); !written) return written.error();
    return done();
  }

  State& state_;
};

}  // namespace detail
}  // namespace keywarden
