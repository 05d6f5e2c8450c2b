/// @file
/// Authenticated encryption with associated data: the concept and its Botan models.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstring>
#include <memory>
#include <string_view>

#include <botan/aead.h>

#include <keywarden/core/backend.hpp>
#include <keywarden/core/bytes.hpp>
#include <keywarden/core/secret.hpp>
#include <keywarden/core/strong.hpp>

namespace keywarden::crypto {

/// The authentication tag of every AEAD here: 128 bits.
using tag = strong_bytes<16, struct aead_tag_tag>;

/// Names an AEAD in a stored header. The numbers are part of the formats and never change.
enum class suite : std::uint8_t {
  aes256_gcm = 1,
  chacha20_poly1305 = 2,
  aes256_gcm_siv = 3,
};

/// A concept matching AEAD algorithms. Satisfied by `aes256_gcm`, `chacha20_poly1305`,
/// `aes256_gcm_siv`; by `libcrypto::aes256_gcm` and `libcrypto::chacha20_poly1305`; by `by_size` of
/// such.
///
/// `T::context` is an algorithm keyed once. `seal` encrypts `data` in place and gives its tag;
/// `open` decrypts `data` in place when the tag is right, and otherwise wipes `data` and refuses
/// with `authentication_failed`. A context is used by one thread at a time; a nonce is never used
/// twice to seal under one key (`T::nonce_misuse_resistant` says what happens if it is).
/// `T::max_messages` is how many messages one key may seal with random 96-bit nonces,
/// `T::max_message_size` the longest one.
template <class T>
concept aead = requires(typename T::context& context, const secret_key& key, const nonce& once,
                        bytes_view associated_data, mutable_bytes data, tag& made,
                        const tag& given) {
  { T::name } -> std::convertible_to<std::string_view>;
  { T::id } -> std::convertible_to<suite>;
  { T::key_size } -> std::convertible_to<std::size_t>;
  { T::strength } -> std::convertible_to<unsigned>;
  { T::max_messages } -> std::convertible_to<std::uint64_t>;
  { T::max_message_size } -> std::convertible_to<std::uint64_t>;
  { T::nonce_misuse_resistant } -> std::convertible_to<bool>;
  { T::context::create(key) } -> std::same_as<result<typename T::context>>;
  { context.seal(once, associated_data, data, made) } -> std::same_as<status>;
  { context.open(once, associated_data, data, given) } -> std::same_as<status>;
};

namespace detail {

/// What associated data a Botan AEAD was given last. Botan's GCM keeps them from one message to the
/// next, hashed: what stays the same need not be hashed again. Remembers up to 128 bytes, which are
/// no secret, for as long as the context lives.
class given_associated_data {
 public:
  /// Whatever the mode had before, it has these now.
  void give(Botan::AEAD_Mode& mode, bytes_view associated_data) {
    const auto size = associated_data.size();
    if (size == size_ && std::ranges::equal(bytes_view(kept_).first(size), associated_data)) return;
    forget();
    mode.set_associated_data(associated_data);
    if (size == 0 || size > kept_.size()) return;
    std::memcpy(kept_.data(), associated_data.data(), size);
    size_ = size;
  }
  /// The mode was reset, or nobody knows what it has.
  void forget() noexcept { size_ = none; }

