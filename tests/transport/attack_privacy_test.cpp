#include <keywarden/transport/session.hpp>

#include <boost/test/unit_test.hpp>

#include <support/hostile_meeting.hpp>

namespace attack_privacy_test {

using namespace keywarden;
using namespace keywarden::testing;
using namespace keywarden::testing::hostile;

// What a stranger can learn from how it is refused.

/// What a client saw of a refusal, after the acceptor's first flight (whose size varies by a byte
/// or two with its signature).
struct seen {
  int alert;
  bool sealed;
  std::vector<peer::heard_record> records;
  friend bool operator==(const seen&, const seen&) = default;
};

seen refused_by(const world& of, client& theirs, errc why) {
  std::size_t before = 0;
  auto acceptor = of.accept();
  carry(theirs.start(), acceptor).value();
  carry(acceptor, theirs).value();
  before = theirs.heard().size();
  BOOST_TEST(refused_as(why, duel(acceptor, theirs)));
  return {theirs.alert(),
          theirs.alert_was_sealed(),
          {theirs.heard().begin() + static_cast<std::ptrdiff_t>(before), theirs.heard().end()}};
}

bytes request_of(const world& of) {
  client theirs(of.them);
  auto acceptor = of.accept();
  duel(acceptor, theirs.start()).value();
  return theirs.certificate_request().value();
}

BOOST_AUTO_TEST_SUITE(attack_on_privacy)

BOOST_AUTO_TEST_CASE(an_acceptor_names_no_authorities) {
  const world few;
  world many;
  knows crowd(many.us, *many.them, "them");
  for (int i = 0; i < 20; ++i) crowd.welcome(*make_identity("friend"), "friend");
  many.authenticator = recording(crowd);
  many.ours = world::context::create(many.authenticator).value();
  const auto request = request_of(few);
  cursor body(bytes_view(request).subspan(4));
  BOOST_TEST(body.sized(1).empty());
  const auto extensions = to_bytes(body.sized(2));
  BOOST_TEST(find_extension(extensions, extension_type::signature_algorithms).has_value());
  BOOST_TEST(!find_extension(extensions, extension_type::authorities).has_value());
  constexpr auto oid_filters = static_cast<extension_type>(48);
  BOOST_TEST(!find_extension(extensions, oid_filters).has_value());
  BOOST_TEST((request == request_of(many)));
}

BOOST_AUTO_TEST_CASE(all_refusals_of_a_proven_peer_look_alike) {
  std::optional<seen> first;
  for (const auto why :
       {errc::peer_unknown, errc::certificate_untrusted, errc::certificate_expired,
        errc::certificate_not_yet_valid, errc::certificate_usage, errc::certificate_revoked,
        errc::revocation_unknown, errc::not_permitted}) {
    world of;
    of.authenticator.refuse_all_with(why);
    client theirs(of.them);
    const auto now = refused_by(of, theirs, why);
    BOOST_TEST(now.alert == alerts::access_denied);
    BOOST_TEST(now.sealed);
    if (!first) first = now;
    BOOST_TEST((now == *first));
  }
  // And a leaf that nobody knows, of another key, size and kind.
  const world of;
  client stranger(make_identity("a stranger with quite another and much longer name"));
  BOOST_TEST((refused_by(of, stranger, errc::peer_unknown) == *first));
}

BOOST_AUTO_TEST_CASE(a_thief_learns_nothing_about_the_certificate_it_shows) {
  // A known leaf and an unknown one, both without their key: one answer.
  const auto thief_shows = [](const world& of, const pki::identity& leaf) {
    client thief(make_identity("thief"), [&](client& self) {
      self.say_message(certificate_message(chain_of(leaf)));
      self.prove(client_context);
      self.finish();
    });
    return refused_by(of, thief, errc::peer_unproven);
  };
  const world of;
  const auto known = thief_shows(of, *of.them);
  const auto unknown = thief_shows(of, *make_identity("else"));
  BOOST_TEST(known.alert == alerts::decrypt_error);
  BOOST_TEST((known == unknown));
  BOOST_TEST(of.authenticator.judged() == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace attack_privacy_test
