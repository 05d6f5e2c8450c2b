// Principals and permissions, row by row.
#include <keywarden/auth/directory.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "auth/fixture.hpp"

namespace keywarden::testing {
namespace directory_test {

using auth::permission;
using why = auth::verdict::reason;
namespace data = boost::unit_test::data;

[[nodiscard]] std::string reason_of(const auth::directory& known, permission what) {
  return std::string(name_of(known.effective(partner_login, what, mirroring, admin).why));
}
[[nodiscard]] std::string text(why reason) { return std::string(name_of(reason)); }

BOOST_AUTO_TEST_SUITE(directory)

// The inbound set-up, in order (M12 to M16)

BOOST_AUTO_TEST_CASE(login_user_certificate_and_grant_make_a_peer_that_may_connect) {
  const auto peer = instance("partner").chain.front();
  auth::directory known;
  BOOST_TEST(accepted(known.create_login(partner_login)));
  BOOST_TEST(accepted(known.create_user(partner_user, partner_login)));
  BOOST_TEST(accepted(known.add_certificate("partner", peer, partner_user)));
  BOOST_TEST(reason_of(known, permission::connect) == text(why::not_granted));
  BOOST_TEST(accepted(known.grant(permission::connect, mirroring, partner_login)));
  BOOST_TEST(reason_of(known, permission::connect) == text(why::granted));
  const auto owner = known.who_owns(peer.fingerprint());
  BOOST_REQUIRE(owner.has_value());
  BOOST_TEST((owner->login == partner_login && owner->user == partner_user &&
              owner->certificate == object_name("partner")));
}

BOOST_AUTO_TEST_CASE(each_step_refuses_to_come_before_the_one_it_builds_on) {
  const auto peer = instance("partner").chain.front();
  auth::directory known;
  const auto user = known.create_user(partner_user, partner_login);
  BOOST_TEST(refused_as(errc::not_found, user));
  BOOST_TEST(user.error().value_of(fact::next_step) == "create the login first");
  const auto certificate = known.add_certificate("partner", peer, partner_user);
  BOOST_TEST(refused_as(errc::not_found, certificate));
  BOOST_TEST(certificate.error().value_of(fact::next_step) == "create the user for a login first");
  BOOST_TEST(refused_as(errc::not_found, known.add_shared_key_identity("host_b", partner_login)));
  for (const auto what : auth::all_permissions) {
    BOOST_TEST(refused_as(errc::not_found, known.grant(what, mirroring, partner_login)));
    BOOST_TEST(refused_as(errc::not_found, known.deny(what, mirroring, partner_login)));
    BOOST_TEST(refused_as(errc::not_found, known.revoke(what, mirroring, partner_login)));
  }
  BOOST_TEST((known == auth::directory()));
}

BOOST_AUTO_TEST_CASE(what_is_there_is_not_made_twice) {
  auto known = with_partner(instance("partner").chain.front());
  const auto before = known;
  BOOST_TEST(refused_as(errc::already_exists, known.create_login(partner_login)));
  BOOST_TEST(refused_as(errc::already_exists, known.create_user(partner_user, admin)));
  BOOST_TEST(
      refused_as(errc::already_exists,
                 known.add_certificate("partner", instance("other").chain.front(), partner_user)));
  known.add_shared_key_identity("host_b", partner_login).value();
  BOOST_TEST(refused_as(errc::already_exists, known.add_shared_key_identity("host_b", admin)));
  known.drop_shared_key_identity("host_b").value();
  BOOST_TEST((known == before));
}

// Certificates

BOOST_AUTO_TEST_CASE(a_certificate_has_one_owner) {
  const auto peer = instance("partner").chain.front();
  auto known = with_partner(peer);
  known.create_user("somebody", admin).value();
  BOOST_TEST(refused_as(errc::already_exists, known.add_certificate("again", peer, "somebody")));
  BOOST_TEST(refused_as(errc::already_exists, known.add_certificate("again", peer, partner_user)));
  BOOST_TEST((known.who_owns(peer.fingerprint())->user == partner_user));
}

BOOST_AUTO_TEST_CASE(a_certificate_is_found_by_its_fingerprint_until_it_is_dropped) {
  const auto peer = instance("partner").chain.front();
  auto known = with_partner(peer);
  BOOST_TEST_REQUIRE(known.find_certificate(peer.fingerprint()) != nullptr);
  BOOST_TEST((*known.find_certificate(peer.fingerprint()) == peer));
  BOOST_TEST(known.find_certificate(instance("partner").chain.front().fingerprint()) == nullptr);
  known.drop_certificate("partner").value();
  BOOST_TEST(known.find_certificate(peer.fingerprint()) == nullptr);
}

BOOST_AUTO_TEST_CASE(a_renewal_for_the_same_key_is_the_same_owners) {
  auto key = pki::signing_key::generate().value();
  const auto first = pki::make_self_signed(key, {.subject = "partner"}, today).value();
  const auto renewed =
      pki::make_self_signed(key, {.subject = "partner"}, today + 30 * a_day).value();
  auto known = with_partner(first);
  known.create_user("somebody", admin).value();
  BOOST_TEST(
      refused_as(errc::already_exists, known.add_certificate("renewed", renewed, "somebody")));
  BOOST_TEST((known.who_owns(renewed.key_fingerprint())->certificate == object_name("partner")));
  BOOST_TEST(!known.who_owns(renewed.fingerprint()).has_value());
  BOOST_TEST(accepted(known.add_certificate("renewed", renewed, partner_user)));
  known.drop_certificate("partner").value();
  BOOST_TEST((known.who_owns(first.key_fingerprint())->certificate == object_name("renewed")));
  known.drop_certificate("renewed").value();
  BOOST_TEST(!known.who_owns(first.key_fingerprint()).has_value());
}

BOOST_AUTO_TEST_CASE(a_user_owns_two_certificates_during_a_rotation) {
  const auto old_one = instance("partner").chain.front();
  const auto new_one = instance("partner").chain.front();
  auto known = with_partner(old_one);
  BOOST_TEST(accepted(known.add_certificate("partner_2", new_one, partner_user)));
  BOOST_TEST((known.who_owns(old_one.fingerprint())->login == partner_login));
  BOOST_TEST((known.who_owns(new_one.fingerprint())->login == partner_login));
}

BOOST_AUTO_TEST_CASE(an_ed25519_certificate_is_refused_with_the_next_step) {
  auto authority = pki::authority::make_root<pki::ed25519>({.subject = "root"}, today).value();
  auto known = with_partner();
  const auto refused = known.add_certificate("edwards", authority.certificate(), partner_user);
  BOOST_TEST(refused_as(errc::unsupported_suite, refused));
  BOOST_TEST(!refused.error().value_of(fact::next_step).empty());
  BOOST_TEST(known.certificates().empty());
}

// Dropping

BOOST_AUTO_TEST_CASE(what_others_depend_on_is_not_dropped_and_the_dependent_is_named) {
  auto known = connecting(with_partner(instance("partner").chain.front()));
  const auto login = known.drop_login(partner_login);
  BOOST_TEST(refused_as(errc::has_dependents, login));
  BOOST_TEST(login.error().value_of(fact::name) == "partner_user");
  const auto user = known.drop_user(partner_user);
  BOOST_TEST(refused_as(errc::has_dependents, user));
  BOOST_TEST(user.error().value_of(fact::name) == "partner");
  known.drop_certificate("partner").value();
  known.drop_user(partner_user).value();
  known.add_shared_key_identity("host_b", partner_login).value();
  BOOST_TEST(known.drop_login(partner_login).error().value_of(fact::name) == "host_b");
  known.drop_shared_key_identity("host_b").value();
  BOOST_TEST(accepted(known.drop_login(partner_login)));
}

BOOST_AUTO_TEST_CASE(a_login_that_comes_back_has_none_of_its_old_permissions) {
  auto known = connecting(with_partner());
  known.drop_user(partner_user).value();
  known.drop_login(partner_login).value();
  BOOST_TEST(known.permissions().empty());
  BOOST_TEST(reason_of(known, permission::connect) == text(why::no_such_login));
  known.create_login(partner_login).value();
  BOOST_TEST(reason_of(known, permission::connect) == text(why::not_granted));
}

BOOST_AUTO_TEST_CASE(what_is_not_there_is_not_dropped) {
  auth::directory known;
  BOOST_TEST(refused_as(errc::not_found, known.drop_login("x")));
  BOOST_TEST(refused_as(errc::not_found, known.drop_user("x")));
  BOOST_TEST(refused_as(errc::not_found, known.drop_certificate("x")));
  BOOST_TEST(refused_as(errc::not_found, known.drop_shared_key_identity("x")));
  BOOST_TEST(refused_as(errc::not_found, known.alter_login("x", auth::server_role::sysadmin)));
}

BOOST_AUTO_TEST_CASE(a_dropped_endpoint_leaves_no_permission_behind) {
  auto known = connecting(with_partner());
  known.grant(permission::connect, "other", partner_login).value();
  known.forget_endpoint(mirroring);
  BOOST_TEST(reason_of(known, permission::connect) == text(why::not_granted));
  BOOST_TEST(known.permissions().size() == 1U);
}

// GRANT, DENY, REVOKE (B401 to B404, B213)

BOOST_DATA_TEST_CASE(control_implies_every_permission, data::xrange(auth::all_permissions.size()),
                     index) {
  const auto what = auth::all_permissions[index];
  auto known = with_partner();
  BOOST_TEST(reason_of(known, what) == text(why::not_granted));
  known.grant(permission::control, mirroring, partner_login).value();
  BOOST_TEST(reason_of(known, what) ==
             text(what == permission::control ? why::granted : why::implied_by_control));
  known.deny(permission::control, mirroring, partner_login).value();
  BOOST_TEST(reason_of(known, what) ==
             text(what == permission::control ? why::denied : why::denied_by_control));
}

BOOST_DATA_TEST_CASE(no_other_permission_implies_connect,
                     data::xrange(auth::all_permissions.size()), index) {
  const auto what = auth::all_permissions[index];
  if (what == permission::connect || what == permission::control) return;
  auto known = with_partner();
  known.grant(what, mirroring, partner_login).value();
  BOOST_TEST(reason_of(known, what) == text(why::granted));
  BOOST_TEST(reason_of(known, permission::connect) == text(why::not_granted));
}

BOOST_AUTO_TEST_CASE(deny_overrides_grant_wherever_either_comes_from) {
  auto known = with_partner();
  known.grant(permission::control, mirroring, partner_login).value();
  known.deny(permission::connect, mirroring, partner_login).value();
  BOOST_TEST(reason_of(known, permission::connect) == text(why::denied));
  BOOST_TEST(reason_of(known, permission::alter) == text(why::implied_by_control));
  auto other = connecting(with_partner());
  other.deny(permission::control, mirroring, partner_login).value();
  BOOST_TEST(reason_of(other, permission::connect) == text(why::denied_by_control));
}

BOOST_AUTO_TEST_CASE(revoke_takes_back_a_grant_or_a_deny_and_is_no_deny_itself) {
  auto known = connecting(with_partner());
  known.revoke(permission::connect, mirroring, partner_login).value();
  BOOST_TEST(reason_of(known, permission::connect) == text(why::not_granted));
  known.grant(permission::control, mirroring, partner_login).value();
  known.deny(permission::connect, mirroring, partner_login).value();
  known.revoke(permission::connect, mirroring, partner_login).value();
  BOOST_TEST(reason_of(known, permission::connect) == text(why::implied_by_control));
  BOOST_TEST(accepted(known.revoke(permission::alter, mirroring, partner_login)));
}

BOOST_AUTO_TEST_CASE(the_last_of_grant_and_deny_holds) {
  auto known = connecting(with_partner());
  known.deny(permission::connect, mirroring, partner_login).value();
  BOOST_TEST(reason_of(known, permission::connect) == text(why::denied));
  known.grant(permission::connect, mirroring, partner_login).value();
  BOOST_TEST(reason_of(known, permission::connect) == text(why::granted));
  BOOST_TEST(known.permissions().size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_permission_is_for_one_login_on_one_endpoint) {
  auto known = connecting(with_partner());
  BOOST_TEST(known.effective(partner_login, permission::connect, mirroring, admin).allowed());
  BOOST_TEST(!known.effective(partner_login, permission::connect, "other", admin).allowed());
  known.create_login("stranger").value();
  BOOST_TEST(!known.effective("stranger", permission::connect, mirroring, admin).allowed());
  BOOST_TEST((known.effective("nobody", permission::connect, mirroring, "nobody").why ==
              why::no_such_login));
}

BOOST_AUTO_TEST_CASE(the_owner_and_a_sysadmin_have_every_permission) {
  auto known = with_partner();
  for (const auto what : auth::all_permissions) {
    BOOST_TEST((known.effective(admin, what, mirroring, admin).why == why::owner));
    BOOST_TEST(!known.effective(admin, what, mirroring, partner_login).allowed());
  }
  known.alter_login(partner_login, auth::server_role::sysadmin).value();
  for (const auto what : auth::all_permissions)
    BOOST_TEST(reason_of(known, what) == text(why::sysadmin));
}

BOOST_AUTO_TEST_CASE(a_deny_that_could_not_hold_is_refused) {
  auto known = with_partner();
  known.alter_login(partner_login, auth::server_role::sysadmin).value();
  const auto refused = known.deny(permission::connect, mirroring, partner_login);
  BOOST_TEST(refused_as(errc::not_permitted, refused));
  BOOST_TEST(!refused.error().value_of(fact::next_step).empty());
  known.alter_login(partner_login, auth::server_role::none).value();
  BOOST_TEST(accepted(known.deny(permission::connect, mirroring, partner_login)));
}

BOOST_AUTO_TEST_CASE(a_copy_is_a_value_of_its_own) {
  auto known = with_partner();
  const auto before = known;
  known.grant(permission::connect, mirroring, partner_login).value();
  BOOST_TEST((before != known));
  BOOST_TEST(!before.effective(partner_login, permission::connect, mirroring, admin).allowed());
}

// Bounds

BOOST_AUTO_TEST_CASE(the_number_of_logins_and_users_is_bounded) {
  auth::directory known;
  for (std::size_t i = 0; i < auth::directory::max_logins; ++i) {
    const auto name = object_name::parse("n" + std::to_string(i)).value();
    known.create_login(name).value();
    known.create_user(name, name).value();
    known.add_shared_key_identity(name, name).value();
  }
  BOOST_TEST(refused_as(errc::limit_exceeded, known.create_login("one_more")));
  BOOST_TEST(refused_as(errc::limit_exceeded, known.create_user("one_more", "n1")));
  BOOST_TEST(refused_as(errc::limit_exceeded, known.add_shared_key_identity("one_more", "n1")));
  for (std::size_t i = 0; i < auth::directory::max_permissions; ++i)
    known.grant(permission::connect, object_name::parse("e" + std::to_string(i)).value(), "n1")
        .value();
  BOOST_TEST(refused_as(errc::limit_exceeded, known.grant(permission::connect, mirroring, "n1")));
  BOOST_TEST(accepted(known.deny(permission::connect, "e1", "n1")));
}

BOOST_AUTO_TEST_CASE(names_of_permissions_are_those_of_statements) {
  for (const auto what : auth::all_permissions)
    BOOST_TEST((auth::permission_of(name_of(what)) == what));
  BOOST_TEST(std::string(name_of(permission::take_ownership)) == "TAKE OWNERSHIP");
  for (const auto wrong : {"connect", "CONNECT ", "", "ALL", "TAKE  OWNERSHIP"})
    BOOST_TEST(!auth::permission_of(wrong).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace directory_test

}  // namespace keywarden::testing
