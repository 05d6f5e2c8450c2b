/// @file
/// Many servers, one key: membership of a scale-out deployment.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <keywarden/vault/scale_out/administration.hpp>
#include <keywarden/vault/scale_out/follower.hpp>
#include <keywarden/vault/scale_out/restoring.hpp>
#include <keywarden/vault/scale_out/setup.hpp>
#include <keywarden/vault/scale_out/shared_key.hpp>
#include <keywarden/vault/scale_out/shared_secrets.hpp>
#include <keywarden/vault/scale_out/shared_state.hpp>
#include <keywarden/vault/vault.hpp>

namespace keywarden {

/// A member of a deployment: several instances, each with its own vault, that share one store and
/// one key.
///
/// `Vault` is the instance's own vault, in a store of its own; it keeps the instance's private key
/// under its service master key. `Shared` is the store of all (`store::postgres`). `Kem` is the
/// mechanism of the members' key pairs: hybrid post-quantum by default. The shared key is a
/// versioned ring in one record of the shared store, with a slot for each member's public key: the
/// presence of such a copy is membership.
///
/// Protects: the shared key and all below it, against theft of the shared store (no member's
/// secrets are in it); the membership, against whoever can write the shared store, removed members
/// included: a state of the record is believed only if it is the one that this instance saw last,
/// or somebody vouches for it who had the record key of that. So nobody enrols itself, puts another
/// key or another public key in place, or brings a state back that this instance has seen the end
/// of. A join is compared out of band, both ways.
///
/// Does not protect: against a member (every member can let others in and change the key); what a
/// removed member has seen or copied, and what is sealed with versions it had, until the others
/// have taken the next one up (`leave_and_rotate`) and the data is sealed again; availability,
/// against whoever can write the shared store; an instance that has not looked since before a
/// member was removed, if that member can write the store: it can be shown a state that the
/// removed member made up; the count of leased messages, if whoever writes the store shows each
/// instance a past of its own: then each instance counts for itself (2^32 messages each).
///
/// Any thread. Move-only; handles (`key`, `secrets`) keep the state alive. Do not use it in a
/// forked child. At most 64 members; an instance that was away for 128 changes or more must join
/// again. Follows: SQL Server Reporting Services' scale-out deployment, with the differences named
/// in docs/scale_out.md.
template <class Vault, class Shared, class Kem = crypto::x_wing>
class scale_out {
  static_assert(
      store::record_store<Shared>,
      "the members of a deployment share a record store: see keywarden/store/concepts.hpp");
  static_assert(crypto::kem<Kem>,
                "the members' key pairs are those of a KEM: see keywarden/crypto/kem.hpp");
  using keeper = decltype(std::declval<const Vault&>().memberships());
  using cipher = typename Vault::policy::cipher;
  using state = detail::shared_state<keeper, Shared, Kem>;

 public:
  // ---- becoming a member ----

  /// Opens the deployment that this instance is a member of. Errors: `not_activated` with the
  /// reason (it has not asked to join, is not approved or confirmed, was removed, or its
  /// installation id is stored with another public key); `not_found` when the store has no such
  /// deployment; `authentication_failed` and `rolled_back` for a record that must not be trusted;
  /// `weaker_than_required`; those of both stores.
  [[nodiscard]] static result<scale_out> open(const Vault& own, Shared shared,
                                              const object_name& deployment) {
    scale_out made(own, std::move(shared), deployment);
    if (auto looked = made.state_->refresh(); !looked) return looked.error();
    return made;
  }

  /// The same, and makes the deployment with a first key if the store has none. Any number of
  /// processes and instances may do so at the same time: exactly one first key comes of it, and the
  /// other instances are told to ask to join. `name` is what people call this instance. Errors: as
  /// `open`; `not_found` when the deployment that this instance belonged to is gone: that is never
  /// made anew silently; `limit_exceeded` for a name above 64 bytes.
  [[nodiscard]] static result<scale_out> open_or_create(const Vault& own, Shared shared,
                                                        const object_name& deployment,
                                                        std::string_view name) {
    scale_out made(own, std::move(shared), deployment);
    for (int attempt = 0;; ++attempt) {
      auto created = made.setup().create_unless_present(name);
      if (created) created = made.state_->refresh();
      if (created) return made;
      if (created.error().code() != errc::store_conflict || attempt == 64) return created.error();
      store::stand_back(attempt);
    }
  }

