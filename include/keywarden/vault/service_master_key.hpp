/// @file
/// The service master key of a vault: backup, restore, regenerate, and who opens it.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include <keywarden/vault/backup.hpp>
#include <keywarden/vault/master_copy.hpp>
#include <keywarden/vault/rewrap.hpp>
#include <keywarden/vault/state.hpp>

namespace keywarden {

/// The handle of a vault's service master key: the root of one instance's hierarchy.
///
/// It is made on first need, never created or dropped by hand. It wraps database master keys,
/// credentials, the passwords of linked servers and memberships of scale-out deployments. A handle
/// may be copied; it keeps the vault's state alive. Any thread.
template <class State>
class service_master_key_handle {
 public:
  explicit service_master_key_handle(std::shared_ptr<State> state) noexcept
      : state_(std::move(state)) {}

  /// How each way in fared when the vault was opened, and what was repaired.
  [[nodiscard]] const service_key_report& report() const noexcept { return state_->report(); }

  /// BACKUP SERVICE MASTER KEY: the key as a file under a password. Make one first of all: without
  /// it, losing the account and the machine loses everything. Errors: `password_refused`,
  /// `access_lost`.
  [[nodiscard]] result<bytes> backup(const password& protection) {
    const auto lock = state_->lock();
    if (auto good = state_->passwords().check(protection); !good) return good.error();
    if (auto parent = state_->service_parent(); !parent) return parent.error();
    return detail::write_backup<backup_password>(role::service_master_key::name, "",
                                                 state_->service_id(), state_->service_ring(),
                                                 protection);
  }

  /// RESTORE SERVICE MASTER KEY: replaces the key by a backed-up one and carries every dependent
  /// over. If any one cannot be opened, nothing changes. Works on a vault whose own key is lost, as
  /// long as its dependents are the backup's. Errors: as reading a backup; `would_lose` with each
  /// dependent that cannot be opened; `store_conflict`.
  [[nodiscard]] result<void> restore(bytes_view backup, const password& protection) {
    const auto lock = state_->lock();
    return state_->fenced([&]() -> result<void> {
      auto plan = plan_restore(backup, protection);
      if (!plan) return plan.error();
      if (!plan->losses().empty())
        return detail::would_lose(plan->losses(), "restoring the service master key");
      return detail::or_again(execute(std::move(*plan)));
    });
  }

  /// RESTORE … FORCE, first step: what would be lost. Errors: as reading a backup; those of the
  /// store.
  [[nodiscard]] result<loss_plan> plan_restore(bytes_view backup, const password& protection) {
    const auto lock = state_->lock();
    auto read = detail::read_backup<backup_password, typename State::accepts>(
        backup, role::service_master_key::name, protection);
    if (!read) return read.error();
    return plan(loss_plan::operation::restore_service_key, std::move(read->ring), read->id);
  }

  /// ALTER SERVICE MASTER KEY REGENERATE: a new key; every dependent is opened with the old and
  /// wrapped with the new one. If any one cannot be opened, nothing changes. Errors: as `restore`.
  [[nodiscard]] result<void> regenerate() {
    const auto lock = state_->lock();
    return state_->fenced([&]() -> result<void> {
      auto plan = plan_regenerate();
      if (!plan) return plan.error();
      if (!plan->losses().empty())
        return detail::would_lose(plan->losses(), "regenerating the service master key");
      return detail::or_again(execute(std::move(*plan)));
    });
  }

  /// ALTER SERVICE MASTER KEY FORCE REGENERATE, first step: what would be lost. Works even when the
  /// present key cannot be opened. Only for when `regenerate` fails and there is no backup.
  [[nodiscard]] result<loss_plan> plan_regenerate() {
    const auto lock = state_->lock();
    auto ring = key_ring::create(state_->now());
    if (!ring) return ring.error();
    auto id = random_public<record_id>();
    if (!id) return id.error();
    return plan(loss_plan::operation::regenerate_service_key, std::move(*ring), *id);
  }

  /// The second step of a forced operation: carries the plan out, losses and all.
  /// Errors: `plan_is_stale` when anything has changed since, `invalid_argument` for a plan of a
  /// database.
  [[nodiscard]] result<void> execute(loss_plan planned) {
    using inside = detail::loss_plan_access;
    const auto lock = state_->lock();
    return state_->fenced([&]() -> result<void> {
      if (planned.what() != loss_plan::operation::regenerate_service_key &&
          planned.what() != loss_plan::operation::restore_service_key)
        return error(errc::invalid_argument).with(fact::reason, "a plan for a database master key");
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
      // Only where the present key is lost are missing secrets made: a secret that is merely not
      // there (a folder that is not mounted) must not be replaced by the way.
      const bool renewed =
          planned.what() == loss_plan::operation::regenerate_service_key && state_->service_open();
      auto changes = std::move(carried->changes);
      if (auto added = copies(changes, planned.what() == loss_plan::operation::restore_service_key);
          !added)
        return added;
      auto present = state_->records().get(detail::service_key_name());
      if (!present) return present.error();
      auto data = state_->encode_service_key(inside::ring(planned), inside::id(planned),
                                             generation(*present), !renewed);
      if (!data) return data.error();
      if (*present)
        changes.replace(detail::service_key_name(), (*present)->revision, std::move(*data));
      else
        changes.create(detail::service_key_name(), std::move(*data));
      if (auto written = state_->commit(std::move(changes)); !written) return written;
      state_->forget_service_key();
      return state_->open_service_key(false);
    });
  }

