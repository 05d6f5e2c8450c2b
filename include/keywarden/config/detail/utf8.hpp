/// @file
/// Characters: what UTF-8 (RFC 3629) and XML 1.0 allow.
#pragma once

#include <cstddef>
#include <string_view>

namespace keywarden::config::detail {

/// A code point and how many bytes it has; no bytes where the text is not well-formed UTF-8.
struct code_point {
  char32_t point = 0;
  std::size_t size = 0;
};

/// The character at the front of `text`.
[[nodiscard]] constexpr code_point decode_utf8(std::string_view text) noexcept {
  if (text.empty()) return {};
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return {first, 1};
  if (first < 0xC2 || first > 0xF4) return {};
  const std::size_t size = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (text.size() < size) return {};
  auto point = static_cast<char32_t>(first & (0x7FU >> size));
  for (std::size_t i = 1; i < size; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xC0U) != 0x80) return {};
    point = (point << 6U) | (next & 0x3FU);
  }
  const bool too_long = (size == 3 && point < 0x800) || (size == 4 && point < 0x10000);
  if (too_long || (point >= 0xD800 && point <= 0xDFFF) || point > 0x10FFFF) return {};
  return {point, size};
}

/// What XML 1.0 calls a Char.
[[nodiscard]] constexpr bool is_xml_character(char32_t point) noexcept {
  if (point < 0x20) return point == U'\t' || point == U'\n' || point == U'\r';
  return point <= 0x10FFFF && !(point >= 0xD800 && point <= 0xDFFF) && point != 0xFFFE &&
         point != 0xFFFF;
}

[[nodiscard]] constexpr bool is_xml_space(char each) noexcept {
  return each == ' ' || each == '\n' || each == '\t' || each == '\r';
}

/// Appends a code point as UTF-8.
constexpr void append_utf8(auto& to, char32_t point) {
  const auto unit = [](char32_t value) {
    return static_cast<char>(static_cast<unsigned char>(value));
  };
  if (point < 0x80) {
    to.append(unit(point));
  } else if (point < 0x800) {
    to.append(unit(0xC0U | (point >> 6U))).append(unit(0x80U | (point & 0x3FU)));
  } else if (point < 0x10000) {
    to.append(unit(0xE0U | (point >> 12U)))
        .append(unit(0x80U | ((point >> 6U) & 0x3FU)))
        .append(unit(0x80U | (point & 0x3FU)));
  } else {
    to.append(unit(0xF0U | (point >> 18U)))
        .append(unit(0x80U | ((point >> 12U) & 0x3FU)))
        .append(unit(0x80U | ((point >> 6U) & 0x3FU)))
        .append(unit(0x80U | (point & 0x3FU)));
  }
}

}  // namespace keywarden::config::detail
