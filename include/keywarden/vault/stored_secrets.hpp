/// @file
/// Credentials and the passwords of linked servers, under the service master key.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <keywarden/key/role.hpp>
#include <keywarden/vault/rewrap.hpp>
#include <keywarden/vault/state.hpp>

namespace keywarden {

/// A stored identity with its secret.
struct stored_secret {
  std::string identity;  ///< a login or user name; not secret, authenticated
  /// What is kept secret.
  plaintext secret;
};

/// The server's own secrets of one role (`role::credential`, `role::linked_server`), each in a
/// record under the service master key. Lost when that key is lost. Any thread.
template <class State, class Role>
class stored_secrets {
 public:
  /// The longest identity, in bytes.
  static constexpr std::size_t max_identity = 128;
  /// The longest secret, in bytes.
  static constexpr std::size_t max_secret = 65536;

  explicit stored_secrets(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}

  /// Stores a secret under a name, in place of one that is there. Errors: `limit_exceeded`,
  /// `access_lost`, `store_conflict`.
  [[nodiscard]] result<void> put(const object_name& name, std::string_view identity,
                                 bytes_view secret) {
    require_edge<role::service_master_key, Role>();
    const auto lock = state_->lock();
    return state_->fenced([&]() -> result<void> {
      if (identity.size() > max_identity || secret.size() > max_secret)
        return error(errc::limit_exceeded)
            .with(fact::name, name.text())
            .with(fact::limit, identity.size() > max_identity ? max_identity : max_secret);
      auto parent = state_->service_parent();
      if (!parent) return parent.error();
      const auto at = detail::server_record_name<Role>(name);
      auto present = state_->records().get(at);
      if (!present) return present.error();
      auto record = opened_record::create(
          Role::name, at, requirements_of<protect::service_master_key>, plaintext::copy_of(secret));
      if (!record) return record.error();
      record->header().attributes = {{"identity", identity}};
      if (auto added = record->add_slot(*parent, "service master key"); !added)
        return added.error();
      auto data = record->encode();
      if (!data) return data.error();
      store::transaction changes;
      if (*present)
        changes.replace(at, (*present)->revision, std::move(*data));
      else
        changes.create(at, std::move(*data));
      return state_->commit(std::move(changes));
    });
  }

  /// Errors: `not_found`, `access_lost`, `no_slot_opened`, `authentication_failed`.
  [[nodiscard]] result<stored_secret> get(const object_name& name) {
    const auto lock = state_->lock();
    auto loaded = state_->load(detail::server_record_name<Role>(name));
    if (!loaded) return loaded.error();
    auto parent = state_->service_parent();
    if (!parent) return parent.error();
    auto record = opened_record::open(loaded->record, Role::name, loaded->name.text(), *parent);
    if (!record) return record.error();
    detail::json_reader read(record->header().attributes, Role::name);
    stored_secret made{read.text("identity", max_identity),
                       plaintext::copy_of(record->material().view())};
    if (auto ok = read.finish(); !ok) return ok.error();
    return made;
  }

  /// The names, sorted. Errors: those of the store.
  [[nodiscard]] result<std::vector<std::string>> list() {
    const auto lock = state_->lock();
    auto names = state_->records().list(detail::server_prefix<Role>());
    if (!names) return names.error();
    return detail::last_parts(*names);
  }

  /// Errors: `not_found`, `store_conflict`.
  [[nodiscard]] result<void> drop(const object_name& name) {
    const auto lock = state_->lock();
    auto present = state_->records().get(detail::server_record_name<Role>(name));
    if (!present) return present.error();
    if (!*present)
      return error(errc::not_found).with(fact::kind, Role::name).with(fact::name, name.text());
    store::transaction changes;
    changes.erase(detail::server_record_name<Role>(name), (*present)->revision);
    return state_->commit(std::move(changes));
  }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace keywarden
