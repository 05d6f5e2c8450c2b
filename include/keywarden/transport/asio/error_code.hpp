/// @file
/// `errc` as a `boost::system::error_code`, which is what Asio's operations report.
#pragma once

#include <string>
#include <type_traits>

#include <boost/system/error_category.hpp>
#include <boost/system/error_code.hpp>

#include <keywarden/core/error.hpp>

namespace keywarden {

namespace detail {

/// The category "keywarden": its values are those of `errc`.
class errc_category final : public boost::system::error_category {
 public:
  // The number is what makes the category the same one in every shared library of a program.
  constexpr errc_category() noexcept : error_category(0xd4c1'6b57'3a90'e2f5U) {}
  [[nodiscard]] const char* name() const noexcept override { return "keywarden"; }
  [[nodiscard]] std::string message(int value) const override {
    return std::string(describe(static_cast<errc>(value)));
  }
};

}  // namespace detail

/// The category of every `error_code` that is an `errc`. Any thread.
[[nodiscard]] inline const boost::system::error_category& errc_category() noexcept {
  static const detail::errc_category one;
  return one;
}

/// A refusal's code, without its facts: test it with `code == keywarden::errc::truncated`.
[[nodiscard]] inline boost::system::error_code make_error_code(errc code) noexcept {
  return {static_cast<int>(code), errc_category()};
}

}  // namespace keywarden

/// @cond so that an `errc` converts to an `error_code`; Doxygen takes it for a class of ours
template <>
struct boost::system::is_error_code_enum<keywarden::errc> : std::true_type {};
/// @endcond
