// Each engine as connector against each as acceptor: they agree on what passes and what does not.

#include <keywarden/transport/libssl/tls13.hpp>

#include <array>
#include <cstring>
#include <fstream>
#include <span>

#include <boost/test/unit_test.hpp>

#include <keywarden/auth/anonymous.hpp>
#include <keywarden/auth/certificate.hpp>
#include <keywarden/pki/authority.hpp>
#include <support/engine.hpp>
#include <support/refusals.hpp>
#include <support/two_ends.hpp>

namespace libssl_test {

namespace kw = keywarden;
namespace transport = kw::transport;
using kw::errc;
using kw::testing::accepted;
using kw::testing::carry;
using kw::testing::engine;
using kw::testing::knows;
using kw::testing::meeting;
using kw::testing::refused_as;
using namespace std::chrono_literals;
using purpose = kw::pki::certificate_purpose;

/// Calls `with` for each engine as connector and each as acceptor.
void for_each_pair(const auto& with) {
  for (const auto connector : {engine::botan, engine::libssl})
    for (const auto acceptor : {engine::botan, engine::libssl})
      BOOST_TEST_CONTEXT((connector == engine::botan ? "Botan" : "OpenSSL")
                         << " connects to " << (acceptor == engine::botan ? "Botan" : "OpenSSL"))
  with(connector, acceptor);
}

template <class Connector, class Acceptor>
meeting meet(const Connector& connector, engine by, const Acceptor& acceptor, engine to,
             const std::string& expected = {}) {
  auto begun = kw::testing::doors<Connector>::create(connector, by)->connect("peer", expected);
  return kw::testing::meet(std::move(*begun),
                           kw::testing::doors<Acceptor>::create(acceptor, to)->accept().value());
}

/// Two instances that know each other.
struct pair {
  std::shared_ptr<const kw::pki::identity> a, b;
  knows at_a{a, *b, "b"};
  knows at_b{b, *a, "a"};

  pair() : pair(kw::testing::make_identity("a"), kw::testing::make_identity("b")) {}
  pair(std::shared_ptr<const kw::pki::identity> one, std::shared_ptr<const kw::pki::identity> two)
      : a(std::move(one)), b(std::move(two)) {}
  [[nodiscard]] meeting met(engine connector, engine acceptor) const {
    auto made = meet(at_a, connector, at_b, acceptor);
    BOOST_TEST_REQUIRE(accepted(made.connector));
    BOOST_TEST_REQUIRE(accepted(made.acceptor));
    return made;
  }
};

/// Whether what one session says arrives at the other.
bool arrives(transport::session& from, transport::session& to, kw::bytes_view said,
             std::size_t piece = 1U << 20U) {
  from.send(said).value();
  if (!carry(from, to, piece)) return false;
  const bool same = std::ranges::equal(to.received(), said);
  to.consume(to.received().size());
  return same;
}

/// The refusing side knows why, and the other is told nothing.
template <class Refusing, class Other>
void expect_refusal(errc why, const Refusing& refusing, const Other& other) {
  BOOST_TEST(refused_as(why, refusing));
  BOOST_TEST(refused_as(errc::refused_by_peer, other));
  if (!other) BOOST_TEST(other.error().value_of(kw::fact::alert) == "access_denied");
  BOOST_TEST(ERR_peek_error() == 0U);
}

const kw::time_point today = kw::system_clock::now();

/// An authenticator that believes an authority, its lists and an allow-list.
struct strict_world {
  using offline = kw::pki::revocation::offline;
  using trust = kw::trust::chain<offline, kw::trust::leaf_fingerprints>;
  using with = kw::auth::certificate<trust>;

  kw::pki::authority root = kw::pki::authority::make_root({.subject = "root"}, today - 48h).value();
  kw::pki::authority other =
      kw::pki::authority::make_root({.subject = "root"}, today - 48h).value();
  kw::pki::identity own = issued(root);

