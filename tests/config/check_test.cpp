#include <keywarden/config/check.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "config/sample.hpp"
#include "support/refusals.hpp"

namespace check_test {

namespace admit = keywarden::admit;
namespace config = keywarden::config;
namespace names = keywarden::config::names;
using config::rule;
using config::severity;
using keywarden::errc;
using keywarden::testing::errors_in;
using keywarden::testing::place;
using keywarden::testing::refused_as;
using keywarden::testing::sample;
using keywarden::testing::sample_with;
using keywarden::testing::warnings_in;
using keywarden::testing::with;

constexpr std::string_view ca_setting =
    R"(Authorities" value="5D2F0B1C8E7A43966F10C2B9D4E8A7310C5B9F62")";
constexpr std::string_view ca_certificate =
    R"(<Certificate name="CA" thumbprint="5D2F0B1C8E7A43966F10C2B9D4E8A7310C5B9F62")";
constexpr std::string_view allow_list =
    "A1C4E90B7D3258F6104B9E2C7F8A6D53E0914BC2,0F6E7D8C9BAA1B2C3D4E5F60718293A4B5C6D7E8";

/// The sample with these rules in the group "Restricted".
std::string with_rules(std::string_view rules) {
  auto text = sample();
  const auto begin = text.find("<AccessControl name=\"Restricted\">") + 33;
  const auto end = text.find("</AccessControl>");
  return text.replace(begin, end - begin, rules);
}
std::string rule_line(std::string_view action, int order, std::string_view subnet) {
  return "\n<Rule action=\"" + std::string(action) + "\" description=\"\" order=\"" +
         std::to_string(order) + "\" remoteSubnet=\"" + std::string(subnet) + "\" />";
}

std::string without_client_certificates(std::string ca) {
  auto text = sample_with("ForClientCertificates\" value=\"true\"",
                          "ForClientCertificates\" value=\"false\"");
  return with(text, ca_certificate, "<Certificate name=\"CA\" thumbprint=\"" + ca + "\"");
}

BOOST_AUTO_TEST_SUITE(check)

BOOST_AUTO_TEST_CASE(the_sample_is_usable_and_only_its_sha1_thumbprints_are_noted) {
  const auto made = config::check(sample());
  BOOST_TEST(made.usable());
  BOOST_TEST(made.findings.size() == 4U);
  for (const auto& each : made.findings) BOOST_TEST((each.broken == rule::sha1_thumbprint));
  BOOST_TEST(config::read(sample()).has_value());
  BOOST_TEST(config::check(sample(), config::strict).usable());
}

BOOST_AUTO_TEST_CASE(the_model_holds_what_the_file_says) {
  const auto all = config::check(sample()).configuration;
  BOOST_TEST(all.service_name.view() == "SplitMerge");
  BOOST_TEST(all.os_family.view() == "4");
  BOOST_TEST(all.roles.size() == 2U);
  const auto* web = all.find_role("SplitMergeWeb");
  BOOST_REQUIRE(web != nullptr);
  BOOST_TEST(web->instances == 1U);
  BOOST_TEST(web->settings.size() == 12U);
  BOOST_TEST(web->find_certificate("SSL")->thumbprint.view() ==
             "3B7E6A15D09C4F2281E5B6A7C0D4F39E8A2B1C66");
  const auto& ssl = web->find_certificate("SSL")->where;
  BOOST_TEST(std::to_string(ssl.line) + ':' + std::to_string(ssl.column) + ": " ==
             place(sample(), "<Certificate name=\"SSL\""));
  const auto* restricted = all.find_access_control("Restricted");
  BOOST_REQUIRE(restricted != nullptr);
  BOOST_TEST(restricted->rules.at(0).subnet->text() == "100.100.0.0/16");
  BOOST_TEST(restricted->rules.at(0).description.view() == "The office");
  BOOST_TEST(all.find_endpoint_acl("SplitMergeWeb", "HttpIn")->access_control.view() == "DenyAll");
}