  /// Asks to join: makes this instance's key pair unless it has one, and leaves its public key in
  /// the store. The key is never in clear outside a process: a member wraps it for that public key.
  /// Errors: `already_exists` for a member; `not_found`; those of both stores.
  [[nodiscard]] static result<join_ticket> ask_to_join(const Vault& own, Shared shared,
                                                       const object_name& deployment,
                                                       std::string_view name) {
    scale_out made(own, std::move(shared), deployment);
    return made.setup().ask(name);
  }

  /// Joins, once a member has approved: `confirmation` is what that member's `approve` has shown.
  /// Errors: `authentication_failed` when the key in the store is not that of the deployment which
  /// approved; as `open`.
  [[nodiscard]] static result<scale_out> join(const Vault& own, Shared shared,
                                              const object_name& deployment,
                                              const verification_code& confirmation) {
    scale_out made(own, std::move(shared), deployment);
    if (auto active = made.state_->activate(confirmation); !active) return active.error();
    return made;
  }

  /// Forgets what this instance keeps of a deployment: its key pair, and whom it trusts. It must
  /// join again to come back. Errors: `not_found`; those of the instance's own store.
  [[nodiscard]] static result<void> forget(const Vault& own, const object_name& deployment) {
    auto keeps = own.memberships();
    auto kept = keeps.load(deployment);
    if (!kept) return kept.error();
    if (!*kept)
      return error(errc::not_found)
          .with(fact::kind, "membership")
          .with(fact::name, deployment.text());
    return keeps.forget(deployment, (*kept)->revision);
  }

  /// Puts a backup of the shared key in place, wrapped for this instance's public key: after the
  /// loss of the instance's private key (`apply_options::replaces` then names the installation
  /// whose copy it takes the place of), of the shared store, or when the store was restored on
  /// purpose. A fresh version seals from then on; the backup's versions open.
  ///
  /// The record in the store is believed if it bears the witness of the backup. If this instance
  /// can open it, all that is in it stays. Else the other members' copies are made anew from their
  /// public keys: as stored, or where the backup does not vouch for the record, or there is none,
  /// as the backup has them. Members that have seen more than what comes of that do not believe it,
  /// until they apply the same backup. A backup from before a removal still vouches for who was
  /// removed: use one from after it. May be repeated, also after it was interrupted, and at each
  /// member: what was applied already is not applied again.
  ///
  /// Errors: `would_lose` with the versions in the store that the backup does not have and that
  /// have sealed, unless `apply_options::gives_up` names exactly these, and with a member that has
  /// seen changes which the backup does not know, unless it may be cut off; `authentication_failed`
  /// for another deployment's backup, and for a record that it does not vouch for, unless members
  /// may be cut off; `not_found` for a `replaces` that is no member; `limit_exceeded` when a fresh
  /// version is one too many, and for a name above 64 bytes; as reading a backup; those of both
  /// stores.
  [[nodiscard]] static result<scale_out> apply(const Vault& own, Shared shared,
                                               const object_name& deployment, std::string_view name,
                                               bytes_view backup, const password& protection,
                                               const apply_options& options = {}) {
    scale_out made(own, std::move(shared), deployment);
    auto file = made.state_->keeper().read_back_up(backup, protection);
    if (!file) return file.error();
    detail::scale_out_restoring<state, cipher> restoring(*made.state_, std::move(*file), options);
    if (auto applied = restoring.put_back(name); !applied) return applied.error();
    if (auto looked = made.state_->refresh(); !looked) return looked.error();
    return made;
  }

  // ---- using the key ----

