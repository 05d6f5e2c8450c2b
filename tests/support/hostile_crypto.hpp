/// @file
/// TLS 1.3's key schedule and record protection (RFC 8446, 5.2 and 7), once more and by hand, for
/// peers that misbehave: Botan's own TLS would not.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <botan/aead.h>
#include <botan/hash.h>
#include <botan/mac.h>

#include <keywarden/core/bytes.hpp>

namespace keywarden::testing::hostile {

/// A TLS 1.3 cipher suite.
struct suite {
  std::uint16_t code;
  std::string_view hash;
  std::size_t digest;
  std::string_view aead;
};
inline constexpr suite aes256{0x1302, "SHA-384", 48, "AES-256/GCM"};
inline constexpr suite chacha20{0x1303, "SHA-256", 32, "ChaCha20Poly1305"};

[[nodiscard]] inline bytes joined(std::initializer_list<bytes_view> parts) {
  bytes made;
  for (const auto part : parts) append(made, part);
  return made;
}
/// An integer of `width` bytes, big-endian.
[[nodiscard]] inline bytes number(std::size_t width, std::size_t value) {
  bytes made(width);
  for (std::size_t i = 0; i < width; ++i)
    made[i] = static_cast<std::uint8_t>(value >> (8 * (width - 1 - i)));
  return made;
}
/// Bytes behind their length of `width` bytes.
[[nodiscard]] inline bytes sized(std::size_t width, bytes_view content) {
  return joined({number(width, content.size()), content});
}

[[nodiscard]] inline bytes digest(const suite& of, bytes_view data) {
  const auto hash = Botan::HashFunction::create_or_throw(of.hash);
  hash->update(data);
  return hash->final_stdvec();
}
[[nodiscard]] inline bytes mac(const suite& of, bytes_view key, bytes_view data) {
  const auto hmac =
      Botan::MessageAuthenticationCode::create_or_throw("HMAC(" + std::string(of.hash) + ")");
  hmac->set_key(key);
  hmac->update(data);
  return hmac->final_stdvec();
}

/// HKDF (RFC 5869) and HKDF-Expand-Label (RFC 8446, 7.1).
[[nodiscard]] inline bytes extract(const suite& of, bytes_view salt, bytes_view material) {
  return mac(of, salt, material);
}
[[nodiscard]] inline bytes expand_label(const suite& of, bytes_view secret, std::string_view label,
                                        bytes_view context, std::size_t size) {
  const auto info =
      joined({number(2, size), sized(1, joined({as_bytes("tls13 "), as_bytes(label)})),
              sized(1, context)});
  bytes made, block;
  for (std::size_t round = 1; made.size() < size; ++round) {
    block = mac(of, secret, joined({block, info, number(1, round)}));
    append(made, block);
  }
  made.resize(size);
  return made;
}
/// Derive-Secret, over the messages themselves.
[[nodiscard]] inline bytes derive(const suite& of, bytes_view secret, std::string_view label,
                                  bytes_view messages) {
  return expand_label(of, secret, label, digest(of, messages), of.digest);
}
/// A Finished message's (or binder's) content.
[[nodiscard]] inline bytes finished_mac(const suite& of, bytes_view base, bytes_view messages) {
  return mac(of, expand_label(of, base, "finished", {}, of.digest), digest(of, messages));
}

/// The secrets of one connection, as far as they are known.
struct key_schedule {
  bytes early, handshake, master;
  bytes client_handshake, server_handshake, client_data, server_data;

  void begin(const suite& of, bytes_view shared_key = {}) {
    const bytes zeros(of.digest);
    early = extract(of, zeros, shared_key.empty() ? bytes_view(zeros) : shared_key);
  }
  void after_server_hello(const suite& of, bytes_view agreed, bytes_view messages) {
    handshake = extract(of, derive(of, early, "derived", {}), agreed);
    client_handshake = derive(of, handshake, "c hs traffic", messages);
    server_handshake = derive(of, handshake, "s hs traffic", messages);
  }
  void after_server_finished(const suite& of, bytes_view messages) {
    master = extract(of, derive(of, handshake, "derived", {}), bytes(of.digest));
    client_data = derive(of, master, "c ap traffic", messages);
    server_data = derive(of, master, "s ap traffic", messages);
  }
};

/// Content types of records.
enum class content : std::uint8_t { change_cipher_spec = 20, alert, handshake, data };

struct opened_record {
  content type;
  bytes plain;
};

/// A record that is not protected.
[[nodiscard]] inline bytes plain_record(content type, bytes_view inside,
                                        std::uint16_t version = 0x0303) {
  return joined({number(1, static_cast<std::size_t>(type)), number(2, version), sized(2, inside)});
}

/// One direction's traffic key, with its count of records.
class record_key {
 public:
  record_key(const suite& of, bytes secret) : suite_(of), secret_(std::move(secret)) { rekey(); }

  [[nodiscard]] bytes seal(content type, bytes_view inside, std::size_t padding = 0,
                           std::uint16_t version = 0x0303) {
    auto inner = joined({inside, number(1, static_cast<std::size_t>(type)), bytes(padding)});
    const auto header = joined({number(1, 23), number(2, version), number(2, inner.size() + 16)});
    Botan::secure_vector<std::uint8_t> body(inner.begin(), inner.end());
    const auto cipher = keyed(Botan::Cipher_Dir::Encryption, header);
    cipher->finish(body);
    ++count_;
    return joined({header, body});
  }
  /// Nothing, and no record counted, when it is not this key's next one.
  [[nodiscard]] std::optional<opened_record> open(bytes_view record) {
    Botan::secure_vector<std::uint8_t> body(record.begin() + 5, record.end());
    if (body.size() < 17) return std::nullopt;
    const auto cipher = keyed(Botan::Cipher_Dir::Decryption, record.first(5));
    try {
      cipher->finish(body);
    } catch (const Botan::Invalid_Authentication_Tag&) {
      return std::nullopt;
    }
    ++count_;
    while (!body.empty() && body.back() == 0) body.pop_back();
    if (body.empty()) return std::nullopt;
    return opened_record{static_cast<content>(body.back()), bytes(body.begin(), body.end() - 1)};
  }
  /// What a KeyUpdate brings about (RFC 8446, 7.2).
  void update() {
    secret_ = expand_label(suite_, secret_, "traffic upd", {}, suite_.digest);
    rekey();
  }

 private:
  void rekey() {
    key_ = expand_label(suite_, secret_, "key", {}, 32);
    start_ = expand_label(suite_, secret_, "iv", {}, 12);
    count_ = 0;
  }
  [[nodiscard]] std::unique_ptr<Botan::AEAD_Mode> keyed(Botan::Cipher_Dir direction,
                                                        bytes_view header) const {
    auto cipher = Botan::AEAD_Mode::create_or_throw(suite_.aead, direction);
    cipher->set_key(key_);
    cipher->set_associated_data(header);
    auto nonce = start_;
    for (std::size_t i = 0; i < 8; ++i)
      nonce[11 - i] ^= static_cast<std::uint8_t>(count_ >> (8 * i));
    cipher->start(nonce);
    return cipher;
  }

  suite suite_;
  bytes secret_, key_, start_;
  std::uint64_t count_ = 0;
};

}  // namespace keywarden::testing::hostile
