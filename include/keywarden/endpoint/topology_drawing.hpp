/// @file
/// A mesh as a picture: Graphviz or Markdown, the missing edges marked.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <keywarden/endpoint/topology.hpp>

namespace keywarden {

/// The word for a fault in a drawing.
[[nodiscard]] constexpr std::string_view name_of(topology_fault fault) noexcept {
  switch (fault) {
    case topology_fault::no_certificate:
      return "no certificate";
    case topology_fault::wrong_certificate:
      return "wrong certificate";
    case topology_fault::certificate_expired:
      return "certificate expired";
    case topology_fault::no_login:
      return "no login";
    case topology_fault::no_connect:
      return "no CONNECT";
    case topology_fault::connect_denied:
      return "CONNECT denied";
    case topology_fault::next_certificate:
      return "next certificate unknown";
    case topology_fault::encryption_refused:
      return "encryption refused";
    case topology_fault::forms_differ:
      return "forms differ";
    case topology_fault::not_started:
      return "not started";
    case topology_fault::shared_identity:
      return "shared certificate";
    case topology_fault::wrong_roles:
      return "wrong roles";
    case topology_fault::wrong_size:
      return "wrong number";
  }
  return "unknown";
}

/// A Graphviz digraph: an arrow from who connects to whom; broken ones are dashed and red, with
/// their fault; endpoints that are not STARTED are grey. Names hold nothing that needs escaping.
[[nodiscard]] inline std::string to_graphviz(std::span<const instance_description> instances,
                                             const topology_report& report) {
  std::string text("digraph mirroring {\n");
  for (const auto& each : instances) {
    text.append("  \"").append(each.name.text()).append("\" [label=\"").append(each.name.text());
    text.append("\\n").append(name_of(each.role)).append(", ").append(name_of(each.state));
    text.append(each.state == endpoint_state::started ? "\"];\n" : "\", color=grey];\n");
  }
  for (const auto& from : instances)
    for (const auto& at : instances) {
      if (&from == &at) continue;
      text.append("  \"").append(from.name.text()).append("\" -> \"").append(at.name.text());
      const auto* broken = report.broken(from.name.text(), at.name.text());
      if (broken == nullptr)
        text.append("\";\n");
      else
        text.append("\" [style=dashed, color=red, label=\"")
            .append(name_of(broken->fault))
            .append("\"];\n");
    }
  return text + "}\n";
}

/// A Markdown table, a row for who connects and a column for to whom, and below it every problem as
/// a sentence.
[[nodiscard]] inline std::string to_markdown(std::span<const instance_description> instances,
                                             const topology_report& report) {
  std::string text("| from \\ to |");
  for (const auto& each : instances) text += " " + each.name.text() + " |";
  text += "\n|---|";
  for (std::size_t i = 0; i < instances.size(); ++i) text += "---|";
  text += "\n";
  for (const auto& from : instances) {
    text += "| **" + from.name.text() + "** |";
    for (const auto& at : instances) {
      if (&from == &at) {
        text += " |";
        continue;
      }
      const auto* broken = report.broken(from.name.text(), at.name.text());
      if (broken == nullptr)
        text += " ok |";
      else
        text.append(" **").append(name_of(broken->fault)).append("** |");
    }
    text += "\n";
  }
  if (!report.problems.empty()) text += "\n";
  for (const auto& each : report.problems) text += "- " + each.sentence() + "\n";
  return text;
}

}  // namespace keywarden
