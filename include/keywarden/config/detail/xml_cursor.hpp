/// @file
/// A place in a text that moves forward, judges every character on the way, and knows line and
/// column.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include <keywarden/config/detail/utf8.hpp>
#include <keywarden/config/xml_document.hpp>

namespace keywarden::config::detail {

/// What the parser of elements is made of.
class xml_cursor {
 protected:
  constexpr xml_cursor(std::string_view text, finding_list& findings)
      : text_(text), findings_(findings) {
    made_.text = text;
  }

  static constexpr auto npos = std::string_view::npos;

  [[nodiscard]] constexpr std::string_view rest() const noexcept { return text_.substr(at_); }
  [[nodiscard]] constexpr bool looking_at(std::string_view what) const noexcept {
    return rest().starts_with(what);
  }
  [[nodiscard]] constexpr char now() const noexcept {
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  /// The place of a byte at or behind the last one asked for. Judges every character on the way.
  constexpr position place(std::size_t offset) {
    auto at = place_.offset;
    while (at < offset) {
      const auto each = static_cast<unsigned char>(text_[at]);
      if (each == '\n' || (each == '\r' && !(at + 1 < text_.size() && text_[at + 1] == '\n'))) {
        ++place_.line;
        place_.column = 1;
        ++at;
        continue;
      }
      if (each >= 0x20 && each < 0x80) {
        ++place_.column;
        ++at;
        continue;
      }
      const auto found = decode_utf8(text_.substr(at, 4));
      if (found.size == 0 || !is_xml_character(found.point)) {
        place_.offset = at;
        fail(rule::bad_character, place_,
             found.size == 0 ? "the text is not UTF-8 here" : "a control character");
      }
      ++place_.column;
      at += static_cast<std::uint32_t>(std::max<std::size_t>(found.size, 1));
    }
    place_.offset = at;
    return place_;
  }

  constexpr finding& fail(rule broken, position where, owned_text what) {
    made_.well_formed = false;
    return findings_.error(broken, where, std::move(what));
  }
  constexpr void stop(std::string_view what) {
    fail(rule::limit, place_, what);
    stopped_ = true;
  }
  constexpr void skip_mark() {
    at_ = 3;
    place_.offset = 3;
  }
  constexpr void skip_space() noexcept {
    while (at_ < text_.size() && is_xml_space(text_[at_])) ++at_;
  }

  /// Goes behind the next `end`, or to the end of the text.
  constexpr void go_behind(std::string_view end, std::size_t from) {
    const auto found = text_.find(end, from);
    at_ = found == npos ? text_.size() : found + end.size();
  }

  [[nodiscard]] constexpr std::string_view name() noexcept {
    const auto begin = at_;
    if (begins_name(now()))
      while (at_ < text_.size() && continues_name(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  /// Goes to the next tag, or behind this one's end.
  constexpr void give_up_tag() noexcept {
    at_ = std::min(text_.find_first_of("<>", at_), text_.size());
    if (now() == '>') ++at_;
  }

  std::string_view text_;
  finding_list& findings_;
  xml_document made_;
  std::size_t at_ = 0;
  position place_;
  bool stopped_ = false;
};

}  // namespace keywarden::config::detail
