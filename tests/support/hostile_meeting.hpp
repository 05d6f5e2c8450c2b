/// @file
/// What became of a hostile peer that met ours, as assertions.
#pragma once

#include <utility>

#include <boost/test/unit_test.hpp>

#include <support/hostile_world.hpp>
#include <support/refusals.hpp>

namespace keywarden::testing::hostile {

/// Asserts that `theirs` is refused by `ours` with exactly this code and alert, that nothing was
/// delivered, and how often the authenticator had to judge.
template <class Theirs>
void expect_refusal(const world& of, transport::handshake ours, Theirs& theirs, errc why, int alert,
                    int judged = 0) {
  const auto fate = duel(ours, theirs);
  BOOST_TEST(refused_as(why, fate));
  BOOST_TEST(!ours.finished());
  BOOST_TEST(theirs.alert() == alert);
  BOOST_TEST(theirs.data() == "");
  BOOST_TEST(of.authenticator.judged() == judged);
  // There is no session, and so no `received()`; and the refusal stays.
  BOOST_TEST(refused_as(why, ours.receive(as_bytes("more"))));
  BOOST_TEST(refused_as(why, std::move(ours).finish()));
}

/// A client with a script against our acceptor.
inline void refuses_client(errc why, int alert, client::script flight, hello_shape shape = {},
                           int judged = 0) {
  const world of;
  client theirs(of.them, std::move(flight), std::move(shape));
  expect_refusal(of, of.accept(), theirs.start(), why, alert, judged);
}
/// A server with a script against our connector.
inline void refuses_server(errc why, int alert, server::script answer, answer_shape shape = {},
                           int judged = 0) {
  const world of;
  server theirs(of.them, std::move(answer), std::move(shape));
  expect_refusal(of, of.connect(), theirs, why, alert, judged);
}

/// A client that was let in, and the session with it.
struct inside {
  world of;
  client theirs{of.them};
  transport::session session = [this] {
    auto handshake = of.accept();
    duel(handshake, theirs.start()).value();
    return std::move(handshake).finish().value();
  }();

  /// Asserts that what the client has said by now ends the session.
  void expect_end(errc why, int alert) {
    BOOST_TEST(refused_as(why, duel(session, theirs)));
    BOOST_TEST(theirs.alert() == alert);
    BOOST_TEST(session.received().empty());
    BOOST_TEST(refused_as(why, session.send(as_bytes("more"))));
    BOOST_TEST(refused_as(why, session.receive(as_bytes("more"))));
  }
};

/// Alerts (RFC 8446, 6).
namespace alerts {
inline constexpr int none = -1;
inline constexpr int close_notify = 0;
inline constexpr int unexpected_message = 10;
inline constexpr int bad_record_mac = 20;
inline constexpr int record_overflow = 22;
inline constexpr int handshake_failure = 40;
inline constexpr int bad_certificate = 42;
inline constexpr int illegal_parameter = 47;
inline constexpr int access_denied = 49;
inline constexpr int decode_error = 50;
inline constexpr int decrypt_error = 51;
inline constexpr int protocol_version = 70;
inline constexpr int internal_error = 80;
inline constexpr int missing_extension = 109;
inline constexpr int unsupported_extension = 110;
inline constexpr int certificate_required = 116;
inline constexpr int no_application_protocol = 120;
}  // namespace alerts

}  // namespace keywarden::testing::hostile
