/// @file
/// Text that came from a stranger, as a person may safely see it in a log or on a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace keywarden::detail {

/// How many bytes the character at the front of `text` has in well-formed UTF-8 (RFC 3629); 0 for
/// what is not, and for what rules a terminal or turns a line around: control characters, U+0080 to
/// U+009F, and the marks of direction U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069.
[[nodiscard]] constexpr std::size_t printable_size(std::string_view text) noexcept {
  if (text.empty()) return 0;
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto first = at(0);
  if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
  if (first < 0xc2 || first > 0xf4) return 0;
  const std::size_t size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (text.size() < size) return 0;
  auto point = static_cast<char32_t>(first & (0x7fU >> size));
  for (std::size_t i = 1; i < size; ++i) {
    if ((at(i) & 0xc0U) != 0x80) return 0;
    point = (point << 6U) | (at(i) & 0x3fU);
  }
  const bool too_long = (size == 3 && point < 0x800) || (size == 4 && point < 0x10000);
  const bool no_character = (point >= 0xd800 && point <= 0xdfff) || point > 0x10ffff;
  const bool control = point >= 0x80 && point <= 0x9f;
  const bool turns = point == 0x200e || point == 0x200f || (point >= 0x202a && point <= 0x202e) ||
                     (point >= 0x2066 && point <= 0x2069);
  return too_long || no_character || control || turns ? 0 : size;
}

/// Appends what can be printed of `value` as it is and every other byte as `\x` with two digits; of
/// a value of more than `limit` bytes the beginning, whole characters only, and "…".
inline void append_printable(std::string& text, std::string_view value, std::size_t limit) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (std::size_t done = 0; done < value.size();) {
    const auto size = printable_size(value.substr(done));
    const auto next = done + (size == 0 ? 1 : size);
    if (next > limit) {
      text.append("…");
      return;
    }
    if (size != 0) {
      text.append(value.substr(done, size));
    } else {
      const auto code = static_cast<unsigned char>(value[done]);
      text.append("\\x").append(1, digits[code >> 4U]).append(1, digits[code & 15U]);
    }
    done = next;
  }
}

}  // namespace keywarden::detail
