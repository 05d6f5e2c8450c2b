/// @file
/// What the handles of one member share: the shared key as last seen, and how it is read and
/// changed.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include <keywarden/key/seal_budget.hpp>
#include <keywarden/store/concepts.hpp>
#include <keywarden/store/stand_back.hpp>
#include <keywarden/vault/scale_out/look_pace.hpp>
#include <keywarden/vault/scale_out/membership.hpp>
#include <keywarden/vault/scale_out/shared_record.hpp>
#include <keywarden/vault/scale_out/trust.hpp>

namespace keywarden::detail {

/// The state that a member and its handles share. Any thread.
template <keeps_membership Keeper, store::record_store Shared, crypto::kem Kem>
class shared_state : public std::enable_shared_from_this<shared_state<Keeper, Shared, Kem>> {
 public:
  using kem = Kem;
  using view_pointer = std::shared_ptr<const shared_view>;

  /// How long ago a version must have stopped sealing before it is destroyed: no process that keeps
  /// to the limit above, on a clock that is not wrong by more than the difference, seals with it.
  static constexpr std::chrono::minutes retired_for{15};

  shared_state(Keeper keeper, Shared records, const object_name& deployment)
      : keeper_(std::move(keeper)),
        records_(std::move(records)),
        deployment_(deployment),
        judge_(deployment) {}

  [[nodiscard]] Keeper& keeper() noexcept { return keeper_; }
  [[nodiscard]] Shared& records() noexcept { return records_; }
  [[nodiscard]] const object_name& deployment() const noexcept { return deployment_; }
  [[nodiscard]] time_point now() const { return keeper_.now(); }
  [[nodiscard]] record_name key_name() const { return scale_out_key_name(deployment_); }

  /// Counts every time another view was published, and the loss of membership.
  [[nodiscard]] std::uint64_t epoch() const noexcept {
    return epoch_.load(std::memory_order_acquire);
  }
  /// The shared key as last seen; asks no store. Errors: `not_activated` once this instance has
  /// found itself removed.
  [[nodiscard]] result<view_pointer> view() const {
    const std::scoped_lock held(view_guard_);
    if (view_ == nullptr) return refusal_;
    return view_;
  }

  /// Looks at the store. Errors: `not_found` when there is no such deployment; `not_activated`;
  /// `authentication_failed`, `rolled_back` for a record that this instance must not trust: what it
  /// had before stays in use; those of the stores.
  [[nodiscard]] result<void> refresh() {
    const std::scoped_lock held(guard_);
    return look(nullptr);
  }
  /// The same for a newcomer, which trusts what its operator was told.
  [[nodiscard]] result<void> activate(const verification_code& confirmation) {
    const std::scoped_lock held(guard_);
    return look(&confirmation);
  }

  /// Looks because a message names a version that is not known here. Errors: as `refresh`.
  [[nodiscard]] result<void> refresh_for_unknown() {
    return pace_.for_unknown([&] { return refresh(); });
  }
  /// Before a message is sealed: looks if nobody has for a while. Errors: `timed_out`,
  /// `not_activated`.
  [[nodiscard]] result<void> keep_up() {
    return pace_.before_sealing([&] { return now(); }, [&] { return refresh(); });
  }

  /// Reads the shared key, lets `make(edit)` change it, and commits; again when another member was
  /// first. What was committed is what this member goes on with. Errors: those of `refresh`, of
  /// `make` and of the stores.
  template <class Make>
  [[nodiscard]] result<void> change(Make&& make) {
    const std::scoped_lock held(guard_);
    return change_until_first(make, true);
  }
  /// The same for a member that removes itself: what it knew is for it no more.
  template <class Make>
  [[nodiscard]] result<void> change_and_withdraw(Make&& make, error why) {
    const std::scoped_lock held(guard_);
    if (auto changed = change_until_first(make, false); !changed) return changed;
    withdraw(std::move(why));
    return done();
  }

  /// What this process may still seal under a version: one budget for all its handles. It leases
  /// from the store, while the version is the one that seals. Keeps the state alive no longer than
  /// others do.
  [[nodiscard]] std::shared_ptr<seal_budget> budget(key_id version, std::uint64_t limit) {
    const std::scoped_lock held(budgets_guard_);
    auto& kept = budgets_[version.value()];
    if (kept == nullptr)
      kept = std::make_shared<seal_budget>(
          [self = this->weak_from_this(), version, limit](std::uint64_t count) -> result<void> {
            const auto state = self.lock();
            if (state == nullptr)
              return error(errc::not_activated).with(fact::reason, "the deployment was closed");
            return state->lease(version, count, limit);
          });
    return kept;
  }

