/// @file
/// The symmetric keys of a database: what seals data.
#pragma once

#include <algorithm>
#include <concepts>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <keywarden/key/opened_key.hpp>
#include <keywarden/vault/by.hpp>
#include <keywarden/vault/database_master_key.hpp>
#include <keywarden/vault/private_keys.hpp>

namespace keywarden {

/// The symmetric keys of one database: versioned rings, each with at least one protector and
/// possibly many of each kind. Any thread.
template <class State, crypto::aead Cipher>
class symmetric_keys {
 public:
  symmetric_keys(std::shared_ptr<State> state, object_name database)
      : state_(std::move(state)), database_(database) {}

  /// CREATE SYMMETRIC KEY: a ring with one active version, protected by all of `protectors`
  /// (`by::master_key{}`, `by::password{…}`, `by::certificate{…}`, `by::asymmetric_key{…}`,
  /// `by::symmetric_key{…}`). Its floor is what they offer together: a key made with quantum-safe
  /// protectors stays so. Errors: `already_exists`, `not_open`, `not_found`, `password_refused`.
  template <class... By>
  [[nodiscard]] result<void> create(const object_name& name, const By&... protectors) {
    static_assert(sizeof...(By) >= 1,
                  "a symmetric key needs at least one protector: nothing would open it");
    (require_edge<typename By::role, role::symmetric_key>(), ...);
    const auto lock = state_->lock();
    return state_->fenced([&]() -> result<void> {
      auto present = state_->exists(record_of(name));
      if (!present) return present.error();
      if (*present)
        return error(errc::already_exists).with(fact::kind, kind()).with(fact::name, name.text());
      auto ring = key_ring::create(state_->now());
      if (!ring) return ring.error();
      requirements floor =
          requirements_of<protect::any_of<protect::database_master_key, password_protector>>;
      floor.quantum_safe = true;
      auto record =
          opened_record::create(kind(), record_of(name), floor, detail::ring_material(*ring));
      if (!record) return record.error();
      record->header().versions = detail::ring_versions(*ring);
      record->header().attributes = {{"cipher", Cipher::name}};
      result<void> all = done();
      ((all = all ? protect_with(*record, protectors, true) : all), ...);
      if (!all) return all;
      return write(*record, std::nullopt);
    });
  }

  /// ALTER SYMMETRIC KEY ADD ENCRYPTION BY: one more protector. `known` opens the key when only its
  /// password does. Errors: `weaker_than_required` for one that would undercut the key's floor; as
  /// `create` and `open`.
  template <class By>
  [[nodiscard]] result<void> add_protector(const object_name& name, const By& protector,
                                           const password* known = nullptr) {
    require_edge<typename By::role, role::symmetric_key>();
    const auto lock = state_->lock();
    return state_->fenced([&]() -> result<void> {
      auto opened = load_open(name, known);
      if (!opened) return opened.error();
      if (auto added = protect_with(opened->record, protector, false); !added) return added;
      return write(opened->record, opened->revision);
    });
  }

  /// ALTER SYMMETRIC KEY DROP ENCRYPTION BY: drops the slot of this id (see `slots`) and replaces
  /// the record key. Copies of the store made earlier stay openable with what was dropped. Errors:
  /// `not_found`, `last_protector`, as `open`.
  [[nodiscard]] result<void> drop_protector(const object_name& name, std::string_view slot_id,
                                            const password* known = nullptr) {
    const auto lock = state_->lock();
    auto opened = load_open(name, known);
    if (!opened) return opened.error();
    if (auto gone = opened->record.drop_slot(slot_id); !gone) return gone;
    if (auto fresh = rekey(opened->record); !fresh) return fresh;
    return write(opened->record, opened->revision);
  }

  /// Opens a key for one purpose: see `opened_key`. Its seal budget is leased from the store, piece
  /// by piece, when it first seals. Errors: `not_found`, `no_slot_opened`, `not_open`,
  /// `authentication_failed`, `unsupported_suite`.
  template <purpose Purpose, message_format Format = format::native>
  [[nodiscard]] result<opened_key<Purpose, Cipher, Format>> open(const object_name& name,
                                                                 const password* known = nullptr) {
    require_edge<role::symmetric_key, role::data>();
    const auto lock = state_->lock();
    auto opened = load_open(name, known);
    if (!opened) return opened.error();
    auto ring = detail::load_ring(opened->record);
    if (!ring) return ring.error();
    return opened_key<Purpose, Cipher, Format>::create(*ring, budget(name, opened->record, *ring));
  }

