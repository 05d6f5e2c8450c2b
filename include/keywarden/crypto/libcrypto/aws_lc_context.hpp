/// @file
/// An AWS-LC AEAD keyed once.
#pragma once

#include <openssl/crypto.h>

#if defined(OPENSSL_IS_AWSLC)

#include <openssl/aead.h>
#include <openssl/err.h>

#include <memory>

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/core/secret.hpp>
#include <keywarden/core/status.hpp>
#include <keywarden/core/strong.hpp>
#include <keywarden/crypto/aead.hpp>

namespace keywarden::crypto::libcrypto::detail {

struct free_aead_context {
  void operator()(::EVP_AEAD_CTX* context) const noexcept { ::EVP_AEAD_CTX_free(context); }
};

/// An AWS-LC AEAD keyed once for both directions; `Facts` names it.
///
/// Zero allocations per call. A refusal leaves the thread's queue of errors empty. The keyed state
/// is AWS-LC's: wiped when the context is destroyed, but in memory that may be swapped or dumped,
/// unlike Botan's.
template <class Facts>
class aws_lc_context {
 public:
  /// Errors: `invalid_argument` when the key is not `key_size` bytes; `backend_failed`.
  [[nodiscard]] static result<aws_lc_context> create(const secret_key& key) {
    if (key.size() != Facts::key_size)
      return error(errc::invalid_argument)
          .with(fact::reason, "wrong key size")
          .with(fact::limit, Facts::key_size)
          .with(fact::actual, key.size());
    const auto bytes = keywarden::detail::view_of(key);
    aws_lc_context made(
        ::EVP_AEAD_CTX_new(Facts::algorithm(), bytes.data(), bytes.size(), tag::size));
    if (made.keyed_ != nullptr) return made;
    ::ERR_clear_error();
    return error(errc::backend_failed).with(fact::operation, Facts::name);
  }

  /// Errors: `message_too_long`; `backend_failed` (the data is then wiped).
  status seal(const nonce& once, bytes_view associated_data, mutable_bytes data, tag& made) {
    if (data.size() > Facts::max_message_size) return errc::message_too_long;
    std::size_t size = 0;
    if (::EVP_AEAD_CTX_seal_scatter(keyed_.get(), data.data(), made.view().data(), &size, tag::size,
                                    once.view().data(), nonce::size, data.data(), data.size(),
                                    nullptr, 0, associated_data.data(),
                                    associated_data.size()) == 1) [[likely]]
      return {};
    return abandon(data, errc::backend_failed);
  }

  /// Errors: `authentication_failed`, `message_too_long`; the data is wiped whenever it refuses.
  status open(const nonce& once, bytes_view associated_data, mutable_bytes data, const tag& given) {
    if (data.size() > Facts::max_message_size) [[unlikely]]
      return abandon(data, errc::message_too_long);
    if (::EVP_AEAD_CTX_open_gather(keyed_.get(), data.data(), once.view().data(), nonce::size,
                                   data.data(), data.size(), given.view().data(), tag::size,
                                   associated_data.data(), associated_data.size()) == 1) [[likely]]
      return {};
    return abandon(data, errc::authentication_failed);
  }

 private:
  explicit aws_lc_context(::EVP_AEAD_CTX* keyed) noexcept : keyed_(keyed) {}

  [[gnu::noinline]] static status abandon(mutable_bytes data, errc refusal) noexcept {
    keywarden::detail::wipe(data);
    ::ERR_clear_error();
    return refusal;
  }

  std::unique_ptr<::EVP_AEAD_CTX, free_aead_context> keyed_;
};

}  // namespace keywarden::crypto::libcrypto::detail

#endif
