/// @file
/// Reading the text of a thumbprint, also while compiling, character by character.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace keywarden::pki {

/// The hash that a thumbprint is. SHA-1 finds a certificate; it does not authorise one.
enum class thumbprint_algorithm : std::uint8_t { sha1, sha256, sha384, sha512 };

/// The size of a thumbprint in bytes; its text has twice as many digits.
[[nodiscard]] constexpr std::size_t size_of(thumbprint_algorithm by) noexcept {
  constexpr std::array<std::size_t, 4> sizes{20, 32, 48, 64};
  return sizes[static_cast<std::size_t>(by)];
}
/// "sha1", "sha256", "sha384", "sha512": as configuration files write it.
[[nodiscard]] constexpr std::string_view name_of(thumbprint_algorithm by) noexcept {
  constexpr std::array<std::string_view, 4> names{"sha1", "sha256", "sha384", "sha512"};
  return names[static_cast<std::size_t>(by)];
}

/// What is wrong with a thumbprint's text.
enum class thumbprint_problem : std::uint8_t {
  none,
  too_long,               ///< above 512 bytes
  not_utf8,               ///< a byte that is no UTF-8
  leading_question_mark,  ///< an invisible character that was saved as ANSI
  looks_like_a_digit,     ///< a full-width digit, a Cyrillic letter, the letter O
  not_a_digit,            ///< any other character
  no_digits,              ///< nothing is left
  odd_number_of_digits,   ///< one is missing, or there is one too many
  wrong_length,           ///< none of 40, 64, 96 and 128 digits
};

/// What a person pasted along with the digits, and what was done about it: it was left out.
struct dropped_characters {
  std::size_t invisible = 0;   ///< format characters such as U+200E LEFT-TO-RIGHT MARK
  std::size_t spaces = 0;      ///< blanks, no-break spaces, tabs, line ends
  std::size_t separators = 0;  ///< `:` and `-`

  /// How many in all; 0: the digits were pasted alone.
  [[nodiscard]] constexpr std::size_t total() const noexcept {
    return invisible + spaces + separators;
  }
  friend constexpr bool operator==(const dropped_characters&,
                                   const dropped_characters&) noexcept = default;
};

