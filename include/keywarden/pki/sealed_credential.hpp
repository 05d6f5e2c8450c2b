/// @file
/// The stored form of a credential that is sealed to encryption certificates.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <keywarden/key/role.hpp>
#include <keywarden/pki/encryption_certificate.hpp>
#include <keywarden/protect/opened_record.hpp>

// A sealed credential is a key record (see `key_record`) of the kind "credential": UTF-8 text,
// versioned, bounded, and authenticated as a whole. Its material is the credential; one or two
// slots hide the record's key for one recipient each, "recipient/rsa-oaep-sha256" or
// "recipient/dhkem-p256-hkdf-sha256", labelled with the SHA-256 fingerprint of the certificate that
// was encrypted to, in hexadecimal. Its name binds purpose and owner, neither of which is stored:
// "credential/" and the hexadecimal SHA-256 of "keywarden/1/credential", the purpose and the owner,
// each behind its length (64 bits, big-endian).

namespace keywarden::pki::detail {

/// The bounds of a sealed credential, checked before anything is allocated for it.
struct credential_limits {
  static constexpr std::size_t credential = 65536;
  static constexpr std::size_t sealed = std::size_t{1} << 17U;
  static constexpr std::size_t recipients = 2;
};

/// The least that every recipient offers (RSA of 2,048 bits); authenticated in every record.
inline constexpr requirements credential_floor{112, requirements::unguessable, false,
                                               factors{factor::recipient}};

/// One recipient: with a private key it opens, without one it only seals.
struct credential_recipient {
  using rsa = protect::recipient<crypto::rsa_oaep<2048>>;
  using p256 = protect::recipient<crypto::dhkem_p256>;

  std::variant<rsa, p256> protector;
  std::string public_key;  ///< in Base64, as slots keep it
  pki::fingerprint certificate;

