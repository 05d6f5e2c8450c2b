/// @file
/// `status`: success or the code of a refusal, for paths where even an empty `error` would cost.
#pragma once

#include <keywarden/core/result.hpp>

namespace keywarden {

/// A `result<void>` without facts: as cheap as an integer, and turned into one where somebody can
/// add facts.
class [[nodiscard]] status {
 public:
  /// Success.
  constexpr status() noexcept = default;

  // `return errc::authentication_failed;` is how refusals read.
  // NOLINTNEXTLINE(google-explicit-constructor)
  constexpr status(errc code) noexcept : code_(code) {}

  /// Whether there is no error.
  [[nodiscard]] constexpr bool has_value() const noexcept { return code_ == errc::none; }
  [[nodiscard]] constexpr explicit operator bool() const noexcept { return has_value(); }

  /// The refusal, without facts.
  [[nodiscard]] keywarden::error error() const { return {code_}; }

#if defined(__cpp_exceptions)
  /// Throws `refused` unless it is a success. Not there where exceptions are turned off.
  void value() const {
    if (!has_value()) throw refused(error());
  }
#endif

  // NOLINTNEXTLINE(google-explicit-constructor): the two mean the same
  [[nodiscard]] operator result<void>() const {
    if (has_value()) return {};
    return error();
  }

 private:
  errc code_ = errc::none;
};

}  // namespace keywarden
