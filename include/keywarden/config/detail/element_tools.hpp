/// @file
/// What every element is read with: attributes that are known, needed, or too many.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <type_traits>

#include <keywarden/admit/network.hpp>
#include <keywarden/config/detail/utf8.hpp>
#include <keywarden/config/finding.hpp>
#include <keywarden/config/near_match.hpp>
#include <keywarden/config/xml_document.hpp>

namespace keywarden::config::detail {

/// Reads a network; host bits may be set and are cleared. Nothing where the text is none.
[[nodiscard]] constexpr std::optional<admit::network> read_subnet(std::string_view text,
                                                                  bool& host_bits) noexcept {
  if (const auto exact = admit::network::read(text)) return exact;
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto base = admit::address::read(text.substr(0, slash));
  auto bits = admit::detail::read_decimal(text.substr(slash + 1));
  if (!base || !bits) return std::nullopt;
  if (base->is_v4() && text.find(':') != std::string_view::npos) {
    if (*bits < 96) return std::nullopt;
    *bits -= 96;
  }
  host_bits = true;
  return admit::network::around(*base, *bits);
}

/// A network as CIDR writes it, while compiling too (where IPv6 is only named).
[[nodiscard]] constexpr owned_text text_of(const admit::network& one) {
  if (!std::is_constant_evaluated()) return std::string_view(one.text());
  if (!one.base().is_v4()) return "an IPv6 network";
  owned_text made;
  const auto& bytes = one.base().bytes();
  for (std::size_t i = 12; i < 16; ++i) {
    if (i > 12) made.append('.');
    made.append_number(bytes[i]);
  }
  return made.append('/').append_number(one.bits());
}

/// The elements and attributes of a document, by index, with findings about what is not as it
/// should.
class element_tools {
 protected:
  constexpr element_tools(const xml_document& from, finding_list& findings)
      : from_(from), findings_(findings) {}

  using index = std::size_t;
  using names_view = std::initializer_list<std::string_view>;

  [[nodiscard]] constexpr const xml_element& at(index i) const { return from_.elements[i]; }
  [[nodiscard]] constexpr bool is(index i, std::string_view name) const {
    return at(i).name == name;
  }

  [[nodiscard]] static constexpr std::string_view nearest(std::string_view to, names_view known) {
    near_match match(to);
    for (const auto each : known) match.consider(each);
    return match.nearest();
  }

  constexpr void once(index i, bool& seen) {
    if (seen)
      findings_.error(rule::duplicate_element, at(i).where,
                      joined("<", at(i).name, "> is there twice"));
    seen = true;
  }

  /// Reports every attribute that is not of these.
  constexpr void expect_attributes(index of, names_view known) {
    for (std::size_t i = 0; i < at(of).attributes; ++i) {
      const auto& one = from_.attributes[at(of).first_attribute + i];
      bool fits = false;
      for (const auto name : known) fits = fits || name == one.name;
      if (fits) continue;
      findings_
          .error(rule::unknown_attribute, one.where,
                 joined("<", at(of).name, "> has no attribute ", one.name))
          .meant = nearest(one.name, known);
    }
  }
  [[nodiscard]] constexpr const xml_attribute* required(index of, std::string_view name) {
    const auto* found = from_.find_attribute(at(of), name);
    if (found == nullptr)
      findings_.error(rule::missing_attribute, at(of).where,
                      joined("<", at(of).name, "> needs the attribute ", name));
    return found;
  }
  [[nodiscard]] constexpr owned_text value(index of, std::string_view name) const {
    const auto* found = from_.find_attribute(at(of), name);
    if (found == nullptr) return {};
    return found->value();
  }
  [[nodiscard]] constexpr owned_text required_name(index of, std::string_view attribute) {
    const auto* found = required(of, attribute);
    if (found == nullptr) return {};
    auto made = found->value();
    if (is_blank(made))
      findings_.error(rule::bad_value, found->value_where,
                      joined("the attribute ", attribute, " of <", at(of).name, "> is blank"));
    return made;
  }
  [[nodiscard]] static constexpr bool is_blank(std::string_view text) noexcept {
    for (const char each : text)
      if (!is_xml_space(each)) return false;
    return true;
  }

  const xml_document& from_;
  finding_list& findings_;
};

}  // namespace keywarden::config::detail
