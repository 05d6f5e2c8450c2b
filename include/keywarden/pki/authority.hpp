/// @file
/// An authority of one's own: issues certificates, and says which of them no longer count.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <botan/asn1_time.h>
#include <botan/ber_dec.h>
#include <botan/bigint.h>
#include <botan/der_enc.h>
#include <botan/hex.h>
#include <botan/x509_ca.h>
#include <botan/x509_key.h>

#include <keywarden/pki/certificate_request.hpp>
#include <keywarden/pki/issue.hpp>
#include <keywarden/pki/revocation_snapshot.hpp>

namespace keywarden::pki {

/// Why a certificate is revoked (RFC 5280, section 5.3.1).
enum class revocation_reason : std::uint8_t {
  unspecified = 0,
  key_compromise = 1,
  authority_compromise = 2,
  affiliation_changed = 3,
  superseded = 4,
  ceased_operation = 5,
  privilege_withdrawn = 9,
};

/// An authority: a signing key that signs certificates and revocation lists and cannot be taken out
/// of here, and the certificate that says so. Move-only; one thread at a time.
///
/// Whoever trusts it as an anchor believes every certificate it issues. Nothing is stored: keep the
/// key and certificate as an `identity`, and the last list to `resume` from.
class authority {
 public:
  /// How long a revocation list promises to be the newest, unless told otherwise: a week.
  static constexpr std::chrono::seconds default_next_update = std::chrono::hours(24 * 7);

  /// A new self-signed authority with a fresh key; at most `path_length` authorities may stand
  /// between it and a leaf. Of the options, names are not used. Errors: as `make_self_signed`.
  template <signature_algorithm Algorithm = ecdsa_p256>
  [[nodiscard]] static result<authority> make_root(const certificate_options& options,
                                                   time_point now, std::size_t path_length = 1) {
    auto key = signing_key::generate<Algorithm>();
    if (!key) return key.error();
    return make_root(std::move(*key), options, now, path_length);
  }
  /// The same with a key that is there already.
  [[nodiscard]] static result<authority> make_root(signing_key key,
                                                   const certificate_options& options,
                                                   time_point now, std::size_t path_length = 1) {
    auto plan = authority_plan(options, now, path_length);
    if (!plan) return plan.error();
    auto own = detail::sign_certificate(key, nullptr, *key.botan(), *plan);
    if (!own) return own.error();
    return authority(std::make_shared<const signing_key>(std::move(key)), {std::move(*own)});
  }
  /// An authority that was kept as an identity. Errors: `invalid_argument` when the key is not the
  /// certificate's, `certificate_usage` when it is not an authority's.
  [[nodiscard]] static result<authority> of(identity kept) {
    if (kept.key == nullptr || kept.chain.empty() || !kept.key->belongs_to(kept.chain.front()))
      return error(errc::invalid_argument)
          .with(fact::reason, "the private key is not the certificate's");
    if (!kept.chain.front().is_authority())
      return error(errc::certificate_usage)
          .with(fact::name, kept.chain.front().subject())
          .with(fact::reason, "it is not an authority's certificate");
    return authority(std::move(kept.key), std::move(kept.chain));
  }

  /// Its own certificate: what others trust as an anchor. Valid as long as the authority.
  [[nodiscard]] const pki::certificate& certificate() const noexcept { return chain_.front(); }
  /// Its certificate and those that lead to its root: what a leaf's holder sends along.
  [[nodiscard]] const std::vector<pki::certificate>& chain() const noexcept { return chain_; }

