/// @file
/// The rules about who may reach an endpoint.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

#include <keywarden/admit/network_rules.hpp>
#include <keywarden/config/access_control.hpp>
#include <keywarden/config/finding.hpp>
#include <keywarden/config/near_match.hpp>
#include <keywarden/config/requirements.hpp>
#include <keywarden/config/service_configuration.hpp>
#include <keywarden/config/settings.hpp>

namespace keywarden::config::detail {

/// Every pair of a small group; equal orders have no order.
constexpr void validate_order(const access_control& group, finding_list& to) {
  for (std::size_t i = 0; i < group.rules.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (group.rules[i].order && group.rules[i].order == group.rules[j].order) {
        to.error(rule::duplicate_order, group.rules[i].where,
                 joined("the order ", decimal(*group.rules[i].order), " is also that of line ",
                        decimal(group.rules[j].where.line)))
            .next_step = "give every rule of a group an order of its own; the lowest decides first";
        break;
      }
}

constexpr void validate_turns(const ordered_rules& ordered, finding_list& to) {
  for (const auto& each : shadowed(ordered)) {
    const auto& never = ordered.rules[each.rule];
    const auto& earlier = ordered.rules[each.by.front()];
    auto what = joined("the rule in line ", decimal(never.where.line), " never gets a turn: ");
    if (each.by.size() == 1) {
      what.append("the one in line ").append(decimal(earlier.where.line));
      what.append(" (order ").append(decimal(*earlier.order)).append(", ");
      what.append(name_of(*earlier.action)).append(") takes all of its addresses first");
    } else {
      what.append("those in lines ");
      for (std::size_t i = 0; i < each.by.size(); ++i) {
        if (i != 0) what.append(i + 1 == each.by.size() ? " and " : ", ");
        what.append(decimal(ordered.rules[each.by[i]].where.line));
      }
      what.append(" together take all of its addresses first");
    }
    bool repeats = true;
    for (const auto by : each.by) repeats = repeats && ordered.rules[by].action == never.action;
    auto& made = to.error(rule::unreachable_rule, never.where, std::move(what));
    made.next_step = repeats ? "remove it" : "give it a lower order, or remove it";
  }
}

constexpr void validate_final_rule(const access_control& group, const ordered_rules& ordered,
                                   const requirements& wanted, finding_list& to) {
  for (const bool v4 : {true, false}) {
    if (has_explicit_final_rule(ordered, v4)) continue;
    to.add(wanted.explicit_final_rule ? severity::error : severity::warning,
           rule::implied_final_rule, group.where,
           joined("what ", quoted(group.name), " does with other IPv", v4 ? "4" : "6",
                  " addresses is only implied: ", name_of(ordered.otherwise)))
        .next_step = joined("end with <Rule action=\"", name_of(ordered.otherwise),
                            "\" description=\"everybody else\" order=\"…\" remoteSubnet=\"",
                            v4 ? "0.0.0.0/0" : "::/0", "\" />");
  }
}

constexpr void validate_built_in(const access_control& group, const ordered_rules& ordered,
                                 finding_list& to) {
  for (const bool v4 : {true, false}) {
    const bool wrong = (group.name == allow_all && !permits_everybody(ordered, v4)) ||
                       (group.name == deny_all && !denies_everybody(ordered, v4));
    if (!wrong) continue;
    to.error(rule::built_in_redefined, group.where,
             joined(quoted(group.name), " does not do what it says for IPv", v4 ? "4" : "6"))
        .next_step = joined("remove this group, the name needs none; or end it with ",
                            v4 ? "0.0.0.0/0" : "::/0");
  }
}

/// Every group is compared with every reference: there are few.
inline constexpr std::size_t max_groups = 100;

[[nodiscard]] constexpr bool has_too_many_groups(const service_configuration& all) noexcept {
  return all.access_controls.size() > max_groups || all.endpoint_acls.size() > max_groups;
}

/// Whether a dangling reference probably means this group.
[[nodiscard]] constexpr bool is_meant(const service_configuration& all,
                                      const access_control& group) {
  for (const auto& each : all.endpoint_acls) {
    if (all.find_access_control(each.access_control) != nullptr) continue;
    if (!near_match(each.access_control).consider(group.name).nearest().empty()) return true;
  }
  return false;
}

constexpr void validate_access_controls(const service_configuration& all,
                                        const requirements& wanted, finding_list& to) {
  if (has_too_many_groups(all)) {
    to.error(rule::limit, all.where, "more than 100 AccessControl or EndpointAcl elements");
    return;
  }
  for (std::size_t i = 0; i < all.access_controls.size(); ++i) {
    const auto& group = all.access_controls[i];
    if (const auto* first = all.find_access_control(group.name); first != &group)
      to.error(rule::duplicate_access_control, group.where,
               joined("the group ", quoted(group.name), " is there twice, first in line ",
                      decimal(first->where.line)));
    if (group.rules.size() > max_rules_per_endpoint) {
      to.error(rule::too_many_rules, group.where,
               joined(quoted(group.name), " has ", decimal(group.rules.size()),
                      " rules; an endpoint has at most 50"));
      continue;
    }
    validate_order(group, to);
    const auto ordered = in_order(group);
    validate_turns(ordered, to);
    if (group.complete()) {
      if (!group.rules.empty()) validate_final_rule(group, ordered, wanted, to);
      validate_built_in(group, ordered, to);
    }
    if (group.rules.empty() && group.name != allow_all && group.name != deny_all)
      to.error(rule::no_rules, group.where,
               joined("the group ", quoted(group.name), " has no rules, which permits everybody"))
          .next_step = "write the rules, or say AllowAll or DenyAll where the group is named";
    bool used = false;
    for (const auto& each : all.endpoint_acls) used = used || each.access_control == group.name;
    if (!used && !all.endpoint_acls.empty() && !is_meant(all, group))
      to.warn(rule::unused_access_control, group.where,
              joined("no endpoint uses the group ", quoted(group.name)));
  }
}

constexpr void validate_endpoint_acls(const service_configuration& all, finding_list& to) {
  if (has_too_many_groups(all)) return;  // said before
  for (const auto& one : all.endpoint_acls) {
    if (const auto* first = all.find_endpoint_acl(one.role, one.endpoint); first != &one)
      to.error(rule::duplicate_endpoint_acl, one.where,
               joined("the endpoint ", quoted(one.endpoint), " of ", quoted(one.role),
                      " has rules already, in line ", decimal(first->where.line)));
    if (one.access_control.empty() || one.access_control == allow_all ||
        one.access_control == deny_all || all.find_access_control(one.access_control) != nullptr)
      continue;
    near_match match(one.access_control);
    for (const auto& group : all.access_controls) match.consider(group.name);
    match.consider(allow_all).consider(deny_all);
    auto& made = to.error(rule::dangling_access_control, one.reference_where,
                          joined("there is no group ", quoted(one.access_control)));
    made.meant = match.nearest();
    if (made.meant.empty())
      made.next_step = "declare it in <AccessControls>, or use AllowAll or DenyAll";
  }
}

/// `HttpIn` and whatever else begins like it, without an s behind it, in any case.
[[nodiscard]] constexpr bool is_plain_http(std::string_view endpoint) noexcept {
  constexpr std::string_view http = "http";
  if (endpoint.size() < http.size()) return false;
  for (std::size_t i = 0; i < http.size(); ++i)
    if (static_cast<char>(endpoint[i] | 0x20) != http[i]) return false;
  return endpoint.size() == http.size() || (endpoint[http.size()] | 0x20) != 's';
}

constexpr void open_http(const requirements& wanted, position where, owned_text what,
                         finding_list& to) {
  auto& made = to.add(wanted.open_http ? severity::warning : severity::error,
                      rule::http_endpoint_open, where, std::move(what));
  made.next_step =
      "requests over HTTP may carry database credentials: set accessControl=\"DenyAll\"";
}

/// Whether a dangling reference keeps from knowing what an endpoint does.
constexpr void validate_endpoints(const service_configuration& all, const requirements& wanted,
                                  finding_list& to) {
  if (has_too_many_groups(all)) return;  // said before
  for (const auto& one : all.endpoint_acls) {
    if (!one.role.empty() && all.find_role(one.role) == nullptr) {
      near_match match(one.role);
      for (const auto& each : all.roles) match.consider(each.name);
      to.error(rule::unknown_role, one.where, joined("there is no role ", quoted(one.role))).meant =
          match.nearest();
    }
    if (one.role == web_role && one.endpoint != http_endpoint && one.endpoint != https_endpoint) {
      const auto meant =
          near_match(one.endpoint).consider(http_endpoint).consider(https_endpoint).nearest();
      to.add(meant.empty() ? severity::warning : severity::error, rule::endpoint_without_acl,
             one.where,
             joined("the role ", quoted(web_role), " has no endpoint ", quoted(one.endpoint)))
          .meant = meant;
    }
    const auto rules = rules_of(all, one.access_control);
    const auto* group = all.find_access_control(one.access_control);
    if (is_plain_http(one.endpoint) && rules && (group == nullptr || group->complete()) &&
        !denies_everybody(*rules))
      open_http(wanted, one.where,
                joined("the HTTP endpoint ", quoted(one.endpoint), " is not denied to everybody: ",
                       quoted(one.access_control), " lets somebody in"),
                to);
  }
  if (const auto* web = all.find_role(web_role)) {
    if (all.find_endpoint_acl(web_role, http_endpoint) == nullptr)
      open_http(wanted, web->where,
                "the HTTP endpoint \"HttpIn\" has no <EndpointAcl>, which permits everybody", to);
    if (all.find_endpoint_acl(web_role, https_endpoint) == nullptr)
      to.error(rule::endpoint_without_acl, web->where,
               "the endpoint \"HttpsIn\" has no <EndpointAcl>, which permits everybody")
          .next_step =
          "say so: <EndpointAcl role=\"SplitMergeWeb\" endPoint=\"HttpsIn\" "
          "accessControl=\"AllowAll\" />";
  }
}

}  // namespace keywarden::config::detail
