#include <keywarden/transport/session.hpp>

#include <boost/test/unit_test.hpp>

#include <support/hostile_meeting.hpp>

namespace attack_garbage_test {

using namespace keywarden;
using namespace keywarden::testing;
using namespace keywarden::testing::hostile;

// Every byte that a peer says, altered or missing: nobody is let in, nobody is judged.

/// Whether a refusal is one that `handshake::receive` lists for what does not make sense.
boost::test_tools::assertion_result is_listed(const result<void>& fate) {
  boost::test_tools::assertion_result holds(true);
  if (fate) return holds;
  for (const auto each : {errc::handshake_failed, errc::peer_unproven, errc::encryption_refused,
                          errc::refused_by_peer, errc::limit_exceeded})
    if (fate.error() == each) return holds;
  holds = false;
  holds.message() << fate.error().message();
  return holds;
}

/// A handshake up to the client's flight, which is `theirs.outgoing()`.
struct halfway {
  const world& of;
  client theirs{of.them};
  transport::handshake acceptor = of.accept();

  explicit halfway(const world& with) : of(with) {
    carry(theirs.start(), acceptor).value();
    carry(acceptor, theirs).value();
  }
};

/// Shows a connector or acceptor something that was altered; it may refuse, wait or go on, but
/// nobody has proved anything.
void shows(const world& of, transport::handshake& ours, bytes_view altered) {
  const auto fate = ours.receive(altered);
  BOOST_TEST_REQUIRE(is_listed(fate));
  BOOST_TEST_REQUIRE(!ours.finished());
  BOOST_TEST_REQUIRE(of.authenticator.judged() == 0);
}

BOOST_AUTO_TEST_SUITE(attack_by_garbage)

BOOST_AUTO_TEST_CASE(no_byte_of_a_hello_can_be_altered) {
  const world of;
  client sample(of.them);
  const auto size = sample.start().outgoing().size();
  std::size_t answered = 0;
  for (std::size_t at = 0; at < size; ++at) {
    if (at == 2) continue;  // the record's minor version means nothing (RFC 8446, 5.1)
    for (const std::uint8_t bit : std::initializer_list<std::uint8_t>{0x01, 0x80}) {
      client theirs(of.them);
      auto hello = to_bytes(theirs.start().outgoing());
      theirs.sent(hello.size());
      hello[at] ^= bit;
      auto acceptor = of.accept();
      shows(of, acceptor, hello);
      // If there is an answer, it is to another hello than the client's: it cannot go on.
      carry(acceptor, theirs).value();
      answered += theirs.unreadable() == 0 ? 0U : 1U;
      BOOST_TEST_REQUIRE(theirs.outgoing().empty());
    }
  }
  BOOST_TEST(answered > 0);
}

BOOST_AUTO_TEST_CASE(no_byte_of_a_flight_can_be_altered) {
  const world of;
  const auto size = halfway(of).theirs.outgoing().size();
  BOOST_TEST(size > 400);
  for (std::size_t at = 0; at < size - 2; ++at) {  // signatures differ in length by a byte or two
    halfway met(of);
    auto flight = to_bytes(met.theirs.outgoing());
    flight[at] ^= static_cast<std::uint8_t>(1U << at % 8);
    shows(of, met.acceptor, flight);
  }
}

BOOST_AUTO_TEST_CASE(a_flight_that_ends_too_early_yields_no_session) {
  const world of;
  halfway met(of);
  const auto flight = to_bytes(met.theirs.outgoing());
  for (std::size_t at = 0; at + 1 < flight.size(); ++at)
    shows(of, met.acceptor, bytes_view(flight).subspan(at, 1));
  BOOST_TEST(refused_as(errc::handshake_failed, std::move(met.acceptor).finish()));
}

BOOST_AUTO_TEST_CASE(no_byte_of_an_acceptors_answer_can_be_altered) {
  const world of;
  const auto answer = [&](transport::handshake& connector) {
    server theirs(of.them);
    carry(connector, theirs).value();
    return to_bytes(theirs.outgoing());
  };
  auto sample = of.connect();
  const auto size = answer(sample).size();
  for (std::size_t at = 0; at < size - 2; ++at) {
    if (at == 2) continue;  // as above
    auto connector = of.connect();
    auto altered = answer(connector);
    altered[at] ^= static_cast<std::uint8_t>(1U << at % 8);
    shows(of, connector, altered);
  }
}

BOOST_AUTO_TEST_CASE(every_extension_that_a_hello_needs_is_needed) {
  const auto refused = [](hello_shape shape, int alert) {
    refuses_client(errc::handshake_failed, alert, client::honest_flight, std::move(shape));
  };
  hello_shape without_groups;
  without_groups.groups.clear();
  refused(without_groups, alerts::missing_extension);
  hello_shape without_schemes;
  without_schemes.schemes.clear();
  refused(without_schemes, alerts::decode_error);
  hello_shape unknown_schemes;
  unknown_schemes.schemes = {0x0203, 0xffff};
  refused(unknown_schemes, alerts::handshake_failure);
}

BOOST_AUTO_TEST_CASE(an_extension_named_twice_is_refused) {
  hello_shape shape;
  shape.more = {extension(extension_type::key_modes, bytes{1, 1})};
  refuses_client(errc::handshake_failed, by_engine(alerts::decode_error, alerts::illegal_parameter),
                 client::honest_flight, shape);
}

BOOST_AUTO_TEST_CASE(a_cookie_that_was_never_given_is_refused) {
  hello_shape shape;
  shape.more = {extension(extension_type::cookie, sized(2, random_bytes(32)))};
  if (over_libssl()) return;  // it gives none, and overlooks one
  refuses_client(errc::handshake_failed, alerts::illegal_parameter, client::honest_flight, shape);
}

BOOST_AUTO_TEST_CASE(a_certificate_that_is_none_is_refused) {
  const bytes shown[] = {random_bytes(300), bytes{0x30, 0x80, 0, 0}, bytes{0x30, 0x84, 0xff, 0xff},
                         bytes(1)};
  for (const auto& each : shown)
    refuses_client(errc::handshake_failed, alerts::decode_error, [&](client& self) {
      self.say_message(certificate_message({each}));
      self.prove(client_context);
      self.finish();
    });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace attack_garbage_test
