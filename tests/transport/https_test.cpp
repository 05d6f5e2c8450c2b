#include <keywarden/auth/anonymous.hpp>
#include <keywarden/transport/tls.hpp>

#include <boost/test/unit_test.hpp>

#include <support/refusals.hpp>
#include <support/two_ends.hpp>

namespace https_test {

namespace auth = keywarden::auth;
namespace transport = keywarden::transport;
using keywarden::errc;
using keywarden::testing::accepted;
using keywarden::testing::knows;
using keywarden::testing::meet;
using keywarden::testing::refused_as;

struct pair {
  std::shared_ptr<const keywarden::pki::identity> a = keywarden::testing::make_identity("a");
  std::shared_ptr<const keywarden::pki::identity> b = keywarden::testing::make_identity("b");
  knows at_a{a, *b, "b"};
  knows at_b{b, *a, "a"};
};

template <class Transport, class Authenticator>
auto context(const Authenticator& with) {
  return Transport::template context<Authenticator>::create(with).value();
}
auto serve_anybody(const keywarden::pki::identity& own) {
  return context<transport::https<>>(
      auth::anonymous_connectors::create(own, auth::allow_anonymous_i_accept_the_risk()).value());
}

BOOST_AUTO_TEST_SUITE(https)

BOOST_AUTO_TEST_CASE(two_ends_that_speak_http_agree) {
  const pair of;
  auto met = meet(context<transport::https<>>(of.at_a), context<transport::https<>>(of.at_b));
  BOOST_TEST(accepted(met.connector));
  BOOST_TEST_REQUIRE(accepted(met.acceptor));
  BOOST_TEST(met.acceptor->proof().who().login == "a");
}
BOOST_AUTO_TEST_CASE(a_connector_of_another_protocol_is_refused) {
  const pair of;
  const auto met = meet(context<transport::tls13<>>(of.at_a), context<transport::https<>>(of.at_b));
  BOOST_TEST(refused_as(errc::handshake_failed, met.acceptor));
  BOOST_TEST(refused_as(errc::refused_by_peer, met.connector));
}
BOOST_AUTO_TEST_CASE(an_acceptor_of_another_protocol_refuses_http) {
  const pair of;
  const auto met = meet(context<transport::https<>>(of.at_a), context<transport::tls13<>>(of.at_b));
  BOOST_TEST(refused_as(errc::handshake_failed, met.acceptor));
  BOOST_TEST(refused_as(errc::refused_by_peer, met.connector));
}
BOOST_AUTO_TEST_CASE(a_stranger_is_refused_with_http_as_with_anything) {
  const pair of;
  const knows stranger(keywarden::testing::make_identity("stranger"), *of.b, "b");
  const auto met =
      meet(context<transport::https<>>(stranger), context<transport::https<>>(of.at_b));
  BOOST_TEST(refused_as(errc::peer_unknown, met.acceptor));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(anonymous_connectors)

BOOST_AUTO_TEST_CASE(an_acceptor_of_anybody_is_refused_by_who_wants_mutual_authentication) {
  const pair of;
  const auto met = meet(context<transport::https<>>(of.at_a), serve_anybody(*of.b));
  BOOST_TEST(refused_as(errc::handshake_failed, met.connector));
}
BOOST_AUTO_TEST_CASE(an_acceptor_of_anybody_never_connects) {
  const pair of;
  const auto met = serve_anybody(*of.b).connect("a");
  BOOST_TEST(refused_as(errc::not_permitted, met));
}
BOOST_AUTO_TEST_CASE(an_acceptor_of_anybody_knows_nobody) {
  keywarden::auth::peer_evidence shown;
  const auto who = auth::anonymous_connectors::judge(shown, {});
  BOOST_TEST_REQUIRE(accepted(who));
  BOOST_TEST(who->login == "anonymous");
  BOOST_TEST(!who->certificate.has_value());
  shown.peer = auth::side::acceptor;
  BOOST_TEST(refused_as(errc::not_permitted, auth::anonymous_connectors::judge(shown, {})));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace https_test
