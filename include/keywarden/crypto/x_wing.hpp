/// @file
/// X-Wing: ML-KEM-768 and X25519 combined, so that the secret holds while either of them does.
#pragma once

#include <array>
#include <memory>
#include <string_view>
#include <utility>

#include <botan/hash.h>
#include <botan/ml_kem.h>
#include <botan/pubkey.h>
#include <botan/x25519.h>

#include <keywarden/core/backend.hpp>
#include <keywarden/crypto/kem.hpp>
#include <keywarden/crypto/x25519.hpp>

namespace keywarden::crypto {

/// X-Wing (draft-connolly-cfrg-xwing-kem, version 08 and later): the default for recipients.
///
/// Protects against: a quantum computer that reads today's ciphertexts later (ML-KEM-768), and a
/// break of ML-KEM by ordinary machines (X25519). A low-order X25519 value, which the draft lets
/// pass, is refused here; no honest peer sends one. Does not authenticate the sender. An altered
/// ciphertext gives an unrelated secret, as does another's private key.
///
/// The private key is a 32-byte seed; it is expanded once, when it is made or decoded.
/// Sizes: public key 1216 bytes, ciphertext 1120 bytes, private key 32 bytes.
struct x_wing {
  static constexpr std::string_view name = "x-wing";
  /// The draft aims at 128 bits: ML-KEM-768 alone is in NIST's category 3 (192 bits), but should it
  /// fall, the 128 bits of X25519 are what remains, and no more than that is promised.
  static constexpr unsigned strength = 128;
  static constexpr bool quantum_safe = true;
  static constexpr std::size_t max_ciphertext_size = 1088 + 32;
  static constexpr std::size_t max_public_key_size = 1184 + 32;
  static constexpr std::size_t private_key_size = 32;

  /// An encapsulation key: ML-KEM-768's, then X25519's.
  class public_key {
   public:
    /// Errors: `truncated` or `limit_exceeded` when not 1216 bytes; `malformed` when a coefficient
    /// is not reduced (FIPS 203, section 7.2) or the X25519 value is of low order.
    [[nodiscard]] static result<public_key> decode(bytes_view encoded) {
      if (auto sized = detail::expect_size(name, "public key", encoded.size(), max_public_key_size);
          !sized)
        return sized.error();
      auto lattice = keywarden::detail::guarded(name, [&] {
        return Botan::ML_KEM_PublicKey(encoded.first(lattice_public_size), lattice_mode)
            .check_key(Botan::system_rng(), false);
      });
      if (!lattice || !*lattice)
        return detail::unusable(name, "public key", "not an ML-KEM-768 encapsulation key");
      if (auto curve =
              detail::expect_x25519_order(name, "public key", encoded.subspan(lattice_public_size));
          !curve)
        return curve.error();
      return public_key(to_bytes(encoded));
    }

    /// ML-KEM-768's key, then X25519's: 1216 bytes.
    [[nodiscard]] bytes encode() const { return encoded_; }

    friend bool operator==(const public_key&, const public_key&) = default;

   private:
    friend struct x_wing;
    explicit public_key(bytes encoded) noexcept : encoded_(std::move(encoded)) {}

    [[nodiscard]] bytes_view lattice() const {
      return bytes_view(encoded_).first(lattice_public_size);
    }
    [[nodiscard]] bytes_view curve() const {
      return bytes_view(encoded_).subspan(lattice_public_size);
    }

    bytes encoded_;
  };

  /// A decapsulation key: the seed, with what it expands to kept beside it.
  class private_key {
   public:
    /// A fresh key. Errors: those of the source.
    [[nodiscard]] static result<private_key> generate(random_source auto& random) {
      auto seed = keywarden::detail::sized_key(private_key_size);
      if (auto filled = random.fill(keywarden::detail::secret_access::view(seed)); !filled)
        return filled.error();
      return from_seed(seed);
    }

    /// Expands a seed with SHAKE-256 into both keys.
    /// Errors: `truncated` or `limit_exceeded` when not 32 bytes.
    [[nodiscard]] static result<private_key> from_seed(const secret_key& seed) {
      if (auto sized = detail::expect_size(name, "private key", seed.size(), private_key_size);
          !sized)
        return sized.error();
      return keywarden::detail::guarded(name, [&] {
        const auto shake = Botan::HashFunction::create_or_throw("SHAKE-256(768)");
        shake->update(keywarden::detail::view_of(seed));
        const auto expanded = shake->final();
        const auto both = bytes_view(expanded);
        auto lattice = std::make_unique<const Botan::ML_KEM_PrivateKey>(
            both.first(lattice_seed_size), lattice_mode);
        auto curve =
            std::make_unique<const Botan::X25519_PrivateKey>(both.subspan(lattice_seed_size));
        auto encoded = lattice->raw_public_key_bits();
        append(encoded, curve->raw_public_key_bits());
        return private_key(seed.duplicate(), std::move(lattice), std::move(curve),
                           public_key(std::move(encoded)));
      });
    }