  /// The ring itself, for sealed streams and for formats of others. Holds the key: wipe it soon (it
  /// wipes itself). Errors: as `open`.
  [[nodiscard]] result<key_ring> open_ring(const object_name& name,
                                           const password* known = nullptr) {
    const auto lock = state_->lock();
    auto opened = load_open(name, known);
    if (!opened) return opened.error();
    return detail::load_ring(opened->record);
  }

  /// Tells whether this password is a way into the key: of one of its password slots, or of a
  /// private key that the key is under and that only a password opens. Other ways in are not tried,
  /// so that a wrong password is noticed where `open` would do without it. Costs what a guess
  /// costs. Errors: `no_slot_opened` when it is none; `authentication_failed` when it is one,
  /// and the record was altered; `not_found`, `malformed`.
  [[nodiscard]] result<void> check_password(const object_name& name, const password& known) {
    const auto lock = state_->lock();
    auto loaded = state_->load(record_of(name));
    if (!loaded) return loaded.error();
    auto none = error(errc::no_slot_opened)
                    .with(fact::name, loaded->name.text())
                    .with(fact::reason, "the password that was given is no way into this key")
                    .with(fact::next_step,
                          "give the key's own password, or none where another way in opens it");
    bool passwords_tried = false;  // one attempt looks at all the password slots
    for (const auto& slot : loaded->record.header().slots) {
      const auto scheme = slot.scheme();
      if (scheme == protect::database_master_key::scheme() ||
          scheme == protect::symmetric_key::scheme())
        continue;
      const bool own = scheme == password_protector::scheme();
      if (own && std::exchange(passwords_tried, true)) continue;
      seen_parents seen;
      if (!own && open_slot(*loaded, slot, nullptr, 0, seen)) continue;  // needs no password
      auto record = open_slot(*loaded, slot, &known, 0, seen);
      if (record) return done();
      // Opened, and altered: that is no wrong password.
      if (record.error().code() == errc::authentication_failed &&
          record.error().value_of(fact::name) == loaded->name.text())
        return record.error();
      none = std::move(none).because(error(record.error()).with(fact::slot, slot.id));
    }
    return none;
  }

  /// Adds a version that opens but does not seal yet: the first of the two roll-outs of a rotation
  /// over many processes. Returns its id. Errors: as `open`; `limit_exceeded`.
  [[nodiscard]] result<key_id> add_version(const object_name& name,
                                           const password* known = nullptr) {
    key_id made;
    auto changed = change(name, known, [&](key_ring& ring) -> result<void> {
      auto added = ring.add(state_->now());
      if (!added) return added.error();
      made = *added;
      return done();
    });
    if (!changed) return changed.error();
    return made;
  }

  /// Makes a version the one that seals: the second roll-out. Errors: as `open`; `unknown_key`,
  /// `key_state_refused`.
  [[nodiscard]] result<void> promote(const object_name& name, key_id version,
                                     const password* known = nullptr) {
    return change(name, known, [&](key_ring& ring) { return ring.promote(version); });
  }

  /// Both at once, for a key that one process uses: a new version seals, the old ones still open.
  /// Returns its id.
  [[nodiscard]] result<key_id> rotate(const object_name& name, const password* known = nullptr) {
    key_id made;
    auto changed = change(name, known, [&](key_ring& ring) -> result<void> {
      auto added = ring.add(state_->now());
      if (!added) return added.error();
      made = *added;
      return ring.promote(made);
    });
    if (!changed) return changed.error();
    return made;
  }

  /// Stops a version from opening; `enable` undoes it. Errors: as `open`; `unknown_key`,
  /// `key_state_refused`.
  [[nodiscard]] result<void> disable(const object_name& name, key_id version,
                                     const password* known = nullptr) {
    return change(name, known, [&](key_ring& ring) { return ring.disable(version); });
  }
  /// Lets a disabled version open again. Errors: as `disable`.
  [[nodiscard]] result<void> enable(const object_name& name, key_id version,
                                    const password* known = nullptr) {
    return change(name, known, [&](key_ring& ring) { return ring.enable(version); });
  }

  /// Wipes a disabled version: what it sealed is lost, except for who kept a copy of the store.
  /// Errors: as `open`; `unknown_key`, `key_state_refused`.
  [[nodiscard]] result<void> destroy(const object_name& name, key_id version,
                                     const password* known = nullptr) {
    return change(name, known, [&](key_ring& ring) { return ring.destroy(version); });
  }

