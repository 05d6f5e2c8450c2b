/// @file
/// One database of a vault: its master key and what is below it.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <keywarden/vault/database_master_key.hpp>
#include <keywarden/vault/inspect.hpp>
#include <keywarden/vault/private_keys.hpp>
#include <keywarden/vault/sealed_documents.hpp>
#include <keywarden/vault/symmetric_keys.hpp>

namespace keywarden {

/// The handle of one database. May be copied; keeps the vault's state alive. Any thread.
template <class State, crypto::aead Cipher>
class database {
 public:
  database(std::shared_ptr<State> state, object_name name)
      : state_(std::move(state)), name_(name) {}

  [[nodiscard]] const object_name& name() const noexcept { return name_; }

  /// The database master key: the root of this database's hierarchy.
  [[nodiscard]] database_master_key_handle<State> master_key() const { return {state_, name_}; }
  /// The keys that seal data.
  [[nodiscard]] symmetric_keys<State, Cipher> keys() const { return {state_, name_}; }
  /// The certificates' private keys.
  [[nodiscard]] private_keys<State, role::certificate> certificates() const {
    return {state_, name_};
  }
  /// The private keys without certificates.
  [[nodiscard]] private_keys<State, role::asymmetric_key> asymmetric_keys() const {
    return {state_, name_};
  }

  /// Small documents that only this hierarchy can have written.
  [[nodiscard]] sealed_documents<State, Cipher> documents() const { return {state_, name_}; }

  /// What protects what, one row for each slot of each key (sys.key_encryptions). Claims, until a
  /// key is opened. Errors: those of the store; `malformed` with the record's name.
  [[nodiscard]] result<std::vector<key_encryption>> key_encryptions() const {
    const auto lock = state_->lock();
    return detail::key_encryptions(*state_, name_);
  }

 private:
  std::shared_ptr<State> state_;
  object_name name_;
};

}  // namespace keywarden
