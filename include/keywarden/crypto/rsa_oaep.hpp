/// @file
/// RSA-OAEP as a key encapsulation mechanism: for certificates and hardware that know only RSA.
#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include <botan/bigint.h>
#include <botan/pkcs8.h>
#include <botan/pubkey.h>
#include <botan/rsa.h>
#include <botan/system_rng.h>
#include <botan/x509_key.h>

#include <keywarden/core/backend.hpp>
#include <keywarden/crypto/kem.hpp>

namespace keywarden::crypto {

/// RSAES-OAEP (RFC 8017, section 7.1) with SHA-256 and MGF1-SHA-256 and an empty label, over 32
/// random bytes. What `openssl pkeyutl` calls `rsa_padding_mode:oaep` with `rsa_oaep_md:sha256`.
///
/// `Bits` is the size of the keys it makes and the least size it accepts, so that `strength` is
/// true of every key; keys above 8192 bits are refused, for they cost a reader too much. Protects
/// the secret against ordinary machines only: a quantum computer opens ciphertexts that were kept.
/// Does not authenticate the sender, and does not bind the secret to the receiver's key. An altered
/// ciphertext is refused with one error for every way of being wrong (Manger's attack needs to tell
/// them apart), in constant time as far as Botan's unpadding is.
///
/// Public keys are DER SubjectPublicKeyInfo, private keys are PKCS#8 DER without a password.
template <std::size_t Bits = 3072>
struct rsa_oaep {
  static_assert(Bits >= 2048, "rsa_oaep<Bits>: keys under 2048 bits protect nothing");
  static_assert(Bits <= 8192, "rsa_oaep<Bits>: keys above 8192 bits are refused");
  static_assert(Bits % 8 == 0, "rsa_oaep<Bits>: the size is in whole bytes");

  static constexpr std::string_view name = "rsa-oaep-sha256";
  /// NIST SP 800-57, part 1, table 2: 2048 bits count as 112, 3072 as 128, 7680 as 192.
  static constexpr unsigned strength = Bits >= 7680 ? 192 : Bits >= 3072 ? 128 : 112;
  static constexpr bool quantum_safe = false;
  /// The longest modulus that is read, in bits.
  static constexpr std::size_t max_bits = 8192;
  static constexpr std::size_t max_ciphertext_size = max_bits / 8;
  /// 8192 bits of modulus, 256 of exponent, and the DER around them.
  static constexpr std::size_t max_public_key_size = 1092;
  /// The longest private key that is read, in bytes of DER.
  static constexpr std::size_t max_private_key_size = 8192;

  /// An RSA public key of at least `Bits` bits that was validated when it was decoded. Immutable;
  /// any thread.
  class public_key {
   public:
    /// Errors: `truncated` when empty; `limit_exceeded` above 1092 bytes or 8192 bits; `malformed`
    /// for what is no RSA key in DER, in the one way DER writes it, and for an even exponent;
    /// `weaker_than_required` under `Bits` bits.
    [[nodiscard]] static result<public_key> decode(bytes_view encoded) {
      if (auto sized = expect_between("public key", encoded.size(), max_public_key_size); !sized)
        return sized.error();
      auto loaded = keywarden::detail::guarded(name, [&]() -> result<std::shared_ptr<const key>> {
        const auto any = Botan::X509::load_key(encoded);
        const auto* rsa = dynamic_cast<const key*>(any.get());
        if (rsa == nullptr || rsa->subject_public_key() != to_bytes(encoded))
          return detail::unusable(name, "public key", "not an RSA key in DER");
        if (auto fit = expect_strength(*rsa); !fit) return fit.error();
        return std::make_shared<const key>(*rsa);
      });
      if (!loaded) return as_malformed("public key", loaded.error());
      return public_key(std::move(*loaded), to_bytes(encoded));
    }

    /// SubjectPublicKeyInfo.
    [[nodiscard]] bytes encode() const { return encoded_; }

    /// The size of the modulus in bits.
    [[nodiscard]] std::size_t bits() const { return key_->key_length(); }

    friend bool operator==(const public_key& left, const public_key& right) noexcept {
      return left.encoded_ == right.encoded_;
    }

   private:
    friend struct rsa_oaep;
    using key = Botan::RSA_PublicKey;
    public_key(std::shared_ptr<const key> loaded, bytes encoded) noexcept
        : key_(std::move(loaded)), encoded_(std::move(encoded)) {}

    std::shared_ptr<const key> key_;  // immutable
    bytes encoded_;
  };

  /// An RSA private key, with its public half. Move-only, wiped; any thread.
  class private_key {
   public:
    /// A fresh key of `Bits` bits with the exponent 65537; this takes from a tenth of a second to
    /// some seconds. Errors: `backend_failed` when the source fails.
    [[nodiscard]] static result<private_key> generate(random_source auto& random) {
      return keywarden::detail::guarded(name, [&] {
        keywarden::detail::botan_random generator(random);
        return from(std::make_unique<const key>(generator, Bits));
      });
    }