    /// The same as `from_seed`.
    [[nodiscard]] static result<private_key> decode(const secret_key& encoded) {
      return from_seed(encoded);
    }

    /// The seed.
    [[nodiscard]] secret_key encode() const { return seed_.duplicate(); }

    /// The public half.
    [[nodiscard]] const public_key& public_part() const noexcept { return public_; }

   private:
    friend struct x_wing;
    private_key(secret_key seed, std::unique_ptr<const Botan::ML_KEM_PrivateKey> lattice,
                std::unique_ptr<const Botan::X25519_PrivateKey> curve, public_key shown) noexcept
        : seed_(std::move(seed)),
          lattice_(std::move(lattice)),
          curve_(std::move(curve)),
          public_(std::move(shown)) {}

    secret_key seed_;
    std::unique_ptr<const Botan::ML_KEM_PrivateKey> lattice_;
    std::unique_ptr<const Botan::X25519_PrivateKey> curve_;
    public_key public_;
  };

  /// Draws 64 bytes at once: 32 for ML-KEM, then 32 for X25519 (the draft's EncapsulateDerand).
  /// Errors: those of the source.
  [[nodiscard]] static result<encapsulation> encapsulate(const public_key& theirs,
                                                         random_source auto& random) {
    auto drawn = keywarden::detail::sized_key(64);
    if (auto filled = random.fill(keywarden::detail::secret_access::view(drawn)); !filled)
      return filled.error();
    return keywarden::detail::guarded(name, [&]() -> result<encapsulation> {
      const auto bytes_drawn = keywarden::detail::view_of(drawn);
      detail::drawn_randomness message(bytes_drawn.first(32));
      const Botan::ML_KEM_PublicKey lattice(theirs.lattice(), lattice_mode);
      bytes ciphertext(lattice_ciphertext_size);
      auto lattice_secret = keywarden::detail::sized_key(shared_secret_size);
      Botan::PK_KEM_Encryptor(lattice, "Raw")
          .encrypt(ciphertext, keywarden::detail::secret_access::view(lattice_secret), message);

      const Botan::X25519_PrivateKey ephemeral(bytes_drawn.subspan(32));
      const auto curve_secret = detail::x25519(name, "public key", ephemeral, theirs.curve());
      if (!curve_secret) return curve_secret.error();
      append(ciphertext, ephemeral.raw_public_key_bits());

      auto shared =
          combine(lattice_secret, *curve_secret,
                  bytes_view(ciphertext).subspan(lattice_ciphertext_size), theirs.curve());
      return encapsulation{std::move(ciphertext), std::move(shared)};
    });
  }

  /// Errors: `truncated` or `limit_exceeded` when not 1120 bytes; `malformed` for an X25519 value
  /// of low order. An altered ciphertext is **not** refused: it gives an unrelated secret.
  [[nodiscard]] static result<secret_key> decapsulate(const private_key& ours,
                                                      bytes_view ciphertext) {
    if (auto sized =
            detail::expect_size(name, "ciphertext", ciphertext.size(), max_ciphertext_size);
        !sized)
      return sized.error();
    return keywarden::detail::guarded(name, [&]() -> result<secret_key> {
      const auto theirs = ciphertext.subspan(lattice_ciphertext_size);
      const auto curve_secret = detail::x25519(name, "ciphertext", *ours.curve_, theirs);
      if (!curve_secret) return curve_secret.error();
      auto lattice_secret = keywarden::detail::adopt_key(
          Botan::PK_KEM_Decryptor(*ours.lattice_, Botan::system_rng(), "Raw")
              .decrypt(ciphertext.first(lattice_ciphertext_size), shared_secret_size, {}));
      return combine(lattice_secret, *curve_secret, theirs, ours.public_.curve());
    });
  }

 private:
  static constexpr auto lattice_mode = Botan::KyberMode::Mode::ML_KEM_768;
  static constexpr std::size_t lattice_seed_size = 64;
  static constexpr std::size_t lattice_public_size = 1184;
  static constexpr std::size_t lattice_ciphertext_size = 1088;

  static secret_key combine(const secret_key& lattice_secret, const secret_key& curve_secret,
                            bytes_view curve_ciphertext, bytes_view curve_public) {
    constexpr std::array<std::uint8_t, 6> label = {'\\', '.', '/', '/', '^', '\\'};
    const auto sha3 = Botan::HashFunction::create_or_throw("SHA-3(256)");
    sha3->update(keywarden::detail::view_of(lattice_secret));
    sha3->update(keywarden::detail::view_of(curve_secret));
    sha3->update(curve_ciphertext);
    sha3->update(curve_public);
    sha3->update(label);
    return keywarden::detail::adopt_key(sha3->final());
  }
};

static_assert(kem<x_wing>);

}  // namespace keywarden::crypto
