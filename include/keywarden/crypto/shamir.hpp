/// @file
/// Shamir's secret sharing: any k of n shares give the key back, fewer say nothing about it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/random.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/core/secret.hpp>

namespace keywarden::crypto {

/// The size of what is shared, and of each share: 256 bits.
inline constexpr std::size_t share_size = 32;

/// A share with the point at which it was evaluated: 1 for the first that `split` made, and so on.
struct indexed_share {
  /// Where the polynomials were evaluated; never 0.
  std::uint8_t x = 0;
  /// Their values there, one for each byte of the secret.
  secret_key share;
};

namespace detail {

/// `value` times x modulo x^8 + x^4 + x^3 + x + 1, without a branch or a table.
[[nodiscard]] constexpr std::uint8_t gf256_double(std::uint8_t value) noexcept {
  const auto carry = static_cast<unsigned>(value >> 7U);
  return static_cast<std::uint8_t>((unsigned{value} << 1U) ^ (0x1bU * carry));
}

/// The product in GF(2^8), in the same time whatever the factors are.
[[nodiscard]] constexpr std::uint8_t gf256_multiply(std::uint8_t left,
                                                    std::uint8_t right) noexcept {
  unsigned product = 0;
  for (unsigned bit = 0; bit < 8; ++bit) {
    product ^= left * ((unsigned{right} >> bit) & 1U);
    left = gf256_double(left);
  }
  return static_cast<std::uint8_t>(product);
}

/// The inverse in GF(2^8), value^254; that of 0 is 0.
[[nodiscard]] constexpr std::uint8_t gf256_invert(std::uint8_t value) noexcept {
  std::uint8_t inverse = 1;
  for (int bit = 7; bit >= 0; --bit) {
    inverse = gf256_multiply(inverse, inverse);
    if (bit != 0) inverse = gf256_multiply(inverse, value);  // 254 is 0b11111110
  }
  return inverse;
}

}  // namespace detail

/// Splits a key of exactly 32 bytes into `n` shares of 32 bytes, any `k` of which give it back.
///
/// Each byte is the constant term of its own random polynomial of degree k - 1 over GF(2^8) with
/// AES's modulus; share i (from 0) is its value at x = i + 1, as in Botan's RTSS. Fewer than k
/// shares say nothing about the key, to anyone, for ever. Shares carry **no redundancy**: no
/// header, no checksum, nothing that tells a right one from a wrong one, so that a thief of one
/// share cannot test it alone; the caller authenticates the combined key. That is why this is not
/// Botan's RTSS, whose shares are recognisable, and which keeps its coefficients in memory that
/// nobody wipes.
///
/// The coefficients and shares are in wiped memory; time depends on k and n only. Draws
/// 32 * (k - 1) bytes at once.
/// Errors: `invalid_argument` when the key is not 32 bytes, or not 2 <= k <= n <= 255 (with k = 1
/// every share would be the key itself); those of the source.
[[nodiscard]] inline result<std::vector<secret_key>> split(const secret_key& key, unsigned k,
                                                           unsigned n, random_source auto& random) {
  if (key.size() != share_size)
    return error(errc::invalid_argument)
        .with(fact::reason, "wrong key size")
        .with(fact::limit, share_size)
        .with(fact::actual, key.size());
  if (k < 2 || k > n || n > 255)
    return error(errc::invalid_argument)
        .with(fact::reason, "a threshold needs 2 <= k <= n <= 255")
        .with(fact::limit, n)
        .with(fact::actual, k);

  const std::size_t degree = k - 1;
  auto drawn = keywarden::detail::sized_key(share_size * degree);
  if (auto filled = random.fill(keywarden::detail::secret_access::view(drawn)); !filled)
    return filled.error();
  const auto constants = keywarden::detail::view_of(key);
  const auto coefficients = keywarden::detail::view_of(drawn);

  std::vector<secret_key> shares;
  shares.reserve(n);
  for (unsigned x = 1; x <= n; ++x) {
    auto share = keywarden::detail::sized_key(share_size);
    const auto out = keywarden::detail::secret_access::view(share);
    for (std::size_t i = 0; i < share_size; ++i) {
      std::uint8_t value = 0;  // Horner, from the highest coefficient down
      for (std::size_t j = degree; j-- > 0;)
        value =
            detail::gf256_multiply(static_cast<std::uint8_t>(value ^ coefficients[i * degree + j]),
                                   static_cast<std::uint8_t>(x));
      out[i] = static_cast<std::uint8_t>(value ^ constants[i]);
    }
    shares.push_back(std::move(share));
  }
  return shares;
}

/// The key that these shares determine, in any order.
///
/// More than k right shares give the same key. Too few, or a wrong one among them, give **another
/// key, not a refusal**: nothing here can tell. Authenticate what the key opens.
/// Errors: `invalid_argument` for fewer than two shares; `malformed` for a share that is not 32
/// bytes, an x of 0, or the same x twice.
[[nodiscard]] inline result<secret_key> combine(std::span<const indexed_share> shares) {
  if (shares.size() < 2)
    return error(errc::invalid_argument)
        .with(fact::reason, "fewer than two shares")
        .with(fact::actual, shares.size());
  std::array<bool, 256> seen{};
  seen[0] = true;
  for (const auto& each : shares) {
    if (each.share.size() != share_size)
      return error(errc::malformed)
          .with(fact::kind, "share")
          .with(fact::limit, share_size)
          .with(fact::actual, each.share.size());
    if (std::exchange(seen[each.x], true))
      return error(errc::malformed)
          .with(fact::kind, "share")
          .with(fact::reason, "x is zero or repeated")
          .with(fact::actual, unsigned{each.x});
  }

  auto key = keywarden::detail::sized_key(share_size);
  const auto out = keywarden::detail::secret_access::view(key);
  for (const auto& each : shares) {
    std::uint8_t weight = 1;  // Lagrange's coefficient at 0; it depends on public points only
    for (const auto& other : shares) {
      if (other.x == each.x) continue;
      const auto step = detail::gf256_multiply(
          other.x, detail::gf256_invert(static_cast<std::uint8_t>(other.x ^ each.x)));
      weight = detail::gf256_multiply(weight, step);
    }
    const auto in = keywarden::detail::view_of(each.share);
    for (std::size_t i = 0; i < share_size; ++i)
      out[i] = static_cast<std::uint8_t>(out[i] ^ detail::gf256_multiply(in[i], weight));
  }
  return key;
}

}  // namespace keywarden::crypto
