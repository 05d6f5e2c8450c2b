/// @file
/// Certificates' private keys and asymmetric keys of a database, as wrapped material.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <keywarden/crypto/x_wing.hpp>
#include <keywarden/vault/by.hpp>
#include <keywarden/vault/certificate_material.hpp>
#include <keywarden/vault/database_master_key.hpp>

namespace keywarden {

namespace detail {

/// Calls `use` with the KEM of this name as its template argument. Errors: `unsupported_suite`.
template <class Result, class Use>
[[nodiscard]] result<Result> with_kem(std::string_view name, Use&& use) {
  if (name == crypto::x_wing::name) return use.template operator()<crypto::x_wing>();
  if (name == crypto::dhkem_p256::name) return use.template operator()<crypto::dhkem_p256>();
  if (name == crypto::dhkem_x25519::name) return use.template operator()<crypto::dhkem_x25519>();
  if (name == crypto::rsa_oaep<2048>::name)
    return use.template operator()<crypto::rsa_oaep<2048>>();
  if (name == no_kem)
    return error(errc::unsupported_suite)
        .with(fact::scheme, name)
        .with(fact::reason, "this certificate's key only signs: nothing can be hidden for it")
        .with(fact::next_step,
              "protect the symmetric key by an RSA certificate with keyEncipherment or a P-256 "
              "certificate with keyAgreement, or one without a key usage");
  return error(errc::unsupported_suite).with(fact::scheme, name);
}

}  // namespace detail

/// The private keys of one role (`role::certificate`, `role::asymmetric_key`) in a database.
///
/// Each is wrapped by the database master key, or by a password of its own. Their public keys
/// protect symmetric keys. A public key is only as trustworthy as the way it came here; nothing
/// here judges certificates. Any thread.
template <class State, class Role>
class private_keys {
 public:
  private_keys(std::shared_ptr<State> state, object_name database)
      : state_(std::move(state)), database_(database) {}

  /// Makes a key pair of mechanism `Kem`, its private half wrapped by the database master key.
  /// Errors: `already_exists`, `not_open`, `not_found` (no master key).
  template <crypto::kem Kem = crypto::x_wing>
  [[nodiscard]] result<void> create(const object_name& name, by::master_key = {}) {
    return create_pair<Kem>(name, nullptr);
  }
  /// The same, wrapped by a password. Errors: `already_exists`, `password_refused`.
  template <crypto::kem Kem = crypto::x_wing>
  [[nodiscard]] result<void> create(const object_name& name, const by::password& protection) {
    if (auto good = state_->passwords().check(protection.secret); !good) return good;
    return create_pair<Kem>(name, &protection.secret);
  }

  /// Imports a certificate (DER, public) with its private key (PKCS#8 DER, unencrypted: wipe it
  /// afterwards), wrapped by the database master key. RSA from 2,048 bits, P-256, P-384 and
  /// Ed25519; only the former two can protect symmetric keys, and only where the certificate's key
  /// usage, if it has one, says keyEncipherment (RSA) or keyAgreement (P-256), which an endpoint's
  /// does not. Errors: `malformed`,
  /// `limit_exceeded`, `weaker_than_required`, `unsupported_suite`, `already_exists`, `not_open`,
  /// `invalid_argument` when the key is not the certificate's.
  [[nodiscard]] result<void> import(
      const object_name& name, bytes_view certificate, const secret_key& pkcs8,
      by::master_key = {}) requires std::same_as<Role, role::certificate> {
    return import_pair(name, certificate, pkcs8, nullptr);
  }
  /// The same, wrapped by a password. Errors: also `password_refused`.
  [[nodiscard]] result<void> import(
      const object_name& name, bytes_view certificate, const secret_key& pkcs8,
      const by::password& protection) requires std::same_as<Role, role::certificate> {
    if (auto good = state_->passwords().check(protection.secret); !good) return good;
    return import_pair(name, certificate, pkcs8, &protection.secret);
  }

  /// Imports somebody else's certificate (DER), without a private key. Its record is sealed under
  /// the database master key all the same, so that nobody who can write the store can put another
  /// certificate in its place unnoticed. Errors: as `import`.
  [[nodiscard]] result<void> import_public(const object_name& name, bytes_view certificate) requires
      std::same_as<Role, role::certificate> {
    const auto lock = state_->lock();
    auto facts = detail::facts_of_certificate(certificate);
    if (!facts) return named(facts.error(), name);
    facts->without_private_key = true;
    return write_new(name, plaintext{}, attributes_of(*facts), nullptr);
  }

