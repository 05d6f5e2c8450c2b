#include <keywarden/transport/session.hpp>

#include <boost/test/unit_test.hpp>

#include <botan/tls_session_manager_memory.h>

#include <support/hostile_meeting.hpp>

namespace attack_resumption_test {

using namespace keywarden;
using namespace keywarden::testing;
using namespace keywarden::testing::hostile;

// A ticket earned where nobody asked for a certificate (botan#5818), at doors where one is needed.

/// A server of the same program that asks strangers for nothing and gives them tickets.
class lax_server : private Botan::TLS::Callbacks, private Botan::Credentials_Manager {
 public:
  lax_server(std::shared_ptr<const pki::identity> own,
             std::shared_ptr<Botan::TLS::Session_Manager> sessions)
      : own_(std::move(own)) {
    struct rules : Botan::TLS::Policy {
      bool allow_tls12() const override { return false; }
      std::size_t new_session_tickets_upon_handshake_success() const override { return 2; }
    };
    const auto random = std::make_shared<Botan::ChaCha_RNG>(Botan::system_rng());
    server_ = std::make_unique<Botan::TLS::Server>(
        std::shared_ptr<Botan::TLS::Callbacks>(std::shared_ptr<void>(), this), std::move(sessions),
        std::shared_ptr<Botan::Credentials_Manager>(std::shared_ptr<void>(), this),
        std::make_shared<rules>(), random);
  }
  [[nodiscard]] result<void> receive(bytes_view data) {
    server_->received_data(data);
    return done();
  }
  [[nodiscard]] bytes_view outgoing() const noexcept { return outgoing_; }
  void sent(std::size_t count) {
    outgoing_.erase(outgoing_.begin(), outgoing_.begin() + static_cast<std::ptrdiff_t>(count));
  }
  [[nodiscard]] const std::string& data() const noexcept { return data_; }

 private:
  void tls_emit_data(std::span<const std::uint8_t> data) override { append(outgoing_, data); }
  void tls_record_received(std::uint64_t, std::span<const std::uint8_t> data) override {
    data_ += as_text(data);
  }
  void tls_alert(Botan::TLS::Alert) override {}
  std::string tls_server_choose_app_protocol(const std::vector<std::string>& all) override {
    return all.front();
  }
  std::vector<Botan::X509_Certificate> find_cert_chain(
      const std::vector<std::string>&, const std::vector<Botan::AlgorithmIdentifier>&,
      const std::vector<Botan::X509_DN>&, const std::string&, const std::string&) override {
    return {own_->chain.front().x509()};
  }
  std::shared_ptr<Botan::Private_Key> private_key_for(const Botan::X509_Certificate&,
                                                      const std::string&,
                                                      const std::string&) override {
    return own_->key->botan();
  }

  std::shared_ptr<const pki::identity> own_;
  std::unique_ptr<Botan::TLS::Server> server_;
  bytes outgoing_;
  std::string data_;
};

void just_finish(client& self) { self.finish(); }

/// A stranger's hello that offers a ticket.
hello_shape with_ticket(const client::ticket& earned) {
  hello_shape shape;
  shape.keys = {{earned.identity, earned.key, "res binder", earned.age_add}};
  return shape;
}

struct program {
  world of;
  std::shared_ptr<const pki::identity> stranger = make_identity("stranger");
  std::shared_ptr<Botan::TLS::Session_Manager> sessions =
      std::make_shared<Botan::TLS::Session_Manager_In_Memory>(
          std::make_shared<Botan::ChaCha_RNG>(Botan::system_rng()));
  client::ticket earned = [this] {
    lax_server lax(of.us, sessions);
    client first(stranger, just_finish);
    duel(lax, first.start()).value();
    return first.tickets().at(0);
  }();
};

BOOST_AUTO_TEST_SUITE(attack_by_resumption)

BOOST_AUTO_TEST_CASE(the_ticket_is_good_where_it_was_earned) {
  program here;
  lax_server lax(here.of.us, here.sessions);
  client again(here.stranger, just_finish, with_ticket(here.earned));
  BOOST_TEST(accepted(duel(lax, again.start())));
  BOOST_TEST(again.resumed());
  again.say_data("resumed");
  BOOST_TEST(accepted(duel(lax, again)));
  BOOST_TEST(lax.data() == "resumed");
}

BOOST_AUTO_TEST_CASE(our_acceptor_ignores_the_ticket_and_asks_for_a_certificate) {
  program here;
  client again(here.stranger, just_finish, with_ticket(here.earned));
  expect_refusal(here.of, here.of.accept(), again.start(), errc::handshake_failed,
                 alerts::unexpected_message);
  BOOST_TEST(!again.resumed());
  BOOST_TEST(again.certificate_request().has_value());

  client stranger(here.stranger, client::honest_flight, with_ticket(here.earned));
  expect_refusal(here.of, here.of.accept(), stranger.start(), errc::peer_unknown,
                 alerts::access_denied, 1);
}

BOOST_AUTO_TEST_CASE(a_resumed_session_would_be_refused_even_if_the_engine_took_it) {
  // The same acceptor with the other server's session store, which no program can compose: the
  // engine resumes, and the machine around it does not.
  program here;
  auto shared = std::make_shared<transport::detail::tls_shared>();
  shared->party = std::make_shared<transport::detail::party_of<recording, system_clock>>(
      here.of.authenticator, system_clock());
  shared->clause = transport::tls13<>::clause;
  shared->policy = std::make_shared<transport::detail::tls_policy>(
      shared->clause, true, transport::hybrid_or_classical::accepted(),
      transport::hybrid_or_classical::offered());
  shared->sessions = here.sessions;
  shared->random = transport::detail::handshake_random();
  transport::handshake lured(std::make_unique<transport::detail::tls_machine>(
      shared, auth::side::acceptor, std::string(), std::string()));
  client again(
      here.stranger,
      [](client& self) {
        self.finish();
        self.say_data("resumed");
      },
      with_ticket(here.earned));
  expect_refusal(here.of, std::move(lured), again.start(), errc::peer_unproven,
                 alerts::access_denied);
  BOOST_TEST(again.resumed());
}

BOOST_AUTO_TEST_CASE(our_acceptor_gives_no_tickets) {
  inside meeting;
  meeting.session.send(as_bytes("welcome")).value();
  BOOST_TEST(accepted(duel(meeting.session, meeting.theirs)));
  BOOST_TEST(meeting.theirs.data() == "welcome");
  BOOST_TEST(meeting.theirs.tickets().empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace attack_resumption_test