  [[nodiscard]] static kw::pki::identity issued(const kw::pki::authority& by,
                                                purpose use = purpose::both,
                                                kw::time_point start = today - 24h,
                                                std::chrono::seconds lasting = 240h) {
    return by
        .issue_identity({.subject = "peer", .start = start, .expiry = start + lasting}, use, today)
        .value();
  }
  struct attempt {
    bool listed = true;
    bool granted = true;
    bool revoked = false;
  };
  [[nodiscard]] with judge_of(const kw::pki::identity& shown, attempt as) {
    if (as.revoked)
      root.revoke(shown.chain[0], kw::pki::revocation_reason::key_compromise, today).value();
    kw::auth::directory known;
    known.create_login("sa").value();
    known.create_login("peer_login").value();
    known.create_user("peer_user", "peer_login").value();
    known.add_certificate("peer_cert", shown.chain[0], "peer_user").value();
    if (as.granted) known.grant(kw::auth::permission::connect, "mirroring", "peer_login").value();
    std::set<kw::pki::fingerprint> allowed;
    if (as.listed) allowed.insert(shown.chain[0].fingerprint());
    const auto lists =
        kw::pki::revocation_snapshot::of(std::vector{root.issue_list(today).value()}).value();
    return with::create(own,
                        trust{kw::pki::trust_anchors::of({root.certificate()}).value(),
                              offline(lists),
                              {kw::trust::leaf_fingerprints(allowed)}},
                        known, "mirroring", "sa")
        .value();
  }
  [[nodiscard]] knows peer(const kw::pki::identity& shown) const {
    return {std::make_shared<const kw::pki::identity>(shown), own, "strict"};
  }
};

BOOST_AUTO_TEST_SUITE(two_engines)

BOOST_AUTO_TEST_CASE(they_agree_on_everything_that_both_ends_can_see) {
  const pair of;
  for_each_pair([&](engine connector, engine acceptor) {
    auto met = of.met(connector, acceptor);
    BOOST_TEST(met.connector->peer().login == "b");
    BOOST_TEST(met.acceptor->peer().login == "a");
    BOOST_TEST(met.connector->version() == "TLS v1.3");
    BOOST_TEST(met.connector->version() == met.acceptor->version());
    BOOST_TEST(met.connector->group() == met.acceptor->group());
    const bool hybrid = connector == engine::botan && acceptor == engine::botan;
    BOOST_TEST(met.connector->group() == (hybrid ? "x25519/ML-KEM-768" : "x25519"));
    BOOST_TEST((met.connector->protection() == met.acceptor->protection()));
    BOOST_TEST((met.connector->exported_key("EXPORTER-test", 48).value() ==
                met.acceptor->exported_key("EXPORTER-test", 48).value()));
  });
}

BOOST_AUTO_TEST_CASE(every_size_arrives_both_ways) {
  const pair of;
  for_each_pair([&](engine connector, engine acceptor) {
    auto met = of.met(connector, acceptor);
    kw::bytes said(300'000);
    for (std::size_t i = 0; i < said.size(); ++i) said[i] = static_cast<std::uint8_t>(i * i / 7);
    const kw::bytes_view all(said);
    for (std::size_t size = 1; size <= 4096; ++size) {
      BOOST_TEST_REQUIRE(arrives(*met.connector, *met.acceptor, all.first(size)));
      BOOST_TEST_REQUIRE(arrives(*met.acceptor, *met.connector, all.last(size)));
    }
    for (const std::size_t size : {16383U, 16384U, 16385U, 65536U, 299'999U})
      for (const std::size_t piece : {1U << 20U, 16384U, 1000U}) {
        BOOST_TEST_REQUIRE(arrives(*met.connector, *met.acceptor, all.first(size), piece));
        BOOST_TEST_REQUIRE(arrives(*met.acceptor, *met.connector, all.last(size), piece));
      }
  });
}

BOOST_AUTO_TEST_CASE(no_byte_of_a_record_can_be_altered) {
  const pair of;
  for_each_pair([&](engine connector, engine acceptor) {
    for (std::size_t at = 0; at < 5 + 3 + 1 + 16; ++at) {
      auto met = of.met(connector, acceptor);
      met.connector->send(kw::as_bytes("pay")).value();
      auto record = kw::to_bytes(met.connector->outgoing());
      BOOST_TEST_REQUIRE(record.size() == 25U);
      record[at] ^= 1U;
      const auto fate = met.acceptor->receive(record);
      if (at == 3 || (at == 4 && fate)) continue;  // a longer record is waited for
      BOOST_TEST_REQUIRE(!fate);
      BOOST_TEST(met.acceptor->received().empty());
      if (at > 4) BOOST_TEST(refused_as(errc::authentication_failed, fate));
    }
  });
}

BOOST_AUTO_TEST_CASE(every_kind_of_key_is_shown_and_taken) {
  const pair kinds[] = {pair(kw::testing::make_identity<kw::pki::ecdsa_p384>("a"),
                             kw::testing::make_identity<kw::pki::ecdsa_p256>("b")),
                        pair(kw::testing::make_identity<kw::pki::rsa<2048>>("a"),
                             kw::testing::make_identity<kw::pki::ecdsa_p384>("b")),
                        pair(kw::testing::make_identity<kw::pki::ecdsa_p256>("a"),
                             kw::testing::make_identity<kw::pki::rsa<3072>>("b"))};
  for (const auto& of : kinds)
    for_each_pair([&](engine connector, engine acceptor) {
      auto met = of.met(connector, acceptor);
      BOOST_TEST(arrives(*met.connector, *met.acceptor, kw::as_bytes("there")));
    });
}

BOOST_AUTO_TEST_CASE(chacha20_is_agreed_on_and_a_suite_of_one_end_is_not) {
  using chacha20 = transport::algorithms<transport::algorithm::chacha20>;
  const pair of;
  for_each_pair([&](engine connector, engine acceptor) {
    using doors = kw::testing::doors<knows>;
    const auto from = doors::create<chacha20>(of.at_a, connector).value();
    auto met = kw::testing::meet(from, doors::create<chacha20>(of.at_b, acceptor).value());
    BOOST_TEST_REQUIRE(accepted(met.acceptor));
    BOOST_TEST((met.connector->protection() ==
                transport::negotiation::encrypted(transport::algorithm::chacha20)));
    BOOST_TEST(arrives(*met.acceptor, *met.connector, kw::as_bytes("there")));
    met.acceptor->refuse(kw::error(errc::not_permitted));
    BOOST_TEST(refused_as(errc::refused_by_peer, carry(*met.acceptor, *met.connector)));
    auto none = kw::testing::meet(from, doors::create(of.at_b, acceptor).value());
    BOOST_TEST(refused_as(errc::handshake_failed, none.acceptor));
    BOOST_TEST(refused_as(errc::refused_by_peer, none.connector));
  });
}

BOOST_AUTO_TEST_CASE(a_side_that_closed_still_hears_the_other) {
  const pair of;
  for_each_pair([&](engine connector, engine acceptor) {
    auto met = of.met(connector, acceptor);
    met.connector->close().value();
    BOOST_TEST(accepted(carry(*met.connector, *met.acceptor)));
    BOOST_TEST(met.acceptor->peer_closed());
    BOOST_TEST(refused_as(errc::connection_closed, met.connector->send(kw::as_bytes("more"))));
    BOOST_TEST(arrives(*met.acceptor, *met.connector, kw::as_bytes("still here")));
    met.acceptor->close().value();
    BOOST_TEST(accepted(carry(*met.acceptor, *met.connector)));
    BOOST_TEST(met.connector->peer_closed());
  });
}

BOOST_AUTO_TEST_CASE(a_session_is_refused_in_the_right_record_whatever_was_said_before) {
  const pair of;
  for_each_pair([&](engine connector, engine acceptor) {
    for (const bool by_acceptor : {false, true})
      for (const bool new_keys : {false, true}) {
        auto met = of.met(connector, acceptor);
        auto& refusing = by_acceptor ? *met.acceptor : *met.connector;
        auto& other = by_acceptor ? *met.connector : *met.acceptor;
        BOOST_TEST(arrives(refusing, other, kw::bytes(40'000, 'x')));
        if (new_keys) {
          refusing.update_keys().value();
          BOOST_TEST(arrives(refusing, other, kw::as_bytes("under new keys")));
          BOOST_TEST(arrives(other, refusing, kw::as_bytes("here too")));
        }
        refusing.refuse(kw::error(errc::not_permitted));
        const auto told = carry(refusing, other);
        BOOST_TEST(refused_as(errc::refused_by_peer, told));
        BOOST_TEST(told.error().value_of(kw::fact::alert) == "access_denied");
        BOOST_TEST(refused_as(errc::not_permitted, refusing.send(kw::as_bytes("more"))));
      }
  });
}

// Refusals.

BOOST_AUTO_TEST_CASE(strangers_and_the_wrong_instance_are_refused_alike) {
  const pair of;
  const auto stranger = kw::testing::make_identity("stranger");
  for_each_pair([&](engine connector, engine acceptor) {
    auto calling = meet(knows(stranger, *of.b, "b"), connector, of.at_b, acceptor);
    expect_refusal(errc::peer_unknown, calling.acceptor, calling.connector);
    auto called = meet(of.at_a, connector, knows(stranger, *of.a, "a"), acceptor);
    expect_refusal(errc::peer_unknown, called.connector, called.acceptor);
    auto mistaken = meet(of.at_a, connector, of.at_b, acceptor, "c");
    expect_refusal(errc::peer_unknown, mistaken.connector, mistaken.acceptor);
  });
}

BOOST_AUTO_TEST_CASE(each_missing_condition_is_told_apart_on_both_sides) {
  for_each_pair([&](engine connector, engine acceptor) {
    strict_world of;
    const auto refused = [&](errc why, const kw::pki::identity& shown,
                             strict_world::attempt as = {}, bool same_way_round = true) {
      const auto judge = of.judge_of(shown, as);
      auto calling = meet(of.peer(shown), connector, judge, acceptor);
      if (why == errc::none) {
        BOOST_TEST(accepted(calling.connector));
        BOOST_TEST(accepted(calling.acceptor));
      } else {
        expect_refusal(why, calling.acceptor, calling.connector);
      }
      if (!same_way_round) return;
      auto called = meet(judge, connector, of.peer(shown), acceptor);
      if (why == errc::none)
        BOOST_TEST(accepted(called.connector));
      else
        expect_refusal(why, called.connector, called.acceptor);
    };
    refused(errc::none, of.issued(of.root));
    refused(errc::certificate_untrusted, of.issued(of.other));
    // Nothing is known of what the one between revoked; but its certificate came along.
    refused(errc::revocation_unknown,
            of.issued(of.root.make_intermediate({.subject = "between"}, today).value()));
    refused(errc::certificate_expired, of.issued(of.root, purpose::both, today - 24h, 12h));
    refused(errc::certificate_not_yet_valid, of.issued(of.root, purpose::both, today + 1h));
    refused(errc::certificate_usage, of.issued(of.root, purpose::server), {}, false);
    refused(errc::certificate_revoked, of.issued(of.root), {.revoked = true});
    refused(errc::admission_refused, of.issued(of.root), {.listed = false});
    refused(errc::not_permitted, of.issued(of.root), {.granted = false});
  });
}

BOOST_AUTO_TEST_CASE(a_certificate_for_clients_answers_no_connection) {
  for_each_pair([&](engine connector, engine acceptor) {
    strict_world of;
    const auto shown = of.issued(of.root, purpose::client);
    auto met = meet(of.judge_of(shown, {}), connector, of.peer(shown), acceptor);
    expect_refusal(errc::certificate_usage, met.connector, met.acceptor);
  });
}

BOOST_AUTO_TEST_CASE(an_acceptor_that_asks_for_nothing_is_refused) {
  const pair of;
  const auto anybody =
      kw::auth::anonymous_connectors::create(*of.b, kw::auth::allow_anonymous_i_accept_the_risk())
          .value();
  for_each_pair([&](engine connector, engine acceptor) {
    auto met = meet(of.at_a, connector, anybody, acceptor);
    BOOST_TEST(refused_as(errc::handshake_failed, met.connector));
  });
}

BOOST_AUTO_TEST_CASE(clauses_that_do_not_allow_a_connection_are_refused_alike) {
  const pair of;
  const auto in_the_clear =
      transport::tls12_integrity_only::context<knows>::create(of.at_a).value();
  const auto whatever_they_want =
      transport::tls13_or_integrity_only<>::context<knows>::create(of.at_a).value();
  for (const auto by : {engine::botan, engine::libssl}) {
    const auto strict = kw::testing::doors<knows>::create(of.at_b, by).value();
    auto refused = kw::testing::meet(in_the_clear, strict);
    BOOST_TEST(refused_as(errc::encryption_refused, refused.acceptor));
    BOOST_TEST(refused_as(errc::refused_by_peer, refused.connector));
    auto taken = kw::testing::meet(whatever_they_want, strict);
    BOOST_TEST_REQUIRE(accepted(taken.acceptor));
    BOOST_TEST(taken.connector->protection().is_encrypted());
  }
}

BOOST_AUTO_TEST_SUITE_END()

// What is OpenSSL's alone.

BOOST_AUTO_TEST_SUITE(libssl)

using doors = transport::libssl::tls13<transport::classical_only>::context<knows>;

BOOST_AUTO_TEST_CASE(anonymous_acceptors_take_whoever_connects_and_never_connect) {
  const auto own = kw::testing::make_identity("own");
  const auto anybody =
      kw::auth::anonymous_connectors::create(*own, kw::auth::allow_anonymous_i_accept_the_risk())
          .value();
  const auto from = transport::libssl::tls13<transport::classical_only>::context<
                        kw::auth::anonymous_connectors>::create(anybody)
                        .value();
  BOOST_TEST(refused_as(errc::not_permitted, from.connect("peer")));
}

BOOST_AUTO_TEST_CASE(a_clause_of_another_presence_is_refused) {
  const pair of;
  BOOST_TEST(refused_as(errc::weaker_than_required,
                        doors::create(of.at_a, {},
                                      transport::algorithms<transport::algorithm::aes>::with(
                                          transport::presence::supported))));
}

struct of_no_name : transport::classical_only {
  static std::vector<Botan::TLS::Group_Params> accepted() {
    return {Botan::TLS::Group_Params_Code::X25519, Botan::TLS::Group_Params_Code::FFDHE_2048};
  }
};
struct secretly_hybrid : transport::classical_only {
  static std::vector<Botan::TLS::Group_Params> accepted() {
    return transport::hybrid_only::accepted();
  }
  static std::vector<Botan::TLS::Group_Params> offered() { return accepted(); }
};

BOOST_AUTO_TEST_CASE(a_key_agreement_that_openssl_lacks_is_refused_and_not_left_out) {
  const pair of;
  BOOST_TEST(refused_as(errc::unsupported_suite,
                        transport::libssl::tls13<of_no_name>::context<knows>::create(of.at_a)));
  if (!transport::libssl::has_hybrid)
    BOOST_TEST(
        refused_as(errc::backend_failed,
                   transport::libssl::tls13<secretly_hybrid>::context<knows>::create(of.at_a)));
}

BOOST_AUTO_TEST_CASE(a_reload_shows_in_new_handshakes_and_in_no_other) {
  using pinned = kw::auth::certificate<kw::trust::pinned>;
  const auto before = kw::testing::make_identity("own");
  const auto after = kw::testing::make_identity("own");
  const auto peer = kw::testing::make_identity("peer");
  kw::auth::directory known;
  known.create_login("sa").value();
  known.create_login("peer").value();
  known.create_user("peer", "peer").value();
  known.add_certificate("peer", peer->chain[0], "peer").value();
  known.grant(kw::auth::permission::connect, "mirroring", "peer").value();
  const auto with = pinned::create(*before, known, "mirroring", "sa").value();
  const auto acceptor =
      transport::libssl::tls13<transport::classical_only>::context<pinned>::create(with).value();
  knows asking(peer, *before, "before");
  asking.welcome(*after, "after");
  const auto connector = doors::create(asking).value();
  auto begun = connector.connect("own").value();
  auto answering = acceptor.accept().value();
  carry(begun, answering).value();
  with.reload_own(kw::auth::own_identities::of({*after}).value());
  auto old = kw::testing::meet(std::move(begun), std::move(answering));
  BOOST_TEST_REQUIRE(accepted(old.connector));
  BOOST_TEST(old.connector->peer().login == "before");
  auto met = kw::testing::meet(connector, acceptor);
  BOOST_TEST_REQUIRE(accepted(met.connector));
  BOOST_TEST(met.connector->peer().login == "after");
}

BOOST_AUTO_TEST_CASE(openssls_own_configuration_knows_the_same_keys_and_refuses_the_same) {
  using own = transport::libssl::tls13<transport::classical_only,
                                       transport::algorithms<transport::algorithm::aes>,
                                       transport::libssl::own_configuration>::context<knows>;
  const pair kinds[] = {pair(kw::testing::make_identity<kw::pki::ecdsa_p256>("a"),
                             kw::testing::make_identity<kw::pki::ecdsa_p384>("b")),
                        pair(kw::testing::make_identity<kw::pki::rsa<2048>>("a"),
                             kw::testing::make_identity<kw::pki::ecdsa_p256>("b"))};
  for (const auto& of : kinds) {
    const auto from = own::create(of.at_a).value();
    for (const auto by : {engine::botan, engine::libssl}) {
      auto met = kw::testing::meet(from, kw::testing::doors<knows>::create(of.at_b, by).value());
      BOOST_TEST_REQUIRE(accepted(met.acceptor));
      BOOST_TEST(arrives(*met.connector, *met.acceptor, kw::as_bytes("there")));
      auto back = kw::testing::meet(kw::testing::doors<knows>::create(of.at_b, by).value(), from);
      BOOST_TEST_REQUIRE(accepted(back.acceptor));
      BOOST_TEST(arrives(*back.acceptor, *back.connector, kw::as_bytes("and back")));
    }
    const knows stranger(kw::testing::make_identity("stranger"), *of.a, "a");
    auto refused = kw::testing::meet(doors::create(stranger).value(), from);
    expect_refusal(errc::peer_unknown, refused.acceptor, refused.connector);
  }
}

BOOST_AUTO_TEST_CASE(openssls_own_configuration_has_chacha20) {
  using chacha20 = transport::algorithms<transport::algorithm::chacha20>;
  using own = transport::libssl::tls13<transport::classical_only, chacha20,
                                       transport::libssl::own_configuration>::context<knows>;
  const pair of;
  auto met = kw::testing::meet(own::create(of.at_a).value(), own::create(of.at_b).value());
  BOOST_TEST_REQUIRE(accepted(met.acceptor));
  BOOST_TEST(arrives(*met.connector, *met.acceptor, kw::as_bytes("there")));
}

BOOST_AUTO_TEST_CASE(whoever_is_refused_before_its_hello_is_whole_is_told) {
  const pair of;
  auto silent = doors::create(of.at_b)->accept().value();
  silent.refuse(kw::error(errc::timed_out));
  BOOST_TEST(silent.outgoing().empty());
  auto slow = doors::create(of.at_b)->accept().value();
  slow.receive(kw::bytes{22, 3, 1}).value();
  slow.refuse(kw::error(errc::timed_out));
  BOOST_TEST((kw::to_bytes(slow.outgoing()) == kw::bytes{21, 3, 3, 0, 2, 2, 49}));
  BOOST_TEST(refused_as(errc::timed_out, slow.receive(kw::bytes{0})));
}

BOOST_AUTO_TEST_CASE(garbage_leaves_no_error_behind) {
  const pair of;
  auto acceptor = doors::create(of.at_b)->accept().value();
  BOOST_TEST(refused_as(errc::handshake_failed,
                        acceptor.receive(kw::as_bytes("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))));
  BOOST_TEST(ERR_peek_error() == 0U);
  BOOST_TEST(!acceptor.outgoing().empty());
}

BOOST_AUTO_TEST_CASE(certificates_are_kept_as_they_read_and_no_more_than_fit) {
  namespace detail = transport::libssl::detail;
  detail::peer_certificates peers;
  const auto own = kw::testing::make_identity("a");
  const auto& leaf = own->chain.front();
  BOOST_TEST(!peers.find(leaf.der()).has_value());
  peers.keep(leaf.der(), leaf);
  BOOST_TEST_REQUIRE(peers.find(leaf.der()).has_value());
  BOOST_TEST((*peers.find(leaf.der()) == leaf));
  auto other = leaf.der();
  other.back() ^= 1U;
  BOOST_TEST(!peers.find(other).has_value());
  peers.keep(kw::bytes(detail::peer_certificates::max_size + 1), leaf);
  BOOST_TEST(peers.size() == 1U);
  for (std::size_t i = 0; i < 2 * detail::peer_certificates::max_kept; ++i)
    peers.keep(kw::bytes(i + 1, 1), leaf);
  BOOST_TEST(peers.size() == detail::peer_certificates::max_kept);
  BOOST_TEST(!peers.find(leaf.der()).has_value());
}

BOOST_AUTO_TEST_CASE(a_peer_that_was_let_in_before_is_judged_again) {
  strict_world world;
  const auto peer = world.issued(world.root);
  const auto judge = world.judge_of(peer, {});
  const auto strict = kw::testing::doors<strict_world::with>::create(judge, engine::libssl).value();
  const auto knock = [&] {
    auto begun = kw::testing::doors<knows>::create(world.peer(peer), engine::libssl)->connect("a");
    return kw::testing::meet(std::move(*begun), strict.accept().value());
  };
  for (int again = 0; again < 2; ++again) {
    auto met = knock();
    BOOST_TEST_REQUIRE(accepted(met.acceptor));
    BOOST_TEST(met.acceptor->peer().login == "peer_login");
  }
  judge.reload_allowed(kw::trust::leaf_fingerprints(std::set<kw::pki::fingerprint>{}));
  auto met = knock();
  expect_refusal(errc::admission_refused, met.acceptor, met.connector);
}

/// An authenticator that takes every certificate for its friend's.
class mistaken : public knows {
 public:
  mistaken(std::shared_ptr<const kw::pki::identity> own, const kw::pki::identity& friends)
      : knows(std::move(own), friends, "friend"), taken_for_(friends.chain.front()) {}
  [[nodiscard]] std::optional<kw::pki::certificate> registered(kw::bytes_view /*der*/) const {
    return taken_for_;
  }

 private:
  kw::pki::certificate taken_for_;
};

BOOST_AUTO_TEST_CASE(what_an_authenticator_takes_for_a_peers_certificate_is_compared_with_it) {
  const auto friends = kw::testing::make_identity("friend");
  const auto stranger = kw::testing::make_identity("stranger");
  const auto own = kw::testing::make_identity("own");
  const mistaken judge(own, *friends);
  auto met = meet(knows(stranger, *own, "own"), engine::libssl, judge, engine::libssl);
  expect_refusal(errc::peer_unknown, met.acceptor, met.connector);
  met = meet(knows(friends, *own, "own"), engine::libssl, judge, engine::libssl);
  BOOST_TEST_REQUIRE(accepted(met.acceptor));
  BOOST_TEST(met.acceptor->peer().login == "friend");
}

BOOST_AUTO_TEST_CASE(errors_that_others_left_with_openssl_break_no_session) {
  const pair of;
  auto met = of.met(engine::libssl, engine::libssl);
  const auto others = [] { ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR); };
  const auto said = kw::to_bytes(kw::as_bytes("said in spite of all"));
  for (const std::size_t piece : {1U << 20U, 7U}) {
    others();
    met.connector->send(said).value();
    const auto flight = kw::to_bytes(met.connector->outgoing());
    met.connector->sent(flight.size());
    for (auto left = kw::bytes_view(flight); !left.empty();
         left = left.subspan(std::min(piece, left.size()))) {
      others();
      BOOST_TEST(accepted(met.acceptor->receive(left.first(std::min(piece, left.size())))));
    }
    BOOST_TEST((kw::to_bytes(met.acceptor->received()) == said));
    met.acceptor->consume(said.size());
  }
  others();
  met.connector->close().value();
  others();
  BOOST_TEST(carry(*met.connector, *met.acceptor).has_value());
  BOOST_TEST(met.acceptor->peer_closed());
  ERR_clear_error();
}

/// How often `what` lies in the heap.
std::size_t times_in_heap(kw::bytes_view what) {
  std::ifstream maps("/proc/self/maps");
  std::size_t found = 0;
  for (std::string line; std::getline(maps, line);) {
    if (!line.ends_with("[heap]")) continue;
    const auto dash = line.find('-');
    const auto* at = reinterpret_cast<const std::uint8_t*>(std::stoull(line, nullptr, 16));
    const auto* const end =
        reinterpret_cast<const std::uint8_t*>(std::stoull(line.substr(dash + 1), nullptr, 16));
    while (const void* hit =
               memmem(at, static_cast<std::size_t>(end - at), what.data(), what.size())) {
      ++found;
      at = static_cast<const std::uint8_t*>(hit) + 1;
    }
  }
  return found;
}

BOOST_AUTO_TEST_CASE(openssl_keeps_no_plaintext_that_was_read) {
  const pair of;
  std::array<std::uint8_t, 24> mark{};  // on the stack, where nobody looks
  for (std::size_t i = 0; i < mark.size(); ++i) mark[i] = static_cast<std::uint8_t>(201 + i);
  kw::bytes found(mark.begin(), mark.end());
  if (times_in_heap(mark) != 1U) return;  // a sanitizer's allocator, whose memory is elsewhere
  kw::detail::wipe(found);
  const auto whole = std::size_t{1} << 20U;
  for (const auto& [sizes, cut] : {std::pair(std::vector<std::size_t>{500}, whole),
                                   {{16000, 400}, whole},
                                   {{400, 16000}, whole},
                                   {{3000, 3000, 3000}, whole},
                                   {{3000, 3000, 200}, 3500}}) {
    std::size_t heard = 0;
    {
      auto met = of.met(engine::libssl, engine::libssl);
      for (const auto size : sizes) {
        kw::bytes said(size, 7);
        std::ranges::copy(mark, said.end() - static_cast<std::ptrdiff_t>(mark.size()));
        met.connector->send(said).value();
        kw::detail::wipe(said);
      }
      BOOST_TEST(times_in_heap(mark) == 0U);
      auto left = met.connector->outgoing();
      met.acceptor->receive(left.first(std::min(cut, left.size()))).value();
      if (cut < left.size()) met.acceptor->receive(left.subspan(cut)).value();
      BOOST_TEST(times_in_heap(mark) == sizes.size());  // in the session's own memory
      heard = met.acceptor->received().size();
    }
    BOOST_TEST(heard > 0U);
    BOOST_TEST(times_in_heap(mark) == 0U);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace libssl_test
