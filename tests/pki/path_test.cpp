// Judging a peer's certificate: every way of being wrong has its own refusal.
#include <keywarden/pki/path.hpp>

#include <boost/test/unit_test.hpp>

#include <botan/ec_group.h>
#include <botan/ecdsa.h>
#include <botan/rsa.h>
#include <botan/system_rng.h>

#include "pki/fixture.hpp"

namespace keywarden::pki {
namespace path_test {

using namespace std::chrono_literals;
using testing::accepted;
using testing::day;
using testing::noon;
using testing::office_of_certificates;
using testing::refused_as;
using enum certificate_purpose;

/// A certificate as its issuer should not have made it.
certificate odd(const signing_key& issuer_key, const certificate& issuer, const signing_key& key,
                const std::function<void(Botan::Extensions&)>& change, std::string_view hash = {}) {
  Botan::Extensions extensions;
  extensions.add(
      std::make_unique<Botan::Cert_Extension::Authority_Key_ID>(issuer.x509().subject_key_id()));
  change(extensions);
  auto& random = Botan::system_rng();
  const auto signer = Botan::X509_Object::choose_sig_format(
      *issuer_key.botan(), random,
      hash.empty() ? detail::signature_hash(*issuer_key.botan()) : hash, "");
  Botan::X509_DN subject;
  subject.add_attribute("X520.CommonName", "odd");
  return certificate::adopt(Botan::X509_CA::make_cert(
      *signer, random, signer->algorithm_identifier(), key.botan()->subject_public_key(),
      Botan::X509_Time(noon - day), Botan::X509_Time(noon + day), issuer.x509().subject_dn(),
      subject, extensions));
}
void add_uses(Botan::Extensions& to, const std::vector<std::string>& uses) {
  std::vector<Botan::OID> all;
  for (const auto& each : uses) all.push_back(Botan::OID::from_string(each));
  to.add(std::make_unique<Botan::Cert_Extension::Extended_Key_Usage>(all));
}

/// A certificate that says it was issued by `issuer` for `key`, with a signature that is rubbish.
certificate unsigned_by(const certificate& issuer, const Botan::Public_Key& key,
                        std::string_view name = "odd", bool authority = false) {
  static const auto stranger = signing_key::generate().value();
  Botan::Extensions extensions;
  extensions.add(
      std::make_unique<Botan::Cert_Extension::Authority_Key_ID>(issuer.x509().subject_key_id()));
  extensions.add(std::make_unique<Botan::Cert_Extension::Subject_Key_ID>(bytes(20, 0x42)));
  if (authority)
    extensions.add(std::make_unique<Botan::Cert_Extension::Basic_Constraints>(
                       true, std::optional<std::size_t>(7)),
                   true);
  auto& random = Botan::system_rng();
  const auto signer =
      Botan::X509_Object::choose_sig_format(*stranger.botan(), random, "SHA-256", "");
  Botan::X509_DN subject;
  subject.add_attribute("X520.CommonName", name);
  return certificate::adopt(Botan::X509_CA::make_cert(
      *signer, random, signer->algorithm_identifier(), key.subject_public_key(),
      Botan::X509_Time(noon - day), Botan::X509_Time(noon + day), issuer.x509().subject_dn(),
      subject, extensions));
}
/// A public key of this size; nobody has its private half.
Botan::RSA_PublicKey costly_rsa(std::size_t bits, std::size_t exponent_bits) {
  const auto odd_number = [](std::size_t size) {
    Botan::BigInt made(Botan::system_rng(), size);
    made.set_bit(0);
    return made;
  };
  return {odd_number(bits), odd_number(exponent_bits)};
}

/// An authority whose key the test holds.
struct open_authority {
  signing_key key = signing_key::generate().value();
  certificate own = [this] {
    auto plan = detail::plan_of({"open", {}, {}, noon - day, noon + 100 * day}, noon).value();
    plan.authority = true;
    plan.path_length = 0;
    return detail::sign_certificate(key, nullptr, *key.botan(), plan).value();
  }();
  trust_anchors anchors = trust_anchors::of({own}).value();
  signing_key leaf_key = signing_key::generate().value();

