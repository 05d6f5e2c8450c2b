#include <keywarden/transport/session.hpp>

#include <map>

#include <boost/test/unit_test.hpp>

#include <support/hostile_meeting.hpp>

namespace attack_shared_key_test {

using namespace keywarden;
using namespace keywarden::testing;
using namespace keywarden::testing::hostile;

// Pre-shared keys: unknown, wrong, of another kind, reflected, and mixed with certificates.

/// The smallest authenticator with keys: one for each ordered pair, named "from>to".
class shares {
 public:
  using form = auth::form::shared_key;

  explicit shares(std::string own) : own_(std::move(own)) {}
  void share(const std::string& pair, bytes key) { (*keys_)[pair] = std::move(key); }

  [[nodiscard]] result<auth::shared_key_offer> offer(std::string_view dialled) const {
    const auto pair = own_ + ">" + std::string(dialled);
    const auto found = keys_->find(pair);
    if (found == keys_->end()) return error(errc::not_found);
    return auth::shared_key_offer{pair, secret_key::copy_of(found->second)};
  }
  [[nodiscard]] std::optional<secret_key> find(std::string_view identity) const {
    const auto found = keys_->find(std::string(identity));
    if (found == keys_->end() || !identity.ends_with(">" + own_)) return std::nullopt;
    return secret_key::copy_of(found->second);
  }
  [[nodiscard]] result<auth::principal> judge(const auth::peer_evidence& shown,
                                              time_point /*now*/) const {
    ++*judged_;
    if (shown.shared_key_identity.empty() || !shown.chain.empty())
      return error(errc::peer_unproven);
    return auth::principal{shown.shared_key_identity, shown.shared_key_identity, std::nullopt};
  }
  [[nodiscard]] result<void> permits(const auth::principal& /*who*/) const { return done(); }
  [[nodiscard]] int judged() const noexcept { return *judged_; }

 private:
  std::string own_;
  std::shared_ptr<std::map<std::string, bytes>> keys_ =
      std::make_shared<std::map<std::string, bytes>>();
  std::shared_ptr<int> judged_ = std::make_shared<int>(0);
};
static_assert(auth::authenticator<shares>);

constexpr std::string_view import_context = "keywarden/1 endpoint";

/// Two instances with a key for each direction.
struct pair {
  using context = transport::tls13<>::context<shares>;

  bytes there = random_bytes(32), back = random_bytes(32);
  std::shared_ptr<const pki::identity> somebody = make_identity("somebody");
  shares authenticator = [this] {
    shares made("us");
    made.share("them>us", there);
    made.share("us>them", back);
    return made;
  }();
  context ours = context::create(authenticator).value();

