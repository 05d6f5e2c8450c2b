// An endpoint composed with the engine over OpenSSL: the type's name is all that changes.

#include <keywarden/transport/libssl/tls13.hpp>

#include <boost/test/unit_test.hpp>

#include <keywarden/admit/anyone.hpp>
#include <keywarden/auth/certificate.hpp>
#include <keywarden/endpoint/endpoint.hpp>
#include <support/refusals.hpp>
#include <support/two_ends.hpp>

namespace libssl_test {

namespace kw = keywarden;
using kw::errc;
using kw::testing::accepted;
using kw::testing::carry;
using kw::testing::refused_as;

using pinned = kw::auth::certificate<kw::trust::pinned>;
using over_botan = kw::endpoint<pinned, kw::transport::tls13<>, kw::admit::anyone>;
//[second_engine
using over_openssl =
    kw::endpoint<kw::auth::certificate<kw::trust::pinned>,
                 kw::transport::libssl::tls13<kw::transport::classical_only>, kw::admit::anyone>;
//]
static_assert(sizeof(over_openssl) == sizeof(over_botan));
static_assert(kw::transport::secure_session<over_openssl::connection>);

/// Instances that know each other, over whatever engine.
struct partners {
  std::shared_ptr<const kw::pki::identity> a = kw::testing::make_identity("a");
  std::shared_ptr<const kw::pki::identity> b = kw::testing::make_identity("b");
  std::vector<kw::endpoint_event> log;

  template <class Endpoint>
  Endpoint start(const kw::pki::identity& own, const kw::pki::identity& peer, std::string_view name,
                 bool granted = true) {
    const auto login = kw::object_name::parse(name).value();
    kw::auth::directory known;
    known.create_login("sa").value();
    known.create_login(login).value();
    known.create_user(login, login).value();
    known.add_certificate(login, peer.chain[0], login).value();
    if (granted) known.grant(kw::auth::permission::connect, "mirroring", login).value();
    return Endpoint::create(
               pinned::create(own, known, "mirroring", "sa").value(), {},
               {kw::endpoint_state::started, [this](const auto& event) { log.push_back(event); }})
        .value();
  }
};

template <class Connector, class Acceptor>
void talk() {
  partners of;
  const auto from = of.start<Connector>(*of.a, *of.b, "b");
  const auto to = of.start<Acceptor>(*of.b, *of.a, "a");
  auto out = from.connect("b", "b").value();
  auto in = to.accept(kw::admit::address("192.0.2.1"), {}).value();
  while (!out.outgoing().empty() || !in.outgoing().empty()) {
    BOOST_TEST(accepted(carry(out, in)));
    BOOST_TEST(accepted(carry(in, out)));
  }
  auto there = std::move(out).finish();
  auto here = std::move(in).finish();
  BOOST_TEST_REQUIRE(accepted(there));
  BOOST_TEST_REQUIRE(accepted(here));
  there->send(kw::as_bytes("there")).value();
  BOOST_TEST(accepted(carry(*there, *here)));
  BOOST_TEST(kw::as_text(here->received()) == "there");
  const auto row = to.connections().at(0);
  BOOST_TEST(row.principal_name == "a");
  BOOST_TEST(row.encryption == "AES-256-GCM");
  BOOST_TEST(row.total_bytes_received == 5U);
}

BOOST_AUTO_TEST_SUITE(endpoint_over_openssl)

BOOST_AUTO_TEST_CASE(instances_over_either_engine_talk) {
  talk<over_openssl, over_openssl>();
  talk<over_openssl, over_botan>();
  talk<over_botan, over_openssl>();
}

BOOST_AUTO_TEST_CASE(a_login_without_connect_is_refused_and_logged) {
  partners of;
  const auto from = of.start<over_openssl>(*of.a, *of.b, "b");
  const auto to = of.start<over_openssl>(*of.b, *of.a, "a", false);
  auto out = from.connect("b", "b").value();
  auto in = to.accept(kw::admit::address("192.0.2.1"), {}).value();
  while (!out.outgoing().empty() || !in.outgoing().empty()) {
    static_cast<void>(carry(out, in));
    static_cast<void>(carry(in, out));
  }
  BOOST_TEST(refused_as(errc::not_permitted, std::move(in).finish()));
  BOOST_TEST(refused_as(errc::refused_by_peer, std::move(out).finish()));
  BOOST_TEST_REQUIRE(!of.log.empty());
  BOOST_TEST((of.log[0].reason == errc::not_permitted), of.log[0].text());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace libssl_test
