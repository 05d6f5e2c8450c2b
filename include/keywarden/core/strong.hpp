/// @file
/// Strong types: a salt is not a nonce, a key id is not a count.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <functional>
#include <utility>

#include <keywarden/core/bytes.hpp>

namespace keywarden {

/// A public value of exactly `Size` bytes whose role is part of its type. A regular type; threads
/// may share one to read.
template <std::size_t Size, class Tag>
class strong_bytes {
 public:
  static constexpr std::size_t size = Size;

  /// All bytes zero.
  constexpr strong_bytes() noexcept = default;

  /// Takes exactly `Size` bytes.
  constexpr explicit strong_bytes(std::span<const std::uint8_t, Size> data) noexcept {
    std::ranges::copy_n(data.data(), static_cast<std::ptrdiff_t>(Size), bytes_.data());
  }

  /// The bytes, to read or to fill.
  [[nodiscard]] constexpr std::span<const std::uint8_t, Size> view() const noexcept {
    return bytes_;
  }
  [[nodiscard]] constexpr std::span<std::uint8_t, Size> view() noexcept { return bytes_; }

  friend constexpr auto operator<=>(const strong_bytes&, const strong_bytes&) = default;

 private:
  std::array<std::uint8_t, Size> bytes_{};
};

/// A value of `T` whose role is part of its type: no arithmetic, no implicit conversion.
template <class T, class Tag>
class strong_value {
 public:
  constexpr strong_value() = default;
  constexpr explicit strong_value(T value) noexcept : value_(std::move(value)) {}

  [[nodiscard]] constexpr const T& value() const noexcept { return value_; }

  friend constexpr auto operator<=>(const strong_value&, const strong_value&) = default;

 private:
  T value_{};
};

/// A 96-bit AEAD nonce. Unique for each message under one key.
using nonce = strong_bytes<12, struct nonce_tag>;

/// A 128-bit salt for a password-based key derivation.
using salt = strong_bytes<16, struct salt_tag>;

/// Names one version of a key within its ring: 32 bits, random, never zero.
using key_id = strong_value<std::uint32_t, struct key_id_tag>;

/// Names one key record for its whole life: 128 bits, random.
using record_id = strong_bytes<16, struct record_id_tag>;

/// A 256-bit commitment to a key: whoever shows a key that matches it cannot show another.
using commitment = strong_bytes<32, struct commitment_tag>;

/// A 256-bit message authentication code (HMAC-SHA-256).
using mac = strong_bytes<32, struct mac_tag>;

/// A key after a protector has hidden it. Public; useless without the protector's secret.
using wrapped_key = strong_value<bytes, struct wrapped_key_tag>;

}  // namespace keywarden

/// Hashes a strong value as what it holds, for unordered containers.
template <class T, class Tag>
struct std::hash<keywarden::strong_value<T, Tag>> {
  std::size_t operator()(const keywarden::strong_value<T, Tag>& value) const {
    return std::hash<T>{}(value.value());
  }
};
