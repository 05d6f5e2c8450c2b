/// @file
/// Binding a key to the service account: DPAPI's user scope, for Linux.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <string>

#include <keywarden/protect/keyed.hpp>
#include <keywarden/protect/secret_file.hpp>

namespace keywarden::protect {

/// Opens for one service account only, on whichever machine its state directory is mounted.
///
/// The key is HKDF over a 32-byte secret file in the account's own state directory (0600) and its
/// user id. Protects against theft of the store or a backup of it; not against the account itself,
/// root, or theft of the state directory. Errors: `secret_unavailable`, with the file. Immutable;
/// any thread.
class account : public detail::keyed_protector<account> {
 public:
  static std::string scheme() { return "account"; }
  static constexpr requirements offers{256, requirements::unguessable, true, {}};
  static constexpr bool interactive = false;
  static constexpr bool opens_without(factors lost) noexcept {
    return !lost.contains(factor::account);
  }

  /// The account that runs this process, with its secret in the default place.
  account() : account(default_path()) {}

  /// `secret` is where the secret lives, `user` whom it is bound to.
  explicit account(std::filesystem::path secret, ::uid_t user = ::geteuid())
      : file_(std::move(secret), 0600), user_(user) {}

  /// `$XDG_STATE_HOME/keywarden/account.secret`, or below `~/.local/state`.
  [[nodiscard]] static std::filesystem::path default_path() {
    if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state == '/')
      return std::filesystem::path(state) / "keywarden" / "account.secret";
    const char* home = std::getenv("HOME");
    return std::filesystem::path(home != nullptr ? home : "/") /
           ".local/state/keywarden/account.secret";
  }

  /// Makes the secret unless it exists: what initialisation and an authorised repair do, and
  /// nothing else.
  [[nodiscard]] result<void> provision() const {
    auto made = file_.read_or_create();
    if (!made) return made.error();
    return done();
  }

  /// The secret's file.
  [[nodiscard]] const secret_file& file() const noexcept { return file_; }

 private:
  friend class detail::keyed_protector<account>;
  [[nodiscard]] result<secret_key> secret() const { return file_.read(); }
  [[nodiscard]] result<bytes> binding() const {
    bytes out;
    append_big_endian(out, static_cast<std::uint64_t>(user_));
    return out;
  }

  secret_file file_;
  ::uid_t user_;
};

static_assert(key_protector<account>);

}  // namespace keywarden::protect
