/// @file
/// Private keys as other programs keep them: PKCS#8, encrypted.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <botan/asn1_obj.h>
#include <botan/ber_dec.h>
#include <botan/data_src.h>
#include <botan/pem.h>
#include <botan/pkcs8.h>
#include <botan/pwdhash.h>

#include <keywarden/pki/signing_key.hpp>
#include <keywarden/vault/password_policy.hpp>

namespace keywarden::pki {

/// How a file is written: binary, or text that survives being pasted.
enum class encoding : std::uint8_t { der, pem };

/// A private key in PKCS#8 under a password: PBES2 with PBKDF2-HMAC-SHA-256 (600,000 rounds) and
/// AES-256-CBC (RFC 8018), which `openssl pkcs8` reads. There is no unencrypted form.
///
/// As strong as the password is hard to guess. The format has no authentication: alterations are
/// found only in so far as the key no longer fits. Errors: `password_refused` by `rules`;
/// `backend_failed`.
[[nodiscard]] inline result<bytes> encode_private_key(const signing_key& key,
                                                      const password& protection, encoding as,
                                                      const password_policy& rules = {}) {
  if (auto good = rules.check(protection); !good) return good.error();
  return keywarden::detail::guarded("writing a private key", [&]() -> bytes {
    constexpr std::size_t rounds = 600000;
    system_random source;
    keywarden::detail::botan_random<system_random> random(source);
    auto der = Botan::PKCS8::BER_encode_encrypted_pbkdf_iter(
        *key.botan(), random, as_text(keywarden::detail::view_of(protection)), rounds,
        "AES-256/CBC", "SHA-256");
    if (as == encoding::der) return der;
    return to_bytes(as_bytes(Botan::PEM_Code::encode(der, "ENCRYPTED PRIVATE KEY")));
  });
}

namespace detail {

/// Whether a key is under scrypt and this Botan was built without it.
[[nodiscard]] inline bool needs_missing_scrypt(bytes_view der) {
  constexpr std::array<std::uint8_t, 11> oid{0x06, 0x09, 0x2b, 0x06, 0x01, 0x04,
                                             0x01, 0xda, 0x47, 0x04, 0x0b};
  return !std::ranges::search(der, oid).empty() &&
         Botan::PasswordHashFamily::create("Scrypt") == nullptr;
}

/// The most rounds of PBKDF2 that are executed for a file's sake: some seconds. OpenSSL writes
/// 2,048, this library 600,000.
inline constexpr std::size_t max_pbkdf2_rounds = 10'000'000;

/// How many rounds of PBKDF2 an EncryptedPrivateKeyInfo (RFC 5958) with PBES2 (RFC 8018) demands;
/// nothing where it is under another function. May throw.
[[nodiscard]] inline std::optional<std::size_t> pbkdf2_rounds(bytes_view der) {
  const auto read = [](bytes_view from) {
    return Botan::BER_Decoder(from, Botan::BER_Decoder::Limits::DER());
  };
  Botan::AlgorithmIdentifier scheme;
  Botan::AlgorithmIdentifier derivation;
  read(der).start_sequence().decode(scheme);
  if (scheme.oid() != Botan::OID::from_string("PBE-PKCS5v20")) return std::nullopt;
  read(scheme.parameters()).start_sequence().decode(derivation);
  if (derivation.oid() != Botan::OID::from_string("PKCS5.PBKDF2")) return std::nullopt;
  std::vector<std::uint8_t> salt;
  std::size_t rounds = 0;
  read(derivation.parameters())
      .start_sequence()
      .decode(salt, Botan::ASN1_Type::OctetString)
      .decode(rounds);
  return rounds;
}

}  // namespace detail

/// Reads a private key in PKCS#8, DER or PEM, encrypted (PBES2) or not. The password is used only
/// if there is something to decrypt; Botan makes a copy of it that it does not wipe. What that
/// costs is bounded before it begins: PBKDF2 by 10,000,000 rounds here, scrypt by Botan's own
/// maximum.
///
/// Errors: `limit_exceeded` for a file above 32 KiB or more rounds; `secret_required` for an
/// encrypted key without a password; `authentication_failed` for a wrong password (or a damaged
/// file, which looks the same); `malformed`, also for the older forms "RSA PRIVATE KEY" and "EC
/// PRIVATE KEY"; `unsupported_suite`, also for scrypt where Botan was built without it.
[[nodiscard]] inline result<signing_key> decode_private_key(bytes_view content,
                                                            const password* protection = nullptr) {
  constexpr std::size_t max_size = 32768;
  constexpr std::uint8_t der_sequence = 0x30;
  if (content.size() > max_size)
    return error(errc::limit_exceeded)
        .with(fact::kind, "private key")
        .with(fact::limit, max_size)
        .with(fact::actual, content.size());
  std::string label;
  auto der = detail::parsed("private key", [&] {
    if (!content.empty() && content[0] == der_sequence)
      return Botan::secure_vector<std::uint8_t>(content.begin(), content.end());
    Botan::DataSource_Memory source(content);
    return Botan::PEM_Code::decode(source, label);
  });
  if (!der) return der.error();
  if (!label.empty() && label != "PRIVATE KEY" && label != "ENCRYPTED PRIVATE KEY")
    return error(errc::malformed)
        .with(fact::kind, "private key")
        .with(fact::reason, "\"" + label + "\" is not PKCS#8")
        .with(fact::next_step, "convert it: openssl pkcs8 -topk8");
  // PrivateKeyInfo begins with its version, EncryptedPrivateKeyInfo with an AlgorithmIdentifier.
  const auto header = der->size() < 2 || (*der)[1] < 0x80 ? 2U : 2U + ((*der)[1] & 0x7fU);
  const bool encrypted =
      label.starts_with("ENCRYPTED") || (der->size() > header && (*der)[header] == der_sequence);
  if (!encrypted) return signing_key::from_pkcs8(secret_key::copy_of(*der));
  if (protection == nullptr)
    return error(errc::secret_required)
        .with(fact::kind, "private key")
        .with(fact::next_step, "give the password that the file is under");
  if (detail::needs_missing_scrypt(*der))
    return error(errc::unsupported_suite)
        .with(fact::scheme, "scrypt")
        .with(fact::next_step, "convert it: openssl pkcs8 -topk8 without -scrypt");
  const auto unreadable = [] {
    return error(errc::authentication_failed)
        .with(fact::kind, "private key")
        .with(fact::reason, "a wrong password, or the file is damaged");
  };
  const auto rounds = keywarden::detail::guarded("reading an encrypted private key",
                                                 [&] { return detail::pbkdf2_rounds(*der); });
  if (!rounds) return unreadable();
  if (*rounds && **rounds > detail::max_pbkdf2_rounds)
    return error(errc::limit_exceeded)
        .with(fact::kind, "rounds of PBKDF2")
        .with(fact::limit, detail::max_pbkdf2_rounds)
        .with(fact::actual, **rounds);
  auto loaded = keywarden::detail::guarded("decrypting a private key", [&] {
    Botan::DataSource_Memory source(*der);
    return Botan::PKCS8::load_key(source, as_text(keywarden::detail::view_of(*protection)));
  });
  if (!loaded) return unreadable();
  return signing_key::adopt(std::move(*loaded));
}

}  // namespace keywarden::pki
