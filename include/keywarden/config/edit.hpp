/// @file
/// Changing a configuration's text without touching the rest of it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/admit/network.hpp>
#include <keywarden/config/check.hpp>
#include <keywarden/config/detail/edit_text.hpp>
#include <keywarden/config/thumbprint.hpp>
#include <keywarden/config/xml.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/core/secret.hpp>

namespace keywarden::config {

/// In every role that has it already.
inline constexpr std::string_view all_roles;

/// A rule to be written.
struct new_rule {
  acl_action action;        ///< what happens to those who match
  std::string description;  ///< for people; escaped when it is written
  std::uint32_t order;      ///< the lower decides first
  admit::network subnet;    ///< who matches
};

/// A text under change. Comments, order, white space and every byte that no change is about stay as
/// they are; values are escaped. What comes out of `finish` was read and validated again.
///
/// The text may hold a connection string: it is kept in memory that is wiped. Move-only. Threads:
/// one at a time.
class edit {
 public:
  /// Takes a copy of the text. Errors: `configuration_invalid` when it is not well-formed or no
  /// service configuration, `limit_exceeded`. Values may be wrong: that is what editing is for.
  [[nodiscard]] static result<edit> open(std::string_view text,
                                         std::string_view file = "the text") {
    finding_list findings;
    const auto document = parse_xml(text, findings);
    if (findings.first_error() != nullptr) return to_error(findings, file);
    if (!document.has_root("ServiceConfiguration"))
      return error(errc::configuration_invalid)
          .with(fact::file, file)
          .with(fact::reason, "its root is not <ServiceConfiguration>");
    return edit(text);
  }

  edit(edit&& other) noexcept
      : text_(std::exchange(other.text_, {})), original_(std::exchange(other.original_, {})) {}
  edit& operator=(edit&& other) noexcept {
    std::swap(text_, other.text_);
    std::swap(original_, other.original_);
    return *this;
  }
  edit(const edit&) = delete;
  edit& operator=(const edit&) = delete;
  ~edit() {
    detail::wipe_text(text_);
    detail::wipe_text(original_);
  }

  /// The text as it is now, not validated. Lives until the next change.
  [[nodiscard]] std::string_view text() const noexcept { return text_; }

  /// Sets a setting: in one role, where it is added if need be, or in all that have it. Errors:
  /// `not_found` when there is no such role, or no role has it; `invalid_argument` for what XML
  /// cannot hold.
  [[nodiscard]] result<void> set_setting(std::string_view name, std::string_view value,
                                         std::string_view role = all_roles) {
    const detail::edit_attribute attributes[] = {{"name", name}, {"value", value}};
    return set_in_roles("ConfigurationSettings", "Setting", attributes, role);
  }

  /// Sets a certificate's thumbprint and the algorithm that its length implies, the same way.
  /// Errors: also `invalid_argument` for a thumbprint that cannot be read.
  [[nodiscard]] result<void> set_certificate(std::string_view name, std::string_view thumbprint,
                                             std::string_view role = all_roles) {
    const auto read = read_thumbprint(thumbprint);
    if (!read.value)
      return error(errc::invalid_argument)
          .with(fact::kind, "thumbprint")
          .with(fact::reason, read.problem);
    const auto digits = read.value->text();
    const detail::edit_attribute attributes[] = {
        {"name", name},
        {"thumbprint", digits},
        {"thumbprintAlgorithm", read.value->is_sha1() ? "sha1" : "sha256"}};
    return set_in_roles("Certificates", "Certificate", attributes, role);
  }

  /// Adds a group of rules. Errors: `already_exists`, `invalid_argument`.
  [[nodiscard]] result<void> add_access_control(std::string_view name,
                                                std::span<const new_rule> rules) {
    const auto document = parsed();
    for (const auto& each : document.elements)
      if (each.name == "AccessControl" && detail::has_value(document, each, "name", name))
        return error(errc::already_exists)
            .with(fact::kind, "access control")
            .with(fact::name, name);
    std::string markup("<AccessControl");
    if (auto added = detail::append_attribute(markup, "name", name); !added) return added;
    markup += '>';
    for (const auto& each : rules) {
      const auto order = std::to_string(each.order);
      const auto subnet = each.subnet.text();
      const detail::edit_attribute attributes[] = {{"action", name_of(each.action)},
                                                   {"description", each.description},
                                                   {"order", order},
                                                   {"remoteSubnet", subnet}};
      auto rule = detail::element_markup("Rule", attributes);
      if (!rule) return rule.error();
      markup.append("\n  ").append(*rule);
    }
    return insert_below({"NetworkConfiguration", "AccessControls"}, markup + "\n</AccessControl>");
  }

