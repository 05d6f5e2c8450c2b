/// @file
/// DHKEM of RFC 9180 over P-256 and X25519: small, everywhere, not quantum-safe.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include <botan/ec_apoint.h>
#include <botan/ec_group.h>
#include <botan/ec_scalar.h>
#include <botan/ecdh.h>
#include <botan/pubkey.h>
#include <botan/system_rng.h>
#include <botan/x25519.h>

#include <keywarden/core/backend.hpp>
#include <keywarden/crypto/kdf.hpp>
#include <keywarden/crypto/kem.hpp>
#include <keywarden/crypto/x25519.hpp>

namespace keywarden::crypto {
namespace detail {

/// One of RFC 9180's labelled derivations: LabeledExtract and then LabeledExpand to 32 bytes.
[[nodiscard]] inline result<secret_key> labeled_derivation(std::uint16_t kem_id,
                                                           std::string_view extract_label,
                                                           const secret_key& material,
                                                           std::string_view expand_label,
                                                           bytes_view info) {
  constexpr std::size_t size = 32;
  bytes scope = to_bytes(as_bytes("HPKE-v1KEM"));
  append_big_endian(scope, kem_id);

  bytes prefix = scope;
  append(prefix, as_bytes(extract_label));
  auto labeled = keywarden::detail::sized_key(prefix.size() + material.size());
  const auto out = keywarden::detail::secret_access::view(labeled);
  std::memcpy(out.data(), prefix.data(), prefix.size());
  if (!material.empty())
    std::memcpy(out.data() + prefix.size(), keywarden::detail::view_of(material).data(),
                material.size());

  bytes label;
  append_big_endian(label, static_cast<std::uint16_t>(size));
  append(label, scope);
  append(label, as_bytes(expand_label));
  append(label, info);
  return hkdf_sha256(labeled, {}, label, size);
}

/// NIST P-256 as a Diffie-Hellman group of RFC 9180; points are uncompressed (65 bytes).
struct dh_p256 {
  static constexpr std::string_view name = "dhkem-p256-hkdf-sha256";
  static constexpr std::uint16_t kem_id = 0x0010;
  static constexpr std::size_t public_size = 65;
  using key = Botan::ECDH_PrivateKey;

  static Botan::EC_Group group() { return Botan::EC_Group::from_name("secp256r1"); }

  static bytes public_of(const key& ours) { return ours.public_value(); }

  static result<void> validate(std::string_view what, bytes_view encoded) {
    return keywarden::detail::guarded(name, [&]() -> result<void> {
      if (!Botan::EC_AffinePoint::deserialize_uncompressed(group(), encoded))
        return unusable(name, what, "not an uncompressed point of P-256");
      return done();
    });
  }

  static result<secret_key> agree(std::string_view what, const key& ours, bytes_view theirs) {
    if (auto valid = validate(what, theirs); !valid) return valid.error();
    return keywarden::detail::guarded(name, [&] {
      return keywarden::detail::adopt_key(Botan::PK_Key_Agreement(ours, Botan::system_rng(), "Raw")
                                              .derive_key(0, theirs)
                                              .bits_of());
    });
  }

  static result<std::unique_ptr<const key>> load(const secret_key& encoded) {
    return keywarden::detail::guarded(name, [&]() -> result<std::unique_ptr<const key>> {
      const auto scalar =
          Botan::EC_Scalar::deserialize(group(), keywarden::detail::view_of(encoded));
      if (!scalar || scalar->is_zero())
        return unusable(name, "private key", "not a scalar of P-256");
      return std::make_unique<const key>(group(), *scalar);
    });
  }