BOOST_AUTO_TEST_CASE(every_default_is_the_documented_one) {
  const config::split_merge_settings made = config::settings_of(config::role{});
  BOOST_TEST(made.deny_by_concurrent_requests == false);
  BOOST_TEST(made.max_concurrent_requests == 20U);
  BOOST_TEST(made.deny_by_request_rate == true);
  BOOST_TEST(made.max_requests == 100U);
  BOOST_TEST(made.request_interval.count() == 2000);
  BOOST_TEST(made.deny_action.aborts());
  BOOST_TEST(made.setup_web_app_for_client_certificates == true);
  BOOST_TEST(made.setup_webserver_for_client_certificates == true);
  BOOST_TEST(made.additional_trusted_roots.empty());
  BOOST_TEST(made.allowed_client_certificates.empty());
  BOOST_TEST((made.client_certificate_revocation_check == config::revocation_check::no_check));
  const std::vector<std::pair<std::string_view, std::string_view>> documented{
      {"DynamicIpRestrictionDenyByConcurrentRequests", "false"},
      {"DynamicIpRestrictionMaxConcurrentRequests", "20"},
      {"DynamicIpRestrictionDenyByRequestRate", "true"},
      {"DynamicIpRestrictionMaxRequests", "100"},
      {"DynamicIpRestrictionRequestIntervalInMilliseconds", "2000"},
      {"DynamicIpRestrictionDenyAction", "AbortRequest"},
      {"SetupWebAppForClientCertificates", "true"},
      {"SetupWebserverForClientCertificates", "true"},
      {"AdditionalTrustedRootCertificationAuthorities", ""},
      {"AllowedClientCertificateThumbprints", ""},
      {"ClientCertificateRevocationCheck", "NoCheck"},
      {"ElasticScaleMetadata", ""}};
  BOOST_TEST(config::known_settings.size() == documented.size());
  for (const auto& [name, text] : documented) {
    const auto* known = config::find_known_setting(name);
    BOOST_REQUIRE(known != nullptr);
    BOOST_TEST(known->default_text == text);
  }
  BOOST_TEST(config::known_certificates.size() == 4U);
  BOOST_TEST(config::http_endpoint == "HttpIn");
  BOOST_TEST(config::https_endpoint == "HttpsIn");
  BOOST_TEST(config::defaults::http_access_control == "DenyAll");
  BOOST_TEST(config::defaults::https_access_control == "AllowAll");
}

BOOST_AUTO_TEST_CASE(what_the_file_says_beats_the_defaults) {
  auto text = sample_with("DenyByConcurrentRequests\" value=\"false\"",
                          "DenyByConcurrentRequests\" value=\"True\"");
  text = with(text, "\"100\"", "\"7\"");
  text = with(text, "\"AbortRequest\"", "\"NotFound\"");
  text = with(text, "\"NoCheck\"", "\"Offline\"");
  BOOST_TEST(errors_in(text) == "");
  const auto all = config::check(text).configuration;
  const auto made = config::settings_of(*all.find_role("SplitMergeWeb"));
  BOOST_TEST(made.deny_by_concurrent_requests);
  BOOST_TEST(made.max_requests == 7U);
  BOOST_TEST(made.deny_action.number() == 404);
  BOOST_TEST(static_cast<int>(made.client_certificate_revocation_check) == 2);
  BOOST_TEST(made.allowed_client_certificates.size() == 2U);
  BOOST_TEST(made.allowed_client_certificates[0].text().view() == allow_list.substr(0, 40));
}

BOOST_AUTO_TEST_CASE(the_documents_own_sample_has_exactly_four_mistakes) {
  const auto made = config::check_fragment(
      "<AccessControl name=\"Retricted\">\n"
      "<Rule action=\"permit\" description=\"Some\" order=\"1\" remoteSubnet=\"\"/>\n"
      "<Rule action=\"deny\" description=\"None\" order=\"2\" remoteSubnet=\"\" />\n"
      "<EndpointAcl role=\"SplitMergeWeb\" endPoint=\"HttpsIn\" accessControl=\"Restricted\" />\n");
  constexpr std::string_view blank =
      "remoteSubnet is blank; write a range such as 192.0.2.0/24; 0.0.0.0/0 is every IPv4 address, "
      "::/0 every IPv6 one\n";
  BOOST_TEST(made.findings.text("S2") ==
             "S2:1:1: error: <AccessControl name=\"Retricted\"> has no end tag; write "
             "</AccessControl> before line 5\n"
             "S2:2:66: error: " +
                 std::string(blank) + "S2:3:64: error: " + std::string(blank) +
                 "S2:4:69: error: there is no group \"Restricted\"; did you mean \"Retricted\"?\n");
}

BOOST_AUTO_TEST_CASE(the_same_four_mistakes_in_a_whole_file_and_none_once_they_are_put_right) {
  auto text = with_rules(
      "\n<Rule action=\"permit\" description=\"Some\" order=\"1\" remoteSubnet=\"\"/>\n"
      "<Rule action=\"deny\" description=\"None\" order=\"2\" remoteSubnet=\"\" />\n");
  text = with(text, "<AccessControl name=\"Restricted\">", "<AccessControl name=\"Retricted\">");
  text = with(text, "</AccessControl>", "");
  const auto made = config::check(text);
  BOOST_TEST(made.findings.count(severity::error) == 4U);
  BOOST_TEST(made.findings.count(severity::warning) == 0U);
  BOOST_TEST(made.findings.has(rule::missing_end_tag));
  BOOST_TEST(made.findings.has(rule::blank_subnet));
  BOOST_TEST(made.findings.has(rule::dangling_access_control));
  BOOST_TEST(refused_as(errc::configuration_invalid, config::read(text)));
}

