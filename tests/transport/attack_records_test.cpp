#include <keywarden/transport/session.hpp>

#include <span>

#include <boost/test/unit_test.hpp>

#include <support/hostile_meeting.hpp>

namespace attack_records_test {

using namespace keywarden;
using namespace keywarden::testing;
using namespace keywarden::testing::hostile;

// Records that are wrong, too large, too small, too many, or in strange pieces.

/// The three messages of an honest flight, as they would be said one after the other.
std::vector<bytes> flight_messages(client& self) {
  std::vector<bytes> said{certificate_message(chain_of(self.own()))};
  self.pretend_message(said.back());
  said.push_back(verify_message(*self.own().key, client_context, self.transcript_digest()));
  self.pretend_message(said.back());
  said.push_back(self.finished_message(self.keys().client_handshake));
  return said;
}

/// Whether a client whose flight is cut into records by `say` is let in, and can talk.
bool let_in(const client::script& say) {
  const world of;
  client theirs(of.them, [&](client& self) {
    say(self);
    self.skip_to_data_keys();
    self.say_data("there");
  });
  auto handshake = of.accept();
  if (!accepted(duel(handshake, theirs.start())) || of.authenticator.judged() != 1) return false;
  return as_text(std::move(handshake).finish().value().received()) == "there";
}

BOOST_AUTO_TEST_SUITE(attack_on_records)

// Pieces.

BOOST_AUTO_TEST_CASE(a_flight_in_records_of_one_byte_is_understood) {
  BOOST_TEST(let_in([](client& self) {
    for (const auto& each : flight_messages(self))
      for (const auto byte : each) self.say(content::handshake, bytes{byte});
  }));
}

BOOST_AUTO_TEST_CASE(a_flight_in_one_record_is_understood) {
  BOOST_TEST(let_in([](client& self) {
    const auto said = flight_messages(self);
    self.say(content::handshake, joined({said[0], said[1], said[2]}), 100);
  }));
}

BOOST_AUTO_TEST_CASE(while_a_message_of_the_peer_is_unfinished_nothing_is_lost_unsaid) {
  for (const auto* what : {"send", "close", "update_keys"}) {
    const world of;
    client theirs(of.them, [](client& self) {
      for (const auto& each : flight_messages(self)) self.say(content::handshake, each);
      self.skip_to_data_keys();
      const auto update = framed(message::key_update, number(1, 0));
      self.say(content::handshake, bytes_view(update).first(4));
    });
    auto handshake = of.accept();
    BOOST_TEST_REQUIRE(accepted(duel(handshake, theirs.start())));
    auto session = std::move(handshake).finish().value();
    const auto before = session.outgoing().size();
    const auto said = what == std::string_view("send")    ? session.send(as_bytes("there"))
                      : what == std::string_view("close") ? session.close()
                                                          : session.update_keys();
    // OpenSSL says nothing more before it knows the rest; what it would leave out is refused.
    if (over_libssl()) {
      BOOST_TEST(refused_as(errc::malformed, said));
      BOOST_TEST(refused_as(errc::malformed, session.send(as_bytes("more"))));
    } else {
      BOOST_TEST(accepted(said));
    }
    BOOST_TEST(session.outgoing().size() > before);
  }
}

BOOST_AUTO_TEST_CASE(a_flight_split_at_any_byte_is_understood) {
  std::size_t size = 2;
  for (std::size_t at = 1; at < size; ++at)
    BOOST_TEST_REQUIRE(let_in([&](client& self) {
      const auto said = flight_messages(self);
      const auto whole = joined({said[0], said[1], said[2]});
      size = whole.size();
      self.say(content::handshake, bytes_view(whole).first(std::min(at, size - 1)));
      self.say(content::handshake, bytes_view(whole).subspan(std::min(at, size - 1)));
    }));
  BOOST_TEST(size > 400);
}

BOOST_AUTO_TEST_CASE(a_hello_split_at_any_byte_is_understood) {
  const world of;
  client theirs(of.them);
  const bytes record = to_bytes(theirs.start().outgoing());
  const auto hello = bytes_view(record).subspan(5);
  for (std::size_t at = 1; at < hello.size(); ++at) {
    auto acceptor = of.accept();
    BOOST_TEST_REQUIRE(
        accepted(acceptor.receive(plain_record(content::handshake, hello.first(at), 0x0301))));
    BOOST_TEST_REQUIRE(acceptor.outgoing().empty());
    BOOST_TEST_REQUIRE(
        accepted(acceptor.receive(plain_record(content::handshake, hello.subspan(at), 0x0301))));
    BOOST_TEST_REQUIRE(!acceptor.outgoing().empty());
  }
}

BOOST_AUTO_TEST_CASE(something_else_between_the_pieces_of_a_message_is_refused) {
  const client::script between[] = {
      [](client& self) { self.say_data("data"); },
      [](client& self) { self.say_alert(1, 90); },
      [](client& self) { self.say_plain(content::change_cipher_spec, bytes{1}); },
  };
  // OpenSSL drops what says nothing.
  for (const auto& each : std::span(between).first(by_engine(3U, 1U)))
    refuses_client(errc::handshake_failed, alerts::unexpected_message, [&](client& self) {
      const auto said = flight_messages(self);
      self.say(content::handshake, bytes_view(said[0]).first(10));
      each(self);
      self.say(content::handshake, bytes_view(said[0]).subspan(10));
    });
}

// Messages across a change of keys.

BOOST_AUTO_TEST_CASE(more_behind_a_hello_in_its_record_is_refused) {
  const world of;
  client theirs(of.them);
  const auto hello = to_bytes(theirs.start().outgoing());
  theirs.sent(hello.size());
  theirs.say_plain(content::handshake,
                   joined({bytes_view(hello).subspan(5), certificate_message({})}));
  expect_refusal(of, of.accept(), theirs, errc::handshake_failed, alerts::unexpected_message);
}

BOOST_AUTO_TEST_CASE(more_behind_a_finished_in_its_record_is_refused) {
  refuses_client(errc::handshake_failed, alerts::unexpected_message, [](client& self) {
    const auto said = flight_messages(self);
    self.say(content::handshake,
             joined({said[0], said[1], said[2], framed(message::key_update, number(1, 0))}));
  });
}

BOOST_AUTO_TEST_CASE(more_behind_an_acceptors_hello_in_its_record_is_refused) {
  refuses_server(errc::handshake_failed, alerts::unexpected_message, [](server& self) {
    const auto hello = self.make_hello();
    self.say_plain(content::handshake,
                   joined({hello, framed(message::encrypted_extensions, sized(2, {}))}));
    self.follow_hello();
  });
}

BOOST_AUTO_TEST_CASE(a_flight_that_is_not_protected_is_refused) {
  refuses_client(errc::handshake_failed, alerts::unexpected_message, [](client& self) {
    for (const auto& each : flight_messages(self)) self.say_plain(content::handshake, each);
  });
}

// Records that are none.

BOOST_AUTO_TEST_CASE(a_record_of_another_version_is_refused) {
  for (const std::uint16_t version :
       std::initializer_list<std::uint16_t>{0x0000, 0x0200, 0x0300, 0x0301, 0x0302, 0x0304, 0xfefd})
    refuses_client(
        errc::handshake_failed,
        by_engine(alerts::illegal_parameter,
                  version >> 8 == 3 ? alerts::decode_error : alerts::protocol_version),
        [&](client& self) {
          self.say_bytes(self.write_key().seal(
              content::handshake, certificate_message(chain_of(self.own())), 0, version));
        });
}

BOOST_AUTO_TEST_CASE(a_hello_in_a_record_of_no_tls_version_is_refused) {
  for (const std::uint16_t version :
       std::initializer_list<std::uint16_t>{0x0000, 0x0002, 0x0200, 0xfefd}) {
    hello_shape shape;
    shape.record_version = version;
    refuses_client(errc::handshake_failed, alerts::illegal_parameter, client::honest_flight, shape);
  }
}

BOOST_AUTO_TEST_CASE(an_unknown_type_of_record_is_refused) {
  for (const std::uint8_t type : std::initializer_list<std::uint8_t>{0, 19, 24, 0x80, 255}) {
    const world of;
    client theirs(of.them);
    theirs.say_plain(static_cast<content>(type), bytes(10));
    expect_refusal(of, of.accept(), theirs, errc::handshake_failed, alerts::unexpected_message);
    if (type != 0)  // 0 is padding
      refuses_client(errc::handshake_failed, alerts::unexpected_message,
                     [&](client& self) { self.say(static_cast<content>(type), bytes(10, 1)); });
  }
}

BOOST_AUTO_TEST_CASE(a_record_that_is_too_large_is_refused) {
  constexpr std::size_t most = 16384;
  const world of;
  client theirs(of.them);
  theirs.say_plain(content::handshake, bytes(most + 1));
  expect_refusal(of, of.accept(), theirs, errc::handshake_failed, alerts::record_overflow);
  refuses_client(errc::handshake_failed, alerts::record_overflow,
                 [&](client& self) { self.say(content::handshake, bytes(most + 1)); });
  if (!over_libssl())  // which does not count padding while the record is no larger than any
    refuses_client(errc::handshake_failed, alerts::record_overflow,
                   [&](client& self) { self.say(content::handshake, bytes(1), most); });
  refuses_client(errc::handshake_failed, alerts::record_overflow,
                 [&](client& self) { self.say(content::handshake, bytes(40000)); });
  inside meeting;
  meeting.theirs.say(content::data, bytes(most + 1));
  meeting.expect_end(errc::malformed, alerts::record_overflow);
}

BOOST_AUTO_TEST_CASE(a_record_as_large_as_is_allowed_arrives) {
  inside meeting;
  meeting.theirs.say(content::data, bytes(16384, 'x'));
  BOOST_TEST(accepted(duel(meeting.session, meeting.theirs)));
  BOOST_TEST(meeting.session.received().size() == 16384U);
}

BOOST_AUTO_TEST_CASE(an_empty_record_is_refused_unless_it_is_data) {
  for (const auto type : {content::handshake, content::alert, content::change_cipher_spec}) {
    const world of;
    client theirs(of.them);
    theirs.say_plain(type, {});
    if (!over_libssl())  // which overlooks some
      expect_refusal(of, of.accept(), theirs, errc::handshake_failed, alerts::decode_error);
    refuses_client(errc::handshake_failed, alerts::unexpected_message,
                   [&](client& self) { self.say(type, {}); });
  }
  refuses_client(errc::handshake_failed, alerts::unexpected_message,
                 [&](client& self) { self.say(content::data, {}); });
}

BOOST_AUTO_TEST_CASE(a_record_of_padding_alone_is_refused) {
  refuses_client(errc::handshake_failed, alerts::unexpected_message,
                 [&](client& self) { self.say(static_cast<content>(0), bytes(100)); });
}

BOOST_AUTO_TEST_CASE(a_record_shorter_than_its_tag_is_refused) {
  refuses_client(errc::handshake_failed, alerts::bad_record_mac,
                 [&](client& self) { self.say_plain(content::data, bytes(15)); });
}

BOOST_AUTO_TEST_CASE(a_repeated_left_out_or_swapped_record_ends_the_session) {
  const auto ends = [](const std::function<bytes(bytes, bytes, bytes)>& order) {
    inside meeting;
    auto& key = meeting.theirs.write_key();
    const auto first = key.seal(content::data, as_bytes("1"));
    const auto second = key.seal(content::data, as_bytes("2"));
    const auto third = key.seal(content::data, as_bytes("3"));
    meeting.theirs.say_bytes(order(first, second, third));
    meeting.expect_end(errc::authentication_failed, alerts::bad_record_mac);
  };
  ends([](bytes a, bytes, bytes) { return joined({a, a}); });
  ends([](bytes a, bytes, bytes c) { return joined({a, c}); });
  ends([](bytes a, bytes b, bytes) { return joined({b, a}); });
}

BOOST_AUTO_TEST_CASE(a_huge_handshake_message_is_refused_at_its_first_bytes) {
  const world of;
  client theirs(of.them);
  theirs.say_plain(content::handshake, bytes{1, 0xff, 0xff, 0xff});
  const auto alert = by_engine(alerts::handshake_failure, alerts::illegal_parameter);
  expect_refusal(of, of.accept(), theirs, errc::handshake_failed, alert);
  refuses_client(errc::handshake_failed, alert, [](client& self) {
    self.say(content::handshake, bytes{11, 1, 0, 1});  // a Certificate of 65,537 bytes
  });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace attack_records_test