  [[nodiscard]] transport::handshake accept() const { return ours.accept().value(); }
  [[nodiscard]] transport::handshake connect() const { return ours.connect("them").value(); }
  [[nodiscard]] hello_shape hello(std::string_view identity, const bytes& key) const {
    hello_shape shape;
    shape.keys = {imported(aes256, identity, key, import_context)};
    return shape;
  }
};

void just_finish(client& self) { self.finish(); }

void answer_with_key(server& self) {
  self.say_hello();
  self.say_extensions();
  self.finish();
}
answer_shape chooses(const bytes& key, std::size_t which = 0) {
  answer_shape shape;
  shape.selected = which;
  shape.shared_key = imported(aes256, "us>them", key, import_context).key;
  return shape;
}

template <class Theirs>
void expect_no_session(const pair& of, transport::handshake ours, Theirs& theirs, errc why,
                       int alert) {
  const auto fate = duel(ours, theirs);
  BOOST_TEST(refused_as(why, fate));
  BOOST_TEST(theirs.alert() == alert);
  BOOST_TEST(theirs.data() == "");
  BOOST_TEST(of.authenticator.judged() == 0);
  BOOST_TEST(refused_as(why, std::move(ours).finish()));
}

/// An acceptor's answer to a hello.
void refuses(errc why, int alert, const pair& of, hello_shape shape,
             client::script flight = just_finish) {
  client theirs(of.somebody, std::move(flight), std::move(shape));
  expect_no_session(of, of.accept(), theirs.start(), why, alert);
}

BOOST_AUTO_TEST_SUITE(attack_on_shared_keys)

BOOST_AUTO_TEST_CASE(the_hostile_client_with_the_key_is_let_in) {
  const pair of;
  client theirs(of.somebody, just_finish, of.hello("them>us", of.there));
  auto handshake = of.accept();
  BOOST_TEST_REQUIRE(accepted(duel(handshake, theirs.start())));
  BOOST_TEST(theirs.resumed());
  BOOST_TEST(theirs.shown_chain().empty());
  auto session = std::move(handshake).finish().value();
  BOOST_TEST(session.peer().login == "them>us");
  theirs.say_data("there");
  session.send(as_bytes("and back")).value();
  BOOST_TEST(accepted(duel(session, theirs)));
  BOOST_TEST(as_text(session.received()) == "there");
  BOOST_TEST(theirs.data() == "and back");
}

BOOST_AUTO_TEST_CASE(the_hostile_server_with_the_key_is_accepted) {
  const pair of;
  server theirs(of.somebody, answer_with_key, chooses(of.back));
  auto handshake = of.connect();
  BOOST_TEST_REQUIRE(accepted(duel(handshake, theirs)));
  BOOST_TEST(theirs.heard_finished());
  BOOST_TEST(theirs.offered_identities().size() == 2U);  // for each hash
  auto session = std::move(handshake).finish().value();
  BOOST_TEST(session.peer().login == "us>them");
}

BOOST_AUTO_TEST_CASE(an_unknown_identity_and_a_wrong_key_are_refused_alike) {
  const pair of;
  const auto refusal = [&](std::string_view identity) {
    client theirs(of.somebody, just_finish, of.hello(identity, random_bytes(32)));
    expect_no_session(of, of.accept(), theirs.start(), errc::peer_unproven, alerts::decrypt_error);
    BOOST_TEST(!theirs.alert_was_sealed());
    return theirs.heard();
  };
  const auto known = refusal("them>us");
  BOOST_TEST(known.size() == 1U);
  for (const auto* unknown : {"nobody>us", "them>them", "x", "them>us ", "us>them"})
    BOOST_TEST(refusal(unknown) == known, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_unknown_identity_before_the_right_one_is_refused) {
  // The first that is for this protocol decides: an acceptor does not try a list of names.
  const pair of;
  auto shape = of.hello("nobody>us", random_bytes(32));
  shape.keys.push_back(imported(aes256, "them>us", of.there, import_context));
  refuses(errc::peer_unproven, alerts::decrypt_error, of, shape);
}

BOOST_AUTO_TEST_CASE(a_key_for_the_other_direction_is_refused) {
  const pair of;
  refuses(errc::peer_unproven, alerts::decrypt_error, of, of.hello("us>them", of.back));
  refuses(errc::peer_unproven, alerts::decrypt_error, of, of.hello("them>us", of.back));
}

BOOST_AUTO_TEST_CASE(our_own_offer_reflected_to_us_is_refused) {
  // Selfie (CVE-2019-11135's family): a connector led to its own acceptor must not meet itself.
  const pair of;
  auto met = meet(of.connect(), of.accept());
  BOOST_TEST(refused_as(errc::peer_unproven, met.acceptor));
  BOOST_TEST(refused_as(errc::refused_by_peer, met.connector));
  BOOST_TEST(of.authenticator.judged() == 0);
}

BOOST_AUTO_TEST_CASE(our_own_hello_echoed_as_an_answer_is_refused) {
  const pair of;
  auto connector = of.connect();
  const auto hello = to_bytes(connector.outgoing());
  BOOST_TEST(refused_as(errc::handshake_failed, connector.receive(hello)));
}

BOOST_AUTO_TEST_CASE(keys_that_were_not_imported_for_this_protocol_are_refused) {
  const pair of;
  const auto right = of.hello("them>us", of.there).keys.front();
  std::vector<offered_key> wrong;
  wrong.push_back({to_bytes(as_bytes("them>us")), of.there, "ext binder"});
  wrong.push_back(imported(chacha20, "them>us", of.there, import_context));
  wrong.push_back(imported(aes256, "them>us", of.there, "another protocol"));
  wrong.push_back({joined({right.identity, bytes(1)}), right.key});
  wrong.push_back({to_bytes(bytes_view(right.identity).first(5)), right.key});
  std::optional<std::vector<peer::heard_record>> first;
  for (auto& each : wrong) {
    hello_shape shape;
    shape.keys = {std::move(each)};
    client theirs(of.somebody, just_finish, shape);
    expect_no_session(of, of.accept(), theirs.start(), errc::handshake_failed,
                      alerts::handshake_failure);
    if (!first) first = theirs.heard();
    BOOST_TEST(theirs.heard() == *first, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(a_binder_of_another_kind_of_key_is_refused) {
  const pair of;
  for (const auto* kind : {"ext binder", "res binder"}) {
    auto shape = of.hello("them>us", of.there);
    shape.keys.front().binder = kind;
    refuses(errc::peer_unproven, alerts::decrypt_error, of, shape);
  }
}

BOOST_AUTO_TEST_CASE(the_right_key_is_not_enough_without_a_finished) {
  const pair of;
  const auto shape = of.hello("them>us", of.there);
  refuses(errc::handshake_failed, alerts::bad_record_mac, of, shape, [](client& self) {
    self.skip_to_data_keys();
    self.say_data("let me in");
  });
  refuses(errc::peer_unproven, alerts::decrypt_error, of, shape,
          [](client& self) { self.say_message(framed(message::finished, random_bytes(48))); });
  auto early = shape;
  early.early_data = true;
  client theirs(of.somebody, just_finish, early);
  theirs.start().write_early();
  theirs.say_data("early, under the right key");
  expect_no_session(of, of.accept(), theirs, errc::handshake_failed, alerts::bad_record_mac);
}

BOOST_AUTO_TEST_CASE(a_replayed_offer_leads_nowhere) {
  const pair of;
  client victim(of.somebody, just_finish, of.hello("them>us", of.there));
  const auto hello = to_bytes(victim.start().outgoing());
  auto first = of.accept();
  carry(victim, first).value();
  carry(first, victim).value();
  const auto flight = to_bytes(victim.outgoing());
  carry(victim, first).value();
  BOOST_TEST_REQUIRE(first.finished());
  auto second = of.accept();
  BOOST_TEST(accepted(second.receive(hello)));
  BOOST_TEST(refused_as(errc::handshake_failed, second.receive(flight)));
  BOOST_TEST(of.authenticator.judged() == 1);
}

BOOST_AUTO_TEST_CASE(a_connector_with_certificates_is_refused) {
  const pair of;
  refuses(errc::handshake_failed, alerts::handshake_failure, of, {}, client::honest_flight);
  refuses(errc::handshake_failed, alerts::unexpected_message, of, of.hello("them>us", of.there),
          client::honest_flight);
}

BOOST_AUTO_TEST_CASE(an_acceptor_that_shows_a_certificate_instead_is_refused) {
  const pair of;
  server theirs(of.somebody);
  expect_no_session(of, of.connect(), theirs, errc::peer_unproven, alerts::access_denied);
  server beside(
      of.somebody,
      [](server& self) {
        self.say_hello();
        self.say_extensions();
        self.show_certificate();
        self.prove(server_context);
        self.finish();
      },
      chooses(of.back));
  expect_no_session(of, of.connect(), beside, errc::handshake_failed, alerts::unexpected_message);
}

BOOST_AUTO_TEST_CASE(an_acceptor_with_a_wrong_key_or_choice_is_refused) {
  const pair of;
  server wrong_key(of.somebody, answer_with_key, chooses(random_bytes(32)));
  expect_no_session(of, of.connect(), wrong_key, errc::handshake_failed, alerts::none);
  BOOST_TEST(wrong_key.unreadable() == 1U);           // the alert, under the right key
  for (const std::size_t which : {1U, 2U, 65535U}) {  // 1 is for the other hash
    server wrong_choice(of.somebody, answer_with_key, chooses(of.back, which));
    expect_no_session(of, of.connect(), wrong_choice, errc::handshake_failed,
                      alerts::illegal_parameter);
  }
}

BOOST_AUTO_TEST_CASE(an_acceptor_with_certificates_does_not_take_a_shared_key) {
  const world of;
  hello_shape shape;
  shape.keys = {imported(aes256, "them>us", random_bytes(32), import_context)};
  client theirs(of.them, just_finish, shape);
  expect_refusal(of, of.accept(), theirs.start(), errc::handshake_failed,
                 alerts::unexpected_message);
  BOOST_TEST(!theirs.resumed());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace attack_shared_key_test
