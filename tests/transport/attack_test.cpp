#include <keywarden/transport/session.hpp>

#include <boost/test/unit_test.hpp>

#include <support/hostile_meeting.hpp>

using namespace keywarden;
using namespace keywarden::testing;
using namespace keywarden::testing::hostile;

// A connector that misbehaves, against our acceptor: it is refused for what it did, it gets no
// data in, and nobody is asked to judge a peer whose Finished has not come.

BOOST_AUTO_TEST_SUITE(attack)

BOOST_AUTO_TEST_CASE(the_hostile_client_is_let_in_while_it_is_honest) {
  const world of;
  client theirs(of.them);
  auto handshake = of.accept();
  BOOST_TEST_REQUIRE(accepted(duel(handshake, theirs.start())));
  BOOST_TEST_REQUIRE(handshake.finished());
  BOOST_TEST(of.authenticator.judged() == 1);
  BOOST_TEST(theirs.peer_proven());
  BOOST_TEST((theirs.shown_chain() == chain_of(*of.us)));
  BOOST_TEST(theirs.protocol() == "keywarden/1/required/aes");
  auto session = std::move(handshake).finish().value();
  BOOST_TEST(session.peer().login == "them");
  theirs.say_data("there");
  session.send(as_bytes("and back")).value();
  BOOST_TEST(accepted(duel(session, theirs)));
  BOOST_TEST(as_text(session.received()) == "there");
  BOOST_TEST(theirs.data() == "and back");
}

BOOST_AUTO_TEST_CASE(nobody_is_judged_until_the_last_byte_of_finished) {
  const world of;
  client theirs(of.them);
  auto handshake = of.accept();
  BOOST_TEST(accepted(carry(theirs.start(), handshake)));
  BOOST_TEST(accepted(carry(handshake, theirs)));
  while (theirs.outgoing().size() > 1) {
    BOOST_TEST_REQUIRE(accepted(handshake.receive(theirs.outgoing().first(1))));
    theirs.sent(1);
    BOOST_TEST_REQUIRE(of.authenticator.judged() == 0);
    BOOST_TEST_REQUIRE(!handshake.finished());
  }
  BOOST_TEST(accepted(handshake.receive(theirs.outgoing())));
  BOOST_TEST(of.authenticator.judged() == 1);
  BOOST_TEST(handshake.finished());
}

// Data before Finished.

BOOST_AUTO_TEST_CASE(data_before_a_hello_is_refused) {
  const world of;
  client theirs(of.them);
  theirs.say_plain(content::data, bytes(64, 'x'));
  expect_refusal(of, of.accept(), theirs, errc::handshake_failed, alerts::unexpected_message);
}

BOOST_AUTO_TEST_CASE(data_under_handshake_keys_is_refused) {
  refuses_client(errc::handshake_failed, alerts::unexpected_message,
                 [](client& self) { self.say_data("let me in"); });
}

BOOST_AUTO_TEST_CASE(data_instead_of_certificate_verify_and_finished_is_refused) {
  // CVE-2026-34582: an engine that knows the application keys already must not use them yet.
  refuses_client(errc::handshake_failed, alerts::bad_record_mac, [](client& self) {
    self.skip_to_data_keys();
    self.say_data("let me in");
  });
}

BOOST_AUTO_TEST_CASE(data_between_certificate_verify_and_finished_is_refused) {
  const auto prove = [](client& self) {
    self.show_certificate();
    self.prove(client_context);
  };
  refuses_client(errc::handshake_failed, alerts::unexpected_message, [&](client& self) {
    prove(self);
    self.say_data("under handshake keys");
    self.finish();
  });
  refuses_client(errc::handshake_failed, alerts::bad_record_mac, [&](client& self) {
    prove(self);
    self.skip_to_data_keys();
    self.say_data("under application keys");
  });
}

BOOST_AUTO_TEST_CASE(early_data_is_refused_with_and_without_a_key_to_resume) {
  for (const bool with_key : {false, true}) {
    const world of;
    hello_shape shape;
    shape.early_data = true;
    if (with_key) shape.keys = {{random_bytes(64), random_bytes(48), "res binder"}};
    client theirs(of.them, client::honest_flight, shape);
    theirs.start().write_early();
    theirs.say_data("early");
    expect_refusal(of, of.accept(), theirs, errc::handshake_failed,
                   by_engine(alerts::bad_record_mac, alerts::unexpected_message));
  }
}

