/// @file
/// From elements to a `service_configuration`: which element may stand where, with which
/// attributes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include <keywarden/config/detail/element_tools.hpp>
#include <keywarden/config/service_configuration.hpp>
#include <keywarden/config/settings.hpp>
#include <keywarden/config/xml_document.hpp>

namespace keywarden::config {

/// The name space of service configurations.
inline constexpr std::string_view schema_namespace =
    "http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceConfiguration";

namespace detail {

/// What the elements of a configuration are, one function for each.
class element_reader : private element_tools {
 public:
  constexpr element_reader(const xml_document& from, finding_list& findings)
      : element_tools(from, findings) {}

  [[nodiscard]] constexpr service_configuration read() {
    for (std::size_t i = 0; i < from_.elements.size(); i = from_.elements[i].after) {
      if (i == 0) made_.where = from_.elements[i].where;
      any(i);
    }
    return std::move(made_);
  }

 private:
  /// Whatever stands outermost: the root, or a copied line.
  constexpr void any(index i) {
    const names_view known = {"ServiceConfiguration",
                              "Role",
                              "Instances",
                              "ConfigurationSettings",
                              "Setting",
                              "Certificates",
                              "Certificate",
                              "NetworkConfiguration",
                              "AccessControls",
                              "AccessControl",
                              "Rule",
                              "EndpointAcls",
                              "EndpointAcl"};
    if (is(i, "ServiceConfiguration")) return service(i);
    if (is(i, "Role")) return role_element(i);
    if (is(i, "NetworkConfiguration")) return network(i);
    if (is(i, "AccessControls")) return access_controls(i);
    if (is(i, "AccessControl")) return access_control_element(i);
    if (is(i, "EndpointAcls")) return endpoint_acls(i);
    if (is(i, "EndpointAcl")) return endpoint_acl_element(i);
    if (is(i, "ConfigurationSettings")) return settings(i, lone_role(i));
    if (is(i, "Certificates")) return certificates(i, lone_role(i));
    if (is(i, "Setting")) return setting_element(i, lone_role(i));
    if (is(i, "Certificate")) return certificate_element(i, lone_role(i));
    if (is(i, "Rule")) {
      if (made_.access_controls.empty()) made_.access_controls.emplace_back();
      return rule_element(i, made_.access_controls.back());
    }
    findings_
        .error(rule::unknown_element, at(i).where,
               joined("<", at(i).name, "> is no part of a service configuration"))
        .meant = nearest(at(i).name, known);
  }
  /// The role without a name that copied settings belong to.
  [[nodiscard]] constexpr role& lone_role(index i) {
    if (made_.roles.empty() || !made_.roles.back().name.empty()) {
      made_.roles.emplace_back();
      made_.roles.back().where = at(i).where;
    }
    return made_.roles.back();
  }

  /// Calls `each(child)` for every child of a known name; the others are findings. What stands
  /// within an element that was never closed, and does not fit there, stood behind it.
  template <class Each>
  constexpr void children(index of, names_view known, Each&& each) {
    for (index i = of + 1; i < at(of).after; i = at(i).after) {
      bool fits = false;
      for (const auto name : known) fits = fits || name == at(i).name;
      if (fits) {
        each(i);
      } else if (!at(of).closed) {
        any(i);
      } else {
        findings_
            .error(rule::unknown_element, at(i).where,
                   joined("<", at(i).name, "> does not belong into <", at(of).name, ">"))
            .meant = nearest(at(i).name, known);
      }
    }
  }
  constexpr void service(index i) {
    expect_attributes(i, {"serviceName", "osFamily", "osVersion", "schemaVersion", "xmlns",
                          "xmlns:xsi", "xmlns:xsd"});
    made_.service_name = required_name(i, "serviceName");
    made_.os_family = value(i, "osFamily");
    made_.os_version = value(i, "osVersion");
    made_.schema_version = value(i, "schemaVersion");
    if (const auto* space = from_.find_attribute(at(i), "xmlns"); space == nullptr)
      findings_.warn(rule::wrong_namespace, at(i).where, "<ServiceConfiguration> has no name space")
          .next_step = joined("add xmlns=\"", schema_namespace, "\"");
    else if (space->raw != schema_namespace)
      findings_
          .error(rule::wrong_namespace, space->value_where,
                 "the name space is not that of a service configuration")
          .meant = schema_namespace;
    bool seen = false;
    children(i, {"Role", "NetworkConfiguration"}, [&](index child) {
      if (is(child, "Role")) return role_element(child);
      once(child, seen);
      network(child);
    });
  }