  /// Writes the record of a shared key for the first time, or in place of what is there. Errors:
  /// `store_conflict`; those of the store.
  [[nodiscard]] result<state_digest> write_anew(shared_edit& edit,
                                                std::optional<store::revision> expected) {
    auto written = encode_shared(edit, now());
    if (!written) return written.error();
    const auto state = digest_of(*written);
    if (!state) return state.error();
    if (auto committed = commit(edit, std::move(*written), expected); !committed)
      return committed.error();
    return *state;
  }

  /// Reads what this instance keeps. Errors: `not_activated` when it keeps nothing.
  [[nodiscard]] result<stored_membership> own() {
    auto kept = keeper_.load(deployment_);
    if (!kept) return kept.error();
    if (!*kept)
      return error(errc::not_activated)
          .with(fact::name, deployment_.text())
          .with(fact::reason, "it has not asked to join")
          .with(fact::next_step, "ask to join, and let a member approve it");
    if ((*kept)->kept.stage == membership_stage::removed) return removed();
    return std::move(**kept);
  }

 private:
  static constexpr int most_attempts = 64;

  // Another process of this instance may see and keep more at the same time: then again, by that.
  [[nodiscard]] result<void> look(const verification_code* confirmation) {
    for (int attempt = 0;; ++attempt) {
      auto looked = look_once(confirmation);
      if (looked || looked.error().code() != errc::store_conflict) return looked;
      if (attempt == most_attempts) return error(errc::store_busy).because(looked.error());
      store::stand_back(attempt);
    }
  }
  [[nodiscard]] result<void> look_once(const verification_code* confirmation) {
    const auto begun = now();
    auto seen = read();
    if (!seen) return seen.error();
    const auto before = known();
    if (before == nullptr || before->revision != seen->stored.revision ||
        before->state != seen->state || confirmation != nullptr ||
        !same_state(seen->mine.kept, *before))
      if (auto edit = believe(*seen, confirmation); !edit) return edit.error();
    pace_.looked(begun);
    if (known()->wants_renewal) renew();
    tell_seen();
    return done();
  }

  /// What this instance keeps, and then what the store has: whatever an instance keeps, the store
  /// had before.
  struct both {
    stored_membership mine;
    store::stored_record stored;
    state_digest state;
  };
  [[nodiscard]] result<both> read() {
    auto mine = own_as_seen();
    const auto why_not = mine ? error(errc::none) : not_ours(mine.error());
    auto found = records_.get(key_name());
    if (!found) return found.error();
    if (!*found) return missing();
    if (!mine) return why_not;
    const auto state = digest_of((*found)->data);
    if (!state) return state.error();
    return both{std::move(*mine), std::move(**found), *state};
  }

  /// Opens a stored record, decides whether to believe it, goes on with it and remembers it.
  /// Errors: as `refresh`; `store_conflict` when something else was kept meanwhile.
  [[nodiscard]] result<shared_edit> believe(const both& seen,
                                            const verification_code* confirmation) {
    const auto before = known();
    auto record = key_record::parse(seen.stored.data);
    if (!record) return error(record.error()).with(fact::name, key_name().text());
    const auto newer = seen_since(seen.mine.kept, before);
    const auto& best = newer ? *newer : seen.mine.kept;
    auto edit = open_as(*record, seen, best, before);
    if (!edit) return not_ours(edit.error());
    if (auto trusted = judge_.trust(edit->record.header(), edit->ring, edit->members, edit->chain,
                                    seen.state, best, confirmation);
        !trusted)
      return not_ours(trusted.error());
    auto kept = remember(*edit, seen.state, seen.mine);
    if (!kept && kept.error().code() == errc::store_conflict) return kept.error();
    // Counts in this process from now on, also if it cannot be kept.
    publish(*edit, seen.state, seen.stored.revision);
    if (!kept) return kept.error();
    return edit;
  }

  /// What this instance keeps, unless this process has seen its removal and could not keep that.
  [[nodiscard]] result<stored_membership> own_as_seen() {
    auto mine = own();
    if (!mine || !removed_ || removed_->installation != mine->kept.installation ||
        removed_->generation < mine->kept.generation)
      return mine;
    if (auto kept = keep_removal(*mine); !kept && kept.error().code() == errc::store_conflict)
      return kept.error();
    return removed();
  }
  [[nodiscard]] result<void> keep_removal(const stored_membership& mine) {
    membership next;
    next.stage = membership_stage::removed;
    next.installation = mine.kept.installation;
    next.name = mine.kept.name;
    next.record = mine.kept.record;
    next.generation = removed_->generation;
    next.state = removed_->state;
    next.private_key = mine.kept.private_key.duplicate();
    return keeper_.save(deployment_, next, mine.revision);
  }
  [[nodiscard]] error removed() const {
    return error(errc::not_activated)
        .with(fact::name, deployment_.text())
        .with(fact::reason, "it has been removed")
        .with(fact::next_step,
              "if that was not meant, forget the deployment here and ask to join again");
  }

