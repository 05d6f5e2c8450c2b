// The sessions against OpenSSL, GnuTLS and curl: mutual TLS 1.3, as both ends.

#include <boost/test/unit_test.hpp>

#include <keywarden/pki/authority.hpp>
#include <keywarden/pki/files.hpp>
#include <keywarden/pki/path.hpp>
#include <keywarden/transport/tls.hpp>
#include <support/engine.hpp>
#include <support/refusals.hpp>
#include <support/scratch.hpp>
#include <support/spoken.hpp>
#include <support/wire.hpp>

namespace tls_peers_test {

namespace kw = keywarden;
using kw::errc;
using kw::testing::accepted;
using kw::testing::refused_as;
using kw::testing::spoken_program;
using kw::testing::wire;
namespace transport = kw::transport;

/// Trusts whoever shows a certificate of one authority.
struct trusts {
  using form = kw::auth::form::certificate;
  std::shared_ptr<const kw::pki::identity> self;
  kw::pki::trust_anchors anchors;

  [[nodiscard]] kw::result<std::shared_ptr<const kw::pki::identity>> own(kw::time_point) const {
    return self;
  }
  [[nodiscard]] kw::result<kw::auth::principal> judge(const kw::auth::peer_evidence& shown,
                                                      kw::time_point now) const {
    const auto purpose = shown.peer == kw::auth::side::connector
                             ? kw::pki::certificate_purpose::client
                             : kw::pki::certificate_purpose::server;
    auto path = kw::pki::judge_path(shown.chain, anchors, purpose, kw::pki::revocation::no_check{},
                                    shown.stapled, now);
    if (!path) return path.error();
    return kw::auth::principal{path->leaf().common_name(), "", path->leaf().fingerprint()};
  }
  [[nodiscard]] kw::result<void> permits(const kw::auth::principal&) const { return kw::done(); }
};
using context = kw::testing::doors<trusts>;

/// An authority, two instances it certified, and their files for other programs.
struct certified {
  kw::testing::scratch folder;
  kw::pki::authority root;
  kw::pki::identity ours;
  kw::pki::identity theirs;
  context shared;

  template <class Leaf, class Authority>
  static certified make() {
    const auto now = kw::system_clock::now();
    auto root = kw::pki::authority::make_root<Authority>({.subject = "authority"}, now).value();
    const auto issue = [&](const char* name) {
      return root
          .template issue_identity<Leaf>({.subject = name, .dns_names = {"peer.test"}},
                                         kw::pki::certificate_purpose::both, now)
          .value();
    };
    auto ours = issue("ours");
    return certified(std::move(root), std::move(ours), issue("theirs"));
  }
  certified(kw::pki::authority authority, kw::pki::identity one, kw::pki::identity other)
      : root(std::move(authority)),
        ours(std::move(one)),
        theirs(std::move(other)),
        shared(context::create({std::make_shared<const kw::pki::identity>(ours),
                                kw::pki::trust_anchors::of({root.certificate()}).value()})
                   .value()) {
    write("ca.pem", root.certificate().pem());
    write("cert.pem", theirs.chain.front().pem());
    const auto key = theirs.key->to_pkcs8().value();
    const auto data =
        kw::hazmat::export_bytes(key, kw::hazmat::insecure_access::i_know_what_i_do());
    write("key.pem", Botan::PEM_Code::encode(data.data(), data.size(), "PRIVATE KEY"));
  }
  [[nodiscard]] std::string file(const std::string& name) const { return (folder / name).string(); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder / name) << text;
  }
};

/// Takes one connection from another program, says a greeting, and gives what it said.
struct served {
  kw::result<transport::session> session = kw::error(errc::handshake_failed);
  std::string heard;
};
served serve(const certified& of, const wire& listener, std::string_view answer,
             std::size_t expected) {
  const auto over = listener.accept();
  served made;
  made.session = kw::testing::shake_hands(over, of.shared.accept().value());
  if (!made.session) return made;
  auto heard = kw::testing::hear(over, *made.session, expected).value();
  made.heard = kw::as_text(heard);
  made.session->send(kw::as_bytes(answer)).value();
  made.session->close().value();
  kw::testing::flush(over, *made.session);
  over.finish();
  return made;
}

