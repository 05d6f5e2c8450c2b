#include <keywarden/transport/session.hpp>

#include <boost/test/unit_test.hpp>

#include <support/hostile_meeting.hpp>

namespace attack_agreement_test {

using namespace keywarden;
using namespace keywarden::testing;
using namespace keywarden::testing::hostile;

// Key shares that share nothing, retries without end, and kinds of certificates nobody asked for.

constexpr std::uint16_t p256_group = 0x0017;
constexpr std::uint16_t hybrid_group = 0x11ec;

void refuses_share(std::uint16_t group, bytes share, int alert = alerts::illegal_parameter) {
  hello_shape shape;
  shape.groups = {group};
  shape.share_group = group;
  shape.share = std::move(share);
  refuses_client(errc::handshake_failed, alert, client::honest_flight, shape);
}

/// A HelloRetryRequest is a ServerHello with this random (RFC 8446, 4.1.3).
answer_shape retry_with(std::uint16_t group) {
  answer_shape shape;
  shape.random = digest(chacha20, as_bytes("HelloRetryRequest"));
  shape.whole_share = number(2, group);
  return shape;
}

constexpr auto client_certificate_type = static_cast<extension_type>(19);
constexpr auto record_size_limit = static_cast<extension_type>(28);

BOOST_AUTO_TEST_SUITE(attack_on_agreement)

BOOST_AUTO_TEST_CASE(a_share_that_shares_nothing_is_refused) {
  bytes one(32);
  one[0] = 1;
  bytes order_eight =
      from_hex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800").value();
  refuses_share(x25519_group, bytes(32));
  refuses_share(x25519_group, one);
  refuses_share(x25519_group, order_eight);
}

BOOST_AUTO_TEST_CASE(a_share_of_the_wrong_size_or_off_the_curve_is_refused) {
  refuses_share(x25519_group, bytes(31, 9));
  refuses_share(x25519_group, bytes(33, 9));
  refuses_share(p256_group, joined({bytes{4}, bytes(64, 1)}));
  refuses_share(p256_group, bytes{0});
  // An engine without the hybrid finds nothing that both have.
  const auto hybrid = by_engine(alerts::illegal_parameter, alerts::handshake_failure);
  refuses_share(hybrid_group, bytes(32, 9), hybrid);
  refuses_share(hybrid_group, bytes(1216, 0xff), hybrid);
  refuses_share(hybrid_group, bytes(1216, 0), hybrid);
}

BOOST_AUTO_TEST_CASE(a_share_of_a_group_that_is_not_listed_is_refused) {
  hello_shape shape;
  shape.groups = {p256_group};
  refuses_client(errc::handshake_failed, alerts::illegal_parameter, client::honest_flight, shape);
}

BOOST_AUTO_TEST_CASE(an_acceptors_share_that_shares_nothing_is_refused) {
  for (const auto& share : {bytes(32), bytes(31, 9), bytes(33, 9)}) {
    answer_shape shape;
    shape.share = share;
    refuses_server(
        errc::handshake_failed, alerts::illegal_parameter,
        [](server& self) { self.say_plain(content::handshake, self.make_hello()); }, shape);
  }
}

BOOST_AUTO_TEST_CASE(an_acceptors_share_of_a_group_without_an_offer_is_refused) {
  answer_shape shape;
  shape.whole_share = joined({number(2, p256_group), sized(2, joined({bytes{4}, bytes(64, 1)}))});
  refuses_server(
      errc::handshake_failed, alerts::illegal_parameter,
      [](server& self) { self.say_plain(content::handshake, self.make_hello()); }, shape);
}

BOOST_AUTO_TEST_CASE(a_retry_that_asks_for_what_is_there_is_refused) {
  for (const auto group : {x25519_group, hybrid_group, std::uint16_t{0x001e}})
    refuses_server(
        errc::handshake_failed, alerts::illegal_parameter,
        [](server& self) { self.say_plain(content::handshake, self.make_hello()); },
        retry_with(group));
}

BOOST_AUTO_TEST_CASE(a_second_retry_is_refused) {
  refuses_server(
      errc::handshake_failed, alerts::unexpected_message,
      [](server& self) { self.say_plain(content::handshake, self.make_hello()); },
      retry_with(p256_group));
}

BOOST_AUTO_TEST_CASE(a_bare_public_key_is_no_certificate) {
  hello_shape shape;
  shape.more = {extension(client_certificate_type, sized(1, bytes{2}))};
  const auto bare = [](client& self) {
    const auto key = self.own().key->botan()->subject_public_key();
    self.say_message(certificate_message({key}));
    self.prove(client_context);
    self.finish();
  };
  refuses_client(errc::handshake_failed, alerts::decode_error, bare);
  const world of;
  client theirs(of.them, bare, shape);
  auto acceptor = of.accept();
  const auto fate = duel(acceptor, theirs.start());
  BOOST_TEST(!fate.has_value());
  BOOST_TEST(!acceptor.finished());
  BOOST_TEST(of.authenticator.judged() == 0);
}

BOOST_AUTO_TEST_CASE(a_certificate_with_a_context_or_an_unasked_extension_is_refused) {
  const auto shows = [](const bytes& context, const bytes& extensions) {
    return [=](client& self) {
      const auto leaf = chain_of(self.own()).front();
      self.say_message(framed(
          message::certificate,
          joined({sized(1, context), sized(3, joined({sized(3, leaf), sized(2, extensions)}))})));
      self.prove(client_context);
      self.finish();
    };
  };
  refuses_client(errc::handshake_failed, alerts::decode_error, shows(bytes{1}, {}));
  constexpr auto signed_timestamps = static_cast<extension_type>(18);
  if (over_libssl()) return;  // it overlooks the extension
  refuses_client(errc::handshake_failed, alerts::illegal_parameter,
                 shows({}, extension(signed_timestamps, sized(2, bytes(4)))));
}

BOOST_AUTO_TEST_CASE(a_certificate_message_that_is_too_large_is_refused) {
  const auto alert = by_engine(alerts::handshake_failure, alerts::illegal_parameter);
  refuses_client(errc::handshake_failed, alert, [](client& self) {
    const auto message = certificate_message({bytes(70000, 0x30)});
    for (std::size_t at = 0; at < message.size(); at += 16000)
      self.say(content::handshake,
               bytes_view(message).subspan(at, std::min<std::size_t>(16000, message.size() - at)));
  });
}

BOOST_AUTO_TEST_CASE(the_smallest_records_that_a_peer_may_ask_for_stay_few) {
  hello_shape shape;
  shape.more = {extension(record_size_limit, number(2, 63))};
  if (!over_libssl())  // which does not know the extension
    refuses_client(errc::handshake_failed, alerts::illegal_parameter, client::honest_flight, shape);
  shape.more = {extension(record_size_limit, number(2, 64))};
  const world of;
  client theirs(of.them, client::honest_flight, shape);
  auto acceptor = of.accept();
  BOOST_TEST(accepted(duel(acceptor, theirs.start())));
  BOOST_TEST(acceptor.finished());
  BOOST_TEST(theirs.heard().size() < 100U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace attack_agreement_test
