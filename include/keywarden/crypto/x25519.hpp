/// @file
/// X25519 (RFC 7748) with the all-zero check: a part of the mechanisms that build on it.
#pragma once

#include <cstdint>
#include <string_view>

#include <botan/mem_ops.h>
#include <botan/x25519.h>

#include <keywarden/core/backend.hpp>
#include <keywarden/crypto/kem.hpp>

namespace keywarden::crypto::detail {

inline constexpr std::size_t x25519_size = 32;

/// The product of a private scalar and a peer's public value of 32 bytes, never all zero.
///
/// Errors: `malformed` when the value is of low order, so that the product says nothing about the
/// scalar (RFC 7748, section 6.1); the check takes constant time.
[[nodiscard]] inline result<secret_key> x25519(std::string_view scheme, std::string_view what,
                                               const Botan::X25519_PrivateKey& ours,
                                               bytes_view theirs) {
  return keywarden::detail::guarded(scheme, [&]() -> result<secret_key> {
    auto product = ours.agree(theirs.data(), theirs.size());
    std::uint8_t any = 0;
    for (const auto byte : product) any = static_cast<std::uint8_t>(any | byte);
    if (any == 0) return unusable(scheme, what, "an X25519 value of low order");
    return keywarden::detail::adopt_key(std::move(product));
  });
}

/// Refuses a public value of low order, whatever the scalar. Errors: `malformed`.
[[nodiscard]] inline result<void> expect_x25519_order(std::string_view scheme,
                                                      std::string_view what, bytes_view theirs) {
  // Every scalar is clamped to a multiple of the cofactor, so one scalar tells for all of them.
  constexpr std::uint8_t any_scalar[x25519_size] = {1};
  return keywarden::detail::guarded(scheme, [&]() -> result<void> {
    auto product = x25519(scheme, what, Botan::X25519_PrivateKey(any_scalar), theirs);
    if (!product) return product.error();
    return done();
  });
}

}  // namespace keywarden::crypto::detail
