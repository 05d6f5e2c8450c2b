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
  owned_text value;     ///< decoded; empty for a secret
  bool secret = false;  ///< a connection string
  bool blank = true;    ///< the value in the file is empty or only whitespace
  position where;       ///< of the element
  position value_where;
};

/// `<Certificate name thumbprint thumbprintAlgorithm/>`, as written.
struct certificate_reference {
  owned_text name;
  owned_text thumbprint;
  owned_text algorithm;
  position where;
  position thumbprint_where;
  position algorithm_where;
};

/// `<Role name>`. Whatever name is data: `SplitMergeWeb` and `SplitMergeWorker` have rules.
struct role {
  owned_text name;
  std::uint32_t instances = 0;
  std::vector<setting> settings;
  std::vector<certificate_reference> certificates;
  position where;

  /// The first of this name, or nothing.
  [[nodiscard]] constexpr const setting* find_setting(std::string_view wanted) const noexcept {
    for (const auto& each : settings)
      if (each.name == wanted) return &each;
    return nullptr;
  }
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
  std::optional<acl_action> action;
  owned_text description;
  std::optional<std::uint32_t> order;    ///< the lower decides first
  std::optional<admit::network> subnet;  ///< bits after the prefix are cleared
  position where;

  [[nodiscard]] constexpr bool complete() const noexcept { return action && order && subnet; }
};

/// `<AccessControl name>` with its rules in the file's order.
struct access_control {
  owned_text name;
  std::vector<access_rule> rules;
  position where;

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
  owned_text endpoint;
  owned_text access_control;
  position where;
  position reference_where;  ///< of the attribute accessControl
};

/// A whole file. A regular type; holds no secret.
struct service_configuration {
  owned_text service_name;
  owned_text os_family;
  owned_text os_version;
  owned_text schema_version;
  std::vector<role> roles;
  std::vector<access_control> access_controls;
  std::vector<endpoint_acl> endpoint_acls;
  position where;

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
  [[nodiscard]] constexpr const endpoint_acl* find_endpoint_acl(
      std::string_view of_role, std::string_view endpoint) const noexcept {
    for (const auto& each : endpoint_acls)
      if (each.role == of_role && each.endpoint == endpoint) return &each;
    return nullptr;
  }
};

}  // namespace keywarden::config
