/// @file
/// From the text of a file to a configuration and everything that is wrong with it.
#pragma once

#include <string_view>
#include <utility>

#include <keywarden/config/detail/read_elements.hpp>
#include <keywarden/config/finding.hpp>
#include <keywarden/config/service_configuration.hpp>
#include <keywarden/config/validate.hpp>
#include <keywarden/config/xml.hpp>
#include <keywarden/core/result.hpp>

namespace keywarden::config {

/// What became of a text. `configuration` holds what could be read, for tools that show it; only
/// one that is `usable` may configure anything.
struct checked_text {
  service_configuration configuration;  ///< what could be read, right or wrong
  finding_list findings;                ///< everything that is wrong, in the order of the text

  /// Whether there is no error; warnings and notes do not forbid its use.
  [[nodiscard]] constexpr bool usable() const noexcept { return findings.first_error() == nullptr; }
};

namespace detail {

/// A part of a configuration configures nothing, however well it is written.
constexpr void refuse_part(const xml_document& from, finding_list& to) {
  const auto where = from.elements.front().where;
  for (const auto& each : to)
    if (each.broken == rule::unknown_element && each.where == where) return;  // said before
  to.error(rule::one_root, where, "the outermost element is not <ServiceConfiguration>").next_step =
      "give the whole file";
}

}  // namespace detail

/// Reads and validates the text of a whole file: every finding, in the order of the text, never
/// only the first. Where the text is no XML at all, only that is reported: the rest would be
/// guesses. Bounded before memory is taken (see `xml_limits`); also while compiling.
[[nodiscard]] constexpr checked_text check(std::string_view text, const requirements& wanted = {}) {
  checked_text made;
  const auto document = parse_xml(text, made.findings);
  if (document.well_formed) {
    made.configuration = read_elements(document, made.findings);
    if (document.has_root("ServiceConfiguration"))
      validate(made.configuration, wanted, made.findings);
    else
      detail::refuse_part(document, made.findings);
  }
  made.findings.sort();
  return made;
}

/// The same for lines copied out of a file or a document: elements without what belongs around
/// them. What is not there is not missed.
[[nodiscard]] constexpr checked_text check_fragment(std::string_view text,
                                                    const requirements& wanted = {}) {
  checked_text made;
  const auto document = parse_xml(text, made.findings, xml_roots::any);
  if (document.well_formed) {
    made.configuration = read_elements(document, made.findings);
    if (document.has_root("ServiceConfiguration"))
      validate(made.configuration, wanted, made.findings);
    else
      validate_fragment(made.configuration, wanted, made.findings);
  }
  made.findings.sort();
  return made;
}

/// The refusal that a list of findings stands for: the first error, and how many there are. `file`
/// is only for the message.
[[nodiscard]] inline error to_error(const finding_list& findings, std::string_view file) {
  const auto* first = findings.first_error();
  if (first == nullptr) return errc::none;
  auto made =
      error(first->broken == rule::limit ? errc::limit_exceeded : errc::configuration_invalid)
          .with(fact::file, file)
          .with(fact::line, first->where.line)
          .with(fact::column, first->where.column)
          .with(fact::reason, first->what.view());
  if (const auto more = findings.count(severity::error) - 1; more != 0)
    made = std::move(made).with(fact::actual, std::to_string(more + 1) + " errors");
  if (!first->meant.empty())
    return std::move(made).with(fact::next_step, "write " + first->meant.str());
  if (!first->next_step.empty())
    return std::move(made).with(fact::next_step, first->next_step.view());
  return made;
}

/// A configuration that a service may use, or the first thing that forbids it. Errors:
/// `configuration_invalid` with the file, line, column, reason and next step; `limit_exceeded`.
[[nodiscard]] inline result<service_configuration> read(std::string_view text,
                                                        std::string_view file = "the configuration",
                                                        const requirements& wanted = {}) {
  auto checked = check(text, wanted);
  if (!checked.usable()) return to_error(checked.findings, file);
  return std::move(checked.configuration);
}

}  // namespace keywarden::config
