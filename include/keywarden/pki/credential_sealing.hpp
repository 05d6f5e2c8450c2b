/// @file
/// Stored credentials: sealed by a role that can only encrypt, opened by one that can decrypt.
#pragma once

#include <concepts>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/key/purpose.hpp>
#include <keywarden/pki/expiry.hpp>
#include <keywarden/pki/sealed_credential.hpp>

namespace keywarden::pki {

/// The usual purpose: credentials that a service keeps with its jobs.
struct stored_credentials {
  static constexpr std::string_view name = "stored credentials";
};

namespace detail {

/// Errors: `invalid_argument` when both are of one key.
[[nodiscard]] inline result<void> expect_two_keys(const std::vector<credential_recipient>& of) {
  if (of.size() < 2 || of[0].public_key != of[1].public_key) return done();
  return error(errc::invalid_argument)
      .with(fact::reason, "the primary and the secondary certificate are of one key");
}

}  // namespace detail

/// Seals credentials and cannot open any: made of certificates alone, so that a web role that is
/// broken into gives away no stored credential.
///
/// A sealed credential is a self-contained text of 1 to 3 KiB and 4/3 of the credential (see
/// sealed_credential.hpp), which names the certificates it is sealed to. Protects its secrecy
/// against whoever has no private key of theirs, RSA and P-256 not against a quantum computer; its
/// integrity as a whole; and binds it to purpose and owner. Does not protect: its length; against
/// being replaced by another one, since whoever has the certificate can seal, or by an older one
/// of the same owner. Immutable; copies share the keys; any thread.
template <keywarden::purpose Purpose = stored_credentials>
class encrypt_only {
 public:
  /// What its credentials are for; those of another purpose do not fit.
  using purpose_type = Purpose;
  /// The longest credential, in bytes.
  static constexpr std::size_t max_credential = detail::credential_limits::credential;

  /// Seals to the primary certificate, and during a rotation to the secondary one as well. Whether
  /// these are the right certificates is for the caller to know: pin their fingerprints. Errors:
  /// `certificate_usage`, `unsupported_suite`, `weaker_than_required` for RSA below 2,048 bits,
  /// `invalid_argument` when both are of one key.
  [[nodiscard]] static result<encrypt_only> to(certificate primary,
                                               std::optional<certificate> secondary = {}) {
    encrypt_only made;
    made.certificates_.push_back(std::move(primary));
    if (secondary) made.certificates_.push_back(std::move(*secondary));
    for (const auto& each : made.certificates_) {
      auto recipient = detail::recipient_to(each);
      if (!recipient) return recipient.error();
      made.recipients_.push_back(std::move(*recipient));
    }
    if (auto two = detail::expect_two_keys(made.recipients_); !two) return two.error();
    return made;
  }

  /// What it seals to, the primary one first. Valid as long as this.
  [[nodiscard]] const std::vector<certificate>& certificates() const noexcept {
    return certificates_;
  }

  /// Seals a credential of at most 65,536 bytes for `owner`, whom it belongs to ("request
  /// 17/source"): authenticated, not stored, and not secret; the same must be given to open. Every
  /// certificate must be valid at `now`. Errors: `certificate_expired`,
  /// `certificate_not_yet_valid`, `limit_exceeded`; those of randomness.
  [[nodiscard]] result<sealed<Purpose>> seal(const plaintext& credential, std::string_view owner,
                                             time_point now) const {
    for (const auto& each : certificates_)
      if (auto fresh = may_encrypt(each, now); !fresh) return fresh.error();
    auto made = detail::seal_credential(recipients_, Purpose::name, owner, credential);
    if (!made) return made.error();
    return sealed<Purpose>(std::move(*made));
  }

  /// Whether a credential is sealed to exactly these certificates' keys, as it says of itself.
  /// Errors: `limit_exceeded`, `truncated`, `malformed`, `unsupported_version`.
  [[nodiscard]] result<bool> is_up_to_date(const sealed<Purpose>& credential) const {
    return detail::is_sealed_to(recipients_, credential.view());
  }

 private:
  encrypt_only() = default;

  std::vector<certificate> certificates_;
  std::vector<detail::credential_recipient> recipients_;
};

/// Opens credentials and cannot seal any. Holds private keys: copies share them, and the last one
/// wipes them. Immutable; any thread.
template <keywarden::purpose Purpose = stored_credentials>
class decrypt_only {
 public:
  /// What its credentials are for; those of another purpose do not open.
  using purpose_type = Purpose;

  /// Opens what is sealed to the primary certificate, and during a rotation to the secondary one.
  /// An expired certificate opens. Errors: `invalid_argument` when a private key is not its
  /// certificate's, or both are one; `unsupported_suite`, `weaker_than_required`.
  [[nodiscard]] static result<decrypt_only> with(const identity& primary,
                                                 const identity* secondary = nullptr) {
    decrypt_only made;
    for (const auto* each : {&primary, secondary}) {
      if (each == nullptr) continue;
      auto recipient = detail::recipient_of(*each);
      if (!recipient) return recipient.error();
      made.recipients_.push_back(std::move(*recipient));
    }
    if (auto two = detail::expect_two_keys(made.recipients_); !two) return two.error();
    return made;
  }

  /// Opens a credential of this owner with the key that it names. Errors: `unknown_key`, with the
  /// fingerprints of the certificates it is sealed to, when none of them is here;
  /// `authentication_failed` for another owner or purpose and for altered bytes; `limit_exceeded`
  /// above 128 KiB or two recipients, `truncated`, `malformed`, `unsupported_version`.
  [[nodiscard]] result<plaintext> open(const sealed<Purpose>& credential,
                                       std::string_view owner) const {
    return detail::open_credential(recipients_, Purpose::name, owner, credential.view());
  }

