/// @file
/// The certificates that an instance shows: one, or two while it changes from one to the next.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include <keywarden/auth/access.hpp>
#include <keywarden/pki/signing_key.hpp>

namespace keywarden::auth {

/// An instance's own identities. Immutable; a cheap copy; any thread.
///
/// During a rotation it has the old and the new one, and shows the newest that is valid: give it
/// the new one when the peers have it (its start may lie in the future).
class own_identities {
 public:
  /// More are refused as `limit_exceeded`: the old one, the new one, and two to spare.
  static constexpr std::size_t max_count = 4;

  /// Errors: `invalid_argument` for no identity, or one without a certificate or with a key that is
  /// not its certificate's; `unsupported_suite` for an Ed25519 certificate;
  /// `certificate_usage` for one that may be shown on neither side; `limit_exceeded`.
  [[nodiscard]] static result<own_identities> of(std::vector<pki::identity> identities) {
    if (identities.empty()) return unusable("there is none");
    if (identities.size() > max_count)
      return error(errc::limit_exceeded)
          .with(fact::kind, "own identities")
          .with(fact::limit, max_count)
          .with(fact::actual, identities.size());
    own_identities made;
    for (auto& each : identities) {
      auto sound =
          keywarden::detail::guarded("checking an own identity", [&] { return check(each); });
      if (!sound) return sound.error();
      made.all_.push_back(std::make_shared<const pki::identity>(std::move(each)));
    }
    return made;
  }

  /// The newest that is valid now. Errors: `certificate_expired`; `certificate_not_yet_valid` when
  /// all of them are for later.
  [[nodiscard]] result<std::shared_ptr<const pki::identity>> valid_at(time_point now) const {
    const std::shared_ptr<const pki::identity>* newest = nullptr;
    const pki::certificate* expired = nullptr;
    for (const auto& each : all_) {
      const auto& leaf = each->chain.front();
      if (leaf.not_after() < now && (expired == nullptr || expired->not_after() < leaf.not_after()))
        expired = &leaf;
      if (leaf.valid_at(now) &&
          (newest == nullptr || (*newest)->chain.front().not_before() <= leaf.not_before()))
        newest = &each;
    }
    if (newest != nullptr) return *newest;
    const auto& leaf = expired != nullptr ? *expired : all_.front()->chain.front();
    return error(expired != nullptr ? errc::certificate_expired : errc::certificate_not_yet_valid)
        .with(fact::kind, "own certificate")
        .with(fact::name, leaf.subject())
        .with(fact::date, pki::to_text(expired != nullptr ? leaf.not_after() : leaf.not_before()))
        .with(fact::next_step, expired != nullptr
                                   ? "make a new certificate, give it to the peers, then reload"
                                   : "wait, or reload with a certificate that is valid now");
  }

  /// All of them, those that are not valid now as well.
  [[nodiscard]] const std::vector<std::shared_ptr<const pki::identity>>& all() const noexcept {
    return all_;
  }

 private:
  own_identities() = default;

  [[nodiscard]] static error unusable(std::string_view reason) {
    return error(errc::invalid_argument)
        .with(fact::kind, "own identity")
        .with(fact::reason, reason);
  }
  [[nodiscard]] static result<void> check(const pki::identity& each) {
    if (each.chain.empty() || each.key == nullptr)
      return unusable("it needs a certificate and its private key");
    const auto& leaf = each.chain.front();
    if (each.key->algorithm() == "Ed25519" || leaf.algorithm() == "Ed25519")
      return error(errc::unsupported_suite)
          .with(fact::kind, "own identity")
          .with(fact::scheme, "Ed25519")
          .with(fact::reason, "Botan's TLS takes no Ed25519 leaf certificate")
          .with(fact::next_step, "use ECDSA P-256 or P-384 or RSA; an authority may be Ed25519");
    if (!each.key->belongs_to(leaf)) return unusable("the private key is another certificate's");
    if (!leaf.x509().allowed_usage(Botan::Usage_Type::TLS_CLIENT_AUTH) &&
        !leaf.x509().allowed_usage(Botan::Usage_Type::TLS_SERVER_AUTH))
      return error(errc::certificate_usage)
          .with(fact::kind, "own certificate")
          .with(fact::name, leaf.subject());
    return done();
  }

  std::vector<std::shared_ptr<const pki::identity>> all_;
};

}  // namespace keywarden::auth
