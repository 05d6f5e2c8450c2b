/// @file
/// The vault: a key hierarchy that survives the loss of a machine or a password.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <keywarden/core/clock.hpp>
#include <keywarden/vault/database.hpp>
#include <keywarden/vault/forward.hpp>
#include <keywarden/vault/scale_out/membership.hpp>
#include <keywarden/vault/service_master_key.hpp>
#include <keywarden/vault/state.hpp>
#include <keywarden/vault/stored_secrets.hpp>

namespace keywarden {

/// How one database fares.
struct database_status {
  std::string name;
  /// Whether the database has a master key.
  bool has_master_key = false;
  bool opens_automatically = false;  ///< and it was opened, just now
  std::string
      problem;  ///< why automatic opening failed, for people; empty where it is not provided for
};

/// A key hierarchy in a store: account | machine → service master key → database master keys → keys
/// → data.
///
/// Protects: everything below the service master key, against theft of the store or its backups.
/// Does not protect: against who may read the account's and the machine's secrets. There is no back
/// door: make a backup of the service master key first of all. A vault is a session: keys opened
/// with a password stay open until they are closed or it is destroyed. Handles it gives keep its
/// state alive and may be used from any thread; several processes may use one store.
template <class Policy, clock_source Clock>
class vault {
  static_assert((detail::explain_vault_policy<Policy>(), vault_policy<Policy>));
  using state = detail::vault_state<Policy, Clock>;

 public:
  /// What the vault is composed of.
  using policy = Policy;

  /// Opens a vault. Both ways into the service master key are tried; one that does not fit any more
  /// is made anew from the other, and reported (`service_master_key().report()`). Errors:
  /// `not_found` when the store holds no vault; `access_lost` with a cause for each way in;
  /// `weaker_than_required`; those of the store.
  [[nodiscard]] static result<vault> open(typename Policy::store records,
                                          typename Policy::service_key protector,
                                          password_policy passwords = {}, Clock clock = Clock{}) {
    vault made(std::make_shared<state>(std::move(records), std::move(protector), std::move(clock),
                                       std::move(passwords)));
    const auto lock = made.state_->lock();
    if (auto opened = made.state_->open_service_key(false); !opened) return opened.error();
    return made;
  }

  /// The same, and makes the service master key (and the protectors' secrets) in a store that is
  /// empty. Errors: as `open`; `store_corrupt` when the store has records but no service master
  /// key.
  [[nodiscard]] static result<vault> open_or_create(typename Policy::store records,
                                                    typename Policy::service_key protector,
                                                    password_policy passwords = {},
                                                    Clock clock = Clock{}) {
    vault made(std::make_shared<state>(std::move(records), std::move(protector), std::move(clock),
                                       std::move(passwords)));
    const auto lock = made.state_->lock();
    if (auto opened = made.state_->open_service_key(true); !opened) return opened.error();
    return made;
  }

  /// A vault whose service master key cannot be opened: only to restore or replace it. Whatever
  /// needs the key is refused until then. Errors: none.
  [[nodiscard]] static vault open_for_recovery(typename Policy::store records,
                                               typename Policy::service_key protector,
                                               password_policy passwords = {},
                                               Clock clock = Clock{}) {
    return vault(std::make_shared<state>(std::move(records), std::move(protector), std::move(clock),
                                         std::move(passwords)));
  }

  /// The root of the hierarchy.
  [[nodiscard]] service_master_key_handle<state> service_master_key() const {
    return service_master_key_handle<state>(state_);
  }
  /// Stored identities with their secrets.
  [[nodiscard]] stored_secrets<state, role::credential> credentials() const {
    return stored_secrets<state, role::credential>(state_);
  }
  /// The passwords of linked servers.
  [[nodiscard]] stored_secrets<state, role::linked_server> linked_servers() const {
    return stored_secrets<state, role::linked_server>(state_);
  }

  /// What this instance keeps of scale-out deployments: see `scale_out`.
  [[nodiscard]] membership_keeper<state> memberships() const {
    return membership_keeper<state>(state_);
  }

  /// What `database` and `create_database` give.
  using database_handle = keywarden::database<state, typename Policy::cipher>;

