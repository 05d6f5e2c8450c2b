/// @file
/// Key encapsulation: making a secret that only the holder of a private key can find again.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <type_traits>

#include <botan/exceptn.h>
#include <botan/rng.h>

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/random.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/core/secret.hpp>

namespace keywarden::crypto {

/// The size of every shared secret here: 256 bits.
inline constexpr std::size_t shared_secret_size = 32;

/// What a sender makes: public bytes for the receiver, and the secret they stand for.
struct encapsulation {
  /// What travels: of no use without the private key.
  bytes ciphertext;
  /// The fresh secret, 32 bytes.
  secret_key shared;
};

/// A concept matching key encapsulation mechanisms. Satisfied by `x_wing`, `dhkem_p256`,
/// `dhkem_x25519`, `rsa_oaep<>`.
///
/// `encapsulate` makes a fresh 32-byte secret and a ciphertext of at most `max_ciphertext_size`
/// bytes for a public key; `decapsulate` finds the secret again with the private key. It protects
/// the secret against everybody else; it does **not** say who sent it, and a mechanism may answer
/// an altered ciphertext or another's private key with an unrelated secret rather than a refusal,
/// so that whoever uses the secret must authenticate what it opens (an AEAD does).
///
/// Facts: `name` goes into files and never changes; `strength` is in bits, against classical
/// machines; `quantum_safe` says whether it also resists a quantum computer.
///
/// `public_key` is copyable and comparable: it is decoded from at most `max_public_key_size` bytes,
/// validated, or not at all; one key has one encoding. `private_key` is move-only; its encoding is
/// as secret as it is. Both are immutable, so threads may share them. Every secret bit comes from
/// the caller's source of randomness (the backend's blinding draws from the system's);
/// encapsulation passes on the errors of that source.
template <class T>
concept kem = requires {
  { T::name } -> std::convertible_to<std::string_view>;
  typename std::integral_constant<unsigned, T::strength>;
  typename std::bool_constant<T::quantum_safe>;
  typename std::integral_constant<std::size_t, T::max_ciphertext_size>;
  typename std::integral_constant<std::size_t, T::max_public_key_size>;
}
&&std::copyable<typename T::public_key>&& std::equality_comparable<typename T::public_key>&&
        std::movable<typename T::private_key> &&
    !std::copy_constructible<typename T::private_key> &&
    requires(const typename T::public_key& theirs, const typename T::private_key& ours,
             bytes_view encoded, const secret_key& secret, system_random& random) {
  { theirs.encode() } -> std::same_as<bytes>;
  { T::public_key::decode(encoded) } -> std::same_as<result<typename T::public_key>>;
  { ours.public_part() } -> std::same_as<const typename T::public_key&>;
  { ours.encode() } -> std::same_as<secret_key>;
  { T::private_key::decode(secret) } -> std::same_as<result<typename T::private_key>>;
  { T::private_key::generate(random) } -> std::same_as<result<typename T::private_key>>;
  { T::encapsulate(theirs, random) } -> std::same_as<result<encapsulation>>;
  { T::decapsulate(ours, encoded) } -> std::same_as<result<secret_key>>;
};

namespace detail {

/// Refuses an input of the wrong length: `truncated` below `wanted` bytes, `limit_exceeded` above.
[[nodiscard]] inline result<void> expect_size(std::string_view scheme, std::string_view what,
                                              std::size_t actual, std::size_t wanted) {
  if (actual == wanted) return done();
  return error(actual < wanted ? errc::truncated : errc::limit_exceeded)
      .with(fact::scheme, scheme)
      .with(fact::kind, what)
      .with(fact::limit, wanted)
      .with(fact::actual, actual);
}

/// The refusal of an input that has the right length but cannot be what it claims to be.
[[nodiscard]] inline error unusable(std::string_view scheme, std::string_view what,
                                    std::string_view reason) {
  return error(errc::malformed)
      .with(fact::scheme, scheme)
      .with(fact::kind, what)
      .with(fact::reason, reason);
}

/// A generator for Botan that hands out bytes drawn before, each once. Throws inside `guarded` when
/// asked for more, so that nothing is ever sent under randomness that was not the caller's.
class drawn_randomness final : public Botan::RandomNumberGenerator {
 public:
  explicit drawn_randomness(bytes_view drawn) noexcept : left_(drawn) {}
  bool accepts_input() const override { return false; }
  std::string name() const override { return "drawn"; }
  void clear() override {}
  bool is_seeded() const override { return true; }

 private:
  void fill_bytes_with_input(std::span<std::uint8_t> output,
                             std::span<const std::uint8_t> /*input*/) override {
    if (output.size() > left_.size()) throw Botan::Invalid_State("no randomness left");
    if (!output.empty()) std::memcpy(output.data(), left_.data(), output.size());
    left_ = left_.subspan(output.size());
  }
  bytes_view left_;
};

}  // namespace detail
}  // namespace keywarden::crypto
