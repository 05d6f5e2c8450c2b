/// @file
/// A parsed XML text: elements and attributes with their places.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <keywarden/config/detail/utf8.hpp>
#include <keywarden/config/finding.hpp>
#include <keywarden/config/owned_text.hpp>

namespace keywarden::config {

/// What a text may be at most; checked before memory is taken.
struct xml_limits {
  static constexpr std::size_t text_size = std::size_t{1} << 20U;  ///< bytes
  /// Elements within each other, the root counted.
  static constexpr std::size_t depth = 16;
  /// In the whole text; more are an error, as of all these.
  static constexpr std::size_t elements = 20'000;
  /// Of one start tag.
  static constexpr std::size_t attributes_per_element = 32;
  static constexpr std::size_t value_size = std::size_t{64} << 10U;  ///< bytes, as written
};

/// `name="value"`. Views into the text.
struct xml_attribute {
  std::string_view name;
  std::string_view raw;  ///< as written, between the quotation marks
  position where;        ///< of the name
  position value_where;  ///< of the value, inside its quotation marks
  bool plain = true;     ///< decoded is the same as raw

  /// The value: references resolved, tabs and line ends as spaces (XML 1.0, 3.3.3).
  [[nodiscard]] constexpr owned_text value() const {
    if (plain) return raw;
    owned_text made;
    append_value(made);
    return made;
  }
  /// The same, character by character, to something with `append(char)` that gives itself back.
  constexpr void append_value(auto& to) const;
};

/// `<name …>…</name>` or `<name …/>`. Views into the text.
struct xml_element {
  std::string_view name;
  position where;                     ///< of its `<`
  std::uint32_t tag_end = 0;          ///< the byte after the start tag's `>`
  std::uint32_t content_end = 0;      ///< where the end tag begins; `tag_end` for `<name/>`
  std::uint32_t end = 0;              ///< the byte after the element
  std::uint32_t first_attribute = 0;  ///< the index of its first one among the document's
  std::uint32_t attributes = 0;       ///< how many it has
  std::uint32_t after = 0;    ///< the index of the first element behind this one and all within it
  std::uint32_t depth = 0;    ///< how many others it is within; the root: 0
  bool closed = false;        ///< false: its end tag is missing
  bool self_closing = false;  ///< `<name/>`, which has no content
};

/// Elements in the order of the text; what is within one stands right behind it. Views into the
/// text that was parsed, which must outlive it.
struct xml_document {
  std::string_view text;
  std::vector<xml_element> elements;      ///< the root first
  std::vector<xml_attribute> attributes;  ///< of all elements, one element's together
  bool well_formed = true;                ///< but for missing end tags, which have findings

  /// Whether the root element is called so; false for a text without elements.
  [[nodiscard]] constexpr bool has_root(std::string_view name) const noexcept {
    return !elements.empty() && elements.front().name == name;
  }
  /// Nothing when the element has no such attribute.
  [[nodiscard]] constexpr const xml_attribute* find_attribute(
      const xml_element& of, std::string_view name) const noexcept {
    for (std::size_t i = 0; i < of.attributes; ++i)
      if (attributes[of.first_attribute + i].name == name)
        return &attributes[of.first_attribute + i];
    return nullptr;
  }
};

/// A document has one root; a fragment any number.
enum class xml_roots : std::uint8_t { one, any };

namespace detail {

/// What `&name;` stands for; `size` counts the bytes from `&` to `;`, 0 where it is no reference.
/// `text` begins with `&`. The five predefined names and numbers of XML characters; nothing else.
[[nodiscard]] constexpr code_point read_reference(std::string_view text) noexcept {
  const auto end = text.substr(0, 12).find(';');
  if (end == std::string_view::npos) return {};
  const auto name = text.substr(1, end - 1);
  if (name == "lt") return {U'<', end + 1};
  if (name == "gt") return {U'>', end + 1};
  if (name == "amp") return {U'&', end + 1};
  if (name == "quot") return {U'"', end + 1};
  if (name == "apos") return {U'\'', end + 1};
  if (name.size() < 2 || name[0] != '#') return {};
  const bool hex = name[1] == 'x';
  const auto digits = name.substr(hex ? 2 : 1);
  if (digits.empty()) return {};
  char32_t point = 0;
  for (const char each : digits) {
    char32_t digit = 16;
    if (each >= '0' && each <= '9') digit = static_cast<char32_t>(each - '0');
    if (hex && each >= 'a' && each <= 'f') digit = static_cast<char32_t>(each - 'a' + 10);
    if (hex && each >= 'A' && each <= 'F') digit = static_cast<char32_t>(each - 'A' + 10);
    if (digit == 16 || point > 0x10FFFF) return {};
    point = point * (hex ? 16 : 10) + digit;
  }
  if (!is_xml_character(point)) return {};
  return {point, end + 1};
}

[[nodiscard]] constexpr bool begins_name(char each) noexcept {
  return (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z') || each == '_';
}
[[nodiscard]] constexpr bool continues_name(char each) noexcept {
  return begins_name(each) || (each >= '0' && each <= '9') || each == '-' || each == '.';
}

}  // namespace detail

constexpr void xml_attribute::append_value(auto& to) const {
  for (std::size_t at = 0; at < raw.size();) {
    const char each = raw[at];
    if (each == '&') {
      const auto found = detail::read_reference(raw.substr(at));
      if (found.size == 0) return;  // the document is not well-formed
      detail::append_utf8(to, found.point);
      at += found.size;
      continue;
    }
    ++at;
    if (each == '\r' && at < raw.size() && raw[at] == '\n') ++at;
    to.append(detail::is_xml_space(each) ? ' ' : each);
  }
}

}  // namespace keywarden::config
