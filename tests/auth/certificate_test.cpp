// Certificates that were exchanged, and the instance's own.
#include <keywarden/auth/certificate.hpp>

#include <boost/test/unit_test.hpp>

#include "auth/fixture.hpp"

namespace keywarden::testing {
namespace certificate_test {

using pinned = auth::certificate<trust::pinned>;

[[nodiscard]] pinned pinning(auth::directory known) {
  return pinned::create(instance("own"), std::move(known), mirroring, admin).value();
}
/// A certificate for one side only, which an authority that nobody trusts issued.
[[nodiscard]] pki::identity for_side(pki::certificate_purpose purpose) {
  static const auto authority =
      pki::authority::make_root({.subject = "unknown root"}, today - 2 * a_day).value();
  return issued(authority, "partner", purpose);
}

BOOST_AUTO_TEST_SUITE(certificate)

// The peer's

BOOST_AUTO_TEST_CASE(the_principal_is_the_certificates_owner) {
  const auto peer = instance("partner");
  const auto with = pinning(connecting(with_partner(peer.chain.front())));
  const auto who = with.judge(showing(peer), today);
  BOOST_REQUIRE(accepted(who));
  BOOST_TEST(
      (*who == auth::principal{"partner_login", "partner_user", peer.chain.front().fingerprint()}));
}

BOOST_AUTO_TEST_CASE(a_certificate_of_the_same_name_and_key_is_another_certificate) {
  auto key = pki::signing_key::generate().value();
  const auto make = [&] {
    return pki::make_self_signed(key, {.subject = "partner"}, today).value();
  };
  const auto with = pinning(connecting(with_partner(make())));
  auth::peer_evidence evidence;
  evidence.chain = {make()};
  const auto refused = with.judge(evidence, today);
  BOOST_TEST(refused_as(errc::peer_unknown, refused));
  BOOST_TEST(refused.error().value_of(fact::peer) == to_text(evidence.chain[0].fingerprint()));
  BOOST_TEST(!refused.error().value_of(fact::next_step).empty());
}

BOOST_AUTO_TEST_CASE(what_is_registered_is_told_by_its_exact_bytes_and_no_welcome) {
  const auto peer = instance("partner");
  const auto& leaf = peer.chain.front();
  const auto with = pinning(with_partner(leaf));  // nobody may connect
  BOOST_TEST_REQUIRE(with.registered(leaf.der()).has_value());
  BOOST_TEST((*with.registered(leaf.der()) == leaf));
  BOOST_TEST(refused_as(errc::not_permitted, with.judge(showing(peer), today)));
  auto changed = leaf.der();
  changed.back() ^= 1U;
  BOOST_TEST(!with.registered(changed).has_value());
  BOOST_TEST(!with.registered({}).has_value());
  with.reload_directory(with_partner());
  BOOST_TEST(!with.registered(leaf.der()).has_value());
}

BOOST_AUTO_TEST_CASE(only_the_leaf_counts) {
  const auto peer = instance("partner");
  const auto with = pinning(connecting(with_partner(peer.chain.front())));
  auto evidence = showing(instance("stranger"));
  evidence.chain.push_back(peer.chain.front());
  BOOST_TEST(refused_as(errc::peer_unknown, with.judge(evidence, today)));
  evidence = showing(peer);
  evidence.chain.push_back(instance("stranger").chain.front());
  BOOST_TEST(accepted(with.judge(evidence, today)));
}

BOOST_AUTO_TEST_CASE(a_pinned_certificate_is_refused_outside_its_dates) {
  const auto peer = instance("partner", today);
  const auto& leaf = peer.chain.front();
  const auto with = pinning(connecting(with_partner(leaf)));
  const auto second = std::chrono::seconds(1);
  BOOST_TEST(refused_as(errc::certificate_not_yet_valid,
                        with.judge(showing(peer), leaf.not_before() - second)));
  BOOST_TEST(accepted(with.judge(showing(peer), leaf.not_before())));
  BOOST_TEST(accepted(with.judge(showing(peer), leaf.not_after())));
  const auto refused = with.judge(showing(peer), leaf.not_after() + second);
  BOOST_TEST(refused_as(errc::certificate_expired, refused));
  BOOST_TEST(refused.error().value_of(fact::date) == pki::to_text(leaf.not_after()));
}

BOOST_AUTO_TEST_CASE(a_certificate_for_one_side_is_refused_on_the_other) {
  const auto client = for_side(pki::certificate_purpose::client);
  auto with = pinning(connecting(with_partner(client.chain.front())));
  BOOST_TEST(accepted(with.judge(showing(client, auth::side::connector), today)));
  BOOST_TEST(refused_as(errc::certificate_usage,
                        with.judge(showing(client, auth::side::acceptor), today)));
  const auto server = for_side(pki::certificate_purpose::server);
  with = pinning(connecting(with_partner(server.chain.front())));
  BOOST_TEST(accepted(with.judge(showing(server, auth::side::acceptor), today)));
  BOOST_TEST(refused_as(errc::certificate_usage,
                        with.judge(showing(server, auth::side::connector), today)));
}

BOOST_AUTO_TEST_CASE(both_certificates_count_during_a_rotation_and_one_after_it) {
  const auto old_one = instance("partner");
  const auto new_one = instance("partner");
  auto known = connecting(with_partner(old_one.chain.front()));
  known.add_certificate("partner_2", new_one.chain.front(), partner_user).value();
  const auto with = pinning(known);
  const auto who = with.judge(showing(old_one), today).value();
  BOOST_TEST(accepted(with.judge(showing(new_one), today)));
  known.drop_certificate("partner").value();
  with.reload_directory(known);
  BOOST_TEST(refused_as(errc::peer_unknown, with.judge(showing(old_one), today)));
  BOOST_TEST(accepted(with.judge(showing(new_one), today)));
  BOOST_TEST(refused_as(errc::peer_unknown, with.permits(who)));
}

BOOST_AUTO_TEST_CASE(a_certificate_that_changed_hands_permits_its_old_owner_no_more) {
  const auto peer = instance("partner");
  auto known = connecting(with_partner(peer.chain.front()));
  const auto with = pinning(known);
  const auto who = with.judge(showing(peer), today).value();
  known.create_user("second_user", partner_login).value();
  known.drop_certificate("partner").value();
  known.add_certificate("partner", peer.chain.front(), "second_user").value();
  with.reload_directory(known);
  BOOST_TEST(refused_as(errc::peer_unknown, with.permits(who)));
}

// The instance's own

BOOST_AUTO_TEST_CASE(the_newest_own_certificate_that_is_valid_is_shown) {
  std::vector<pki::identity> both;
  both.push_back(instance("next", today + 10 * a_day));
  both.push_back(instance("present", today - 360 * a_day));
  const auto with = pinning({});
  with.reload_own(auth::own_identities::of(both).value());
  const auto shown = [&](time_point now) {
    return with.own(now).value()->chain.front().common_name();
  };
  BOOST_TEST(shown(today) == "present");
  BOOST_TEST(shown(today + 11 * a_day) == "next");  // also after the first has expired:
  BOOST_TEST(shown(today + 100 * a_day) == "next");
  BOOST_TEST(refused_as(errc::certificate_expired, with.own(today + 1000 * a_day)));
  BOOST_TEST(refused_as(errc::certificate_not_yet_valid, with.own(today - 1000 * a_day)));
}

BOOST_AUTO_TEST_CASE(an_expired_own_certificate_is_refused_with_its_date_and_the_next_step) {
  const auto own = instance("own", today - 400 * a_day);
  const auto with = pinned::create(own, {}, mirroring, admin).value();
  const auto refused = with.own(today);
  BOOST_TEST(refused_as(errc::certificate_expired, refused));
  BOOST_TEST(refused.error().value_of(fact::date) == pki::to_text(own.chain.front().not_after()));
  BOOST_TEST(!refused.error().value_of(fact::next_step).empty());
}

BOOST_AUTO_TEST_CASE(an_ed25519_identity_is_refused_when_it_is_given_with_the_reason) {
  auto root = pki::authority::make_root<pki::ed25519>({.subject = "root"}, today).value();
  const auto key =
      std::make_shared<const pki::signing_key>(pki::signing_key::generate<pki::ed25519>().value());
  const auto refused = pinned::create({{root.certificate()}, key}, {}, mirroring, admin);
  BOOST_TEST(refused_as(errc::unsupported_suite, refused));
  BOOST_TEST(refused.error().value_of(fact::reason).find("Ed25519") != std::string_view::npos);
  BOOST_TEST(accepted(pinned::create(issued(root, "leaf"), {}, mirroring, admin)));
}

BOOST_AUTO_TEST_CASE(an_own_identity_that_is_none_is_refused) {
  const auto one = instance("one");
  const auto other = instance("other");
  for (const auto& wrong : {pki::identity{}, pki::identity{{}, one.key},
                            pki::identity{one.chain, nullptr}, pki::identity{one.chain, other.key}})
    BOOST_TEST(refused_as(errc::invalid_argument, pinned::create(wrong, {}, mirroring, admin)));
  BOOST_TEST(refused_as(errc::invalid_argument, auth::own_identities::of({})));
  BOOST_TEST(refused_as(errc::limit_exceeded,
                        auth::own_identities::of(std::vector<pki::identity>(5, one))));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace certificate_test

}  // namespace keywarden::testing
