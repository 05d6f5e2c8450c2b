/// @file
/// An identity of ours as OpenSSL holds it.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include <openssl/x509.h>

#include <keywarden/core/backend.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/core/secret.hpp>
#include <keywarden/pki/certificate.hpp>
#include <keywarden/pki/signing_key.hpp>
#include <keywarden/transport/libssl/handles.hpp>

namespace keywarden::transport::libssl::detail {

/// Errors: `malformed` for what OpenSSL does not read.
[[nodiscard]] inline result<owned_certificate> to_openssl(const pki::certificate& from) {
  const auto der = from.der();
  const unsigned char* at = der.data();
  owned_certificate made(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (made != nullptr) return made;
  return error(errc::malformed).with(fact::kind, "certificate").with(fact::reason, take_reason());
}

/// The key goes over as PKCS#8 in wiped memory; what OpenSSL makes of it lives in its own heap,
/// which wipes it when the last handshake and the context that show it are gone.
/// Errors: `backend_failed`, also for a key that cannot leave where it is.
[[nodiscard]] inline result<owned_key> to_openssl(const pki::signing_key& from,
                                                  OSSL_LIB_CTX* library) {
  auto der = from.to_pkcs8();
  if (!der) return der.error();
  const auto view = keywarden::detail::view_of(*der);
  const unsigned char* at = view.data();
  owned_key made(
      d2i_AutoPrivateKey_ex(nullptr, &at, static_cast<long>(view.size()), library, nullptr));
  if (made != nullptr) return made;
  return backend_error("giving a private key to OpenSSL");
}

/// The other way: what a certificate encodes to. It may be a stranger's. Empty when it cannot be
/// encoded, which no reader takes.
[[nodiscard]] inline bytes from_openssl(const X509* from) {
  const int size = i2d_X509(from, nullptr);
  bytes der(static_cast<std::size_t>(std::max(size, 0)));
  unsigned char* at = der.data();
  if (size > 0) static_cast<void>(i2d_X509(from, &at));
  return der;
}

/// Lets a context show an identity. Errors: `malformed`, `backend_failed`.
[[nodiscard]] inline result<void> show_identity(SSL_CTX& with, const pki::identity& own,
                                                OSSL_LIB_CTX* library) {
  auto key = to_openssl(*own.key, library);
  if (!key) return key.error();
  for (const auto& each : own.chain) {
    auto certificate = to_openssl(each);
    if (!certificate) return certificate.error();
    const bool leaf = &each == &own.chain.front();
    const auto taken = leaf ? SSL_CTX_use_certificate(&with, certificate->get())
                            : SSL_CTX_add1_chain_cert(&with, certificate->get());
    if (taken != 1) return backend_error("giving a certificate to OpenSSL");
  }
  if (SSL_CTX_use_PrivateKey(&with, key->get()) != 1)
    return backend_error("giving a private key to OpenSSL");
  return done();
}

}  // namespace keywarden::transport::libssl::detail