  // Candidates until one is a scalar: the first, but for one chance in 2^32.
  static result<std::unique_ptr<const key>> derive(const secret_key& material) {
    for (unsigned counter = 0; counter < 256; ++counter) {
      const std::uint8_t info[] = {static_cast<std::uint8_t>(counter)};
      const auto candidate = labeled_derivation(kem_id, "dkp_prk", material, "candidate", info);
      if (!candidate) return candidate.error();
      if (auto made = load(*candidate); made || !(made.error() == errc::malformed)) return made;
    }
    return error(errc::backend_failed).with(fact::scheme, name);
  }
};

/// X25519 as a Diffie-Hellman group of RFC 9180.
struct dh_x25519 {
  static constexpr std::string_view name = "dhkem-x25519-hkdf-sha256";
  static constexpr std::uint16_t kem_id = 0x0020;
  static constexpr std::size_t public_size = x25519_size;
  using key = Botan::X25519_PrivateKey;

  static bytes public_of(const key& ours) { return ours.raw_public_key_bits(); }

  static result<void> validate(std::string_view what, bytes_view encoded) {
    return expect_x25519_order(name, what, encoded);
  }

  static result<secret_key> agree(std::string_view what, const key& ours, bytes_view theirs) {
    return x25519(name, what, ours, theirs);
  }

  static result<std::unique_ptr<const key>> load(const secret_key& encoded) {
    return keywarden::detail::guarded(
        name, [&] { return std::make_unique<const key>(keywarden::detail::view_of(encoded)); });
  }

  static result<std::unique_ptr<const key>> derive(const secret_key& material) {
    const auto made = labeled_derivation(kem_id, "dkp_prk", material, "sk", {});
    if (!made) return made.error();
    return load(*made);
  }
};

}  // namespace detail

/// DHKEM(`Group`, HKDF-SHA256) of RFC 9180, section 4.1, in its base mode.
///
/// Protects the secret against ordinary machines at 128 bits; a quantum computer opens ciphertexts
/// that were kept. Does not authenticate the sender. Every altered ciphertext gives an unrelated
/// secret or is refused. Use it where a peer knows nothing newer; otherwise `x_wing`.
///
/// Sizes: P-256 has public keys and ciphertexts of 65 bytes (uncompressed points only), X25519 of
/// 32 bytes; private keys are 32 bytes.
template <class Group>
struct dhkem {
  static constexpr std::string_view name = Group::name;
  static constexpr unsigned strength = 128;
  static constexpr bool quantum_safe = false;
  static constexpr std::size_t max_ciphertext_size = Group::public_size;
  static constexpr std::size_t max_public_key_size = Group::public_size;
  static constexpr std::size_t private_key_size = 32;

  /// A point of the group that was validated when it was decoded. Immutable; any thread.
  class public_key {
   public:
    /// Errors: `truncated` or `limit_exceeded` for the wrong size; `malformed` for what is no point
    /// of the curve (RFC 9180, section 7.1.4), and for an X25519 value of low order.
    [[nodiscard]] static result<public_key> decode(bytes_view encoded) {
      if (auto sized = detail::expect_size(name, "public key", encoded.size(), max_public_key_size);
          !sized)
        return sized.error();
      if (auto valid = Group::validate("public key", encoded); !valid) return valid.error();
      return public_key(to_bytes(encoded));
    }

    /// The one encoding: an uncompressed point, or the 32 bytes of X25519.
    [[nodiscard]] bytes encode() const { return encoded_; }

    friend bool operator==(const public_key&, const public_key&) = default;

   private:
    friend struct dhkem;
    explicit public_key(bytes encoded) noexcept : encoded_(std::move(encoded)) {}
    bytes encoded_;
  };

  /// A scalar of the group, with its public half. Move-only, wiped; any thread.
  class private_key {
   public:
    /// A fresh key: `derive` of 32 random bytes, as RFC 9180 allows. Errors: those of the source.
    [[nodiscard]] static result<private_key> generate(random_source auto& random) {
      auto material = keywarden::detail::sized_key(private_key_size);
      if (auto filled = random.fill(keywarden::detail::secret_access::view(material)); !filled)
        return filled.error();
      return derive(material);
    }

