#include <keywarden/transport/session.hpp>

#include <boost/test/unit_test.hpp>

#include <support/hostile_meeting.hpp>

using namespace keywarden;
using namespace keywarden::testing;
using namespace keywarden::testing::hostile;

// An acceptor that misbehaves, against our connector.

BOOST_AUTO_TEST_SUITE(attack_on_connector)

BOOST_AUTO_TEST_CASE(the_hostile_server_is_accepted_while_it_is_honest) {
  const world of;
  server theirs(of.them);
  auto handshake = of.connect();
  BOOST_TEST_REQUIRE(accepted(duel(handshake, theirs)));
  BOOST_TEST_REQUIRE(handshake.finished());
  BOOST_TEST(of.authenticator.judged() == 1);
  BOOST_TEST(theirs.heard_finished());
  BOOST_TEST(theirs.peer_proven());
  BOOST_TEST((theirs.shown_chain() == chain_of(*of.us)));
  auto session = std::move(handshake).finish().value();
  theirs.say_data("there");
  session.send(as_bytes("and back")).value();
  BOOST_TEST(accepted(duel(session, theirs)));
  BOOST_TEST(as_text(session.received()) == "there");
  BOOST_TEST(theirs.data() == "and back");
}

BOOST_AUTO_TEST_CASE(data_right_behind_the_acceptors_finished_arrives_with_the_session_only) {
  const world of;
  server theirs(of.them, [](server& self) {
    server::honest_answer(self);
    self.say_data("welcome");
  });
  auto handshake = of.connect();
  BOOST_TEST(accepted(duel(handshake, theirs)));
  auto session = std::move(handshake).finish().value();
  BOOST_TEST(as_text(session.received()) == "welcome");
}

BOOST_AUTO_TEST_CASE(data_before_the_acceptors_finished_is_refused) {
  const world of;
  server premature(of.them);
  premature.say_plain(content::data, bytes(64, 'x'));
  expect_refusal(of, of.connect(), premature, errc::handshake_failed, alerts::unexpected_message);
  refuses_server(errc::handshake_failed, alerts::unexpected_message, [](server& self) {
    self.say_hello();
    self.say_data("under handshake keys");
  });
  refuses_server(errc::handshake_failed, alerts::bad_record_mac, [](server& self) {
    self.say_hello();
    self.say_extensions();
    self.use_data_keys();
    self.say_data("under application keys");
  });
  refuses_server(errc::handshake_failed, alerts::bad_record_mac, [](server& self) {
    self.say_hello();
    self.say_extensions();
    self.ask_for_certificate();
    self.show_certificate();
    self.prove(server_context);
    self.use_data_keys();
    self.say_data("under application keys");
  });
}

BOOST_AUTO_TEST_CASE(an_acceptor_without_a_certificate_is_refused) {
  refuses_server(errc::handshake_failed, alerts::unexpected_message, [](server& self) {
    self.say_hello();
    self.say_extensions();
    self.finish();
  });
  refuses_server(errc::handshake_failed, alerts::decode_error, [](server& self) {
    self.say_hello();
    self.say_extensions();
    self.ask_for_certificate();
    self.say_message(certificate_message({}));
    self.finish();
  });
}

void refuses_ending(errc why, int alert, const server::script& ending) {
  refuses_server(why, alert, [&](server& self) {
    self.say_hello();
    self.say_extensions();
    self.ask_for_certificate();
    ending(self);
  });
}

BOOST_AUTO_TEST_CASE(an_acceptor_that_proves_nothing_is_refused) {
  refuses_ending(errc::handshake_failed, alerts::unexpected_message, [](server& self) {
    self.show_certificate();
    self.finish();
  });
}

BOOST_AUTO_TEST_CASE(an_acceptors_wrong_signature_is_refused) {
  const auto thief = make_identity("thief");
  const std::function<bytes(server&)> proofs[] = {
      [&](server& self) {
        return verify_message(*thief->key, server_context, self.transcript_digest());
      },
      [](server& self) {
        return verify_message(*self.own().key, client_context, self.transcript_digest());
      },
      [](server& self) {
        return verify_message(*self.own().key, server_context, random_bytes(48));
      },
      [](server& self) {
        auto made = verify_message(*self.own().key, server_context, self.transcript_digest());
        made.back() ^= 1U;
        return made;
      }};
  for (const auto& each : proofs)
    refuses_ending(errc::peer_unproven, alerts::decrypt_error, [&](server& self) {
      self.show_certificate();
      self.say_message(each(self));
      self.finish();
    });
}

BOOST_AUTO_TEST_CASE(an_acceptors_wrong_finished_is_refused) {
  for (const bool reflected : {false, true})
    refuses_ending(errc::peer_unproven, alerts::decrypt_error, [&](server& self) {
      self.show_certificate();
      self.prove(server_context);
      self.say_message(reflected ? self.finished_message(self.keys().client_handshake)
                                 : framed(message::finished, random_bytes(48)));
      self.use_data_keys();
      self.say_data("welcome");
    });
}

