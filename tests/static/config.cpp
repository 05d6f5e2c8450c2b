// Configurations that a compiler reads: the shared sample's rules, decided without running
// anything.

#include <keywarden/config/literal.hpp>

#include <string_view>
#include <type_traits>

namespace config = keywarden::config;
using config::rule;

namespace {

constexpr config::literal embedded(R"(
<ServiceConfiguration serviceName="s" xmlns="http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceConfiguration">
  <Role name="SplitMergeWeb">
    <Instances count="1" />
    <ConfigurationSettings>
      <Setting name="DynamicIpRestrictionMaxRequests" value="100" />
      <Setting name="SetupWebAppForClientCertificates" value="true" />
      <Setting name="SetupWebserverForClientCertificates" value="true" />
      <Setting name="AdditionalTrustedRootCertificationAuthorities" value="5D2F0B1C8E7A43966F10C2B9D4E8A7310C5B9F62" />
      <Setting name="AllowedClientCertificateThumbprints" value="A1C4E90B7D3258F6104B9E2C7F8A6D53E0914BC2" />
      <Setting name="ClientCertificateRevocationCheck" value="NoCheck" />
      <Setting name="ElasticScaleMetadata" value="Server=x" />
    </ConfigurationSettings>
    <Certificates>
      <Certificate name="SSL" thumbprint="3B7E6A15D09C4F2281E5B6A7C0D4F39E8A2B1C66" thumbprintAlgorithm="sha1" />
      <Certificate name="CA" thumbprint="5D2F0B1C8E7A43966F10C2B9D4E8A7310C5B9F62" thumbprintAlgorithm="sha1" />
      <Certificate name="DataEncryptionPrimary" thumbprint="C8A95E3F71B2D604E8C1F7A3950B6D2E4C7F8A19" thumbprintAlgorithm="sha1" />
    </Certificates>
  </Role>
  <Role name="SplitMergeWorker">
    <Instances count="1" />
    <ConfigurationSettings><Setting name="ElasticScaleMetadata" value="Server=x" /></ConfigurationSettings>
    <Certificates>
      <Certificate name="DataEncryptionPrimary" thumbprint="C8A95E3F71B2D604E8C1F7A3950B6D2E4C7F8A19" thumbprintAlgorithm="sha1" />
    </Certificates>
  </Role>
  <NetworkConfiguration>
    <AccessControls>
      <AccessControl name="Restricted">
        <Rule action="deny" description="" order="1" remoteSubnet="100.100.7.0/24" />
        <Rule action="permit" description="" order="2" remoteSubnet="100.100.0.0/16" />
        <Rule action="deny" description="" order="3" remoteSubnet="0.0.0.0/0" />
      </AccessControl>
    </AccessControls>
    <EndpointAcls>
      <EndpointAcl role="SplitMergeWeb" endPoint="HttpIn" accessControl="DenyAll" />
      <EndpointAcl role="SplitMergeWeb" endPoint="HttpsIn" accessControl="Restricted" />
    </EndpointAcls>
  </NetworkConfiguration>
</ServiceConfiguration>
)");

static_assert(embedded.configuration().roles.size() == 2);
static_assert(embedded.configuration().find_access_control("Restricted")->rules.size() == 3);
static_assert(
    config::settings_of(*embedded.configuration().find_role("SplitMergeWeb")).max_requests == 100);
static_assert(config::rules_of(embedded.configuration(), "Restricted")
                  ->decide(keywarden::admit::address("100.100.1.1")) == config::acl_action::permit);
static_assert(config::rules_of(embedded.configuration(), "Restricted")
                  ->decide(keywarden::admit::address("100.100.7.1")) == config::acl_action::deny);

// The same parser says the same things while compiling and while running: see check_test.cpp.
consteval bool finds(std::string_view text, rule wanted) {
  return config::check_fragment(text).findings.has(wanted);
}
static_assert(finds("<AccessControl name='Retricted'>", rule::missing_end_tag));
static_assert(finds("<EndpointAcl role='r' endPoint='e' accessControl='Retricted'/>",
                    rule::dangling_access_control));
static_assert(!finds("<EndpointAcl role='r' endPoint='e' accessControl='DenyAll'/>",
                     rule::dangling_access_control));
static_assert(finds("<Rule action='deny' order='1' remoteSubnet=''/>", rule::blank_subnet));
static_assert(finds("<Setting name='DynamicIpRestrictionMaxRequest' value='1'/>",
                    rule::unknown_setting));
static_assert(finds("<!DOCTYPE a><Role name='x'/>", rule::forbidden_markup));
static_assert(
    config::check_fragment("<Certificate name='SSL' thumbprint='' thumbprintAlgorithm=''/>")
        .findings[0]
        .what == "the thumbprint of the certificate \"SSL\" is blank");

static_assert(
    finds("<AccessControl name='g'><Rule action='permit' order='1' remoteSubnet='0.0.0.0/1'/>"
          "<Rule action='deny' order='2' remoteSubnet='128.0.0.0/1'/>"
          "<Rule action='deny' order='3' remoteSubnet='10.0.0.0/8'/>"
          "<Rule action='permit' order='4' remoteSubnet='0.0.0.0/0'/></AccessControl>",
          rule::unreachable_rule));
static_assert(
    !finds("<AccessControl name='g'><Rule action='permit' order='1' remoteSubnet='0.0.0.0/1'/>"
           "<Rule action='deny' order='2' remoteSubnet='128.0.0.0/2'/>"
           "<Rule action='permit' order='4' remoteSubnet='0.0.0.0/0'/></AccessControl>",
           rule::unreachable_rule));

// A thumbprint is read while compiling; what is drawn like a digit is none.
consteval std::string_view problem(std::string_view text) {
  return config::read_thumbprint(text).problem;
}
constexpr std::string_view forty = "5D2F0B1C8E7A43966F10C2B9D4E8A7310C5B9F62";
static_assert(config::read_thumbprint(forty).value->text() == forty);
static_assert(config::read_thumbprint(forty).untidiness.empty());
static_assert(problem(forty.substr(1)).starts_with("it has an odd number"));
static_assert(problem("?5D2F0B1C").starts_with("it begins with ?"));
static_assert(problem("\uFF15D2F0B1C").starts_with("it has full-width"));
static_assert(problem("\u0410D2F0B1C").ends_with("only looks like one"));
static_assert(problem("G") == "it has a character that is no hexadecimal digit");

// Neither risk is accepted by a plain value.
static_assert(!std::is_convertible_v<bool, config::allow_open_http_i_accept_the_risk>);
static_assert(!std::is_constructible_v<config::allow_open_http_i_accept_the_risk, bool>);
static_assert(!config::requirements{}.open_http.has_value());
static_assert(config::strict.explicit_final_rule && !config::strict.open_http.has_value());

}  // namespace
