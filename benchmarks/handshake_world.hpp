/// @file
/// Two instances that know each other, for benchmarks of handshakes and records, without a network.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/auth/certificate.hpp>
#include <keywarden/auth/certificate_chain.hpp>
#include <keywarden/auth/pre_shared_key.hpp>
#include <keywarden/pki/authority.hpp>
#include <keywarden/transport/tls.hpp>

namespace keywarden::benchmarks {

/// The identities of both ends, P-256, issued by one authority. Made once: an instance keeps its
/// own for months.
struct identities {
  pki::authority root = pki::authority::make_root({.subject = "root"}, system_clock::now()).value();
  pki::identity connector = issued("connector");
  pki::identity acceptor = issued("acceptor");

  [[nodiscard]] static const identities& of_both() {
    static const identities made;
    return made;
  }

 private:
  [[nodiscard]] pki::identity issued(const std::string& name) const {
    return root
        .issue_identity({.subject = name, .dns_names = {name + ".test"}},
                        pki::certificate_purpose::both, system_clock::now())
        .value();
  }
};

/// A directory in which the owner of `of` may connect.
[[nodiscard]] inline auth::directory knowing(const pki::certificate& of) {
  auth::directory made;
  made.create_login("sa").value();
  made.create_login("peer").value();
  made.create_user("peer", "peer").value();
  made.add_certificate("peer", of, "peer").value();
  made.grant(auth::permission::connect, "mirroring", "peer").value();
  return made;
}

/// Each end knows the other's certificate.
struct pinned {
  static constexpr std::string_view name = "pinned";
  using authenticator = auth::certificate<trust::pinned>;
  [[nodiscard]] static authenticator of(const pki::identity& own, const pki::identity& peer) {
    return authenticator::create(own, knowing(peer.chain.front()), "mirroring", "sa").value();
  }
  [[nodiscard]] static authenticator connector() {
    return of(identities::of_both().connector, identities::of_both().acceptor);
  }
  [[nodiscard]] static authenticator acceptor() {
    return of(identities::of_both().acceptor, identities::of_both().connector);
  }
};

/// Each end trusts the authority of both, for whom the directory knows.
struct chain {
  static constexpr std::string_view name = "chain";
  using trust_type = trust::chain<pki::revocation::no_check, trust::leaf_fingerprints>;
  using authenticator = auth::certificate<trust_type>;
  [[nodiscard]] static authenticator of(const pki::identity& own, const pki::identity& peer) {
    trust_type trusting{
        .anchors = pki::trust_anchors::of({identities::of_both().root.certificate()}).value()};
    std::get<0>(trusting.options) = trust::leaf_fingerprints({peer.chain.front().fingerprint()});
    return authenticator::create(own, std::move(trusting), knowing(peer.chain.front()), "mirroring",
                                 "sa")
        .value();
  }
  [[nodiscard]] static authenticator connector() {
    return of(identities::of_both().connector, identities::of_both().acceptor);
  }
  [[nodiscard]] static authenticator acceptor() {
    return of(identities::of_both().acceptor, identities::of_both().connector);
  }
};

/// Both ends share a secret.
struct shared_key {
  static constexpr std::string_view name = "shared_key";
  using authenticator = auth::pre_shared_key;
  [[nodiscard]] static authenticator of(const object_name& own, const object_name& peer) {
    auto known = auth::directory();
    known.create_login("sa").value();
    known.create_login("peer").value();
    known.add_shared_key_identity(peer, "peer").value();
    known.grant(auth::permission::connect, "mirroring", "peer").value();
    auth::shared_secrets secrets(own);
    secrets.add(peer, 1, secret_key::copy_of(bytes(32, 7))).value();
    return {std::move(secrets), std::move(known), "mirroring", "sa"};
  }
  [[nodiscard]] static authenticator connector() { return of("connector", "acceptor"); }
  [[nodiscard]] static authenticator acceptor() { return of("acceptor", "connector"); }
};

/// The contexts of both ends. Fresh ones have met nobody yet.
template <class Transport, class Authentication>
struct two_ends {
  using context = typename Transport::template context<typename Authentication::authenticator>;
  using session_type =
      typename decltype(std::declval<decltype(std::declval<const context&>().accept().value())>()
                            .finish())::value_type;

  context connector = context::create(Authentication::connector()).value();
  context acceptor = context::create(Authentication::acceptor()).value();

  struct sessions {
    session_type connector;
    session_type acceptor;
  };
  /// One whole handshake. Ends the program when it fails: there is nothing to measure then.
  [[nodiscard]] sessions meet() const {
    auto from = connector.connect("acceptor").value();
    auto to = acceptor.accept().value();
    while (!from.outgoing().empty() || !to.outgoing().empty()) {
      carry(from, to);
      carry(to, from);
    }
    return {std::move(from).finish().value(), std::move(to).finish().value()};
  }
  /// Has both ends load what is their own. They learn nothing of each other.
  void warm_up() const {
    auto from = connector.connect("acceptor").value();
    auto to = acceptor.accept().value();
    carry(from, to);
  }
  template <class From, class To>
  static void carry(From& from, To& to) {
    const auto flight = from.outgoing();
    if (flight.empty()) return;
    to.receive(flight).value();
    from.sent(flight.size());
  }
};

}  // namespace keywarden::benchmarks
