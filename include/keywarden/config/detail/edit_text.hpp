/// @file
/// The bytes that an edit puts into a text, and where.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/config/detail/utf8.hpp>
#include <keywarden/config/xml_document.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/core/secret.hpp>

namespace keywarden::config::detail {

/// Bytes to be replaced.
struct splice {
  std::size_t begin;
  std::size_t end;
  std::string text;
};

struct edit_attribute {
  std::string_view name;
  std::string_view value;
};

inline void wipe_text(std::string& text) noexcept {
  keywarden::detail::wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
}

/// A text with its splices, which do not overlap, done.
[[nodiscard]] inline std::string spliced(std::string_view text, std::vector<splice> changes) {
  std::stable_sort(changes.begin(), changes.end(), [](const splice& left, const splice& right) {
    return left.begin < right.begin;
  });
  auto size = text.size();
  for (const auto& each : changes) size += each.text.size();
  std::string made;
  made.reserve(size);  // so that no part of a secret stays behind in a smaller buffer
  std::size_t at = 0;
  for (auto& each : changes) {
    made.append(text.substr(at, each.begin - at)).append(each.text);
    at = each.end;
    wipe_text(each.text);
  }
  return made.append(text.substr(at));
}

/// Appends ` name="value"`, escaped. Errors: `invalid_argument` for what no XML can hold.
[[nodiscard]] inline result<void> append_value(std::string& to, std::string_view value) {
  for (std::size_t at = 0; at < value.size();) {
    const auto next = decode_utf8(value.substr(at));
    if (next.size == 0 || !is_xml_character(next.point))
      return error(errc::invalid_argument)
          .with(fact::kind, "value")
          .with(fact::reason, "it is not UTF-8 or has a control character");
    switch (next.point) {
      case U'&':
        to += "&amp;";
        break;
      case U'<':
        to += "&lt;";
        break;
      case U'>':
        to += "&gt;";
        break;
      case U'"':
        to += "&quot;";
        break;
      case U'\'':
        to += "&apos;";
        break;
      case U'\t':
        to += "&#9;";
        break;
      case U'\n':
        to += "&#10;";
        break;
      case U'\r':
        to += "&#13;";
        break;
      default:
        to.append(value.substr(at, next.size));
    }
    at += next.size;
  }
  return done();
}
[[nodiscard]] inline result<void> append_attribute(std::string& to, std::string_view name,
                                                   std::string_view value) {
  to.append(1, ' ').append(name).append("=\"");
  if (auto added = append_value(to, value); !added) return added;
  to += '"';
  return done();
}

/// `<Name a="…" b="…" />`.
[[nodiscard]] inline result<std::string> element_markup(
    std::string_view name, std::span<const edit_attribute> attributes) {
  std::string made("<");
  made += name;
  for (const auto& each : attributes)
    if (auto added = append_attribute(made, each.name, each.value); !added) return added.error();
  return made + " />";
}

/// `<Name>` around lines of markup.
[[nodiscard]] inline std::string wrapped(std::string_view name, std::string_view markup) {
  std::string made("<");
  made.append(name).append(">\n  ");
  for (const char each : markup) {
    made += each;
    if (each == '\n') made += "  ";
  }
  return made.append("\n</").append(name).append(">");
}

[[nodiscard]] inline bool has_value(const xml_document& in, const xml_element& of,
                                    std::string_view attribute, std::string_view value) {
  const auto* found = in.find_attribute(of, attribute);
  return found != nullptr && found->value() == value;
}
[[nodiscard]] inline std::size_t index_of(const xml_document& in, const xml_element& one) {
  return static_cast<std::size_t>(&one - in.elements.data());
}

/// Adds the splice that gives an attribute a value; none where it has it.
[[nodiscard]] inline result<void> set_attribute(const xml_document& in, const xml_element& of,
                                                const edit_attribute& to,
                                                std::vector<splice>& changes) {
  const auto offset = [&](std::string_view part) {
    return static_cast<std::size_t>(part.data() - in.text.data());
  };
  std::string value;
  if (const auto* found = in.find_attribute(of, to.name)) {
    if (auto added = append_value(value, to.value); !added) return added;
    const auto begin = offset(found->raw);
    const auto end = begin + found->raw.size();
    changes.push_back({begin, end, std::move(value)});
    return done();
  }
  if (auto added = append_attribute(value, to.name, to.value); !added) return added;
  auto at = offset(of.name) + of.name.size();
  if (of.attributes != 0) {
    const auto& last = in.attributes[of.first_attribute + of.attributes - 1];
    at = offset(last.raw) + last.raw.size() + 1;
  }
  changes.push_back({at, at, std::move(value)});
  return done();
}

/// The white space before an element on its line; nothing where something else stands there.
[[nodiscard]] inline std::string_view indent_of(std::string_view text, std::size_t at) noexcept {
  auto begin = at;
  while (begin > 0 && (text[begin - 1] == ' ' || text[begin - 1] == '\t')) --begin;
  if (begin > 0 && text[begin - 1] != '\n' && text[begin - 1] != '\r') return {};
  return text.substr(begin, at - begin);
}

/// Markup whose lines begin as `indent` says, after the text's own line ends.
[[nodiscard]] inline std::string indented(std::string_view text, std::string_view indent,
                                          std::string_view markup) {
  const std::string_view line_end = text.find("\r\n") != std::string_view::npos ? "\r\n" : "\n";
  std::string made;
  for (const char each : markup)
    if (each == '\n')
      made.append(line_end).append(indent);
    else
      made += each;
  return made;
}

/// The splice that adds markup as the last child of an element: on a line of its own, indented as
/// its siblings are.
[[nodiscard]] inline splice inserted_into(const xml_document& in, const xml_element& parent,
                                          std::string_view markup) {
  const auto outer = std::string(indent_of(in.text, parent.where.offset));
  const xml_element* last = nullptr;
  for (auto i = index_of(in, parent) + 1; i < parent.after; i = in.elements[i].after)
    last = &in.elements[i];
  const auto lines = "\n" + std::string(markup);
  if (parent.self_closing) {
    auto at = parent.tag_end - 2U;
    while (is_xml_space(in.text[at - 1])) --at;
    const auto end = indented(in.text, outer, "\n") + "</" + std::string(parent.name) + ">";
    return {at, parent.tag_end, ">" + indented(in.text, outer + "  ", lines) + end};
  }
  if (last != nullptr) {
    const auto indent = indent_of(in.text, last->where.offset);
    return {last->end, last->end,
            indented(in.text, indent.empty() ? outer + "  " : std::string(indent), lines)};
  }
  std::size_t at = parent.content_end;
  while (at > parent.tag_end && is_xml_space(in.text[at - 1])) --at;
  return {at, parent.content_end,
          indented(in.text, outer + "  ", lines) + indented(in.text, outer, "\n")};
}

/// The same into a child of that name, which is made if there is none.
[[nodiscard]] inline splice inserted_below(const xml_document& in, const xml_element& parent,
                                           std::string_view child, const std::string& markup) {
  for (auto i = index_of(in, parent) + 1; i < parent.after; i = in.elements[i].after)
    if (in.elements[i].name == child) return inserted_into(in, in.elements[i], markup);
  return inserted_into(in, parent, wrapped(child, markup));
}

}  // namespace keywarden::config::detail