BOOST_AUTO_TEST_CASE(an_offer_of_early_data_that_is_not_used_changes_nothing) {
  const world of;
  hello_shape shape;
  shape.early_data = true;
  shape.keys = {{random_bytes(64), random_bytes(48), "res binder"}};
  client theirs(of.them, client::honest_flight, shape);
  auto handshake = of.accept();
  BOOST_TEST(accepted(duel(handshake, theirs.start())));
  BOOST_TEST(handshake.finished());
  BOOST_TEST(!theirs.resumed());
  BOOST_TEST(of.authenticator.judged() == 1);
}

// Messages left out.

BOOST_AUTO_TEST_CASE(a_finished_without_a_certificate_is_refused) {
  refuses_client(errc::handshake_failed, alerts::unexpected_message,
                 [](client& self) { self.finish(); });
}

BOOST_AUTO_TEST_CASE(a_certificate_verify_without_a_certificate_is_refused) {
  refuses_client(errc::handshake_failed, alerts::unexpected_message, [](client& self) {
    self.prove(client_context);
    self.finish();
  });
}

BOOST_AUTO_TEST_CASE(an_empty_certificate_is_refused) {
  refuses_client(errc::peer_unproven, alerts::certificate_required, [](client& self) {
    self.say_message(certificate_message({}));
    self.finish();
    self.say_data("let me in");
  });
}

BOOST_AUTO_TEST_CASE(a_certificate_without_certificate_verify_is_refused) {
  refuses_client(errc::handshake_failed, alerts::unexpected_message, [](client& self) {
    self.show_certificate();
    self.finish();
    self.say_data("let me in");
  });
}

BOOST_AUTO_TEST_CASE(without_a_finished_there_is_no_session) {
  const world of;
  client theirs(of.them, [](client& self) {
    self.show_certificate();
    self.prove(client_context);
  });
  auto handshake = of.accept();
  BOOST_TEST(accepted(duel(handshake, theirs.start())));
  BOOST_TEST(!handshake.finished());
  BOOST_TEST(of.authenticator.judged() == 0);
  BOOST_TEST(refused_as(errc::handshake_failed, std::move(handshake).finish()));
}

// Proofs that are none.

void refuses_proof(const std::function<bytes(client&)>& make) {
  refuses_client(errc::peer_unproven, alerts::decrypt_error, [&](client& self) {
    self.show_certificate();
    self.say_message(make(self));
    self.finish();
  });
}

BOOST_AUTO_TEST_CASE(a_wrong_signature_is_refused) {
  refuses_proof([](client& self) {
    auto made = verify_message(*self.own().key, client_context, self.transcript_digest());
    made.back() ^= 1U;
    return made;
  });
}

BOOST_AUTO_TEST_CASE(a_signature_over_another_transcript_is_refused) {
  refuses_proof([](client& self) {
    return verify_message(*self.own().key, client_context, random_bytes(48));
  });
  refuses_proof([](client& self) {  // without its own Certificate
    const auto before =
        bytes_view(self.transcript())
            .first(self.transcript().size() - certificate_message(chain_of(self.own())).size());
    return verify_message(*self.own().key, client_context, digest(self.with(), before));
  });
}

BOOST_AUTO_TEST_CASE(an_acceptors_signature_is_no_connectors) {
  refuses_proof([](client& self) {
    return verify_message(*self.own().key, server_context, self.transcript_digest());
  });
}

BOOST_AUTO_TEST_CASE(a_trusted_certificate_without_its_key_is_refused) {
  const auto thief = make_identity("thief");
  refuses_proof([&](client& self) {
    return verify_message(*thief->key, client_context, self.transcript_digest());
  });
}

BOOST_AUTO_TEST_CASE(a_proof_from_another_connection_is_refused) {
  const world of;
  bytes recorded;
  client victim(of.them, [&](client& self) {
    self.show_certificate();
    recorded = verify_message(*self.own().key, client_context, self.transcript_digest());
    self.say_message(recorded);
    self.finish();
  });
  auto first = of.accept();
  BOOST_TEST_REQUIRE(accepted(duel(first, victim.start())));
  BOOST_TEST_REQUIRE(first.finished());
  client thief(make_identity("thief"), [&](client& self) {
    self.say_message(certificate_message(chain_of(*of.them)));
    self.say_message(recorded);
    self.finish();
  });
  expect_refusal(of, of.accept(), thief.start(), errc::peer_unproven, alerts::decrypt_error, 1);
}

