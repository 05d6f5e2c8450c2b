// Reading a service's configuration: config/<what>. The small one is examples/split_merge_service's
// in short; the large one has 2,000 network rules.
#include <benchmark/benchmark.h>

#include <string>

#include <keywarden/config/check.hpp>

namespace config = keywarden::config;

namespace {

std::string text_with(std::size_t rules) {
  std::string made =
      R"(<?xml version="1.0" encoding="utf-8"?>
<ServiceConfiguration serviceName="SplitMerge" osFamily="4" osVersion="*" xmlns="http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceConfiguration">
  <Role name="SplitMergeWeb">
    <Instances count="1" />
    <ConfigurationSettings>
      <Setting name="SetupWebAppForClientCertificates" value="true" />
      <Setting name="SetupWebserverForClientCertificates" value="true" />
      <Setting name="DynamicIpRestrictionDenyByRequestRate" value="true" />
      <Setting name="DynamicIpRestrictionMaxRequests" value="100" />
      <Setting name="DynamicIpRestrictionRequestIntervalInMilliseconds" value="2000" />
    </ConfigurationSettings>
    <Certificates>
      <Certificate name="SSL" thumbprint="3B7E6A15D09C4F2281E5B6A7C0D4F39E8A2B1C66" thumbprintAlgorithm="sha1" />
      <Certificate name="CA" thumbprint="5D2F0B1C8E7A43966F10C2B9D4E8A7310C5B9F62" thumbprintAlgorithm="sha1" />
    </Certificates>
  </Role>
  <NetworkConfiguration>
    <AccessControls>
      <AccessControl name="Restricted">
)";
  for (std::size_t i = 0; i < rules; ++i)
    made += R"(        <Rule action="permit" description="office" order=")" +
            std::to_string(i + 1) + R"(" remoteSubnet="10.)" + std::to_string(i / 256) + '.' +
            std::to_string(i % 256) + ".0/24\" />\n";
  return made +
         R"(      </AccessControl>
    </AccessControls>
    <EndpointAcls>
      <EndpointAcl role="SplitMergeWeb" endPoint="HttpIn" accessControl="Restricted" />
    </EndpointAcls>
  </NetworkConfiguration>
</ServiceConfiguration>
)";
}

void parse(benchmark::State& state, std::size_t rules) {
  const auto text = text_with(rules);
  for (auto _ : state) {
    config::finding_list findings;
    benchmark::DoNotOptimize(config::parse_xml(text, findings));
    if (!findings.empty()) return state.SkipWithError("the text is not well formed");
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}

void check(benchmark::State& state, std::size_t rules) {
  const auto text = text_with(rules);
  for (auto _ : state) benchmark::DoNotOptimize(config::check(text));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}

const int registered = [] {
  for (const std::size_t rules : {10, 2'000}) {
    const auto rest = "_" + std::to_string(rules) + "_rules";
    benchmark::RegisterBenchmark(("config/parse" + rest).c_str(), parse, rules);
    benchmark::RegisterBenchmark(("config/check" + rest).c_str(), check, rules);
  }
  return 0;
}();

}  // namespace
