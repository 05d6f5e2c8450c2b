/// @file
/// One form of authentication at a time, with a peer it knows: what the laws are checked on.
#pragma once

#include "auth/fixture.hpp"

namespace keywarden::testing {

inline const pki::identity& own_identity() {
  static const auto made = instance("own");
  return made;
}
inline const pki::authority& root_authority() {
  static const auto made =
      pki::authority::make_root({.subject = "root"}, today - 2 * a_day).value();
  return made;
}
inline pki::trust_anchors root_anchors() {
  return pki::trust_anchors::of({root_authority().certificate()}).value();
}

/// Certificates that were exchanged.
struct pinned_scene {
  using authenticator = auth::certificate<trust::pinned>;
  pki::identity peer = instance("partner");
  auth::directory known = with_partner(peer.chain.front());
  authenticator with = authenticator::create(own_identity(), known, mirroring, admin).value();
  static constexpr errc unknown_is = errc::peer_unknown;

  [[nodiscard]] auth::peer_evidence shown() const { return showing(peer); }
  [[nodiscard]] static auth::peer_evidence stranger() { return showing(instance("stranger")); }
  static void drop_credential(auth::directory& from) { from.drop_certificate("partner").value(); }
};

/// Certificates of an authority.
template <class Trust>
struct chain_scene {
  using authenticator = auth::certificate<Trust>;
  pki::identity peer = issued(root_authority(), "partner");
  auth::directory known = with_partner(peer.chain.front());
  authenticator with =
      authenticator::create(own_identity(), trusting(), known, mirroring, admin).value();
  static constexpr errc unknown_is = errc::admission_refused;

  [[nodiscard]] Trust trusting() const {
    using keywarden::trust::key_fingerprints;
    using keywarden::trust::leaf_fingerprints;
    Trust made{.anchors = root_anchors()};
    const auto& leaf = peer.chain.front();
    const auto fill = [&]<class Option>(Option& option) {
      if constexpr (std::same_as<Option, leaf_fingerprints>)
        option = leaf_fingerprints({leaf.fingerprint()});
      if constexpr (std::same_as<Option, key_fingerprints>)
        option = key_fingerprints({leaf.key_fingerprint()});
    };
    std::apply([&](auto&... each) { (fill(each), ...); }, made.options);
    return made;
  }
  [[nodiscard]] auth::peer_evidence shown() const { return showing(peer); }
  [[nodiscard]] static auth::peer_evidence stranger() { return showing(instance("stranger")); }
  static void drop_credential(auth::directory& from) { from.drop_certificate("partner").value(); }
};

using leaves_scene = chain_scene<trust::chain<pki::revocation::no_check, trust::leaf_fingerprints>>;
using keys_scene =
    chain_scene<trust::chain<pki::revocation::no_check, trust::key_fingerprints, trust::no_cache>>;

/// A shared secret.
struct shared_key_scene {
  using authenticator = auth::pre_shared_key;
  auth::directory known = [] {
    auto made = with_partner();
    made.add_shared_key_identity("host_b", partner_login).value();
    return made;
  }();
  authenticator with{secrets(), known, mirroring, admin};
  static constexpr errc unknown_is = errc::peer_unknown;

  [[nodiscard]] static auth::shared_secrets secrets() {
    auth::shared_secrets made("host_a");
    made.add("host_b", 1, secret_key::copy_of(bytes(32, 0x42))).value();
    return made;
  }
  [[nodiscard]] static auth::peer_evidence identified(std::string identity) {
    auth::peer_evidence evidence;
    evidence.shared_key_identity = std::move(identity);
    return evidence;
  }
  [[nodiscard]] static auth::peer_evidence shown() {
    return identified("keywarden/1/psk/host_b/host_a/1");
  }
  [[nodiscard]] static auth::peer_evidence stranger() {
    return identified("keywarden/1/psk/host_c/host_a/1");
  }
  static void drop_credential(auth::directory& from) {
    from.drop_shared_key_identity("host_b").value();
  }
};

}  // namespace keywarden::testing
