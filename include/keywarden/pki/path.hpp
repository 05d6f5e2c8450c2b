/// @file
/// Whether a peer's certificate leads to an authority that is trusted, now, for this use.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <botan/dns_name.h>
#include <botan/ipv4_address.h>
#include <botan/ipv6_address.h>
#include <botan/x509_ext.h>
#include <botan/x509path.h>

#include <keywarden/pki/dates.hpp>
#include <keywarden/pki/issue.hpp>
#include <keywarden/pki/path_candidates.hpp>
#include <keywarden/pki/revocation.hpp>
#include <keywarden/pki/revocation_evidence.hpp>
#include <keywarden/pki/trust_anchors.hpp>

namespace keywarden::pki {

/// A path that was judged good; only `judge_path` makes one. Holds no secret; a cheap copy.
///
/// Says nothing about who shows the certificate: possession of its key is for the handshake to
/// prove.
class verified_path {
 public:
  /// Leaf first, anchor last.
  [[nodiscard]] const std::vector<certificate>& certificates() const noexcept {
    return certificates_;
  }
  /// The certificate of the peer itself.
  [[nodiscard]] const certificate& leaf() const noexcept { return certificates_.front(); }
  /// The authority that is trusted, as it was given.
  [[nodiscard]] const certificate& anchor() const noexcept { return certificates_.back(); }

  /// The judgement holds up to this second, as far as time alone goes: the earliest end of a
  /// certificate or of the evidence that it was not revoked.
  [[nodiscard]] time_point valid_until() const noexcept { return valid_until_; }
  /// The generations it was judged under: under others it must be judged anew.
  [[nodiscard]] std::uint64_t anchors_generation() const noexcept { return anchors_generation_; }
  /// That of the revocation lists; 0 where nothing was known.
  [[nodiscard]] std::uint64_t revocation_generation() const noexcept {
    return revocation_generation_;
  }

 private:
  friend struct path_judge;
  verified_path() = default;

  std::vector<certificate> certificates_;
  time_point valid_until_{};
  std::uint64_t anchors_generation_ = 0;
  std::uint64_t revocation_generation_ = 0;
};

/// The most certificates that a peer may send.
inline constexpr std::size_t max_chain_length = 8;

/// What `judge_path` is made of.
struct path_judge {
  const trust_anchors& anchors;  ///< whom to believe
  certificate_purpose purpose;   ///< what the leaf must be allowed for
  revocation_mode mode;
  const revocation_snapshot& lists;  ///< what is known of revocation
  std::span<const bytes> responses;  ///< stapled OCSP, DER
  time_point now;                    ///< when it is judged
  std::string_view expected_name;    ///< whom the leaf must name; empty: nobody

  [[nodiscard]] result<verified_path> judge(std::span<const certificate> chain) const {
    if (chain.empty()) return error(errc::peer_unproven).with(fact::reason, "no certificate");
    if (chain.size() > max_chain_length)
      return error(errc::limit_exceeded)
          .with(fact::kind, "certificates in a chain")
          .with(fact::limit, max_chain_length)
          .with(fact::actual, chain.size());
    auto found = build(chain);
    if (!found) return found.error();
    if (auto fit = fits_purpose(chain.front()); !fit) return fit.error();
    if (auto named = is_named(chain.front()); !named) return named.error();
    verified_path made;
    made.certificates_ = std::move(*found);
    made.anchors_generation_ = anchors.generation();
    made.revocation_generation_ = lists.generation();
    made.valid_until_ = made.certificates_.front().not_after();
    for (const auto& each : made.certificates_)
      made.valid_until_ = std::min(made.valid_until_, each.not_after());
    if (mode == revocation_mode::no_check) return made;
    auto fresh_until = detail::expect_not_revoked(
        made.certificates_, anchors, lists,
        mode == revocation_mode::online ? responses : std::span<const bytes>(), now);
    if (!fresh_until) return fresh_until.error();
    made.valid_until_ = std::min(made.valid_until_, *fresh_until);
    return made;
  }

 private:
  static constexpr std::size_t least_strength = 110;  // RSA of 2048 bits, P-256

