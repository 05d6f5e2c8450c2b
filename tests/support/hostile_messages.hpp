/// @file
/// TLS 1.3's handshake messages (RFC 8446, 4), byte by byte, right and wrong.
#pragma once

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <botan/pubkey.h>
#include <botan/system_rng.h>
#include <botan/x25519.h>

#include <keywarden/pki/signing_key.hpp>
#include <support/hostile_crypto.hpp>

namespace keywarden::testing::hostile {

/// Handshake message types.
enum class message : std::uint8_t {
  client_hello = 1,
  server_hello = 2,
  new_session_ticket = 4,
  end_of_early_data = 5,
  encrypted_extensions = 8,
  certificate = 11,
  certificate_request = 13,
  certificate_verify = 15,
  finished = 20,
  key_update = 24
};

/// Extension types.
enum class extension_type : std::uint16_t {
  supported_groups = 10,
  signature_algorithms = 13,
  protocols = 16,
  pre_shared_key = 41,
  early_data = 42,
  supported_versions = 43,
  cookie = 44,
  key_modes = 45,
  authorities = 47,
  key_share = 51
};

inline constexpr std::uint16_t tls12 = 0x0303;
inline constexpr std::uint16_t tls13_version = 0x0304;
inline constexpr std::uint16_t x25519_group = 0x001d;
inline constexpr std::uint16_t ecdsa_p256_sha256 = 0x0403;

/// Reads what was received; test code, so whatever is short throws.
class cursor {
 public:
  explicit cursor(bytes_view data) : rest_(data) {}
  [[nodiscard]] bytes_view take(std::size_t size) {
    if (size > rest_.size()) throw std::runtime_error("a message is short");
    const auto part = rest_.first(size);
    rest_ = rest_.subspan(size);
    return part;
  }
  [[nodiscard]] std::size_t number(std::size_t width) {
    std::size_t value = 0;
    for (const auto each : take(width)) value = value << 8U | each;
    return value;
  }
  [[nodiscard]] bytes_view sized(std::size_t width) { return take(number(width)); }
  [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }

