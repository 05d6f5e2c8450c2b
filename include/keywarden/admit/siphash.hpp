/// @file
/// SipHash-2-4, for tables whose keys strangers choose.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <utility>

namespace keywarden::admit::detail {

/// SipHash-2-4 (Aumasson, Bernstein 2012) of 16 bytes under a 128-bit key: without the key nobody
/// can choose addresses that fall into one place of a table. Not for anything else: what must be
/// authenticated takes HMAC.
[[nodiscard]] constexpr std::uint64_t siphash(const std::array<std::uint64_t, 2>& key,
                                              std::span<const std::uint8_t, 16> data) noexcept {
  std::array<std::uint64_t, 4> v{key[0] ^ 0x736f6d6570736575U, key[1] ^ 0x646f72616e646f6dU,
                                 key[0] ^ 0x6c7967656e657261U, key[1] ^ 0x7465646279746573U};
  const auto rounds = [&v](int count) {
    for (; count > 0; --count) {
      v[0] += v[1];
      v[1] = std::rotl(v[1], 13) ^ v[0];
      v[0] = std::rotl(v[0], 32);
      v[2] += v[3];
      v[3] = std::rotl(v[3], 16) ^ v[2];
      v[0] += v[3];
      v[3] = std::rotl(v[3], 21) ^ v[0];
      v[2] += v[1];
      v[1] = std::rotl(v[1], 17) ^ v[2];
      v[2] = std::rotl(v[2], 32);
    }
  };
  const auto absorb = [&](std::uint64_t word) {
    v[3] ^= word;
    rounds(2);
    v[0] ^= word;
  };
  const auto word_at = [&](std::size_t start) {
    // Written out, so that compilers see one load in it.
    return [&]<std::size_t... At>(std::index_sequence<At...>) {
      return (... | (std::uint64_t{data[start + At]} << (8U * At)));
    }
    (std::make_index_sequence<8>());
  };
  absorb(word_at(0));
  absorb(word_at(8));
  absorb(std::uint64_t{16} << 56U);
  v[2] ^= 0xFFU;
  rounds(4);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

}  // namespace keywarden::admit::detail