    /// Errors: `truncated` when empty; `limit_exceeded` above 8192 bytes or 8192 bits; `malformed`
    /// for what is no RSA key in PKCS#8 DER (PEM is not taken), or is inconsistent;
    /// `weaker_than_required` under `Bits` bits.
    [[nodiscard]] static result<private_key> decode(const secret_key& encoded) {
      if (auto sized = expect_between("private key", encoded.size(), max_private_key_size); !sized)
        return sized.error();
      auto made = keywarden::detail::guarded(name, [&]() -> result<private_key> {
        const auto der = keywarden::detail::view_of(encoded);
        constexpr std::uint8_t sequence = 0x30;
        const auto any = der.front() == sequence ? Botan::PKCS8::load_key(der) : nullptr;
        const auto* rsa = dynamic_cast<const key*>(any.get());
        if (rsa == nullptr)
          return detail::unusable(name, "private key", "not an RSA key in PKCS#8 DER");
        if (auto fit = expect_strength(*rsa); !fit) return fit.error();
        if (!rsa->check_key(Botan::system_rng(), false))
          return detail::unusable(name, "private key", "its parts do not belong together");
        return from(std::make_unique<const key>(*rsa));
      });
      if (!made) return as_malformed("private key", made.error());
      return made;
    }

    /// PKCS#8 DER without a password: whoever stores it wraps it first.
    [[nodiscard]] secret_key encode() const {
      return keywarden::detail::adopt_key(Botan::PKCS8::BER_encode(*key_));
    }

    /// The public half.
    [[nodiscard]] const public_key& public_part() const noexcept { return public_; }

   private:
    friend struct rsa_oaep;
    using key = Botan::RSA_PrivateKey;
    private_key(std::unique_ptr<const key> loaded, public_key shown) noexcept
        : key_(std::move(loaded)), public_(std::move(shown)) {}

    // Throws inside `guarded`.
    static private_key from(std::unique_ptr<const key> loaded) {
      auto shown = std::make_shared<const Botan::RSA_PublicKey>(loaded->get_n(), loaded->get_e());
      auto encoded = shown->subject_public_key();
      return private_key(std::move(loaded), public_key(std::move(shown), std::move(encoded)));
    }

    std::unique_ptr<const key> key_;
    public_key public_;
  };

  /// Draws 64 bytes at once: the 32 of the secret, then OAEP's seed. Errors: those of the source.
  [[nodiscard]] static result<encapsulation> encapsulate(const public_key& theirs,
                                                         random_source auto& random) {
    auto drawn = keywarden::detail::sized_key(shared_secret_size + oaep_seed_size);
    if (auto filled = random.fill(keywarden::detail::secret_access::view(drawn)); !filled)
      return filled.error();
    return keywarden::detail::guarded(name, [&] {
      const auto all = keywarden::detail::view_of(drawn);
      auto shared = secret_key::copy_of(all.first(shared_secret_size));
      detail::drawn_randomness seed(all.subspan(shared_secret_size));
      const Botan::PK_Encryptor_EME encryptor(*theirs.key_, seed, padding);
      return encapsulation{encryptor.encrypt(keywarden::detail::view_of(shared), seed),
                           std::move(shared)};
    });
  }

  /// Errors: `truncated` or `limit_exceeded` when not of the modulus's size; `malformed` when zero
  /// or not below the modulus; `authentication_failed` for everything else that is wrong with it.
  [[nodiscard]] static result<secret_key> decapsulate(const private_key& ours,
                                                      bytes_view ciphertext) {
    const auto& modulus = ours.key_->get_n();
    if (auto sized = detail::expect_size(name, "ciphertext", ciphertext.size(), modulus.bytes());
        !sized)
      return sized.error();
    auto in_range = keywarden::detail::guarded(name, [&] {
      const auto number = Botan::BigInt::from_bytes(ciphertext);
      return !number.is_zero() && number < modulus;
    });
    if (!in_range) return in_range.error();
    if (!*in_range) return detail::unusable(name, "ciphertext", "not below the modulus");

    auto opened = keywarden::detail::guarded(name, [&] {
      const Botan::PK_Decryptor_EME decryptor(*ours.key_, Botan::system_rng(), padding);
      return keywarden::detail::adopt_key(decryptor.decrypt(ciphertext));
    });
    if (!opened && !(opened.error() == errc::malformed)) return opened.error();
    if (!opened || opened->size() != shared_secret_size)
      return error(errc::authentication_failed).with(fact::scheme, name);
    return opened;
  }

 private:
  static constexpr std::string_view padding = "OAEP(SHA-256,MGF1(SHA-256))";
  static constexpr std::size_t oaep_seed_size = 32;

  static result<void> expect_between(std::string_view what, std::size_t actual, std::size_t most) {
    if (actual != 0 && actual <= most) return done();
    return error(actual == 0 ? errc::truncated : errc::limit_exceeded)
        .with(fact::scheme, name)
        .with(fact::kind, what)
        .with(fact::limit, most)
        .with(fact::actual, actual);
  }

  static result<void> expect_strength(const Botan::RSA_PublicKey& key) {
    const auto bits = key.key_length();
    if (bits >= Bits && bits <= max_bits) return done();
    return error(bits < Bits ? errc::weaker_than_required : errc::limit_exceeded)
        .with(fact::scheme, name)
        .with(fact::reason, "the size of the modulus in bits")
        .with(fact::limit, bits < Bits ? Bits : max_bits)
        .with(fact::actual, bits);
  }

  // What Botan cannot read is the input's fault, whichever of its exceptions says so.
  static error as_malformed(std::string_view what, const error& found) {
    const auto code = found.code();
    if (code == errc::malformed || code == errc::invalid_argument || code == errc::backend_missing)
      return detail::unusable(name, what, "not an RSA key").because(found);
    return found;
  }
};

static_assert(kem<rsa_oaep<>>);

}  // namespace keywarden::crypto