  /// DROP SYMMETRIC KEY: what it sealed is lost. Errors: `has_dependents` while another symmetric
  /// key is protected by it; `not_found`.
  [[nodiscard]] result<void> drop(const object_name& name) {
    const auto lock = state_->lock();
    return state_->fenced([&]() -> result<void> {
      auto loaded = state_->load(record_of(name));
      if (!loaded) return loaded.error();
      const auto id = to_hex(loaded->record.header().id.view());
      auto names = state_->records().list(prefix());
      if (!names) return names.error();
      for (const auto& each : *names) {
        auto other = state_->load(each);
        if (!other) return other.error();
        for (const auto& slot : other->record.header().slots)
          if (slot.scheme() == protect::symmetric_key::scheme() &&
              detail::slot_text(slot, "parent") == id)
            return error(errc::has_dependents).with(fact::name, each.text());
      }
      store::transaction changes;
      changes.erase(loaded->name, loaded->revision);
      return state_->commit(std::move(changes));
    });
  }

  /// The names, sorted. Errors: those of the store.
  [[nodiscard]] result<std::vector<std::string>> list() {
    const auto lock = state_->lock();
    auto names = state_->records().list(prefix());
    if (!names) return names.error();
    return detail::last_parts(*names);
  }

  /// The public part of a key: versions, slots, floor. A claim until the key is opened. Errors:
  /// `not_found`, `malformed`.
  [[nodiscard]] result<record_header> header(const object_name& name) {
    const auto lock = state_->lock();
    auto loaded = state_->load(record_of(name));
    if (!loaded) return loaded.error();
    return loaded->record.header();
  }

 private:
  using password_protector = typename State::password_protector;
  static constexpr int max_depth = 8;

  struct opened_key_record {
    opened_record record;
    store::revision revision;
  };
  /// The symmetric keys that one attempt to open has looked at, by record: nothing while one is
  /// being opened, or could not be. So however slots point at one another, each key is opened once.
  using seen_parents = std::map<std::string, std::optional<key_ring>>;

  [[nodiscard]] static std::string_view kind() noexcept { return role::symmetric_key::name; }
  [[nodiscard]] std::string prefix() const {
    return detail::object_prefix<role::symmetric_key>(database_);
  }
  [[nodiscard]] record_name record_of(const object_name& name) const {
    return detail::object_record_name<role::symmetric_key>(database_, name);
  }
  [[nodiscard]] database_master_key_handle<State> master_key() { return {state_, database_}; }
  [[nodiscard]] private_keys<State, role::certificate> certificates() {
    return {state_, database_};
  }
  [[nodiscard]] private_keys<State, role::asymmetric_key> asymmetric_keys() {
    return {state_, database_};
  }

  // Adds the slot that a `by::` asks for. A key that is being made lowers its floor to what it is
  // made with.
  [[nodiscard]] result<void> protect_with(opened_record& record, const by::master_key&,
                                          bool /*making*/) {
    auto parent = master_key().parent();
    if (!parent) return parent.error();
    return as_void(record.add_slot(*parent, "database master key"));
  }
  [[nodiscard]] result<void> protect_with(opened_record& record, const by::password& protection,
                                          bool /*making*/) {
    if (auto good = state_->passwords().check(protection.secret); !good) return good;
    return as_void(record.add_slot(password_protector(protection.secret.duplicate()), "password"));
  }
  [[nodiscard]] result<void> protect_with(opened_record& record, const by::certificate& protection,
                                          bool making) {
    return with_public_key(record, certificates(), protection.name, protection.own, making);
  }
  [[nodiscard]] result<void> protect_with(opened_record& record,
                                          const by::asymmetric_key& protection, bool making) {
    return with_public_key(record, asymmetric_keys(), protection.name, protection.own, making);
  }
  [[nodiscard]] result<void> protect_with(opened_record& record,
                                          const by::symmetric_key& protection, bool /*making*/) {
    auto parent = load_open(protection.name, nullptr);
    if (!parent) return parent.error();
    auto ring = detail::load_ring(parent->record);
    if (!ring) return ring.error();
    return as_void(record.add_slot(
        protect::symmetric_key(detail::as_parent(parent->record.header().id, *ring)),
        detail::parent_label("symmetric key", protection.name)));
  }
  template <class Keys>
  [[nodiscard]] result<void> with_public_key(opened_record& record, Keys keys,
                                             const object_name& name, const password* own,
                                             bool making) {
    auto added = keys.add_slot(record, name, own);
    if (!added && making && added.error().code() == errc::weaker_than_required) {
      record.header().floor.strength = 0;
      record.header().floor.quantum_safe = false;
      added = keys.add_slot(record, name, own);
    }
    return added;
  }
  [[nodiscard]] static result<void> as_void(const result<std::string>& made) {
    if (!made) return made.error();
    return done();
  }

