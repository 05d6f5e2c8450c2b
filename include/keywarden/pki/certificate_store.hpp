/// @file
/// Certificates of a database: made, loaded as an identity, exported, listed.
#pragma once

#include <concepts>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <keywarden/core/name.hpp>
#include <keywarden/pki/files.hpp>
#include <keywarden/pki/self_signed.hpp>
#include <keywarden/vault/by.hpp>
#include <keywarden/vault/certificate_material.hpp>

namespace keywarden::pki {

/// A concept matching places that keep certificates with their private keys wrapped. Satisfied by
/// `database.certificates()` of every vault.
template <class T>
concept certificate_store = requires(T& store, const object_name& name, bytes_view der,
                                     const secret_key& pkcs8, const keywarden::password* own,
                                     const by::password& protection) {
  { store.import(name, der, pkcs8, by::master_key{}) } -> std::same_as<result<void>>;
  { store.import(name, der, pkcs8, protection) } -> std::same_as<result<void>>;
  { store.certificate_der(name) } -> std::same_as<result<bytes>>;
  { store.authentic_certificate_der(name, own) } -> std::same_as<result<bytes>>;
  { store.open_private_key(name, own) } -> std::same_as<result<secret_key>>;
  { store.protection(name) } -> std::same_as<result<private_key_protection>>;
  { store.list() } -> std::same_as<result<std::vector<std::string>>>;
};

/// Makes a key pair and a self-signed certificate for it, and keeps both (CREATE CERTIFICATE … WITH
/// SUBJECT): the private key under the database master key, or under a password (`by::password`).
/// There is no unprotected form. Errors: as `make_self_signed`; `already_exists`, `not_found` or
/// `not_open` for the master key, `password_refused`.
template <signature_algorithm Algorithm = ecdsa_p256, certificate_store Store,
          class Protection = by::master_key>
[[nodiscard]] result<certificate> create_certificate(Store store, const object_name& name,
                                                     const certificate_options& options,
                                                     time_point now,
                                                     const Protection& protection = {}) {
  static_assert(Algorithm::usable_in_tls,
                "an endpoint's certificate is ECDSA or RSA: Botan's TLS takes no Ed25519 leaf");
  auto key = signing_key::generate<Algorithm>();
  if (!key) return key.error();
  auto made = make_self_signed(*key, options, now);
  if (!made) return made.error();
  auto pkcs8 = key->to_pkcs8();
  if (!pkcs8) return pkcs8.error();
  if (auto kept = store.import(name, made->der(), *pkcs8, protection); !kept) return kept.error();
  return made;
}

/// A certificate of the store, its record opened and found unaltered; `own` is the password of one
/// that is under a password. Errors: `not_found`, `not_open`, `no_slot_opened`,
/// `authentication_failed`.
template <certificate_store Store>
[[nodiscard]] result<certificate> load_certificate(Store store, const object_name& name,
                                                   const keywarden::password* own = nullptr) {
  auto der = store.authentic_certificate_der(name, own);
  if (!der) return der.error();
  return certificate::from_der(*der);
}

/// A certificate with its private key, open: what an endpoint is made with. The key stays in this
/// process's memory for as long as the identity lives. Errors: as `load_certificate`; `not_found`
/// when there is no private key; `unsupported_suite` for a key that does not sign.
template <certificate_store Store>
[[nodiscard]] result<identity> load_identity(Store store, const object_name& name,
                                             const keywarden::password* own = nullptr) {
  auto leaf = load_certificate(store, name, own);
  if (!leaf) return leaf.error();
  auto pkcs8 = store.open_private_key(name, own);
  if (!pkcs8) return pkcs8.error();
  auto key = signing_key::from_pkcs8(*pkcs8);
  if (!key) return key.error();
  if (!key->belongs_to(*leaf))
    return error(errc::malformed)
        .with(fact::name, name.text())
        .with(fact::reason, "the private key is not the certificate's");
  return identity{{std::move(*leaf)}, std::make_shared<const signing_key>(std::move(*key))};
}

/// A certificate, and whether its record was opened and found unaltered.
struct shown_certificate {
  certificate shown;  ///< what was found
  bool authentic;     ///< false: a mere claim, its record was not opened
};

/// A certificate to look at: verified where the database master key or `own` opens its record, and
/// as it is stored, a mere claim, where that is under a password that was not given. Errors: as
/// `load_certificate`, but for the missing password.
template <certificate_store Store>
[[nodiscard]] result<shown_certificate> show_certificate(Store store, const object_name& name,
                                                         const keywarden::password* own = nullptr) {
  auto verified = load_certificate(store, name, own);
  if (verified) return shown_certificate{std::move(*verified), true};
  if (own != nullptr || !(verified.error() == errc::no_slot_opened)) return verified.error();
  auto der = store.certificate_der(name);
  if (!der) return der.error();
  auto claimed = certificate::from_der(*der);
  if (!claimed) return claimed.error();
  return shown_certificate{std::move(*claimed), false};
}

/// Writes a certificate's public part to a file and gives it back, for its fingerprint. Errors: as
/// `show_certificate` and `write_certificate`.
template <certificate_store Store>
[[nodiscard]] result<certificate> export_public(Store store, const object_name& name,
                                                const std::filesystem::path& path, encoding as,
                                                if_exists existing = if_exists::refuse,
                                                const keywarden::password* own = nullptr) {
  auto found = show_certificate(store, name, own);
  if (!found) return found.error();
  if (auto written = write_certificate(path, found->shown, as, existing); !written)
    return written.error();
  return std::move(found->shown);
}

/// A certificate in a list, as its record claims.
struct listed_certificate {
  std::string name;
  certificate shown;                  ///< a mere claim: no record is opened for a list
  private_key_protection protection;  ///< what opens its private key, if it has one
};

/// The certificates of a store, by name; key pairs without a certificate are left out. Errors:
/// those of the store, `malformed`.
template <certificate_store Store>
[[nodiscard]] result<std::vector<listed_certificate>> list_certificates(Store store) {
  auto names = store.list();
  if (!names) return names.error();
  std::vector<listed_certificate> all;
  for (const auto& each : *names) {
    auto name = object_name::parse(each);
    if (!name) return name.error();
    auto der = store.certificate_der(*name);
    if (!der && der.error() == errc::not_found) continue;
    if (!der) return der.error();
    auto shown = certificate::from_der(*der);
    if (!shown) return shown.error();
    auto protection = store.protection(*name);
    if (!protection) return protection.error();
    all.push_back({each, std::move(*shown), *protection});
  }
  return all;
}

}  // namespace keywarden::pki
