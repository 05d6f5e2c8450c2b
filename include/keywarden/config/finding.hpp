/// @file
/// What is wrong with a configuration, where, and what to do about it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/config/owned_text.hpp>

namespace keywarden::config {

/// How bad it is. A configuration with an error is not used; warnings and notes are for a person.
enum class severity : std::uint8_t { error, warning, note };

/// "error", "warning" or "note", as a compiler says it.
[[nodiscard]] constexpr std::string_view name_of(severity how) noexcept {
  switch (how) {
    case severity::error:
      return "error";
    case severity::warning:
      return "warning";
    case severity::note:
      return "note";
  }
  return "error";
}

/// The rule that something breaks.
enum class rule : std::uint8_t {
  // the text as XML
  bad_character,
  forbidden_markup,  ///< DOCTYPE, CDATA, a processing instruction
  malformed_markup,
  stray_text,
  duplicate_attribute,
  missing_end_tag,
  unexpected_end_tag,
  one_root,
  limit,
  // the elements of a service configuration
  unknown_element,
  unknown_attribute,
  missing_attribute,
  missing_element,
  duplicate_element,
  wrong_namespace,
  bad_value,
  // roles and settings
  unknown_role,
  missing_role,
  duplicate_role,
  unknown_setting,
  missing_setting,
  duplicate_setting,
  zero_limit,
  default_applies,
  // certificates
  unknown_certificate,
  missing_certificate,
  duplicate_certificate,
  blank_thumbprint,
  malformed_thumbprint,
  untidy_thumbprint,
  thumbprint_algorithm,
  sha1_thumbprint,
  // client certificates
  setups_disagree,
  client_certificates_off,
  ca_is_not_the_additional_root,
  ca_is_not_ssl,
  nobody_allowed,
  // who may reach an endpoint
  http_endpoint_open,
  endpoint_without_acl,
  duplicate_endpoint_acl,
  dangling_access_control,
  duplicate_access_control,
  unused_access_control,
  built_in_redefined,
  duplicate_order,
  blank_subnet,
  bad_subnet,
  host_bits,
  too_many_rules,
  no_rules,
  unreachable_rule,
  implied_final_rule,
};

/// A place in a text. Lines and columns count from 1; a column is one Unicode code point. `offset`
/// counts bytes from 0.
struct position {
  std::uint32_t offset = 0;  ///< bytes from the beginning of the text
  std::uint32_t line = 1;    ///< from 1
  std::uint32_t column = 1;  ///< from 1, in code points

  friend constexpr bool operator==(const position&, const position&) = default;
};

/// One thing that is wrong. Copyable and printable: it never holds the value of a secret setting.
struct finding {
  severity how = severity::error;        ///< only an error keeps the text from being used
  rule broken = rule::malformed_markup;  ///< what it is about, for programs
  position where;                        ///< where a person would look for it
  owned_text what;                       ///< one clause, without a full stop
  owned_text meant;                      ///< the name that was probably meant, or nothing
  owned_text next_step;                  ///< what to do, or nothing

  /// As a compiler says it: `file:line:column: error: what; did you mean "x"?`. A line and a
  /// column stand alone where no file is named.
  [[nodiscard]] std::string text(std::string_view file = {}) const {
    std::string made(file);
    if (!made.empty()) made += ':';
    made.append(std::to_string(where.line)).append(1, ':').append(std::to_string(where.column));
    made.append(": ").append(name_of(how)).append(": ").append(what.view());
    if (!meant.empty()) made.append("; did you mean ").append(detail::quoted(meant).view()) += '?';
    if (!next_step.empty()) made.append("; ").append(next_step.view());
    return made;
  }
};

/// Everything found, at most 1,000 (then one last that says so).
class finding_list {
 public:
  /// How many are kept; one last one then says that there are more.
  static constexpr std::size_t max_size = 1000;

  /// Adds one; gives it back for `meant` and `next_step`, or a place where they are forgotten.
  constexpr finding& add(severity how, rule broken, position where, owned_text what) {
    if (all_.size() >= max_size) {
      if (all_.size() == max_size)
        all_.push_back({severity::error, rule::limit, where,
                        "more than 1000 findings: the rest is not listed", "", ""});
      forgotten_ = {};
      return forgotten_;
    }
    return all_.emplace_back(finding{how, broken, where, std::move(what), "", ""});
  }
  /// Adds what keeps the text from being used.
  constexpr finding& error(rule broken, position where, owned_text what) {
    return add(severity::error, broken, where, std::move(what));
  }
  /// Adds what is likely to be a mistake, and is used as it is.
  constexpr finding& warn(rule broken, position where, owned_text what) {
    return add(severity::warning, broken, where, std::move(what));
  }
  /// Adds what is right, and may surprise.
  constexpr finding& note(rule broken, position where, owned_text what) {
    return add(severity::note, broken, where, std::move(what));
  }

  [[nodiscard]] constexpr std::size_t size() const noexcept { return all_.size(); }
  [[nodiscard]] constexpr bool empty() const noexcept { return all_.empty(); }
  [[nodiscard]] constexpr auto begin() const noexcept { return all_.begin(); }
  [[nodiscard]] constexpr auto end() const noexcept { return all_.end(); }
  [[nodiscard]] constexpr const finding& operator[](std::size_t at) const { return all_[at]; }

  /// The first error, or nothing.
  [[nodiscard]] constexpr const finding* first_error() const noexcept {
    for (const auto& each : all_)
      if (each.how == severity::error) return &each;
    return nullptr;
  }
  /// Whether anything found is about this.
  [[nodiscard]] constexpr bool has(rule broken) const noexcept {
    for (const auto& each : all_)
      if (each.broken == broken) return true;
    return false;
  }
  /// How many there are of this weight.
  [[nodiscard]] constexpr std::size_t count(severity how) const noexcept {
    std::size_t made = 0;
    for (const auto& each : all_) made += each.how == how ? 1U : 0U;
    return made;
  }

  /// In the order of the text.
  constexpr void sort() {
    std::sort(all_.begin(), all_.end(), [](const finding& left, const finding& right) {
      if (left.where.offset != right.where.offset) return left.where.offset < right.where.offset;
      return left.broken < right.broken;
    });
  }

  /// One per line, as a compiler says it.
  [[nodiscard]] std::string text(std::string_view file = {}) const {
    std::string made;
    for (const auto& each : all_) made.append(each.text(file)) += '\n';
    return made;
  }

 private:
  std::vector<finding> all_;
  finding forgotten_;
};

}  // namespace keywarden::config