  /// Gives a certificate without a private key the one that belongs to it (ALTER CERTIFICATE … WITH
  /// PRIVATE KEY), wrapped by a password, or by the database master key when `to` is null; `own`
  /// opens a record that is under a password itself. Errors: `already_exists` when it has one;
  /// `invalid_argument` for another certificate's; `not_found`, `password_refused`, `not_open`,
  /// `no_slot_opened`.
  [[nodiscard]] result<void> attach_private_key(
      const object_name& name, const secret_key& pkcs8, const password* to = nullptr,
      const password* own = nullptr) requires std::same_as<Role, role::certificate> {
    const auto lock = state_->lock();
    return state_->fenced([&]() -> result<void> {
      if (to != nullptr)
        if (auto good = state_->passwords().check(*to); !good) return good;
      auto opened = authenticated(name, own);
      if (!opened) return opened.error();
      if (!opened->record.material().empty())
        return error(errc::already_exists)
            .with(fact::kind, "private key")
            .with(fact::name, name.text());
      auto facts = facts_of(opened->record.header());
      if (!facts) return facts.error();
      if (facts->certificate.empty())
        return error(errc::not_found)
            .with(fact::name, name.text())
            .with(fact::reason, "it has no certificate");
      auto material = detail::material_of(*facts, pkcs8);
      if (!material) return named(material.error(), name);
      opened->record.header().attributes.erase("private_key");
      return write_over(*opened, to, plaintext::copy_of(detail::view_of(*material)));
    });
  }

  /// The certificate, DER, as it is stored: a claim, until the record is opened. Errors:
  /// `not_found`, also for a key pair without a certificate; `malformed`.
  [[nodiscard]] result<bytes> certificate_der(
      const object_name& name) requires std::same_as<Role, role::certificate> {
    const auto lock = state_->lock();
    auto loaded = state_->load(record_of(name));
    if (!loaded) return loaded.error();
    return certificate_of(name, loaded->record.header());
  }
  /// The same, after its record was opened and found unaltered; `own` opens one that is under a
  /// password. Errors: also `not_open`, `no_slot_opened`, `authentication_failed`.
  [[nodiscard]] result<bytes> authentic_certificate_der(
      const object_name& name,
      const password* own = nullptr) requires std::same_as<Role, role::certificate> {
    const auto lock = state_->lock();
    auto opened = authenticated(name, own);
    if (!opened) return opened.error();
    return certificate_of(name, opened->record.header());
  }

  /// A certificate's private key, opened: PKCS#8 DER, for whoever signs with it. Errors:
  /// `not_found` when there is none; `unsupported_suite` for a key pair without a certificate;
  /// `not_open`, `no_slot_opened`.
  [[nodiscard]] result<secret_key> open_private_key(
      const object_name& name,
      const password* own = nullptr) requires std::same_as<Role, role::certificate> {
    const auto lock = state_->lock();
    auto opened = open(name, own);
    if (!opened) return opened.error();
    auto facts = facts_of(opened->record.header());
    if (!facts) return facts.error();
    return detail::pkcs8_of(*facts, opened->record.material().view());
  }

  /// How its private key is protected, as the record claims. Errors: `not_found`, `malformed`.
  [[nodiscard]] result<private_key_protection> protection(const object_name& name) {
    const auto lock = state_->lock();
    auto loaded = state_->load(record_of(name));
    if (!loaded) return loaded.error();
    auto facts = facts_of(loaded->record.header());
    if (!facts) return facts.error();
    if (facts->without_private_key) return private_key_protection::none;
    return detail::has_slot_of<protect::database_master_key>(loaded->record.header())
               ? private_key_protection::master_key
               : private_key_protection::password;
  }

  /// The public key, encoded as its mechanism does. Errors: `not_found`, `malformed`.
  [[nodiscard]] result<bytes> public_key(const object_name& name) {
    const auto lock = state_->lock();
    auto loaded = state_->load(record_of(name));
    if (!loaded) return loaded.error();
    auto facts = facts_of(loaded->record.header());
    if (!facts) return facts.error();
    return std::move(facts->public_key);
  }

