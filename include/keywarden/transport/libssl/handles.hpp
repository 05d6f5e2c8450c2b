/// @file
/// OpenSSL's objects with an owner, and its queue of errors as one of ours.
#pragma once

#include <memory>
#include <string_view>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/opensslv.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <keywarden/core/error.hpp>

namespace keywarden::transport::libssl::detail {

static_assert(OPENSSL_VERSION_NUMBER >= 0x30000000L, "this engine needs OpenSSL 3.0 or later");

/// Frees by `Free`, whatever that returns.
template <auto Free>
struct freed_by {
  void operator()(auto* owned) const noexcept { Free(owned); }
};

using owned_key = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using owned_certificate = std::unique_ptr<X509, freed_by<X509_free>>;
using owned_context = std::unique_ptr<SSL_CTX, freed_by<SSL_CTX_free>>;
using owned_ssl = std::unique_ptr<SSL, freed_by<SSL_free>>;

/// What OpenSSL says went wrong first; its queue is empty afterwards.
[[nodiscard]] inline std::string_view take_reason() noexcept {
  const char* const text = ERR_reason_error_string(ERR_peek_error());
  ERR_clear_error();
  return text != nullptr ? std::string_view(text) : std::string_view("it gives no reason");
}
/// Errors: `backend_failed`, with OpenSSL's reason.
[[nodiscard]] inline error backend_error(std::string_view operation) {
  return error(errc::backend_failed)
      .with(fact::operation, operation)
      .with(fact::reason, take_reason());
}

}  // namespace keywarden::transport::libssl::detail
