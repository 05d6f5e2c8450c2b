// Whom live endpoints refuse, what their log says, and what the peer sees.

#include <keywarden/endpoint/endpoint.hpp>

#include <boost/test/unit_test.hpp>

#include <keywarden/admit/anyone.hpp>
#include <keywarden/auth/certificate.hpp>
#include <keywarden/endpoint/topology.hpp>
#include <keywarden/pki/authority.hpp>
#include <support/refusals.hpp>
#include <support/two_ends.hpp>

namespace refusals_test {

namespace kw = keywarden;
using kw::errc;
using kw::testing::accepted;
using kw::testing::refused_as;
using namespace std::chrono_literals;
using purpose = kw::pki::certificate_purpose;

/// Brings a connection between two endpoints to its end; gives both fates.
template <class From, class To>
auto connect(const From& from, const To& to, const std::string& called) {
  struct fates {
    kw::result<typename From::outgoing_connection> there;
    kw::result<typename To::connection> here;
  };
  auto out = from.connect(called, called);
  if (!out) return fates{out.error(), kw::error(errc::handshake_failed)};
  auto in = to.accept(kw::admit::address("192.0.2.1"), {}).value();
  while (!out->outgoing().empty() || !in.outgoing().empty()) {
    static_cast<void>(kw::testing::carry(*out, in));
    static_cast<void>(kw::testing::carry(in, *out));
  }
  return fates{std::move(*out).finish(), std::move(in).finish()};
}

const kw::time_point today = kw::system_clock::now();

/// An endpoint that believes an authority, its lists and an allow-list, and the peers that try.
struct strict_server {
  using offline = kw::pki::revocation::offline;
  using trust = kw::trust::chain<offline, kw::trust::leaf_fingerprints>;
  using with = kw::auth::certificate<trust>;
  using endpoint = kw::endpoint<with, kw::transport::tls13<>, kw::admit::anyone>;

  kw::pki::authority root = kw::pki::authority::make_root({.subject = "root"}, today - 48h).value();
  kw::pki::authority other =
      kw::pki::authority::make_root({.subject = "root"}, today - 48h).value();
  std::vector<kw::endpoint_event> log;