  /// BACKUP … WITH PRIVATE KEY: the private key as a file under a password. `own` opens a key that
  /// is under a password itself. Errors: `password_refused`, `not_open`, `not_found`,
  /// `no_slot_opened`.
  [[nodiscard]] result<bytes> backup(const object_name& name, const password& protection,
                                     const password* own = nullptr) {
    const auto lock = state_->lock();
    if (auto good = state_->passwords().check(protection); !good) return good.error();
    auto opened = open(name, own);
    if (!opened) return opened.error();
    auto record = opened_record::create(
        role::backup::name, detail::joined("backup/" + std::string(Role::name)),
        requirements_of<password_protector>, plaintext::copy_of(opened->record.material().view()));
    if (!record) return record.error();
    record->header().attributes = opened->record.header().attributes;
    if (auto added = record->add_slot(password_protector(protection.duplicate()), "password");
        !added)
      return added.error();
    return record->encode();
  }

  /// Brings a backup back, wrapped by the database master key. Errors: as reading a record;
  /// `already_exists`, `not_open`.
  [[nodiscard]] result<void> restore(const object_name& name, bytes_view backup,
                                     const password& file_password) {
    const auto lock = state_->lock();
    auto parsed = key_record::parse(backup);
    if (!parsed) return parsed.error();
    auto record = opened_record::open<password_protector, typename State::accepts>(
        *parsed, role::backup::name, "backup/" + std::string(Role::name),
        password_protector(file_password.duplicate()));
    if (!record) return record.error();
    if (auto facts = facts_of(record->header()); !facts) return facts.error();
    return write_new(name, plaintext::copy_of(record->material().view()),
                     record->header().attributes, nullptr);
  }

  /// Moves a private key from its present protection to another: a password, or the database master
  /// key when `to` is null. Errors: `not_found`, `not_open`, `no_slot_opened`, `password_refused`.
  [[nodiscard]] result<void> change_protection(const object_name& name, const password* from,
                                               const password* to) {
    const auto lock = state_->lock();
    return state_->fenced([&]() -> result<void> {
      if (to != nullptr)
        if (auto good = state_->passwords().check(*to); !good) return good;
      auto opened = open(name, from);
      if (!opened) return opened.error();
      return write_over(*opened, to, plaintext::copy_of(opened->record.material().view()));
    });
  }

  /// Forgets the private half, keeps the public, sealed under what it was under. Errors:
  /// `has_dependents` while a symmetric key is protected by it.
  [[nodiscard]] result<void> remove_private_key(const object_name& name,
                                                const password* own = nullptr) {
    const auto lock = state_->lock();
    return state_->fenced([&]() -> result<void> {
      if (auto free = unused(name); !free) return free;
      auto opened = open(name, own);
      if (!opened) return opened.error();
      opened->record.header().attributes["private_key"] = "none";
      const bool by_master_key =
          detail::has_slot_of<protect::database_master_key>(opened->record.header());
      return write_over(*opened, by_master_key ? nullptr : own, plaintext{});
    });
  }

  /// Errors: `has_dependents` while a symmetric key is protected by it, naming that key;
  /// `not_found`.
  [[nodiscard]] result<void> drop(const object_name& name) {
    const auto lock = state_->lock();
    return state_->fenced([&]() -> result<void> {
      if (auto free = unused(name); !free) return free;
      auto present = state_->records().get(record_of(name));
      if (!present) return present.error();
      if (!*present)
        return error(errc::not_found).with(fact::kind, Role::name).with(fact::name, name.text());
      store::transaction changes;
      changes.erase(record_of(name), (*present)->revision);
      return state_->commit(std::move(changes));
    });
  }

  /// The names, sorted. Errors: those of the store.
  [[nodiscard]] result<std::vector<std::string>> list() {
    const auto lock = state_->lock();
    auto names = state_->records().list(detail::object_prefix<Role>(database_));
    if (!names) return names.error();
    return detail::last_parts(*names);
  }

  /// A slot for a symmetric key, hidden for this key's public half, which is authenticated first.
  /// For the vault's own use. Errors: as opening the private key; `weaker_than_required`.
  [[nodiscard]] result<void> add_slot(opened_record& to, const object_name& name,
                                      const password* own) {
    auto genuine = authenticated(name, own);
    if (!genuine) return genuine.error();
    auto facts = facts_of(genuine->record.header());
    if (!facts) return facts.error();
    auto added = detail::with_kem<std::string>(facts->kem, [&]<class Kem>() -> result<std::string> {
      auto theirs = Kem::public_key::decode(facts->public_key);
      if (!theirs) return theirs.error();
      return to.add_slot(protect::recipient<Kem>(std::move(*theirs)),
                         detail::parent_label(Role::name, name));
    });
    if (!added) return added.error();
    return done();
  }