  /// The shared key for one purpose: it seals and opens, and follows rotations.
  template <purpose Purpose, message_format Format = format::native>
  [[nodiscard]] shared_key<Purpose, state, cipher, Format> key() const {
    require_edge<role::scale_out_key, role::data>();
    return shared_key<Purpose, state, cipher, Format>(state_);
  }
  /// The secrets that the members share.
  [[nodiscard]] shared_secrets<state, cipher> secrets() const {
    return shared_secrets<state, cipher>(state_);
  }

  /// Looks at the store now. Errors: as `open`; then what was known stays in use, except after
  /// `not_activated`.
  [[nodiscard]] result<void> refresh() { return state_->refresh(); }
  /// Looks at the store whenever it changes, in a thread that lives as long as what is returned.
  [[nodiscard]] scale_out_follower<state> follow(follow_options options = {}) const {
    return scale_out_follower<state>(state_, std::move(options));
  }

  // ---- members ----

  /// The members, as the store lists them now, and which versions each has. Errors: as `refresh`.
  [[nodiscard]] result<std::vector<scale_out_member_info>> members() {
    if (auto looked = state_->refresh(); !looked) return looked.error();
    auto view = state_->view();
    if (!view) return view.error();
    auto mine = state_->own();
    if (!mine) return mine.error();
    std::vector<scale_out_member_info> made;
    for (const auto& each : (*view)->members) {
      auto seen = detail::seen_by(state_->records(), state_->deployment(),
                                  detail::context_of(**view), each.installation);
      if (!seen) return seen.error();
      made.push_back({each.installation, each.name, each.joined,
                      each.installation == mine->kept.installation, std::move(seen->has),
                      seen->sealing});
    }
    return made;
  }

  /// The instances that ask to join. Claims: only the fingerprint tells who they are. At most 256
  /// are read. Errors: those of the store. A request that cannot be read is left out.
  [[nodiscard]] result<std::vector<join_request>> requests() {
    auto names =
        state_->records().list(detail::scale_out_prefix(state_->deployment()) + "request/");
    if (!names) return names.error();
    std::vector<join_request> made;
    if (names->size() > 256) names->erase(names->begin() + 256, names->end());
    for (const auto& name : *names) {
      auto stored = state_->records().get(name);
      if (!stored) return stored.error();
      if (!*stored) continue;
      auto request = detail::decode_request<Kem>((*stored)->data);
      if (request && name == detail::request_name(state_->deployment(), request->installation))
        made.push_back(std::move(*request));
    }
    return made;
  }

  /// Lets an instance in whose operator has read out `fingerprint`. Returns the confirmation to
  /// read out in return; the same can be asked for again. Errors: `not_found` without such a
  /// request; `authentication_failed` when the fingerprint is not that of the public key in the
  /// store; `already_exists`; as `refresh`.
  [[nodiscard]] result<verification_code> approve(const installation_id& newcomer,
                                                  const verification_code& fingerprint) {
    bytes public_key;
    auto approved = state_->change([&](detail::shared_edit& edit) -> result<void> {
      const auto at = detail::request_name(state_->deployment(), newcomer);
      auto stored = state_->records().get(at);
      if (!stored) return stored.error();
      auto request = *stored ? detail::decode_request<Kem>((*stored)->data)
                             : detail::enrolled_before(edit, newcomer);
      if (!request) return request.error();
      auto expected = detail::join_fingerprint(state_->deployment(), request->installation,
                                               request->name, request->public_key);
      if (!expected) return expected.error();
      if (request->installation != newcomer || *expected != fingerprint)
        return error(errc::authentication_failed)
            .with(fact::operation, "join request")
            .with(fact::name, detail::label_of(newcomer))
            .with(fact::reason, "the fingerprint is not that of the request in the store")
            .with(fact::next_step,
                  "compare it again; if it is right, somebody has replaced the request");
      if (auto enrolled = detail::enrol<Kem>(edit, *request, state_->now()); !enrolled)
        return enrolled;
      if (*stored) edit.also.erase(at, (*stored)->revision);
      public_key = std::move(request->public_key);
      return done();
    });
    if (!approved) return approved.error();
    // By the record key that the change has made: nobody who has left knows it.
    auto view = state_->view();
    if (!view) return view.error();
    return detail::join_confirmation((*view)->chain.last().witness, (*view)->record, newcomer,
                                     public_key);
  }

