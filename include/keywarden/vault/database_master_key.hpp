/// @file
/// The master key of one database: made, opened, closed, protected, replaced, saved and dropped.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <keywarden/key/purpose.hpp>
#include <keywarden/key/role.hpp>
#include <keywarden/vault/backup.hpp>
#include <keywarden/vault/master_copy.hpp>
#include <keywarden/vault/rewrap.hpp>
#include <keywarden/vault/state.hpp>

namespace keywarden {

/// What restoring a database master key came to.
struct restore_report {
  bool opens_automatically = false;  ///< the restored key is wrapped by the service master key
  std::size_t carried_over = 0;      ///< how many dependents were wrapped anew
};

/// Keeps a database master key open that was opened with a password; the last guard closes it when
/// destroyed.
///
/// Belongs to the session, not to any transaction: rolling something back leaves the key open.
/// Move-only.
template <class State>
class open_master_key_guard {
 public:
  open_master_key_guard(std::shared_ptr<State> state, std::string database,
                        std::uint64_t number) noexcept
      : state_(std::move(state)), database_(std::move(database)), number_(number) {}
  open_master_key_guard(open_master_key_guard&&) noexcept = default;
  open_master_key_guard& operator=(open_master_key_guard&&) = delete;
  ~open_master_key_guard() {
    if (state_ == nullptr) return;
    const auto lock = state_->lock();
    const auto held = state_->session().find(database_);
    // A key that was closed and opened again is not this guard's to close.
    if (held == state_->session().end() || held->second.guards.erase(number_) == 0) return;
    if (held->second.guards.empty()) state_->session().erase(held);
  }

  /// Leaves the key open beyond this guard, until `close` or the end of the vault object.
  void keep_open() && noexcept { state_.reset(); }

 private:
  std::shared_ptr<State> state_;
  std::string database_;
  std::uint64_t number_;
};

/// The handle of one database's master key.
///
/// It wraps private keys and symmetric keys; it never seals data. It opens with any of its
/// passwords and, unless that was dropped, automatically through the service master key. Any
/// thread.
template <class State>
class database_master_key_handle {
 public:
  database_master_key_handle(std::shared_ptr<State> state, object_name database)
      : state_(std::move(state)), database_(database) {}

  /// A database master key does not seal data: this does not compile. Seal with a symmetric key
  /// below it.
  template <purpose Purpose>
  void open_for_data() const {
    require_edge<std::conditional_t<purpose<Purpose>, role::database_master_key, void>,
                 role::data>();
  }

  /// CREATE MASTER KEY: a new key, opened by this password and automatically by the service master
  /// key. Errors: `already_exists`, `not_found` (no such database), `password_refused`,
  /// `access_lost`.
  [[nodiscard]] result<void> create(const password& protection) {
    require_edge<role::password, role::database_master_key>();
    require_edge<role::service_master_key, role::database_master_key>();
    const auto lock = state_->lock();
    return state_->fenced([&]() -> result<void> {
      if (auto good = state_->passwords().check(protection); !good) return good;
      if (auto there = database_exists(); !there) return there;
      if (auto present = state_->exists(name()); !present || *present)
        return present ? error(errc::already_exists).with(fact::name, name().text())
                       : present.error();
      auto ring = key_ring::create(state_->now());
      if (!ring) return ring.error();
      auto parent = state_->service_parent();
      if (!parent) return parent.error();
      auto record = make(*ring, std::nullopt, protection, &*parent);
      if (!record) return record.error();
      return write(*record, std::nullopt);
    });
  }

  /// OPEN MASTER KEY DECRYPTION BY PASSWORD: until the guard is gone. Needed when the key is not
  /// opened automatically. Errors: `not_found`, `no_slot_opened`, `authentication_failed`,
  /// `weaker_than_required`.
  [[nodiscard]] result<open_master_key_guard<State>> open(const password& known) {
    const auto lock = state_->lock();
    auto loaded = state_->load(name());
    if (!loaded) return loaded.error();
    auto record = through(*loaded, password_protector(known.duplicate()));
    if (!record) return record.error();
    auto& held = state_->session()[database_.text()];
    held.record_key = detail::opened_record_access::record_key(*record);
    const auto number = state_->number_guard();
    held.guards.insert(number);
    return open_master_key_guard<State>(state_, database_.text(), number);
  }

