// The negotiation tables over live connections: each cell, with the connector and the acceptor as
// the tables say.

#include <keywarden/transport/tls.hpp>

#include <boost/test/unit_test.hpp>

#include <support/refusals.hpp>
#include <support/two_ends.hpp>

namespace encryption_live_test {

namespace kw = keywarden;
using kw::errc;
using kw::testing::accepted;
using kw::testing::knows;
using kw::testing::refused_as;
namespace transport = kw::transport;
using transport::presence;

const std::array<std::string, 4> lists{"AES", "RC4", "AES RC4", "RC4 AES"};

// Connector in rows, acceptor in columns, in the order of `lists`.
const std::array<std::array<std::string, 4>, 4> algorithm_table{{
    {"AES", "fail", "AES", "AES"},
    {"fail", "RC4", "RC4", "RC4"},
    {"AES", "RC4", "AES", "RC4"},
    {"AES", "RC4", "AES", "RC4"},
}};

// DISABLED, SUPPORTED, REQUIRED.
const std::array<std::array<std::string, 3>, 3> presence_table{{
    {"clear", "clear", "no connection"},
    {"clear", "encrypted", "encrypted"},
    {"no connection", "encrypted", "encrypted"},
}};

struct ends {
  std::shared_ptr<const kw::pki::identity> a = kw::testing::make_identity("a");
  std::shared_ptr<const kw::pki::identity> b = kw::testing::make_identity("b");
  knows at_a{a, *b, "b"};
  knows at_b{b, *a, "a"};
};

transport::encryption_clause clause_of(presence which, const std::string& list) {
  const std::string name(name_of(which));
  return transport::parse_encryption(which == presence::disabled ? name
                                                                 : name + " ALGORITHM " + list)
      .value();
}

/// Calls `use` with the context of the transport that has this presence.
template <class Use>
void with_context(const knows& with, const transport::encryption_clause& clause, const Use& use) {
  const auto made = [&]<class Transport>() {
    use(Transport::template context<knows>::create(with, {}, clause).value());
  };
  switch (clause.presence()) {
    case presence::disabled:
      return made.template operator()<transport::tls12_integrity_only>();
    case presence::supported:
      return made.template operator()<transport::tls13_or_integrity_only<>>();
    case presence::required:
      return made.template operator()<transport::tls13<>>();
  }
}

/// What came of a meeting, in the tables' words.
std::string outcome_of(const kw::testing::meeting& met) {
  if (met.connector && met.acceptor) {
    if (met.acceptor->protection() != met.connector->protection()) return "the ends disagree";
    if (met.acceptor->protection().is_integrity_only()) return "clear";
    const auto by = met.acceptor->protection().algorithm();
    return std::string(name_of(*by));
  }
  if (met.acceptor) return "only the acceptor is content";
  const auto why = met.acceptor.error();
  if (why != errc::encryption_refused) return "refused: " + why.message();
  if (why.value_of(kw::fact::reason) == "refused: RC4") return "RC4";
  if (why.value_of(kw::fact::reason) == "refused: no common algorithm") return "fail";
  return "no connection";
}

BOOST_AUTO_TEST_SUITE(encryption_live)

BOOST_AUTO_TEST_CASE(every_cell_of_both_tables_holds_on_a_live_connection) {
  const ends of;
  const std::array each{presence::disabled, presence::supported, presence::required};
  int cells = 0;
  for (std::size_t p = 0; p < 3; ++p)
    for (std::size_t q = 0; q < 3; ++q)
      for (std::size_t i = 0; i < 4; ++i)
        for (std::size_t j = 0; j < 4; ++j) {
          const auto connector = clause_of(each[p], lists[i]);
          const auto acceptor = clause_of(each[q], lists[j]);
          const auto& present = presence_table[p][q];
          const auto& expected = present == "encrypted" ? algorithm_table[i][j] : present;
          with_context(of.at_a, connector, [&](const auto& from) {
            with_context(of.at_b, acceptor, [&](const auto& to) {
              BOOST_TEST(outcome_of(kw::testing::meet(from, to)) == expected,
                         text(connector).string() + " against " + text(acceptor).string());
            });
          });
          ++cells;
        }
  BOOST_TEST(cells == 144);
}

BOOST_AUTO_TEST_CASE(the_acceptors_order_decides_between_two_good_algorithms) {
  const ends of;
  const auto aes_first = transport::parse_encryption("REQUIRED ALGORITHM AES CHACHA20").value();
  const auto chacha_first = transport::parse_encryption("REQUIRED ALGORITHM CHACHA20 AES").value();
  const auto outcome = [&](const auto& connector, const auto& acceptor) {
    return outcome_of(kw::testing::meet(
        transport::tls13<>::context<knows>::create(of.at_a, {}, connector).value(),
        transport::tls13<>::context<knows>::create(of.at_b, {}, acceptor).value()));
  };
  BOOST_TEST(outcome(aes_first, chacha_first) == "CHACHA20");
  BOOST_TEST(outcome(chacha_first, aes_first) == "AES");
}

BOOST_AUTO_TEST_CASE(a_clause_of_another_presence_is_refused_by_the_transport) {
  const ends of;
  using strict = transport::tls13<>::context<knows>;
  using lax = transport::tls13_or_integrity_only<>::context<knows>;
  BOOST_TEST(refused_as(errc::weaker_than_required,
                        strict::create(of.at_a, {}, clause_of(presence::supported, "AES"))));
  BOOST_TEST(refused_as(errc::weaker_than_required,
                        strict::create(of.at_a, {}, clause_of(presence::disabled, ""))));
  BOOST_TEST(refused_as(errc::weaker_than_required,
                        lax::create(of.at_a, {}, clause_of(presence::disabled, ""))));
}

BOOST_AUTO_TEST_CASE(hybrid_only_refuses_a_classical_peer) {
  const ends of;
  using hybrid = transport::tls13<transport::hybrid_only>::context<knows>;
  using classical = transport::tls13<transport::classical_only>::context<knows>;
  auto met = kw::testing::meet(classical::create(of.at_a).value(), hybrid::create(of.at_b).value());
  BOOST_TEST(refused_as(errc::handshake_failed, met.acceptor));
  BOOST_TEST(!met.connector);
}

BOOST_AUTO_TEST_CASE(a_classical_peer_still_connects_to_hybrid_or_classical) {
  const ends of;
  using either = transport::tls13<>::context<knows>;
  using classical = transport::tls13<transport::classical_only>::context<knows>;
  auto met = kw::testing::meet(classical::create(of.at_a).value(), either::create(of.at_b).value());
  BOOST_TEST_REQUIRE(accepted(met.acceptor));
  BOOST_TEST(met.acceptor->group() == "x25519");
}

BOOST_AUTO_TEST_CASE(the_hybrid_share_comes_first_without_another_round_trip) {
  const ends of;
  using either = transport::tls13<>::context<knows>;
  auto connector = either::create(of.at_a).value().connect("b").value();
  auto acceptor = either::create(of.at_b).value().accept().value();
  // One flight there, one back, one there: a HelloRetryRequest would need more.
  BOOST_TEST(accepted(kw::testing::carry(connector, acceptor)));
  BOOST_TEST(accepted(kw::testing::carry(acceptor, connector)));
  BOOST_TEST(connector.finished());
  BOOST_TEST(accepted(kw::testing::carry(connector, acceptor)));
  BOOST_TEST_REQUIRE(acceptor.finished());
  BOOST_TEST(std::move(acceptor).finish()->group() == "x25519/ML-KEM-768");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace encryption_live_test
