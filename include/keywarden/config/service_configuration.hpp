/// @file
/// A service configuration (.cscfg) as values: roles with settings and certificates, and who may
/// reach which endpoint.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <keywarden/admit/network_rules.hpp>
#include <keywarden/config/finding.hpp>
#include <keywarden/config/owned_text.hpp>

namespace keywarden::config {

/// `<Setting name value/>`. A secret's value is not kept here: `read_secret_setting` has it.
struct setting {
  owned_text name;
  owned_text value;      ///< decoded; empty for a secret
  bool secret = false;   ///< a connection string
  bool blank = true;     ///< the value in the file is empty or only whitespace
  position where;        ///< of the element
  position value_where;  ///< of the value, inside its quotation marks
};

/// `<Certificate name thumbprint thumbprintAlgorithm/>`, as written.
struct certificate_reference {
  owned_text name;
  owned_text thumbprint;      ///< as written: perhaps no thumbprint at all
  owned_text algorithm;       ///< `sha1` or `sha256`, as written
  position where;             ///< of the element
  position thumbprint_where;  ///< of the value, or the element without one
  position algorithm_where;   ///< the same
};

/// `<Role name>`. Whatever name is data: `SplitMergeWeb` and `SplitMergeWorker` have rules.
struct role {
  owned_text name;
  std::uint32_t instances = 0;    ///< how many machines play it; 0: could not be read
  std::vector<setting> settings;  ///< in the file's order, also what is there twice
  std::vector<certificate_reference> certificates;  ///< the same
  position where;                                   ///< of the element

  /// The first of this name, or nothing.
  [[nodiscard]] constexpr const setting* find_setting(std::string_view wanted) const noexcept {
    for (const auto& each : settings)
      if (each.name == wanted) return &each;
    return nullptr;
  }
  /// The first of this name, or nothing.
  [[nodiscard]] constexpr const certificate_reference* find_certificate(
      std::string_view wanted) const noexcept {
    for (const auto& each : certificates)
      if (each.name == wanted) return &each;
    return nullptr;
  }
};

/// What a rule does with a connection.
using acl_action = admit::action;

/// `<Rule action description order remoteSubnet/>`. What could not be read is absent, and there is
/// a finding about it.
struct access_rule {
  std::optional<acl_action> action;      ///< what happens to those who match
  owned_text description;                ///< for people; may be empty
  std::optional<std::uint32_t> order;    ///< the lower decides first
  std::optional<admit::network> subnet;  ///< bits after the prefix are cleared
  position where;                        ///< of the element

  /// Whether all that decides could be read: action, order and subnet.
  [[nodiscard]] constexpr bool complete() const noexcept { return action && order && subnet; }
};

/// `<AccessControl name>` with its rules in the file's order.
struct access_control {
  owned_text name;
  std::vector<access_rule> rules;  ///< in the file's order, not in that of their numbers
  position where;                  ///< of the element

  /// Every rule could be read.
  [[nodiscard]] constexpr bool complete() const noexcept {
    for (const auto& each : rules)
      if (!each.complete()) return false;
    return true;
  }
};

/// `<EndpointAcl role endPoint accessControl/>`.
struct endpoint_acl {
  owned_text role;
  owned_text endpoint;        ///< the name of one of the role's endpoints
  owned_text access_control;  ///< the name of the group whose rules it has
  position where;             ///< of the element
  position reference_where;   ///< of the attribute accessControl
};

/// A whole file. A regular type; holds no secret.
struct service_configuration {
  owned_text service_name;                      ///< the attribute serviceName
  owned_text os_family;                         ///< osFamily, as written: it decides nothing here
  owned_text os_version;                        ///< osVersion, the same
  owned_text schema_version;                    ///< schemaVersion, the same
  std::vector<role> roles;                      ///< in the file's order
  std::vector<access_control> access_controls;  ///< the groups that are declared
  std::vector<endpoint_acl> endpoint_acls;      ///< which endpoint has which group
  position where;                               ///< of the root element

  /// The first of this name, or nothing.
  [[nodiscard]] constexpr const role* find_role(std::string_view wanted) const noexcept {
    for (const auto& each : roles)
      if (each.name == wanted) return &each;
    return nullptr;
  }
  /// A declared group; `AllowAll` and `DenyAll` exist without being declared (see `rules_of`).
  [[nodiscard]] constexpr const access_control* find_access_control(
      std::string_view wanted) const noexcept {
    for (const auto& each : access_controls)
      if (each.name == wanted) return &each;
    return nullptr;
  }
  /// The group of a role's endpoint: the first line about it, or nothing.
  [[nodiscard]] constexpr const endpoint_acl* find_endpoint_acl(
      std::string_view of_role, std::string_view endpoint) const noexcept {
    for (const auto& each : endpoint_acls)
      if (each.role == of_role && each.endpoint == endpoint) return &each;
    return nullptr;
  }
};

}  // namespace keywarden::config