  /// What this process has seen, if that is more than what is kept: it could not be kept then, and
  /// counts all the same.
  [[nodiscard]] static std::optional<membership> seen_since(const membership& kept,
                                                            const view_pointer& before) {
    if (before == nullptr || kept.stage != membership_stage::active ||
        kept.record != before->record || kept.generation >= before->generation)
      return std::nullopt;
    return recognising(kept, before->record, before->generation, before->state,
                       before->chain.last());
  }
  [[nodiscard]] static bool same_state(const membership& kept, const shared_view& seen) {
    return kept.stage == membership_stage::active && kept.record == seen.record &&
           kept.generation == seen.generation && kept.state == seen.state;
  }

  [[nodiscard]] result<shared_edit> open_as(const key_record& record, const both& seen,
                                            const membership& mine, const view_pointer& before) {
    const auto& header = record.header();
    auto private_key = Kem::private_key::decode(mine.private_key);
    if (!private_key) return private_key.error();
    if (auto active = judge_.activation(header, mine, *private_key); !active) {
      if (mine.stage != membership_stage::active) return active.error();
      // Its removal must be vouched for as well, else what this instance has stays in use.
      auto others = roster_of<Kem>(header);
      if (!others) return others.error();
      if (auto genuine = judge_.recognise(header, *others, seen.state, mine); !genuine)
        return genuine.error();
      // That is final, whatever the store says later: for this process, and kept.
      removed_ = seen_removal{mine.installation, header.generation, seen.state};
      if (auto kept = keep_removal(seen.mine); !kept && kept.error().code() == errc::store_conflict)
        return kept.error();
      return active.error();
    }
    return open_shared<Kem>(record, key_name(), std::move(*private_key), before.get());
  }

  /// Keeps by what the key is recognised next time: the newest record key, the newest state.
  [[nodiscard]] result<void> remember(const shared_edit& now_seen, const state_digest& state,
                                      const stored_membership& mine) {
    const auto& header = now_seen.record.header();
    if (mine.kept.stage == membership_stage::active && mine.kept.generation == header.generation &&
        mine.kept.state == state)
      return done();
    // What is kept never goes back: another process of this instance may have seen more.
    if (mine.kept.stage == membership_stage::active && mine.kept.record == header.id &&
        mine.kept.generation > header.generation)
      return done();
    auto next = recognising(mine.kept, header.id, header.generation, state, now_seen.chain.last());
    return keeper_.save(deployment_, next, mine.revision);
  }
  /// The same for what was committed: another process of this instance may keep something at the
  /// same time. Errors: those of the instance's own store; never `store_conflict`.
  [[nodiscard]] result<void> keep(const shared_edit& committed, const state_digest& state,
                                  const installation_id& by) {
    for (int attempt = 0;; ++attempt) {
      auto mine = own();
      // Forgotten meanwhile, and perhaps asked to join again.
      if (mine && (mine->kept.stage != membership_stage::active || mine->kept.installation != by))
        return withdrawn(removed());
      auto kept = mine ? remember(committed, state, *mine) : mine.error();
      if (kept) return kept;
      const bool conflict = kept.error().code() == errc::store_conflict;
      if (conflict && attempt < most_attempts) {
        store::stand_back(attempt);
        continue;
      }
      return error(conflict ? errc::store_busy : kept.error().code())
          .because(kept.error())
          .with(fact::name, deployment_.text())
          .with(fact::reason, "the change is made, and could not be kept in this instance's vault")
          .with(fact::next_step,
                "make its store writable, and look at the deployment again; until then an earlier "
                "state would be believed after a restart");
    }
  }

  /// Replaces the record key after a member has left by itself, which knows it. Once with every
  /// look, until one member has done it.
  void renew() {
    auto make = [](shared_edit& edit) -> result<void> {
      if (!wants_renewal(edit.record.header())) return error(errc::already_exists);
      return done();
    };
    static_cast<void>(change_once(make, true, true));
  }

  /// Tells the other members which versions this one has, so that they may promote and destroy
  /// some. Tried again with every look until it is told, and looked up every minute, because
  /// somebody may have erased it: nothing here depends on it.
  void tell_seen() {
    const auto view = known();
    const auto present_time = now();
    const bool lately = present_time >= told_at_ && present_time - told_at_ < look_pace::look_every;
    if (view == nullptr || (told_ && lately)) return;
    told_at_ = present_time;
    auto mine = own();
    if (!mine) return;
    const auto& member = mine->kept.installation;
    const auto name = seen_name(deployment_, member);
    auto present = records_.get(name);
    if (!present) return;
    if (*present) {
      const auto proven = proven_seen((*present)->data, context_of(*view), member);
      const auto alive = std::ranges::count_if(
          view->ring.versions(), [](const key_version& each) { return !each.secret.empty(); });
      told_ = std::cmp_equal(proven.has.size(), alive) && proven.sealing == view->ring.active().id;
      if (told_) return;
    }
    auto note = encode_seen(context_of(*view), member);
    if (!note) return;
    store::transaction changes;
    if (*present)
      changes.replace(name, (*present)->revision, std::move(*note));
    else
      changes.create(name, std::move(*note));
    told_ = records_.commit(changes).has_value();
  }