  /// A new database, still without a master key. Errors: `already_exists`, those of the store.
  [[nodiscard]] result<database_handle> create_database(const object_name& name) {
    const auto lock = state_->lock();
    const auto marker = detail::database_marker_name(name);
    auto present = state_->exists(marker);
    if (!present) return present.error();
    if (*present)
      return error(errc::already_exists).with(fact::kind, "database").with(fact::name, name.text());
    const nlohmann::json document{{"keywarden", 1}, {"kind", "database"}, {"name", name.text()}};
    store::transaction changes;
    changes.create(marker, to_bytes(as_bytes(document.dump(1) + "\n")));
    if (auto written = state_->commit(std::move(changes)); !written) return written.error();
    return database_handle(state_, name);
  }

  /// An existing database. Errors: `not_found`, those of the store.
  [[nodiscard]] result<database_handle> database(const object_name& name) const {
    const auto lock = state_->lock();
    auto present = state_->exists(detail::database_marker_name(name));
    if (!present) return present.error();
    if (!*present)
      return error(errc::not_found).with(fact::kind, "database").with(fact::name, name.text());
    return database_handle(state_, name);
  }

  /// The databases' names, sorted. Errors: those of the store.
  [[nodiscard]] result<std::vector<object_name>> databases() const {
    const auto lock = state_->lock();
    auto names = state_->records().list("db/");
    if (!names) return names.error();
    std::vector<object_name> made;
    for (const auto& each : *names) {
      const std::string_view text = each.text();
      if (!text.ends_with("/database") || std::ranges::count(text, '/') != 2) continue;
      auto name = object_name::parse(
          text.substr(3, text.size() - 3 - std::string_view("/database").size()));
      if (!name) return name.error();
      made.push_back(*name);
    }
    return made;
  }

  /// Removes a database that holds nothing any more. Errors: `has_dependents` naming a record that
  /// is left; `not_found`.
  [[nodiscard]] result<void> drop_database(const object_name& name) {
    const auto lock = state_->lock();
    return state_->fenced([&]() -> result<void> {
      const auto marker = detail::database_marker_name(name);
      auto present = state_->records().get(marker);
      if (!present) return present.error();
      if (!*present)
        return error(errc::not_found).with(fact::kind, "database").with(fact::name, name.text());
      auto names = state_->records().list(detail::database_prefix(name));
      if (!names) return names.error();
      for (const auto& each : *names)
        if (each != marker)
          return error(errc::has_dependents)
              .with(fact::name, each.text())
              .with(fact::next_step, "drop its keys and its master key first");
      store::transaction changes;
      changes.erase(marker, (*present)->revision);
      return state_->commit(std::move(changes));
    });
  }

  /// How every database fares: its master key is opened automatically where that is provided for.
  /// Errors: those of the store. A database with a problem is reported, not refused.
  [[nodiscard]] result<std::vector<database_status>> status() const {
    const auto lock = state_->lock();
    auto names = databases();
    if (!names) return names.error();
    std::vector<database_status> rows;
    for (const auto& name : *names) {
      database_status row{name.text(), false, false, {}};
      auto present = state_->exists(detail::database_key_name(name));
      if (!present) return present.error();
      row.has_master_key = *present;
      auto copy = state_->exists(detail::master_copy_name(name));
      if (!copy) return copy.error();
      if (*present && *copy) {
        auto opened = database_handle(state_, name).master_key().parent();
        row.opens_automatically = opened.has_value();
        if (!opened) row.problem = opened.error().message();
      }
      rows.push_back(std::move(row));
    }
    return rows;
  }

  /// The keys whose active version has been in use for `after` or longer: time to regenerate or
  /// rotate them. Claims, until a key is opened. Errors: those of the store; `malformed` with the
  /// record's name.
  [[nodiscard]] result<std::vector<rotation_due>> rotations_due(
      std::chrono::days after = std::chrono::days(90)) const {
    const auto lock = state_->lock();
    return detail::rotations_due(*state_, state_->now() - after);
  }

 private:
  explicit vault(std::shared_ptr<state> made) noexcept : state_(std::move(made)) {}

  std::shared_ptr<state> state_;
};

}  // namespace keywarden