  /// CLOSE MASTER KEY. Errors: `not_open` unless this session opened it with `open`; automatic
  /// opening does not count.
  [[nodiscard]] result<void> close() {
    const auto lock = state_->lock();
    if (state_->session().erase(database_.text()) == 0)
      return error(errc::not_open)
          .with(fact::name, name().text())
          .with(fact::reason, "only a key that this session opened with a password can be closed");
    return done();
  }

  /// Whether the key can be used right now, automatically or because it was opened. Errors: those
  /// of the store.
  [[nodiscard]] result<bool> usable() {
    const auto lock = state_->lock();
    auto opened = load_open();
    if (opened) return true;
    if (opened.error().code() == errc::not_open) return false;
    return opened.error();
  }

  /// Whether the service master key opens it (is_master_key_encrypted_by_server). Errors:
  /// `not_found`, those of the store.
  [[nodiscard]] result<bool> opens_automatically() {
    const auto lock = state_->lock();
    auto loaded = state_->load(name());
    if (!loaded) return loaded.error();
    auto copy = state_->exists(detail::master_copy_name(database_));
    if (!copy) return copy.error();
    return *copy && detail::has_slot_of<protect::service_master_key>(loaded->record.header());
  }

  /// ADD ENCRYPTION BY PASSWORD: one more password, with a copy of its own. Errors: `not_open`,
  /// `password_refused`, `already_exists` when this password opens it already.
  [[nodiscard]] result<void> add_password(const password& added) {
    const auto lock = state_->lock();
    if (auto good = state_->passwords().check(added); !good) return good;
    auto opened = load_open();
    if (!opened) return opened.error();
    const password_protector protector(added.duplicate());
    auto same = password_slot(opened->record, protector);
    if (!same) return same.error();
    if (*same) return error(errc::already_exists).with(fact::slot, **same);
    if (auto made = opened->record.add_slot(protector, "password"); !made) return made.error();
    return write(opened->record, opened->revision);
  }

  /// DROP ENCRYPTION BY PASSWORD: the password selects the copy. Copies of the store made earlier
  /// stay openable with it. Errors: `not_open`, `no_slot_opened`, `last_protector`: a database
  /// master key always keeps a password.
  [[nodiscard]] result<void> drop_password(const password& dropped) {
    const auto lock = state_->lock();
    auto opened = load_open();
    if (!opened) return opened.error();
    auto found = password_slot(opened->record, password_protector(dropped.duplicate()));
    if (!found) return found.error();
    if (!*found) return error(errc::no_slot_opened).with(fact::name, name().text());
    if (std::ranges::count(opened->record.header().slots, password_protector::scheme(),
                           &slot::scheme) == 1)
      return error(errc::last_protector)
          .with(fact::slot, **found)
          .with(fact::next_step, "add another password first");
    if (auto gone = opened->record.drop_slot(**found); !gone) return gone;
    return rekey_and_write(*opened);
  }

  /// ADD ENCRYPTION BY SERVICE MASTER KEY: automatic opening, with copies in the database and in
  /// the master scope. Errors: `not_open`, `already_exists`, `access_lost`.
  [[nodiscard]] result<void> add_service_key() {
    const auto lock = state_->lock();
    return state_->fenced([&]() -> result<void> {
      auto opened = load_open();
      if (!opened) return opened.error();
      auto parent = state_->service_parent();
      if (!parent) return parent.error();
      for (const auto& each : std::vector<slot>(opened->record.header().slots)) {
        if (each.scheme() != protect::service_master_key::scheme()) continue;
        auto copy = state_->exists(detail::master_copy_name(database_));
        if (!copy) return copy.error();
        auto fits = opened->record.fits(*parent, each);
        if (fits && *fits && *copy) return error(errc::already_exists).with(fact::slot, each.id);
        // A copy under another server's key, or one the master scope does not know: made anew.
        if (auto made = opened->record.replace_slot(each.id, *parent); !made) return made;
        return write(opened->record, opened->revision);
      }
      if (auto made = opened->record.add_slot(*parent, "service master key"); !made)
        return made.error();
      return write(opened->record, opened->revision);
    });
  }

