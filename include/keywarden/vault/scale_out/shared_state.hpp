/// @file
/// What the handles of one member share: the shared key as last seen, and how it is read and
/// changed.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <keywarden/store/concepts.hpp>
#include <keywarden/store/stand_back.hpp>
#include <keywarden/vault/scale_out/membership.hpp>
#include <keywarden/vault/scale_out/notes.hpp>
#include <keywarden/vault/scale_out/roster.hpp>
#include <keywarden/vault/scale_out/trust.hpp>

namespace keywarden::detail {

/// The shared key as it was when it was last looked at. Immutable; holds the key.
struct shared_view {
  key_ring ring;
  roster members;
  record_id record;
  commitment record_commitment;
  secret_key record_key;
  store::revision revision;
};

/// A shared key in the hands of one who changes it.
struct shared_edit {
  opened_record record;
  key_ring ring;
  roster members;
  bool fresh_record_key = false;  ///< who could open the record before cannot open what is written
  std::vector<key_version> vouching{};  ///< versions that are gone, and known to the members
  store::transaction also{};            ///< committed together with the record
};

/// The state that a member and its handles share. Any thread.
template <keeps_membership Keeper, store::record_store Shared, crypto::kem Kem>
class shared_state {
 public:
  using kem = Kem;
  using view_pointer = std::shared_ptr<const shared_view>;

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
    return look_and_publish(nullptr);
  }
  /// The same for a newcomer, which trusts what its operator was told.
  [[nodiscard]] result<void> activate(const verification_code& confirmation) {
    const std::scoped_lock held(guard_);
    return look_and_publish(&confirmation);
  }

  /// Looks because a message names a version that is not known here: one look for all who ask at
  /// the same time, and at most one every `least_pause`, so that forged messages do not become a
  /// load on the store. Errors: as `refresh`.
  [[nodiscard]] result<void> refresh_for_unknown() {
    const auto asked = begun_.load();
    const std::scoped_lock turn(turn_);
    if (asked < answered_) return done();  // begun after we asked, and ended
    std::this_thread::sleep_until(last_look_ + least_pause);
    const auto number = ++begun_;
    auto looked = refresh();
    last_look_ = std::chrono::steady_clock::now();
    if (looked) answered_ = number;
    return looked;
  }

  /// Reads the shared key, lets `make(edit)` change it, and commits; again when another member was
  /// first. Errors: those of `refresh`, of `make` and of the stores.
  template <class Make>
  [[nodiscard]] result<void> change(Make&& make) {
    const std::scoped_lock held(guard_);
    if (auto changed = change_until_first(make); !changed) return changed;
    return look_and_publish(nullptr);
  }
  /// The same without a look at what came of it: for a member that removes itself, and for leases.
  template <class Make>
  [[nodiscard]] result<void> change_only(Make&& make) {
    const std::scoped_lock held(guard_);
    return change_until_first(make);
  }

  /// Leases messages under a version, for this process. Errors: `budget_exhausted`; as `change`.
  [[nodiscard]] result<void> lease(key_id version, std::uint64_t count, std::uint64_t limit) {
    return change_only(
        [&](shared_edit& edit) { return edit.ring.lease_messages(version, count, limit); });
  }

  /// Writes the record of a shared key for the first time, or in place of one that cannot be
  /// opened. Errors: `store_conflict`; those of the store.
  [[nodiscard]] result<void> write_anew(shared_edit edit, std::optional<store::revision> expected) {
    const std::scoped_lock held(guard_);
    return write(edit, expected);
  }

  /// Wipes what is known of the key: this instance is no member any more.
  void withdraw(error why) {
    const std::scoped_lock held(view_guard_);
    view_.reset();
    refusal_ = std::move(why);
    epoch_.fetch_add(1, std::memory_order_release);
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
    return std::move(**kept);
  }

 private:
  static constexpr int most_attempts = 64;
  static constexpr std::chrono::milliseconds least_pause{20};

  struct opened_view {
    opened_record record;
    key_ring ring;
    roster members;
    store::revision revision;
  };

