/// @file
/// Authenticated encryption by the system's libcrypto: OpenSSL 3.0 or newer, or AWS-LC.
#pragma once

#include <openssl/crypto.h>

#if defined(OPENSSL_IS_AWSLC)
#include <keywarden/crypto/libcrypto/aws_lc_context.hpp>
#elif OPENSSL_VERSION_NUMBER >= 0x30000000L
#include <keywarden/crypto/libcrypto/evp_context.hpp>
#else
#error "keywarden::libcrypto needs OpenSSL 3.0 or newer, or AWS-LC"
#endif

#include <keywarden/crypto/aead.hpp>

/// The system's libcrypto as a provider: what it seals opens with Botan, and the other way round.
/// There is no AES-256-GCM-SIV here: OpenSSL 3.0 and 3.1 have none.
namespace keywarden::crypto::libcrypto {

/// AES-256-GCM as `crypto::aes256_gcm` is it: same suite, same limits, same messages. Faster than
/// Botan's for short messages; see docs/providers.md. Throws nothing.
struct aes256_gcm {
  static constexpr std::string_view name = crypto::aes256_gcm::name;
  static constexpr suite id = crypto::aes256_gcm::id;
  static constexpr std::size_t key_size = crypto::aes256_gcm::key_size;
  static constexpr unsigned strength = crypto::aes256_gcm::strength;
  static constexpr std::uint64_t max_messages = crypto::aes256_gcm::max_messages;
  static constexpr std::uint64_t max_message_size = crypto::aes256_gcm::max_message_size;
  static constexpr bool nonce_misuse_resistant = crypto::aes256_gcm::nonce_misuse_resistant;
#if defined(OPENSSL_IS_AWSLC)
  static constexpr auto algorithm = ::EVP_aead_aes_256_gcm;
  using context = detail::aws_lc_context<aes256_gcm>;
#else
  /// As OpenSSL names it.
  static constexpr const char* openssl_name = "AES-256-GCM";
  using context = detail::evp_context<aes256_gcm>;
#endif
};

/// ChaCha20-Poly1305 as `crypto::chacha20_poly1305` is it: same suite, same limits, same messages.
/// Throws nothing.
struct chacha20_poly1305 {
  static constexpr std::string_view name = crypto::chacha20_poly1305::name;
  static constexpr suite id = crypto::chacha20_poly1305::id;
  static constexpr std::size_t key_size = crypto::chacha20_poly1305::key_size;
  static constexpr unsigned strength = crypto::chacha20_poly1305::strength;
  static constexpr std::uint64_t max_messages = crypto::chacha20_poly1305::max_messages;
  static constexpr std::uint64_t max_message_size = crypto::chacha20_poly1305::max_message_size;
  static constexpr bool nonce_misuse_resistant = crypto::chacha20_poly1305::nonce_misuse_resistant;
#if defined(OPENSSL_IS_AWSLC)
  static constexpr auto algorithm = ::EVP_aead_chacha20_poly1305;
  using context = detail::aws_lc_context<chacha20_poly1305>;
#else
  /// As OpenSSL names it.
  static constexpr const char* openssl_name = "ChaCha20-Poly1305";
  using context = detail::evp_context<chacha20_poly1305>;
#endif
};

static_assert(aead<aes256_gcm>);
static_assert(aead<chacha20_poly1305>);

}  // namespace keywarden::crypto::libcrypto
