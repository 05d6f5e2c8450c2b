/// @file
/// The principals that an instance knows: logins, users, their certificates, and who may do what
/// with its endpoints.
#pragma once

#include <compare>
#include <map>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

#include <keywarden/auth/permission.hpp>
#include <keywarden/core/name.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/pki/certificate.hpp>

namespace keywarden::auth {

/// What a login is on the whole server.
enum class server_role : std::uint8_t {
  none,
  sysadmin,  ///< may do everything: no permission is checked, no DENY holds
};

/// A user of the master scope, and the login it stands for.
struct directory_user {
  object_name login;  ///< whose permissions it has
  friend bool operator==(const directory_user&, const directory_user&) = default;
};

/// A peer's certificate, and the user that owns it.
struct directory_certificate {
  pki::certificate certificate;  ///< the public half, as it was exchanged
  object_name owner;             ///< the user that its holder becomes
  friend bool operator==(const directory_certificate&, const directory_certificate&) = default;
};

/// What one permission row is about.
struct permission_key {
  object_name endpoint;         ///< by name; whether there is one is not checked
  object_name login;            ///< to whom it was said
  auth::permission permission;  ///< which one: CONNECT, CONTROL, …
  friend auto operator<=>(const permission_key&, const permission_key&) = default;
};

/// Whom a certificate stands for.
struct certificate_owner {
  object_name certificate;      ///< what the certificate is called here
  object_name user;             ///< who owns it
  object_name login;            ///< the user's login
  pki::certificate registered;  ///< the certificate itself
};

/// The principals of one instance, as SQL Server's master database has them: logins; users for
/// logins; peers' certificates, each owned by a user; the names under which logins hold pre-shared
/// keys; permissions of logins on endpoints.
///
/// A regular value: copy it, change the copy, and give it to the authenticators' `reload`. Every
/// operation succeeds or changes nothing. Holds no secret, and no clock: an expired certificate may
/// be in it and is refused when it is shown. Does not protect itself: whoever can change it decides
/// who connects (`load_directory` keeps it sealed). Threads may share one to read.
///
/// GRANT and DENY of the same permission replace each other; DENY overrides what another GRANT
/// implies; REVOKE takes back either. There is no WITH GRANT OPTION and no AS: every change is the
/// administrator's own.
class directory {
 public:
  /// More are refused as `limit_exceeded`, here and in what follows.
  static constexpr std::size_t max_logins = 1000;
  /// How many users there may be.
  static constexpr std::size_t max_users = 1000;
  /// How many certificates of peers there may be.
  static constexpr std::size_t max_certificates = 2000;
  /// How many identities of pre-shared keys there may be.
  static constexpr std::size_t max_identities = 1000;
  /// How many GRANTs and DENYs there may be.
  static constexpr std::size_t max_permissions = 10000;

  /// CREATE LOGIN. Errors: `already_exists`, `limit_exceeded`.
  [[nodiscard]] result<void> create_login(const object_name& name,
                                          server_role role = server_role::none) {
    return insert(logins_, "login", name, role, max_logins);
  }
  /// ALTER SERVER ROLE sysadmin ADD or DROP MEMBER. Errors: `not_found`.
  [[nodiscard]] result<void> alter_login(const object_name& name, server_role role) {
    const auto at = logins_.find(name);
    if (at == logins_.end()) return missing_login(name);
    at->second = role;
    return done();
  }
  /// DROP LOGIN, with the permissions that were said about it. Errors: `not_found`;
  /// `has_dependents` naming a user or shared-key identity of it.
  [[nodiscard]] result<void> drop_login(const object_name& name) {
    if (!logins_.contains(name)) return missing_login(name);
    for (const auto& [user, each] : users_)
      if (each.login == name) return held_by("user", user);
    for (const auto& [identity, login] : identities_)
      if (login == name) return held_by("shared-key identity", identity);
    std::erase_if(permissions_, [&](const auto& each) { return each.first.login == name; });
    logins_.erase(name);
    return done();
  }

  /// CREATE USER … FOR LOGIN. Errors: `not_found` for the login; `already_exists`,
  /// `limit_exceeded`.
  [[nodiscard]] result<void> create_user(const object_name& name, const object_name& for_login) {
    if (!logins_.contains(for_login)) return missing_login(for_login);
    return insert(users_, "user", name, directory_user{for_login}, max_users);
  }
  /// DROP USER. Errors: `not_found`; `has_dependents` naming a certificate that it owns.
  [[nodiscard]] result<void> drop_user(const object_name& name) {
    if (!users_.contains(name)) return missing_user(name);
    for (const auto& [certificate, each] : certificates_)
      if (each.owner == name) return held_by("certificate", certificate);
    users_.erase(name);
    return done();
  }

