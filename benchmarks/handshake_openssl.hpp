/// @file
/// The same handshake by OpenSSL alone, written as well as one can, in memory.
#pragma once

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstdlib>
#include <memory>
#include <vector>

#include "handshake_world.hpp"

namespace keywarden::benchmarks::openssl {

struct frees {
  void operator()(SSL_CTX* what) const noexcept { SSL_CTX_free(what); }
  void operator()(SSL* what) const noexcept { SSL_free(what); }
  void operator()(X509* what) const noexcept { X509_free(what); }
  void operator()(EVP_PKEY* what) const noexcept { EVP_PKEY_free(what); }
};
template <class T>
using owned = std::unique_ptr<T, frees>;

/// Ends the program when something fails: there is nothing to measure then.
inline void must(bool happened) {
  if (!happened) std::abort();
}

[[nodiscard]] inline owned<X509> certificate(const pki::certificate& from) {
  const auto der = from.der();
  const auto* at = der.data();
  return owned<X509>(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
}

/// TLS 1.3 with the same suite, X25519, both ends verified up to the authority, nothing resumed,
/// and no chain built anew for each handshake.
class context {
 public:
  context(const pki::identity& own, bool accepts)
      : made_(SSL_CTX_new(accepts ? TLS_server_method() : TLS_client_method())) {
    auto* const made = made_.get();
    must(made != nullptr && SSL_CTX_set_min_proto_version(made, TLS1_3_VERSION) == 1);
    must(SSL_CTX_set_ciphersuites(made, "TLS_AES_256_GCM_SHA384") == 1);
    must(SSL_CTX_set1_groups_list(made, "X25519") == 1);
    SSL_CTX_set_mode(made, SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_session_cache_mode(made, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(made, 0);
    SSL_CTX_set_verify(made, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    must(SSL_CTX_use_certificate(made, certificate(own.chain.front()).get()) == 1);
    const auto pkcs8 = own.key->to_pkcs8().value();
    const auto der = keywarden::detail::view_of(pkcs8);
    const auto* at = der.data();
    const owned<EVP_PKEY> key(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size())));
    must(SSL_CTX_use_PrivateKey(made, key.get()) == 1);
    const auto root = certificate(identities::of_both().root.certificate());
    must(X509_STORE_add_cert(SSL_CTX_get_cert_store(made), root.get()) == 1);
  }
  [[nodiscard]] SSL_CTX* get() const noexcept { return made_.get(); }

 private:
  owned<SSL_CTX> made_;
};

/// Two connections, joined in memory.
struct sessions {
  owned<SSL> connector;
  owned<SSL> acceptor;
};

struct two_ends {
  context connector{identities::of_both().connector, false};
  context acceptor{identities::of_both().acceptor, true};

  [[nodiscard]] sessions meet() const {
    auto made = connected();
    for (int turn = 0; turn < 8; ++turn) {
      const bool connected = SSL_do_handshake(made.connector.get()) == 1;
      const bool accepted = SSL_do_handshake(made.acceptor.get()) == 1;
      if (connected && accepted) return made;
    }
    std::abort();
  }
  /// Has both ends load what is their own: a hello, and what the acceptor answers.
  void warm_up() const {
    const auto made = connected();
    static_cast<void>(SSL_do_handshake(made.connector.get()));
    static_cast<void>(SSL_do_handshake(made.acceptor.get()));
  }

 private:
  [[nodiscard]] sessions connected() const {
    sessions made{owned<SSL>(SSL_new(connector.get())), owned<SSL>(SSL_new(acceptor.get()))};
    auto* const there = BIO_new(BIO_s_mem());
    auto* const back = BIO_new(BIO_s_mem());
    must(there != nullptr && back != nullptr && BIO_up_ref(there) == 1 && BIO_up_ref(back) == 1);
    SSL_set_bio(made.connector.get(), back, there);
    SSL_set_bio(made.acceptor.get(), there, back);
    SSL_set_connect_state(made.connector.get());
    SSL_set_accept_state(made.acceptor.get());
    return made;
  }
};

}  // namespace keywarden::benchmarks::openssl
