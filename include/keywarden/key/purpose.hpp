/// @file
/// What a message is for, as a type that is also bound cryptographically.
#pragma once

#include <concepts>
#include <string_view>
#include <type_traits>
#include <utility>

#include <keywarden/core/bytes.hpp>

namespace keywarden {

/// A concept matching purposes: a type with a constant `name` of 1 to 64 characters. Satisfied by
/// any `struct card_numbers { static constexpr std::string_view name = "card numbers"; };`.
///
/// Messages sealed for one purpose never open for another, even under the same key: the type system
/// says so while compiling, and a subkey derived from `name` says so when running. Two purposes
/// with the same name are the same purpose.
template <class T>
concept purpose = requires {
  { T::name } -> std::convertible_to<std::string_view>;
  typename std::integral_constant<std::size_t, std::string_view(T::name).size()>;  // a constant
  requires !std::string_view(T::name).empty();
  requires std::string_view(T::name)
  .size() <= 64;
};

/// Sealed bytes, with their purpose in the type. Public data: copy, store and send it as you like.
template <purpose Purpose>
class sealed {
 public:
  sealed() = default;

  /// Bytes that were read from somewhere and claim to be sealed for `Purpose`. `open` finds out.
  explicit sealed(bytes data) noexcept : data_(std::move(data)) {}

  [[nodiscard]] bytes_view view() const noexcept { return data_; }
  /// The bytes, as they are stored or sent.
  [[nodiscard]] const bytes& to_bytes() const& noexcept { return data_; }
  /// The same, taken.
  [[nodiscard]] bytes to_bytes() && noexcept { return std::move(data_); }

  friend bool operator==(const sealed&, const sealed&) = default;

 private:
  bytes data_;
};

}  // namespace keywarden
