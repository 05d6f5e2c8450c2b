/// @file
/// A private key's own password that was given, and that nothing would ask for.
#pragma once

#include "session.hpp"

namespace cli {

/// Refuses a password of the key's own that was given by an option where the private key is under
/// the database master key: it would be ignored. `keys` are the certificates or asymmetric keys of
/// a database. Errors: `no_slot_opened`, as `private_keys::protection`.
template <class Keys>
[[nodiscard]] keywarden::result<void> given_password_needed(const context& at, Keys keys,
                                                            const keywarden::object_name& name,
                                                            const keywarden::password* own) {
  using keywarden::fact;
  if (own == nullptr || !at.call.has(options::key_password.name)) return keywarden::done();
  auto kept = keys.protection(name);
  if (!kept) return kept.error();
  if (*kept != keywarden::private_key_protection::master_key) return keywarden::done();
  return keywarden::error(keywarden::errc::no_slot_opened)
      .with(fact::name, name.text())
      .with(fact::reason, "the password that was given is no way into this key")
      .with(fact::next_step, "leave it out: the private key is under the database master key");
}

}  // namespace cli