  /// DROP ENCRYPTION BY SERVICE MASTER KEY: from now on only passwords open it. Errors: `not_open`,
  /// `not_found`.
  [[nodiscard]] result<void> drop_service_key() {
    const auto lock = state_->lock();
    auto opened = load_open();
    if (!opened) return opened.error();
    const auto& slots = opened->record.header().slots;
    const auto at = std::ranges::find(slots, protect::service_master_key::scheme(), &slot::scheme);
    if (at == slots.end())
      return error(errc::not_found).with(fact::scheme, protect::service_master_key::scheme());
    if (auto gone = opened->record.drop_slot(std::string(at->id)); !gone) return gone;
    return rekey_and_write(*opened);
  }

  /// ALTER MASTER KEY REGENERATE WITH ENCRYPTION BY PASSWORD: a new key, opened by this password
  /// alone and, if the old one was, by the service master key; everything below is carried over. If
  /// any one cannot be opened, nothing changes. Errors: `not_open`, `password_refused`,
  /// `would_lose` with each dependent that cannot be opened, `store_conflict`.
  [[nodiscard]] result<void> regenerate(const password& protection) {
    const auto lock = state_->lock();
    return state_->fenced([&]() -> result<void> {
      if (auto opened = load_open(); !opened) return opened.error();
      auto plan = plan_regenerate(protection);
      if (!plan) return plan.error();
      if (!plan->losses().empty())
        return detail::would_lose(plan->losses(), "regenerating the database master key");
      auto report = detail::or_again(execute(std::move(*plan)));
      if (!report) return report.error();
      return done();
    });
  }

  /// ALTER MASTER KEY FORCE REGENERATE, first step: what would be lost. Works even when the key is
  /// not open.
  [[nodiscard]] result<loss_plan> plan_regenerate(const password& protection) {
    const auto lock = state_->lock();
    if (auto good = state_->passwords().check(protection); !good) return good.error();
    auto ring = key_ring::create(state_->now());
    if (!ring) return ring.error();
    auto id = random_public<record_id>();
    if (!id) return id.error();
    return plan(loss_plan::operation::regenerate_database_key, std::move(*ring), *id, protection);
  }

  /// BACKUP MASTER KEY: the key as a file under a password of its own. Errors: `not_open`,
  /// `password_refused`.
  [[nodiscard]] result<bytes> backup(const password& protection) {
    const auto lock = state_->lock();
    if (auto good = state_->passwords().check(protection); !good) return good.error();
    auto opened = load_open();
    if (!opened) return opened.error();
    auto ring = detail::load_ring(opened->record);
    if (!ring) return ring.error();
    return detail::write_backup<password_protector>(role::database_master_key::name,
                                                    database_.text(), opened->record.header().id,
                                                    *ring, protection);
  }

  /// RESTORE MASTER KEY: the backed-up key, from now on under `protection`, replaces the present
  /// one and everything below is carried over. It is wrapped by the service master key only if the
  /// present one was: where there was none, add it with `add_service_key`. Errors: as reading a
  /// backup; `not_open` when there is a present key that is not open; `would_lose` with each
  /// dependent that cannot be opened.
  [[nodiscard]] result<restore_report> restore(bytes_view backup, const password& file_password,
                                               const password& protection) {
    const auto lock = state_->lock();
    return state_->fenced([&]() -> result<restore_report> {
      auto present = state_->exists(name());
      if (!present) return present.error();
      if (*present)
        if (auto opened = load_open(); !opened) return opened.error();
      auto plan = plan_restore(backup, file_password, protection);
      if (!plan) return plan.error();
      if (!plan->losses().empty())
        return detail::would_lose(plan->losses(), "restoring the database master key");
      return detail::or_again(execute(std::move(*plan)));
    });
  }