  /// Issues a certificate for the holder of a public key (DER SubjectPublicKeyInfo). Whether the
  /// one who asks holds the private half is for the caller to know. It ends no later than the
  /// authority: by default with it, if a year is longer; asking for more is refused. Errors:
  /// `invalid_argument`, `limit_exceeded`; `malformed` for what is no public key;
  /// `unsupported_suite` for a key that no endpoint can use; `backend_failed`.
  [[nodiscard]] result<pki::certificate> issue(const certificate_options& options,
                                               bytes_view public_key, certificate_purpose purpose,
                                               time_point now) const {
    auto key = keywarden::detail::guarded("reading a public key",
                                          [&] { return Botan::X509::load_key(public_key); });
    if (!key) return error(errc::malformed).with(fact::kind, "public key").because(key.error());
    return issue_for(**key, options, purpose, now);
  }
  /// The same for the public half of a key.
  [[nodiscard]] result<pki::certificate> issue(const certificate_options& options,
                                               const signing_key& key, certificate_purpose purpose,
                                               time_point now) const {
    return issue_for(*key.botan(), options, purpose, now);
  }
  /// Issues what was asked for, as far as the policy grants it: the key, whose holder proved to
  /// have its private half, and names that the policy lists. No extension of a request is ever
  /// granted: neither to be an authority nor any use but `purpose`. Errors: as above.
  [[nodiscard]] result<pki::certificate> issue(const certificate_request& request,
                                               certificate_purpose purpose,
                                               const request_policy& policy, time_point now) const {
    auto options = request.under(policy);
    if (!options) return options.error();
    return issue(*options, request.public_key(), purpose, now);
  }
  /// Issues for a fresh key of the leaf: what an instance shows, with this authority's own chain
  /// but its root. Errors: as `issue`.
  template <signature_algorithm Algorithm = ecdsa_p256>
  [[nodiscard]] result<identity> issue_identity(const certificate_options& options,
                                                certificate_purpose purpose, time_point now) const {
    auto key = signing_key::generate<Algorithm>();
    if (!key) return key.error();
    auto leaf = issue(options, *key, purpose, now);
    if (!leaf) return leaf.error();
    identity made{{std::move(*leaf)}, std::make_shared<const signing_key>(std::move(*key))};
    for (const auto& each : chain_)
      if (!each.is_self_signed()) made.chain.push_back(each);
    return made;
  }

  /// An authority below this one, with one step less to give away. Errors: as `issue`;
  /// `certificate_usage` when this one may have none below it.
  template <signature_algorithm Algorithm = ecdsa_p256>
  [[nodiscard]] result<authority> make_intermediate(const certificate_options& options,
                                                    time_point now) const {
    const auto room = certificate().x509().path_length_constraint().value_or(8);
    if (room == 0)
      return error(errc::certificate_usage)
          .with(fact::name, certificate().subject())
          .with(fact::reason, "its path length allows no authority below it");
    auto plan = authority_plan(options, now, room - 1);
    if (!plan) return plan.error();
    if (auto fit = within_own_time(options, *plan); !fit) return fit.error();
    auto key = signing_key::generate<Algorithm>();
    if (!key) return key.error();
    auto own = detail::sign_certificate(*key_, &certificate().x509(), *key->botan(), *plan);
    if (!own) return own.error();
    std::vector<pki::certificate> chain{std::move(*own)};
    chain.insert(chain.end(), chain_.begin(), chain_.end());
    return authority(std::make_shared<const signing_key>(std::move(*key)), std::move(chain));
  }

  /// Puts a certificate of this authority on the next list, from `now` on. It counts once a new
  /// list is issued and has reached those who check. Errors: `invalid_argument` for a certificate
  /// of another authority.
  [[nodiscard]] result<void> revoke(const pki::certificate& issued, revocation_reason reason,
                                    time_point now) {
    const auto mine = keywarden::detail::guarded("checking an issuer", [&] {
      return issued.x509().check_signature(*certificate().x509().subject_public_key());
    });
    if (!mine || !*mine)
      return error(errc::invalid_argument)
          .with(fact::name, issued.subject())
          .with(fact::reason, "another authority issued it");
    return revoke(issued.serial(), reason, now);
  }
  /// The same by the serial number, in hexadecimal. Errors: `malformed`.
  [[nodiscard]] result<void> revoke(std::string_view serial, revocation_reason reason,
                                    time_point now) {
    constexpr std::size_t most_digits = 40;  // RFC 5280: 20 octets
    const auto digits = serial.find_first_not_of("0123456789abcdefABCDEF");
    if (serial.empty() || serial.size() > most_digits || digits != std::string_view::npos)
      return error(errc::malformed)
          .with(fact::kind, "serial number")
          .with(fact::reason, "1 to 40 hexadecimal digits");
    return keywarden::detail::guarded("revoking", [&] {
      Botan::Extensions why;
      why.add(std::make_unique<Botan::Cert_Extension::CRL_ReasonCode>(
          static_cast<Botan::CRL_Code>(reason)));
      std::vector<std::uint8_t> encoded;
      Botan::DER_Encoder der(encoded);
      der.start_sequence()
          .encode(Botan::BigInt::from_string("0x" + std::string(serial)))
          .encode(Botan::X509_Time(now));
      if (reason != revocation_reason::unspecified) der.start_sequence().encode(why).end_cons();
      der.end_cons();
      Botan::CRL_Entry entry;
      Botan::BER_Decoder(encoded).decode(entry);
      pending_.push_back(std::move(entry));
    });
  }