  /// Opens a symmetric key's record through the private key that one of its slots was hidden for.
  /// For the vault's own use. Errors: `not_found` when none of these keys is meant.
  [[nodiscard]] result<opened_record> open_through(const detail::loaded_record& target,
                                                   const slot& through, const password* own) {
    auto names = state_->records().list(detail::object_prefix<Role>(database_));
    if (!names) return names.error();
    for (const auto& each : *names) {
      auto loaded = state_->load(each);
      if (!loaded) continue;
      auto facts = facts_of(loaded->record.header());
      if (!facts || through.scheme() != "recipient/" + facts->kem ||
          detail::slot_text(through, "public_key") != to_base64(facts->public_key))
        continue;
      auto name = object_name::parse(detail::last_part(each));
      if (!name) continue;
      auto opened = open(*name, own);
      if (!opened) return opened.error();
      return detail::with_kem<opened_record>(facts->kem, [&]<class Kem>() -> result<opened_record> {
        auto ours = Kem::private_key::decode(secret_key::copy_of(opened->record.material().view()));
        if (!ours) return ours.error();
        return opened_record::open_through(target.record, target.record.header().kind,
                                           target.name.text(),
                                           protect::recipient<Kem>(std::move(*ours)));
      });
    }
    return error(errc::not_found).with(fact::kind, Role::name).with(fact::slot, through.id);
  }

 private:
  using password_protector = typename State::password_protector;
  using composition = protect::any_of<protect::database_master_key, password_protector>;

  struct opened_private_key {
    opened_record record;
    record_name name;
    store::revision revision;
  };
  [[nodiscard]] record_name record_of(const object_name& name) const {
    return detail::object_record_name<Role>(database_, name);
  }

  [[nodiscard]] static result<detail::private_key_facts> facts_of(const record_header& header) {
    detail::json_reader read(header.attributes, Role::name);
    detail::private_key_facts facts{read.text("kem", 64), read.base64("public_key", 4096), {}};
    if (read.has("certificate"))
      facts.certificate = read.base64("certificate", detail::max_stored_certificate);
    if (read.has("private_key")) facts.without_private_key = read.text("private_key", 8) == "none";
    if (auto ok = read.finish(); !ok) return ok.error();
    return facts;
  }
  [[nodiscard]] static nlohmann::json attributes_of(const detail::private_key_facts& facts) {
    nlohmann::json made{{"kem", facts.kem}, {"public_key", to_base64(facts.public_key)}};
    if (!facts.certificate.empty()) made["certificate"] = to_base64(facts.certificate);
    if (facts.without_private_key) made["private_key"] = "none";
    return made;
  }
  [[nodiscard]] static result<bytes> certificate_of(const object_name& name,
                                                    const record_header& header) {
    auto facts = facts_of(header);
    if (!facts) return facts.error();
    if (facts->certificate.empty())
      return error(errc::not_found)
          .with(fact::name, name.text())
          .with(fact::reason, "it is a key pair without a certificate");
    return std::move(facts->certificate);
  }
  [[nodiscard]] static error named(error why, const object_name& name) {
    return std::move(why).with(fact::name, name.text());
  }

  template <crypto::kem Kem>
  [[nodiscard]] result<void> create_pair(const object_name& name, const password* protection) {
    const auto lock = state_->lock();
    system_random random;
    auto pair = Kem::private_key::generate(random);
    if (!pair) return pair.error();
    const auto encoded = pair->encode();
    return write_new(name, plaintext::copy_of(detail::view_of(encoded)),
                     attributes_of({std::string(Kem::name), pair->public_part().encode(), {}}),
                     protection);
  }
  [[nodiscard]] result<void> import_pair(const object_name& name, bytes_view certificate,
                                         const secret_key& pkcs8, const password* protection) {
    const auto lock = state_->lock();
    auto facts = detail::facts_of_certificate(certificate);
    if (!facts) return named(facts.error(), name);
    auto material = detail::material_of(*facts, pkcs8);
    if (!material) return named(material.error(), name);
    return write_new(name, plaintext::copy_of(detail::view_of(*material)), attributes_of(*facts),
                     protection);
  }