  [[nodiscard]] result<verified_path> judge(const certificate& leaf) const {
    return judge_path(std::vector{leaf}, anchors, server, revocation::no_check(), {}, noon);
  }
  [[nodiscard]] result<verified_path> judge(
      const std::function<void(Botan::Extensions&)>& change) const {
    return judge(odd(key, own, leaf_key, change));
  }
};

BOOST_AUTO_TEST_SUITE(paths)

BOOST_AUTO_TEST_CASE(a_leaf_that_leads_to_an_anchor_is_good_until_its_first_end) {
  const office_of_certificates all;
  const auto leaf = all.leaf();
  const auto good = all.judge(leaf.chain).value();
  BOOST_TEST(good.certificates().size() == 3U);
  BOOST_TEST((good.leaf() == leaf.chain.front()));
  BOOST_TEST((good.anchor() == all.root.certificate()));
  BOOST_TEST((good.valid_until() == leaf.chain.front().not_after()));
  BOOST_TEST(good.anchors_generation() == all.anchors.generation());
}

BOOST_AUTO_TEST_CASE(the_order_of_what_leads_to_the_anchor_does_not_matter) {
  const office_of_certificates all;
  auto chain = all.leaf().chain;
  chain.push_back(all.root.certificate());
  std::swap(chain[1], chain[2]);
  BOOST_TEST(accepted(all.judge(chain)));
}

BOOST_AUTO_TEST_CASE(an_intermediate_authority_can_be_the_only_anchor) {
  const office_of_certificates all;
  const auto narrow = trust_anchors::of({all.below.certificate()}).value();
  const auto of_root = all.root.issue_identity({"db9"}, both, noon).value();
  const auto judge = [&](const identity& who) {
    return judge_path(who.chain, narrow, server, revocation::no_check(), {}, noon);
  };
  BOOST_TEST(accepted(judge(all.leaf())));
  BOOST_TEST(refused_as(errc::certificate_untrusted, judge(of_root)));
}

BOOST_AUTO_TEST_CASE(nothing_and_too_much_are_refused) {
  const office_of_certificates all;
  BOOST_TEST(refused_as(errc::peer_unproven, all.judge({})));
  auto chain = all.leaf().chain;
  while (chain.size() < 8) chain.push_back(all.below.certificate());
  BOOST_TEST(accepted(all.judge(chain)));
  chain.push_back(all.below.certificate());
  BOOST_TEST(refused_as(errc::limit_exceeded, all.judge(chain)));
}

BOOST_AUTO_TEST_CASE(a_leaf_of_another_authority_is_untrusted) {
  const office_of_certificates all;
  const office_of_certificates others;  // the same names, other keys
  BOOST_TEST(refused_as(errc::certificate_untrusted, all.judge(others.leaf().chain)));
  auto mixed = others.leaf().chain;
  mixed[1] = all.below.certificate();
  BOOST_TEST(refused_as(errc::certificate_untrusted, all.judge(mixed)));
  BOOST_TEST(refused_as(
      errc::certificate_untrusted,
      judge_path(all.leaf().chain, trust_anchors(), server, revocation::no_check(), {}, noon)));
}

BOOST_AUTO_TEST_CASE(a_leaf_without_its_intermediate_authority_is_untrusted) {
  const office_of_certificates all;
  BOOST_TEST(refused_as(errc::certificate_untrusted, all.judge({all.leaf().chain.front()})));
}

BOOST_AUTO_TEST_CASE(a_self_signed_leaf_is_untrusted_and_never_an_anchor) {
  const office_of_certificates all;
  const auto own = make_self_signed(signing_key::generate().value(), {"db1"}, noon).value();
  BOOST_TEST(refused_as(errc::certificate_untrusted, all.judge({own})));
  const auto refusal = trust_anchors::of({all.root.certificate(), own});
  BOOST_REQUIRE(refused_as(errc::certificate_usage, refusal));
  BOOST_TEST(refusal.error().value_of(fact::name) == own.subject());
}

BOOST_AUTO_TEST_CASE(an_altered_signature_is_untrusted) {
  const office_of_certificates all;
  auto chain = all.leaf().chain;
  auto der = chain.front().der();
  der.back() ^= 1U;
  chain.front() = certificate::from_der(der).value();
  BOOST_TEST(refused_as(errc::certificate_untrusted, all.judge(chain)));
}

BOOST_AUTO_TEST_CASE(expired_and_not_yet_valid_are_told_apart_with_the_date) {
  const office_of_certificates all;
  const auto leaf = all.leaf();
  const revocation::no_check none;
  const auto at = [&](time_point now) { return all.judge(leaf.chain, server, none, now); };
  BOOST_TEST(accepted(at(noon + 365 * day)));
  const auto expired = at(noon + 365 * day + 1s);
  BOOST_REQUIRE(refused_as(errc::certificate_expired, expired));
  BOOST_TEST(expired.error().value_of(fact::date) == "2027-03-01T12:00:00Z");
  BOOST_TEST(expired.error().value_of(fact::name) == to_text(leaf.chain.front().fingerprint()));
  const auto early = at(noon - 1s);
  BOOST_REQUIRE(refused_as(errc::certificate_not_yet_valid, early));
  BOOST_TEST(early.error().value_of(fact::date) == "2026-03-01T12:00:00Z");
}

BOOST_AUTO_TEST_CASE(an_expired_intermediate_authority_and_an_expired_anchor_are_named) {
  // Leaves that outlive their authority are not issued here: such a one comes from elsewhere.
  const open_authority issuer;
  const auto leaf = odd(issuer.key, issuer.own, issuer.leaf_key,
                        [](auto& extensions) { add_uses(extensions, {"PKIX.ServerAuth"}); });
  const auto late = judge_path(std::vector{leaf}, issuer.anchors, server, revocation::no_check(),
                               {}, noon + 101 * day);
  BOOST_REQUIRE(refused_as(errc::certificate_expired, late));
  const office_of_certificates all;
  BOOST_TEST(
      refused_as(errc::certificate_expired,
                 all.judge(all.leaf().chain, server, revocation::no_check(), noon + 1001 * day)));
}

BOOST_AUTO_TEST_CASE(a_leaf_of_an_untrusted_authority_does_not_become_expired) {
  const office_of_certificates all;
  const office_of_certificates others;
  BOOST_TEST(
      refused_as(errc::certificate_untrusted,
                 all.judge(others.leaf().chain, server, revocation::no_check(), noon + 500 * day)));
}

BOOST_AUTO_TEST_CASE(each_purpose_needs_its_own_usage) {
  const office_of_certificates all;
  for (const auto given : {server, client, both})
    for (const auto asked : {server, client, both}) {
      const bool enough = (static_cast<unsigned>(given) & static_cast<unsigned>(asked)) ==
                          static_cast<unsigned>(asked);
      const auto outcome = all.judge(all.leaf(given).chain, asked);
      BOOST_TEST((enough ? accepted(outcome) : refused_as(errc::certificate_usage, outcome)));
    }
}

BOOST_AUTO_TEST_CASE(no_usage_or_any_usage_is_not_enough) {
  const open_authority issuer;
  BOOST_TEST(
      accepted(issuer.judge([](auto& extensions) { add_uses(extensions, {"PKIX.ServerAuth"}); })));
  BOOST_TEST(refused_as(errc::certificate_usage, issuer.judge([](auto&) {})));
  BOOST_TEST(refused_as(errc::certificate_usage, issuer.judge([](auto& extensions) {
    add_uses(extensions, {"X509v3.AnyExtendedKeyUsage"});
  })));
  BOOST_TEST(refused_as(errc::certificate_usage, issuer.judge([](auto& extensions) {
    add_uses(extensions, {"PKIX.OCSPSigning"});
  })));
}

BOOST_AUTO_TEST_CASE(a_key_that_does_not_sign_is_not_for_handshakes) {
  const open_authority issuer;
  BOOST_TEST(refused_as(errc::certificate_usage, issuer.judge([](auto& extensions) {
    add_uses(extensions, {"PKIX.ServerAuth"});
    extensions.add(std::make_unique<Botan::Cert_Extension::Key_Usage>(
                       Botan::Key_Constraints(Botan::Key_Constraints::KeyAgreement)),
                   true);
  })));
}

BOOST_AUTO_TEST_CASE(an_authority_is_no_endpoint) {
  const office_of_certificates all;
  BOOST_TEST(refused_as(errc::certificate_usage, all.judge({all.below.certificate()})));
  BOOST_TEST(refused_as(errc::certificate_usage, all.judge({all.root.certificate()})));
  const open_authority issuer;
  BOOST_TEST(refused_as(errc::certificate_usage, issuer.judge([](auto& extensions) {
    extensions.add(std::make_unique<Botan::Cert_Extension::Basic_Constraints>(
                       true, std::optional<std::size_t>(0)),
                   true);
    add_uses(extensions, {"PKIX.ServerAuth"});
  })));
}

BOOST_AUTO_TEST_CASE(a_leaf_does_not_issue) {
  const office_of_certificates all;
  const auto forger = all.leaf();
  const auto key = signing_key::generate().value();
  const auto forged = odd(*forger.key, forger.chain.front(), key,
                          [](auto& extensions) { add_uses(extensions, {"PKIX.ServerAuth"}); });
  auto chain = forger.chain;
  chain.insert(chain.begin(), forged);
  BOOST_TEST(refused_as(errc::certificate_untrusted, all.judge(chain)));
}

BOOST_AUTO_TEST_CASE(a_path_longer_than_its_authority_allows_is_untrusted) {
  const open_authority issuer;  // path length 0
  const auto middle = odd(issuer.key, issuer.own, issuer.leaf_key, [](auto& extensions) {
    extensions.add(std::make_unique<Botan::Cert_Extension::Basic_Constraints>(
                       true, std::optional<std::size_t>(0)),
                   true);
  });
  const auto key = signing_key::generate().value();
  const auto leaf = odd(issuer.leaf_key, middle, key,
                        [](auto& extensions) { add_uses(extensions, {"PKIX.ServerAuth"}); });
  BOOST_TEST(refused_as(errc::certificate_untrusted,
                        judge_path(std::vector{leaf, middle}, issuer.anchors, server,
                                   revocation::no_check(), {}, noon)));
}

BOOST_AUTO_TEST_CASE(weak_keys_and_hashes_are_untrusted) {
  const open_authority issuer;
  Botan::Extensions none;
  const Botan::RSA_PrivateKey weak(Botan::system_rng(), 1024);
  auto plan = detail::plan_of({"weak"}, noon).value();
  const auto leaf = detail::sign_certificate(issuer.key, &issuer.own.x509(), weak, plan).value();
  const auto refusal = issuer.judge(leaf);
  BOOST_REQUIRE(refused_as(errc::certificate_untrusted, refusal));
  BOOST_TEST(refusal.error().value_of(fact::reason) == "its key is too short");
}

// What a stranger may cost

BOOST_AUTO_TEST_CASE(keys_that_are_costly_to_verify_with_are_refused_before_any_signature) {
  const open_authority issuer;
  const auto p521 =
      Botan::ECDSA_PrivateKey(Botan::system_rng(), Botan::EC_Group::from_name("secp521r1"));
  const std::string kinds = "its key is not P-256, P-384, RSA of 2048 to 8192 bits, Ed25519";
  const auto judged = [&](const std::vector<certificate>& chain) {
    return judge_path(chain, issuer.anchors, server, revocation::no_check(), {}, noon);
  };
  const auto check = [&](const Botan::Public_Key& key, std::string_view reason) {
    const auto leaf = judged({unsigned_by(issuer.own, key)});
    BOOST_REQUIRE(refused_as(errc::certificate_untrusted, leaf));
    BOOST_TEST(leaf.error().value_of(fact::reason) == reason);
    const auto middle = unsigned_by(issuer.own, key, "middle", true);
    const auto below = judged({unsigned_by(middle, *issuer.leaf_key.botan()), middle});
    BOOST_REQUIRE(refused_as(errc::certificate_untrusted, below));
    BOOST_TEST(below.error().value_of(fact::reason) == reason);
  };
  check(costly_rsa(16384, 256), kinds);
  check(costly_rsa(8200, 17), kinds);
  check(costly_rsa(2048, 256), "its key's exponent is larger than 64 bits");
  check(costly_rsa(1024, 17), "its key is too short");
  check(p521, kinds);
  // Those that are taken come as far as their signature, which is rubbish.
  for (const auto& key :
       {signing_key::generate().value(), signing_key::generate<ecdsa_p384>().value(),
        signing_key::generate<ed25519>().value()}) {
    const auto refusal = judged({unsigned_by(issuer.own, *key.botan())});
    BOOST_REQUIRE(refused_as(errc::certificate_untrusted, refusal));
    BOOST_TEST(refusal.error().value_of(fact::reason) != kinds);
  }
  BOOST_TEST(!detail::reason_against_key(unsigned_by(issuer.own, costly_rsa(8192, 64)).x509()));
  BOOST_TEST(!detail::reason_against_key(unsigned_by(issuer.own, costly_rsa(2048, 17)).x509()));
}

BOOST_AUTO_TEST_CASE(of_certificates_that_may_have_issued_each_other_one_path_is_tried) {
  const open_authority issuer;
  const auto& key = *issuer.leaf_key.botan();
  // Seven under one name, each as well issued by the name as by the anchor.
  const auto ring = unsigned_by(issuer.own, key, "ring", true);
  std::vector<certificate> chain{unsigned_by(ring, key)};
  for (int i = 0; i < 3; ++i) chain.push_back(unsigned_by(ring, key, "ring", true));
  for (int i = 0; i < 4; ++i) chain.push_back(unsigned_by(issuer.own, key, "ring", true));
  const auto way = detail::shortest_way(chain, issuer.anchors);
  BOOST_REQUIRE(way.size() == 2U);
  BOOST_TEST((way[0] == chain[0].x509()));
  BOOST_TEST((way[1] == chain[4].x509()));
  chain.erase(chain.begin() + 4, chain.end());  // a ring without a way out
  BOOST_TEST(detail::shortest_way(chain, issuer.anchors).empty());
  const auto refusal = judge_path(chain, issuer.anchors, server, revocation::no_check(), {}, noon);
  BOOST_REQUIRE(refused_as(errc::certificate_untrusted, refusal));
  BOOST_TEST(refusal.error().value_of(fact::reason) ==
             "no trust anchor issued it or what came with it");
}

BOOST_AUTO_TEST_CASE(a_stranger_does_not_write_its_own_names_into_a_refusal) {
  const open_authority issuer;
  const office_of_certificates others;
  const std::string evil = "evil\n" + std::string(50, 'x');
  const auto leaf = unsigned_by(issuer.own, *issuer.leaf_key.botan(), evil);
  for (const auto* anchors : {&issuer.anchors, &others.anchors}) {
    const auto refusal =
        judge_path(std::vector{leaf}, *anchors, server, revocation::no_check(), {}, noon);
    BOOST_REQUIRE(refused_as(errc::certificate_untrusted, refusal));
    BOOST_TEST(refusal.error().value_of(fact::name) == to_text(leaf.fingerprint()));
    BOOST_TEST(refusal.error().message().find("evil") == std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(an_unknown_critical_extension_is_untrusted) {
  const open_authority issuer;
  BOOST_TEST(refused_as(errc::certificate_untrusted, issuer.judge([](auto& extensions) {
    add_uses(extensions, {"PKIX.ServerAuth"});
    extensions.add(std::make_unique<Botan::Cert_Extension::Unknown_Extension>(
                       Botan::OID::from_string("1.2.3.4.5"), true),
                   true);
  })));
}

BOOST_AUTO_TEST_CASE(the_expected_name_is_compared_with_alternative_names_only) {
  const office_of_certificates all;
  const auto id = all.below
                      .issue_identity({"cn.example.org",
                                       {"db1.example.org", "*.db.example.org"},
                                       {"192.0.2.7", "2001:db8::7"}},
                                      both, noon)
                      .value();
  const auto named = [&](std::string_view name) {
    return all.judge(id.chain, server, revocation::no_check(), noon, {}, name);
  };
  for (const std::string_view good :
       {"db1.example.org", "DB1.EXAMPLE.ORG", "a.db.example.org", "192.0.2.7", "2001:db8:0::7", ""})
    BOOST_TEST(accepted(named(good)));
  for (const std::string_view other :
       {"cn.example.org", "db2.example.org", "db.example.org", "a.b.db.example.org", "192.0.2.8",
        "2001:db8::8", "*.db.example.org", "db1.example.org.", " ", "db1.example.org\n"})
    BOOST_TEST_CONTEXT(other) {
      const auto refusal = named(other);
      BOOST_REQUIRE(refused_as(errc::certificate_usage, refusal));
      BOOST_TEST(refusal.error().value_of(fact::peer) == other);
    }
  BOOST_TEST(refused_as(errc::certificate_usage,
                        all.judge(all.leaf(both, "db1.example.org").chain, server,
                                  revocation::no_check(), noon, {}, "db1.example.org")));
}

BOOST_AUTO_TEST_CASE(a_wildcard_for_a_part_of_a_label_names_nobody) {
  const open_authority issuer;
  const auto leaf = odd(issuer.key, issuer.own, issuer.leaf_key, [](auto& extensions) {
    add_uses(extensions, {"PKIX.ServerAuth"});
    Botan::AlternativeName names;
    names.add_dns(*Botan::DNSName::from_san_string("db*.example.org"));
    extensions.add(std::make_unique<Botan::Cert_Extension::Subject_Alternative_Name>(names));
  });
  BOOST_TEST(refused_as(errc::certificate_usage,
                        judge_path(std::vector{leaf}, issuer.anchors, server,
                                   revocation::no_check(), {}, noon, "db1.example.org")));
}

BOOST_AUTO_TEST_CASE(every_set_of_anchors_has_a_generation_of_its_own) {
  const office_of_certificates all;
  const auto again = trust_anchors::of({all.root.certificate()}).value();
  const auto copy = again;
  BOOST_TEST(again.generation() != all.anchors.generation());
  BOOST_TEST(copy.generation() == again.generation());
  BOOST_TEST(refused_as(errc::limit_exceeded,
                        trust_anchors::of(std::vector<certificate>(1025, all.root.certificate()))));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace path_test

}  // namespace keywarden::pki
