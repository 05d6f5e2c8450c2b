#include <keywarden/config/edit.hpp>

#include <grp.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <keywarden/config/client_certificates.hpp>
#include <keywarden/config/describe.hpp>
#include <keywarden/config/files.hpp>
#include <keywarden/config/secret_setting.hpp>

#include "config/sample.hpp"
#include "support/refusals.hpp"
#include "support/scratch.hpp"

namespace edit_test {

namespace config = keywarden::config;
using config::rule;
using keywarden::errc;
using keywarden::auth::allow_anonymous_i_accept_the_risk;
using keywarden::testing::accepted;
using keywarden::testing::errors_in;
using keywarden::testing::refused_as;
using keywarden::testing::sample;
using keywarden::testing::sample_with;
using keywarden::testing::scratch;
using keywarden::testing::with;

const std::string other_ca = "00112233445566778899AABBCCDDEEFF00112233";
const std::string ssl = "3B7E6A15D09C4F2281E5B6A7C0D4F39E8A2B1C66";
const std::string ca = "5D2F0B1C8E7A43966F10C2B9D4E8A7310C5B9F62";

config::edit opened(std::string_view text) { return config::edit::open(text).value(); }

std::string finished(const config::edit& from) {
  const auto made = from.finish();
  BOOST_REQUIRE(accepted(made));
  return std::string(made->text());
}

config::new_rule permit(std::uint32_t order, keywarden::admit::network subnet) {
  return {config::acl_action::permit, "A & B", order, subnet};
}

BOOST_AUTO_TEST_SUITE(edit)

BOOST_AUTO_TEST_CASE(a_setting_changes_and_nothing_else) {
  auto one = opened(sample());
  BOOST_TEST(accepted(one.set_setting("DynamicIpRestrictionMaxRequests", "250")));
  BOOST_TEST(finished(one) == sample_with("value=\"100\"", "value=\"250\""));
}

BOOST_AUTO_TEST_CASE(a_setting_of_several_roles_changes_in_one_or_in_all) {
  const std::string_view old =
      "Server=metadata.example;Database=SplitMerge;Integrated Security=true";
  auto all = opened(sample());
  BOOST_TEST(accepted(all.set_setting("ElasticScaleMetadata", "Server=new")));
  BOOST_TEST(finished(all) == sample_with(old, "Server=new"));
  auto one = opened(sample());
  BOOST_TEST(accepted(one.set_setting("ElasticScaleMetadata", "Server=new", "SplitMergeWorker")));
  auto expected = sample();
  expected.replace(expected.rfind(old), old.size(), "Server=new");
  BOOST_TEST(finished(one) == expected);
}

BOOST_AUTO_TEST_CASE(a_setting_that_a_role_lacks_is_added_in_the_style_of_the_file) {
  auto one = opened(sample());
  BOOST_TEST(accepted(one.set_setting("Weather", "fine", "SplitMergeWorker")));
  const std::string_view last =
      "<Setting name=\"ElasticScaleMetadata\" "
      "value=\"Server=metadata.example;Database=SplitMerge;Integrated Security=true\" />";
  auto expected = sample();
  expected.insert(expected.rfind(last) + last.size(),
                  "\n      <Setting name=\"Weather\" value=\"fine\" />");
  BOOST_TEST(finished(one) == expected);
}

BOOST_AUTO_TEST_CASE(empty_and_missing_containers_are_made) {
  const auto add = [](std::string_view role) {
    auto one = opened("<ServiceConfiguration serviceName='s'>\r\n  " + std::string(role) +
                      "\r\n</ServiceConfiguration>");
    BOOST_TEST(accepted(one.set_setting("A", "1", "R")));
    return std::string(one.text().substr(40, one.text().size() - 40 - 25));
  };
  BOOST_TEST(add("<Role name='R' />") ==
             "  <Role name='R'>\r\n    <ConfigurationSettings>\r\n      <Setting name=\"A\" "
             "value=\"1\" />\r\n    </ConfigurationSettings>\r\n  </Role>");
  BOOST_TEST(add("<Role name='R'><ConfigurationSettings/></Role>") ==
             "  <Role name='R'><ConfigurationSettings>\r\n  <Setting name=\"A\" value=\"1\" "
             "/>\r\n</ConfigurationSettings></Role>");
  BOOST_TEST(add("<Role name='R'>\r\n    <ConfigurationSettings>\r\n      <!-- none -->\r\n    "
                 "</ConfigurationSettings>\r\n  </Role>") ==
             "  <Role name='R'>\r\n    <ConfigurationSettings>\r\n      <!-- none -->\r\n      "
             "<Setting name=\"A\" value=\"1\" />\r\n    </ConfigurationSettings>\r\n  </Role>");
}

BOOST_AUTO_TEST_CASE(values_are_escaped_and_come_back_as_they_were) {
  const std::string value = "<a href=\"x\"> & 'y'\t\r\n\xE2\x82\xAC";
  auto one = opened(sample());
  BOOST_TEST(accepted(one.set_setting("Weather", value, "SplitMergeWeb")));
  const auto read = config::check(finished(one)).configuration;
  BOOST_TEST(read.find_role("SplitMergeWeb")->find_setting("Weather")->value.view() == value);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_done_is_refused_and_changes_nothing) {
  auto one = opened(sample());
  BOOST_TEST(refused_as(errc::not_found, one.set_setting("Weather", "fine")));
  BOOST_TEST(refused_as(errc::not_found, one.set_setting("Weather", "fine", "Nobody")));
  BOOST_TEST(refused_as(errc::invalid_argument,
                        one.set_setting("Weather", std::string_view("\0", 1), "SplitMergeWeb")));
  BOOST_TEST(
      refused_as(errc::invalid_argument, one.set_setting("Weather", "\xFF", "SplitMergeWeb")));
  BOOST_TEST(refused_as(errc::invalid_argument, one.set_certificate("SSL", "?" + ssl)));
  BOOST_TEST(refused_as(errc::already_exists, one.add_access_control("Restricted", {})));
  BOOST_TEST(one.text() == sample());
  BOOST_TEST(refused_as(errc::limit_exceeded,
                        one.set_setting("Weather", std::string(70'000, 'x'), "SplitMergeWeb")));
  BOOST_TEST(one.text() == sample());
  BOOST_TEST(refused_as(errc::configuration_invalid, config::edit::open("<a>")));
  BOOST_TEST(refused_as(errc::configuration_invalid, config::edit::open("<a/>")));
  BOOST_TEST(refused_as(errc::limit_exceeded, config::edit::open(std::string(1U << 21U, ' '))));
}

BOOST_AUTO_TEST_CASE(a_change_that_makes_something_wrong_is_refused_at_the_end) {
  auto one = opened(sample());
  BOOST_TEST(accepted(one.set_setting("DynamicIpRestrictionMaxRequests", "0")));
  const auto refused = one.finish();
  BOOST_TEST(refused_as(errc::configuration_invalid, refused));
  BOOST_TEST(refused.error().value_of(keywarden::fact::reason) ==
             "DynamicIpRestrictionMaxRequests is 0: nobody is served");
  auto open_http = opened(sample());
  BOOST_TEST(accepted(open_http.set_endpoint_acl("SplitMergeWeb", "HttpIn", "AllowAll")));
  BOOST_TEST(refused_as(errc::configuration_invalid, open_http.finish()));
}

BOOST_AUTO_TEST_CASE(a_template_is_filled_in_step_by_step) {
  auto text = with(sample_with(ssl, ""), "C8A95E3F71B2D604E8C1F7A3950B6D2E4C7F8A19", "");
  BOOST_TEST(errors_in(text) != "");
  auto first = opened(text);
  BOOST_TEST(accepted(first.set_certificate("SSL",
                                            "\xE2\x80\x8E"
                                            "3b 7e 6a15d09c4f2281e5b6a7c0d4f39e8a2b1c66")));
  text = finished(first);
  BOOST_TEST(text.find("name=\"SSL\" thumbprint=\"" + ssl + "\" thumbprintAlgorithm=\"sha1\"") !=
             std::string::npos);
  auto second = opened(text);
  BOOST_TEST(accepted(second.set_certificate("DataEncryptionPrimary", std::string(64, 'a'))));
  text = finished(second);
  BOOST_TEST(errors_in(text) == "");
  BOOST_TEST(text.find("thumbprint=\"" + std::string(64, 'A') +
                       "\" thumbprintAlgorithm=\"sha256\"") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_group_is_added_and_an_endpoint_uses_it) {
  using keywarden::admit::network;
  const std::vector<config::new_rule> rules{
      permit(1, network("192.0.2.0/24")),
      {config::acl_action::deny, "rest", 2, network("0.0.0.0/0")}};
  auto one = opened(sample());
  BOOST_TEST(accepted(one.set_endpoint_acl("SplitMergeWeb", "HttpsIn", "Office")));
  BOOST_TEST(accepted(one.add_access_control("Office", rules)));
  const auto text = finished(one);
  BOOST_TEST(text.find("</AccessControl>\n      <AccessControl name=\"Office\">\n        <Rule "
                       "action=\"permit\" description=\"A &amp; B\" order=\"1\" "
                       "remoteSubnet=\"192.0.2.0/24\" />\n        <Rule action=\"deny\"") !=
             std::string::npos);
  const auto read = config::check(text).configuration;
  BOOST_TEST(read.find_endpoint_acl("SplitMergeWeb", "HttpsIn")->access_control.view() == "Office");
  BOOST_TEST((config::rules_of(read, "Office")->decide(keywarden::admit::address("192.0.2.7")) ==
              config::acl_action::permit));
}

BOOST_AUTO_TEST_CASE(network_configuration_is_made_where_there_is_none) {
  auto text = sample();
  const auto begin = text.find("  <NetworkConfiguration>");
  text.erase(begin, text.find("</ServiceConfiguration>") - begin);
  auto one = opened(text);
  BOOST_TEST(accepted(one.set_endpoint_acl("SplitMergeWeb", "HttpIn", "DenyAll")));
  BOOST_TEST(accepted(one.set_endpoint_acl("SplitMergeWeb", "HttpsIn", "AllowAll")));
  const auto made = finished(one);
  BOOST_TEST(errors_in(made) == "");
  BOOST_TEST(made.ends_with(
      "  </Role>\n  <NetworkConfiguration>\n    <EndpointAcls>\n"
      "      <EndpointAcl role=\"SplitMergeWeb\" endPoint=\"HttpIn\" accessControl=\"DenyAll\" />\n"
      "      <EndpointAcl role=\"SplitMergeWeb\" endPoint=\"HttpsIn\" accessControl=\"AllowAll\" "
      "/>\n"
      "    </EndpointAcls>\n  </NetworkConfiguration>\n</ServiceConfiguration>\n"));
}

BOOST_AUTO_TEST_CASE(turning_client_certificates_off_is_three_edits_at_once) {
  const auto made =
      config::turn_off_client_certificates(sample(), allow_anonymous_i_accept_the_risk());
  BOOST_REQUIRE(accepted(made));
  auto expected = sample_with("ForClientCertificates\" value=\"true\"",
                              "ForClientCertificates\" value=\"false\"");
  expected = with(expected, "<Certificate name=\"CA\" thumbprint=\"" + ca,
                  "<Certificate name=\"CA\" thumbprint=\"" + ssl);
  BOOST_TEST(made->text() == expected);
  BOOST_TEST(errors_in(made->text()) == "");
  BOOST_TEST(config::check(made->text()).findings.has(rule::client_certificates_off));
}

BOOST_AUTO_TEST_CASE(turning_them_on_again_sets_the_authority_in_both_places) {
  const auto off =
      config::turn_off_client_certificates(sample(), allow_anonymous_i_accept_the_risk());
  BOOST_REQUIRE(accepted(off));
  const auto on = config::turn_on_client_certificates(off->text(), other_ca);
  BOOST_REQUIRE(accepted(on));
  BOOST_TEST(on->text() == sample_with(ca, other_ca));
  BOOST_TEST(errors_in(on->text()) == "");
}

BOOST_AUTO_TEST_CASE(turning_off_repairs_a_half_done_change) {
  const auto half = sample_with("SetupWebAppForClientCertificates\" value=\"true\"",
                                "SetupWebAppForClientCertificates\" value=\"false\"");
  const auto made = config::turn_off_client_certificates(half, allow_anonymous_i_accept_the_risk());
  BOOST_REQUIRE(accepted(made));
  BOOST_TEST(errors_in(made->text()) == "");
}

BOOST_AUTO_TEST_CASE(turning_off_without_a_usable_ssl_certificate_is_refused) {
  constexpr auto known = allow_anonymous_i_accept_the_risk();
  BOOST_TEST(refused_as(errc::configuration_invalid,
                        config::turn_off_client_certificates(sample_with(ssl, ""), known)));
  BOOST_TEST(refused_as(errc::not_found, config::turn_off_client_certificates(
                                             sample_with("name=\"SSL\"", "name=\"TLS\""), known)));
  BOOST_TEST(refused_as(errc::not_found, config::turn_off_client_certificates(
                                             "<ServiceConfiguration serviceName='s'/>", known)));
  BOOST_TEST(
      refused_as(errc::configuration_invalid, config::turn_off_client_certificates("<a", known)));
  BOOST_TEST(
      refused_as(errc::invalid_argument, config::turn_on_client_certificates(sample(), "short")));
}

BOOST_AUTO_TEST_CASE(the_connection_string_leaves_the_text_only_as_a_secret) {
  const auto text = sample_with("Integrated Security=true", "Password=&quot;a&amp;b&quot;");
  const auto read = config::read_secret_setting(text, "SplitMergeWorker");
  BOOST_REQUIRE(accepted(read));
  const keywarden::plaintext shown =
      keywarden::plaintext::copy_of(keywarden::detail::view_of(*read));
  BOOST_TEST(shown.text() == "Server=metadata.example;Database=SplitMerge;Password=\"a&b\"");
  BOOST_TEST(refused_as(errc::not_found, config::read_secret_setting(text, "Nobody")));
  BOOST_TEST(
      refused_as(errc::not_found, config::read_secret_setting(text, "SplitMergeWorker", "Other")));
  BOOST_TEST(refused_as(errc::configuration_invalid,
                        config::read_secret_setting("<a>", "SplitMergeWorker")));
}

BOOST_AUTO_TEST_CASE(a_description_says_who_may_what_and_never_the_connection_string) {
  const auto made = config::describe(config::check(sample()).configuration);
  for (const std::string_view said :
       {"### SplitMergeWeb / HttpIn\n\nRules: DenyAll\n\n1. deny everybody\n",
        "1. permit 100.100.0.0/16 (The office)\n2. deny 0.0.0.0/0 (Everybody else)\n3. deny "
        "everybody else (implied)\n",
        "- Requests at once from one host: not limited\n",
        "- Requests of one host in a time: at most 100 in 2000 ms\n",
        "- Beyond a limit: AbortRequest (no answer)\n",
        "- Client certificates: required; 2 allowed\n", "- Revocation: NoCheck\n",
        "- ElasticScaleMetadata: set (not shown)\n",
        "- Certificate SSL: 3B7E6A15D09C4F2281E5B6A7C0D4F39E8A2B1C66\n"})
    BOOST_TEST(made.find(said) != std::string::npos, said);
  BOOST_TEST(made.find("metadata.example") == std::string::npos);
  const auto odd =
      config::describe(config::check(sample_with("The office", "&#x202E;*x*")).configuration);
  BOOST_TEST(odd.find("\xE2\x80\xAE") == std::string::npos);
  BOOST_TEST(odd.find("\\*x\\*") != std::string::npos);
  const auto off =
      config::turn_off_client_certificates(sample(), allow_anonymous_i_accept_the_risk());
  BOOST_TEST(config::describe(config::check(off->text()).configuration)
                 .find("off: whoever can reach the service is served") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(files_are_bounded_and_keep_their_permissions) {
  const scratch folder;
  const auto path = folder / "x.cscfg";
  BOOST_TEST(refused_as(errc::not_found, config::read_file(path)));
  BOOST_TEST(accepted(config::write_file(path, sample())));
  struct ::stat status {};
  BOOST_REQUIRE_EQUAL(::stat(path.c_str(), &status), 0);
  BOOST_TEST((status.st_mode & 0777U) == 0600U);
  BOOST_REQUIRE_EQUAL(::chmod(path.c_str(), 0640), 0);
  BOOST_TEST(accepted(config::write_file(path, sample_with("\"100\"", "\"200\""))));
  BOOST_REQUIRE_EQUAL(::stat(path.c_str(), &status), 0);
  BOOST_TEST((status.st_mode & 0777U) == 0640U);
  const auto read = config::read_file(path);
  BOOST_REQUIRE(accepted(read));
  BOOST_TEST(read->text() == sample_with("\"100\"", "\"200\""));
  BOOST_TEST(refused_as(errc::limit_exceeded,
                        config::write_file(path, std::string((1U << 20U) + 1, ' '))));
  std::ofstream(folder / "large") << std::string((1U << 20U) + 1, ' ');
  BOOST_TEST(refused_as(errc::limit_exceeded, config::read_file(folder / "large")));
  BOOST_TEST(refused_as(errc::store_corrupt, config::read_file(folder.path())));
}

boost::test_tools::assertion_result as_root(boost::unit_test::test_unit_id) {
  boost::test_tools::assertion_result root(::geteuid() == 0);
  if (!root) root.message() << "only root gives files away";
  return root;
}
constexpr ::uid_t service_user = 54321;
constexpr ::gid_t service_group = 54322;

BOOST_AUTO_TEST_CASE(a_file_that_is_written_by_root_keeps_its_owner,
                     *boost::unit_test::precondition(as_root)) {
  const scratch folder;
  const auto path = folder / "x.cscfg";
  BOOST_REQUIRE(accepted(config::write_file(path, sample())));
  BOOST_REQUIRE_EQUAL(::chown(path.c_str(), service_user, service_group), 0);
  BOOST_REQUIRE_EQUAL(::chmod(path.c_str(), 0640), 0);
  BOOST_TEST(accepted(config::write_file(path, sample_with("\"100\"", "\"200\""))));
  struct ::stat status {};
  BOOST_REQUIRE_EQUAL(::stat(path.c_str(), &status), 0);
  BOOST_TEST(status.st_uid == service_user);
  BOOST_TEST(status.st_gid == service_group);
  BOOST_TEST((status.st_mode & 07777U) == 0640U);
}

BOOST_AUTO_TEST_CASE(a_file_whose_group_cannot_be_kept_is_for_its_owner_alone,
                     *boost::unit_test::precondition(as_root)) {
  const scratch folder;
  const auto path = folder / "x.cscfg";
  BOOST_REQUIRE(accepted(config::write_file(path, sample())));
  BOOST_REQUIRE_EQUAL(::chmod(folder.path().c_str(), 0777), 0);
  BOOST_REQUIRE_EQUAL(::chmod(path.c_str(), 0664), 0);  // root's
  const auto child = ::fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    if (::setgroups(0, nullptr) != 0 || ::setgid(service_group) != 0 || ::setuid(service_user) != 0)
      ::_exit(2);
    ::_exit(config::write_file(path, sample_with("\"100\"", "\"200\"")) ? 0 : 1);
  }
  int ended = 0;
  ::waitpid(child, &ended, 0);
  BOOST_REQUIRE(WIFEXITED(ended));
  BOOST_TEST(WEXITSTATUS(ended) == 0);
  struct ::stat status {};
  BOOST_REQUIRE_EQUAL(::stat(path.c_str(), &status), 0);
  BOOST_TEST(status.st_uid == service_user);
  BOOST_TEST((status.st_mode & 07777U) == 0600U);
}

BOOST_AUTO_TEST_CASE(a_symbolic_link_gives_its_file_neither_permissions_nor_owner) {
  const scratch folder;
  const auto path = folder / "x.cscfg";
  std::ofstream(folder / "open") << "elsewhere";
  BOOST_REQUIRE_EQUAL(::chmod((folder / "open").c_str(), 0666), 0);
  std::filesystem::create_symlink("open", path);
  BOOST_TEST(accepted(config::write_file(path, sample())));
  struct ::stat status {};
  BOOST_REQUIRE_EQUAL(::lstat(path.c_str(), &status), 0);
  BOOST_TEST(S_ISREG(status.st_mode));
  BOOST_TEST((status.st_mode & 07777U) == 0600U);
  BOOST_TEST(std::filesystem::file_size(folder / "open") == 9U);
}

BOOST_AUTO_TEST_CASE(a_writer_that_is_killed_leaves_the_old_file_or_the_new_one) {
  const scratch folder(scratch::on::memory);
  const auto path = folder / "x.cscfg";
  const auto large = [](char each) {
    return sample() + "<!--" + std::string(200'000, each) + "-->";
  };
  const auto old = large('a');
  const auto changed = large('b');
  BOOST_REQUIRE(accepted(config::write_file(path, old)));
  for (unsigned round = 0; round < 40; ++round) {
    const auto child = ::fork();
    BOOST_REQUIRE(child >= 0);
    if (child == 0)
      for (bool turn = false;; turn = !turn)
        if (!config::write_file(path, turn ? old : changed)) ::_exit(1);
    ::usleep(500 + 137 * round);
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    BOOST_REQUIRE(WIFSIGNALED(status));
    const auto read = config::read_file(path);
    BOOST_REQUIRE(accepted(read));
    BOOST_REQUIRE((read->text() == old || read->text() == changed));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace edit_test