BOOST_AUTO_TEST_CASE(the_acceptors_own_certificate_and_signature_shown_back_are_refused) {
  // Reflection: what our acceptor signed, as if the connector had.
  const auto us = make_identity("us");
  const auto authenticator = recording(knows(us, *us, "us"));
  world of;
  of.us = us;
  of.authenticator = authenticator;
  of.ours = world::context::create(authenticator).value();
  client thief(make_identity("thief"), [&](client& self) {
    self.say_message(certificate_message(self.shown_chain()));
    self.prove(client_context);
    self.finish();
  });
  expect_refusal(of, of.accept(), thief.start(), errc::peer_unproven, alerts::decrypt_error);
}

BOOST_AUTO_TEST_CASE(a_signature_scheme_that_was_not_asked_for_is_refused) {
  constexpr std::uint16_t ecdsa_sha1 = 0x0203;
  refuses_client(errc::handshake_failed, alerts::illegal_parameter, [&](client& self) {
    self.show_certificate();
    self.say_message(
        verify_message(*self.own().key, client_context, self.transcript_digest(), ecdsa_sha1));
    self.finish();
  });
}

BOOST_AUTO_TEST_CASE(a_wrong_finished_is_refused) {
  const auto ends_with = [](const std::function<bytes(client&)>& finished,
                            errc why = errc::peer_unproven, int alert = alerts::decrypt_error) {
    refuses_client(why, alert, [&](client& self) {
      self.show_certificate();
      self.prove(client_context);
      self.say_message(finished(self));
      self.skip_to_data_keys();
      self.say_data("let me in");
    });
  };
  ends_with([](client& self) {
    auto made = self.finished_message(self.keys().client_handshake);
    made[4] ^= 0x80U;
    return made;
  });
  ends_with([](client& self) { return self.finished_message(self.keys().server_handshake); });
  // OpenSSL looks at the size first.
  const auto of_another_size = by_engine(errc::peer_unproven, errc::handshake_failed);
  ends_with([](client&) { return framed(message::finished, {}); }, of_another_size,
            by_engine(alerts::decrypt_error, alerts::decode_error));
  ends_with([](client&) { return framed(message::finished, bytes(4096)); }, of_another_size,
            by_engine(alerts::decrypt_error, alerts::illegal_parameter));
}

// Messages too many.

BOOST_AUTO_TEST_CASE(a_second_certificate_is_refused) {
  refuses_client(errc::handshake_failed, alerts::unexpected_message, [](client& self) {
    self.show_certificate();
    self.show_certificate();
    self.prove(client_context);
    self.finish();
  });
}

BOOST_AUTO_TEST_CASE(a_second_certificate_verify_is_refused) {
  refuses_client(errc::handshake_failed, alerts::unexpected_message, [](client& self) {
    self.show_certificate();
    self.prove(client_context);
    self.prove(client_context);
    self.finish();
  });
}

BOOST_AUTO_TEST_CASE(a_second_hello_is_refused) {
  refuses_client(errc::handshake_failed, alerts::unexpected_message,
                 [](client& self) { self.say_message(self.hello()); });
}

BOOST_AUTO_TEST_CASE(handshake_messages_after_finished_end_the_session) {
  const std::function<bytes(client&)> more[] = {
      [](client& self) { return self.finished_message(self.keys().client_handshake); },
      [](client& self) { return certificate_message(chain_of(self.own())); },
      [](client& self) { return self.hello(); },
      [](client&) {  // of no lifetime, with an empty nonce
        return framed(message::new_session_ticket,
                      joined({bytes(9), sized(2, random_bytes(16)), bytes(2)}));
      },
  };
  for (const auto& each : more) {
    inside meeting;
    auto& theirs = meeting.theirs;
    theirs.say_data("before");
    theirs.say_message(each(theirs));
    theirs.say_data("after");
    meeting.expect_end(errc::malformed, alerts::unexpected_message);
    BOOST_TEST(meeting.of.authenticator.judged() == 1);
  }
}

BOOST_AUTO_TEST_CASE(a_second_finished_in_the_same_flight_yields_no_session) {
  refuses_client(
      errc::malformed, alerts::unexpected_message,
      [](client& self) {
        client::honest_flight(self);
        self.say_message(self.finished_message(self.keys().client_handshake));
      },
      {}, 1);
}

BOOST_AUTO_TEST_SUITE_END()