  template <class Make>
  [[nodiscard]] result<void> change_until_first(Make& make, bool stays) {
    for (int attempt = 0;; ++attempt) {
      auto changed = change_once(make, stays);
      if (changed || changed.error().code() != errc::store_conflict || attempt == most_attempts)
        return changed;
      store::stand_back(attempt);
    }
  }
  template <class Make>
  [[nodiscard]] result<void> change_once(Make& make, bool stays, bool renews = false) {
    const auto begun = now();
    auto seen = read();
    if (!seen) return seen.error();
    auto believed = believe(*seen, nullptr);
    if (!believed) return believed.error();
    pace_.looked(begun);
    auto& edit = *believed;
    if (!renews && wants_renewal(edit.record.header())) {
      renew();  // first: who has left could have written the notes that `make` reads
      return error(errc::store_conflict).with(fact::name, key_name().text());
    }
    if (auto made = make(edit); !made) return made;
    auto written = encode_shared(edit, now());
    if (!written) return written.error();
    const auto state = digest_of(*written);
    if (!state) return state.error();
    if (auto committed = commit(edit, std::move(*written), seen->stored.revision); !committed)
      return committed;
    if (!stays) return done();
    // Known here from now on, whether or not it can be kept.
    publish(edit, *state, std::nullopt);
    if (auto kept = keep(edit, *state, seen->mine.kept.installation); !kept) return kept;
    tell_seen();
    return done();
  }

  /// Leases messages under a version, while it is the one that seals. Errors: `key_state_refused`
  /// when it is not any more: then the view has the one that does; `budget_exhausted`; as `change`.
  [[nodiscard]] result<void> lease(key_id version, std::uint64_t count, std::uint64_t limit) {
    return change([&](shared_edit& edit) -> result<void> {
      edit.fresh_record_key = false;
      if (edit.ring.active().id != version)
        return error(errc::key_state_refused)
            .with(fact::key, version.value())
            .with(fact::reason, "another version seals now");
      return edit.ring.lease_messages(version, count, limit);
    });
  }

  [[nodiscard]] result<void> commit(shared_edit& edit, bytes&& data,
                                    std::optional<store::revision> expected) {
    if (expected)
      edit.also.replace(key_name(), *expected, std::move(data));
    else
      edit.also.create(key_name(), std::move(data));
    return records_.commit(edit.also);
  }

  void publish(const shared_edit& seen, const state_digest& state,
               std::optional<store::revision> revision) {
    auto made = std::make_shared<const shared_view>(view_of_edit(seen, state, revision));
    const std::scoped_lock held(view_guard_);
    if (view_ == nullptr || view_->record_commitment != made->record_commitment) told_ = false;
    if (view_ == nullptr || !same_keys(view_->ring, made->ring))
      epoch_.fetch_add(1, std::memory_order_release);
    view_ = std::move(made);
  }
  [[nodiscard]] error not_ours(const error& why) {
    return why.code() == errc::not_activated ? withdrawn(why) : why;
  }
  [[nodiscard]] error withdrawn(error why) {
    withdraw(why);
    return why;
  }
  /// Wipes what is known of the key: this instance is no member any more.
  void withdraw(error why) {
    const std::scoped_lock held(view_guard_);
    view_.reset();
    refusal_ = std::move(why);
    epoch_.fetch_add(1, std::memory_order_release);
  }

  [[nodiscard]] error missing() const {
    return error(errc::not_found)
        .with(fact::kind, role::scale_out_key::name)
        .with(fact::name, deployment_.text());
  }
  [[nodiscard]] view_pointer known() const {
    const std::scoped_lock held(view_guard_);
    return view_;
  }

  Keeper keeper_;
  Shared records_;
  object_name deployment_;
  trust_judge<Kem> judge_;

  /// A removal of this instance, which a member vouched for.
  struct seen_removal {
    installation_id installation;
    std::uint64_t generation;
    state_digest state;
  };

  std::mutex guard_;  // one look or change at a time
  std::optional<seen_removal> removed_;
  bool told_ = false;
  time_point told_at_{};
  mutable std::mutex view_guard_;
  view_pointer view_;
  error refusal_ = error(errc::not_activated);
  std::atomic<std::uint64_t> epoch_{0};
  look_pace pace_;

  std::mutex budgets_guard_;
  std::map<std::uint32_t, std::shared_ptr<seal_budget>> budgets_;
};

}  // namespace keywarden::detail