  /// Says which group's rules an endpoint has. Errors: `invalid_argument`. That role and group
  /// exist is for `finish` to judge, so that the order of changes is free.
  [[nodiscard]] result<void> set_endpoint_acl(std::string_view role, std::string_view endpoint,
                                              std::string_view access_control) {
    const auto document = parsed();
    for (const auto& each : document.elements) {
      if (each.name != "EndpointAcl" || !detail::has_value(document, each, "role", role)) continue;
      if (!detail::has_value(document, each, "endPoint", endpoint) &&
          !detail::has_value(document, each, "endpoint", endpoint))
        continue;
      std::vector<detail::splice> changes;
      if (auto set =
              detail::set_attribute(document, each, {"accessControl", access_control}, changes);
          !set)
        return set;
      return apply(std::move(changes));
    }
    const detail::edit_attribute attributes[] = {
        {"role", role}, {"endPoint", endpoint}, {"accessControl", access_control}};
    auto markup = detail::element_markup("EndpointAcl", attributes);
    if (!markup) return markup.error();
    return insert_below({"NetworkConfiguration", "EndpointAcls"}, *markup);
  }

  /// The changed text, read and validated again. What was wrong before may still be, so that a
  /// template can be filled in step by step. Errors: `configuration_invalid` when a change made
  /// something wrong that was not, with the place in the new text; `limit_exceeded`.
  [[nodiscard]] result<plaintext> finish(const requirements& wanted = {},
                                         std::string_view file = "the changed text") const {
    const auto before = check(original_, wanted).findings;
    const auto after = check(text_, wanted).findings;
    finding_list caused;
    for (const auto& each : after) {
      if (each.how != severity::error) continue;
      if (errors_of(after, each.broken) > errors_of(before, each.broken))
        caused.error(each.broken, each.where, each.what).next_step = each.next_step;
    }
    if (!caused.empty()) return to_error(caused, file);
    return plaintext::copy_of(as_bytes(text_));
  }

 private:
  explicit edit(std::string_view text) : text_(text), original_(text) {}

  [[nodiscard]] static std::size_t errors_of(const finding_list& all, rule broken) {
    return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const finding& each) {
      return each.how == severity::error && each.broken == broken;
    }));
  }

  [[nodiscard]] xml_document parsed() const {
    finding_list ignored;  // every state was well-formed when it was made
    return parse_xml(text_, ignored);
  }

  [[nodiscard]] result<void> apply(std::vector<detail::splice> changes) {
    auto made = detail::spliced(text_, std::move(changes));
    finding_list findings;
    (void)parse_xml(made, findings);
    if (findings.first_error() != nullptr) {
      detail::wipe_text(made);
      return to_error(findings, "the changed text");
    }
    std::swap(text_, made);
    detail::wipe_text(made);
    return done();
  }

  /// Sets the attributes behind the first of the elements that agree in the first, within a part of
  /// one role or of all.
  [[nodiscard]] result<void> set_in_roles(std::string_view part, std::string_view element,
                                          std::span<const detail::edit_attribute> attributes,
                                          std::string_view role) {
    const auto document = parsed();
    std::vector<detail::splice> changes;
    const xml_element* lacking = nullptr;
    for (const auto& each : document.elements) {
      if (each.name != "Role" || each.depth != 1) continue;
      if (!role.empty() && !detail::has_value(document, each, "name", role)) continue;
      bool found = false;
      for (auto i = detail::index_of(document, each) + 1; i < each.after; ++i) {
        const auto& one = document.elements[i];
        if (one.name != element || one.depth != 3 ||
            !detail::has_value(document, one, attributes[0].name, attributes[0].value))
          continue;
        found = true;
        for (const auto& attribute : attributes.subspan(1))
          if (auto set = detail::set_attribute(document, one, attribute, changes); !set) return set;
      }
      if (!found) lacking = &each;
    }
    if (changes.empty() && (role.empty() || lacking == nullptr))
      return error(errc::not_found)
          .with(fact::kind, role.empty() ? element : "Role")
          .with(fact::name, role.empty() ? attributes[0].value : role)
          .with(fact::next_step,
                role.empty() ? "name the role to add it to" : "see which roles the file has");
    if (changes.empty()) {
      auto markup = detail::element_markup(element, attributes);
      if (!markup) return markup.error();
      changes.push_back(detail::inserted_below(document, *lacking, part, *markup));
    }
    return apply(std::move(changes));
  }

  [[nodiscard]] result<void> insert_below(std::pair<std::string_view, std::string_view> path,
                                          const std::string& markup) {
    const auto document = parsed();
    const auto& root = document.elements.front();
    for (const auto& each : document.elements)
      if (each.name == path.first && each.depth == 1)
        return apply({detail::inserted_below(document, each, path.second, markup)});
    return apply(
        {detail::inserted_below(document, root, path.first, detail::wrapped(path.second, markup))});
  }

  std::string text_;
  std::string original_;
};

}  // namespace keywarden::config
