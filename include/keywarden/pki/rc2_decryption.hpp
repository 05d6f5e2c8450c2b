/// @file
/// RC2 (RFC 2268), decryption only: for the certificates of old PFX files.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <botan/secmem.h>

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/result.hpp>

namespace keywarden::pki::detail {

/// RFC 2268, section 2: a permutation of all bytes, made from the digits of pi.
inline constexpr std::array<std::uint8_t, 256> rc2_pi_table{
    0xd9, 0x78, 0xf9, 0xc4, 0x19, 0xdd, 0xb5, 0xed, 0x28, 0xe9, 0xfd, 0x79, 0x4a, 0xa0, 0xd8, 0x9d,
    0xc6, 0x7e, 0x37, 0x83, 0x2b, 0x76, 0x53, 0x8e, 0x62, 0x4c, 0x64, 0x88, 0x44, 0x8b, 0xfb, 0xa2,
    0x17, 0x9a, 0x59, 0xf5, 0x87, 0xb3, 0x4f, 0x13, 0x61, 0x45, 0x6d, 0x8d, 0x09, 0x81, 0x7d, 0x32,
    0xbd, 0x8f, 0x40, 0xeb, 0x86, 0xb7, 0x7b, 0x0b, 0xf0, 0x95, 0x21, 0x22, 0x5c, 0x6b, 0x4e, 0x82,
    0x54, 0xd6, 0x65, 0x93, 0xce, 0x60, 0xb2, 0x1c, 0x73, 0x56, 0xc0, 0x14, 0xa7, 0x8c, 0xf1, 0xdc,
    0x12, 0x75, 0xca, 0x1f, 0x3b, 0xbe, 0xe4, 0xd1, 0x42, 0x3d, 0xd4, 0x30, 0xa3, 0x3c, 0xb6, 0x26,
    0x6f, 0xbf, 0x0e, 0xda, 0x46, 0x69, 0x07, 0x57, 0x27, 0xf2, 0x1d, 0x9b, 0xbc, 0x94, 0x43, 0x03,
    0xf8, 0x11, 0xc7, 0xf6, 0x90, 0xef, 0x3e, 0xe7, 0x06, 0xc3, 0xd5, 0x2f, 0xc8, 0x66, 0x1e, 0xd7,
    0x08, 0xe8, 0xea, 0xde, 0x80, 0x52, 0xee, 0xf7, 0x84, 0xaa, 0x72, 0xac, 0x35, 0x4d, 0x6a, 0x2a,
    0x96, 0x1a, 0xd2, 0x71, 0x5a, 0x15, 0x49, 0x74, 0x4b, 0x9f, 0xd0, 0x5e, 0x04, 0x18, 0xa4, 0xec,
    0xc2, 0xe0, 0x41, 0x6e, 0x0f, 0x51, 0xcb, 0xcc, 0x24, 0x91, 0xaf, 0x50, 0xa1, 0xf4, 0x70, 0x39,
    0x99, 0x7c, 0x3a, 0x85, 0x23, 0xb8, 0xb4, 0x7a, 0xfc, 0x02, 0x36, 0x5b, 0x25, 0x55, 0x97, 0x31,
    0x2d, 0x5d, 0xfa, 0x98, 0xe3, 0x8a, 0x92, 0xae, 0x05, 0xdf, 0x29, 0x10, 0x67, 0x6c, 0xba, 0xc9,
    0xd3, 0x00, 0xe6, 0xcf, 0xe1, 0x9e, 0xa8, 0x2c, 0x63, 0x16, 0x01, 0x3f, 0x58, 0xe2, 0x89, 0xa9,
    0x0d, 0x38, 0x34, 0x1b, 0xab, 0x33, 0xff, 0xb0, 0xbb, 0x48, 0x0c, 0x5f, 0xb9, 0xb1, 0xcd, 0x2e,
    0xc5, 0xf3, 0xdb, 0x47, 0xe5, 0xa5, 0x9c, 0x77, 0x0a, 0xa6, 0x20, 0x68, 0xfe, 0x7f, 0xc1, 0xad};

/// Decrypts RC2 (RFC 2268) in CBC mode with the padding of PKCS#7. It exists only to read the
/// public certificates of old PFX files; there is no encryption, and nothing is ever written with
/// it.
///
/// It protects nothing: RC2 is obsolete, and the 40 bits that those files use are found by trying.
/// It is not constant in time: tables are looked up by key and data, and the padding is compared
/// byte by byte. That is acceptable where it is used, and nowhere else: the file's MAC was verified
/// before, so nobody without the password gets an answer about bytes of their own; and what is
/// decrypted are certificates, which are public. Private keys under RC2 are refused.
///
/// The expanded key is wiped. Threads: any may decrypt with one object at once.
class rc2_decryption {
 public:
  static constexpr std::size_t block_size = 8;
  static constexpr std::size_t max_key_size = 128;

