/// @file
/// Brings a hostile peer together with ours, in memory, and says what became of it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <keywarden/transport/tls.hpp>
#include <support/hostile_server.hpp>
#include <support/refusals.hpp>
#include <support/two_ends.hpp>

namespace keywarden::testing::hostile {

/// `knows`, counting how often it was asked to judge a peer, and refusing with what it is told.
class recording {
 public:
  using form = auth::form::certificate;

  explicit recording(knows with) : with_(std::move(with)) {}
  [[nodiscard]] result<std::shared_ptr<const pki::identity>> own(time_point now) const {
    return with_.own(now);
  }
  [[nodiscard]] result<auth::principal> judge(const auth::peer_evidence& shown,
                                              time_point now) const {
    ++*judged_;
    if (*verdict_ != errc::none) return error(*verdict_);
    return with_.judge(shown, now);
  }
  [[nodiscard]] result<void> permits(const auth::principal& who) const {
    return with_.permits(who);
  }
  [[nodiscard]] int judged() const noexcept { return *judged_; }
  void refuse_all_with(errc why) { *verdict_ = why; }

 private:
  knows with_;
  std::shared_ptr<int> judged_ = std::make_shared<int>(0);
  std::shared_ptr<errc> verdict_ = std::make_shared<errc>(errc::none);
};
static_assert(auth::authenticator<recording>);

/// Two instances that know each other. `them` is trusted by `us`: whoever holds its key gets in.
struct world {
  using context = transport::tls13<>::context<recording>;

  std::shared_ptr<const pki::identity> us = make_identity("us");
  std::shared_ptr<const pki::identity> them = make_identity("them");
  recording authenticator{knows(us, *them, "them")};
  context ours = context::create(authenticator).value();

  [[nodiscard]] transport::handshake accept() const { return ours.accept().value(); }
  [[nodiscard]] transport::handshake connect() const { return ours.connect("them").value(); }
};

/// Carries bytes both ways until nobody has anything to say; gives our refusal, if any.
template <class Ours, class Theirs>
[[nodiscard]] result<void> duel(Ours& ours, Theirs& theirs, std::size_t piece = 1U << 20U) {
  result<void> fate = done();
  while (!ours.outgoing().empty() || !theirs.outgoing().empty()) {
    auto there = carry(theirs, ours, piece);
    if (fate) fate = there;
    static_cast<void>(carry(ours, theirs, piece));
  }
  return fate;
}

/// Asserts that `theirs` is refused by `ours` with exactly this code and alert, that nothing was
/// delivered, and how often the authenticator had to judge.
template <class Theirs>
void expect_refusal(const world& of, transport::handshake ours, Theirs& theirs, errc why,
                    int alert, int judged = 0) {
  const auto fate = duel(ours, theirs);
  BOOST_TEST(refused_as(why, fate));
  BOOST_TEST(!ours.finished());
  BOOST_TEST(theirs.alert() == alert);
  BOOST_TEST(theirs.data() == "");
  BOOST_TEST(of.authenticator.judged() == judged);
  // There is no session, and so no `received()`; and the refusal stays.
  BOOST_TEST(refused_as(why, ours.receive(as_bytes("more"))));
  BOOST_TEST(refused_as(why, std::move(ours).finish()));
}

/// A client with a script against our acceptor.
inline void refuses_client(errc why, int alert, client::script flight, hello_shape shape = {},
                           int judged = 0) {
  const world of;
  client theirs(of.them, std::move(flight), std::move(shape));
  expect_refusal(of, of.accept(), theirs.start(), why, alert, judged);
}
/// A server with a script against our connector.
inline void refuses_server(errc why, int alert, server::script answer, answer_shape shape = {},
                           int judged = 0) {
  const world of;
  server theirs(of.them, std::move(answer), std::move(shape));
  expect_refusal(of, of.connect(), theirs, why, alert, judged);
}

/// A client that was let in, and the session with it.
struct inside {
  world of;
  client theirs{of.them};
  transport::session session = [this] {
    auto handshake = of.accept();
    duel(handshake, theirs.start()).value();
    return std::move(handshake).finish().value();
  }();

  /// Asserts that what the client has said by now ends the session.
  void expect_end(errc why, int alert) {
    BOOST_TEST(refused_as(why, duel(session, theirs)));
    BOOST_TEST(theirs.alert() == alert);
    BOOST_TEST(session.received().empty());
    BOOST_TEST(refused_as(why, session.send(as_bytes("more"))));
    BOOST_TEST(refused_as(why, session.receive(as_bytes("more"))));
  }
};

/// Alerts (RFC 8446, 6).
namespace alerts {
inline constexpr int none = -1;
inline constexpr int close_notify = 0;
inline constexpr int unexpected_message = 10;
inline constexpr int bad_record_mac = 20;
inline constexpr int record_overflow = 22;
inline constexpr int handshake_failure = 40;
inline constexpr int bad_certificate = 42;
inline constexpr int illegal_parameter = 47;
inline constexpr int access_denied = 49;
inline constexpr int decode_error = 50;
inline constexpr int decrypt_error = 51;
inline constexpr int protocol_version = 70;
inline constexpr int internal_error = 80;
inline constexpr int missing_extension = 109;
inline constexpr int unsupported_extension = 110;
inline constexpr int certificate_required = 116;
inline constexpr int no_application_protocol = 120;
}  // namespace alerts

}  // namespace keywarden::testing::hostile