  [[nodiscard]] std::string scheme() const {
    return std::visit([](const auto& each) { return each.scheme(); }, protector);
  }
  [[nodiscard]] bool is_named_in(const slot& each) const {
    const auto key = each.data.find("public_key");
    return each.scheme() == scheme() && key != each.data.end() && *key == public_key;
  }
};

template <class Protector, class Key>
[[nodiscard]] result<credential_recipient> recipient_with(result<Key> key, const certificate& of) {
  if (!key) return error(key.error()).with(fact::name, of.subject());
  const auto shown = [&] {
    if constexpr (requires { key->public_part(); })
      return key->public_part().encode();
    else
      return key->encode();
  }();
  return credential_recipient{Protector(std::move(*key)), to_base64(shown), of.fingerprint()};
}

/// Who can only seal. Errors: as `expect_encryption_certificate`; `weaker_than_required` or
/// `limit_exceeded` for RSA of other sizes; `malformed` for an unusable key.
[[nodiscard]] inline result<credential_recipient> recipient_to(const certificate& to) {
  const auto by = expect_encryption_certificate(to);
  if (!by) return by.error();
  return keywarden::detail::guarded(
      "encryption certificate", [&]() -> result<credential_recipient> {
        const auto key = to.x509().subject_public_key();
        if (*by == encryption_mechanism::rsa_oaep)
          return recipient_with<credential_recipient::rsa>(
              crypto::rsa_oaep<2048>::public_key::decode(key->subject_public_key()), to);
        return recipient_with<credential_recipient::p256>(
            crypto::dhkem_p256::public_key::decode(key->raw_public_key_bits()), to);
      });
}

/// Who can open. Dates and key usage are not looked at: what was sealed must open. Errors:
/// `invalid_argument` when the key is missing or not the certificate's; `unsupported_suite`; those
/// of the mechanism.
[[nodiscard]] inline result<credential_recipient> recipient_of(const identity& own) {
  if (own.key == nullptr || own.chain.empty() || !own.key->belongs_to(own.chain.front()))
    return error(errc::invalid_argument)
        .with(fact::reason, "the private key is not the certificate's");
  const auto& shown = own.chain.front();
  return keywarden::detail::guarded("encryption key", [&]() -> result<credential_recipient> {
    const auto by = mechanism_of(*own.key->botan());
    if (!by) return by.error();
    if (*by == encryption_mechanism::dhkem_p256)
      return recipient_with<credential_recipient::p256>(
          crypto::dhkem_p256::private_key::decode(
              keywarden::detail::adopt_key(own.key->botan()->raw_private_key_bits())),
          shown);
    const auto pkcs8 = own.key->to_pkcs8();
    if (!pkcs8) return pkcs8.error();
    return recipient_with<credential_recipient::rsa>(
        crypto::rsa_oaep<2048>::private_key::decode(*pkcs8), shown);
  });
}

/// The name that binds a record to its purpose and its owner.
[[nodiscard]] inline result<record_name> credential_name(std::string_view purpose,
                                                         std::string_view owner) {
  bytes all;
  append_length_prefixed(all, as_bytes("keywarden/1/credential"));
  append_length_prefixed(all, as_bytes(purpose));
  append_length_prefixed(all, as_bytes(owner));
  const auto hash = crypto::sha256(all);
  if (!hash) return hash.error();
  return record_name::parse("credential/" + to_hex(hash->view()));
}

/// Errors: `limit_exceeded`; those of randomness and of the mechanisms.
[[nodiscard]] inline result<bytes> seal_credential(std::span<const credential_recipient> to,
                                                   std::string_view purpose, std::string_view owner,
                                                   const plaintext& credential) {
  require_edge<role::recipient, role::credential>();
  if (credential.size() > credential_limits::credential)
    return error(errc::limit_exceeded)
        .with(fact::kind, "credential")
        .with(fact::limit, credential_limits::credential)
        .with(fact::actual, credential.size());
  const auto name = credential_name(purpose, owner);
  if (!name) return name.error();
  auto record = opened_record::create(role::credential::name, *name, credential_floor,
                                      plaintext::copy_of(credential.view()));
  if (!record) return record.error();
  for (const auto& each : to) {
    const auto added = std::visit(
        [&](const auto& protector) {
          return record->add_slot(protector, to_hex(each.certificate.view()));
        },
        each.protector);
    if (!added) return added.error();
  }
  return record->encode();
}

/// Parses a sealed credential; what it says of itself is not authenticated yet. Errors:
/// `limit_exceeded`, `truncated`, `malformed`, `unsupported_version`.
[[nodiscard]] inline result<key_record> parse_credential(bytes_view sealed) {
  if (sealed.size() > credential_limits::sealed)
    return error(errc::limit_exceeded)
        .with(fact::kind, "sealed credential")
        .with(fact::limit, credential_limits::sealed)
        .with(fact::actual, sealed.size());
  auto record = key_record::parse(sealed);
  if (!record) return error(record.error()).with(fact::kind, "sealed credential");
  if (const auto count = record->header().slots.size(); count > credential_limits::recipients)
    return error(errc::limit_exceeded)
        .with(fact::kind, "recipients of a sealed credential")
        .with(fact::limit, credential_limits::recipients)
        .with(fact::actual, count);
  return record;
}

/// The certificates that a sealed credential says it is sealed to. Errors: `malformed`.
[[nodiscard]] inline result<std::vector<fingerprint>> recipients_named_in(const key_record& in) {
  std::vector<fingerprint> all;
  for (const auto& each : in.header().slots) {
    const auto named = strong_from_hex<fingerprint>(each.label);
    if (!named) return error(named.error()).with(fact::kind, "recipient of a sealed credential");
    all.push_back(*named);
  }
  return all;
}

/// Opens with whichever of `own` is named. Errors: as `parse_credential`; `unknown_key` with the
/// recipients' fingerprints; `authentication_failed`.
[[nodiscard]] inline result<plaintext> open_credential(std::span<const credential_recipient> own,
                                                       std::string_view purpose,
                                                       std::string_view owner, bytes_view sealed) {
  const auto record = parse_credential(sealed);
  if (!record) return record.error();
  const auto named = recipients_named_in(*record);
  if (!named) return named.error();
  const auto name = credential_name(purpose, owner);
  if (!name) return name.error();
  std::optional<error> why;
  for (const auto& each : own) {
    if (!std::ranges::any_of(record->header().slots,
                             [&](const slot& tried) { return each.is_named_in(tried); }))
      continue;
    auto opened = std::visit(
        [&](const auto& protector) {
          return opened_record::open_through(*record, role::credential::name, name->text(),
                                             protector);
        },
        each.protector);
    if (opened) return plaintext::copy_of(opened->material().view());
    why = opened.error();
  }
  if (!why) {
    auto unknown = error(errc::unknown_key).with(fact::kind, "sealed credential");
    for (const auto& each : *named) unknown = std::move(unknown).with(fact::key, to_text(each));
    return std::move(unknown).with(
        fact::next_step,
        "open it with the private key of the certificate of this SHA-256 fingerprint");
  }
  if (why->code() != errc::authentication_failed && why->code() != errc::no_slot_opened)
    return *why;
  return error(errc::authentication_failed)
      .with(fact::kind, "sealed credential")
      .with(fact::reason, "it was altered, or it is of another owner or purpose")
      .because(std::move(*why));
}

/// Whether it is sealed to exactly these recipients, as it says of itself. Errors: as
/// `parse_credential`.
[[nodiscard]] inline result<bool> is_sealed_to(std::span<const credential_recipient> expected,
                                               bytes_view sealed) {
  const auto record = parse_credential(sealed);
  if (!record) return record.error();
  const auto& slots = record->header().slots;
  return slots.size() == expected.size() &&
         std::ranges::all_of(expected, [&](const credential_recipient& each) {
           return std::ranges::any_of(slots, [&](const slot& in) { return each.is_named_in(in); });
         });
}

}  // namespace keywarden::pki::detail