  /// A key of 1 to 128 bytes that counts as `effective_bits`, 1 to 1,024 (PFX files: 40 and 128).
  /// Errors: `invalid_argument` outside of these.
  [[nodiscard]] static result<rc2_decryption> with(bytes_view key, std::size_t effective_bits) {
    if (key.empty() || key.size() > max_key_size || effective_bits == 0 ||
        effective_bits > 8 * max_key_size)
      return error(errc::invalid_argument)
          .with(fact::scheme, "RC2")
          .with(fact::reason, "a key of 1 to 128 bytes and 1 to 1,024 effective bits");
    return rc2_decryption(key, effective_bits);
  }

  /// One block in place, without mode and padding (section 4).
  void decrypt_block(std::span<std::uint8_t, block_size> block) const noexcept {
    std::array<std::uint16_t, 4> words{};
    for (std::size_t i = 0; i < 4; ++i) words[i] = little_endian(block[2 * i], block[2 * i + 1]);
    std::size_t next = words_.size();
    mix_back(words, next, 5);
    mash_back(words);
    mix_back(words, next, 6);
    mash_back(words);
    mix_back(words, next, 5);
    for (std::size_t i = 0; i < 4; ++i) {
      block[2 * i] = static_cast<std::uint8_t>(words[i] & 0xffU);
      block[2 * i + 1] = static_cast<std::uint8_t>(words[i] >> 8U);
    }
  }

  /// CBC, without the padding. Time and memory are linear in the ciphertext, which the caller
  /// bounds. Errors: `invalid_argument` for a `start` of other than 8 bytes; `malformed` for a
  /// ciphertext that is not one or more whole blocks, and for a wrong padding.
  [[nodiscard]] result<Botan::secure_vector<std::uint8_t>> decrypt_cbc(
      bytes_view start, bytes_view ciphertext) const {
    const auto refuse = [](errc code, std::string_view reason) {
      return error(code).with(fact::scheme, "RC2").with(fact::reason, reason);
    };
    if (start.size() != block_size)
      return refuse(errc::invalid_argument, "CBC starts from 8 bytes");
    if (ciphertext.empty() || ciphertext.size() % block_size != 0)
      return refuse(errc::malformed, "the ciphertext is not whole blocks");
    Botan::secure_vector<std::uint8_t> opened(ciphertext.begin(), ciphertext.end());
    auto before = start;
    for (std::size_t at = 0; at < opened.size(); at += block_size) {
      decrypt_block(std::span(opened).subspan(at).first<block_size>());
      for (std::size_t i = 0; i < block_size; ++i) opened[at + i] ^= before[i];
      before = ciphertext.subspan(at, block_size);
    }
    const std::size_t padding = opened.back();
    if (padding == 0 || padding > block_size ||
        !std::ranges::all_of(std::span(opened).last(padding),
                             [&](std::uint8_t each) { return each == padding; }))
      return refuse(errc::malformed, "its padding is wrong");
    opened.resize(opened.size() - padding);
    return opened;
  }

 private:
  /// Section 2. The sizes were checked.
  rc2_decryption(bytes_view key, std::size_t effective_bits) : words_(64) {
    const auto size = key.size();
    const auto effective = (effective_bits + 7) / 8;
    const auto mask = static_cast<std::uint8_t>(0xffU >> (8 * effective - effective_bits));
    Botan::secure_vector<std::uint8_t> all(max_key_size);
    copy_bytes(all, key);
    for (std::size_t i = size; i < all.size(); ++i)
      all[i] = rc2_pi_table[(all[i - 1] + all[i - size]) & 0xffU];
    auto last = all.size() - effective;
    all[last] = rc2_pi_table[all[last] & mask];
    while (last-- > 0) all[last] = rc2_pi_table[all[last + 1] ^ all[last + effective]];
    for (std::size_t i = 0; i < words_.size(); ++i)
      words_[i] = little_endian(all[2 * i], all[2 * i + 1]);
  }

  [[nodiscard]] static std::uint16_t little_endian(std::uint8_t low, std::uint8_t high) noexcept {
    return static_cast<std::uint16_t>(low | (high << 8U));
  }

  void mix_back(std::array<std::uint16_t, 4>& of, std::size_t& next, int rounds) const noexcept {
    constexpr std::array<int, 4> shifts{1, 2, 3, 5};
    for (; rounds > 0; --rounds)
      for (std::size_t i = 4; i-- > 0;) {
        const unsigned one = of[(i + 3) % 4];
        const unsigned chosen = (one & of[(i + 2) % 4]) + (~one & of[(i + 1) % 4]);
        of[i] = static_cast<std::uint16_t>(std::rotr(of[i], shifts[i]) - words_[--next] - chosen);
      }
  }
  void mash_back(std::array<std::uint16_t, 4>& of) const noexcept {
    for (std::size_t i = 4; i-- > 0;)
      of[i] = static_cast<std::uint16_t>(of[i] - words_[of[(i + 3) % 4] & 63U]);
  }

  Botan::secure_vector<std::uint16_t> words_;
};

}  // namespace keywarden::pki::detail
