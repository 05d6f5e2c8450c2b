/// @file
/// How well a key is protected, as data that a record keeps and as a partial order between such
/// data.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string_view>

namespace keywarden {

/// What a protector depends on, and what can therefore be lost (or stolen) with it.
enum class factor : std::uint8_t {
  account = 1,     ///< the service account's secret
  machine = 2,     ///< the machine's secret
  password = 4,    ///< something a person remembers
  parent_key = 8,  ///< a key above in the hierarchy
  recipient = 16,  ///< a private key somewhere else
};

/// Every factor, in the order of their numbers.
inline constexpr std::array all_factors{factor::account, factor::machine, factor::password,
                                        factor::parent_key, factor::recipient};

/// The stable name of a factor.
[[nodiscard]] constexpr std::string_view name_of(factor each) noexcept {
  switch (each) {
    case factor::account:
      return "account";
    case factor::machine:
      return "machine";
    case factor::password:
      return "password";
    case factor::parent_key:
      return "parent_key";
    case factor::recipient:
      return "recipient";
  }
  return "unknown";
}

/// The factor of a stable name, or nothing.
[[nodiscard]] constexpr std::optional<factor> factor_of(std::string_view name) noexcept {
  for (const auto each : all_factors)
    if (name_of(each) == name) return each;
  return std::nullopt;
}

/// A set of factors. A regular constexpr value.
class factors {
 public:
  constexpr factors() noexcept = default;
  template <class... Factor>
    requires(std::same_as<Factor, factor>&&...)
  constexpr explicit factors(Factor... each) noexcept
      : bits_(static_cast<std::uint8_t>((0U | ... | static_cast<unsigned>(each)))) {}

  /// Whether it is one of them.
  [[nodiscard]] constexpr bool contains(factor each) const noexcept {
    return (bits_ & static_cast<unsigned>(each)) != 0;
  }
  /// Whether all of the others are among them.
  [[nodiscard]] constexpr bool contains(factors other) const noexcept {
    return (bits_ & other.bits_) == other.bits_;
  }
  /// Whether any of the others is among them.
  [[nodiscard]] constexpr bool intersects(factors other) const noexcept {
    return (bits_ & other.bits_) != 0;
  }
  [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }
  /// Adds one.
  constexpr void insert(factor each) noexcept {
    bits_ = static_cast<std::uint8_t>(bits_ | static_cast<unsigned>(each));
  }

  friend constexpr bool operator==(factors, factors) = default;

 private:
  std::uint8_t bits_ = 0;
};

/// How well something is protected: what a composition offers, and what a record demands.
struct requirements {
  /// The guess cost of what nobody can guess.
  static constexpr unsigned unguessable = 255;

  /// Bits of security of the weakest way in, on a classical computer. 0 where a password alone
  /// opens.
  unsigned strength = 0;
  /// log2 of the work of one guess (SHA-256 blocks) at the weakest password; `unguessable` without
  /// one.
  unsigned guess_cost = 0;
  /// Whether every way in withstands a quantum computer.
  bool quantum_safe = false;
  /// What every way in needs: without one of these, nothing opens.
  factors bound_to;

  friend constexpr bool operator==(const requirements&, const requirements&) = default;
};

/// The partial order: whether `offered` is at least as strong as `floor` in every respect. Two
/// values may be incomparable; then neither satisfies the other.
[[nodiscard]] constexpr bool satisfies(const requirements& offered,
                                       const requirements& floor) noexcept {
  return offered.strength >= floor.strength && offered.guess_cost >= floor.guess_cost &&
         (offered.quantum_safe || !floor.quantum_safe) && offered.bound_to.contains(floor.bound_to);
}

/// Names the first respect in which `offered` falls short of `floor`, or "" if it does not.
[[nodiscard]] constexpr std::string_view shortfall(const requirements& offered,
                                                   const requirements& floor) noexcept {
  if (offered.strength < floor.strength) return "strength in bits";
  if (offered.guess_cost < floor.guess_cost) return "cost of guessing a password";
  if (!offered.quantum_safe && floor.quantum_safe) return "safety against quantum computers";
  if (!offered.bound_to.contains(floor.bound_to)) return "what every way in is bound to";
  return "";
}

}  // namespace keywarden