  /// Signs a list of everything revoked so far. Errors: `backend_failed`; `invalid_argument` when
  /// it would be stale at once.
  [[nodiscard]] result<revocation_list> issue_list(
      time_point now, std::chrono::seconds next_update = default_next_update) {
    if (next_update <= std::chrono::seconds(0))
      return detail::unusable_option("next update", "the list would be stale at once");
    return keywarden::detail::guarded("signing a revocation list", [&] {
      system_random source;
      keywarden::detail::botan_random<system_random> random(source);
      const auto& key = *key_->botan();
      const Botan::X509_CA signer(certificate().x509(), key, detail::signature_hash(key), random);
      if (!last_) last_ = signer.new_crl(random, now, next_update);
      last_ = signer.update_crl(*last_, pending_, random, now, next_update);
      pending_.clear();
      return revocation_list::adopt(*last_);
    });
  }
  /// Goes on from the list that was issued last, after a restart. Errors: `certificate_untrusted`
  /// when this authority did not sign it.
  [[nodiscard]] result<void> resume(const revocation_list& last) {
    if (!last.signed_by(certificate()))
      return error(errc::certificate_untrusted)
          .with(fact::kind, "revocation list")
          .with(fact::reason, "this authority did not sign it");
    last_ = last.x509();
    return done();
  }

 private:
  authority(std::shared_ptr<const signing_key> key, std::vector<pki::certificate> chain)
      : key_(std::move(key)), chain_(std::move(chain)) {}

  [[nodiscard]] static result<detail::certificate_plan> authority_plan(
      const certificate_options& options, time_point now, std::size_t path_length) {
    auto plan = detail::plan_of(options, now);
    if (!plan) return plan;
    plan->names = {};
    plan->authority = true;
    plan->path_length = path_length;
    return plan;
  }

  [[nodiscard]] result<void> within_own_time(const certificate_options& options,
                                             detail::certificate_plan& plan) const {
    const auto end = certificate().not_after();
    if (plan.validity.expiry <= end && plan.validity.start < end) return done();
    if (options.expiry || plan.validity.start >= end)
      return detail::unusable_option("expiry", "the authority itself ends before")
          .with(fact::date, to_text(end));
    plan.validity.expiry = end;
    return done();
  }

  [[nodiscard]] result<pki::certificate> issue_for(const Botan::Public_Key& key,
                                                   const certificate_options& options,
                                                   certificate_purpose purpose,
                                                   time_point now) const {
    if (auto usable = detail::expect_endpoint_key(key.algo_name()); !usable) return usable.error();
    if (auto known = detail::expect_signature_key(key); !known) return known.error();
    auto plan = detail::plan_of(options, now);
    if (!plan) return plan.error();
    if (auto fit = within_own_time(options, *plan); !fit) return fit.error();
    plan->purpose = purpose;
    return detail::sign_certificate(*key_, &certificate().x509(), key, *plan);
  }

  std::shared_ptr<const signing_key> key_;
  std::vector<pki::certificate> chain_;
  std::vector<Botan::CRL_Entry> pending_;
  std::optional<Botan::X509_CRL> last_;
};

}  // namespace keywarden::pki
