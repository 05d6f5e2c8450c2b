// An authority: what it issues, and what it refuses to.
#include <keywarden/pki/authority.hpp>

#include <boost/test/unit_test.hpp>

#include "pki/fixture.hpp"

namespace keywarden::pki {
namespace authority_test {

using namespace std::chrono_literals;
using testing::accepted;
using testing::day;
using testing::noon;
using testing::office_of_certificates;
using testing::refused_as;
using enum certificate_purpose;

template <class Algorithm>
void issues_leaves() {
  auto root = authority::make_root<Algorithm>({"root"}, noon).value();
  const auto anchors = trust_anchors::of({root.certificate()}).value();
  const auto leaf = root.issue_identity({"db1"}, both, noon).value();
  BOOST_TEST(leaf.key->belongs_to(leaf.chain.front()));
  BOOST_TEST(accepted(judge_path(leaf.chain, anchors, both, revocation::no_check(), {}, noon)));
  const revocation::offline lists(
      revocation_snapshot::of(std::vector{root.issue_list(noon).value()}).value());
  BOOST_TEST(accepted(judge_path(leaf.chain, anchors, both, lists, {}, noon)));
}

BOOST_AUTO_TEST_SUITE(authorities)

BOOST_AUTO_TEST_CASE(authorities_of_every_algorithm_issue_leaves_and_lists) {
  issues_leaves<ecdsa_p256>();
  issues_leaves<ecdsa_p384>();
  issues_leaves<ed25519>();
  issues_leaves<rsa<>>();
}

BOOST_AUTO_TEST_CASE(a_root_says_what_it_is) {
  const auto root = authority::make_root({"root", {"ignored.example.org"}}, noon, 3).value();
  const auto& x509 = root.certificate().x509();
  BOOST_TEST(root.certificate().is_authority());
  BOOST_TEST(root.certificate().is_self_signed());
  BOOST_TEST(x509.path_length_constraint().value() == 3U);
  BOOST_TEST((x509.constraints() == Botan::Key_Constraints::ca_constraints()));
  BOOST_TEST(x509.extended_key_usage().empty());
  BOOST_TEST(!x509.subject_alt_name().has_items());
}

BOOST_AUTO_TEST_CASE(a_certificate_is_issued_for_a_public_key_alone) {
  const office_of_certificates all;
  const auto key = signing_key::generate<ecdsa_p384>().value();
  const auto leaf =
      all.below.issue({"db1"}, key.botan()->subject_public_key(), client, noon).value();
  BOOST_TEST(key.belongs_to(leaf));
  BOOST_TEST(accepted(all.judge({leaf, all.below.certificate()}, client)));
  BOOST_TEST(refused_as(errc::malformed, all.below.issue({"db1"}, bytes{}, client, noon)));
  BOOST_TEST(refused_as(errc::malformed, all.below.issue({"db1"}, bytes{1, 2}, client, noon)));
}

BOOST_AUTO_TEST_CASE(keys_that_no_endpoint_uses_get_no_certificate) {
  const office_of_certificates all;
  BOOST_TEST(
      refused_as(errc::unsupported_suite,
                 all.below.issue({"x"}, signing_key::generate<ed25519>().value(), both, noon)));
  const Botan::RSA_PrivateKey weak(Botan::system_rng(), 1024);
  BOOST_TEST(refused_as(errc::unsupported_suite,
                        all.below.issue({"x"}, weak.subject_public_key(), both, noon)));
}

BOOST_AUTO_TEST_CASE(nothing_outlives_its_authority) {
  const auto root = authority::make_root({"root", {}, {}, noon, noon + 100 * day}, noon).value();
  const auto leaf = root.issue_identity({"db1"}, both, noon).value();
  BOOST_TEST((leaf.chain.front().not_after() == noon + 100 * day));
  BOOST_TEST(refused_as(errc::invalid_argument,
                        root.issue_identity({"db1", {}, {}, noon, noon + 101 * day}, both, noon)));
  BOOST_TEST(
      refused_as(errc::invalid_argument, root.issue_identity({"db1"}, both, noon + 100 * day)));
  BOOST_TEST((root.make_intermediate({"below"}, noon).value().certificate().not_after() ==
              noon + 100 * day));
}

BOOST_AUTO_TEST_CASE(the_last_authority_allowed_has_none_below_it) {
  const office_of_certificates all;  // root 1, below 0
  BOOST_TEST(all.below.certificate().x509().path_length_constraint().value() == 0U);
  BOOST_TEST(refused_as(errc::certificate_usage, all.below.make_intermediate({"deeper"}, noon)));
}

BOOST_AUTO_TEST_CASE(an_authority_is_made_again_from_its_identity_only) {
  const auto key = std::make_shared<const signing_key>(signing_key::generate().value());
  auto plan = detail::plan_of({"root"}, noon).value();
  const auto plain = detail::sign_certificate(*key, nullptr, *key->botan(), plan).value();
  plan.authority = true;
  const auto own = detail::sign_certificate(*key, nullptr, *key->botan(), plan).value();
  BOOST_TEST(accepted(authority::of({{own}, key})));
  BOOST_TEST(refused_as(errc::certificate_usage, authority::of({{plain}, key})));
  const auto other = std::make_shared<const signing_key>(signing_key::generate().value());
  BOOST_TEST(refused_as(errc::invalid_argument, authority::of({{own}, other})));
  BOOST_TEST(refused_as(errc::invalid_argument, authority::of({{}, key})));
  BOOST_TEST(refused_as(errc::invalid_argument, authority::of({{own}, nullptr})));
}

BOOST_AUTO_TEST_CASE(a_list_is_current_for_seven_days_by_default) {
  office_of_certificates all;
  const auto list = all.root.issue_list(noon).value();
  BOOST_TEST((list.this_update() == noon));
  BOOST_TEST((list.next_update().value() == noon + 604800s));
  BOOST_TEST(list.size() == 0U);
  BOOST_TEST(list.signed_by(all.root.certificate()));
  BOOST_TEST(!list.signed_by(all.below.certificate()));
  BOOST_TEST(refused_as(errc::invalid_argument, all.root.issue_list(noon, 0s)));
}

BOOST_AUTO_TEST_CASE(only_its_own_certificates_are_revoked) {
  office_of_certificates all;
  BOOST_TEST(
      refused_as(errc::invalid_argument,
                 all.root.revoke(all.leaf().chain[0], revocation_reason::unspecified, noon)));
  for (const std::string_view wrong : {"", "0x12", "xyz", "-1", " 1"})
    BOOST_TEST(
        refused_as(errc::malformed, all.root.revoke(wrong, revocation_reason::unspecified, noon)));
  BOOST_TEST(refused_as(errc::malformed, all.root.revoke(std::string(41, '1'),
                                                         revocation_reason::unspecified, noon)));
  BOOST_TEST(all.root.issue_list(noon).value().size() == 0U);
}

BOOST_AUTO_TEST_CASE(lists_grow_and_go_on_after_a_restart) {
  const auto key = std::make_shared<const signing_key>(signing_key::generate().value());
  auto plan = detail::plan_of({"root"}, noon).value();
  plan.authority = true;
  const auto own = detail::sign_certificate(*key, nullptr, *key->botan(), plan).value();
  auto first = authority::of({{own}, key}).value();
  const auto leaf = first.issue_identity({"db1"}, both, noon).value();
  first.revoke(leaf.chain[0], revocation_reason::superseded, noon).value();
  const auto list = first.issue_list(noon).value();
  BOOST_TEST(list.size() == 1U);

  auto again = authority::of({{own}, key}).value();
  BOOST_TEST(refused_as(errc::certificate_untrusted,
                        again.resume(office_of_certificates().root.issue_list(noon).value())));
  BOOST_TEST(accepted(again.resume(list)));
  again.revoke("0A", revocation_reason::unspecified, noon).value();
  const auto next = again.issue_list(noon + day).value();
  BOOST_TEST(next.size() == 2U);
  BOOST_TEST(next.x509().is_revoked(leaf.chain[0].x509()));
  BOOST_TEST((*next.x509().crl_number_bigint() > *list.x509().crl_number_bigint()));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace authority_test

}  // namespace keywarden::pki
