// A transport that counts its handshakes, and is like any other to its peers.
#include <keywarden/transport/profiled.hpp>

#include <numeric>

#include <boost/test/unit_test.hpp>

#include "support/refusals.hpp"
#include "support/two_ends.hpp"

namespace keywarden::testing {
namespace profiled_test {

using transport::handshake_phase;
using plain = transport::tls13<>;
//[wear
using worn = transport::profiled<transport::tls13<>>;
//]

static_assert(transport::transport_for<worn, knows>);
static_assert(
    std::same_as<transport::detail::machine_of<plain>::type, transport::detail::tls_machine>);
static_assert(!std::same_as<worn::context<knows>, plain::context<knows>>);

struct pair_of_ends {
  std::shared_ptr<const pki::identity> a = make_identity("a");
  std::shared_ptr<const pki::identity> b = make_identity("b");
  knows at_a{a, *b, "b"};
  knows at_b{b, *a, "a"};
};
template <class Transport>
[[nodiscard]] auto context(const knows& with) {
  return Transport::template context<knows>::create(with).value();
}
[[nodiscard]] std::uint64_t sum_of(const phase_report<handshake_phase>& report) {
  return std::accumulate(report.phases.begin(), report.phases.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const auto& each) { return sum + each.ticks; });
}

BOOST_AUTO_TEST_SUITE(profiled_transport)

BOOST_AUTO_TEST_CASE(a_handshake_is_split_into_its_phases) {
  const pair_of_ends ends;
  worn::forget();
  const auto met = meet(context<worn>(ends.at_a), context<worn>(ends.at_b));
  BOOST_TEST(accepted(met.connector));
  BOOST_TEST(accepted(met.acceptor));
  //[profiled
  const auto spent = worn::handshakes();  // both halves; the phases add up to spent.whole
  const auto of_verifying = spent[handshake_phase::verifying].ticks / spent.whole.times;
  //]
  BOOST_TEST(of_verifying > 0U);
  BOOST_TEST(spent.whole.times == 2U);  // both halves
  BOOST_TEST(sum_of(spent) == spent.whole.ticks);
  for (const auto phase :
       {handshake_phase::protocol, handshake_phase::kem, handshake_phase::signing,
        handshake_phase::verifying, handshake_phase::chain, handshake_phase::random,
        handshake_phase::framing})
    BOOST_TEST(spent[phase].ticks > 0U);
  BOOST_TEST(spent[handshake_phase::signing].times == 2U);
  BOOST_TEST(spent[handshake_phase::verifying].times == 2U);
  BOOST_TEST(spent[handshake_phase::chain].times == 2U);
}

BOOST_AUTO_TEST_CASE(classical_groups_have_key_shares_and_no_kem) {
  using classical = transport::profiled<transport::tls13<transport::classical_only>>;
  const pair_of_ends ends;
  classical::forget();
  BOOST_TEST(accepted(meet(context<classical>(ends.at_a), context<classical>(ends.at_b)).acceptor));
  const auto spent = classical::handshakes();
  BOOST_TEST(spent[handshake_phase::kem].times == 0U);
  BOOST_TEST(spent[handshake_phase::key_share].ticks > 0U);
}

BOOST_AUTO_TEST_CASE(it_speaks_with_one_that_is_not_profiled) {
  const pair_of_ends ends;
  worn::forget();
  auto met = meet(context<worn>(ends.at_a), context<plain>(ends.at_b));
  BOOST_TEST_REQUIRE(accepted(met.connector));
  BOOST_TEST_REQUIRE(accepted(met.acceptor));
  BOOST_TEST(worn::handshakes().whole.times == 1U);
  met.connector->send(as_bytes("there")).value();
  BOOST_TEST(accepted(carry(*met.connector, *met.acceptor)));
  BOOST_TEST(as_text(met.acceptor->received()) == "there");
  BOOST_TEST(worn::handshakes().whole.times == 1U);  // data is no handshake
}

BOOST_AUTO_TEST_CASE(a_stranger_is_refused_as_ever) {
  const pair_of_ends ends;
  const auto stranger = make_identity("stranger");
  const auto met = meet(context<worn>(knows(stranger, *ends.b, "b")), context<worn>(ends.at_b));
  BOOST_TEST(refused_as(errc::peer_unknown, met.acceptor));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace profiled_test
}  // namespace keywarden::testing
