#include <keywarden/endpoint/endpoint.hpp>

#include <boost/test/unit_test.hpp>

#include <keywarden/admit/all_of.hpp>
#include <keywarden/admit/anyone.hpp>
#include <keywarden/admit/concurrent_connections.hpp>
#include <keywarden/admit/network_acl.hpp>
#include <support/refusals.hpp>
#include <support/two_ends.hpp>

namespace endpoint_test {

namespace kw = keywarden;
using kw::errc;
using kw::testing::accepted;
using kw::testing::knows;
using kw::testing::refused_as;
namespace transport = kw::transport;

using open_endpoint = kw::endpoint<knows, transport::tls13<>, kw::admit::anyone>;
constexpr kw::admit::address near{"192.0.2.7"};
const kw::admit::instant now{};

/// Two instances that know each other, started, with their logs.
struct two_instances {
  std::shared_ptr<const kw::pki::identity> a = kw::testing::make_identity("a");
  std::shared_ptr<const kw::pki::identity> b = kw::testing::make_identity("b");
  knows at_a{a, *b, "b"};
  knows at_b{b, *a, "a"};
  std::vector<std::string> log;
  open_endpoint connector = open_endpoint::create(at_a, {}, {kw::endpoint_state::started}).value();
  open_endpoint acceptor =
      open_endpoint::create(
          at_b, {},
          {kw::endpoint_state::started,
           [this](const kw::endpoint_event& event) { log.push_back(event.text()); }})
          .value();