  /// CREATE CERTIFICATE … AUTHORIZATION user FROM FILE: from now on whoever proves to hold its key
  /// is that user. A user may own several, so that a peer can change from one to the next. Errors:
  /// `not_found` for the owner; `already_exists` when the name is taken, when the certificate is
  /// there already, or when another user owns a certificate of the same key; `unsupported_suite`
  /// for an Ed25519 certificate, which no TLS peer can show; `limit_exceeded`.
  [[nodiscard]] result<void> add_certificate(const object_name& name, pki::certificate certificate,
                                             const object_name& owner) {
    if (!users_.contains(owner)) return missing_user(owner);
    return keywarden::detail::guarded("adding a certificate", [&]() -> result<void> {
      if (certificate.algorithm() == "Ed25519")
        return error(errc::unsupported_suite)
            .with(fact::kind, "certificate")
            .with(fact::name, name.text())
            .with(fact::scheme, "Ed25519")
            .with(fact::next_step, "ask the peer for one of ECDSA P-256, P-384 or RSA");
      const auto leaf = certificate.fingerprint();
      const auto key = certificate.key_fingerprint();
      if (const auto same = by_fingerprint_.find(leaf); same != by_fingerprint_.end())
        return taken("certificate", same->second, "it holds this very certificate");
      for (auto [at, end] = by_key_.equal_range(key); at != end; ++at)
        if (certificates_.at(at->second).owner != owner)
          return taken("certificate", at->second, "another user owns a certificate of this key");
      auto added = insert(certificates_, "certificate", name,
                          directory_certificate{std::move(certificate), owner}, max_certificates);
      if (!added) return added;
      by_fingerprint_.emplace(leaf, name);
      by_key_.emplace(key, name);
      return done();
    });
  }
  /// DROP CERTIFICATE. Errors: `not_found`.
  [[nodiscard]] result<void> drop_certificate(const object_name& name) {
    if (certificates_.erase(name) == 0) return missing("certificate", name, "see `certificates`");
    const auto of_it = [&](const auto& each) { return each.second == name; };
    std::erase_if(by_fingerprint_, of_it);
    std::erase_if(by_key_, of_it);
    return done();
  }

  /// Whoever proves to hold the pre-shared key of the instance `identity` is that login. Errors:
  /// `not_found` for the login; `already_exists`, `limit_exceeded`.
  [[nodiscard]] result<void> add_shared_key_identity(const object_name& identity,
                                                     const object_name& login) {
    if (!logins_.contains(login)) return missing_login(login);
    return insert(identities_, "shared-key identity", identity, login, max_identities);
  }
  /// Errors: `not_found`.
  [[nodiscard]] result<void> drop_shared_key_identity(const object_name& identity) {
    if (identities_.erase(identity) == 0)
      return missing("shared-key identity", identity, "see `shared_key_identities`");
    return done();
  }

  /// GRANT permission ON ENDPOINT::endpoint TO login; replaces a DENY of it. Errors: `not_found`,
  /// `limit_exceeded`.
  [[nodiscard]] result<void> grant(permission what, const object_name& endpoint,
                                   const object_name& login) {
    return say(permission_state::grant, what, endpoint, login);
  }
  /// DENY permission ON ENDPOINT::endpoint TO login; replaces a GRANT of it. Errors: `not_found`,
  /// `limit_exceeded`; `not_permitted` for a sysadmin, whom no DENY stops.
  [[nodiscard]] result<void> deny(permission what, const object_name& endpoint,
                                  const object_name& login) {
    if (const auto at = logins_.find(login);
        at != logins_.end() && at->second == server_role::sysadmin)
      return error(errc::not_permitted)
          .with(fact::name, login.text())
          .with(fact::reason, "no DENY stops a sysadmin")
          .with(fact::next_step, "take the server role from it first");
    return say(permission_state::deny, what, endpoint, login);
  }
  /// REVOKE permission ON ENDPOINT::endpoint FROM login: takes back a GRANT or a DENY of it;
  /// nothing happens where nothing was said. Errors: `not_found` for the login.
  [[nodiscard]] result<void> revoke(permission what, const object_name& endpoint,
                                    const object_name& login) {
    if (!logins_.contains(login)) return missing_login(login);
    permissions_.erase({endpoint, login, what});
    return done();
  }
  /// Forgets what was said about an endpoint: part of DROP ENDPOINT.
  void forget_endpoint(const object_name& endpoint) {
    std::erase_if(permissions_, [&](const auto& each) { return each.first.endpoint == endpoint; });
  }

  /// The certificate of this fingerprint, or null. Valid until the directory changes.
  [[nodiscard]] const pki::certificate* find_certificate(const pki::fingerprint& of) const {
    const auto at = by_fingerprint_.find(of);
    return at == by_fingerprint_.end() ? nullptr : &certificates_.at(at->second).certificate;
  }
  /// Whom the certificate of this fingerprint stands for. Logarithmic in the certificates.
  [[nodiscard]] std::optional<certificate_owner> who_owns(const pki::fingerprint& shown) const {
    const auto at = by_fingerprint_.find(shown);
    if (at == by_fingerprint_.end()) return std::nullopt;
    return owner_of(at->second);
  }
  /// The same for any certificate of this key.
  [[nodiscard]] std::optional<certificate_owner> who_owns(const pki::key_fingerprint& shown) const {
    const auto at = by_key_.find(shown);
    if (at == by_key_.end()) return std::nullopt;
    return owner_of(at->second);
  }
  /// The login that holds the pre-shared key of the instance `identity`.
  [[nodiscard]] std::optional<object_name> who_has_identity(const object_name& identity) const {
    const auto at = identities_.find(identity);
    if (at == identities_.end()) return std::nullopt;
    return at->second;
  }