  /// Removes a member, in any order, from any member; also itself. Members that have seen that do
  /// not let it back in, whatever it writes; it still has the versions it had, and what is sealed
  /// with them opens there. Who removes itself knows the record key of that state: the next member
  /// that looks replaces it, and then it is shut out as well. Prefer `leave_and_rotate`. Errors:
  /// `not_found`; `last_protector` for the last one; as `refresh`.
  [[nodiscard]] result<void> leave(const installation_id& member) {
    return remove(member, [](detail::shared_edit&) { return done(); });
  }

  /// Removes another member and rotates the key in one commit: it opens nothing that is sealed with
  /// the new version. The others seal with that as soon as they see it: at once when they follow,
  /// and otherwise with their next lease of messages, or a minute after their last look (ten at
  /// most while the store is away; see `shared_key`). What
  /// was sealed before stays readable to who had the key: seal it again. Returns the new version;
  /// `members` tells who seals with it. Errors: as `leave`; `invalid_argument` for this instance
  /// itself, which would know the new version.
  [[nodiscard]] result<key_id> leave_and_rotate(const installation_id& member) {
    auto mine = state_->own();
    if (!mine) return mine.error();
    if (mine->kept.installation == member)
      return error(errc::invalid_argument)
          .with(fact::name, detail::label_of(member))
          .with(fact::reason, "who leaves must not know the new key")
          .with(fact::next_step, "do it at another member");
    key_id made;
    auto removed = remove(member, [&](detail::shared_edit& edit) -> result<void> {
      auto added = detail::next_version(edit.ring, state_->now());
      if (!added) return added.error();
      made = *added;
      return done();
    });
    if (!removed) return removed.error();
    return made;
  }

  // ---- the key's versions ----

  /// The versions, as last seen: without secrets. Errors: `not_activated`.
  [[nodiscard]] result<std::vector<version_info>> versions() const {
    auto view = state_->view();
    if (!view) return view.error();
    return detail::ring_versions((*view)->ring);
  }

  /// The first roll-out of a rotation: a version that opens everywhere and seals nowhere yet. It is
  /// promoted when all members have it. Returns its id. Errors: `limit_exceeded`; as `refresh`.
  [[nodiscard]] result<key_id> add_version() {
    key_id made;
    auto changed = state_->change([&](detail::shared_edit& edit) -> result<void> {
      auto added = detail::new_version(edit.ring, state_->now());
      if (!added) return added.error();
      made = *added;
      return done();
    });
    if (!changed) return changed.error();
    return made;
  }

  /// The second roll-out: the version seals, the one before retires. Errors: `key_state_refused`
  /// naming a member that has not seen the version yet; `unknown_key`; as `refresh`.
  [[nodiscard]] result<void> promote(key_id version) {
    return state_->change([&](detail::shared_edit& edit) -> result<void> {
      if (edit.ring.find(version) != nullptr)
        if (auto everywhere =
                detail::all_have(state_->records(), state_->deployment(), edit, version);
            !everywhere)
          return everywhere;
      return edit.ring.promote(version);
    });
  }

  /// Both roll-outs: adds a version (or takes the newest one that was never promoted), waits until
  /// every member has it, for at most `patience`, and promotes it. Returns its id. Errors:
  /// `key_state_refused` naming a member that did not see it in time (the version stays, in state
  /// created, for `promote`); as `add_version`.
  [[nodiscard]] result<key_id> rotate(
      std::chrono::milliseconds patience = std::chrono::seconds(30)) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    auto version = created_version();
    if (!version) return version;
    for (;;) {
      auto promoted = promote(*version);
      if (promoted) return version;
      if (promoted.error().code() != errc::key_state_refused ||
          std::chrono::steady_clock::now() >= deadline)
        return promoted.error();
      std::this_thread::sleep_for(std::chrono::milliseconds(25));
    }
  }

