// expects: without_client_certificates_the_ca_must_be_the_ssl_certificate
#include <keywarden/config/literal.hpp>

// clang-format off
constexpr keywarden::config::literal embedded(R"(
<ServiceConfiguration serviceName="s" xmlns="http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceConfiguration">
  <Role name="SplitMergeWeb">
    <Instances count="1" />
    <ConfigurationSettings>
      <Setting name="DynamicIpRestrictionMaxRequests" value="100" />
      <Setting name="SetupWebAppForClientCertificates" value="false" />
      <Setting name="SetupWebserverForClientCertificates" value="false" />
      <Setting name="AdditionalTrustedRootCertificationAuthorities" value="5D2F0B1C8E7A43966F10C2B9D4E8A7310C5B9F62" />
      <Setting name="AllowedClientCertificateThumbprints" value="A1C4E90B7D3258F6104B9E2C7F8A6D53E0914BC2" />
      <Setting name="ClientCertificateRevocationCheck" value="NoCheck" />
      <Setting name="ElasticScaleMetadata" value="Server=x" />
    </ConfigurationSettings>
    <Certificates>
      <Certificate name="SSL" thumbprint="3B7E6A15D09C4F2281E5B6A7C0D4F39E8A2B1C66" thumbprintAlgorithm="sha1" />
)"
#ifndef TWIN
R"(      <Certificate name="CA" thumbprint="5D2F0B1C8E7A43966F10C2B9D4E8A7310C5B9F62" thumbprintAlgorithm="sha1" />)"
#else
R"(      <Certificate name="CA" thumbprint="3B7E6A15D09C4F2281E5B6A7C0D4F39E8A2B1C66" thumbprintAlgorithm="sha1" />)"
#endif
R"(
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
// clang-format on