  struct both {
    kw::result<open_endpoint::outgoing_connection> there;
    kw::result<open_endpoint::connection> here;
  };
  both meet() {
    auto out = connector.connect("b", "b").value();
    auto in = acceptor.accept(near, now).value();
    kw::result<void> fate = kw::done();
    while (!out.outgoing().empty() || !in.outgoing().empty()) {
      auto one = kw::testing::carry(out, in);
      auto other = kw::testing::carry(in, out);
      if (fate) fate = one;
    }
    return {std::move(out).finish(), std::move(in).finish()};
  }
};

static_assert(transport::secure_handshake<open_endpoint::pending>);
static_assert(transport::secure_session<open_endpoint::connection>);

BOOST_AUTO_TEST_SUITE(endpoint)

BOOST_AUTO_TEST_CASE(a_new_endpoint_is_stopped) {
  const knows with(kw::testing::make_identity("a"));
  auto made = open_endpoint::create(with, {}).value();
  BOOST_TEST((made.state() == kw::endpoint_state::stopped));
  BOOST_TEST(refused_as(errc::not_listening, made.accept(near, now)));
  BOOST_TEST(refused_as(errc::not_listening, made.connect("b", "b")));
}

BOOST_AUTO_TEST_CASE(a_disabled_endpoint_answers_with_an_error) {
  two_instances of;
  of.acceptor.set_state(kw::endpoint_state::disabled);
  BOOST_TEST(refused_as(errc::not_listening, of.acceptor.accept(near, now)));
  auto out = of.connector.connect("b", "b").value();
  BOOST_TEST(refused_as(errc::refused_by_peer, out.receive(kw::refusal_record())));
}

BOOST_AUTO_TEST_CASE(the_view_follows_a_connection_from_new_to_its_end) {
  two_instances of;
  {
    auto in = of.acceptor.accept(near, now).value();
    auto rows = of.acceptor.connections();
    BOOST_TEST_REQUIRE(rows.size() == 1U);
    BOOST_TEST(describe(rows[0].state) == "NEW");
    BOOST_TEST(describe(rows[0].login) == "INITIAL");
    BOOST_TEST(rows[0].is_accept);
    BOOST_TEST(rows[0].address == "192.0.2.7");
    auto out = of.connector.connect("b", "b").value();
    kw::testing::carry(out, in).value();
    BOOST_TEST(describe(of.acceptor.connections()[0].state) == "CONNECTING");
    BOOST_TEST(describe(of.acceptor.connections()[0].login) == "WAIT LOGIN NEGOTIATE");
  }
  BOOST_TEST(of.acceptor.connections().empty());
  auto met = of.meet();
  auto row = of.acceptor.connections().at(0);
  BOOST_TEST(describe(row.state) == "LOGGED_IN");
  BOOST_TEST(describe(row.login) == "ONLINE");
  BOOST_TEST(row.principal_name == "a");
  BOOST_TEST(row.authentication_method == "CERTIFICATE");
  BOOST_TEST(row.encryption == "AES-256-GCM");
  BOOST_TEST((row.peer_certificate == of.a->chain.front().fingerprint()));
  met.there->send(kw::as_bytes("twelve bytes")).value();
  kw::testing::carry(*met.there, *met.here).value();
  BOOST_TEST(of.acceptor.connections().at(0).total_bytes_received == 12U);
  BOOST_TEST(of.connector.connections().at(0).total_bytes_sent == 12U);
  BOOST_TEST(!of.connector.connections().at(0).is_accept);
  BOOST_TEST(of.connector.connections().at(0).address == "b");
}

BOOST_AUTO_TEST_CASE(the_log_says_why_and_the_peer_is_told_nothing) {
  two_instances of;
  of.at_b.forget(*of.a);
  auto met = of.meet();
  BOOST_TEST(refused_as(errc::peer_unknown, met.here));
  BOOST_TEST(refused_as(errc::refused_by_peer, met.there));
  BOOST_TEST(met.there.error().value_of(kw::fact::alert) == "access_denied");
  BOOST_TEST_REQUIRE(of.log.size() == 1U);
  BOOST_TEST(of.log[0].starts_with("refused: from 192.0.2.7: "), of.log[0]);
  BOOST_TEST(of.log[0].find(kw::pki::to_text(of.a->chain.front().fingerprint())) !=
             std::string::npos);
  BOOST_TEST(of.acceptor.connections().empty());
}

BOOST_AUTO_TEST_CASE(sessions_of_a_revoked_peer_are_dropped_and_others_go_on) {
  two_instances of;
  const auto third = kw::testing::make_identity("third");
  of.at_b.welcome(*third, "third");
  const knows at_third(third, *of.b, "b");
  auto other = open_endpoint::create(at_third, {}, {kw::endpoint_state::started}).value();
  auto met = of.meet();
  std::swap(of.connector, other);
  auto kept = of.meet();
  bool woken = false;
  met.here->on_drop([&] { woken = true; });

  of.at_b.forget(*of.a);
  BOOST_TEST(of.acceptor.drop_unpermitted() == 1U);
  BOOST_TEST(woken);
  BOOST_TEST(refused_as(errc::not_permitted, met.here->send(kw::as_bytes("x"))));
  BOOST_TEST(refused_as(errc::refused_by_peer, kw::testing::carry(*met.here, *met.there)));
  BOOST_TEST(refused_as(errc::refused_by_peer, met.there->send(kw::as_bytes("x"))));
  kept.there->send(kw::as_bytes("still")).value();
  kw::testing::carry(*kept.there, *kept.here).value();
  BOOST_TEST(kw::as_text(kept.here->received()) == "still");
  BOOST_TEST(of.acceptor.drop_unpermitted() == 0U);
}

BOOST_AUTO_TEST_CASE(what_is_not_admitted_costs_no_handshake) {
  using ruled =
      kw::endpoint<knows, transport::tls13<>,
                   kw::admit::all_of<kw::admit::network_acl, kw::admit::concurrent_connections>>;
  const knows with(kw::testing::make_identity("a"));
  std::vector<kw::endpoint_event> log;
  auto made =
      ruled::create(with, {},
                    {kw::endpoint_state::started, [&](const auto& event) { log.push_back(event); }})
          .value();
  BOOST_TEST(refused_as(errc::admission_refused, made.accept(near, now)));
  BOOST_TEST_REQUIRE(log.size() == 1U);
  BOOST_TEST((log[0].kind == kw::endpoint_event_kind::not_admitted));
  BOOST_TEST(made.connections().empty());
}

BOOST_AUTO_TEST_CASE(the_presence_of_encryption_is_part_of_the_type) {
  two_instances of;
  const auto weaker = transport::parse_encryption("SUPPORTED ALGORITHM AES").value();
  BOOST_TEST(refused_as(errc::weaker_than_required, of.acceptor.set_encryption(weaker)));
  const auto other = transport::parse_encryption("REQUIRED ALGORITHM CHACHA20 AES").value();
  BOOST_TEST(accepted(of.acceptor.set_encryption(other)));
  BOOST_TEST((of.acceptor.encryption() == other));
}

BOOST_AUTO_TEST_CASE(who_is_called_must_be_said) {
  two_instances of;
  BOOST_TEST(refused_as(errc::invalid_argument, of.connector.connect("b", "")));
  BOOST_TEST(accepted(of.connector.connect("b", kw::any_known_peer{})));
}

/// Brings a connection to where both ends have proven each other and no session was taken yet.
struct almost {
  explicit almost(two_instances& of)
      : out(of.connector.connect("b", "b").value()), in(of.acceptor.accept(near, now).value()) {
    while (!out.outgoing().empty() || !in.outgoing().empty()) {
      kw::testing::carry(out, in).value();
      kw::testing::carry(in, out).value();
    }
  }
  decltype(std::declval<open_endpoint&>().connect("b", "b"))::value_type out;
  open_endpoint::pending in;
};

BOOST_AUTO_TEST_CASE(a_peer_that_is_revoked_between_proof_and_session_gets_none) {
  two_instances of;
  almost at(of);
  BOOST_TEST(at.in.finished());
  of.at_b.forget(*of.a);
  BOOST_TEST(of.acceptor.drop_unpermitted() == 1U);
  BOOST_TEST(refused_as(errc::not_permitted, std::move(at.in).finish()));
  BOOST_TEST(refused_as(errc::refused_by_peer, kw::testing::carry(at.in, at.out)));
}

BOOST_AUTO_TEST_CASE(a_login_that_is_dropped_during_its_handshake_gets_no_session) {
  two_instances of;
  auto out = of.connector.connect("b", "b").value();
  auto in = of.acceptor.accept(near, now).value();
  kw::testing::carry(out, in).value();
  of.acceptor.drop("a");
  kw::testing::carry(in, out).value();
  static_cast<void>(kw::testing::carry(out, in));
  BOOST_TEST(refused_as(errc::not_permitted, std::move(in).finish()));
}

BOOST_AUTO_TEST_CASE(a_handshake_that_ends_after_the_endpoint_stopped_is_refused) {
  two_instances of;
  auto out = of.connector.connect("b", "b").value();
  auto in = of.acceptor.accept(near, now).value();
  kw::testing::carry(out, in).value();
  kw::testing::carry(in, out).value();
  of.acceptor.set_state(kw::endpoint_state::stopped);
  BOOST_TEST(refused_as(errc::not_listening, kw::testing::carry(out, in)));
  BOOST_TEST(refused_as(errc::refused_by_peer, kw::testing::carry(in, out)));
  BOOST_TEST(of.log.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_handshake_that_is_given_up_is_logged) {
  two_instances of;
  { auto in = of.acceptor.accept(near, now).value(); }
  BOOST_TEST_REQUIRE(of.log.size() == 1U);
  BOOST_TEST(of.log[0].find("given up") != std::string::npos, of.log[0]);
}

BOOST_AUTO_TEST_CASE(a_dropped_connections_owner_is_woken_once) {
  two_instances of;
  auto met = of.meet();
  int woken = 0;
  met.here->on_drop([&] { ++woken; });
  BOOST_TEST(of.acceptor.drop_all() == 1U);
  BOOST_TEST(of.acceptor.drop_all() == 0U);
  BOOST_TEST(woken == 1);
  met.here->on_drop([&] { ++woken; });
  BOOST_TEST(woken == 2);  // it was too late to be told any other way
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace endpoint_test