  [[nodiscard]] kw::pki::identity issued(const kw::pki::authority& by, purpose use = purpose::both,
                                         kw::time_point start = today - 24h,
                                         std::chrono::seconds lasting = 240h) const {
    return by
        .issue_identity({.subject = "peer", .start = start, .expiry = start + lasting}, use, today)
        .value();
  }
  /// What happens to a peer that shows `shown`: allowed or not, with or without CONNECT.
  struct attempt {
    bool listed = true;
    bool granted = true;
    bool revoked = false;
  };
  std::pair<kw::result<void>, kw::error> tries(const kw::pki::identity& shown, attempt as) {
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
    const auto own = issued(root);
    const auto lists =
        kw::pki::revocation_snapshot::of(std::vector{root.issue_list(today).value()}).value();
    log.clear();
    const auto at =
        endpoint::create(
            with::create(own,
                         trust{kw::pki::trust_anchors::of({root.certificate()}).value(),
                               offline(lists),
                               {kw::trust::leaf_fingerprints(allowed)}},
                         known, "mirroring", "sa")
                .value(),
            {}, {kw::endpoint_state::started, [&](const auto& event) { log.push_back(event); }})
            .value();
    kw::testing::knows client(std::make_shared<const kw::pki::identity>(shown), own, "server");
    const auto from =
        kw::endpoint<kw::testing::knows, kw::transport::tls13<>, kw::admit::anyone>::create(
            client, {}, {kw::endpoint_state::started})
            .value();
    auto met = connect(from, at, "server");
    kw::result<void> here = kw::done();
    if (!met.here) here = met.here.error();
    return {here, met.there ? kw::error() : met.there.error()};
  }
};

BOOST_AUTO_TEST_SUITE(endpoint_refusals)

BOOST_AUTO_TEST_CASE(a_peer_that_satisfies_everything_is_let_in) {
  strict_server at;
  auto [here, there] = at.tries(at.issued(at.root), {});
  BOOST_TEST(accepted(here));
  BOOST_TEST((there == errc::none));
}

BOOST_AUTO_TEST_CASE(each_missing_condition_is_told_apart_in_the_log_and_alike_to_the_peer) {
  strict_server at;
  const auto refused = [&](errc expected, const kw::pki::identity& shown,
                           strict_server::attempt as = {}) {
    auto [here, there] = at.tries(shown, as);
    BOOST_TEST(refused_as(expected, here));
    BOOST_TEST((there == errc::refused_by_peer), there.message());
    BOOST_TEST(there.value_of(kw::fact::alert) == "access_denied");
    BOOST_TEST_REQUIRE(at.log.size() == 1U);
    BOOST_TEST((at.log[0].reason == expected), at.log[0].text());
  };
  refused(errc::certificate_untrusted, at.issued(at.other));
  refused(errc::certificate_expired, at.issued(at.root, purpose::both, today - 24h, 12h));
  refused(errc::certificate_not_yet_valid, at.issued(at.root, purpose::both, today + 1h));
  refused(errc::certificate_usage, at.issued(at.root, purpose::server));
  refused(errc::certificate_revoked, at.issued(at.root), {.revoked = true});
  refused(errc::admission_refused, at.issued(at.root), {.listed = false});
  refused(errc::not_permitted, at.issued(at.root), {.granted = false});
}

BOOST_AUTO_TEST_CASE(a_certificate_for_clients_does_not_answer_connections) {
  strict_server at;
  const auto shown = at.issued(at.root, purpose::client);
  const auto own = at.issued(at.root);
  kw::auth::directory known;
  known.create_login("sa").value();
  known.create_login("server").value();
  known.create_user("server", "server").value();
  known.add_certificate("server", shown.chain[0], "server").value();
  known.grant(kw::auth::permission::connect, "mirroring", "server").value();
  const auto lists =
      kw::pki::revocation_snapshot::of(std::vector{at.root.issue_list(today).value()}).value();
  const auto from =
      strict_server::endpoint::create(
          strict_server::with::create(
              own,
              strict_server::trust{kw::pki::trust_anchors::of({at.root.certificate()}).value(),
                                   strict_server::offline(lists),
                                   {kw::trust::leaf_fingerprints({shown.chain[0].fingerprint()})}},
              known, "mirroring", "sa")
              .value(),
          {}, {kw::endpoint_state::started})
          .value();
  const kw::testing::knows server(std::make_shared<const kw::pki::identity>(shown), own, "client");
  const auto to =
      kw::endpoint<kw::testing::knows, kw::transport::tls13<>, kw::admit::anyone>::create(
          server, {}, {kw::endpoint_state::started})
          .value();
  auto met = connect(from, to, "server");
  BOOST_TEST(refused_as(errc::certificate_usage, met.there));
  BOOST_TEST(refused_as(errc::refused_by_peer, met.here));
}

/// Two partners and a witness that know each other, but for one edge.
struct mesh {
  using with = kw::auth::certificate<kw::trust::pinned>;
  using endpoint = kw::endpoint<with, kw::transport::tls13<>, kw::admit::anyone>;
  static constexpr std::array<std::string_view, 3> names{"HOST_A", "HOST_B", "WITNESS"};
  static constexpr std::array roles{kw::endpoint_role::partner, kw::endpoint_role::partner,
                                    kw::endpoint_role::witness};
  struct missing {
    std::size_t from = 3;      ///< who wants to connect
    std::size_t at = 3;        ///< where something is missing
    bool certificate = false;  ///< the certificate, else CONNECT
  };

