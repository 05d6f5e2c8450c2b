/// @file
/// How sealed bytes look: the native form and Tink's.
#pragma once

#include <concepts>
#include <cstdint>
#include <string_view>

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/status.hpp>
#include <keywarden/core/strong.hpp>
#include <keywarden/crypto/aead.hpp>

namespace keywarden {

/// What a sealed message's header says.
struct message_header {
  /// Which version sealed it.
  key_id key;
  /// The nonce it was sealed with.
  nonce once;
};

/// A concept matching layouts of sealed messages. Satisfied by `format::native`, `format::tink`.
///
/// A message is a header of `header_size` bytes that ends with the nonce, the ciphertext (as long
/// as the plaintext) and the tag. `write_header` writes the header; `read_header` reads and checks
/// it against the composed suite; `associate` writes what is to be authenticated: all of the header
/// but the nonce (which the AEAD authenticates anyway) and the caller's associated data,
/// unambiguously. That is `associated_overhead` bytes longer than the caller's. Headers under one
/// key and suite differ in the nonce only.
template <class T>
concept message_format = requires(mutable_bytes out, bytes_view in, const message_header& header,
                                  message_header& read, crypto::suite suite) {
  { T::name } -> std::convertible_to<std::string_view>;
  { T::header_size } -> std::convertible_to<std::size_t>;
  { T::associated_overhead } -> std::convertible_to<std::size_t>;
  { T::write_header(out, header, suite) } -> std::same_as<void>;
  { T::read_header(in, suite, read) } -> std::same_as<status>;
  { T::associate(out, in, in) } -> std::same_as<void>;
};

/// The layouts of sealed messages.
namespace format {

/// Keywarden's own: `0x4B | suite u8 | key id u32 big-endian | nonce 12 | ciphertext | tag 16`.
///
/// The AEAD's associated data is `0x4B | suite | key id | length u64 big-endian | the caller's`.
struct native {
  static constexpr std::string_view name = "keywarden/1";
  static constexpr std::uint8_t version = 0x4B;
  static constexpr std::size_t header_size = 1 + 1 + 4 + nonce::size;
  /// As `message_format`.
  static constexpr std::size_t associated_overhead = 1 + 1 + 4 + sizeof(std::uint64_t);

  /// As `message_format`.
  static void write_header(mutable_bytes out, const message_header& header,
                           crypto::suite suite) noexcept {
    out[0] = version;
    out[1] = static_cast<std::uint8_t>(suite);
    store_big_endian(out.subspan(2), header.key.value());
    copy_bytes(out.subspan<6>(), header.once.view());
  }

  /// `in` has at least `header_size` bytes. Errors: `unsupported_version`, `unsupported_suite`.
  static status read_header(bytes_view in, crypto::suite suite, message_header& read) noexcept {
    if (in[0] != version) return errc::unsupported_version;
    if (in[1] != static_cast<std::uint8_t>(suite)) return errc::unsupported_suite;
    read.key = key_id(load_big_endian<std::uint32_t>(in.subspan(2)));
    read.once = nonce(in.subspan<6, nonce::size>());
    return {};
  }

  /// As `message_format`: version, suite, key id, then the caller's with its length.
  static void associate(mutable_bytes out, bytes_view header, bytes_view associated_data) noexcept {
    copy_bytes(out, header.first<6>());
    store_big_endian(out.subspan<6>(), std::uint64_t{associated_data.size()});
    copy_bytes(out.subspan<associated_overhead>(), associated_data);
  }
};

/// Google Tink's AEAD wire form: `0x01 | key id u32 big-endian | nonce 12 | ciphertext | tag 16`,
/// with the caller's associated data as it is. For programs that share data with Tink in other
/// languages.
///
/// It does not name its suite and does not authenticate its key id beyond choosing the key.
struct tink {
  static constexpr std::string_view name = "tink";
  static constexpr std::uint8_t version = 0x01;
  static constexpr std::size_t header_size = 1 + 4 + nonce::size;
  /// As `message_format`.
  static constexpr std::size_t associated_overhead = 0;

  /// As `message_format`.
  static void write_header(mutable_bytes out, const message_header& header,
                           crypto::suite /*suite*/) noexcept {
    out[0] = version;
    store_big_endian(out.subspan(1), header.key.value());
    copy_bytes(out.subspan<5>(), header.once.view());
  }

  /// `in` has at least `header_size` bytes. Errors: `unsupported_version`.
  static status read_header(bytes_view in, crypto::suite /*suite*/, message_header& read) noexcept {
    if (in[0] != version) return errc::unsupported_version;
    read.key = key_id(load_big_endian<std::uint32_t>(in.subspan(1)));
    read.once = nonce(in.subspan<5, nonce::size>());
    return {};
  }

  /// As `message_format`: the caller's associated data as it is.
  static void associate(mutable_bytes out, bytes_view /*header*/,
                        bytes_view associated_data) noexcept {
    copy_bytes(out, associated_data);
  }
};

}  // namespace format

static_assert(message_format<format::native>);
static_assert(message_format<format::tink>);

}  // namespace keywarden