 private:
  bytes_view rest_;
};

[[nodiscard]] inline bytes random_bytes(std::size_t size) {
  bytes made(size);
  Botan::system_rng().randomize(made);
  return made;
}
[[nodiscard]] inline bytes numbers16(const std::vector<std::uint16_t>& values) {
  bytes made;
  for (const auto each : values) append_big_endian(made, each);
  return made;
}
[[nodiscard]] inline bytes framed(message type, bytes_view body) {
  return joined({number(1, static_cast<std::size_t>(type)), sized(3, body)});
}
[[nodiscard]] inline bytes extension(extension_type type, bytes_view body) {
  return joined({number(2, static_cast<std::size_t>(type)), sized(2, body)});
}
/// The body of one extension among others.
[[nodiscard]] inline std::optional<bytes> find_extension(bytes_view extensions,
                                                         extension_type wanted) {
  for (cursor each(extensions); !each.at_end();) {
    const auto type = each.number(2);
    const auto body = each.sized(2);
    if (type == static_cast<std::size_t>(wanted)) return to_bytes(body);
  }
  return std::nullopt;
}

/// A pre-shared key as it is offered: imported, or earned as a ticket.
struct offered_key {
  bytes identity;
  bytes key;
  std::string_view binder = "imp binder";  ///< "ext binder", "res binder"
  std::uint32_t age = 0;
};

/// Imports an external key for a suite's hash (RFC 9258), by hand.
[[nodiscard]] inline offered_key imported(const suite& target, std::string_view identity,
                                          bytes_view key, std::string_view context) {
  const bool large = target.digest == 48;
  const auto whole = joined({sized(2, as_bytes(identity)), sized(2, as_bytes(context)),
                             number(2, tls13_version), number(2, large ? 2 : 1)});
  const auto extracted = extract(chacha20, bytes(32), key);
  return {whole,
          expand_label(chacha20, extracted, "derived psk", digest(chacha20, whole), target.digest)};
}

/// What a ClientHello says; honest unless changed.
struct hello_shape {
  std::uint16_t legacy_version = tls12;
  bytes random = random_bytes(32);
  bytes session = random_bytes(32);
  std::vector<std::uint16_t> suites{aes256.code};
  bytes compression{0};
  std::vector<std::uint16_t> versions{tls13_version};  ///< none: no such extension
  std::vector<std::uint16_t> groups{x25519_group};     ///< none: no key share either
  std::uint16_t share_group = x25519_group;
  std::optional<bytes> share;  ///< in place of the client's own half
  std::vector<std::uint16_t> schemes{ecdsa_p256_sha256};
  std::vector<std::string> protocols{"keywarden/1/required/aes"};
  std::vector<bytes> more;  ///< whole extensions
  bool early_data = false;
  std::vector<offered_key> keys;
  std::uint16_t record_version = 0x0301;
};

/// A ClientHello message. `with` is the suite whose hash makes the binders.
[[nodiscard]] inline bytes client_hello(const hello_shape& shape, bytes_view share,
                                        const suite& with) {
  bytes extensions;
  const auto add = [&](extension_type type, bytes_view body) {
    append(extensions, extension(type, body));
  };
  if (!shape.versions.empty())
    add(extension_type::supported_versions, sized(1, numbers16(shape.versions)));
  if (!shape.groups.empty()) {
    add(extension_type::supported_groups, sized(2, numbers16(shape.groups)));
    add(extension_type::key_share,
        sized(2, joined({number(2, shape.share_group),
                         sized(2, shape.share ? bytes_view(*shape.share) : share)})));
  }
  add(extension_type::signature_algorithms, sized(2, numbers16(shape.schemes)));
  add(extension_type::key_modes, bytes{1, 1});  // psk_dhe_ke: tickets are welcome
  if (!shape.protocols.empty()) {
    bytes names;
    for (const auto& each : shape.protocols) append(names, sized(1, as_bytes(each)));
    add(extension_type::protocols, sized(2, names));
  }
  for (const auto& each : shape.more) append(extensions, each);
  if (shape.early_data) add(extension_type::early_data, {});
  bytes identities;
  std::size_t binders_size = 0;
  for (const auto& each : shape.keys) {
    append(identities, joined({sized(2, each.identity), number(4, each.age)}));
    binders_size += 1 + with.digest;
  }
  if (!shape.keys.empty())
    add(extension_type::pre_shared_key,
        joined({sized(2, identities), sized(2, bytes(binders_size))}));
  auto whole = framed(message::client_hello,
                      joined({number(2, shape.legacy_version), shape.random,
                              sized(1, shape.session), sized(2, numbers16(shape.suites)),
                              sized(1, shape.compression), sized(2, extensions)}));
  if (shape.keys.empty()) return whole;
  const bytes_view before = bytes_view(whole).first(whole.size() - binders_size - 2);
  bytes binders;
  for (const auto& each : shape.keys) {
    key_schedule keys;
    keys.begin(with, each.key);
    append(binders,
           sized(1, finished_mac(with, derive(with, keys.early, each.binder, {}), before)));
  }
  return joined({before, sized(2, binders)});
}

/// A Certificate message that shows these DER certificates, or none.
[[nodiscard]] inline bytes certificate_message(const std::vector<bytes>& chain) {
  bytes entries;
  for (const auto& each : chain) append(entries, joined({sized(3, each), number(2, 0)}));
  return framed(message::certificate, joined({sized(1, {}), sized(3, entries)}));
}
[[nodiscard]] inline std::vector<bytes> chain_of(const pki::identity& shown) {
  std::vector<bytes> chain;
  for (const auto& each : shown.chain) chain.push_back(each.x509().BER_encode());
  return chain;
}

inline constexpr std::string_view client_context = "TLS 1.3, client CertificateVerify";
inline constexpr std::string_view server_context = "TLS 1.3, server CertificateVerify";

/// A CertificateVerify message over a transcript's digest (RFC 8446, 4.4.3), ECDSA P-256.
[[nodiscard]] inline bytes verify_message(const pki::signing_key& key, std::string_view context,
                                          bytes_view transcript_digest,
                                          std::uint16_t scheme = ecdsa_p256_sha256) {
  const auto signed_content =
      joined({bytes(64, 0x20), as_bytes(context), number(1, 0), transcript_digest});
  Botan::PK_Signer signer(*key.botan(), Botan::system_rng(), "SHA-256",
                          Botan::Signature_Format::DerSequence);
  const auto signature = signer.sign_message(signed_content, Botan::system_rng());
  return framed(message::certificate_verify, joined({number(2, scheme), sized(2, signature)}));
}

/// A half of X25519.
class key_share {
 public:
  [[nodiscard]] bytes half() const { return own_.raw_public_key_bits(); }
  [[nodiscard]] bytes agree(bytes_view other) const {
    const Botan::PK_Key_Agreement agreement(own_, Botan::system_rng(), "Raw");
    const auto made = agreement.derive_key(0, other).bits_of();
    return {made.begin(), made.end()};
  }

 private:
  Botan::X25519_PrivateKey own_{Botan::system_rng()};
};

}  // namespace keywarden::testing::hostile