namespace detail {

/// The algorithm of which so many hexadecimal digits are a whole hash.
[[nodiscard]] constexpr std::optional<thumbprint_algorithm> algorithm_of_digits(
    std::size_t digits) noexcept {
  using enum thumbprint_algorithm;
  for (const auto each : {sha1, sha256, sha384, sha512})
    if (digits == 2 * size_of(each)) return each;
  return std::nullopt;
}

/// What a text says, or why it says nothing.
struct thumbprint_scan {
  std::array<std::uint8_t, 64> bytes{};
  std::size_t digits = 0;
  dropped_characters dropped;
  thumbprint_problem problem = thumbprint_problem::none;
  std::size_t column = 0;  ///< of the character at fault, counted from 1
  char32_t point = 0;      ///< that character, or the byte that is none
};

struct utf8_character {
  char32_t point = 0;
  std::size_t size = 0;  ///< 0: not UTF-8 (RFC 3629)
};

/// The character at the front of a text that is not empty.
[[nodiscard]] constexpr utf8_character first_character(std::string_view text) noexcept {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto first = at(0);
  if (first < 0x80) return {first, 1};
  if (first < 0xc2 || first > 0xf4) return {first, 0};
  const std::size_t size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (text.size() < size) return {first, 0};
  auto point = static_cast<char32_t>(first & (0x7fU >> size));
  for (std::size_t i = 1; i < size; ++i) {
    if ((at(i) & 0xc0U) != 0x80) return {first, 0};
    point = (point << 6U) | (at(i) & 0x3fU);
  }
  const bool too_long = (size == 3 && point < 0x800) || (size == 4 && point < 0x10000);
  const bool no_character = (point >= 0xd800 && point <= 0xdfff) || point > 0x10ffff;
  return {too_long || no_character ? first : point, too_long || no_character ? 0 : size};
}

[[nodiscard]] constexpr bool is_between(char32_t point, char32_t from, char32_t to) noexcept {
  return from <= point && point <= to;
}
/// What no font shows: zero-width and direction marks, the soft hyphen, the byte order mark.
[[nodiscard]] constexpr bool is_invisible(char32_t point) noexcept {
  return is_between(point, 0x200b, 0x200f) || is_between(point, 0x202a, 0x202e) ||
         is_between(point, 0x2060, 0x2064) || is_between(point, 0x2066, 0x2069) ||
         point == 0xfeff || point == 0x00ad;
}
[[nodiscard]] constexpr bool is_space(char32_t point) noexcept {
  return point == U' ' || point == U'\t' || point == U'\r' || point == U'\n' || point == 0x00a0;
}
/// The value of an ASCII digit, or 16.
[[nodiscard]] constexpr unsigned hex_value(char32_t point) noexcept {
  if (is_between(point, U'0', U'9')) return static_cast<unsigned>(point - U'0');
  if (is_between(point, U'a', U'f')) return static_cast<unsigned>(point - U'a' + 10);
  if (is_between(point, U'A', U'F')) return static_cast<unsigned>(point - U'A' + 10);
  return 16;
}
/// Other scripts' digits, full-width and mathematical forms, and letters that are drawn like a
/// hexadecimal digit. Not all there are: whatever is missing here is refused as well.
[[nodiscard]] constexpr bool looks_hexadecimal(char32_t point) noexcept {
  constexpr std::u32string_view drawn_alike =  // Latin, Greek, Cyrillic, Arabic, Armenian
      U"OoIl\u0391\u0392\u0395\u039f\u03bf\u0410\u0412\u0421\u0415\u041e\u0417\u0430\u0441"
      U"\u0435\u043e\u0437\u0627\u0585";
  return is_between(point, 0xff10, 0xff19) || is_between(point, 0xff21, 0xff26) ||
         is_between(point, 0xff41, 0xff46) || is_between(point, 0x0660, 0x0669) ||
         is_between(point, 0x06f0, 0x06f9) || is_between(point, 0x0966, 0x096f) ||
         is_between(point, 0x1d400, 0x1d7ff) || is_between(point, 0x2070, 0x2089) ||
         drawn_alike.find(point) != std::u32string_view::npos;
}

inline constexpr std::size_t max_thumbprint_text = 512;

/// Reads a whole text. Looks at 512 bytes at most.
[[nodiscard]] constexpr thumbprint_scan scan_thumbprint(std::string_view text) noexcept {
  using enum thumbprint_problem;
  thumbprint_scan found;
  if (text.size() > max_thumbprint_text) {
    found.problem = too_long;
    return found;
  }
  std::size_t column = 0;
  while (!text.empty()) {
    const auto [point, size] = first_character(text);
    ++column;
    if (const auto value = hex_value(point); size == 1 && value < 16) {
      if (found.digits < 2 * found.bytes.size()) {
        auto& byte = found.bytes[found.digits / 2];
        byte = static_cast<std::uint8_t>(byte * 16U + value);
      }
      ++found.digits;
    } else if (size != 0 && is_invisible(point)) {
      ++found.dropped.invisible;
    } else if (size != 0 && is_space(point)) {
      ++found.dropped.spaces;
    } else if (point == U':' || point == U'-') {
      ++found.dropped.separators;
    } else {
      found.problem = size == 0                            ? not_utf8
                      : point == U'?' && found.digits == 0 ? leading_question_mark
                      : looks_hexadecimal(point)           ? looks_like_a_digit
                                                           : not_a_digit;
      found.column = column;
      found.point = point;
      return found;
    }
    text.remove_prefix(size);
  }
  if (found.digits == 0)
    found.problem = no_digits;
  else if (found.digits % 2 != 0)
    found.problem = odd_number_of_digits;
  else if (!algorithm_of_digits(found.digits))
    found.problem = wrong_length;
  return found;
}

}  // namespace detail
}  // namespace keywarden::pki
