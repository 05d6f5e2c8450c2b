#include <keywarden/transport/session.hpp>

#include <boost/test/unit_test.hpp>

#include <support/hostile_meeting.hpp>

namespace attack_version_test {

using namespace keywarden;
using namespace keywarden::testing;
using namespace keywarden::testing::hostile;

// Peers that want something older or weaker.

constexpr std::uint16_t ecdsa_aes128_gcm_of_tls12 = 0xc02b;
constexpr std::uint16_t ecdsa_null_sha = 0xc006;

/// The acceptor's answer to a hello, and to nothing else.
void refuses_hello(errc why, int alert, hello_shape shape) {
  refuses_client(why, alert, client::honest_flight, std::move(shape));
}

/// RFC 8446, 4.1.3: how a server says that it would have had TLS 1.3, or 1.2.
bytes random_ending(std::uint8_t last) {
  return joined({random_bytes(24), as_bytes("DOWNGRD"), number(1, last)});
}

/// A proven acceptor whose answer is strange in a way that changes nothing.
void let_in(const answer_shape& shape) {
  const world of;
  server theirs(of.them, server::honest_answer, shape);
  auto connector = of.connect();
  BOOST_TEST(accepted(duel(connector, theirs)));
  BOOST_TEST(connector.finished());
  BOOST_TEST(of.authenticator.judged() == 1);
}

BOOST_AUTO_TEST_SUITE(attack_on_version)

BOOST_AUTO_TEST_CASE(a_connector_of_tls12_only_is_refused) {
  hello_shape shape;
  shape.versions.clear();
  shape.suites = {ecdsa_aes128_gcm_of_tls12};
  refuses_hello(errc::encryption_refused, alerts::protocol_version, shape);
  shape.suites = {aes256.code, ecdsa_null_sha};
  refuses_hello(errc::encryption_refused, alerts::protocol_version, shape);
}

BOOST_AUTO_TEST_CASE(a_connector_that_supports_only_older_versions_is_refused) {
  for (const std::vector<std::uint16_t>& versions : {std::vector<std::uint16_t>{0x0303},
                                                     {0x0302},
                                                     {0x0302, 0x0303},
                                                     {0x0300},
                                                     {0x7f1c},
                                                     {0xfefd}}) {
    hello_shape shape;
    shape.versions = versions;
    refuses_hello(errc::encryption_refused, alerts::protocol_version, shape);
  }
}

BOOST_AUTO_TEST_CASE(older_versions_beside_tls13_do_not_matter) {
  const world of;
  hello_shape shape;
  shape.versions = {0x0301, 0x0303, 0x0304};
  shape.suites = {ecdsa_null_sha, ecdsa_aes128_gcm_of_tls12, aes256.code};
  client theirs(of.them, client::honest_flight, shape);
  auto handshake = of.accept();
  BOOST_TEST(accepted(duel(handshake, theirs.start())));
  BOOST_TEST(handshake.finished());
}

BOOST_AUTO_TEST_CASE(a_connector_without_a_suite_of_ours_is_refused) {
  for (const std::uint16_t suite : std::initializer_list<std::uint16_t>{
           ecdsa_aes128_gcm_of_tls12, ecdsa_null_sha, 0x1301, chacha20.code, 0x1304}) {
    hello_shape shape;
    shape.suites = {suite};
    refuses_hello(errc::handshake_failed, alerts::handshake_failure, shape);
  }
}

BOOST_AUTO_TEST_CASE(a_connector_of_another_application_protocol_is_refused) {
  for (const auto* name : {"h2", "keywarden/2/required/aes", "keywarden/1/required/AES"}) {
    hello_shape shape;
    shape.protocols = {name};
    refuses_hello(errc::handshake_failed, alerts::no_application_protocol, shape);
  }
}

BOOST_AUTO_TEST_CASE(a_peer_may_leave_out_the_application_protocol) {
  // Other engines do; encryption is required all the same.
  const world of;
  hello_shape shape;
  shape.protocols.clear();
  client connecting(of.them, client::honest_flight, shape);
  auto acceptor = of.accept();
  BOOST_TEST(accepted(duel(acceptor, connecting.start())));
  BOOST_TEST(acceptor.finished());
  BOOST_TEST(connecting.protocol() == "");
  answer_shape answer;
  answer.protocol = "-";
  server accepting(of.them, server::honest_answer, answer);
  auto connector = of.connect();
  BOOST_TEST(accepted(duel(connector, accepting)));
  BOOST_TEST(std::move(connector).finish().value().protection().is_encrypted());
}

BOOST_AUTO_TEST_CASE(a_connector_whose_clause_disables_encryption_is_refused) {
  hello_shape shape;
  shape.protocols = {"keywarden/1/disabled"};
  refuses_hello(errc::encryption_refused, alerts::access_denied, shape);
}

BOOST_AUTO_TEST_CASE(compression_is_refused) {
  hello_shape shape;
  shape.compression = {1, 0};
  refuses_hello(errc::handshake_failed, alerts::illegal_parameter, shape);
}

BOOST_AUTO_TEST_CASE(a_connector_without_the_hybrid_is_refused_where_only_that_is_accepted) {
  const world of;
  const auto strict =
      transport::tls13<transport::hybrid_only>::context<recording>::create(of.authenticator)
          .value();
  client theirs(of.them);
  expect_refusal(of, strict.accept().value(), theirs.start(), errc::handshake_failed,
                 alerts::handshake_failure);
}

BOOST_AUTO_TEST_CASE(an_acceptor_that_picks_tls12_is_refused_with_and_without_the_sentinel) {
  for (const auto& random : {random_bytes(32), random_ending(1), random_ending(0)}) {
    answer_shape shape;
    shape.version = 0;
    shape.suite = ecdsa_aes128_gcm_of_tls12;
    shape.random = random;
    refuses_server(
        errc::encryption_refused, alerts::protocol_version,
        [](server& self) { self.say_plain(content::handshake, self.make_hello()); }, shape);
  }
}

BOOST_AUTO_TEST_CASE(the_sentinel_is_heeded_by_a_connector_that_could_do_without_encryption) {
  const world of;
  const auto supporting =
      transport::tls13_or_integrity_only<>::context<recording>::create(of.authenticator).value();
  for (const bool signalled : {true, false}) {
    answer_shape shape;
    shape.version = 0;
    shape.suite = ecdsa_null_sha;
    shape.random = signalled ? random_ending(1) : random_bytes(32);
    server theirs(
        of.them, [](server& self) { self.say_plain(content::handshake, self.make_hello()); },
        shape);
    // Without the sentinel it is the echoed session id that no server of TLS 1.2 could know.
    expect_refusal(of, supporting.connect("them").value(), theirs, errc::handshake_failed,
                   alerts::illegal_parameter);
  }
}

BOOST_AUTO_TEST_CASE(an_acceptor_that_names_an_older_version_is_refused) {
  for (const std::uint16_t version : std::initializer_list<std::uint16_t>{0x0303, 0x0302, 0x0305}) {
    answer_shape shape;
    shape.version = version;
    refuses_server(
        errc::handshake_failed, alerts::illegal_parameter,
        [](server& self) { self.say_plain(content::handshake, self.make_hello()); }, shape);
  }
}

BOOST_AUTO_TEST_CASE(the_sentinel_in_a_tls13_hello_is_refused) {
  answer_shape shape;
  shape.random = random_ending(1);
  if (over_libssl()) return let_in(shape);  // it looks only where another version was picked
  refuses_server(errc::handshake_failed, alerts::illegal_parameter, server::honest_answer, shape);
}

BOOST_AUTO_TEST_CASE(an_acceptor_that_picks_what_was_not_offered_is_refused) {
  for (const std::uint16_t suite : {chacha20.code, std::uint16_t{0x1301}}) {
    answer_shape shape;
    shape.suite = suite;
    refuses_server(errc::handshake_failed, alerts::illegal_parameter, server::honest_answer, shape);
  }
  answer_shape shape;
  shape.protocol = "keywarden/1/disabled";
  refuses_server(errc::handshake_failed, by_engine(alerts::illegal_parameter, alerts::decode_error),
                 server::honest_answer, shape);
}

// Hellos of somebody else.

BOOST_AUTO_TEST_CASE(a_replayed_hello_leads_nowhere) {
  const world of;
  bytes hello, flight;
  client victim(of.them);
  auto first = of.accept();
  victim.start();
  hello = to_bytes(victim.outgoing());
  BOOST_TEST(accepted(carry(victim, first)));
  BOOST_TEST(accepted(carry(first, victim)));
  flight = to_bytes(victim.outgoing());
  BOOST_TEST(accepted(carry(victim, first)));
  BOOST_TEST_REQUIRE(first.finished());
  BOOST_TEST_REQUIRE(of.authenticator.judged() == 1);

  // All that was on the way, once more: without the share's private half it opens nothing.
  auto second = of.accept();
  BOOST_TEST(accepted(second.receive(hello)));
  BOOST_TEST(!second.finished());
  BOOST_TEST(refused_as(errc::handshake_failed, second.receive(flight)));
  BOOST_TEST(!second.finished());
  BOOST_TEST(of.authenticator.judged() == 1);
  BOOST_TEST(refused_as(errc::handshake_failed, std::move(second).finish()));

  // And nothing that was said to the first is said to the second in the same words.
  auto third = of.accept();
  auto fourth = of.accept();
  third.receive(hello).value();
  fourth.receive(hello).value();
  BOOST_TEST(!std::ranges::equal(third.outgoing(), fourth.outgoing()));
}

BOOST_AUTO_TEST_CASE(our_own_hello_carried_back_to_us_is_refused) {
  // A connector that is led to its own acceptor: no instance is its own peer unless it says so.
  const world of;
  auto connector = of.connect();
  auto acceptor = of.accept();
  auto met = meet(std::move(connector), std::move(acceptor));
  BOOST_TEST(refused_as(errc::peer_unknown, met.connector));
  BOOST_TEST(refused_as(errc::refused_by_peer, met.acceptor));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace attack_version_test
