/// @file
/// Two ends of a connection in one process, without a network.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include <keywarden/auth/concepts.hpp>
#include <keywarden/pki/self_signed.hpp>
#include <keywarden/transport/session.hpp>

namespace keywarden::testing {

/// A self-signed identity of a fresh key.
template <pki::signature_algorithm Algorithm = pki::ecdsa_p256>
[[nodiscard]] std::shared_ptr<const pki::identity> make_identity(
    const std::string& name, time_point now = system_clock::now()) {
  auto key = std::make_shared<pki::signing_key>(pki::signing_key::generate<Algorithm>().value());
  auto made = pki::make_self_signed(*key, {.subject = name}, now).value();
  return std::make_shared<const pki::identity>(pki::identity{{std::move(made)}, std::move(key)});
}

/// The smallest authenticator: it shows one identity and knows some certificates.
class knows {
 public:
  using form = auth::form::certificate;

  explicit knows(std::shared_ptr<const pki::identity> own) : own_(std::move(own)) {}
  knows(std::shared_ptr<const pki::identity> own, const pki::identity& peer, std::string name)
      : own_(std::move(own)) {
    welcome(peer, std::move(name));
  }
  void welcome(const pki::identity& peer, std::string name) {
    (*known_)[peer.chain.front().fingerprint()] = std::move(name);
  }

  [[nodiscard]] result<std::shared_ptr<const pki::identity>> own(time_point /*now*/) const {
    return own_;
  }
  [[nodiscard]] result<auth::principal> judge(const auth::peer_evidence& shown,
                                              time_point /*now*/) const {
    if (shown.chain.empty()) return error(errc::peer_unproven);
    const auto print = shown.chain.front().fingerprint();
    const auto found = known_->find(print);
    if (found == known_->end())
      return error(errc::peer_unknown).with(fact::name, pki::to_text(print));
    return auth::principal{found->second, found->second, print};
  }
  [[nodiscard]] result<void> permits(const auth::principal& who) const {
    if (who.certificate && known_->contains(*who.certificate)) return done();
    return error(errc::not_permitted).with(fact::name, who.login);
  }
  void forget(const pki::identity& peer) { known_->erase(peer.chain.front().fingerprint()); }

 private:
  std::shared_ptr<const pki::identity> own_;
  std::shared_ptr<std::map<pki::fingerprint, std::string>> known_ =
      std::make_shared<std::map<pki::fingerprint, std::string>>();
};
static_assert(auth::authenticator<knows>);

/// Carries what one end has outgoing to the other, in pieces of at most `piece` bytes. Gives the
/// receiver's refusal, if any.
template <class From, class To>
[[nodiscard]] result<void> carry(From& from, To& to, std::size_t piece = 1U << 20U) {
  result<void> fate = done();
  while (!from.outgoing().empty()) {
    const auto part = from.outgoing().first(std::min(piece, from.outgoing().size()));
    const bytes data(part.begin(), part.end());
    from.sent(data.size());
    if (fate) fate = to.receive(data);
  }
  return fate;
}

/// How a handshake between two ends went.
struct meeting {
  result<transport::session> connector;
  result<transport::session> acceptor;
};

/// Brings a handshake to its end, whatever that is.
[[nodiscard]] inline meeting meet(transport::handshake connector, transport::handshake acceptor,
                                  std::size_t piece = 1U << 20U) {
  result<void> connector_fate = done();
  result<void> acceptor_fate = done();
  while (!connector.outgoing().empty() || !acceptor.outgoing().empty()) {
    auto there = carry(connector, acceptor, piece);
    if (acceptor_fate) acceptor_fate = there;
    auto back = carry(acceptor, connector, piece);
    if (connector_fate) connector_fate = back;
  }
  const auto outcome = [](result<void>& fate, transport::handshake& of) {
    return fate ? std::move(of).finish() : result<transport::session>(fate.error());
  };
  return {outcome(connector_fate, connector), outcome(acceptor_fate, acceptor)};
}

/// The same from two contexts.
template <class Connector, class Acceptor>
[[nodiscard]] meeting meet(const Connector& connector, const Acceptor& acceptor) {
  auto begun = connector.connect("peer");
  if (!begun) return {begun.error(), error(errc::handshake_failed)};
  return meet(std::move(*begun), acceptor.accept().value());
}

}  // namespace keywarden::testing