  /// RESTORE … FORCE, first step: what would be lost.
  [[nodiscard]] result<loss_plan> plan_restore(bytes_view backup, const password& file_password,
                                               const password& protection) {
    const auto lock = state_->lock();
    if (auto there = database_exists(); !there) return there.error();
    if (auto good = state_->passwords().check(protection); !good) return good.error();
    auto read = detail::read_backup<password_protector, typename State::accepts>(
        backup, role::database_master_key::name, file_password);
    if (!read) return read.error();
    return plan(loss_plan::operation::restore_database_key, std::move(read->ring), read->id,
                protection);
  }

  /// The second step of a forced operation. Errors: `plan_is_stale`, `invalid_argument` for a plan
  /// of something else.
  [[nodiscard]] result<restore_report> execute(loss_plan planned) {
    using inside = detail::loss_plan_access;
    const auto lock = state_->lock();
    return state_->fenced([&]() -> result<restore_report> {
      if ((planned.what() != loss_plan::operation::regenerate_database_key &&
           planned.what() != loss_plan::operation::restore_database_key) ||
          inside::database(planned) != database_.text())
        return error(errc::invalid_argument).with(fact::reason, "a plan for another key");
      auto names = dependents();
      if (!names) return names.error();
      auto now = fingerprint(*names);
      if (!now) return now.error();
      if (*now != inside::state(planned))
        return error(errc::plan_is_stale).with(fact::next_step, "make a new plan");

      auto carried = carry(*names, inside::id(planned), inside::ring(planned));
      if (!carried) return carried.error();
      if (!detail::same_losses(carried->losses, inside::losses(planned)))
        return error(errc::plan_is_stale)
            .with(fact::reason, "other things would be lost now than when the plan was made")
            .with(fact::next_step, "make a new plan");
      auto automatic = was_automatic();
      if (!automatic) return automatic.error();
      protect::service_master_key parent;
      if (*automatic) {
        auto service = state_->service_parent();
        if (!service) return service.error();
        parent = std::move(*service);
      }
      auto record = make(inside::ring(planned), inside::id(planned), inside::new_password(planned),
                         *automatic ? &parent : nullptr);
      if (!record) return record.error();
      auto present = state_->records().get(name());
      if (!present) return present.error();
      std::optional<store::revision> revision;
      if (*present) revision = (*present)->revision;
      if (auto written = write(*record, revision, std::move(carried->changes)); !written)
        return written.error();
      state_->session().erase(database_.text());
      return restore_report{*automatic, carried->count};
    });
  }

  /// DROP MASTER KEY. Errors: `has_dependents` while any private or symmetric key is protected by
  /// it, naming one; `not_found`.
  [[nodiscard]] result<void> drop() {
    const auto lock = state_->lock();
    return state_->fenced([&]() -> result<void> {
      auto loaded = state_->load(name());
      if (!loaded) return loaded.error();
      auto names = dependents();
      if (!names) return names.error();
      for (const auto& each : *names) {
        auto below = state_->load(each);
        if (!below) return below.error();
        if (detail::has_slot_of<protect::database_master_key>(below->record.header()))
          return error(errc::has_dependents)
              .with(fact::name, each.text())
              .with(fact::next_step, "drop it, or protect it by something else, first");
      }
      store::transaction changes;
      changes.erase(name(), loaded->revision);
      auto copy = state_->records().get(detail::master_copy_name(database_));
      if (!copy) return copy.error();
      if (*copy) changes.erase(detail::master_copy_name(database_), (*copy)->revision);
      if (auto written = state_->commit(std::move(changes)); !written) return written;
      state_->session().erase(database_.text());
      return done();
    });
  }

  /// The key as a parent for what is below it, for the vault's other handles. Errors: `not_open`,
  /// `not_found`.
  [[nodiscard]] result<protect::database_master_key> parent() {
    const auto lock = state_->lock();
    auto opened = load_open();
    if (!opened) return opened.error();
    auto ring = detail::load_ring(opened->record);
    if (!ring) return ring.error();
    return protect::database_master_key(detail::as_parent(opened->record.header().id, *ring));
  }

 private:
  using password_protector = typename State::password_protector;
  using composition = protect::any_of<protect::service_master_key, password_protector>;

  struct opened_key_record {
    opened_record record;
    store::revision revision;
  };