/// gnutls-serv, which cannot choose a free port by itself. What was free a moment ago may be taken
/// now, by a connection of another test, so a few are tried. Null if it could listen on none of
/// them.
struct listening_peer {
  std::unique_ptr<spoken_program> program;
  std::uint16_t port = 0;
};
listening_peer gnutls_server(const certified& of) {
  std::string last;
  for (int attempt = 0; attempt < 8; ++attempt) {
    const auto port = wire::listen().port();
    const auto number = std::to_string(port);
    auto peer = std::make_unique<spoken_program>(std::vector<std::string>{
        "gnutls-serv", "--port", number, "--echo", "--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.3",
        "--x509cafile", of.file("ca.pem"), "--require-client-cert", "--verify-client-cert",
        "--x509certfile", of.file("cert.pem"), "--x509keyfile", of.file("key.pem")});
    const auto announced = "IPv4 0.0.0.0 port " + number + "...";
    if (peer->heard(announced) &&
        peer->heard("\n", peer->output().find(announced) + announced.size()) &&
        peer->output().find(announced + "done") != std::string::npos) {
      return {std::move(peer), port};
    }
    last = peer->output();
  }
  BOOST_TEST_MESSAGE("gnutls-serv does not listen: " << last);
  return {};
}

std::string at(std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

template <class Leaf, class Authority>
struct pairing {
  using leaf = Leaf;
  using authority = Authority;
};
using pairings = boost::mp11::mp_list<pairing<kw::pki::ecdsa_p256, kw::pki::ecdsa_p256>,
                                      pairing<kw::pki::ecdsa_p256, kw::pki::ed25519>,
                                      pairing<kw::pki::rsa<2048>, kw::pki::ecdsa_p256>,
                                      pairing<kw::pki::rsa<2048>, kw::pki::ed25519>>;

BOOST_AUTO_TEST_SUITE(tls_peers)

BOOST_AUTO_TEST_CASE_TEMPLATE(openssl_connects_with_its_certificate, Pair, pairings) {
  const auto of = certified::make<typename Pair::leaf, typename Pair::authority>();
  const auto listener = wire::listen();
  spoken_program peer({"openssl", "s_client", "-connect", at(listener.port()), "-tls1_3", "-quiet",
                       "-CAfile", of.file("ca.pem"), "-cert", of.file("cert.pem"), "-key",
                       of.file("key.pem"), "-verify_return_error", "-verify", "3"});
  peer.say("hello\n");
  const auto made = serve(of, listener, "welcome\n", 6);
  BOOST_TEST(accepted(made.session));
  BOOST_TEST(made.heard == "hello\n");
  BOOST_TEST((made.session && made.session->peer().login == "theirs"));
  BOOST_TEST(peer.heard("welcome"), peer.output());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(openssl_accepts_our_certificate, Pair, pairings) {
  const auto of = certified::make<typename Pair::leaf, typename Pair::authority>();
  spoken_program peer({"openssl", "s_server", "-accept", "127.0.0.1:0", "-tls1_3", "-rev",
                       "-CAfile", of.file("ca.pem"), "-cert", of.file("cert.pem"), "-key",
                       of.file("key.pem"), "-Verify", "3", "-verify_return_error"});
  BOOST_TEST_REQUIRE(peer.heard("ACCEPT 127.0.0.1:"), peer.output());
  BOOST_TEST_REQUIRE(peer.heard("\n"));
  const auto from = peer.output().find("ACCEPT 127.0.0.1:") + 17;
  const auto port = static_cast<std::uint16_t>(std::stoi(peer.output().substr(from)));
  const auto over = wire::connect(port);
  auto session = kw::testing::shake_hands(over, of.shared.connect("peer").value());
  BOOST_TEST_REQUIRE(accepted(session));
  BOOST_TEST(session->peer().login == "theirs");
  session->send(kw::as_bytes("drawer\n")).value();
  kw::testing::flush(over, *session);
  BOOST_TEST(kw::as_text(kw::testing::hear(over, *session, 7).value()) == "reward\n");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(gnutls_connects_with_its_certificate, Pair, pairings) {
  const auto of = certified::make<typename Pair::leaf, typename Pair::authority>();
  const auto listener = wire::listen();
  spoken_program peer({"gnutls-cli", "127.0.0.1", "--port", std::to_string(listener.port()),
                       "--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.3", "--x509cafile",
                       of.file("ca.pem"), "--verify-hostname", "peer.test", "--x509certfile",
                       of.file("cert.pem"), "--x509keyfile", of.file("key.pem")});
  peer.say("hello\n");
  const auto made = serve(of, listener, "welcome\n", 6);
  BOOST_TEST(accepted(made.session), peer.rest());
  BOOST_TEST(made.heard == "hello\n");
  BOOST_TEST(peer.heard("welcome"), peer.output());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(gnutls_accepts_our_certificate, Pair, pairings) {
  const auto of = certified::make<typename Pair::leaf, typename Pair::authority>();
  const auto [peer, port] = gnutls_server(of);
  BOOST_TEST_REQUIRE(peer);
  const auto over = wire::connect(port);
  BOOST_TEST_REQUIRE(static_cast<bool>(over));
  auto session = kw::testing::shake_hands(over, of.shared.connect("peer").value());
  BOOST_TEST_REQUIRE(accepted(session), peer->output());
  session->send(kw::as_bytes("echo\n")).value();
  kw::testing::flush(over, *session);
  BOOST_TEST(kw::as_text(kw::testing::hear(over, *session, 5).value()) == "echo\n");
}

BOOST_AUTO_TEST_CASE(curl_fetches_over_mutual_tls) {
  const auto of = certified::make<kw::pki::ecdsa_p256, kw::pki::ecdsa_p256>();
  const auto listener = wire::listen();
  const auto port = std::to_string(listener.port());
  spoken_program peer({"curl", "--silent", "--show-error", "--tlsv1.3", "--no-alpn", "--cacert",
                       of.file("ca.pem"), "--cert", of.file("cert.pem"), "--key",
                       of.file("key.pem"), "--resolve", "peer.test:" + port + ":127.0.0.1",
                       "https://peer.test:" + port + "/"});
  const auto made = serve(
      of, listener, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n", 16);
  BOOST_TEST(accepted(made.session));
  BOOST_TEST(made.heard.starts_with("GET / HTTP/1.1"));
  BOOST_TEST(peer.heard("hello"), peer.output());
}

BOOST_AUTO_TEST_CASE(openssl_without_a_certificate_is_refused) {
  const auto of = certified::make<kw::pki::ecdsa_p256, kw::pki::ecdsa_p256>();
  const auto listener = wire::listen();
  spoken_program peer({"openssl", "s_client", "-connect", at(listener.port()), "-tls1_3", "-CAfile",
                       of.file("ca.pem")});
  peer.say("secret question\n");
  const auto made = serve(of, listener, "secret answer", 1);
  BOOST_TEST(refused_as(errc::peer_unproven, made.session));
  BOOST_TEST(peer.heard("alert certificate required"), peer.output());
  BOOST_TEST(peer.output().find("secret answer") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(openssl_with_another_authoritys_certificate_is_refused) {
  const auto of = certified::make<kw::pki::ecdsa_p256, kw::pki::ecdsa_p256>();
  const auto stranger = certified::make<kw::pki::ecdsa_p256, kw::pki::ecdsa_p256>();
  const auto listener = wire::listen();
  spoken_program peer({"openssl", "s_client", "-connect", at(listener.port()), "-tls1_3", "-CAfile",
                       of.file("ca.pem"), "-cert", stranger.file("cert.pem"), "-key",
                       stranger.file("key.pem")});
  peer.say("hello\n");
  const auto made = serve(of, listener, "secret answer", 1);
  BOOST_TEST(refused_as(errc::certificate_untrusted, made.session));
  BOOST_TEST(peer.heard("alert access denied"), peer.output());
  BOOST_TEST(peer.output().find("secret answer") == std::string::npos);
}

/// What is said to a stranger who shows a certificate of his own that openssl made with `options`.
kw::result<transport::session> shown_by_a_stranger(std::vector<std::string> options) {
  const auto of = certified::make<kw::pki::ecdsa_p256, kw::pki::ecdsa_p256>();
  std::vector<std::string> command{"openssl", "req",
                                   "-x509",   "-nodes",
                                   "-subj",   "/CN=stranger",
                                   "-keyout", of.file("own-key.pem"),
                                   "-out",    of.file("own.pem")};
  command.insert(command.end(), options.begin(), options.end());
  spoken_program maker(command);
  maker.end_input();
  static_cast<void>(maker.rest());
  BOOST_TEST_REQUIRE(std::filesystem::exists(of.file("own.pem")), maker.output());
  const auto listener = wire::listen();
  spoken_program peer({"openssl", "s_client", "-connect", at(listener.port()), "-tls1_3", "-CAfile",
                       of.file("ca.pem"), "-cert", of.file("own.pem"), "-key",
                       of.file("own-key.pem")});
  return serve(of, listener, "secret answer", 1).session;
}

BOOST_AUTO_TEST_CASE(a_key_that_may_not_sign_is_refused_before_anybody_judges_it) {
  const std::vector<std::string> curve{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"};
  auto without = curve;
  without.insert(without.end(), {"-addext", "keyUsage=critical,keyAgreement"});
  BOOST_TEST(refused_as(errc::certificate_untrusted, shown_by_a_stranger(curve)));
  BOOST_TEST(refused_as(errc::handshake_failed, shown_by_a_stranger(without)));
}

BOOST_AUTO_TEST_CASE(a_peer_with_an_rsa_pss_key_is_refused) {
  const auto made = shown_by_a_stranger({"-newkey", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"});
  BOOST_TEST(!accepted(made));
  BOOST_TEST(!refused_as(errc::certificate_untrusted, made));  // nobody got to judge it
}

BOOST_AUTO_TEST_CASE(openssl_with_an_older_version_is_refused) {
  const auto of = certified::make<kw::pki::ecdsa_p256, kw::pki::ecdsa_p256>();
  const auto listener = wire::listen();
  spoken_program peer({"openssl", "s_client", "-connect", at(listener.port()), "-tls1_2", "-cert",
                       of.file("cert.pem"), "-key", of.file("key.pem")});
  const auto made = serve(of, listener, "secret answer", 1);
  BOOST_TEST(refused_as(errc::encryption_refused, made.session));
  BOOST_TEST(peer.heard("alert protocol version"), peer.output());
}

BOOST_AUTO_TEST_CASE(openssl_gets_no_ticket_to_resume_with) {
  const auto of = certified::make<kw::pki::ecdsa_p256, kw::pki::ecdsa_p256>();
  const auto listener = wire::listen();
  spoken_program peer({"openssl", "s_client", "-connect", at(listener.port()), "-tls1_3", "-CAfile",
                       of.file("ca.pem"), "-cert", of.file("cert.pem"), "-key", of.file("key.pem"),
                       "-sess_out", of.file("ticket.pem")});
  peer.say("hello\n");
  BOOST_TEST(accepted(serve(of, listener, "welcome\n", 6).session));
  BOOST_TEST(peer.rest().find("New Session Ticket arrived") == std::string::npos);
  BOOST_TEST(!std::filesystem::exists(of.file("ticket.pem")));
}

BOOST_AUTO_TEST_CASE(our_connector_refuses_openssl_with_another_authoritys_certificate) {
  const auto of = certified::make<kw::pki::ecdsa_p256, kw::pki::ecdsa_p256>();
  const auto stranger = certified::make<kw::pki::ecdsa_p256, kw::pki::ecdsa_p256>();
  spoken_program peer({"openssl", "s_server", "-accept", "127.0.0.1:0", "-tls1_3", "-rev", "-cert",
                       stranger.file("cert.pem"), "-key", stranger.file("key.pem"), "-Verify",
                       "3"});
  BOOST_TEST_REQUIRE(peer.heard("ACCEPT 127.0.0.1:"), peer.output());
  BOOST_TEST_REQUIRE(peer.heard("\n"));
  const auto from = peer.output().find("ACCEPT 127.0.0.1:") + 17;
  const auto over =
      wire::connect(static_cast<std::uint16_t>(std::stoi(peer.output().substr(from))));
  BOOST_TEST(refused_as(errc::certificate_untrusted,
                        kw::testing::shake_hands(over, of.shared.connect("peer").value())));
  BOOST_TEST(peer.heard("alert access denied"), peer.output());
  // It never saw who we are: the refusal came before our certificate.
  BOOST_TEST(peer.output().find("CN = ours") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(openssl_that_does_not_ask_for_our_certificate_is_refused) {
  const auto of = certified::make<kw::pki::ecdsa_p256, kw::pki::ecdsa_p256>();
  spoken_program peer({"openssl", "s_server", "-accept", "127.0.0.1:0", "-tls1_3", "-rev", "-cert",
                       of.file("cert.pem"), "-key", of.file("key.pem")});
  BOOST_TEST_REQUIRE(peer.heard("ACCEPT 127.0.0.1:"), peer.output());
  BOOST_TEST_REQUIRE(peer.heard("\n"));
  const auto from = peer.output().find("ACCEPT 127.0.0.1:") + 17;
  const auto over =
      wire::connect(static_cast<std::uint16_t>(std::stoi(peer.output().substr(from))));
  BOOST_TEST(refused_as(errc::handshake_failed,
                        kw::testing::shake_hands(over, of.shared.connect("peer").value())));
  // Over OpenSSL our Finished has not left either.
  BOOST_TEST(peer.heard(kw::testing::by_engine("No peer certificate", "alert access denied")),
             peer.output());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tls_peers_test