  /// Whether `login` has a permission on an endpoint that `owner` owns, and why. A sysadmin and the
  /// owner have every one; else a DENY of it or of CONTROL decides before any GRANT.
  [[nodiscard]] verdict effective(const object_name& login, permission what,
                                  const object_name& endpoint, const object_name& owner) const {
    using why = verdict::reason;
    const auto known = logins_.find(login);
    if (known == logins_.end()) return {why::no_such_login};
    if (known->second == server_role::sysadmin) return {why::sysadmin};
    if (login == owner) return {why::owner};
    const auto said = [&](permission about) -> std::optional<permission_state> {
      const auto at = permissions_.find({endpoint, login, about});
      return at == permissions_.end() ? std::nullopt : std::optional(at->second);
    };
    const auto own = said(what);
    const auto control = said(permission::control);
    if (own == permission_state::deny) return {why::denied};
    if (control == permission_state::deny) return {why::denied_by_control};
    if (own == permission_state::grant) return {why::granted};
    if (control == permission_state::grant) return {why::implied_by_control};
    return {why::not_granted};
  }

  // What there is, by name.
  /// The logins, and what each is on the server, by name. A view: later changes show in it.
  [[nodiscard]] const std::map<object_name, server_role>& logins() const noexcept {
    return logins_;
  }
  /// The users, by name.
  [[nodiscard]] const std::map<object_name, directory_user>& users() const noexcept {
    return users_;
  }
  /// The certificates of peers, by the name that they have here.
  [[nodiscard]] const std::map<object_name, directory_certificate>& certificates() const noexcept {
    return certificates_;
  }
  /// The login of each instance that has a pre-shared key, by the instance's name.
  [[nodiscard]] const std::map<object_name, object_name>& shared_key_identities() const noexcept {
    return identities_;
  }
  /// What GRANT and DENY said, in the order of endpoints, then logins.
  [[nodiscard]] const std::map<permission_key, permission_state>& permissions() const noexcept {
    return permissions_;
  }

  friend bool operator==(const directory&, const directory&) = default;

 private:
  [[nodiscard]] static error missing(std::string_view kind, const object_name& name,
                                     std::string_view next) {
    return error(errc::not_found)
        .with(fact::kind, kind)
        .with(fact::name, name.text())
        .with(fact::next_step, next);
  }
  [[nodiscard]] static error missing_login(const object_name& name) {
    return missing("login", name, "create the login first");
  }
  [[nodiscard]] static error missing_user(const object_name& name) {
    return missing("user", name, "create the user for a login first");
  }
  [[nodiscard]] static error held_by(std::string_view kind, const object_name& name) {
    return error(errc::has_dependents)
        .with(fact::kind, kind)
        .with(fact::name, name.text())
        .with(fact::next_step, "drop that first");
  }
  [[nodiscard]] static error taken(std::string_view kind, const object_name& name,
                                   std::string_view reason) {
    return error(errc::already_exists)
        .with(fact::kind, kind)
        .with(fact::name, name.text())
        .with(fact::reason, reason);
  }

  template <class Value>
  [[nodiscard]] static result<void> insert(std::map<object_name, Value>& into,
                                           std::string_view kind, const object_name& name,
                                           Value value, std::size_t limit) {
    if (into.contains(name))
      return error(errc::already_exists).with(fact::kind, kind).with(fact::name, name.text());
    if (into.size() >= limit)
      return error(errc::limit_exceeded).with(fact::kind, kind).with(fact::limit, limit);
    into.emplace(name, std::move(value));
    return done();
  }
  [[nodiscard]] result<void> say(permission_state state, permission what,
                                 const object_name& endpoint, const object_name& login) {
    if (!logins_.contains(login)) return missing_login(login);
    const permission_key key{endpoint, login, what};
    if (!permissions_.contains(key) && permissions_.size() >= max_permissions)
      return error(errc::limit_exceeded)
          .with(fact::kind, "permission")
          .with(fact::limit, max_permissions);
    permissions_.insert_or_assign(key, state);
    return done();
  }
  [[nodiscard]] certificate_owner owner_of(const object_name& certificate) const {
    const auto& found = certificates_.at(certificate);
    return {certificate, found.owner, users_.at(found.owner).login, found.certificate};
  }

  std::map<object_name, server_role> logins_;
  std::map<object_name, directory_user> users_;
  std::map<object_name, directory_certificate> certificates_;
  std::map<object_name, object_name> identities_;  // identity to login
  std::map<permission_key, permission_state> permissions_;
  std::map<pki::fingerprint, object_name> by_fingerprint_;
  std::multimap<pki::key_fingerprint, object_name> by_key_;
};

}  // namespace keywarden::auth