  [[nodiscard]] result<std::vector<certificate>> build(std::span<const certificate> chain) const {
    return keywarden::detail::guarded(
        "judging a certificate's path", [&]() -> result<std::vector<certificate>> {
          const auto given = detail::shortest_way(chain, anchors);
          if (given.empty())
            return untrusted(chain.front(), "no trust anchor issued it or what came with it")
                .with(fact::next_step, "trust the authority that issued it, if you know it");
          // Before any signature is verified: what a stranger chose must not be costly to verify.
          for (const auto& each : given)
            if (const auto reason = reason_against(each))
              return untrusted(chain.front(), *reason)
                  .with(fact::next_step, "reissue it with P-256, or RSA of 2048 to 8192 bits");
          // No lists are in the store and none are required: revocation is judged afterwards, by
          // our own rules. The anchors are authorities and need not be self-signed.
          const Botan::Path_Validation_Restrictions restrictions(
              false, least_strength, false, std::chrono::hours(24 * 7), nullptr, false, false);
          // An anchor that was sent as the end of the way is looked for as it is.
          const auto& trusted =
              anchors.store().contains(given.back()) ? anchors.store() : anchors.path_store();
          const auto found = Botan::x509_path_validate(given, restrictions, trusted, "",
                                                       Botan::Usage_Type::UNSPECIFIED, now);
          if (!found.successful_validation()) return refusal(chain.front(), found);
          std::vector<certificate> path;
          for (const auto& each : found.cert_path())
            path.push_back(anchors.original(certificate::adopt(each)));
          return path;
        });
  }

  /// Of a stranger's certificate the fingerprint is told, never the names that it gives itself.
  [[nodiscard]] static error untrusted(const certificate& leaf, std::string_view reason) {
    return error(errc::certificate_untrusted)
        .with(fact::name, to_text(leaf.fingerprint()))
        .with(fact::reason, reason);
  }

  /// An anchor that the peer sends along is not the peer's choice.
  [[nodiscard]] std::optional<std::string_view> reason_against(
      const Botan::X509_Certificate& sent) const {
    if (anchors.store().contains(sent)) return std::nullopt;
    const auto reason = keywarden::detail::guarded(
        "judging a certificate's key", [&] { return detail::reason_against_key(sent); });
    return reason ? *reason : std::optional<std::string_view>("its key cannot be read");
  }

  [[nodiscard]] error refusal(const certificate& leaf,
                              const Botan::Path_Validation_Result& found) const {
    // The path builder's own failures have no path; signatures come before dates.
    const auto& path = found.cert_path();
    const auto overall = found.result();
    const auto reason = Botan::Path_Validation_Result::status_string(overall);
    if (path.empty() || static_cast<unsigned>(overall) >= 5000)
      return untrusted(leaf, reason)
          .with(fact::next_step, "trust the authority that issued it, if you know it");
    if (overall >= Botan::Certificate_Status_Code::FIRST_ERROR_STATUS_TO_SKIP_REVOCATION)
      return untrusted(leaf, reason);
    using status = Botan::Certificate_Status_Code;
    for (const auto& [wanted, code] :
         {std::pair(status::CERT_HAS_EXPIRED, errc::certificate_expired),
          std::pair(status::CERT_NOT_YET_VALID, errc::certificate_not_yet_valid)})
      for (std::size_t i = 0; i < path.size() && i < found.all_statuses().size(); ++i)
        if (found.all_statuses()[i].contains(wanted)) {
          const auto at = certificate::adopt(path[i]);
          return error(code)
              .with(fact::name, i == 0 ? to_text(at.fingerprint()) : at.subject())
              .with(fact::date,
                    to_text(code == errc::certificate_expired ? at.not_after() : at.not_before()));
        }
    return untrusted(leaf, reason)
        .with(fact::next_step, "reissue it with RSA from 2048 bits or P-256, and SHA-256");
  }

  [[nodiscard]] error unusable(const certificate& leaf, std::string_view reason) const {
    return error(errc::certificate_usage)
        .with(fact::name, to_text(leaf.fingerprint()))
        .with(fact::reason, reason);
  }