  constexpr void role_element(index i) {
    expect_attributes(i, {"name", "vmName"});
    role one;
    one.where = at(i).where;
    one.name = required_name(i, "name");
    bool counted = false;
    bool set = false;
    bool certified = false;
    children(i, {"Instances", "ConfigurationSettings", "Certificates"}, [&](index child) {
      if (is(child, "Instances")) {
        once(child, counted);
        instances(child, one);
      } else if (is(child, "ConfigurationSettings")) {
        once(child, set);
        settings(child, one);
      } else {
        once(child, certified);
        certificates(child, one);
      }
    });
    if (!counted)
      findings_
          .error(rule::missing_element, at(i).where,
                 joined("the role ", quoted(one.name), " has no <Instances>"))
          .next_step = R"(add <Instances count="1" />)";
    made_.roles.push_back(std::move(one));
  }

  constexpr void instances(index i, role& to) {
    expect_attributes(i, {"count"});
    children(i, {}, [](index) {});
    const auto* count = required(i, "count");
    if (count == nullptr) return;
    const auto text = count->value();
    if (const auto number = read_number(text); number && *number != 0)
      to.instances = *number;
    else
      findings_.error(rule::bad_value, count->value_where,
                      joined("count is ", quoted(text), ", not a number from 1"));
  }

  constexpr void settings(index i, role& to) {
    expect_attributes(i, {});
    children(i, {"Setting"}, [&](index child) { setting_element(child, to); });
  }
  constexpr void setting_element(index i, role& to) {
    expect_attributes(i, {"name", "value"});
    children(i, {}, [](index) {});
    setting one;
    one.where = at(i).where;
    one.name = required_name(i, "name");
    one.secret = is_secret_setting(one.name);
    if (const auto* found = required(i, "value")) {
      one.value_where = found->value_where;
      one.blank = is_blank(found->raw);
      if (!one.secret) one.value = found->value();
    }
    to.settings.push_back(std::move(one));
  }

  constexpr void certificates(index i, role& to) {
    expect_attributes(i, {});
    children(i, {"Certificate"}, [&](index child) { certificate_element(child, to); });
  }
  constexpr void certificate_element(index i, role& to) {
    expect_attributes(i, {"name", "thumbprint", "thumbprintAlgorithm"});
    children(i, {}, [](index) {});
    certificate_reference one;
    one.where = one.thumbprint_where = one.algorithm_where = at(i).where;
    one.name = required_name(i, "name");
    if (const auto* found = required(i, "thumbprint")) {
      one.thumbprint = found->value();
      one.thumbprint_where = found->value_where;
    }
    if (const auto* found = required(i, "thumbprintAlgorithm")) {
      one.algorithm = found->value();
      one.algorithm_where = found->value_where;
    }
    to.certificates.push_back(std::move(one));
  }

  constexpr void network(index i) {
    expect_attributes(i, {});
    bool controls = false;
    bool acls = false;
    children(i, {"AccessControls", "EndpointAcls"}, [&](index child) {
      if (is(child, "AccessControls")) {
        once(child, controls);
        access_controls(child);
      } else {
        once(child, acls);
        endpoint_acls(child);
      }
    });
  }
  constexpr void access_controls(index i) {
    expect_attributes(i, {});
    children(i, {"AccessControl"}, [&](index child) { access_control_element(child); });
  }
  constexpr void access_control_element(index i) {
    expect_attributes(i, {"name"});
    access_control one;
    one.where = at(i).where;
    one.name = required_name(i, "name");
    const auto place = made_.access_controls.size();
    made_.access_controls.push_back(std::move(one));
    children(i, {"Rule"}, [&](index child) { rule_element(child, made_.access_controls[place]); });
  }

