/// @file
/// Key derivation from passwords: the concept, Argon2id and PBKDF2, with costs bounded before use.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <string_view>

#include <botan/pwdhash.h>

#include <keywarden/core/backend.hpp>
#include <keywarden/core/secret.hpp>
#include <keywarden/core/strong.hpp>

namespace keywarden::crypto {

/// What one guess costs, as read from a file or composed into a program. A plain value.
struct kdf_cost {
  std::uint32_t memory_kib = 0;  ///< KiB of memory; 0 for functions that need none
  std::uint32_t iterations = 0;  ///< passes or rounds
  std::uint32_t lanes = 1;       ///< independent lanes

  friend bool operator==(const kdf_cost&, const kdf_cost&) = default;
};

/// A concept matching password-based key derivation functions. Satisfied by `argon2id<>`,
/// `pbkdf2_sha256<>`.
///
/// `T::cost` is what new slots are made with; `T::ceiling` is the highest cost read from a file
/// that is ever executed, and `T::floor` the lowest: `derive` refuses others before it takes
/// memory. `T::guess_cost` is log2 of the work of one guess in comparable units (SHA-256 blocks),
/// a fact for requirements; it is never added to bits of strength.
template <class T>
concept password_kdf = requires(const password& secret, const salt& salted, const kdf_cost& cost) {
  { T::name } -> std::convertible_to<std::string_view>;
  { T::cost } -> std::convertible_to<kdf_cost>;
  { T::floor } -> std::convertible_to<kdf_cost>;
  { T::ceiling } -> std::convertible_to<kdf_cost>;
  { T::guess_cost } -> std::convertible_to<unsigned>;
  { T::derive(secret, salted, cost) } -> std::same_as<result<secret_key>>;
};

/// The longest password that is hashed: 1,024 bytes.
inline constexpr std::size_t max_password_size = 1024;

namespace detail {

[[nodiscard]] constexpr unsigned log2_floor(std::uint64_t value) noexcept {
  unsigned bits = 0;
  while (value > 1) {
    value >>= 1U;
    ++bits;
  }
  return bits;
}

[[nodiscard]] inline result<void> check_cost(std::string_view name, const kdf_cost& cost,
                                             const kdf_cost& floor, const kdf_cost& ceiling) {
  const auto outside = [&](std::uint32_t value, std::uint32_t least, std::uint32_t most,
                           std::string_view what) -> result<void> {
    if (value > most)
      return error(errc::limit_exceeded)
          .with(fact::scheme, name)
          .with(fact::reason, what)
          .with(fact::limit, most)
          .with(fact::actual, value);
    if (value < least)
      return error(errc::weaker_than_required)
          .with(fact::scheme, name)
          .with(fact::reason, what)
          .with(fact::limit, least)
          .with(fact::actual, value);
    return done();
  };
  if (auto ok = outside(cost.memory_kib, floor.memory_kib, ceiling.memory_kib, "memory in KiB");
      !ok)
    return ok;
  if (auto ok = outside(cost.iterations, floor.iterations, ceiling.iterations, "iterations"); !ok)
    return ok;
  return outside(cost.lanes, floor.lanes, ceiling.lanes, "lanes");
}

[[nodiscard]] inline result<secret_key> derive_with(std::string_view family, const password& secret,
                                                    const salt& salted, std::size_t first,
                                                    std::size_t second, std::size_t third) {
  if (secret.empty() || secret.size() > max_password_size)
    return error(errc::password_refused)
        .with(fact::reason, "empty or too long")
        .with(fact::limit, max_password_size)
        .with(fact::actual, secret.size());
  return keywarden::detail::guarded(family, [&] {
    const auto hash =
        Botan::PasswordHashFamily::create_or_throw(family)->from_params(first, second, third);
    const auto typed = as_text(keywarden::detail::view_of(secret));
    auto made = keywarden::detail::sized_key(32);
    const auto out = keywarden::detail::secret_access::view(made);
    hash->derive_key(out.data(), out.size(), typed.data(), typed.size(), salted.view().data(),
                     salt::size);
    return made;
  });
}

}  // namespace detail

/// Argon2id (RFC 9106): memory-hard. The default is the RFC's second recommendation, 64 MiB, 3
/// passes, 4 lanes, about a tenth of a second. Files may ask for up to 1 GiB, 16 passes, 16 lanes
/// and not for less than 8 MiB (or the composed cost, if that is less) or 1 pass.
template <std::uint32_t MemoryKib = 65536, std::uint32_t Passes = 3, std::uint32_t Lanes = 4>
struct argon2id {
  static_assert(MemoryKib >= 8 * Lanes && Passes >= 1 && Lanes >= 1,
                "argon2id needs at least 8 KiB of memory for each lane, one pass and one lane");
  static_assert(
      MemoryKib <= 1048576 && Passes <= 16 && Lanes <= 16,
      "argon2id costs above 1 GiB, 16 passes or 16 lanes would be refused when read back");