  [[nodiscard]] result<void> look_and_publish(const verification_code* confirmation) {
    auto looked = look(confirmation);
    if (!looked) {
      if (looked.error().code() == errc::not_activated) withdraw(looked.error());
      return looked.error();
    }
    if (!*looked) return told_ ? done() : tell_seen(*known());  // unchanged
    auto& now = **looked;
    auto made = std::make_shared<const shared_view>(
        shared_view{std::move(now.ring), std::move(now.members), now.record.header().id,
                    now.record.header().key_commitment,
                    opened_record_access::record_key(now.record), now.revision});
    {
      const std::scoped_lock held(view_guard_);
      const bool same = view_ != nullptr && same_keys(view_->ring, made->ring);
      view_ = made;
      if (!same) {
        told_ = false;
        epoch_.fetch_add(1, std::memory_order_release);
      }
    }
    return told_ ? done() : tell_seen(*made);
  }

  /// Nothing when the record is as it was.
  [[nodiscard]] result<std::optional<opened_view>> look(const verification_code* confirmation) {
    auto found = records_.get(key_name());
    if (!found) return found.error();
    if (!*found) return missing();
    const auto before = known();
    if (before != nullptr && (*found)->revision == before->revision && confirmation == nullptr)
      return std::optional<opened_view>();
    auto opened = open(**found, before, confirmation);
    if (!opened) return opened.error();
    return std::optional(std::move(*opened));
  }

  /// Opens a stored record and decides whether to trust it.
  [[nodiscard]] result<opened_view> open(const store::stored_record& stored,
                                         const view_pointer& before,
                                         const verification_code* confirmation) {
    auto record = key_record::parse(stored.data);
    if (!record) return error(record.error()).with(fact::name, key_name().text());
    for (int attempt = 0;; ++attempt) {
      auto mine = own();
      if (!mine) return mine.error();
      auto opened = open_as(*record, stored.revision, *mine, before);
      if (!opened) return opened.error();
      if (auto trusted = judge_.trust(opened->record.header(), opened->ring, opened->members,
                                      mine->kept, confirmation);
          !trusted)
        return trusted.error();
      auto kept = remember(*opened, *mine, before);
      if (kept) return std::move(*opened);
      // Another process of this instance has seen something newer: judge by that.
      if (kept.error().code() != errc::store_conflict || attempt == most_attempts)
        return kept.error();
    }
  }

  [[nodiscard]] result<opened_view> open_as(const key_record& record, store::revision revision,
                                            const stored_membership& mine,
                                            const view_pointer& before) {
    const auto& header = record.header();
    auto private_key = Kem::private_key::decode(mine.kept.private_key);
    if (!private_key) return private_key.error();
    if (auto active = judge_.activation(header, mine.kept, *private_key); !active) {
      // Its removal must be vouched for as well, else what this instance has stays in use.
      if (mine.kept.stage != membership_stage::active) return active.error();
      auto others = roster_of<Kem>(header);
      if (!others) return others.error();
      if (auto genuine = judge_.recognise(header, *others, mine.kept); !genuine)
        return genuine.error();
      return active.error();
    }
    using access = opened_record_access;
    const std::string_view kind = role::scale_out_key::name;
    const auto name = key_name();
    auto opened = before != nullptr && before->record_commitment == header.key_commitment
                      ? access::open(record, kind, name.text(), before->record_key)
                      : opened_record::open(record, kind, name.text(),
                                            protect::recipient<Kem>(std::move(*private_key)));
    if (!opened) return opened.error();
    auto ring = load_ring(*opened);
    if (!ring) return ring.error();
    auto members = roster_of<Kem>(opened->header());
    if (!members) return members.error();
    return opened_view{std::move(*opened), std::move(*ring), std::move(*members), revision};
  }

  [[nodiscard]] error missing() const {
    return error(errc::not_found)
        .with(fact::kind, role::scale_out_key::name)
        .with(fact::name, deployment_.text());
  }

  /// Keeps by what the key is recognised next time: the newest version, the newest record.
  [[nodiscard]] result<void> remember(const opened_view& now, const stored_membership& mine,
                                      const view_pointer& before) {
    const auto& header = now.record.header();
    const auto& active = now.ring.active();
    const bool leased_only = before != nullptr && mine.kept.version == active.id &&
                             before->record_commitment == header.key_commitment;
    if (mine.kept.stage == membership_stage::active && mine.kept.version == active.id &&
        (mine.kept.generation == header.generation || leased_only))
      return done();
    auto trusted = witness_key(active);
    if (!trusted) return trusted.error();
    const membership next{membership_stage::active,
                          mine.kept.installation,
                          mine.kept.name,
                          header.id,
                          header.generation,
                          active.id,
                          mine.kept.private_key.duplicate(),
                          std::move(*trusted)};
    return keeper_.save(deployment_, next, mine.revision);
  }

