/// @file
/// Thumbprints as people paste them into a configuration.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <keywarden/config/owned_text.hpp>
#include <keywarden/pki/thumbprint_scan.hpp>

namespace keywarden::config {

/// The hash of a whole certificate: 20 bytes (SHA-1) or 32 (SHA-256). Public, not a secret.
struct thumbprint {
  std::array<std::uint8_t, 32> bytes{};  ///< the first `size` of them; the rest is zero
  std::uint8_t size = 0;                 ///< 20 or 32

  /// Whether it is a SHA-1 hash: a hint at a certificate, not a proof.
  [[nodiscard]] constexpr bool is_sha1() const noexcept { return size == 20; }

  /// Upper-case hexadecimal digits, as Windows shows them.
  [[nodiscard]] constexpr owned_text text() const {
    constexpr std::string_view digits = "0123456789ABCDEF";
    owned_text made;
    for (std::size_t i = 0; i < size; ++i)
      made.append(digits[bytes[i] >> 4U]).append(digits[bytes[i] & 15U]);
    return made;
  }
  friend constexpr auto operator<=>(const thumbprint&, const thumbprint&) = default;
};

/// What a pasted thumbprint turned out to be.
struct thumbprint_reading {
  std::optional<thumbprint> value;
  std::string_view problem;     ///< why there is no value, as a clause; or nothing
  std::string_view untidiness;  ///< what was dropped to get the value, as a clause; or nothing
  bool blank = false;           ///< there was nothing but spaces
};

namespace detail {

/// Why a text is no thumbprint, as a clause about it.
[[nodiscard]] constexpr std::string_view clause_about(const pki::detail::thumbprint_scan& found) {
  using enum pki::thumbprint_problem;
  switch (found.problem) {
    case too_long:
      return "it is longer than 512 bytes";
    case not_utf8:
      return "it has a byte that is not UTF-8";
    case leading_question_mark:
      return "it begins with ?, which an invisible character becomes in an ANSI file: delete the ?";
    case looks_like_a_digit:
    case not_a_digit:
      if (pki::detail::is_between(found.point, 0xFF10, 0xFF5A))
        return "it has full-width characters: type the digits 0-9 and A-F";
      return found.problem == looks_like_a_digit
                 ? "it has a character that is no hexadecimal digit and only looks like one"
                 : "it has a character that is no hexadecimal digit";
    case no_digits:
      return "it is blank";
    case odd_number_of_digits:
      return "it has an odd number of digits: one is missing or too many";
    case wrong_length:
    case none:
      break;
  }
  return "it has neither 40 digits (SHA-1) nor 64 (SHA-256)";
}

}  // namespace detail

/// Reads a thumbprint of 40 or 64 hexadecimal digits of either case as `pki::thumbprint` does, with
/// the same characters left out and the same refused; spaces before the first and after the last
/// digit are nobody's mistake.
[[nodiscard]] constexpr thumbprint_reading read_thumbprint(std::string_view text) noexcept {
  constexpr std::string_view spaces = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(spaces), text.size()));
  text = text.substr(0, text.find_last_not_of(spaces) + 1);
  const auto found = pki::detail::scan_thumbprint(text);
  thumbprint_reading made;
  if (found.dropped.invisible != 0)
    made.untidiness =
        text.find("\u200E") != std::string_view::npos
            ? "an invisible U+200E LEFT-TO-RIGHT MARK was pasted with the thumbprint: delete it"
            : "an invisible character was pasted with the thumbprint: delete it";
  else if (found.dropped.separators != 0)
    made.untidiness = "the thumbprint has separators: write only its digits";
  else if (found.dropped.spaces != 0)
    made.untidiness = "the thumbprint has spaces: delete them";
  thumbprint value;
  if (found.problem != pki::thumbprint_problem::none || found.digits > 2 * value.bytes.size()) {
    made.problem = detail::clause_about(found);
    made.blank = found.problem == pki::thumbprint_problem::no_digits;
    return made;
  }
  value.size = static_cast<std::uint8_t>(found.digits / 2);
  std::copy_n(found.bytes.begin(), value.size, value.bytes.begin());
  made.value = value;
  return made;
}

/// Calls `each(part)` for every part of a comma-separated list; for none of a blank text.
template <class Each>
constexpr void for_each_of_list(std::string_view list, Each&& each) {
  if (list.find_first_not_of(" \t\r\n") == std::string_view::npos) return;
  for (;;) {
    const auto comma = list.find(',');
    each(list.substr(0, comma));
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

/// The thumbprints of a comma-separated list, in its order; those that cannot be read are left out
/// (`validate` reports them).
[[nodiscard]] constexpr std::vector<thumbprint> read_thumbprints(std::string_view list) {
  std::vector<thumbprint> made;
  for_each_of_list(list, [&](std::string_view part) {
    if (const auto one = read_thumbprint(part); one.value) made.push_back(*one.value);
  });
  return made;
}

}  // namespace keywarden::config