  static constexpr std::string_view name = "argon2id";
  static constexpr kdf_cost cost{MemoryKib, Passes, Lanes};
  /// The least a stored slot may ask for.
  static constexpr kdf_cost floor{MemoryKib < 8192 ? MemoryKib : 8192, 1, 1};
  /// The most a stored slot may ask for.
  static constexpr kdf_cost ceiling{1048576, 16, 16};
  static constexpr unsigned guess_cost =
      detail::log2_floor(std::uint64_t{MemoryKib} * 16U * Passes);

  /// Errors: `limit_exceeded` or `weaker_than_required` for the cost (before any memory is taken),
  /// `password_refused` when empty or above 1,024 bytes.
  [[nodiscard]] static result<secret_key> derive(const password& secret, const salt& salted,
                                                 const kdf_cost& asked) {
    if (auto ok = detail::check_cost(name, asked, floor, ceiling); !ok) return ok.error();
    if (asked.memory_kib < 8 * asked.lanes)
      return error(errc::malformed)
          .with(fact::reason, "Argon2 needs 8 KiB of memory for each lane");
    return detail::derive_with("Argon2id", secret, salted, asked.memory_kib, asked.iterations,
                               asked.lanes);
  }
};

/// PBKDF2 with HMAC-SHA-256 (RFC 8018): where Argon2 is not allowed. Not memory-hard: prefer
/// `argon2id`.
template <std::uint32_t Iterations = 600000>
struct pbkdf2_sha256 {
  static_assert(Iterations >= 1000,
                "pbkdf2_sha256 with fewer than 1,000 iterations protects nothing");
  static_assert(Iterations <= 10000000,
                "pbkdf2_sha256 above 10,000,000 iterations would be refused when read back");

  static constexpr std::string_view name = "pbkdf2-sha256";
  static constexpr kdf_cost cost{0, Iterations, 1};
  /// The least a stored slot may ask for.
  static constexpr kdf_cost floor{0, Iterations < 100000 ? Iterations : 100000, 1};
  /// The most a stored slot may ask for.
  static constexpr kdf_cost ceiling{0, 10000000, 1};
  static constexpr unsigned guess_cost = detail::log2_floor(std::uint64_t{Iterations} * 2U);

  /// Errors: as `argon2id::derive`.
  [[nodiscard]] static result<secret_key> derive(const password& secret, const salt& salted,
                                                 const kdf_cost& asked) {
    if (auto ok = detail::check_cost(name, asked, floor, ceiling); !ok) return ok.error();
    return detail::derive_with("PBKDF2(SHA-256)", secret, salted, asked.iterations, 0, 0);
  }
};

static_assert(password_kdf<argon2id<>>);
static_assert(password_kdf<pbkdf2_sha256<>>);

}  // namespace keywarden::crypto
