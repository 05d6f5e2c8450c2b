/// @file
/// The rules that a Split-Merge configuration must satisfy.
#pragma once

#include <cstddef>
#include <string_view>

#include <keywarden/config/detail/validate_network.hpp>
#include <keywarden/config/detail/validate_role.hpp>
#include <keywarden/config/finding.hpp>
#include <keywarden/config/near_match.hpp>
#include <keywarden/config/requirements.hpp>
#include <keywarden/config/service_configuration.hpp>
#include <keywarden/config/settings.hpp>

namespace keywarden::config {

namespace detail {

constexpr void validate_roles(const service_configuration& all, finding_list& to) {
  bool web = false;
  bool worker = false;
  for (std::size_t i = 0; i < all.roles.size(); ++i) {
    const auto& one = all.roles[i];
    for (std::size_t j = 0; j < i; ++j)
      if (all.roles[j].name == one.name) {
        to.error(rule::duplicate_role, one.where,
                 joined("the role ", quoted(one.name), " is there twice, first in line ",
                        decimal(all.roles[j].where.line)));
        break;
      }
    const bool known = one.name == web_role || one.name == worker_role;
    const auto meant =
        known ? one.name.view()
              : near_match(one.name).consider(web_role).consider(worker_role).nearest();
    web = web || meant == web_role;
    worker = worker || meant == worker_role;
    if (!known && !meant.empty())
      to.error(rule::unknown_role, one.where, joined("the role ", quoted(one.name), " is unknown"))
          .meant = meant;
    validate_role(one, to);
  }
  if (!web)
    to.error(rule::missing_role, all.where, joined("the role ", quoted(web_role), " is missing"));
  if (!worker)
    to.error(rule::missing_role, all.where,
             joined("the role ", quoted(worker_role), " is missing"));
}

}  // namespace detail

/// Adds what is wrong with a configuration as a whole. Everything, never only the first.
///
/// Settings and certificates: known, there, once, well-formed; the client-certificate settings
/// agree with each other (S46 to S52). Network: no HTTP endpoint is open, every name leads
/// somewhere, every rule has its turn, and what is implied is said.
constexpr void validate(const service_configuration& one, const requirements& wanted,
                        finding_list& to) {
  detail::validate_roles(one, to);
  detail::validate_access_controls(one, wanted, to);
  detail::validate_endpoint_acls(one, to);
  detail::validate_endpoints(one, wanted, to);
}

/// The same for lines copied out of a file: only what they say themselves.
constexpr void validate_fragment(const service_configuration& one, const requirements& wanted,
                                 finding_list& to) {
  for (const auto& each : one.roles) detail::validate_values(each, to);
  detail::validate_access_controls(one, wanted, to);
  detail::validate_endpoint_acls(one, to);
}

}  // namespace keywarden::config