 private:
  static constexpr std::size_t none = ~std::size_t{0};
  std::array<std::uint8_t, 128> kept_;
  std::size_t size_ = none;
};

/// A Botan AEAD keyed once for both directions; `Facts` names it.
///
/// Zero allocations per call in the steady state for GCM and ChaCha20-Poly1305; GCM-SIV buffers the
/// message inside Botan.
template <class Facts>
class botan_aead_context {
 public:
  /// Errors: `invalid_argument` when the key is not `key_size` bytes; `backend_missing`.
  [[nodiscard]] static result<botan_aead_context> create(const secret_key& key) {
    if (key.size() != Facts::key_size)
      return error(errc::invalid_argument)
          .with(fact::reason, "wrong key size")
          .with(fact::limit, Facts::key_size)
          .with(fact::actual, key.size());
    return keywarden::detail::guarded(Facts::name, [&] {
      botan_aead_context made;
      made.sealing_ =
          Botan::AEAD_Mode::create_or_throw(Facts::botan_name, Botan::Cipher_Dir::Encryption);
      made.opening_ =
          Botan::AEAD_Mode::create_or_throw(Facts::botan_name, Botan::Cipher_Dir::Decryption);
      made.sealing_->set_key(keywarden::detail::view_of(key));
      made.opening_->set_key(keywarden::detail::view_of(key));
      made.scratch_.reserve(scratch_capacity);
      return made;
    });
  }

  /// Errors: `message_too_long`; `backend_failed` (the data is then wiped).
  status seal(const nonce& once, bytes_view associated_data, mutable_bytes data, tag& made) {
    return seal_in_steps(once, associated_data, data, made, [] {});
  }
  /// Errors: `authentication_failed`, `message_too_long`; the data is wiped whenever it refuses.
  status open(const nonce& once, bytes_view associated_data, mutable_bytes data, const tag& given) {
    return open_in_steps(once, associated_data, data, given, [] {});
  }

  /// As `seal` and `open`; calls `at_tag` when all but the tag is done. For `profiled`.
  template <class AtTag>
  status seal_in_steps(const nonce& once, bytes_view associated_data, mutable_bytes data, tag& made,
                       const AtTag& at_tag) {
    if (data.size() > Facts::max_message_size) return errc::message_too_long;
    const auto sealed = keywarden::detail::guarded_status([&] {
      give(*sealing_, sealed_with_, associated_data);
      sealing_->start(once.view());
      scratch_.clear();
      load(*sealing_, data);
      at_tag();
      sealing_->finish(scratch_);
      unload(data);
      std::memcpy(made.view().data(), scratch_.data() + scratch_.size() - tag::size, tag::size);
    });
    if (!sealed) [[unlikely]]
      abandon(*sealing_, sealed_with_, data);
    return sealed;
  }

  template <class AtTag>
  status open_in_steps(const nonce& once, bytes_view associated_data, mutable_bytes data,
                       const tag& given, const AtTag& at_tag) {
    if (data.size() > Facts::max_message_size) {
      keywarden::detail::wipe(data);
      return errc::message_too_long;
    }
    const auto opened = keywarden::detail::guarded_status([&] {
      give(*opening_, opened_with_, associated_data);
      opening_->start(once.view());
      load(*opening_, data);
      const auto at = Facts::streams ? 0 : scratch_.size();
      scratch_.resize(at + tag::size);
      std::memcpy(scratch_.data() + at, given.view().data(), tag::size);
      at_tag();
      opening_->finish(scratch_);
      unload(data);
    });
    if (!opened) [[unlikely]]
      abandon(*opening_, opened_with_, data);
    return opened;
  }

 private:
  static constexpr std::size_t scratch_capacity = 256;

  botan_aead_context() = default;

  // To every mode, and for each message: Botan keeps those of the previous one.
  static void give(Botan::AEAD_Mode& mode, given_associated_data& before, bytes_view now) {
    if constexpr (Facts::hashes_associated_data_first)
      before.give(mode, now);
    else
      mode.set_associated_data(now);
  }
  // Streaming modes work on the caller's bytes where they are; the others take them whole.
  void load(Botan::AEAD_Mode& mode, mutable_bytes data) {
    if constexpr (Facts::streams) {
      mode.process(data);
    } else {
      scratch_.resize(data.size());
      if (!data.empty()) std::memcpy(scratch_.data(), data.data(), data.size());
    }
  }
  void unload(mutable_bytes data) {
    if constexpr (!Facts::streams) {
      if (!data.empty()) std::memcpy(data.data(), scratch_.data(), data.size());
    }
  }
  void abandon(Botan::AEAD_Mode& mode, given_associated_data& with, mutable_bytes data) {
    keywarden::detail::wipe(data);
    keywarden::detail::wipe(scratch_);
    with.forget();
    mode.reset();
  }