  /// Stops a version from opening. Errors: `unknown_key`, `key_state_refused`; as `refresh`.
  [[nodiscard]] result<void> disable(key_id version) {
    return state_->change([&](detail::shared_edit& edit) { return edit.ring.disable(version); });
  }
  /// Lets a disabled version open again. Errors: as `disable`.
  [[nodiscard]] result<void> enable(key_id version) {
    return state_->change([&](detail::shared_edit& edit) { return edit.ring.enable(version); });
  }
  /// Wipes a disabled version: what it sealed is lost. Errors: `key_state_refused` also while a
  /// member does not know the active version as such, and for fifteen minutes after the version
  /// stopped sealing, in which a process that cannot reach the store may still use it;
  /// `has_dependents` naming a shared secret under it; `unknown_key`; as `refresh`.
  [[nodiscard]] result<void> destroy(key_id version) {
    return state_->change([&](detail::shared_edit& edit) -> result<void> {
      if (edit.ring.find(version) != nullptr)
        if (auto needless =
                detail::nobody_needs(state_->records(), state_->deployment(), edit, version,
                                     cipher::id, state_->now(), state::retired_for);
            !needless)
          return needless;
      return edit.ring.destroy(version);
    });
  }

  // ---- backup, re-creation, deletion ----

  /// The shared key and its members as a file under a password; one file serves all members. Make
  /// one after every rotation and removal: `apply` trusts the members that the newest of these
  /// vouches for. Where the store was set back, the key is backed up as this process last saw it:
  /// do that before `apply`. Errors: `password_refused`; `store_busy` while a member that left by
  /// itself still knows the record key; as `refresh`, but for `rolled_back`.
  [[nodiscard]] result<bytes> extract(const password& protection) {
    auto looked = state_->refresh();
    if (!looked && looked.error() != errc::rolled_back) return looked.error();
    auto view = state_->view();
    if (!view) return view.error();
    if (!looked) {  // what another process of this instance has seen the end of is not backed up
      auto mine = state_->own();
      if (!mine) return mine.error();
      const auto& kept = mine->kept;
      if (kept.record != (*view)->record || kept.generation > (*view)->generation ||
          (kept.generation == (*view)->generation && kept.state != (*view)->state))
        return looked.error();
    }
    if ((*view)->wants_renewal)
      return error(errc::store_busy)
          .with(fact::name, state_->deployment().text())
          .with(fact::reason, "a member has left, and the record key could not be replaced yet")
          .with(fact::next_step, "try again");
    const shared_backup made{{},
                             state_->deployment().text(),
                             (*view)->record,
                             (*view)->generation,
                             (*view)->members,
                             (*view)->chain.duplicate(),
                             detail::duplicate((*view)->ring)};
    return state_->keeper().back_up(made, protection);
  }

  /// Re-creates the key when it may be known to others: a new version, every shared secret sealed
  /// again under it, and every member's copy made anew from its stored public key, in one commit.
  /// The version before stays, retired, until the program has sealed its own data again: then
  /// `disable` and `destroy` it. Returns the new version. Errors: as `refresh`, and as opening the
  /// secrets, with the name of one to drop first; then nothing has changed.
  [[nodiscard]] result<key_id> recreate() {
    key_id made;
    auto changed = state_->change([&](detail::shared_edit& edit) -> result<void> {
      auto added = detail::next_version(edit.ring, state_->now());
      if (!added) return added.error();
      made = *added;
      return detail::reseal_secrets<cipher>(state_->records(), state_->deployment(), edit);
    });
    if (!changed) return changed.error();
    return made;
  }

  /// What `delete_content` would destroy. Errors: as `refresh`.
  [[nodiscard]] result<scale_out_deletion> plan_deletion() {
    if (auto looked = state_->refresh(); !looked) return looked.error();
    auto view = state_->view();
    if (!view) return view.error();
    scale_out_deletion plan;
    for (const auto& each : (*view)->ring.versions())
      if (each.state != key_state::destroyed) plan.versions_.push_back(each.id);
    auto names = state_->records().list(detail::shared_secret_prefix(state_->deployment()));
    if (!names) return names.error();
    for (const auto& name : *names) {
      auto present = state_->records().get(name);
      if (!present) return present.error();
      if (!*present) continue;
      plan.secrets_.emplace_back(detail::last_part(name));
      plan.records_.emplace_back(name, (*present)->revision);
    }
    return plan;
  }