  [[nodiscard]] result<void> fits_purpose(const certificate& leaf) const {
    return keywarden::detail::guarded("judging a certificate's use", [&]() -> result<void> {
      const auto& x509 = leaf.x509();
      const auto* constraints =
          x509.v3_extensions().get_extension_object_as<Botan::Cert_Extension::Basic_Constraints>();
      if (x509.is_CA_cert() || (constraints != nullptr && constraints->is_ca()))
        return unusable(leaf, "an authority's certificate is not an endpoint's");
      if (!x509.allowed_usage(Botan::Key_Constraints::DigitalSignature))
        return unusable(leaf, "its key is not for signing handshakes");
      const auto& uses = x509.extended_key_usage();
      if (uses.empty()) return unusable(leaf, "it has no extended key usage");
      const auto has = [&](std::string_view use) {
        return std::ranges::count(uses, Botan::OID::from_string(use)) != 0;
      };
      if (purpose != certificate_purpose::client && !has("PKIX.ServerAuth"))
        return unusable(leaf, "it is not for servers (no serverAuth)");
      if (purpose != certificate_purpose::server && !has("PKIX.ClientAuth"))
        return unusable(leaf, "it is not for clients (no clientAuth)");
      return done();
    });
  }

  /// RFC 9525: alternative names only, wildcards for the whole leftmost label only.
  [[nodiscard]] result<void> is_named(const certificate& leaf) const {
    if (expected_name.empty()) return done();
    auto named = keywarden::detail::guarded("judging a certificate's names", [&]() -> bool {
      const auto& names = leaf.x509().subject_alt_name();
      if (const auto v4 = Botan::IPv4Address::from_string(expected_name))
        return names.ipv4_addresses().contains(*v4);
      if (const auto v6 = Botan::IPv6Address::from_string(expected_name))
        return names.ipv6_addresses().contains(*v6);
      const auto host = Botan::DNSName::from_string(expected_name);
      return host && std::ranges::any_of(names.dns_names(), [&](const Botan::DNSName& each) {
               return (!each.is_wildcard() || each.name().starts_with("*.")) &&
                      host->matches_wildcard(each.name());
             });
    });
    if (!named) return named.error();
    if (*named) return done();
    return unusable(leaf, "it does not name the peer that was expected")
        .with(fact::peer, expected_name);
  }
};

/// Judges what a peer sent: `chain` with its leaf first and, in any order, certificates that lead
/// to an anchor.
///
/// Follows one path, the shortest that names and key identifiers allow; its keys must be P-256,
/// P-384, RSA of 2048 to 8192 bits with an exponent of at most 64 bits, or Ed25519, which is known
/// before any signature is verified: a stranger's chain costs at most one verification for each of
/// its certificates and each anchor of the name it claims. Checks signatures, dates, constraints
/// and algorithms (RFC 5280, at least 110 bits, no SHA-1) by Botan; then that the leaf is no
/// authority's, signs, and names the very purpose in its extended key usage (none, or "any", is
/// refused); then, for `expected_name` (a host name or an IP address; empty to skip, as for
/// clients), the alternative names as in RFC 9525, never the common name; then revocation of every
/// certificate but the anchor. `stapled_responses` are OCSP responses in DER that came with the
/// chain, in any order; they count in mode `online` only. Any thread; never waits, never fetches.
///
/// Errors: `peer_unproven` for an empty chain; `limit_exceeded` above 8 certificates;
/// `certificate_untrusted` for no path to an anchor, a bad signature or a key of another kind or
/// size; the leaf is named by its fingerprint;
/// `certificate_expired` and `certificate_not_yet_valid` with `fact::date`; `certificate_usage`;
/// `certificate_revoked`; `revocation_unknown`.
template <revocation_check Revocation>
[[nodiscard]] result<verified_path> judge_path(
    std::span<const certificate> chain, const trust_anchors& anchors, certificate_purpose purpose,
    const Revocation& revocation, std::span<const bytes> stapled_responses, time_point now,
    std::string_view expected_name = {}) {
  const revocation_snapshot lists = revocation.snapshot();
  return path_judge{anchors, purpose, revocation.mode, lists, stapled_responses, now, expected_name}
      .judge(chain);
}

}  // namespace keywarden::pki