  [[nodiscard]] result<opened_key_record> load_open(const object_name& name,
                                                    const password* known) {
    auto loaded = state_->load(record_of(name));
    if (!loaded) return loaded.error();
    seen_parents seen;
    seen.try_emplace(to_hex(loaded->record.header().id.view()));
    auto record = open_loaded(*loaded, known, 0, seen);
    if (!record) return record.error();
    const auto& attributes = record->header().attributes;
    if (attributes.value("cipher", std::string{}) != Cipher::name)
      return error(errc::unsupported_suite)
          .with(fact::name, name.text())
          .with(fact::limit, Cipher::name)
          .with(fact::actual, attributes.value("cipher", std::string{}));
    return opened_key_record{std::move(*record), loaded->revision};
  }

  // The slots that need no person first; every reason is kept.
  [[nodiscard]] result<opened_record> open_loaded(const detail::loaded_record& loaded,
                                                  const password* known, int depth,
                                                  seen_parents& seen) {
    error none = error(errc::no_slot_opened).with(fact::name, loaded.name.text());
    for (const bool interactive : {false, true}) {
      for (const auto& slot : loaded.record.header().slots) {
        if ((slot.scheme() == password_protector::scheme()) != interactive) continue;
        auto record = open_slot(loaded, slot, known, depth, seen);
        if (record) return record;
        // Opened, and altered: no other slot helps. A parent that is altered is only one way in
        // that is gone.
        if (record.error().code() == errc::authentication_failed &&
            record.error().value_of(fact::name) == loaded.name.text())
          return record;
        none = std::move(none).because(error(record.error()).with(fact::slot, slot.id));
        if (interactive) return none;  // one attempt looked at all the password slots
      }
    }
    return none;
  }
  [[nodiscard]] result<opened_record> open_slot(const detail::loaded_record& loaded,
                                                const slot& through, const password* known,
                                                int depth, seen_parents& seen) {
    const auto scheme = through.scheme();
    const auto open_with = [&](const auto& protector) {
      return opened_record::open_through(loaded.record, kind(), loaded.name.text(), protector);
    };
    if (scheme == protect::database_master_key::scheme()) {
      auto parent = master_key().parent();
      if (!parent) return parent.error();
      return open_with(*parent);
    }
    if (scheme == protect::symmetric_key::scheme()) {
      auto parent = symmetric_parent(through, depth, seen);
      if (!parent) return parent.error();
      return open_with(*parent);
    }
    if (scheme == password_protector::scheme())
      return open_with(known != nullptr ? password_protector(known->duplicate())
                                        : password_protector());
    auto record = certificates().open_through(loaded, through, known);
    if (record || record.error().code() != errc::not_found) return record;
    return asymmetric_keys().open_through(loaded, through, known);
  }
  [[nodiscard]] result<protect::symmetric_key> symmetric_parent(const slot& through, int depth,
                                                                seen_parents& seen) {
    if (depth >= max_depth)
      return error(errc::limit_exceeded)
          .with(fact::reason, "symmetric keys under one another")
          .with(fact::limit, max_depth);
    const auto id = detail::slot_text(through, "parent");
    auto names = state_->records().list(prefix());
    if (!names) return names.error();
    for (const auto& each : *names) {
      auto loaded = state_->load(each);
      if (!loaded || to_hex(loaded->record.header().id.view()) != id) continue;
      const auto [at, fresh] = seen.try_emplace(id);
      if (fresh) {
        auto record = open_loaded(*loaded, nullptr, depth + 1, seen);
        if (!record) return record.error();
        auto ring = detail::load_ring(*record);
        if (!ring) return ring.error();
        at->second = std::move(*ring);
      }
      if (!at->second) return error(errc::no_slot_opened).with(fact::name, each.text());
      // The slot names the version it is under; a later rotation of the parent leaves it there.
      const auto member = through.data.find("parent_version");
      const bool sound = member != through.data.end() && member->is_number_unsigned();
      const auto version = key_id(sound ? member->template get<std::uint32_t>() : 0U);
      const auto* found = at->second->find(version);
      if (found == nullptr || !opens(found->state))
        return error(errc::unknown_key)
            .with(fact::key, version.value())
            .with(fact::slot, through.id);
      return protect::symmetric_key(
          {loaded->record.header().id, version, found->secret.duplicate()});
    }
    return error(errc::not_found).with(fact::kind, kind()).with(fact::key, id);
  }