  [[nodiscard]] record_name name() const { return detail::database_key_name(database_); }

  [[nodiscard]] result<void> database_exists() {
    auto there = state_->exists(detail::database_marker_name(database_));
    if (!there) return there.error();
    if (!*there)
      return error(errc::not_found).with(fact::kind, "database").with(fact::name, database_.text());
    return done();
  }

  template <class Protector>
  [[nodiscard]] result<opened_record> through(const detail::loaded_record& loaded,
                                              const Protector& protector) {
    auto record = opened_record::open_through(loaded.record, role::database_master_key::name,
                                              name().text(), protector);
    if (!record) return record;
    if (auto ok = protect::check_floor<composition, typename State::accepts>(record->header()); !ok)
      return ok.error();
    return record;
  }

  /// The record, open: from the session, or automatically. Errors: `not_found`, `not_open`,
  /// `authentication_failed`.
  [[nodiscard]] result<opened_key_record> load_open() {
    auto loaded = state_->load(name());
    if (!loaded) return loaded.error();
    if (const auto at = state_->session().find(database_.text()); at != state_->session().end()) {
      auto record = detail::opened_record_access::open(
          loaded->record, role::database_master_key::name, name().text(), at->second.record_key);
      if (record) return opened_key_record{std::move(*record), loaded->revision};
    }
    auto copy = state_->records().get(detail::master_copy_name(database_));
    if (!copy) return copy.error();
    if (!*copy) return not_open("the service master key does not open it automatically");
    auto parent = state_->service_parent();
    if (!parent) return not_open("the service master key is not open").because(parent.error());
    if (auto record = automatically(*loaded, (*copy)->data, *parent))
      return opened_key_record{std::move(*record), loaded->revision};
    auto record = through(*loaded, *parent);
    if (!record) {
      if (record.error().code() == errc::no_slot_opened)
        return not_open("its copy is under another service master key").because(record.error());
      return record.error();
    }
    return opened_key_record{std::move(*record), loaded->revision};
  }

  /// Opens through the master scope's copy of the service slot.
  [[nodiscard]] result<opened_record> automatically(const detail::loaded_record& loaded,
                                                    bytes_view copy,
                                                    const protect::service_master_key& parent) {
    auto data = detail::read_master_copy(copy);
    if (!data) return data.error();
    secret_key record_key;
    auto found = parent.recover(data->value, protect::detail::context_of(loaded.record.header()),
                                [&](const secret_key& candidate) -> result<bool> {
                                  if (!loaded.record.check_commitment(candidate)) return false;
                                  record_key = candidate.duplicate();
                                  return true;
                                });
    if (!found) return found.error();
    if (!*found) return error(errc::authentication_failed);
    auto record = detail::opened_record_access::open(loaded.record, role::database_master_key::name,
                                                     name().text(), record_key);
    if (!record) return record;
    if (auto ok = protect::check_floor<composition, typename State::accepts>(record->header()); !ok)
      return ok.error();
    return record;
  }

  [[nodiscard]] error not_open(std::string_view reason) const {
    return error(errc::not_open)
        .with(fact::name, name().text())
        .with(fact::reason, reason)
        .with(fact::next_step, "open the database master key with a password");
  }

  [[nodiscard]] result<opened_record> make(const key_ring& ring, std::optional<record_id> id,
                                           const password& protection,
                                           const protect::service_master_key* parent) {
    auto record = opened_record::create(role::database_master_key::name, name(),
                                        requirements_of<composition>, detail::ring_material(ring));
    if (!record) return record;
    if (id) record->header().id = *id;
    record->header().versions = detail::ring_versions(ring);
    if (parent != nullptr)
      if (auto added = record->add_slot(*parent, "service master key"); !added)
        return added.error();
    if (auto added = record->add_slot(password_protector(protection.duplicate()), "password");
        !added)
      return added.error();
    return record;
  }

  /// The id of the slot that this password opens. Errors: those of trying.
  [[nodiscard]] result<std::optional<std::string>> password_slot(
      const opened_record& record, const password_protector& protector) {
    for (const auto& each : record.header().slots) {
      if (each.scheme() != password_protector::scheme()) continue;
      auto fits = record.fits(protector, each);
      if (!fits) return fits.error();
      if (*fits) return std::optional(each.id);
    }
    return std::optional<std::string>{};
  }

