// What holds for every form of authentication.
#include <keywarden/auth/concepts.hpp>

#include <atomic>
#include <thread>
#include <vector>

#include <boost/mp11.hpp>
#include <boost/test/unit_test.hpp>

#include "auth/laws.hpp"

namespace keywarden::testing {
namespace concepts_test {

using auth::permission;
using scenes = std::tuple<pinned_scene, leaves_scene, keys_scene, shared_key_scene>;

BOOST_AUTO_TEST_SUITE(authenticators)

BOOST_AUTO_TEST_CASE_TEMPLATE(a_known_peer_with_connect_is_whom_it_stands_for, Scene, scenes) {
  Scene here;
  here.with.reload_directory(connecting(here.known));
  const auto who = here.with.judge(here.shown(), today);
  BOOST_REQUIRE(accepted(who));
  BOOST_TEST(who->login == "partner_login");
  BOOST_TEST(accepted(here.with.permits(*who)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(empty_evidence_proves_nobody, Scene, scenes) {
  Scene here;
  here.with.reload_directory(connecting(here.known));
  BOOST_TEST(refused_as(errc::peer_unproven, here.with.judge({}, today)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(evidence_of_both_forms_at_once_proves_nobody, Scene, scenes) {
  Scene here;
  here.with.reload_directory(connecting(here.known));
  auto both = here.shown();
  if (both.chain.empty())
    both.chain = own_identity().chain;
  else
    both.shared_key_identity = "keywarden/1/psk/host_b/host_a/1";
  BOOST_TEST(refused_as(errc::peer_unproven, here.with.judge(both, today)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_stranger_is_refused, Scene, scenes) {
  Scene here;
  here.with.reload_directory(connecting(here.known));
  BOOST_TEST(refused_as(Scene::unknown_is, here.with.judge(Scene::stranger(), today)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_peer_without_connect_is_refused, Scene, scenes) {
  Scene here;
  BOOST_TEST(refused_as(errc::not_permitted, here.with.judge(here.shown(), today)));
  auto elsewhere = here.known;
  elsewhere.grant(permission::connect, "another_endpoint", partner_login).value();
  elsewhere.grant(permission::alter, mirroring, partner_login).value();
  here.with.reload_directory(elsewhere);
  BOOST_TEST(refused_as(errc::not_permitted, here.with.judge(here.shown(), today)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(deny_wins_over_what_control_implies, Scene, scenes) {
  Scene here;
  auto known = here.known;
  known.grant(permission::control, mirroring, partner_login).value();
  here.with.reload_directory(known);
  BOOST_TEST(accepted(here.with.judge(here.shown(), today)));
  known.deny(permission::connect, mirroring, partner_login).value();
  here.with.reload_directory(known);
  BOOST_TEST(refused_as(errc::not_permitted, here.with.judge(here.shown(), today)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_owner_and_a_sysadmin_may_connect_without_a_grant, Scene, scenes) {
  Scene here;
  here.with.reload_owner(partner_login);
  BOOST_TEST(accepted(here.with.judge(here.shown(), today)));
  here.with.reload_owner(admin);
  BOOST_TEST(refused_as(errc::not_permitted, here.with.judge(here.shown(), today)));
  auto known = here.known;
  known.alter_login(partner_login, auth::server_role::sysadmin).value();
  here.with.reload_directory(known);
  BOOST_TEST(accepted(here.with.judge(here.shown(), today)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_reload_is_seen_by_every_copy_at_once, Scene, scenes) {
  Scene here;
  const auto copy = here.with;
  BOOST_TEST(refused_as(errc::not_permitted, copy.judge(here.shown(), today)));
  here.with.reload_directory(connecting(here.known));
  BOOST_TEST(accepted(copy.judge(here.shown(), today)));
  copy.reload_directory(here.known);
  BOOST_TEST(refused_as(errc::not_permitted, here.with.judge(here.shown(), today)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_principal_is_permitted_until_connect_is_revoked, Scene, scenes) {
  Scene here;
  auto known = connecting(here.known);
  here.with.reload_directory(known);
  const auto who = here.with.judge(here.shown(), today).value();
  BOOST_TEST(accepted(here.with.permits(who)));
  known.revoke(permission::connect, mirroring, partner_login).value();
  here.with.reload_directory(known);
  BOOST_TEST(refused_as(errc::not_permitted, here.with.permits(who)));
  here.with.reload_directory(connecting(here.known));
  BOOST_TEST(accepted(here.with.permits(who)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_principal_is_permitted_until_its_credential_is_dropped, Scene,
                              scenes) {
  Scene here;
  auto known = connecting(here.known);
  here.with.reload_directory(known);
  const auto who = here.with.judge(here.shown(), today).value();
  Scene::drop_credential(known);
  here.with.reload_directory(known);
  BOOST_TEST(refused_as(errc::peer_unknown, here.with.permits(who)));
  BOOST_TEST(refused_as(errc::peer_unknown, here.with.judge(here.shown(), today)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_principal_that_nobody_judged_is_not_permitted, Scene, scenes) {
  Scene here;
  here.with.reload_directory(connecting(here.known));
  for (const auto& invented :
       {auth::principal{}, auth::principal{"partner_login", "partner_user", std::nullopt},
        auth::principal{"partner_login", "partner_user", pki::fingerprint()},
        auth::principal{"not a name", "../x", pki::fingerprint()}})
    BOOST_TEST(refused_as(errc::peer_unknown, here.with.permits(invented)));
  auto other = here.with.judge(here.shown(), today).value();
  other.login = "admin";
  BOOST_TEST(refused_as(errc::peer_unknown, here.with.permits(other)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(judging_never_throws_whatever_is_shown, Scene, scenes) {
  Scene here;
  here.with.reload_directory(connecting(here.known));
  const auto odd_texts = {std::string(), std::string(100000, 'x'), std::string("\0/\xff", 3),
                          std::string("keywarden/1/psk/host_b/host_a/-1"),
                          std::string("keywarden/1/psk///")};
  const std::vector<std::vector<pki::certificate>> odd_chains = {
      {},
      here.shown().chain,
      own_identity().chain,
      {root_authority().certificate()},
      std::vector<pki::certificate>(40, root_authority().certificate()),
      instance<pki::rsa<>>("rsa").chain};
  int judged = 0;
  for (const auto side : {auth::side::connector, auth::side::acceptor})
    for (const auto& text : odd_texts)
      for (const auto& chain : odd_chains)
        for (const auto now : {today, time_point::min(), time_point::max(), time_point{}}) {
          const auth::peer_evidence odd{side, chain, {bytes{}, bytes(70000, 1)}, text, text};
          BOOST_CHECK_NO_THROW(judged += here.with.judge(odd, now) ? 1 : 0);
        }
  // Only the known peer's own certificate, now, without a second form, is anybody; on either side.
  BOOST_TEST(judged <= 2 * 5);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(eight_threads_judge_while_it_is_reloaded, Scene, scenes) {
  Scene here;
  const auto yes = connecting(here.known);
  const auto no = here.known;
  here.with.reload_directory(yes);
  const auto who = here.with.judge(here.shown(), today).value();
  std::atomic<int> judged{0};
  std::atomic<int> wrong{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, copy = here.with, shown = here.shown()] {
      while (!stop) {
        const auto seen = copy.judge(shown, today);
        const auto may = copy.permits(who);
        if (!seen && seen.error().code() != errc::not_permitted) ++wrong;
        if (!may && may.error().code() != errc::not_permitted) ++wrong;
        ++judged;
      }
    });
  for (int i = 0; i < 200 || judged < 200; ++i) here.with.reload_directory(i % 2 == 0 ? no : yes);
  here.with.reload_directory(yes);
  stop = true;
  for (auto& each : threads) each.join();
  BOOST_TEST(wrong == 0);
  BOOST_TEST(accepted(here.with.judge(here.shown(), today)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace concepts_test

}  // namespace keywarden::testing
