/// @file
/// Pre-shared keys in TLS 1.3: imported for the hash that is used (RFC 9258).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <botan/tls_external_psk.h>
#include <botan/tls_psk_13.h>
#include <botan/tls_version.h>

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/random.hpp>
#include <keywarden/core/secret.hpp>

namespace keywarden::transport::detail {

/// The importer's context: these keys serve this protocol and nothing else.
inline constexpr std::string_view import_context = "keywarden/1 endpoint";

/// One external key, imported for one hash.
[[nodiscard]] inline Botan::TLS::ExternalPSK imported_key(std::string_view identity,
                                                          const secret_key& key,
                                                          std::string_view hash) {
  const Botan::TLS::PSKImporter importer(keywarden::detail::view_of(key), as_bytes(identity),
                                         as_bytes(import_context), "SHA-256");
  return importer.derive_imported_psk(
      Botan::TLS::Protocol_Version(Botan::TLS::Version_Code::TLS_V13), hash);
}

/// What a connector offers: the key for each hash that a suite may bring.
[[nodiscard]] inline std::vector<Botan::TLS::ExternalPSK> imported_keys(std::string_view identity,
                                                                        const secret_key& key) {
  std::vector<Botan::TLS::ExternalPSK> made;
  made.push_back(imported_key(identity, key, "SHA-384"));
  made.push_back(imported_key(identity, key, "SHA-256"));
  return made;
}

/// An ImportedIdentity (RFC 9258, 5.1), taken apart.
struct imported_identity {
  std::string external;
  std::string context;
  std::uint16_t protocol = 0;
  std::uint16_t kdf = 0;
};

/// Errors: `malformed` for anything but one ImportedIdentity.
[[nodiscard]] inline result<imported_identity> parse_imported(std::string_view identity) {
  const auto all = as_bytes(identity);
  std::size_t at = 0;
  bool sound = true;
  const auto number = [&]() -> std::uint16_t {
    if (all.size() - at < 2) {
      sound = false;
      return 0;
    }
    at += 2;
    return static_cast<std::uint16_t>(all[at - 2] * 256 + all[at - 1]);
  };
  const auto text = [&] {
    const std::size_t size = number();
    if (!sound || all.size() - at < size) {
      sound = false;
      return std::string();
    }
    at += size;
    return std::string(as_text(all.subspan(at - size, size)));
  };
  imported_identity made;
  made.external = text();
  made.context = text();
  made.protocol = number();
  made.kdf = number();
  if (!sound || at != all.size() || made.external.empty())
    return error(errc::malformed).with(fact::kind, "imported PSK identity");
  return made;
}

/// The external identity of an imported one. Errors: `peer_unproven` when it is none of ours.
[[nodiscard]] inline result<std::string> external_identity(std::string_view identity) {
  auto parsed = parse_imported(identity);
  if (!parsed || parsed->context != import_context)
    return error(errc::peer_unproven)
        .with(fact::reason, "its pre-shared key was not imported for this protocol");
  return std::move(parsed->external);
}

/// What an acceptor answers to a connector's identities: the key of the first that is imported for
/// the hash in use. An identity that is not known gets a random key, so that it fails exactly as a
/// known identity with a wrong key does.
template <class Find>
[[nodiscard]] std::optional<Botan::TLS::ExternalPSK> chosen_key(
    const std::vector<std::string>& identities, std::string_view hash, const Find& find) {
  constexpr std::uint16_t tls13 = 0x0304;
  const std::uint16_t wanted = hash == "SHA-256" ? 1 : 2;
  for (const auto& each : identities) {
    const auto parsed = parse_imported(each);
    if (!parsed || parsed->context != import_context || parsed->protocol != tls13 ||
        parsed->kdf != wanted)
      continue;
    std::optional<secret_key> key = find(std::string_view(parsed->external));
    if (!key) {
      auto none = random_key();
      if (!none) return std::nullopt;
      key.emplace(std::move(*none));
    }
    return imported_key(parsed->external, *key, hash);
  }
  return std::nullopt;
}

}  // namespace keywarden::transport::detail