BOOST_AUTO_TEST_CASE(a_refusal_names_file_line_column_and_next_step) {
  const auto refused = config::read(
      sample_with("accessControl=\"Restricted\"", "accessControl=\"Retricted\""), "x.cscfg");
  BOOST_TEST(refused_as(errc::configuration_invalid, refused));
  const auto why = refused.error();
  BOOST_TEST(why.value_of(keywarden::fact::file) == "x.cscfg");
  BOOST_TEST(std::string(why.value_of(keywarden::fact::line)) + ':' +
                 std::string(why.value_of(keywarden::fact::column)) + ": " ==
             place(sample(), "accessControl=\"Restricted\"", 15));
  BOOST_TEST(why.value_of(keywarden::fact::reason) == "there is no group \"Retricted\"");
  BOOST_TEST(why.value_of(keywarden::fact::next_step) == "write Restricted");
  BOOST_TEST(refused_as(errc::limit_exceeded, config::read(std::string(1U << 21U, ' '))));
  BOOST_TEST(refused_as(errc::configuration_invalid, config::read("not XML")));
}

BOOST_AUTO_TEST_CASE(a_part_of_a_configuration_configures_nothing) {
  const auto& whole = sample();
  const auto part = [&](const std::string& name) {
    const auto begin = whole.find("<" + name);
    const auto end = whole.find("</" + name + ">", begin) + name.size() + 3;
    return whole.substr(begin, end - begin);
  };
  for (const auto& text :
       {part("Role"), part("ConfigurationSettings"), part("Certificates"),
        part("NetworkConfiguration"), part("AccessControls"), part("AccessControl"),
        part("EndpointAcls"), std::string(R"(<Setting name="SSL" value="" />)")}) {
    const auto made = config::check(text);
    BOOST_TEST(made.findings.has(rule::one_root), text);
    BOOST_TEST(refused_as(errc::configuration_invalid, config::read(text)), text);
  }
  BOOST_TEST(errors_in("<AccessControls></AccessControls>") ==
             "1:1: error: the outermost element is not <ServiceConfiguration>; give the whole "
             "file\n");
  BOOST_TEST(errors_in("<ServiceConfigration />") ==
             "1:1: error: <ServiceConfigration> is no part of a service configuration; did you "
             "mean \"ServiceConfiguration\"?\n");
}