  /// Destroys every version of the key and every secret, and starts again with a new key, in one
  /// commit; the members stay. What the program sealed is lost, except to who kept a copy of the
  /// store; so is what a member seals with the old key until it sees that (as `leave_and_rotate`).
  /// Errors: `plan_is_stale` when a secret or a version is not as the plan has it; as `refresh`.
  [[nodiscard]] result<void> delete_content(const scale_out_deletion& plan) {
    return state_->change([&](detail::shared_edit& edit) -> result<void> {
      const auto stale = error(errc::plan_is_stale).with(fact::next_step, "make a new plan");
      std::vector<key_id> alive;
      std::vector<key_version> next;
      for (const auto& each : edit.ring.versions()) {
        if (each.state == key_state::destroyed) continue;
        alive.push_back(each.id);
        next.push_back({each.id, key_state::destroyed, each.created, each.leased_messages, {}});
      }
      if (alive != plan.versions_) return stale;
      auto names = state_->records().list(detail::shared_secret_prefix(state_->deployment()));
      if (!names) return names.error();
      if (names->size() != plan.records_.size()) return stale;
      for (const auto& [name, revision] : plan.records_) {
        auto present = state_->records().get(name);
        if (!present) return present.error();
        if (!*present || (*present)->revision != revision) return stale;
        edit.also.erase(name, revision);
      }
      auto fresh = key_ring::create(state_->now());
      if (!fresh) return fresh.error();
      const auto& active = fresh->active();
      next.push_back({active.id, active.state, active.created, 0, active.secret.duplicate()});
      // As many of the destroyed as leave room for the versions to come.
      if (next.size() > key_ring::max_versions / 2)
        next.erase(next.begin(), next.end() - key_ring::max_versions / 2);
      auto ring = key_ring::adopt(std::move(next));
      if (!ring) return ring.error();
      edit.ring = std::move(*ring);
      return done();
    });
  }

 private:
  /// The newest version in state created, made if there is none.
  [[nodiscard]] result<key_id> created_version() {
    if (auto looked = state_->refresh(); !looked) return looked.error();
    auto view = state_->view();
    if (!view) return view.error();
    const auto& all = (*view)->ring.versions();
    const auto at = std::find_if(all.rbegin(), all.rend(), [](const key_version& each) {
      return each.state == key_state::created;
    });
    return at != all.rend() ? result<key_id>(at->id) : add_version();
  }

  scale_out(const Vault& own, Shared shared, const object_name& deployment)
      : state_(std::make_shared<state>(own.memberships(), std::move(shared), deployment)) {}

  [[nodiscard]] detail::scale_out_setup<state, cipher> setup() {
    return detail::scale_out_setup<state, cipher>(*state_);
  }

  template <class AndThen>
  [[nodiscard]] result<void> remove(const installation_id& member, AndThen&& and_then) {
    const auto& deployment = state_->deployment();
    auto mine = state_->own();
    if (!mine) return mine.error();
    const auto edit = [&](detail::shared_edit& to) -> result<void> {
      if (auto gone = detail::strike_off(to, member); !gone) return gone;
      for (const auto& name :
           {detail::seen_name(deployment, member), detail::request_name(deployment, member)})
        if (auto erased = detail::erase_if_present(state_->records(), to, name); !erased)
          return erased;
      to.leaves = mine->kept.installation == member;
      return and_then(to);
    };
    if (mine->kept.installation != member) return state_->change(edit);
    const auto left = state_->change_and_withdraw(edit, error(errc::not_activated)
                                                            .with(fact::name, deployment.text())
                                                            .with(fact::reason, "it has left"));
    if (!left) return left;
    auto kept = state_->keeper().load(deployment);
    if (!kept) return kept.error();
    return *kept ? state_->keeper().forget(deployment, (*kept)->revision) : done();
  }

  std::shared_ptr<state> state_;
};

}  // namespace keywarden