BOOST_AUTO_TEST_CASE(without_the_acceptors_finished_there_is_no_session) {
  const world of;
  server theirs(of.them, [](server& self) {
    self.say_hello();
    self.say_extensions();
    self.ask_for_certificate();
    self.show_certificate();
    self.prove(server_context);
  });
  auto handshake = of.connect();
  BOOST_TEST(accepted(duel(handshake, theirs)));
  BOOST_TEST(!handshake.finished());
  BOOST_TEST(of.authenticator.judged() == 0);
  BOOST_TEST(refused_as(errc::handshake_failed, std::move(handshake).finish()));
}

BOOST_AUTO_TEST_CASE(an_acceptors_messages_out_of_order_are_refused) {
  const server::script orders[] = {[](server& self) {  // no EncryptedExtensions
                                     self.say_hello();
                                     self.ask_for_certificate();
                                   },
                                   [](server& self) {  // another ServerHello
                                     self.say_hello();
                                     self.say_message(self.make_hello());
                                   },
                                   [](server& self) {
                                     self.say_hello();
                                     self.say_extensions();
                                     self.say_extensions();
                                   },
                                   [](server& self) {
                                     self.say_hello();
                                     self.say_extensions();
                                     self.ask_for_certificate();
                                     self.ask_for_certificate();
                                   },
                                   [](server& self) {
                                     self.say_hello();
                                     self.say_extensions();
                                     self.show_certificate();
                                     self.ask_for_certificate();
                                   },
                                   [](server& self) {
                                     self.say_hello();
                                     self.say_extensions();
                                     self.show_certificate();
                                     self.show_certificate();
                                   },
                                   [](server& self) {
                                     self.say_hello();
                                     self.update_keys(false);
                                   }};
  for (const auto& each : orders)
    refuses_server(errc::handshake_failed, alerts::unexpected_message, each);
}

BOOST_AUTO_TEST_CASE(an_unwelcome_acceptor_never_learns_who_dialled) {
  for (const auto why : {errc::peer_unknown, errc::certificate_untrusted, errc::not_permitted}) {
    world of;
    of.authenticator.refuse_all_with(why);
    server theirs(of.them);
    expect_refusal(of, of.connect(), theirs, why, alerts::access_denied, 1);
    BOOST_TEST(theirs.shown_chain().empty());
    BOOST_TEST(!theirs.heard_finished());
  }
}

BOOST_AUTO_TEST_CASE(messages_after_the_acceptors_finished_end_the_session) {
  const server::script more[] = {
      [](server& self) { self.say_message(self.finished_message(self.keys().server_handshake)); },
      [](server& self) { self.show_certificate(); },
      [](server& self) { self.ask_for_certificate(); },  // post-handshake authentication
      [](server& self) { self.say_message(self.make_hello()); },
  };
  for (const auto& each : more) {
    const world of;
    server theirs(of.them);
    auto handshake = of.connect();
    BOOST_TEST_REQUIRE(accepted(duel(handshake, theirs)));
    auto session = std::move(handshake).finish().value();
    each(theirs);
    theirs.say_data("after");
    BOOST_TEST(refused_as(errc::malformed, duel(session, theirs)));
    BOOST_TEST(theirs.alert() == alerts::unexpected_message);
    BOOST_TEST(session.received().empty());
  }
}

BOOST_AUTO_TEST_CASE(tickets_are_taken_and_never_used) {
  const world of;
  server theirs(of.them);
  auto handshake = of.connect();
  BOOST_TEST_REQUIRE(accepted(duel(handshake, theirs)));
  auto session = std::move(handshake).finish().value();
  for (std::uint8_t each = 0; each < 100; ++each)
    theirs.say(content::handshake,
               framed(message::new_session_ticket,
                      joined({number(4, 7200), number(4, 1), sized(1, bytes(1, each)),
                              sized(2, random_bytes(200)), number(2, 0)})));
  theirs.say_data("still here");
  BOOST_TEST(accepted(duel(session, theirs)));
  BOOST_TEST(as_text(session.received()) == "still here");
  server again(of.them);
  auto second = of.connect();
  BOOST_TEST(accepted(duel(second, again)));
  BOOST_TEST(again.offered_identities().empty());
  BOOST_TEST(second.finished());
  BOOST_TEST(of.authenticator.judged() == 2);
}

BOOST_AUTO_TEST_CASE(a_key_that_was_never_offered_cannot_be_chosen) {
  answer_shape shape;
  shape.selected = 0;
  shape.shared_key = random_bytes(48);
  refuses_server(
      errc::handshake_failed, alerts::unsupported_extension,
      [](server& self) {
        self.say_hello();
        self.say_extensions();
        self.finish();
      },
      shape);
}

BOOST_AUTO_TEST_SUITE_END()