BOOST_AUTO_TEST_CASE(unknown_names_are_never_skipped) {
  BOOST_TEST(
      errors_in(sample_with("DynamicIpRestrictionMaxRequests", "DynamicIpRestrictionMaxRequest")) ==
      place(sample(), "<Setting name=\"DynamicIpRestrictionMaxRequests") +
          "error: the setting \"DynamicIpRestrictionMaxRequest\" is unknown; did you mean "
          "\"DynamicIpRestrictionMaxRequests\"?\n");
  const auto stranger =
      sample_with("<Setting name=\"DynamicIpRestrictionMaxRequests\" value=\"100\" />",
                  "<Setting name=\"Weather\" value=\"fine\" />");
  BOOST_TEST(errors_in(stranger) == "");
  BOOST_TEST(warnings_in(stranger) ==
             place(sample(), "<Setting name=\"DynamicIpRestrictionMaxRequests") +
                 "warning: the setting \"Weather\" is unknown\n");
  BOOST_TEST(errors_in(sample_with("<Instances", "<Instance"))
                 .starts_with(place(sample(), "<Role") +
                              "error: the role \"SplitMergeWeb\" has no <Instances>"));
  BOOST_TEST(errors_in(sample_with("osFamily", "osFamilly")) ==
             place(sample(), "osFamily") +
                 "error: <ServiceConfiguration> has no attribute osFamilly; did you mean "
                 "\"osFamily\"?\n");
  BOOST_TEST(
      errors_in(sample_with("\"SplitMergeWorker\"", "\"SplitMergWorker\"")) ==
      place(sample(), "<Role name=\"SplitMergeWorker\"") +
          "error: the role \"SplitMergWorker\" is unknown; did you mean \"SplitMergeWorker\"?\n");
  BOOST_TEST(errors_in(sample_with("\"DataEncryptionPrimary\"", "\"DataEncryptionPrimry\""))
                 .find("did you mean \"DataEncryptionPrimary\"?") != std::string::npos);
  BOOST_TEST(errors_in(sample_with("ServiceHosting/2008/10", "ServiceHosting/2008/11"))
                 .find("the name space is not that of a service configuration") !=
             std::string::npos);
  BOOST_TEST(errors_in(sample_with("endPoint=\"HttpsIn\"", "endPoint=\"HtpsIn\""))
                 .find("did you mean \"HttpsIn\"?") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(duplicates_are_never_skipped) {
  const auto twice = [](std::string_view line) {
    return sample_with(line, std::string(line) + std::string(line));
  };
  const auto finds = [](const std::string& text, rule wanted) {
    const auto made = config::check(text);
    return made.findings.has(wanted) && !made.usable();
  };
  BOOST_TEST(finds(twice("<Setting name=\"DynamicIpRestrictionMaxRequests\" value=\"100\" />"),
                   rule::duplicate_setting));
  BOOST_TEST(finds(
      twice("<EndpointAcl role=\"SplitMergeWeb\" endPoint=\"HttpIn\" accessControl=\"DenyAll\" />"),
      rule::duplicate_endpoint_acl));
  BOOST_TEST(finds(sample_with("name=\"SSL\"", "name=\"CA\""), rule::duplicate_certificate));
  BOOST_TEST(finds(sample_with("\"SplitMergeWorker\"", "\"SplitMergeWeb\""), rule::duplicate_role));
  BOOST_TEST(finds(twice("<Instances count=\"1\" />"), rule::duplicate_element));
  BOOST_TEST(finds(sample_with("endPoint=\"HttpIn\"", "endPoint=\"HttpIn\" endpoint=\"HttpIn\""),
                   rule::duplicate_attribute));
  BOOST_TEST(finds(
      sample_with("</AccessControls>", "<AccessControl name=\"Restricted\" /></AccessControls>"),
      rule::duplicate_access_control));
  BOOST_TEST(errors_in(sample_with("endPoint", "endpoint")) == "");
}

BOOST_AUTO_TEST_CASE(what_a_role_needs_must_be_there) {
  const auto lacks = [](std::string_view name, rule wanted) {
    auto text = sample();
    for (auto at = text.find(name); at != std::string::npos; at = text.find(name)) {
      const auto begin = text.rfind('<', at);
      text.erase(begin, text.find('>', at) + 1 - begin);
    }
    return config::check(text).findings.has(wanted);
  };
  for (const auto& each : config::known_settings)
    BOOST_TEST(lacks("\"" + std::string(each.name) + "\"",
                     each.required_in_web ? rule::missing_setting : rule::default_applies),
               each.name);
  for (const auto name : {"\"SSL\"", "\"CA\"", "\"DataEncryptionPrimary\""})
    BOOST_TEST(lacks(name, rule::missing_certificate), name);
}

BOOST_AUTO_TEST_CASE(values_that_no_service_could_use_are_refused) {
  const auto says = [](std::string_view name, std::string_view from, std::string_view to) {
    const auto before = std::string(name) + "\" value=\"" + std::string(from) + "\"";
    const auto after = std::string(name) + "\" value=\"" + std::string(to) + "\"";
    const auto said = errors_in(sample_with(before, after));
    return said.substr(said.find("error: ") + 7);
  };
  BOOST_TEST(says("DenyByRequestRate", "true", "ture") ==
             "DynamicIpRestrictionDenyByRequestRate is \"ture\", neither true nor false; did you "
             "mean \"true\"?\n");
  BOOST_TEST(says("RestrictionMaxRequests", "100", "0")
                 .starts_with("DynamicIpRestrictionMaxRequests is 0: nobody is served"));
  BOOST_TEST(says("InMilliseconds", "2000", "0")
                 .starts_with("DynamicIpRestrictionRequestIntervalInMilliseconds is 0"));
  BOOST_TEST(says("RestrictionMaxRequests", "100", "-1").find("not a number") != std::string::npos);
  BOOST_TEST(says("RestrictionMaxRequests", "100", "4294967296").find("not a number") !=
             std::string::npos);
  BOOST_TEST(says("DenyAction", "AbortRequest", "Forbiden") ==
             "DynamicIpRestrictionDenyAction is \"Forbiden\", not AbortRequest, Unauthorized, "
             "Forbidden or NotFound; did you mean \"Forbidden\"?\n");
  BOOST_TEST(says("RevocationCheck", "NoCheck", "Onlin").find("did you mean \"Online\"?") !=
             std::string::npos);
  BOOST_TEST(errors_in(sample_with("count=\"1\"", "count=\"0\"")).find("not a number from 1") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_value_that_cannot_be_read_falls_to_the_safe_side) {
  config::role one;
  const auto add = [&](std::string_view name, std::string_view value) {
    auto& made = one.settings.emplace_back();
    made.name = name;
    made.value = value;
  };
  add(names::setup_web_app, "flase");
  add(names::deny_by_request_rate, "");
  add(names::max_requests, "0");
  add(names::revocation, "Never");
  add(names::allowed_clients, "nonsense");
  const auto made = config::settings_of(one);
  BOOST_TEST(made.client_certificates_required());
  BOOST_TEST(made.deny_by_request_rate);
  BOOST_TEST(made.max_requests == 100U);
  BOOST_TEST((made.client_certificate_revocation_check == config::revocation_check::online));
  BOOST_TEST(made.allowed_client_certificates.empty());
}

BOOST_AUTO_TEST_CASE(thumbprints_are_cleaned_or_refused_with_their_own_reason) {
  const std::string forty = "5D2F0B1C8E7A43966F10C2B9D4E8A7310C5B9F62";
  const auto problem = [](const std::string& text) {
    return std::string(config::read_thumbprint(text).problem);
  };
  const auto clean = [&](const std::string& text) {
    const auto made = config::read_thumbprint(text);
    return made.value && made.value->text() == forty;
  };
  BOOST_TEST(clean(forty));
  BOOST_TEST(clean("5d2f0b1c8e7a43966f10c2b9d4e8a7310c5b9f62"));
  BOOST_TEST(clean("\xE2\x80\x8E" + forty));
  BOOST_TEST(
      clean("\xC2\xA0" + forty.substr(0, 2) + ":" + forty.substr(2, 2) + "-" + forty.substr(4)));
  BOOST_TEST(
      std::string(config::read_thumbprint("\xE2\x80\x8E" + forty).untidiness).find("U+200E") !=
      std::string::npos);
  BOOST_TEST(config::read_thumbprint(" " + forty + " ").untidiness.empty());
  BOOST_TEST(config::read_thumbprint("5D 2F" + forty.substr(4)).untidiness ==
             "the thumbprint has spaces: delete them");
  BOOST_TEST(problem("?" + forty).find("ANSI") != std::string::npos);
  BOOST_TEST(problem("\xEF\xBC\x95" + forty.substr(1)).find("full-width") != std::string::npos);
  BOOST_TEST(problem("\xD0\x90" + forty.substr(1)).find("no hexadecimal digit") !=
             std::string::npos);
  BOOST_TEST(problem(forty.substr(1)).find("odd number") != std::string::npos);
  BOOST_TEST(problem(forty + "00").find("neither 40") != std::string::npos);
  BOOST_TEST(problem(std::string(96, 'A')).find("neither 40") != std::string::npos);
  BOOST_TEST(problem(forty.substr(1) + "G").find("no hexadecimal") != std::string::npos);
  BOOST_TEST(config::read_thumbprint(" \xE2\x80\x8E").blank);
  BOOST_TEST(config::read_thumbprint(std::string(64, 'a')).value->size == 32);
}

BOOST_AUTO_TEST_CASE(a_thumbprint_in_the_file_must_be_usable_and_agree_with_its_algorithm) {
  BOOST_TEST(errors_in(sample_with("3B7E6A15D09C4F2281E5B6A7C0D4F39E8A2B1C66", "")) ==
             place(sample(), "3B7E6A15") +
                 "error: the thumbprint of the certificate \"SSL\" is blank; fill it in: "
                 "keywarden config set-certificate FILE SSL CERTIFICATE-FILE\n");
  BOOST_TEST(errors_in(sample_with(
                 "3B7E6A15D09C4F2281E5B6A7C0D4F39E8A2B1C66\" thumbprintAlgorithm=\"sha1\"",
                 "3B7E6A15D09C4F2281E5B6A7C0D4F39E8A2B1C66\" thumbprintAlgorithm=\"sha256\"")) ==
             place(sample(), "3B7E6A15", 40 + 23) +
                 "error: thumbprintAlgorithm is \"sha256\", but the thumbprint has 40 digits; "
                 "write thumbprintAlgorithm=\"sha1\"\n");
  const auto long_one =
      sample_with("3B7E6A15D09C4F2281E5B6A7C0D4F39E8A2B1C66\" thumbprintAlgorithm=\"sha1\"",
                  std::string(64, 'A') + "\" thumbprintAlgorithm=\"sha256\"");
  BOOST_TEST(errors_in(long_one) == "");
  BOOST_TEST(config::check(long_one).findings.size() == 3U);
  BOOST_TEST(warnings_in(sample_with("\"3B7E6A15",
                                     "\"\xE2\x80\x8E"
                                     "3B7E6A15"))
                 .find("U+200E") != std::string::npos);
  BOOST_TEST(errors_in(sample_with("\"A1C4E90B", "\"?A1C4E90B"))
                 .find("in AllowedClientCertificateThumbprints cannot be read") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(with_client_certificates_the_ca_is_the_additional_root) {
  BOOST_TEST(
      errors_in(sample_with(ca_setting, "Authorities\" value=\"\"")) ==
      place(sample(), ca_setting, 20) +
          "error: AdditionalTrustedRootCertificationAuthorities does not have the thumbprint of "
          "the certificate \"CA\"; write value=\"5D2F0B1C8E7A43966F10C2B9D4E8A7310C5B9F62\"\n");
  BOOST_TEST(errors_in(sample_with(
                 ca_setting, "Authorities\" value=\"5d2f0b1c8e7a43966f10c2b9d4e8a7310c5b9f62\"")) ==
             "");
  BOOST_TEST(
      warnings_in(sample_with(ca_setting, std::string(ca_setting.substr(0, ca_setting.size() - 1)) +
                                              "," + std::string(40, '0') + "\""))
          .find("also trusts other authorities") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(without_client_certificates_the_ca_is_the_ssl_certificate) {
  const auto right = without_client_certificates("3B7E6A15D09C4F2281E5B6A7C0D4F39E8A2B1C66");
  BOOST_TEST(errors_in(right) == "");
  BOOST_TEST(warnings_in(right) ==
             place(sample(), "SetupWebAppForClientCertificates", 41) +
                 "warning: client certificates are off: whoever can reach the service is served\n");
  BOOST_TEST(config::check(without_client_certificates("5D2F0B1C8E7A43966F10C2B9D4E8A7310C5B9F62"))
                 .findings.has(rule::ca_is_not_ssl));
  BOOST_TEST(errors_in(sample_with("SetupWebAppForClientCertificates\" value=\"true\"",
                                   "SetupWebAppForClientCertificates\" value=\"false\""))
                 .find("disagree") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_empty_list_of_clients_allows_nobody_and_warns) {
  const auto text = sample_with(allow_list, "");
  BOOST_TEST(errors_in(text) == "");
  BOOST_TEST(
      warnings_in(text).find("AllowedClientCertificateThumbprints is empty: nobody is allowed") !=
      std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_open_http_endpoint_is_an_error_unless_the_risk_is_accepted_by_name) {
  const auto open = sample_with("endPoint=\"HttpIn\" accessControl=\"DenyAll\"",
                                "endPoint=\"HttpIn\" accessControl=\"Restricted\"");
  BOOST_TEST(config::check(open).findings.has(rule::http_endpoint_open));
  BOOST_TEST(errors_in(open).find("requests over HTTP may carry database credentials") !=
             std::string::npos);
  const config::requirements accepted{.open_http = config::allow_open_http_i_accept_the_risk()};
  BOOST_TEST(errors_in(open, accepted) == "");
  BOOST_TEST(warnings_in(open, accepted).find("not denied to everybody") != std::string::npos);
  const auto missing = sample_with(
      "<EndpointAcl role=\"SplitMergeWeb\" endPoint=\"HttpIn\" accessControl=\"DenyAll\" />", "");
  BOOST_TEST(errors_in(missing).find("has no <EndpointAcl>, which permits everybody") !=
             std::string::npos);
  BOOST_TEST(config::check(sample_with("endPoint=\"HttpsIn\"", "endPoint=\"Other\""))
                 .findings.has(rule::endpoint_without_acl));
}

BOOST_AUTO_TEST_CASE(a_group_called_deny_all_must_deny_all) {
  const auto declared = [](std::string_view rules) {
    return sample_with("</AccessControls>", "<AccessControl name=\"DenyAll\">" +
                                                std::string(rules) +
                                                "</AccessControl></AccessControls>");
  };
  BOOST_TEST(
      errors_in(declared(rule_line("deny", 1, "0.0.0.0/0") + rule_line("deny", 2, "::/0"))) == "");
  const auto half = config::check(declared(rule_line("deny", 1, "0.0.0.0/0")));
  BOOST_TEST(half.findings.has(rule::built_in_redefined));
  BOOST_TEST(half.findings.has(rule::http_endpoint_open));
  BOOST_TEST(config::check(declared(rule_line("permit", 1, "0.0.0.0/0")))
                 .findings.has(rule::http_endpoint_open));
}

BOOST_AUTO_TEST_CASE(a_rule_that_never_gets_a_turn_is_an_error_with_both_lines) {
  const auto text =
      with_rules(rule_line("deny", 5, "10.1.0.0/16") + rule_line("permit", 3, "10.0.0.0/8") +
                 rule_line("deny", 9, "0.0.0.0/0"));
  const auto never = text.find(rule_line("deny", 5, "10.1.0.0/16")) + 1;
  const auto number = 1 + std::count(text.begin(), text.begin() + static_cast<int>(never), '\n');
  const auto line = std::to_string(number);
  const auto next = std::to_string(number + 1);
  BOOST_TEST(errors_in(text) ==
             place(text, rule_line("deny", 5, "10.1.0.0/16"), 1) + "error: the rule in line " +
                 line + " never gets a turn: the one in line " + next +
                 " (order 3, "
                 "permit) takes all of its addresses first; give it a lower order, or remove it\n");
  BOOST_TEST(errors_in(with_rules(rule_line("deny", 1, "10.1.0.0/16") +
                                  rule_line("permit", 3, "10.0.0.0/8") +
                                  rule_line("deny", 9, "0.0.0.0/0"))) == "");
  BOOST_TEST(config::check(with_rules(rule_line("permit", 1, "::/0") +
                                      rule_line("permit", 2, "2001:db8::/32")))
                 .findings.has(rule::unreachable_rule));
  BOOST_TEST(!config::check(
                  with_rules(rule_line("permit", 1, "::/0") + rule_line("permit", 2, "10.0.0.0/8")))
                  .findings.has(rule::unreachable_rule));
}

BOOST_AUTO_TEST_CASE(a_rule_hidden_only_by_several_together_is_an_error_with_all_their_lines) {
  const auto low = rule_line("deny", 2, "10.0.0.0/9");
  const auto high = rule_line("permit", 1, "10.128.0.0/9");
  const auto hidden = rule_line("permit", 7, "10.0.0.0/8");
  const auto text = with_rules(hidden + low + high + rule_line("deny", 9, "0.0.0.0/0"));
  const auto where = place(text, hidden, 1);
  const auto line = std::stoi(where);
  BOOST_TEST(errors_in(text) == where + "error: the rule in line " + std::to_string(line) +
                                    " never gets a turn: those in lines " +
                                    std::to_string(line + 2) + " and " + std::to_string(line + 1) +
                                    " together take all of its addresses first; give it a lower "
                                    "order, or remove it\n");
  const auto same = rule_line("permit", 2, "10.0.0.0/9");
  BOOST_TEST(errors_in(with_rules(hidden + same + high + rule_line("deny", 9, "0.0.0.0/0")))
                 .find("first; remove it") != std::string::npos);
  BOOST_TEST(errors_in(with_rules(hidden + low + rule_line("permit", 1, "10.128.0.0/10") +
                                  rule_line("deny", 9, "0.0.0.0/0"))) == "");
}

BOOST_AUTO_TEST_CASE(who_gets_in_is_judged_by_all_rules_together) {
  const auto restricted = [](const std::string& rules) {
    return *config::rules_of(config::check(with_rules(rules)).configuration, "Restricted");
  };
  const auto halves = rule_line("deny", 1, "0.0.0.0/1") + rule_line("deny", 2, "128.0.0.0/1");
  const auto closed = restricted(halves + rule_line("permit", 3, "0.0.0.0/0"));
  BOOST_TEST(config::denies_everybody(closed, true));
  BOOST_TEST(config::denies_everybody(closed));
  BOOST_TEST(!config::permits_everybody(closed, true));
  const auto ajar =
      restricted(rule_line("deny", 1, "0.0.0.0/1") + rule_line("deny", 2, "128.0.0.0/2") +
                 rule_line("permit", 3, "0.0.0.0/0"));
  BOOST_TEST(!config::denies_everybody(ajar, true));
  BOOST_TEST(!config::permits_everybody(ajar, true));
  const auto only_denials = restricted(halves);
  BOOST_TEST(config::denies_everybody(only_denials, true));
  BOOST_TEST(config::permits_everybody(only_denials, false));
  BOOST_TEST(config::has_explicit_final_rule(only_denials, true));
  BOOST_TEST(!config::has_explicit_final_rule(only_denials, false));
  const auto nothing = restricted("");
  BOOST_TEST(config::permits_everybody(nothing, true));
  BOOST_TEST(!config::denies_everybody(nothing));
}

BOOST_AUTO_TEST_CASE(rules_are_well_formed) {
  const auto finds = [](const std::string& rules, rule wanted) {
    return config::check(with_rules(rules)).findings.has(wanted);
  };
  BOOST_TEST(finds(rule_line("permit", 1, "10.0.0.0/8") + rule_line("deny", 1, "0.0.0.0/0"),
                   rule::duplicate_order));
  BOOST_TEST(finds(rule_line("allow", 1, "10.0.0.0/8"), rule::bad_value));
  BOOST_TEST(finds(rule_line("permit", 1, "10.0.0.0"), rule::bad_subnet));
  BOOST_TEST(finds(rule_line("permit", 1, "10.0.0.0/33"), rule::bad_subnet));
  BOOST_TEST(finds(rule_line("permit", 1, " "), rule::blank_subnet));
  BOOST_TEST(finds(rule_line("permit", 1, "175.1.0.1/24"), rule::host_bits));
  BOOST_TEST(errors_in(with_rules(rule_line("permit", 1, "175.1.0.1/24") +
                                  rule_line("deny", 2, "0.0.0.0/0"))) == "");
  std::string many;
  for (int i = 0; i < 50; ++i)
    many += rule_line("permit", i, "10.0." + std::to_string(i) + ".0/24");
  BOOST_TEST(!finds(many, rule::too_many_rules));
  BOOST_TEST(finds(many + rule_line("deny", 99, "0.0.0.0/0"), rule::too_many_rules));
  BOOST_TEST(finds("", rule::no_rules));
}

BOOST_AUTO_TEST_CASE(more_groups_than_anybody_needs_are_refused_before_they_are_compared) {
  std::string groups;
  for (int i = 0; i < 101; ++i)
    groups += "<AccessControl name=\"group" + std::to_string(i) + "\"></AccessControl>";
  auto text = std::string(sample());
  text.insert(text.find("<AccessControl name"), groups);
  const auto made = config::check(text);
  BOOST_TEST(made.findings.has(rule::limit));
  BOOST_TEST(!made.findings.has(rule::no_rules));
}

BOOST_AUTO_TEST_CASE(what_no_endpoint_uses_is_a_warning) {
  BOOST_TEST(
      warnings_in(sample_with("accessControl=\"Restricted\"", "accessControl=\"AllowAll\"")) ==
      place(sample(), "<AccessControl name") +
          "warning: no endpoint uses the group \"Restricted\"\n");
  BOOST_TEST(errors_in(sample_with("EndpointAcl role=\"SplitMergeWeb\" endPoint=\"HttpsIn\"",
                                   "EndpointAcl role=\"SplitMergWeb\" endPoint=\"HttpsIn\""))
                 .find("there is no role \"SplitMergWeb\"; did you mean \"SplitMergeWeb\"?") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_implied_last_rule_depends_on_the_content) {
  const auto decides = [](std::string_view rules, const admit::address& from) {
    const auto made = config::check(with_rules(rules));
    return config::rules_of(made.configuration, "Restricted")->decide(from) ==
           config::acl_action::permit;
  };
  const admit::address inside("10.0.0.1");
  const admit::address outside("192.0.2.1");
  BOOST_TEST(decides("", outside));
  BOOST_TEST(decides(rule_line("permit", 1, "10.0.0.0/8"), inside));
  BOOST_TEST(!decides(rule_line("permit", 1, "10.0.0.0/8"), outside));
  BOOST_TEST(!decides(rule_line("deny", 1, "10.0.0.0/8"), inside));
  BOOST_TEST(decides(rule_line("deny", 1, "10.0.0.0/8"), outside));
  const auto mixed =
      rule_line("deny", 100, "175.1.0.1/24") + rule_line("permit", 200, "175.0.0.0/8");
  BOOST_TEST(!decides(mixed, admit::address("175.1.0.9")));
  BOOST_TEST(decides(mixed, admit::address("175.2.0.9")));
  BOOST_TEST(!decides(mixed, outside));
  const auto all = config::check(sample()).configuration;
  BOOST_TEST((config::rules_of(all, "AllowAll")->decide(outside) == config::acl_action::permit));
  BOOST_TEST((config::rules_of(all, "DenyAll")->decide(outside) == config::acl_action::deny));
  BOOST_TEST(!config::rules_of(all, "Retricted").has_value());
}

BOOST_AUTO_TEST_CASE(an_implied_last_rule_is_a_warning_and_in_strict_mode_an_error) {
  const auto implied = with_rules(rule_line("permit", 1, "10.0.0.0/8"));
  BOOST_TEST(errors_in(implied) == "");
  BOOST_TEST(warnings_in(implied).find(
                 "what \"Restricted\" does with other IPv4 addresses is only implied: deny") !=
             std::string::npos);
  BOOST_TEST(config::check(implied, config::strict).findings.has(rule::implied_final_rule));
  BOOST_TEST(errors_in(implied, config::strict) != "");
  const auto open = config::check(with_rules(rule_line("deny", 1, "10.0.0.0/8")), config::strict);
  BOOST_TEST(open.findings.count(severity::error) == 2U);
}

BOOST_AUTO_TEST_CASE(a_connection_string_is_in_no_finding_and_not_in_the_model) {
  constexpr std::string_view hidden = "hunter2-in-the-metadata";
  auto text = sample_with("Server=metadata.example;", "Password=hunter2-in-the-metadata;");
  text = with(text, "\"AbortRequest\"", "\"Nonsense\"");
  const auto made = config::check(text);
  for (const auto& role : made.configuration.roles)
    for (const auto& setting : role.settings)
      BOOST_TEST(setting.value.view().find(hidden) == std::string_view::npos);
  BOOST_TEST(made.findings.text().find(hidden) == std::string::npos);
  const auto misnamed = config::check(with(text, "ElasticScaleMetadata", "ElasticScaleMetadat"));
  BOOST_TEST(!misnamed.usable());
  BOOST_TEST(misnamed.findings.text().find(hidden) == std::string::npos);
  const auto broken = config::check(with(text, "Password=", "<&Password="));
  BOOST_TEST(!broken.usable());
  BOOST_TEST(broken.findings.text().find(hidden) == std::string::npos);
  BOOST_TEST(
      errors_in(
          sample_with("Server=metadata.example;Database=SplitMerge;Integrated Security=true", " "))
          .find("ElasticScaleMetadata is blank") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace check_test
