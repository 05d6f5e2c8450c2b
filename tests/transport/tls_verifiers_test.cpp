// Verifiers that are kept for peers that were let in, and for nobody else.
#include <keywarden/transport/tls_verifiers.hpp>

#include <boost/test/unit_test.hpp>

#include <keywarden/core/random.hpp>
#include <keywarden/transport/tls.hpp>

#include "support/refusals.hpp"
#include "support/two_ends.hpp"

namespace keywarden::testing {
namespace tls_verifiers_test {

using transport::detail::tls_verifiers;
constexpr std::string_view padding = "SHA-256";
constexpr auto format = Botan::Signature_Format::DerSequence;

/// A peer, its signature, and what was signed.
struct signer {
  std::shared_ptr<const pki::identity> who = make_identity("peer");
  std::vector<std::uint8_t> message{1, 2, 3};
  std::unique_ptr<Botan::Public_Key> key = who->key->botan()->public_key();
  transport::detail::verifier_name name = tls_verifiers::name_of(*key, padding, format);

  [[nodiscard]] std::vector<std::uint8_t> signature() const {
    Botan::PK_Signer made(*who->key->botan(), Botan::system_rng(), padding, format);
    return made.sign_message(message, Botan::system_rng());
  }
  [[nodiscard]] std::unique_ptr<Botan::PK_Verifier> verifier() const {
    return std::make_unique<Botan::PK_Verifier>(*key, padding, format);
  }
};

BOOST_AUTO_TEST_SUITE(verifiers)

BOOST_AUTO_TEST_CASE(a_verifier_is_kept_and_on_loan_to_one_at_a_time) {
  const signer peer;
  tls_verifiers all;
  BOOST_TEST(!all.take(peer.name, 0));
  all.keep(peer.name, peer.verifier(), 0);
  auto loan = all.take(peer.name, 0);
  BOOST_REQUIRE(static_cast<bool>(loan));
  BOOST_TEST(!all.take(peer.name, 0));
  BOOST_TEST(loan->verify_message(peer.message, peer.signature()));
  std::move(loan).give_back();
  BOOST_TEST(static_cast<bool>(all.take(peer.name, 0)));
}

BOOST_AUTO_TEST_CASE(a_wrong_signature_does_not_spoil_it) {
  const signer peer;
  tls_verifiers all;
  all.keep(peer.name, peer.verifier(), 0);
  auto loan = all.take(peer.name, 0);
  auto wrong = peer.signature();
  wrong.back() ^= 1U;
  BOOST_TEST(!loan->verify_message(peer.message, wrong));
  BOOST_TEST(!loan->verify_message(peer.message, std::vector<std::uint8_t>{0x30}));
  std::move(loan).give_back();
  BOOST_TEST(all.take(peer.name, 0)->verify_message(peer.message, peer.signature()));
}

BOOST_AUTO_TEST_CASE(one_that_is_not_given_back_is_gone) {
  const signer peer;
  tls_verifiers all;
  all.keep(peer.name, peer.verifier(), 0);
  static_cast<void>(all.take(peer.name, 0));
  BOOST_TEST(!all.take(peer.name, 0));
}

BOOST_AUTO_TEST_CASE(it_serves_this_key_padding_and_format_only) {
  const signer peer;
  const signer other;
  tls_verifiers all;
  all.keep(peer.name, peer.verifier(), 0);
  BOOST_TEST(!all.take(other.name, 0));
  BOOST_TEST(!all.take(tls_verifiers::name_of(*peer.key, "SHA-384", format), 0));
  BOOST_TEST(
      !all.take(tls_verifiers::name_of(*peer.key, padding, Botan::Signature_Format::Standard), 0));
}

BOOST_AUTO_TEST_CASE(all_go_with_what_the_authenticator_knew) {
  const signer peer;
  tls_verifiers all;
  all.keep(peer.name, peer.verifier(), 0);
  BOOST_TEST(!all.take(peer.name, 1));
  BOOST_TEST(all.size() == 0U);
  all.keep(peer.name, peer.verifier(), 1);
  BOOST_TEST(static_cast<bool>(all.take(peer.name, 1)));
}

BOOST_AUTO_TEST_CASE(there_are_never_more_than_so_many) {
  tls_verifiers all(2);
  const signer peers[3];
  for (const auto& each : peers) all.keep(each.name, each.verifier(), 0);
  BOOST_TEST(all.size() == 2U);
  BOOST_TEST(!all.take(peers[0].name, 0));
  BOOST_TEST(static_cast<bool>(all.take(peers[2].name, 0)));
}

/// Knows certificates, and says when that changes.
struct reloading : knows {
  using knows::knows;
  std::shared_ptr<std::uint64_t> reloads = std::make_shared<std::uint64_t>(0);
  [[nodiscard]] std::uint64_t generation() const { return *reloads; }
};

/// Machines of one context, whose verifiers can be looked at.
struct context {
  explicit context(const reloading& with) {
    shared->party = std::make_shared<transport::detail::party_of<reloading, system_clock>>(
        with, system_clock());
    shared->clause = transport::tls13<>::clause;
    shared->policy = std::make_shared<transport::detail::tls_policy>(
        shared->clause, true, transport::classical_only::accepted(),
        transport::classical_only::offered());
    shared->sessions = std::make_shared<Botan::TLS::Session_Manager_Noop>();
    shared->random = transport::detail::handshake_random();
  }
  [[nodiscard]] result<transport::handshake> connect(const std::string& dialled) const {
    auto made = std::make_unique<transport::detail::tls_machine>(shared, auth::side::connector,
                                                                 dialled, std::string());
    if (auto started = made->start(); !started) return started.error();
    return transport::handshake(std::move(made));
  }
  [[nodiscard]] result<transport::handshake> accept() const {
    return transport::handshake(std::make_unique<transport::detail::tls_machine>(
        shared, auth::side::acceptor, std::string(), std::string()));
  }
  std::shared_ptr<transport::detail::tls_shared> shared =
      std::make_shared<transport::detail::tls_shared>();
};

struct pair_of_ends {
  std::shared_ptr<const pki::identity> a = make_identity("a");
  std::shared_ptr<const pki::identity> b = make_identity("b");
  reloading at_a{a, *b, "b"};
  reloading at_b{b, *a, "a"};
  context from{at_a};
  context to{at_b};
};

BOOST_AUTO_TEST_CASE(a_peer_that_was_let_in_is_kept_at_both_ends) {
  const pair_of_ends ends;
  for (int round = 0; round < 3; ++round) {
    const auto met = meet(ends.from, ends.to);
    BOOST_TEST(accepted(met.connector));
    BOOST_TEST(accepted(met.acceptor));
    BOOST_TEST(ends.from.shared->verifiers->size() == 1U);
    BOOST_TEST(ends.to.shared->verifiers->size() == 1U);
  }
}

BOOST_AUTO_TEST_CASE(a_peer_that_proved_its_key_and_is_refused_is_not_kept) {
  const pair_of_ends ends;
  const auto stranger = make_identity("stranger");
  const context outside(reloading(stranger, *ends.b, "b"));
  const auto met = meet(outside, ends.to);
  BOOST_TEST(refused_as(errc::peer_unknown, met.acceptor));
  BOOST_TEST(ends.to.shared->verifiers->size() == 0U);
}

BOOST_AUTO_TEST_CASE(a_known_peer_that_is_dropped_is_refused_all_the_same) {
  pair_of_ends ends;
  BOOST_TEST(accepted(meet(ends.from, ends.to).acceptor));
  ends.at_b.forget(*ends.a);  // and no reload is told: the verifier is still there
  BOOST_TEST(refused_as(errc::peer_unknown, meet(ends.from, ends.to).acceptor));
  ++*ends.at_b.reloads;
  BOOST_TEST(refused_as(errc::peer_unknown, meet(ends.from, ends.to).acceptor));
  BOOST_TEST(ends.to.shared->verifiers->size() == 0U);
}

BOOST_AUTO_TEST_CASE(who_shows_a_known_peers_certificate_without_its_key_is_unproven) {
  const pair_of_ends ends;
  BOOST_TEST(accepted(meet(ends.from, ends.to).acceptor));
  const auto other = make_identity("a");
  const auto thief =
      std::make_shared<const pki::identity>(pki::identity{ends.a->chain, other->key});
  const context outside(reloading(thief, *ends.b, "b"));
  BOOST_TEST(refused_as(errc::peer_unproven, meet(outside, ends.to).acceptor));
  BOOST_TEST(ends.to.shared->verifiers->size() == 1U);
  BOOST_TEST(accepted(meet(ends.from, ends.to).acceptor));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tls_verifiers_test
}  // namespace keywarden::testing
