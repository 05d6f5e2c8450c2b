/// @file
/// Our side of a meeting with a hostile peer, and the wire between them.
#pragma once

#include <memory>
#include <utility>

#include <keywarden/transport/tls.hpp>
#include <support/engine.hpp>
#include <support/hostile_server.hpp>
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
  using context = doors<recording>;

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

}  // namespace keywarden::testing::hostile