 private:
  decrypt_only() = default;

  std::vector<detail::credential_recipient> recipients_;
};

/// Seals and opens: for the one place that sets a service up, and hands each role the half that it
/// needs. Becomes either half; neither half becomes this, nor the other. Immutable; any thread.
template <keywarden::purpose Purpose = stored_credentials>
class sealer_and_opener {
 public:
  /// What its credentials are for; those of another purpose do not fit.
  using purpose_type = Purpose;

  /// Errors: as `encrypt_only::to` and `decrypt_only::with`.
  [[nodiscard]] static result<sealer_and_opener> with(const identity& primary,
                                                      const identity* secondary = nullptr) {
    auto opener = decrypt_only<Purpose>::with(primary, secondary);
    if (!opener) return opener.error();
    auto sealer = encrypt_only<Purpose>::to(
        primary.chain.front(),
        secondary == nullptr ? std::nullopt : std::optional(secondary->chain.front()));
    if (!sealer) return sealer.error();
    return sealer_and_opener(std::move(*sealer), std::move(*opener));
  }

  /// As `encrypt_only`.
  [[nodiscard]] result<sealed<Purpose>> seal(const plaintext& credential, std::string_view owner,
                                             time_point now) const {
    return sealer_.seal(credential, owner, now);
  }
  /// As `encrypt_only`.
  [[nodiscard]] result<bool> is_up_to_date(const sealed<Purpose>& credential) const {
    return sealer_.is_up_to_date(credential);
  }
  /// As `decrypt_only`.
  [[nodiscard]] result<plaintext> open(const sealed<Purpose>& credential,
                                       std::string_view owner) const {
    return opener_.open(credential, owner);
  }

  // NOLINTNEXTLINE(google-explicit-constructor): giving up a capability needs no permission
  operator encrypt_only<Purpose>() const { return sealer_; }
  // NOLINTNEXTLINE(google-explicit-constructor)
  operator decrypt_only<Purpose>() const { return opener_; }

 private:
  sealer_and_opener(encrypt_only<Purpose> sealer, decrypt_only<Purpose> opener)
      : sealer_(std::move(sealer)), opener_(std::move(opener)) {}

  encrypt_only<Purpose> sealer_;
  decrypt_only<Purpose> opener_;
};

/// A concept matching what seals credentials. Satisfied by `encrypt_only`, `sealer_and_opener`.
template <class T>
concept credential_sealer = requires(const T& sealer, const plaintext& credential,
                                     std::string_view owner, time_point now,
                                     const sealed<typename T::purpose_type>& made) {
  { sealer.seal(credential, owner, now) } -> std::same_as<result<sealed<typename T::purpose_type>>>;
  { sealer.is_up_to_date(made) } -> std::same_as<result<bool>>;
};

/// A concept matching what opens credentials. Satisfied by `decrypt_only`, `sealer_and_opener`.
///
/// `open` gives the credential back, or nothing at all: never part of one that was altered.
template <class T>
concept credential_opener = requires(const T& opener,
                                     const sealed<typename T::purpose_type>& credential,
                                     std::string_view owner) {
  { opener.open(credential, owner) } -> std::same_as<result<plaintext>>;
};

static_assert(credential_sealer<encrypt_only<>> && !credential_opener<encrypt_only<>>);
static_assert(credential_opener<decrypt_only<>> && !credential_sealer<decrypt_only<>>);
static_assert(credential_sealer<sealer_and_opener<>> && credential_opener<sealer_and_opener<>>);

/// Whether a credential is sealed to other keys than the sealer's: true for one of before a
/// rotation, and for one that the retired key still opens. Needs no private key, and believes what
/// the bytes say of themselves. Errors: as `encrypt_only::is_up_to_date`.
template <credential_sealer Sealer>
[[nodiscard]] result<bool> needs_rewrap(const sealed<typename Sealer::purpose_type>& credential,
                                        const Sealer& sealer) {
  auto current = sealer.is_up_to_date(credential);
  if (!current) return current.error();
  return !*current;
}

/// Seals a credential anew for the sealer's certificates: what a rotation does to each one. All of
/// it is new, the content key too: a key that the retired recipient may have kept opens nothing of
/// it. Costs what opening and sealing cost; earlier copies stay openable by the earlier keys.
/// Errors: as `open` and `seal`; the credential given is as it was.
template <credential_opener Opener, credential_sealer Sealer>
  requires std::same_as<typename Opener::purpose_type, typename Sealer::purpose_type>
[[nodiscard]] result<sealed<typename Sealer::purpose_type>> rewrap(
    const sealed<typename Sealer::purpose_type>& credential, const Opener& opener,
    const Sealer& sealer, std::string_view owner, time_point now) {
  auto opened = opener.open(credential, owner);
  if (!opened) return opened.error();
  return sealer.seal(*opened, owner, now);
}

/// The SHA-256 fingerprints of the certificates that a credential says it is sealed to. Errors:
/// `limit_exceeded`, `truncated`, `malformed`, `unsupported_version`.
template <keywarden::purpose Purpose>
[[nodiscard]] result<std::vector<fingerprint>> recipients_of(const sealed<Purpose>& credential) {
  auto record = detail::parse_credential(credential.view());
  if (!record) return record.error();
  return detail::recipients_named_in(*record);
}

}  // namespace keywarden::pki