  explicit mesh(missing edge) {
    for (const auto name : names)
      identities.push_back(*kw::testing::make_identity(std::string(name), today));
    for (std::size_t at = 0; at < 3; ++at) {
      kw::auth::directory known;
      known.create_login("sa").value();
      for (std::size_t peer = 0; peer < 3; ++peer) {
        if (peer == at) continue;
        const auto name = kw::object_name::parse(names[peer]).value();
        const bool broken = edge.from == peer && edge.at == at;
        known.create_login(name).value();
        known.create_user(name, name).value();
        if (!broken || !edge.certificate)
          known.add_certificate(name, identities[peer].chain[0], name).value();
        if (!broken || edge.certificate)
          known.grant(kw::auth::permission::connect, "mirroring", name).value();
      }
      auto own = std::vector<kw::pki::identity>{};
      own.push_back(identities[at]);
      logs.emplace_back();
      endpoints.push_back(
          endpoint::create(with::create(identities[at], known, "mirroring", "sa").value(), {},
                           {kw::endpoint_state::started,
                            [this, at](const auto& event) { logs[at].push_back(event); }})
              .value());
      descriptions.push_back(
          kw::describe_instance(kw::object_name::parse(names[at]).value(),
                                kw::endpoint_definition{"mirroring",
                                                        kw::listener_address(7022),
                                                        kw::endpoint_certificates("own"),
                                                        roles[at],
                                                        "sa",
                                                        {},
                                                        kw::endpoint_state::started},
                                known, std::vector{identities[at].chain[0]}));
    }
  }

  std::vector<kw::pki::identity> identities;
  std::vector<std::vector<kw::endpoint_event>> logs;
  std::vector<endpoint> endpoints;
  std::vector<kw::instance_description> descriptions;
};

BOOST_AUTO_TEST_CASE(a_complete_mesh_connects_every_pair_both_ways) {
  mesh of({});
  BOOST_TEST(kw::check_topology(of.descriptions, today).problems.empty());
  for (std::size_t from = 0; from < 3; ++from)
    for (std::size_t to = 0; to < 3; ++to) {
      if (from == to) continue;
      auto met = connect(of.endpoints[from], of.endpoints[to], std::string(mesh::names[to]));
      BOOST_TEST(accepted(met.there));
      BOOST_TEST(accepted(met.here));
    }
}

BOOST_AUTO_TEST_CASE(each_single_missing_edge_is_named_refused_logged_and_looks_the_same) {
  for (std::size_t from = 0; from < 3; ++from)
    for (std::size_t at = 0; at < 3; ++at)
      for (const bool certificate : {true, false}) {
        if (from == at) continue;
        BOOST_TEST_CONTEXT(mesh::names[from] << " at " << mesh::names[at] << ", no "
                                             << (certificate ? "certificate" : "CONNECT")) {
          mesh of({from, at, certificate});
          const auto report = kw::check_topology(of.descriptions, today);
          BOOST_TEST(!report.connected());
          BOOST_TEST_REQUIRE(report.problems.size() == 1U);
          const auto sentence = report.problems[0].sentence();
          BOOST_TEST(sentence.find(mesh::names[from]) != std::string::npos, sentence);
          BOOST_TEST(sentence.find(mesh::names[at]) != std::string::npos, sentence);
          // The one who misses something refuses, whoever called; the other sees the one alert.
          auto called = connect(of.endpoints[from], of.endpoints[at], std::string(mesh::names[at]));
          const auto reason = certificate ? errc::peer_unknown : errc::not_permitted;
          BOOST_TEST(refused_as(reason, called.here));
          BOOST_TEST(refused_as(errc::refused_by_peer, called.there));
          BOOST_TEST(called.there.error().value_of(kw::fact::alert) == "access_denied");
          BOOST_TEST_REQUIRE(of.logs[at].size() == 1U);
          BOOST_TEST((of.logs[at][0].reason == reason), of.logs[at][0].text());
          auto calls =
              connect(of.endpoints[at], of.endpoints[from], std::string(mesh::names[from]));
          BOOST_TEST(refused_as(reason, calls.there));
          BOOST_TEST(refused_as(errc::refused_by_peer, calls.here));
          BOOST_TEST(calls.here.error().value_of(kw::fact::alert) == "access_denied");
        }
      }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace refusals_test
