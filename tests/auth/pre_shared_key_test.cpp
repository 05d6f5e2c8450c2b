// Pre-shared keys: one for each direction, changed without an interruption.
#include <keywarden/auth/pre_shared_key.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "auth/fixture.hpp"

namespace keywarden::testing {
namespace pre_shared_key_test {

using auth::shared_key_name;
using auth::shared_secrets;
namespace data = boost::unit_test::data;

constexpr object_name host_a = "host_a";
constexpr object_name host_b = "host_b";
constexpr object_name host_c = "host_c";

[[nodiscard]] secret_key secret(std::uint8_t byte, std::size_t size = 32) {
  return secret_key::copy_of(bytes(size, byte));
}
[[nodiscard]] std::string hex(const secret_key& key) { return to_hex(detail::view_of(key)); }
/// One instance, with a secret it shares with each peer; the peers' login may connect.
[[nodiscard]] auth::pre_shared_key instance_of(shared_secrets secrets) {
  auto known = connecting(with_partner());
  for (const auto& name : {host_a, host_b, host_c})
    if (name != secrets.own()) known.add_shared_key_identity(name, partner_login).value();
  return {std::move(secrets), std::move(known), mirroring, admin};
}
[[nodiscard]] shared_secrets sharing(const object_name& own, const object_name& peer,
                                     std::uint8_t byte = 0x42, std::uint32_t version = 1) {
  shared_secrets made(own);
  made.add(peer, version, secret(byte)).value();
  return made;
}
[[nodiscard]] auth::peer_evidence evidence_of(auth::side peer, std::string identity,
                                              std::string dialled = {}) {
  return {peer, {}, {}, std::move(identity), std::move(dialled)};
}

BOOST_AUTO_TEST_SUITE(pre_shared_key)

BOOST_AUTO_TEST_CASE(the_acceptor_finds_the_key_that_the_connector_offers) {
  const auto a = instance_of(sharing(host_a, host_b));
  const auto b = instance_of(sharing(host_b, host_a));
  const auto offered = a.offer("host_b");
  BOOST_REQUIRE(accepted(offered));
  BOOST_TEST(offered->identity == "keywarden/1/psk/host_a/host_b/1");
  BOOST_TEST(offered->key.size() == 32U);
  const auto found = b.find(offered->identity);
  BOOST_REQUIRE(found.has_value());
  BOOST_TEST((*found == offered->key));
  const auto who = b.judge(evidence_of(auth::side::connector, offered->identity), today);
  BOOST_REQUIRE(accepted(who));
  BOOST_TEST((*who == auth::principal{"partner_login", "host_a", std::nullopt, 1}));
  BOOST_TEST(
      accepted(a.judge(evidence_of(auth::side::acceptor, offered->identity, "host_b"), today)));
}

BOOST_AUTO_TEST_CASE(the_derivation_is_frozen) {
  BOOST_TEST(hex(auth::derive_shared_key(secret(0x42), {host_a, host_b, 1}).value()) ==
             "d9e5b450bb258d16196dc22d7f6d10712cad1bda427635c095210e4f2bd60c4a");
}

// Reflection

BOOST_AUTO_TEST_CASE(the_two_directions_have_different_keys) {
  const auto a = instance_of(sharing(host_a, host_b));
  const auto b = instance_of(sharing(host_b, host_a));
  const auto to_b = a.offer("host_b").value();
  const auto to_a = b.offer("host_a").value();
  BOOST_TEST(to_b.identity != to_a.identity);
  BOOST_TEST(!(to_b.key == to_a.key));
}

BOOST_AUTO_TEST_CASE(what_an_instance_offers_is_not_found_by_itself) {
  const auto a = instance_of(sharing(host_a, host_b));
  const auto offered = a.offer("host_b").value();
  BOOST_TEST(!a.find(offered.identity).has_value());
  BOOST_TEST(refused_as(errc::peer_unknown,
                        a.judge(evidence_of(auth::side::connector, offered.identity), today)));
}

BOOST_AUTO_TEST_CASE(an_acceptor_with_the_key_of_the_other_direction_is_refused) {
  const auto a = instance_of(sharing(host_a, host_b));
  BOOST_TEST(refused_as(
      errc::peer_unknown,
      a.judge(evidence_of(auth::side::acceptor, "keywarden/1/psk/host_b/host_a/1", "host_b"),
              today)));
}

BOOST_AUTO_TEST_CASE(an_acceptor_other_than_who_was_dialled_is_refused) {
  auto secrets = sharing(host_a, host_b);
  secrets.add(host_c, 1, secret(0x43)).value();
  const auto a = instance_of(std::move(secrets));
  const auto shown = [](std::string dialled) {
    return evidence_of(auth::side::acceptor, "keywarden/1/psk/host_a/host_c/1", std::move(dialled));
  };
  BOOST_TEST(accepted(a.judge(shown("host_c"), today)));
  BOOST_TEST(refused_as(errc::peer_unknown, a.judge(shown("host_b"), today)));
  BOOST_TEST(refused_as(errc::peer_unknown, a.judge(shown(""), today)));
}

BOOST_AUTO_TEST_CASE(keys_differ_by_secret_peer_and_version) {
  const auto base = hex(auth::derive_shared_key(secret(1), {host_a, host_b, 1}).value());
  for (const auto& other : {auth::derive_shared_key(secret(2), {host_a, host_b, 1}),
                            auth::derive_shared_key(secret(1), {host_a, host_c, 1}),
                            auth::derive_shared_key(secret(1), {host_c, host_b, 1}),
                            auth::derive_shared_key(secret(1), {host_a, host_b, 2}),
                            auth::derive_shared_key(secret(1), {"host_ah", "ost_b", 1})})
    BOOST_TEST(hex(other.value()) != base);
}

// Identities

const std::vector<std::string> foreign = {
    "",
    "keywarden/1/psk/",
    "keywarden/1/psk/host_b/host_a",
    "keywarden/1/psk/host_b/host_a/",
    "keywarden/1/psk/host_b/host_a/01",
    "keywarden/1/psk/host_b/host_a/+1",
    "keywarden/1/psk/host_b/host_a/1 ",
    "keywarden/1/psk/host_b/host_a/1/",
    "keywarden/1/psk/host_b/host_a/4294967297",
    "keywarden/1/psk/host_b/host_a/2",
    "keywarden/1/psk/HOST_B/host_a/1",
    "keywarden/1/psk/host_b/host_c/1",
    "keywarden/1/psk/host_c/host_a/1",
    "keywarden/1/psk/host_b//host_a/1",
    "keywarden/2/psk/host_b/host_a/1",
    "Keywarden/1/psk/host_b/host_a/1",
};

BOOST_DATA_TEST_CASE(an_identity_that_is_not_exactly_a_known_one_is_nobodys, data::make(foreign),
                     identity) {
  const auto a = instance_of(sharing(host_a, host_b));
  BOOST_TEST(a.find("keywarden/1/psk/host_b/host_a/1").has_value());
  BOOST_TEST(!a.find(identity).has_value());
  BOOST_TEST(!a.judge(evidence_of(auth::side::connector, identity), today).has_value());
}

BOOST_AUTO_TEST_CASE(an_instance_without_a_secret_is_not_dialled) {
  const auto a = instance_of(sharing(host_a, host_b));
  BOOST_TEST(refused_as(errc::not_found, a.offer("host_c")));
  BOOST_TEST(refused_as(errc::invalid_name, a.offer("host b")));
}

BOOST_AUTO_TEST_CASE(an_identity_that_no_login_holds_is_refused) {
  const auth::pre_shared_key a(sharing(host_a, host_b), connecting(with_partner()), mirroring,
                               admin);
  BOOST_TEST(refused_as(
      errc::peer_unknown,
      a.judge(evidence_of(auth::side::connector, "keywarden/1/psk/host_b/host_a/1"), today)));
}

// Changing secrets

BOOST_AUTO_TEST_CASE(a_secret_is_changed_without_an_interruption) {
  const auto both = [](const object_name& own, const object_name& peer, std::uint32_t offered) {
    auto made = sharing(own, peer, 0x42, 1);
    made.add(peer, 2, secret(0x43)).value();
    made.offer(peer, offered).value();
    return made;
  };
  const auto a = instance_of(sharing(host_a, host_b));
  const auto b = instance_of(sharing(host_b, host_a));
  const auto connects = [&] {
    for (const auto& [from, to, name] :
         {std::tuple(&a, &b, "host_b"), std::tuple(&b, &a, "host_a")}) {
      const auto offered = from->offer(name).value();
      const auto found = to->find(offered.identity);
      if (!found || !(*found == offered.key)) return false;
      if (!to->judge(evidence_of(auth::side::connector, offered.identity), today)) return false;
    }
    return true;
  };
  BOOST_TEST(connects());
  a.reload_secrets(both(host_a, host_b, 1));
  BOOST_TEST(connects());
  b.reload_secrets(both(host_b, host_a, 1));
  BOOST_TEST(connects());
  a.reload_secrets(both(host_a, host_b, 2));
  BOOST_TEST(connects());
  b.reload_secrets(both(host_b, host_a, 2));
  BOOST_TEST(connects());
  a.reload_secrets(sharing(host_a, host_b, 0x43, 2));
  BOOST_TEST(connects());
  BOOST_TEST(!a.find("keywarden/1/psk/host_b/host_a/1").has_value());
}

BOOST_AUTO_TEST_CASE(a_peer_whose_secret_is_gone_is_permitted_no_more) {
  const auto a = instance_of(sharing(host_a, host_b));
  const auto shown = evidence_of(auth::side::connector, "keywarden/1/psk/host_b/host_a/1");
  const auto who = a.judge(shown, today).value();
  a.reload_secrets(sharing(host_a, host_c));
  BOOST_TEST(refused_as(errc::peer_unknown, a.permits(who)));
  BOOST_TEST(refused_as(errc::peer_unknown, a.judge(shown, today)));
}

BOOST_AUTO_TEST_CASE(a_principal_is_permitted_by_the_version_that_it_used_and_no_other) {
  const auto both_versions = [] {
    auto made = sharing(host_a, host_b);
    made.add(host_b, 2, secret(0x43)).value();
    return made;
  };
  const auto a = instance_of(both_versions());
  const auto used = [&](int version) {
    return a
        .judge(evidence_of(auth::side::connector,
                           "keywarden/1/psk/host_b/host_a/" + std::to_string(version)),
               today)
        .value();
  };
  const auto first = used(1);
  const auto second = used(2);
  BOOST_TEST((first.key_version == std::optional<std::uint32_t>(1)));
  BOOST_TEST(accepted(a.permits(first)));
  BOOST_TEST(accepted(a.permits(second)));
  auto dropped = both_versions();
  dropped.offer(host_b, 2).value();
  dropped.drop(host_b, 1).value();
  a.reload_secrets(std::move(dropped));
  BOOST_TEST(refused_as(errc::peer_unknown, a.permits(first)));
  BOOST_TEST(accepted(a.permits(second)));
  auto without = second;
  without.key_version.reset();
  BOOST_TEST(refused_as(errc::peer_unknown, a.permits(without)));
}

BOOST_AUTO_TEST_CASE(a_key_of_the_hierarchy_gives_its_versions) {
  auto ring = key_ring::create(today).value();
  const auto older = ring.active().id;
  const auto newer = ring.add(today).value();
  shared_secrets made(host_a);
  BOOST_TEST(accepted(made.add(host_b, ring)));
  BOOST_TEST((made.knows(host_b, older.value()) && made.knows(host_b, newer.value())));
  BOOST_TEST(made.offer_to(host_b).value().identity ==
             "keywarden/1/psk/host_a/host_b/" + std::to_string(older.value()));
  ring.promote(newer).value();
  shared_secrets later(host_a);
  later.add(host_b, ring).value();
  BOOST_TEST(later.offer_to(host_b).value().identity ==
             "keywarden/1/psk/host_a/host_b/" + std::to_string(newer.value()));
}

BOOST_AUTO_TEST_CASE(secrets_that_would_protect_nothing_are_refused) {
  shared_secrets made(host_a);
  BOOST_TEST(refused_as(errc::weaker_than_required, made.add(host_b, 1, secret(1, 31))));
  BOOST_TEST(refused_as(errc::weaker_than_required, made.add(host_b, 1, secret_key())));
  BOOST_TEST(refused_as(errc::invalid_argument, made.add(host_a, 1, secret(1))));
  BOOST_TEST(!made.knows(host_b));
  BOOST_TEST(accepted(made.add(host_b, 1, secret(1))));
  BOOST_TEST(refused_as(errc::already_exists, made.add(host_b, 1, secret(2))));
}

BOOST_AUTO_TEST_CASE(the_version_that_is_offered_is_not_dropped_under_it) {
  auto made = sharing(host_a, host_b);
  made.add(host_b, 2, secret(2)).value();
  BOOST_TEST(refused_as(errc::has_dependents, made.drop(host_b, 1)));
  BOOST_TEST(refused_as(errc::not_found, made.offer(host_b, 3)));
  BOOST_TEST(refused_as(errc::not_found, made.drop(host_b, 3)));
  made.offer(host_b, 2).value();
  BOOST_TEST(accepted(made.drop(host_b, 1)));
  BOOST_TEST(accepted(made.drop(host_b, 2)));
  BOOST_TEST(refused_as(errc::not_found, made.offer_to(host_b)));
}

BOOST_AUTO_TEST_CASE(the_number_of_versions_is_bounded) {
  shared_secrets made(host_a);
  for (std::uint32_t i = 0; i < shared_secrets::max_versions; ++i)
    made.add(host_b, i, secret(1)).value();
  BOOST_TEST(refused_as(errc::limit_exceeded, made.add(host_b, 100, secret(1))));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pre_shared_key_test

}  // namespace keywarden::testing