  /// Changes who opens the key: the account, the machine, or both, while the present ones still do.
  /// The new protector's secrets are made unless they exist. Replaces the key's record key, so that
  /// who could open it before cannot open what is written from now on. Errors: `access_lost`; those
  /// of the protectors; `store_conflict`.
  [[nodiscard]] result<void> change_service_key(typename State::service_key next) {
    const auto lock = state_->lock();
    if (auto parent = state_->service_parent(); !parent) return parent.error();
    auto loaded = state_->load(detail::service_key_name());
    if (!loaded) return loaded.error();
    auto ring = detail::duplicate(state_->service_ring());
    auto previous = state_->protector();
    state_->set_protector(std::move(next));
    auto data =
        state_->encode_service_key(ring, state_->service_id(), loaded->record.header().generation);
    if (!data) {
      state_->set_protector(std::move(previous));
      return data.error();
    }
    store::transaction changes;
    changes.replace(loaded->name, loaded->revision, std::move(*data));
    if (auto written = state_->commit(std::move(changes)); !written) {
      state_->set_protector(std::move(previous));
      return written;
    }
    state_->forget_service_key();
    return state_->open_service_key(false);
  }

 private:
  using backup_password = typename State::password_protector;

  /// Everything wrapped by the service master key.
  [[nodiscard]] result<std::vector<record_name>> dependents() {
    auto names = state_->records().list("");
    if (!names) return names.error();
    std::erase_if(*names, [](const record_name& name) {
      const std::string_view text = name.text();
      const bool below = (text.starts_with("db/") && text.ends_with("/dmk") &&
                          std::ranges::count(text, '/') == 2) ||
                         text.starts_with(detail::server_prefix<role::credential>()) ||
                         text.starts_with(detail::server_prefix<role::linked_server>()) ||
                         text.starts_with(detail::server_prefix<role::scale_out_member>());
      return !below;
    });
    return names;
  }

  [[nodiscard]] result<crypto::digest> fingerprint(std::vector<record_name> names) {
    names.push_back(detail::service_key_name());
    return detail::state_of(*state_, std::move(names));
  }

  [[nodiscard]] result<loss_plan> plan(loss_plan::operation what, key_ring ring,
                                       const record_id& id) {
    using inside = detail::loss_plan_access;
    auto names = dependents();
    if (!names) return names.error();
    auto carried = carry(*names, id, ring);
    if (!carried) return carried.error();
    auto state = fingerprint(*names);
    if (!state) return state.error();
    auto made = inside::make(what, std::move(ring), id);
    inside::losses(made) = std::move(carried->losses);
    inside::carried_over(made) = carried->count;
    inside::state(made) = *state;
    return made;
  }

  /// Moves the dependents to the key of `ring`, which has this id; from the present key, if that
  /// can be opened.
  [[nodiscard]] result<detail::carried_over> carry(const std::vector<record_name>& names,
                                                   const record_id& id, const key_ring& ring) {
    auto present = state_->service_parent();
    const protect::service_master_key old =
        present ? std::move(*present) : protect::service_master_key{};
    const protect::service_master_key next(detail::as_parent(id, ring));
    auto made = detail::carry_over(*state_, names, old, next);
    if (!made) return made;
    // A database that came from another server has a copy under that server's key, which opens
    // nothing here, before or after: no loss.
    std::vector<expected_loss> losses;
    for (auto& each : made->losses) {
      const auto moved = moved_here(each.name);
      if (!moved) return moved.error();
      if (!*moved) losses.push_back(std::move(each));
    }
    made->losses = std::move(losses);
    return made;
  }

  /// Renews the copies of database master keys' service slots that the master scope keeps.
  /// Restoring a key also makes those of databases that came from its server.
  [[nodiscard]] result<void> copies(store::transaction& changes, bool make_missing) {
    std::vector<std::pair<record_name, bytes>> renewed;
    for (const auto& each : changes.changes()) {
      const std::string_view text = each.name.text();
      if (!text.ends_with("/dmk") || !each.data) continue;
      auto database = object_name::parse(text.substr(3, text.size() - 7));
      if (!database) return database.error();
      auto record = key_record::parse(*each.data);
      if (!record) return record.error();
      auto copy = detail::master_copy(record->header());
      if (copy) renewed.emplace_back(detail::master_copy_name(*database), std::move(*copy));
    }
    for (auto& [name, data] : renewed) {
      auto found = state_->records().get(name);
      if (!found) return found.error();
      if (*found)
        changes.replace(name, (*found)->revision, std::move(data));
      else if (make_missing)
        changes.create(name, std::move(data));
      // Otherwise, without a copy in the master scope the key is not opened automatically: leave it
      // so.
    }
    return done();
  }

  /// Whether a record is a database master key that the master scope does not know.
  [[nodiscard]] result<bool> moved_here(std::string_view name) {
    if (!name.starts_with("db/")) return false;
    auto database = object_name::parse(name.substr(3, name.size() - 7));
    if (!database) return database.error();
    auto copy = state_->exists(detail::master_copy_name(*database));
    if (!copy) return copy.error();
    return !*copy;
  }

  [[nodiscard]] static std::uint64_t generation(
      const std::optional<store::stored_record>& present) {
    if (!present) return 0;
    auto record = key_record::parse(present->data);
    return record ? record->header().generation : 0;
  }

  std::shared_ptr<State> state_;
};

}  // namespace keywarden