    /// DeriveKeyPair of RFC 9180, section 7.1.3: the same material always gives the same key.
    /// Errors: `truncated` when `material` is shorter than 32 bytes and so weaker than the key.
    [[nodiscard]] static result<private_key> derive(const secret_key& material) {
      if (material.size() < private_key_size)
        return error(errc::truncated)
            .with(fact::scheme, name)
            .with(fact::limit, private_key_size)
            .with(fact::actual, material.size());
      return made_from(Group::derive(material));
    }

    /// Errors: `truncated` or `limit_exceeded` when not 32 bytes; `malformed` when not a scalar of
    /// the group (P-256: from 1 to the order).
    [[nodiscard]] static result<private_key> decode(const secret_key& encoded) {
      if (auto sized = detail::expect_size(name, "private key", encoded.size(), private_key_size);
          !sized)
        return sized.error();
      return made_from(Group::load(encoded));
    }

    /// The scalar as RFC 9180 serialises it.
    [[nodiscard]] secret_key encode() const {
      return keywarden::detail::adopt_key(key_->raw_private_key_bits());
    }

    /// The public half.
    [[nodiscard]] const public_key& public_part() const noexcept { return public_; }

   private:
    friend struct dhkem;
    private_key(std::unique_ptr<const typename Group::key> key, public_key shown) noexcept
        : key_(std::move(key)), public_(std::move(shown)) {}

    static result<private_key> made_from(
        result<std::unique_ptr<const typename Group::key>>&& made) {
      if (!made) return made.error();
      auto shown = keywarden::detail::guarded(name, [&] { return Group::public_of(**made); });
      if (!shown) return shown.error();
      return private_key(std::move(*made), public_key(std::move(*shown)));
    }

    std::unique_ptr<const typename Group::key> key_;
    public_key public_;
  };

  /// Draws 32 bytes for the ephemeral key. Errors: those of the source.
  [[nodiscard]] static result<encapsulation> encapsulate(const public_key& theirs,
                                                         random_source auto& random) {
    auto ephemeral = private_key::generate(random);
    if (!ephemeral) return ephemeral.error();
    const auto product = Group::agree("public key", *ephemeral->key_, theirs.encoded_);
    if (!product) return product.error();
    auto shared = derive_secret(*product, ephemeral->public_.encoded_, theirs);
    if (!shared) return shared.error();
    return encapsulation{ephemeral->public_.encoded_, std::move(*shared)};
  }

  /// Errors: `truncated` or `limit_exceeded` for the wrong size; `malformed` for what is no point
  /// of the curve or of low order.
  [[nodiscard]] static result<secret_key> decapsulate(const private_key& ours,
                                                      bytes_view ciphertext) {
    if (auto sized =
            detail::expect_size(name, "ciphertext", ciphertext.size(), max_ciphertext_size);
        !sized)
      return sized.error();
    const auto product = Group::agree("ciphertext", *ours.key_, ciphertext);
    if (!product) return product.error();
    return derive_secret(*product, ciphertext, ours.public_);
  }

 private:
  // ExtractAndExpand of the RFC: the secret is bound to both public values.
  static result<secret_key> derive_secret(const secret_key& product, bytes_view ciphertext,
                                          const public_key& receiver) {
    bytes context = to_bytes(ciphertext);
    append(context, receiver.encoded_);
    return detail::labeled_derivation(Group::kem_id, "eae_prk", product, "shared_secret", context);
  }
};

/// DHKEM(P-256, HKDF-SHA256): for peers and hardware that know only NIST curves.
using dhkem_p256 = dhkem<detail::dh_p256>;

/// DHKEM(X25519, HKDF-SHA256): the smallest and fastest.
using dhkem_x25519 = dhkem<detail::dh_x25519>;

static_assert(kem<dhkem_p256>);
static_assert(kem<dhkem_x25519>);

}  // namespace keywarden::crypto
