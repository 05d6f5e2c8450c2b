/// @file
/// The small part of XML 1.0 that configurations need; also while compiling.
#pragma once

#include <string_view>

#include <keywarden/config/detail/xml_parser.hpp>
#include <keywarden/config/finding.hpp>
#include <keywarden/config/xml_document.hpp>

namespace keywarden::config {

/// Parses a text: elements, attributes in either kind of quotation marks, comments, `<?xml …?>`,
/// the five predefined references and those by number; UTF-8 with or without a byte order mark.
/// Names are ASCII. Everything else is refused with a finding: document types, CDATA, processing
/// instructions, text between elements, prefixes. A missing end tag leaves the document usable for
/// further findings (`well_formed`).
[[nodiscard]] constexpr xml_document parse_xml(std::string_view text, finding_list& findings,
                                               xml_roots roots = xml_roots::one) {
  return detail::xml_parser(text, findings, roots).parse();
}

}  // namespace keywarden::config
