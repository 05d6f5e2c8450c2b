// Certificates of an authority: everything must hold, each refusal has its own code.
#include <keywarden/auth/certificate_chain.hpp>

#include <boost/test/unit_test.hpp>

#include "auth/fixture.hpp"

namespace keywarden::testing {
namespace certificate_chain_test {

using pki::revocation::no_check;
using pki::revocation::offline;
using trust::anyone_of_the_authority;
using trust::key_fingerprints;
using trust::leaf_fingerprints;

/// An authority, a peer of it that is allowed and may connect, and its lists.
struct office {
  pki::authority root = pki::authority::make_root({.subject = "root"}, today - 2 * a_day).value();
  pki::identity own = instance("own");
  pki::identity peer = issued(root, "partner");
  auth::directory known = connecting(with_partner(peer.chain.front()));
  offline lists;

  office() { load(); }
  void load() { lists.load(list()); }
  [[nodiscard]] pki::revocation_snapshot list(time_point when = today - a_day) {
    return pki::revocation_snapshot::of({root.issue_list(when).value()}).value();
  }
  [[nodiscard]] pki::trust_anchors anchors() const {
    return pki::trust_anchors::of({root.certificate()}).value();
  }
  [[nodiscard]] leaf_fingerprints allowed() const {
    return leaf_fingerprints({peer.chain.front().fingerprint()});
  }
  template <class... Options>
  [[nodiscard]] auto with(Options... options) const {
    using policy = trust::chain<offline, Options...>;
    return auth::certificate<policy>::create(own, policy{anchors(), lists, {std::move(options)...}},
                                             known, mirroring, admin)
        .value();
  }
};

BOOST_AUTO_TEST_SUITE(certificate_chain)

// All must pass (E11)

BOOST_AUTO_TEST_CASE(a_peer_for_whom_everything_holds_is_its_certificates_owner) {
  office all;
  const auto who = all.with(all.allowed()).judge(showing(all.peer), today);
  BOOST_REQUIRE(accepted(who));
  BOOST_TEST((*who == auth::principal{"partner_login", "partner_user",
                                      all.peer.chain.front().fingerprint()}));
}

BOOST_AUTO_TEST_CASE(each_check_that_fails_alone_refuses_with_a_code_of_its_own) {
  office all;
  auto with = all.with(all.allowed());
  const auto judged = [&](time_point now = today) { return with.judge(showing(all.peer), now); };
  BOOST_REQUIRE(accepted(judged()));

  with.reload_anchors(pki::trust_anchors());
  BOOST_TEST(refused_as(errc::certificate_untrusted, judged()));
  with.reload_anchors(all.anchors());
  BOOST_TEST(refused_as(errc::certificate_expired, judged(today + 500 * a_day)));
  BOOST_TEST(refused_as(errc::certificate_not_yet_valid, judged(today - 30 * a_day)));
  BOOST_TEST(refused_as(errc::revocation_unknown, judged(today + 30 * a_day)));  // a stale list
  with.reload_revocation(pki::revocation_snapshot());
  BOOST_TEST(refused_as(errc::revocation_unknown, judged()));
  all.load();
  with.reload_allowed(leaf_fingerprints());
  BOOST_TEST(refused_as(errc::admission_refused, judged()));
  with.reload_allowed(all.allowed());
  with.reload_directory(with_partner());
  BOOST_TEST(refused_as(errc::peer_unknown, judged()));
  with.reload_directory(with_partner(all.peer.chain.front()));
  BOOST_TEST(refused_as(errc::not_permitted, judged()));
  with.reload_directory(all.known);
  BOOST_REQUIRE(accepted(judged()));
  all.root.revoke(all.peer.chain.front(), pki::revocation_reason::key_compromise, today - a_day)
      .value();
  all.load();
  BOOST_TEST(refused_as(errc::certificate_revoked, judged()));
}

BOOST_AUTO_TEST_CASE(what_is_registered_is_judged_like_what_is_not) {
  office all;
  const auto& leaf = all.peer.chain.front();
  const auto with = all.with(all.allowed());
  BOOST_TEST_REQUIRE(with.registered(leaf.der()).has_value());
  BOOST_TEST((*with.registered(leaf.der()) == leaf));
  with.reload_anchors(pki::trust_anchors());
  BOOST_TEST(with.registered(leaf.der()).has_value());
  BOOST_TEST(refused_as(errc::certificate_untrusted, with.judge(showing(all.peer), today)));
  BOOST_TEST(!with.registered(all.root.certificate().der()).has_value());
}

BOOST_AUTO_TEST_CASE(a_certificate_for_one_side_is_refused_on_the_other) {
  office all;
  const auto client = issued(all.root, "client", pki::certificate_purpose::client);
  all.known.add_certificate("client", client.chain.front(), partner_user).value();
  const auto with = all.with(leaf_fingerprints({client.chain.front().fingerprint()}));
  BOOST_TEST(accepted(with.judge(showing(client, auth::side::connector), today)));
  // Not even when the path is remembered from the other side.
  BOOST_TEST(refused_as(errc::certificate_usage,
                        with.judge(showing(client, auth::side::acceptor), today)));
}

BOOST_AUTO_TEST_CASE(an_empty_allow_list_is_nobody) {
  office all;
  BOOST_TEST(refused_as(errc::admission_refused,
                        all.with(leaf_fingerprints()).judge(showing(all.peer), today)));
  BOOST_TEST(refused_as(
      errc::admission_refused,
      all.with(leaf_fingerprints(), key_fingerprints()).judge(showing(all.peer), today)));
}

BOOST_AUTO_TEST_CASE(any_of_several_allow_lists_allows) {
  office all;
  const auto key = all.peer.chain.front().key_fingerprint();
  BOOST_TEST(accepted(
      all.with(leaf_fingerprints(), key_fingerprints({key})).judge(showing(all.peer), today)));
}

BOOST_AUTO_TEST_CASE(a_renewal_for_the_same_key_is_known_by_its_key) {
  office all;
  const auto renewed = all.root
                           .issue({.subject = "partner"}, *all.peer.key,
                                  pki::certificate_purpose::both, today - a_day)
                           .value();
  auth::peer_evidence evidence;
  evidence.chain = {renewed};
  BOOST_TEST(refused_as(errc::admission_refused, all.with(all.allowed()).judge(evidence, today)));
  const auto with = all.with(key_fingerprints({renewed.key_fingerprint()}));
  const auto who = with.judge(evidence, today);
  BOOST_REQUIRE(accepted(who));
  BOOST_TEST(who->user == "partner_user");
  BOOST_TEST(accepted(with.permits(*who)));
  with.reload_directory(connecting(with_partner()));
  BOOST_TEST(refused_as(errc::peer_unknown, with.permits(*who)));
}

BOOST_AUTO_TEST_CASE(anyone_of_the_authority_stands_for_one_login_that_needs_connect_too) {
  office all;
  const auto other = issued(all.root, "other");
  all.known.create_login("everyone").value();
  const auto with = all.with(anyone_of_the_authority{"everyone"});
  BOOST_TEST(with.judge(showing(all.peer), today).value().login == "partner_login");
  BOOST_TEST(refused_as(errc::not_permitted, with.judge(showing(other), today)));
  all.known.grant(auth::permission::connect, mirroring, "everyone").value();
  with.reload_directory(all.known);
  const auto who = with.judge(showing(other), today).value();
  BOOST_TEST(who.login == "everyone");
  BOOST_TEST(who.user.empty());
  BOOST_TEST(accepted(with.permits(who)));
  BOOST_TEST(refused_as(errc::certificate_untrusted, with.judge(showing(instance("x")), today)));
}

BOOST_AUTO_TEST_CASE(a_listed_thumbprint_stands_for_one_login_where_the_directory_has_nobody) {
  office all;
  const auto listed = issued(all.root, "listed");
  const auto other = issued(all.root, "other");
  all.known.create_login("clients").value();
  all.known.grant(auth::permission::connect, mirroring, "clients").value();
  for (const auto by : {pki::thumbprint_algorithm::sha1, pki::thumbprint_algorithm::sha256}) {
    const auto with =
        all.with(trust::thumbprints({pki::thumbprint_of(listed.chain.front(), by)}, "clients"));
    const auto who = with.judge(showing(listed), today);
    BOOST_REQUIRE(accepted(who));
    BOOST_TEST(who->login == "clients");
    BOOST_TEST(accepted(with.permits(*who)));
    BOOST_TEST(refused_as(errc::admission_refused, with.judge(showing(other), today)));
    with.reload_allowed(trust::thumbprints({}, "clients"));
    BOOST_TEST(refused_as(errc::admission_refused, with.permits(*who)));
    BOOST_TEST(refused_as(errc::admission_refused, with.judge(showing(listed), today)));
  }
}

BOOST_AUTO_TEST_CASE(a_listed_thumbprint_counts_for_nothing_without_the_authority) {
  office all;
  const auto own_authority = instance("listed");
  const auto with = all.with(trust::thumbprints(
      {pki::thumbprint_of(own_authority.chain.front(), pki::thumbprint_algorithm::sha256)},
      "clients"));
  BOOST_TEST(refused_as(errc::certificate_untrusted, with.judge(showing(own_authority), today)));
}

BOOST_AUTO_TEST_CASE(a_configured_mode_of_revocation_is_obeyed) {
  using configured = pki::revocation::configured;
  using policy = trust::chain<configured, leaf_fingerprints>;
  office all;
  all.root.revoke(all.peer.chain.front(), pki::revocation_reason::key_compromise, today - a_day / 2)
      .value();
  const auto judged = [&](pki::revocation_mode mode, bool loaded) {
    configured lists(mode);
    if (loaded) lists.load(all.list(today - a_day / 4));
    return auth::certificate<policy>::create(all.own, policy{all.anchors(), lists, {all.allowed()}},
                                             all.known, mirroring, admin)
        .value()
        .judge(showing(all.peer), today);
  };
  BOOST_TEST(accepted(judged(pki::revocation_mode::no_check, true)));
  for (const auto mode : {pki::revocation_mode::online, pki::revocation_mode::offline}) {
    BOOST_TEST(refused_as(errc::certificate_revoked, judged(mode, true)));
    BOOST_TEST(refused_as(errc::revocation_unknown, judged(mode, false)));
  }
}

BOOST_AUTO_TEST_CASE(a_connector_that_demands_it_checks_whom_it_dialled) {
  office all;
  const auto with = all.with(all.allowed(), trust::names_the_dialled{});
  auto evidence = showing(all.peer, auth::side::acceptor);
  evidence.dialled = "partner.test";
  BOOST_TEST(accepted(with.judge(evidence, today)));
  evidence.dialled = "other.test";
  BOOST_TEST(refused_as(errc::certificate_usage, with.judge(evidence, today)));
  evidence.dialled.clear();
  BOOST_TEST(refused_as(errc::invalid_argument, with.judge(evidence, today)));
  BOOST_TEST(accepted(with.judge(showing(all.peer), today)));
  evidence.dialled = "other.test";
  BOOST_TEST(accepted(all.with(all.allowed()).judge(evidence, today)));
}

// Sessions whose peer is not welcome any more

BOOST_AUTO_TEST_CASE(a_principal_is_permitted_until_a_new_list_revokes_it) {
  office all;
  const auto with = all.with(all.allowed());
  const auto who = with.judge(showing(all.peer), today).value();
  BOOST_TEST(accepted(with.permits(who)));
  all.root.revoke(all.peer.chain.front(), pki::revocation_reason::superseded, today).value();
  with.reload_revocation(all.list(today));
  BOOST_TEST(refused_as(errc::certificate_revoked, with.permits(who)));
}

BOOST_AUTO_TEST_CASE(a_list_that_the_authority_did_not_sign_revokes_nobody) {
  office all;
  const auto with = all.with(all.allowed());
  const auto who = with.judge(showing(all.peer), today).value();
  auto forger = pki::authority::make_root({.subject = "root"}, today - 2 * a_day).value();
  forger.revoke(all.peer.chain.front().serial(), pki::revocation_reason::unspecified, today - a_day)
      .value();
  with.reload_revocation(
      pki::revocation_snapshot::of({forger.issue_list(today - a_day).value()}).value());
  BOOST_TEST(accepted(with.permits(who)));
}

BOOST_AUTO_TEST_CASE(a_principal_is_permitted_until_its_authority_or_allow_list_entry_is_gone) {
  office all;
  const auto with = all.with(all.allowed());
  const auto who = with.judge(showing(all.peer), today).value();
  with.reload_allowed(leaf_fingerprints());
  BOOST_TEST(refused_as(errc::admission_refused, with.permits(who)));
  with.reload_allowed(all.allowed());
  BOOST_TEST(accepted(with.permits(who)));
  with.reload_anchors(pki::trust_anchors());
  BOOST_TEST(refused_as(errc::certificate_untrusted, with.permits(who)));
}

// The cache

BOOST_AUTO_TEST_CASE(a_path_is_remembered_once_and_only_for_who_was_judged_good) {
  office all;
  const auto with = all.with(all.allowed());
  BOOST_TEST(with.cached_paths() == 0U);
  for (int i = 0; i < 3; ++i) BOOST_TEST(accepted(with.judge(showing(all.peer), today)));
  BOOST_TEST(with.cached_paths() == 1U);
  const auto stranger = instance("x");
  with.reload_allowed(leaf_fingerprints({stranger.chain.front().fingerprint()}));
  for (int i = 0; i < 3; ++i)
    BOOST_TEST(refused_as(errc::certificate_untrusted, with.judge(showing(stranger), today)));
  BOOST_TEST(with.cached_paths() == 1U);
}

BOOST_AUTO_TEST_CASE(a_remembered_path_skips_neither_connect_nor_allow_list_nor_dates) {
  office all;
  const auto with = all.with(all.allowed());
  const auto judged = [&](time_point now = today) { return with.judge(showing(all.peer), now); };
  BOOST_REQUIRE(accepted(judged()));
  with.reload_directory(with_partner(all.peer.chain.front()));
  BOOST_TEST(refused_as(errc::not_permitted, judged()));
  with.reload_directory(all.known);
  with.reload_allowed(leaf_fingerprints());
  BOOST_TEST(refused_as(errc::admission_refused, judged()));
  with.reload_allowed(all.allowed());
  BOOST_TEST(accepted(judged()));
  BOOST_TEST(with.cached_paths() == 1U);
  BOOST_TEST(refused_as(errc::certificate_expired, judged(today + 500 * a_day)));
  BOOST_TEST(refused_as(errc::certificate_not_yet_valid, judged(today - 30 * a_day)));
  BOOST_TEST(refused_as(errc::revocation_unknown, judged(today + 30 * a_day)));
}

BOOST_AUTO_TEST_CASE(another_generation_of_anchors_or_lists_is_judged_anew) {
  office all;
  const auto with = all.with(all.allowed());
  const auto judged = [&] { return with.judge(showing(all.peer), today); };
  BOOST_REQUIRE(accepted(judged()));
  with.reload_anchors(all.anchors());  // the same authority, another set
  BOOST_TEST(accepted(judged()));
  BOOST_TEST(with.cached_paths() == 2U);
  all.root.revoke(all.peer.chain.front(), pki::revocation_reason::unspecified, today - a_day)
      .value();
  all.load();
  BOOST_TEST(refused_as(errc::certificate_revoked, judged()));
  BOOST_TEST(with.cached_paths() == 2U);
}

BOOST_AUTO_TEST_CASE(another_chain_under_the_same_leaf_is_judged_anew) {
  office all;
  const auto with = all.with(all.allowed());
  BOOST_REQUIRE(accepted(with.judge(showing(all.peer), today)));
  auto evidence = showing(all.peer);
  evidence.chain.push_back(all.root.certificate());
  BOOST_TEST(accepted(with.judge(evidence, today)));
  BOOST_TEST(with.cached_paths() == 2U);
  evidence.chain.assign(9, all.peer.chain.front());
  BOOST_TEST(refused_as(errc::limit_exceeded, with.judge(evidence, today)));
}

BOOST_AUTO_TEST_CASE(a_stapled_response_is_looked_at_every_time_where_it_counts) {
  office all;
  using online = pki::revocation::online;
  using policy = trust::chain<online, leaf_fingerprints>;
  online lists;
  lists.load(all.list());
  const auto with =
      auth::certificate<policy>::create(all.own, policy{all.anchors(), lists, {all.allowed()}},
                                        all.known, mirroring, admin)
          .value();
  auto evidence = showing(all.peer);
  evidence.stapled = {bytes{1, 2, 3}};
  BOOST_TEST(accepted(with.judge(evidence, today)));
  BOOST_TEST(with.cached_paths() == 0U);
}

BOOST_AUTO_TEST_CASE(a_stapled_response_that_does_not_count_is_no_way_around_the_cache) {
  office all;
  const auto with = all.with(all.allowed());
  auto evidence = showing(all.peer);
  evidence.stapled = {bytes{1, 2, 3}};
  for (int i = 0; i < 2; ++i) BOOST_TEST(accepted(with.judge(evidence, today)));
  BOOST_TEST(with.cached_paths() == 1U);
}

BOOST_AUTO_TEST_CASE(who_is_on_no_allow_list_has_no_path_judged) {
  office all;
  const auto with = all.with(all.allowed());
  // Nothing leads to an anchor, and there are too many: each would be told if the path came first.
  auto evidence = showing(instance("x"));
  BOOST_TEST(refused_as(errc::admission_refused, with.judge(evidence, today)));
  evidence.chain.assign(9, evidence.chain.front());
  BOOST_TEST(refused_as(errc::admission_refused, with.judge(evidence, today)));
  BOOST_TEST(refused_as(errc::certificate_expired, with.judge(evidence, today + 500 * a_day)));
}

BOOST_AUTO_TEST_CASE(the_cache_holds_as_many_paths_as_its_type_says) {
  office all;
  all.known.create_login("everyone").value();
  all.known.grant(auth::permission::connect, mirroring, "everyone").value();
  const auto with = all.with(anyone_of_the_authority{"everyone"}, trust::cache<2>{});
  const auto without = all.with(anyone_of_the_authority{"everyone"}, trust::no_cache{});
  for (int i = 0; i < 4; ++i) {
    const auto peer = issued(all.root, "n" + std::to_string(i));
    BOOST_TEST(accepted(with.judge(showing(peer), today)));
    BOOST_TEST(accepted(without.judge(showing(peer), today)));
  }
  BOOST_TEST(with.cached_paths() == 2U);
  BOOST_TEST(without.cached_paths() == 0U);
}

BOOST_AUTO_TEST_CASE(a_path_is_remembered_although_its_holder_may_not_connect_and_lets_nobody_in) {
  office all;
  all.known = with_partner(all.peer.chain.front());
  const auto with = all.with(all.allowed());
  for (int i = 0; i < 2; ++i)
    BOOST_TEST(refused_as(errc::not_permitted, with.judge(showing(all.peer), today)));
  BOOST_TEST(with.cached_paths() == 1U);
  BOOST_TEST(refused_as(errc::peer_unknown, with.permits({"partner_login", "partner_user",
                                                          all.peer.chain.front().fingerprint()})));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace certificate_chain_test

}  // namespace keywarden::testing