  /// A new record key for the slots that are left, and the write. Errors: `access_lost` when a
  /// service slot is left and the service master key is not open.
  [[nodiscard]] result<void> rekey_and_write(opened_key_record& opened) {
    protect::service_master_key parent;
    if (detail::has_slot_of<protect::service_master_key>(opened.record.header())) {
      auto service = state_->service_parent();
      if (!service) return service.error();
      parent = std::move(*service);
    }
    if (auto fresh = opened.record.rekey(parent); !fresh) return fresh;
    return write(opened.record, opened.revision);
  }

  /// Writes the record and the master scope's copy of its service slot, together.
  [[nodiscard]] result<void> write(opened_record& record, std::optional<store::revision> revision,
                                   store::transaction changes = {}) {
    auto data = record.encode();
    if (!data) return data.error();
    if (revision)
      changes.replace(name(), *revision, std::move(*data));
    else
      changes.create(name(), std::move(*data));
    const auto copy_name = detail::master_copy_name(database_);
    auto present = state_->records().get(copy_name);
    if (!present) return present.error();
    auto copy = detail::master_copy(record.header());
    if (copy && *present)
      changes.replace(copy_name, (*present)->revision, std::move(*copy));
    else if (copy)
      changes.create(copy_name, std::move(*copy));
    else if (*present)
      changes.erase(copy_name, (*present)->revision);
    if (auto written = state_->commit(std::move(changes)); !written) return written;
    if (const auto at = state_->session().find(database_.text()); at != state_->session().end())
      at->second.record_key = detail::opened_record_access::record_key(record);
    return done();
  }

  /// Every record that may be wrapped by this key.
  [[nodiscard]] result<std::vector<record_name>> dependents() {
    std::vector<record_name> all;
    for (const auto& prefix : {detail::object_prefix<role::certificate>(database_),
                               detail::object_prefix<role::asymmetric_key>(database_),
                               detail::object_prefix<role::symmetric_key>(database_)}) {
      auto names = state_->records().list(prefix);
      if (!names) return names.error();
      all.insert(all.end(), names->begin(), names->end());
    }
    return all;
  }

  [[nodiscard]] result<crypto::digest> fingerprint(std::vector<record_name> names) {
    names.push_back(name());
    names.push_back(detail::master_copy_name(database_));
    return detail::state_of(*state_, std::move(names));
  }

  [[nodiscard]] result<bool> was_automatic() {
    auto present = state_->exists(name());
    if (!present || !*present) return present;
    auto copy = state_->exists(detail::master_copy_name(database_));
    if (!copy || !*copy) return copy;  // without one, the slot is perhaps another server's
    auto loaded = state_->load(name());
    if (!loaded) return false;  // unreadable: nothing is known of it
    return detail::has_slot_of<protect::service_master_key>(loaded->record.header());
  }

  [[nodiscard]] result<detail::carried_over> carry(const std::vector<record_name>& names,
                                                   const record_id& id, const key_ring& ring) {
    auto present = parent();
    const protect::database_master_key old =
        present ? std::move(*present) : protect::database_master_key{};
    const protect::database_master_key next(detail::as_parent(id, ring));
    return detail::carry_over(*state_, names, old, next);
  }

  [[nodiscard]] result<loss_plan> plan(loss_plan::operation what, key_ring ring,
                                       const record_id& id, const password& protection) {
    using inside = detail::loss_plan_access;
    auto names = dependents();
    if (!names) return names.error();
    auto carried = carry(*names, id, ring);
    if (!carried) return carried.error();
    auto state = fingerprint(*names);
    if (!state) return state.error();
    auto made = inside::make(what, std::move(ring), id);
    inside::database(made) = database_.text();
    inside::new_password(made) = protection.duplicate();
    inside::losses(made) = std::move(carried->losses);
    inside::carried_over(made) = carried->count;
    inside::state(made) = *state;
    return made;
  }

  std::shared_ptr<State> state_;
  object_name database_;
};

}  // namespace keywarden