  std::unique_ptr<Botan::AEAD_Mode> sealing_;
  std::unique_ptr<Botan::AEAD_Mode> opening_;
  given_associated_data sealed_with_;
  given_associated_data opened_with_;
  Botan::secure_vector<std::uint8_t> scratch_;
};

}  // namespace detail

/// AES-256 in Galois/Counter Mode (NIST SP 800-38D): the default, and the fastest where the
/// processor has AES instructions. Two messages under one nonce reveal their difference and the
/// authentication key; random nonces allow 2^32 messages per key. Does not commit to its key.
struct aes256_gcm {
  static constexpr std::string_view name = "aes-256-gcm";
  /// As Botan names it.
  static constexpr std::string_view botan_name = "AES-256/GCM";
  static constexpr suite id = suite::aes256_gcm;
  static constexpr std::size_t key_size = 32;
  static constexpr unsigned strength = 256;
  static constexpr std::uint64_t max_messages = std::uint64_t{1} << 32U;
  static constexpr std::uint64_t max_message_size = (std::uint64_t{1} << 36U) - 32;
  static constexpr bool nonce_misuse_resistant = false;
  /// Whether Botan works piece by piece, so that nothing is allocated for a message.
  static constexpr bool streams = true;
  /// Whether Botan hashes associated data when it is given them, before it knows the nonce.
  static constexpr bool hashes_associated_data_first = true;
  using context = detail::botan_aead_context<aes256_gcm>;
};

/// ChaCha20-Poly1305 (RFC 8439): constant time everywhere, the fastest without AES instructions.
/// The same rules for nonces as GCM. Does not commit to its key.
struct chacha20_poly1305 {
  static constexpr std::string_view name = "chacha20-poly1305";
  /// As Botan names it.
  static constexpr std::string_view botan_name = "ChaCha20Poly1305";
  static constexpr suite id = suite::chacha20_poly1305;
  static constexpr std::size_t key_size = 32;
  static constexpr unsigned strength = 256;
  static constexpr std::uint64_t max_messages = std::uint64_t{1} << 32U;
  static constexpr std::uint64_t max_message_size = (std::uint64_t{1} << 38U) - 64;
  static constexpr bool nonce_misuse_resistant = false;
  /// As for AES-256-GCM.
  static constexpr bool streams = true;
  /// Only after the nonce.
  static constexpr bool hashes_associated_data_first = false;
  using context = detail::botan_aead_context<chacha20_poly1305>;
};

/// AES-256-GCM-SIV (RFC 8452): a repeated nonce reveals only whether two messages are equal. Takes
/// the message whole (two passes, and buffers inside Botan). Does not commit to its key.
struct aes256_gcm_siv {
  static constexpr std::string_view name = "aes-256-gcm-siv";
  /// As Botan names it.
  static constexpr std::string_view botan_name = "AES-256/GCM-SIV";
  static constexpr suite id = suite::aes256_gcm_siv;
  static constexpr std::size_t key_size = 32;
  static constexpr unsigned strength = 256;
  static constexpr std::uint64_t max_messages = std::uint64_t{1} << 32U;
  static constexpr std::uint64_t max_message_size = std::uint64_t{1} << 30U;
  static constexpr bool nonce_misuse_resistant = true;
  /// Botan gathers the whole message.
  static constexpr bool streams = false;
  /// Only after the nonce.
  static constexpr bool hashes_associated_data_first = false;
  using context = detail::botan_aead_context<aes256_gcm_siv>;
};

static_assert(aead<aes256_gcm>);
static_assert(aead<chacha20_poly1305>);
static_assert(aead<aes256_gcm_siv>);

}  // namespace keywarden::crypto
