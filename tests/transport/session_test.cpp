#include <keywarden/transport/session.hpp>

#include <boost/test/unit_test.hpp>

#include <keywarden/transport/tls.hpp>
#include <support/engine.hpp>
#include <support/refusals.hpp>
#include <support/two_ends.hpp>

namespace session_test {

namespace kw = keywarden;
using kw::errc;
using kw::testing::accepted;
using kw::testing::knows;
using kw::testing::refused_as;
namespace transport = kw::transport;

template <class Transport>
auto context(const knows& with) {
  return Transport::template context<knows>::create(with).value();
}

/// Over the engine of this run.
auto doors(const knows& with) { return kw::testing::doors<knows>::create(with).value(); }

struct pair {
  std::shared_ptr<const kw::pki::identity> a = kw::testing::make_identity("a");
  std::shared_ptr<const kw::pki::identity> b = kw::testing::make_identity("b");
  knows at_a{a, *b, "b"};
  knows at_b{b, *a, "a"};
};

std::string_view text(kw::bytes_view data) { return kw::as_text(data); }

/// Says `words` from one session to the other and gives what arrived.
std::string said(transport::session& from, transport::session& to, std::string_view words) {
  from.send(kw::as_bytes(words)).value();
  kw::testing::carry(from, to).value();
  const std::string heard(text(to.received()));
  to.consume(heard.size());
  return heard;
}

BOOST_AUTO_TEST_SUITE(session)

BOOST_AUTO_TEST_CASE(two_ends_that_know_each_other_talk_both_ways) {
  pair of;
  auto met = kw::testing::meet(doors(of.at_a), doors(of.at_b));
  BOOST_TEST_REQUIRE(accepted(met.connector));
  BOOST_TEST_REQUIRE(accepted(met.acceptor));
  BOOST_TEST(met.connector->peer().login == "b");
  BOOST_TEST(met.acceptor->peer().login == "a");
  BOOST_TEST(met.acceptor->version() == "TLS v1.3");
  BOOST_TEST(met.acceptor->group() ==
             kw::testing::by_engine<std::string>("x25519/ML-KEM-768", "x25519"));
  BOOST_TEST(
      (met.acceptor->protection() == transport::negotiation::encrypted(transport::algorithm::aes)));
  BOOST_TEST(said(*met.connector, *met.acceptor, "there") == "there");
  BOOST_TEST(said(*met.acceptor, *met.connector, "and back") == "and back");
}

BOOST_AUTO_TEST_CASE(a_handshake_survives_any_fragmentation) {
  pair of;
  for (const std::size_t piece : {1U, 7U, 1400U}) {
    auto met = kw::testing::meet(doors(of.at_a).connect("b").value(),
                                 doors(of.at_b).accept().value(), piece);
    BOOST_TEST(accepted(met.connector));
    BOOST_TEST(accepted(met.acceptor));
  }
}

BOOST_AUTO_TEST_CASE(a_stranger_is_refused_and_learns_nothing) {
  pair of;
  const knows stranger(kw::testing::make_identity("stranger"), *of.b, "b");
  auto met = kw::testing::meet(doors(stranger), doors(of.at_b));
  BOOST_TEST(refused_as(errc::peer_unknown, met.acceptor));
  BOOST_TEST(refused_as(errc::refused_by_peer, met.connector));
  BOOST_TEST(met.connector.error().value_of(kw::fact::alert) == "access_denied");
}

BOOST_AUTO_TEST_CASE(a_connector_refuses_an_unknown_acceptor_before_it_shows_itself) {
  pair of;
  const knows stranger(kw::testing::make_identity("stranger"), *of.a, "a");
  auto met = kw::testing::meet(doors(of.at_a), doors(stranger));
  BOOST_TEST(refused_as(errc::peer_unknown, met.connector));
  BOOST_TEST(refused_as(errc::refused_by_peer, met.acceptor));
  BOOST_TEST(met.acceptor.error().value_of(kw::fact::alert) == "access_denied");
}

BOOST_AUTO_TEST_CASE(integrity_only_is_authenticated_and_readable_on_the_way) {
  pair of;
  auto met = kw::testing::meet(context<transport::tls12_integrity_only>(of.at_a),
                               context<transport::tls12_integrity_only>(of.at_b));
  BOOST_TEST_REQUIRE(accepted(met.connector));
  BOOST_TEST_REQUIRE(accepted(met.acceptor));
  BOOST_TEST(met.acceptor->peer().login == "a");
  BOOST_TEST(met.acceptor->protection().is_integrity_only());
  met.connector->send(kw::as_bytes("in the clear")).value();
  BOOST_TEST(text(met.connector->outgoing()).find("in the clear") != std::string_view::npos);
  BOOST_TEST(said(*met.connector, *met.acceptor, "") == "in the clear");
}

BOOST_AUTO_TEST_CASE(an_altered_record_is_refused_in_both_transports) {
  pair of;
  const auto alter = [](kw::testing::meeting met) {
    met.connector->send(kw::as_bytes("pay 1")).value();
    auto data = kw::to_bytes(met.connector->outgoing());
    data[data.size() - 18] ^= 1U;
    auto heard = met.acceptor->receive(data);
    BOOST_TEST(refused_as(errc::authentication_failed, heard));
    BOOST_TEST(met.acceptor->received().empty());
    BOOST_TEST(refused_as(errc::authentication_failed, met.acceptor->send(kw::as_bytes("x"))));
  };
  alter(kw::testing::meet(doors(of.at_a), doors(of.at_b)));
  alter(kw::testing::meet(context<transport::tls12_integrity_only>(of.at_a),
                          context<transport::tls12_integrity_only>(of.at_b)));
}

BOOST_AUTO_TEST_CASE(a_side_that_closed_still_hears_the_other) {
  pair of;
  auto met = kw::testing::meet(doors(of.at_a), doors(of.at_b));
  met.connector->close().value();
  kw::testing::carry(*met.connector, *met.acceptor).value();
  BOOST_TEST(met.acceptor->peer_closed());
  BOOST_TEST(refused_as(errc::connection_closed, met.connector->send(kw::as_bytes("more"))));
  BOOST_TEST(said(*met.acceptor, *met.connector, "still here") == "still here");
}

BOOST_AUTO_TEST_CASE(more_than_is_taken_at_once_arrives_whole_and_in_order) {
  pair of;
  auto met =
      kw::testing::meet(context<transport::tls13<>>(of.at_a), context<transport::tls13<>>(of.at_b));
  kw::bytes words(5 * transport::detail::tls_machine::largest_part / 2);
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = static_cast<std::uint8_t>(i / 251 + i);
  met.connector->send(words).value();
  kw::testing::carry(*met.connector, *met.acceptor).value();
  BOOST_TEST(std::ranges::equal(met.acceptor->received(), words));
}

BOOST_AUTO_TEST_CASE(keys_can_be_replaced_while_talking) {
  pair of;
  auto met = kw::testing::meet(doors(of.at_a), doors(of.at_b));
  met.connector->update_keys().value();
  BOOST_TEST(said(*met.connector, *met.acceptor, "new keys") == "new keys");
  BOOST_TEST(said(*met.acceptor, *met.connector, "here too") == "here too");
}

BOOST_AUTO_TEST_CASE(both_ends_export_the_same_secret) {
  pair of;
  auto met = kw::testing::meet(doors(of.at_a), doors(of.at_b));
  BOOST_TEST((met.connector->exported_key("EXPORTER-test").value() ==
              met.acceptor->exported_key("EXPORTER-test").value()));
  BOOST_TEST(!(met.connector->exported_key("EXPORTER-test").value() ==
               met.acceptor->exported_key("EXPORTER-other").value()));
}

BOOST_AUTO_TEST_CASE(a_peer_that_does_not_read_fills_a_bounded_queue) {
  pair of;
  auto met = kw::testing::meet(doors(of.at_a), doors(of.at_b));
  const kw::bytes block(65536, 'x');
  kw::result<void> outcome = kw::done();
  for (int i = 0; i < 100 && outcome; ++i) outcome = met.connector->send(block);
  BOOST_TEST(refused_as(errc::limit_exceeded, outcome));
  BOOST_TEST(met.connector->outgoing().size() <= 2U * 1048576U);
}

BOOST_AUTO_TEST_CASE(garbage_is_refused_before_anything_is_delivered) {
  pair of;
  auto acceptor = doors(of.at_b).accept().value();
  BOOST_TEST(refused_as(errc::handshake_failed,
                        acceptor.receive(kw::as_bytes("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))));
  BOOST_TEST(!acceptor.finished());
  BOOST_TEST(refused_as(errc::handshake_failed, std::move(acceptor).finish()));
}

BOOST_AUTO_TEST_CASE(an_endless_handshake_is_cut_off) {
  pair of;
  auto acceptor = doors(of.at_b).accept().value();
  // Records of one unfinished handshake message, for ever.
  kw::bytes record{22, 3, 1, 0x40, 0};
  record.resize(5 + 0x4000, 0);
  record[5] = 1;  // ClientHello
  record[6] = 0;  // of 65,535 bytes
  record[7] = record[8] = 0xff;
  kw::result<void> fate = kw::done();
  int fed = 0;
  for (; fed < 64 && fate; ++fed) fate = acceptor.receive(record);
  BOOST_TEST(!fate);
  BOOST_TEST(fed <= 17);
}

BOOST_AUTO_TEST_CASE(integrity_only_closes_both_directions_and_keeps_what_was_received) {
  pair of;
  auto met = kw::testing::meet(context<transport::tls12_integrity_only>(of.at_a),
                               context<transport::tls12_integrity_only>(of.at_b));
  met.acceptor->send(kw::as_bytes("before")).value();
  kw::testing::carry(*met.acceptor, *met.connector).value();
  met.connector->close().value();
  met.acceptor->send(kw::as_bytes("too late")).value();
  BOOST_TEST(accepted(kw::testing::carry(*met.acceptor, *met.connector)));
  BOOST_TEST(text(met.connector->received()) == "before");
  kw::testing::carry(*met.connector, *met.acceptor).value();
  BOOST_TEST(refused_as(errc::connection_closed, met.acceptor->send(kw::as_bytes("x"))));
}

BOOST_AUTO_TEST_CASE(a_broken_record_after_closing_is_no_goodbye) {
  pair of;
  auto met = kw::testing::meet(context<transport::tls12_integrity_only>(of.at_a),
                               context<transport::tls12_integrity_only>(of.at_b));
  met.acceptor->send(kw::as_bytes("altered")).value();
  auto data = kw::to_bytes(met.acceptor->outgoing());
  data[data.size() - 18] ^= 1U;
  met.connector->close().value();
  BOOST_TEST(refused_as(errc::authentication_failed, met.connector->receive(data)));
  BOOST_TEST(!met.connector->peer_closed());
}

BOOST_AUTO_TEST_CASE(what_follows_a_finished_in_the_same_bytes_is_not_handshake) {
  pair of;
  auto connector = doors(of.at_a).connect("b").value();
  auto acceptor = doors(of.at_b).accept().value();
  kw::testing::carry(connector, acceptor).value();
  kw::testing::carry(acceptor, connector).value();
  auto last = kw::to_bytes(connector.outgoing());
  connector.sent(last.size());
  auto talks = std::move(connector).finish().value();
  for (int i = 0; i < 8; ++i) {
    talks.send(kw::bytes(65536, 'x')).value();
    last.insert(last.end(), talks.outgoing().begin(), talks.outgoing().end());
    talks.sent(talks.outgoing().size());
  }
  BOOST_TEST(accepted(acceptor.receive(last)));
  BOOST_TEST(std::move(acceptor).finish()->received().size() == 8U * 65536U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace session_test