  constexpr void rule_element(index i, access_control& to) {
    expect_attributes(i, {"action", "description", "order", "remoteSubnet"});
    children(i, {}, [](index) {});
    access_rule one;
    one.where = at(i).where;
    one.description = value(i, "description");
    if (const auto* found = required(i, "action")) {
      const auto text = found->value();
      if (text == "permit")
        one.action = acl_action::permit;
      else if (text == "deny")
        one.action = acl_action::deny;
      else
        findings_
            .error(rule::bad_value, found->value_where,
                   joined("action is ", quoted(text), ", neither permit nor deny"))
            .meant = nearest(text, {"permit", "deny"});
    }
    if (const auto* found = required(i, "order")) {
      const auto text = found->value();
      one.order = read_number(text);
      if (!one.order)
        findings_.error(rule::bad_value, found->value_where,
                        joined("order is ", quoted(text), ", not a number"));
    }
    if (const auto* found = required(i, "remoteSubnet")) subnet(*found, one);
    to.rules.push_back(std::move(one));
  }
  constexpr void subnet(const xml_attribute& found, access_rule& to) {
    const auto text = found.value();
    if (is_blank(text)) {
      findings_.error(rule::blank_subnet, found.value_where, "remoteSubnet is blank").next_step =
          "write a range such as 192.0.2.0/24; 0.0.0.0/0 is every IPv4 address, ::/0 every IPv6 "
          "one";
      return;
    }
    bool host_bits = false;
    to.subnet = read_subnet(text, host_bits);
    if (!to.subnet) {
      findings_
          .error(rule::bad_subnet, found.value_where,
                 joined("remoteSubnet is ", quoted(text), ", not a range of addresses"))
          .next_step = "write it like 192.0.2.0/24 or 2001:db8::/32, one address as 192.0.2.1/32";
    } else if (host_bits) {
      findings_
          .note(rule::host_bits, found.value_where,
                joined(quoted(text), " has bits set after its first ", decimal(to.subnet->bits())))
          .next_step = joined("it means ", text_of(*to.subnet));
    }
  }

  constexpr void endpoint_acls(index i) {
    expect_attributes(i, {});
    children(i, {"EndpointAcl"}, [&](index child) { endpoint_acl_element(child); });
  }
  constexpr void endpoint_acl_element(index i) {
    expect_attributes(i, {"role", "endPoint", "endpoint", "accessControl"});
    children(i, {}, [](index) {});
    endpoint_acl one;
    one.where = one.reference_where = at(i).where;
    one.role = required_name(i, "role");
    const auto* second = from_.find_attribute(at(i), "endpoint");
    if (second != nullptr && from_.find_attribute(at(i), "endPoint") != nullptr)
      findings_.error(rule::duplicate_attribute, second->where,
                      "the attributes endPoint and endpoint are the same");
    one.endpoint = required_name(i, second != nullptr ? "endpoint" : "endPoint");
    one.access_control = required_name(i, "accessControl");
    if (const auto* found = from_.find_attribute(at(i), "accessControl"))
      one.reference_where = found->value_where;
    made_.endpoint_acls.push_back(std::move(one));
  }

  service_configuration made_;
};

}  // namespace detail

/// The configuration that a document's elements describe, as far as they do; what does not fit is a
/// finding. No rule that needs more than one element is judged here (see `validate`).
[[nodiscard]] constexpr service_configuration read_elements(const xml_document& from,
                                                            finding_list& findings) {
  return detail::element_reader(from, findings).read();
}

}  // namespace keywarden::config
