#include <keywarden/transport/session.hpp>

#include <boost/test/unit_test.hpp>

#include <support/hostile_meeting.hpp>

namespace attack_flood_test {

using namespace keywarden;
using namespace keywarden::testing;
using namespace keywarden::testing::hostile;

// Alerts, ChangeCipherSpecs and KeyUpdates: where they do not belong, and without end.

/// Feeds an acceptor that has answered a hello the same thing until it refuses; gives the bytes
/// that it took.
std::size_t flood_after_hello(const std::function<bytes(client&)>& each, errc why) {
  const world of;
  client theirs(of.them, [](client&) {});
  auto acceptor = of.accept();
  duel(acceptor, theirs.start()).value();
  std::size_t taken = 0;
  result<void> fate = done();
  for (; fate && taken < 10'000'000; fate = duel(acceptor, theirs)) {
    const auto record = each(theirs);
    taken += record.size();
    theirs.say_bytes(record);
  }
  BOOST_TEST(refused_as(why, fate));
  BOOST_TEST(of.authenticator.judged() == 0);
  return taken;
}

BOOST_AUTO_TEST_SUITE(attack_by_flood)

BOOST_AUTO_TEST_CASE(a_flood_during_a_handshake_is_cut_off) {
  constexpr std::size_t most = 262144 + 100;
  // OpenSSL has limits of its own, and reaches them sooner.
  const auto why = by_engine(errc::limit_exceeded, errc::handshake_failed);
  BOOST_TEST(flood_after_hello(
                 [](client&) { return plain_record(content::change_cipher_spec, bytes{1}); }, why) <
             most);
  BOOST_TEST(flood_after_hello(
                 [](client& self) {
                   return self.write_key().seal(content::alert, bytes{1, 90});  // user_canceled
                 },
                 why) < most);
  BOOST_TEST(flood_after_hello(
                 [](client& self) {
                   return self.write_key().seal(content::handshake, bytes(1, 11), 16000);
                 },
                 errc::handshake_failed) < most);
}

BOOST_AUTO_TEST_CASE(a_peer_that_is_cut_off_is_told_so) {
  const world of;
  client theirs(of.them, [](client& self) {
    for (int i = 0; i < 50000; ++i) self.say_plain(content::change_cipher_spec, bytes{1});
  });
  auto acceptor = of.accept();
  BOOST_TEST(refused_as(by_engine(errc::limit_exceeded, errc::handshake_failed),
                        duel(acceptor, theirs.start())));
  BOOST_TEST(theirs.alert() != alerts::none);
}

BOOST_AUTO_TEST_CASE(change_cipher_spec_where_it_may_be_is_ignored) {
  const world of;
  client theirs(of.them, [](client& self) {
    self.say_plain(content::change_cipher_spec, bytes{1});
    client::honest_flight(self);
  });
  auto handshake = of.accept();
  theirs.start().say_plain(content::change_cipher_spec, bytes{1});
  BOOST_TEST(accepted(duel(handshake, theirs)));
  BOOST_TEST(handshake.finished());
}

BOOST_AUTO_TEST_CASE(change_cipher_spec_elsewhere_or_malformed_is_refused) {
  const world of;
  client early(of.them);
  early.say_plain(content::change_cipher_spec, bytes{1});
  expect_refusal(of, of.accept(), early, errc::handshake_failed, alerts::unexpected_message);
  for (const auto& wrong : {bytes{2}, bytes{0}, bytes{1, 1}, bytes{1, 1, 1, 1}})
    refuses_client(errc::handshake_failed,
                   by_engine(alerts::unexpected_message, alerts::illegal_parameter),
                   [&](client& self) { self.say_plain(content::change_cipher_spec, wrong); });
  refuses_client(errc::handshake_failed, alerts::unexpected_message,
                 [](client& self) { self.say(content::change_cipher_spec, bytes{1}); });
  inside meeting;
  meeting.theirs.say_plain(content::change_cipher_spec, bytes{1});
  meeting.expect_end(errc::malformed, alerts::unexpected_message);
}

BOOST_AUTO_TEST_CASE(an_error_alert_that_says_warning_is_refused) {
  // Or taken for the error that it is (RFC 8446, 6).
  const world of;
  client theirs(of.them);
  theirs.say_plain(content::alert, bytes{1, 40});
  expect_refusal(of, of.accept(), theirs, errc::handshake_failed,
                 by_engine(alerts::decode_error, alerts::unexpected_message));
  const auto answer = by_engine(alerts::decode_error, alerts::none);
  refuses_client(by_engine(errc::handshake_failed, errc::refused_by_peer), answer,
                 [](client& self) { self.say_alert(1, 49); });
  inside meeting;
  meeting.theirs.say_alert(1, 40);
  meeting.expect_end(by_engine(errc::malformed, errc::refused_by_peer), answer);
}

BOOST_AUTO_TEST_CASE(a_malformed_alert_is_refused) {
  const auto no_alert = by_engine(alerts::decode_error, alerts::unexpected_message);
  const auto no_level = by_engine(alerts::illegal_parameter, alerts::none);
  const std::pair<bytes, int> malformed[] = {{bytes{2}, no_alert},
                                             {bytes{2, 40, 0}, no_alert},
                                             {bytes{0, 40}, no_level},
                                             {bytes{3, 40}, no_level}};
  for (const auto& [said, alert] : malformed)
    refuses_client(alert == alerts::none ? errc::refused_by_peer : errc::handshake_failed, alert,
                   [&](client& self) { self.say(content::alert, said); });
}

BOOST_AUTO_TEST_CASE(the_peers_fatal_alert_ends_the_handshake_and_is_not_answered) {
  refuses_client(errc::refused_by_peer, alerts::none, [](client& self) { self.say_alert(2, 80); });
  refuses_client(errc::refused_by_peer, alerts::none, [](client& self) {
    self.say_alert(2, 222);  // unknown
  });
  inside meeting;
  meeting.theirs.say_alert(2, 80);
  meeting.expect_end(errc::refused_by_peer, alerts::none);
}

BOOST_AUTO_TEST_CASE(a_peer_that_closes_during_the_handshake_is_refused) {
  // Nothing that comes after close_notify counts, so there will be no session.
  const world of;
  client theirs(of.them, [](client& self) {
    self.say_alert(1, 0);
    client::honest_flight(self);
  });
  auto handshake = of.accept();
  const auto fate = duel(handshake, theirs.start());
  BOOST_TEST(!handshake.finished());
  BOOST_TEST(of.authenticator.judged() == 0);
  BOOST_TEST(refused_as(errc::handshake_failed, fate));
  BOOST_TEST(refused_as(errc::handshake_failed, std::move(handshake).finish()));
}

BOOST_AUTO_TEST_CASE(a_peer_may_prove_itself_speak_and_close_in_one_breath) {
  const world of;
  client theirs(of.them, [](client& self) {
    client::honest_flight(self);
    self.say_data("all there is");
    self.say_alert(1, 0);
  });
  auto handshake = of.accept();
  BOOST_TEST(accepted(duel(handshake, theirs.start())));
  const auto session = std::move(handshake).finish().value();
  BOOST_TEST(session.peer_closed());
  BOOST_TEST(as_text(session.received()) == "all there is");
}

BOOST_AUTO_TEST_CASE(a_peer_that_breaks_off_right_behind_its_finished_is_refused) {
  refuses_client(
      errc::refused_by_peer, alerts::none,
      [](client& self) {
        client::honest_flight(self);
        self.say_data("let me in");
        self.say_alert(2, 80);
      },
      {}, 1);
}

BOOST_AUTO_TEST_CASE(data_after_close_notify_is_not_delivered) {
  inside meeting;
  meeting.theirs.say_data("before");
  meeting.theirs.say_alert(1, 0);
  meeting.theirs.say_data("after");
  BOOST_TEST(accepted(duel(meeting.session, meeting.theirs)));
  BOOST_TEST(meeting.session.peer_closed());
  BOOST_TEST(as_text(meeting.session.received()) == "before");
  meeting.theirs.say_data("and more");
  BOOST_TEST(accepted(duel(meeting.session, meeting.theirs)));  // ignored: RFC 8446, 6.1
  BOOST_TEST(as_text(meeting.session.received()) == "before");
}

BOOST_AUTO_TEST_CASE(a_key_update_before_finished_is_refused) {
  refuses_client(errc::handshake_failed, alerts::unexpected_message,
                 [](client& self) { self.update_keys(false); });
  refuses_client(errc::handshake_failed, alerts::unexpected_message, [](client& self) {
    self.show_certificate();
    self.prove(client_context);
    self.update_keys(true);
    self.finish();
  });
}

BOOST_AUTO_TEST_CASE(one_key_update_is_followed_and_answered) {
  inside meeting;
  meeting.theirs.update_keys(true);
  meeting.theirs.say_data("under new keys");
  BOOST_TEST(accepted(duel(meeting.session, meeting.theirs)));
  BOOST_TEST(as_text(meeting.session.received()) == "under new keys");
  meeting.session.send(as_bytes("here too")).value();
  BOOST_TEST(accepted(duel(meeting.session, meeting.theirs)));
  BOOST_TEST(meeting.theirs.key_updates() == 1U);
  BOOST_TEST(meeting.theirs.data() == "here too");
}

BOOST_AUTO_TEST_CASE(a_flood_of_key_updates_ends_the_session) {
  for (const bool ask : {false, true}) {
    inside meeting;
    for (int i = 0; i < 1000; ++i) meeting.theirs.update_keys(ask);
    meeting.expect_end(errc::malformed, alerts::unexpected_message);
    BOOST_TEST(meeting.theirs.key_updates() == (ask ? by_engine(0U, 1U) : 0U));
  }
}

BOOST_AUTO_TEST_CASE(a_key_update_that_is_malformed_or_has_company_ends_the_session) {
  const auto update = framed(message::key_update, number(1, 0));
  const std::pair<bytes, int> wrong[] = {
      {framed(message::key_update, number(1, 2)), alerts::illegal_parameter},
      {framed(message::key_update, {}), alerts::decode_error},
      {framed(message::key_update, number(2, 0)),
       by_engine(alerts::decode_error, alerts::illegal_parameter)},
      {joined({update, update}), alerts::unexpected_message}};
  for (const auto& [said, alert] : wrong) {
    inside meeting;
    meeting.theirs.say(content::handshake, said);
    meeting.expect_end(errc::malformed, alert);
  }
}

BOOST_AUTO_TEST_CASE(empty_data_without_end_takes_no_room) {
  inside meeting;
  for (int i = 0; i < by_engine(20000, 32); ++i) meeting.theirs.say(content::data, {});
  meeting.theirs.say_data("at last");
  BOOST_TEST(accepted(duel(meeting.session, meeting.theirs)));
  BOOST_TEST(as_text(meeting.session.received()) == "at last");
  if (!over_libssl()) return;
  for (int i = 0; i < 33; ++i) meeting.theirs.say(content::data, {});
  BOOST_TEST(refused_as(errc::malformed, duel(meeting.session, meeting.theirs)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace attack_flood_test
