// Anchors whose own signature is verified once, not at every path.
#include <keywarden/pki/anchor_copy.hpp>

#include <boost/test/unit_test.hpp>

#include "pki/fixture.hpp"

namespace keywarden::testing {
namespace anchor_copy_test {

/// The same certificate with one bit of its signature wrong.
[[nodiscard]] pki::certificate forged(const pki::certificate& of) {
  auto der = of.der();
  der.back() ^= 1U;
  return pki::certificate::from_der(der).value();
}

BOOST_AUTO_TEST_SUITE(anchor_copies)

BOOST_AUTO_TEST_CASE(a_copy_is_alike_but_for_who_issued_it) {
  const office_of_certificates office;
  const auto& root = office.root.certificate().x509();
  const auto copy = pki::detail::anchor_copy(root);
  BOOST_REQUIRE(copy.has_value());
  BOOST_TEST(!copy->is_self_signed());
  BOOST_TEST((copy->subject_dn() == root.subject_dn()));
  BOOST_TEST((copy->issuer_dn() != root.issuer_dn()));
  BOOST_TEST(copy->subject_public_key_info() == root.subject_public_key_info());
  BOOST_TEST(copy->subject_key_id() == root.subject_key_id());
  BOOST_TEST(copy->serial_number() == root.serial_number());
  BOOST_TEST((copy->not_before() == root.not_before() && copy->not_after() == root.not_after()));
  BOOST_TEST(copy->is_CA_cert());
  BOOST_TEST((copy->path_length_constraint() == root.path_length_constraint()));
  BOOST_TEST((copy->constraints() == root.constraints()));
  BOOST_TEST(
      (copy->v3_extensions().get_extension_oids() == root.v3_extensions().get_extension_oids()));
}

BOOST_AUTO_TEST_CASE(only_a_self_signed_authority_has_one) {
  const office_of_certificates office;
  BOOST_TEST(!pki::detail::anchor_copy(office.below.certificate().x509()).has_value());
  BOOST_TEST(!pki::detail::anchor_copy(office.leaf().chain.front().x509()).has_value());
}

BOOST_AUTO_TEST_CASE(a_wrong_signature_of_its_own_is_noticed) {
  const office_of_certificates office;
  const auto wrong = forged(office.root.certificate());
  BOOST_TEST(!pki::detail::anchor_copy(wrong.x509()).has_value());
  const auto leaf = office.leaf();
  const auto anchors = pki::trust_anchors::of({wrong}).value();
  BOOST_TEST(
      refused_as(errc::certificate_untrusted,
                 pki::judge_path(std::span(leaf.chain), anchors, pki::certificate_purpose::server,
                                 pki::revocation::no_check{}, {}, noon)));
}

BOOST_AUTO_TEST_CASE(a_path_ends_with_the_anchor_itself) {
  const office_of_certificates office;
  const auto path = office.judge(office.leaf().chain);
  BOOST_REQUIRE(accepted(path));
  BOOST_TEST((path->anchor() == office.root.certificate()));
  BOOST_TEST(path->anchor().is_self_signed());
}

BOOST_AUTO_TEST_CASE(a_copy_that_a_stranger_makes_and_sends_is_not_trusted) {
  const office_of_certificates office;
  const auto copy =
      pki::certificate::adopt(*pki::detail::anchor_copy(office.root.certificate().x509()));
  BOOST_TEST(refused_as(errc::certificate_untrusted, office.judge({copy})));
  // Along with a good chain it changes nothing.
  auto chain = office.leaf().chain;
  chain.push_back(copy);
  BOOST_TEST(accepted(office.judge(chain)));
  auto wrong = office.leaf().chain;
  wrong.front() = forged(wrong.front());
  wrong.push_back(copy);
  BOOST_TEST(refused_as(errc::certificate_untrusted, office.judge(wrong)));
}

BOOST_AUTO_TEST_CASE(botan_says_the_same_with_and_without_copies) {
  const office_of_certificates office;
  const Botan::Path_Validation_Restrictions restrictions(
      false, 110, false, std::chrono::hours(24 * 7), nullptr, false, false);
  const auto good = office.leaf().chain;
  auto wrong_leaf = good;
  wrong_leaf.front() = forged(good.front());
  auto wrong_middle = good;
  for (auto& each : wrong_middle)
    if (each == office.below.certificate()) each = forged(each);
  const std::vector<std::vector<pki::certificate>> chains = {
      good, wrong_leaf, wrong_middle, {good.front()}, {office.below.certificate()}};
  for (const auto& chain : chains)
    for (const auto at :
         {noon, noon + 400 * day, noon + 1001 * day, noon + 3651 * day, noon - day}) {
      std::vector<Botan::X509_Certificate> shown;
      for (const auto& each : chain) shown.push_back(each.x509());
      const auto by = [&](const Botan::Certificate_Store& store) {
        return Botan::x509_path_validate(shown, restrictions, store, "",
                                         Botan::Usage_Type::UNSPECIFIED, at);
      };
      const auto plain = by(office.anchors.store());
      const auto quick = by(office.anchors.path_store());
      BOOST_TEST((plain.result() == quick.result()));
      BOOST_TEST((plain.all_statuses() == quick.all_statuses()));
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anchor_copy_test
}  // namespace keywarden::testing