  [[nodiscard]] result<void> write_new(const object_name& name, const plaintext& material,
                                       const nlohmann::json& attributes,
                                       const password* protection) {
    return state_->fenced([&]() -> result<void> {
      auto present = state_->exists(record_of(name));
      if (!present) return present.error();
      if (*present)
        return error(errc::already_exists)
            .with(fact::kind, Role::name)
            .with(fact::name, name.text());
      auto record =
          make(record_of(name), plaintext::copy_of(material.view()), attributes, protection);
      if (!record) return record.error();
      auto data = record->encode();
      if (!data) return data.error();
      store::transaction changes;
      changes.create(record_of(name), std::move(*data));
      return state_->commit(std::move(changes));
    });
  }
  [[nodiscard]] result<void> write_over(const opened_private_key& old, const password* protection,
                                        plaintext material) {
    auto record = make(old.name, std::move(material), old.record.header().attributes, protection);
    if (!record) return record.error();
    record->header().id = old.record.header().id;
    record->header().generation = old.record.header().generation;
    auto data = remade(*record, protection);
    if (!data) return data.error();
    store::transaction changes;
    changes.replace(old.name, old.revision, std::move(*data));
    return state_->commit(std::move(changes));
  }
  /// Slots are bound to the record's id: made again after it was set.
  [[nodiscard]] result<bytes> remade(opened_record& record, const password* protection) {
    const auto id = record.header().slots.front().id;
    if (protection != nullptr) {
      if (auto made = record.replace_slot(id, password_protector(protection->duplicate())); !made)
        return made.error();
    } else {
      auto parent = master_key().parent();
      if (!parent) return parent.error();
      if (auto made = record.replace_slot(id, *parent); !made) return made.error();
    }
    return record.encode();
  }
  [[nodiscard]] result<opened_record> make(const record_name& name, plaintext material,
                                           const nlohmann::json& attributes,
                                           const password* protection) {
    require_edge<role::database_master_key, Role>();
    require_edge<role::password, Role>();
    auto record =
        opened_record::create(Role::name, name, requirements_of<composition>, std::move(material));
    if (!record) return record;
    record->header().attributes = attributes;
    if (protection != nullptr) {
      auto added = record->add_slot(password_protector(protection->duplicate()), "password");
      if (!added) return added.error();
      return record;
    }
    auto parent = master_key().parent();
    if (!parent) return parent.error();
    if (auto added = record->add_slot(*parent, "database master key"); !added) return added.error();
    return record;
  }

  [[nodiscard]] result<opened_private_key> open(const object_name& name, const password* own) {
    auto opened = authenticated(name, own);
    if (opened && opened->record.material().empty())
      return error(errc::not_found)
          .with(fact::name, name.text())
          .with(fact::reason, "its private key was removed");
    return opened;
  }

  /// The record, open, with or without a private half.
  [[nodiscard]] result<opened_private_key> authenticated(const object_name& name,
                                                         const password* own) {
    auto loaded = state_->load(record_of(name));
    if (!loaded) return loaded.error();
    protect::database_master_key parent;
    if (detail::has_slot_of<protect::database_master_key>(loaded->record.header())) {
      auto opened = master_key().parent();
      if (!opened) return opened.error();
      parent = std::move(*opened);
    }
    const composition through(std::move(parent), own != nullptr
                                                     ? password_protector(own->duplicate())
                                                     : password_protector());
    auto record = opened_record::open<composition, typename State::accepts>(
        loaded->record, Role::name, loaded->name.text(), through);
    if (!record) return record.error();
    return opened_private_key{std::move(*record), loaded->name, loaded->revision};
  }

  /// Errors: `has_dependents` when a symmetric key of the database is hidden for this public key.
  [[nodiscard]] result<void> unused(const object_name& name) {
    auto key = public_key(name);
    if (!key) return key.error();
    auto names = state_->records().list(detail::object_prefix<role::symmetric_key>(database_));
    if (!names) return names.error();
    for (const auto& each : *names) {
      auto loaded = state_->load(each);
      if (!loaded) return loaded.error();
      for (const auto& slot : loaded->record.header().slots)
        if (detail::slot_text(slot, "public_key") == to_base64(*key))
          return error(errc::has_dependents)
              .with(fact::name, each.text())
              .with(fact::next_step, "drop that protection of the symmetric key first");
    }
    return done();
  }

  [[nodiscard]] database_master_key_handle<State> master_key() { return {state_, database_}; }

  std::shared_ptr<State> state_;
  object_name database_;
};

}  // namespace keywarden