  /// A new record key. Errors: those of opening the parents that a slot needs.
  [[nodiscard]] result<void> rekey(opened_record& record) {
    return record.rekey_with(
        [&](const slot& old, const secret_key& fresh, const record_header& header) -> result<slot> {
          if (old.scheme() == protect::database_master_key::scheme()) {
            auto parent = master_key().parent();
            if (!parent) return parent.error();
            return protect::make_slot(*parent, fresh, header, old.label);
          }
          if (old.scheme() == protect::symmetric_key::scheme()) {
            seen_parents seen;
            auto parent = symmetric_parent(old, 0, seen);
            if (!parent) return parent.error();
            return protect::make_slot(*parent, fresh, header, old.label);
          }
          return protect::remake_slot(old, fresh, header);
        });
  }

  template <class Change>
  [[nodiscard]] result<void> change(const object_name& name, const password* known,
                                    Change&& make_change) {
    const auto lock = state_->lock();
    // Another process may lease messages of the same record at any time: look again, and change
    // that.
    for (int attempt = 0;; ++attempt) {
      auto changed = change_once(name, known, make_change);
      if (changed || changed.error().code() != errc::store_conflict || attempt == 16)
        return changed;
    }
  }
  template <class Change>
  [[nodiscard]] result<void> change_once(const object_name& name, const password* known,
                                         Change& make_change) {
    auto opened = load_open(name, known);
    if (!opened) return opened.error();
    auto ring = detail::load_ring(opened->record);
    if (!ring) return ring.error();
    if (auto changed = make_change(*ring); !changed) return changed;
    detail::store_ring(opened->record, *ring);
    if (auto fresh = rekey(opened->record); !fresh) return fresh;
    auto data = opened->record.encode();
    if (!data) return data.error();
    store::transaction changes;
    changes.replace(record_of(name), opened->revision, std::move(*data));
    return state_->commit(std::move(changes));
  }

  [[nodiscard]] result<void> write(opened_record& record, std::optional<store::revision> revision) {
    auto name = record_name::parse(record.header().name);
    if (!name) return name.error();
    auto data = record.encode();
    if (!data) return data.error();
    store::transaction changes;
    if (revision)
      changes.replace(*name, *revision, std::move(*data));
    else
      changes.create(*name, std::move(*data));
    return state_->commit(std::move(changes));
  }

  /// Leases from the store, under the version that the opened key seals with. Keeps the state
  /// alive, not the handle.
  [[nodiscard]] std::unique_ptr<seal_budget> budget(const object_name& name,
                                                    const opened_record& record,
                                                    const key_ring& ring) {
    auto record_key =
        std::make_shared<const secret_key>(detail::opened_record_access::record_key(record));
    return std::make_unique<seal_budget>([self = *this, name, version = ring.active().id,
                                          record_key](std::uint64_t count) mutable -> result<void> {
      const auto lock = self.state_->lock();
      for (int attempt = 0;; ++attempt) {
        auto leased = self.lease(name, version, count, *record_key);
        if (leased || leased.error().code() != errc::store_conflict || attempt == 16) return leased;
      }
    });
  }
  [[nodiscard]] result<void> lease(const object_name& name, key_id version, std::uint64_t count,
                                   const secret_key& record_key) {
    auto loaded = state_->load(record_of(name));
    if (!loaded) return loaded.error();
    auto record =
        detail::opened_record_access::open(loaded->record, kind(), loaded->name.text(), record_key);
    seen_parents seen;
    seen.try_emplace(to_hex(loaded->record.header().id.view()));
    if (!record)
      record = open_loaded(*loaded, nullptr, 0, seen);  // rotated meanwhile: a new record key
    if (!record) return record.error();
    auto ring = detail::load_ring(*record);
    if (!ring) return ring.error();
    if (auto counted = ring->lease_messages(version, count, Cipher::max_messages); !counted)
      return counted;
    record->header().versions = detail::ring_versions(*ring);
    return write(*record, loaded->revision);
  }

  std::shared_ptr<State> state_;
  object_name database_;
};

}  // namespace keywarden