  /// Tells the other members which versions this one has, so that they may promote one.
  [[nodiscard]] result<void> tell_seen(const shared_view& now) {
    auto mine = own();
    if (!mine) return mine.error();
    const auto name = seen_name(deployment_, mine->kept.installation);
    auto present = records_.get(name);
    if (!present) return present.error();
    if (*present) {
      const auto proven =
          proven_seen((*present)->data, now.ring, now.record, mine->kept.installation);
      const auto alive = std::ranges::count_if(
          now.ring.versions(), [](const key_version& each) { return !each.secret.empty(); });
      if (std::cmp_equal(proven.size(), alive)) {
        told_ = true;
        return done();
      }
    }
    auto note = encode_seen(now.ring, now.record, mine->kept.installation);
    if (!note) return note.error();
    store::transaction changes;
    if (*present)
      changes.replace(name, (*present)->revision, std::move(*note));
    else
      changes.create(name, std::move(*note));
    auto told = records_.commit(changes);
    // Another process of this instance may have told meanwhile: see, with the next look.
    if (!told && told.error().code() == errc::store_conflict) return done();
    told_ = told.has_value();
    return told;
  }

  template <class Make>
  [[nodiscard]] result<void> change_until_first(Make& make) {
    for (int attempt = 0;; ++attempt) {
      auto changed = change_once(make);
      if (changed || changed.error().code() != errc::store_conflict || attempt == most_attempts)
        return changed;
      store::stand_back(attempt);
    }
  }
  template <class Make>
  [[nodiscard]] result<void> change_once(Make& make) {
    auto found = records_.get(key_name());
    if (!found) return found.error();
    if (!*found) return missing();
    auto now = open(**found, known(), nullptr);
    if (!now) {
      if (now.error().code() == errc::not_activated) withdraw(now.error());
      return now.error();
    }
    shared_edit edit{std::move(now->record), std::move(now->ring), std::move(now->members)};
    if (auto made = make(edit); !made) return made;
    return write(edit, now->revision);
  }

  [[nodiscard]] result<void> write(shared_edit& edit, std::optional<store::revision> expected) {
    store_ring(edit.record, edit.ring);
    list_members(edit.record.header(), edit.members);
    if (edit.fresh_record_key) {
      auto fresh = edit.record.rekey_with(
          [](const slot& old, const secret_key& record_key, const record_header& header) {
            return protect::remake_slot(old, record_key, header);
          });
      if (!fresh) return fresh;
    }
    if (auto borne = bear_witness(edit.record, edit.ring, edit.vouching, edit.members); !borne)
      return borne;
    auto data = edit.record.encode();
    if (!data) return data.error();
    if (expected)
      edit.also.replace(key_name(), *expected, std::move(*data));
    else
      edit.also.create(key_name(), std::move(*data));
    return records_.commit(edit.also);
  }

  [[nodiscard]] view_pointer known() const {
    const std::scoped_lock held(view_guard_);
    return view_;
  }

  /// Whether handles that hold keys of one ring may go on with them under the other.
  [[nodiscard]] static bool same_keys(const key_ring& left, const key_ring& right) {
    return std::ranges::equal(left.versions(), right.versions(),
                              [](const key_version& a, const key_version& b) {
                                return a.id == b.id && a.state == b.state;
                              });
  }

  Keeper keeper_;
  Shared records_;
  object_name deployment_;
  trust_judge<Kem> judge_;

  std::mutex guard_;  // one look or change at a time
  bool told_ = false;
  mutable std::mutex view_guard_;
  view_pointer view_;
  error refusal_ = error(errc::not_activated);
  std::atomic<std::uint64_t> epoch_{0};

  std::mutex turn_;  // of looks for unknown versions
  std::atomic<std::uint64_t> begun_{0};
  std::uint64_t answered_ = 0;
  std::chrono::steady_clock::time_point last_look_{};
};

}  // namespace keywarden::detail
