/// @file
/// Whose configuration of OpenSSL carries the connections.
#pragma once

#include <array>
#include <concepts>
#include <string_view>
#include <vector>

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/provider.h>

#include <keywarden/core/result.hpp>
#include <keywarden/transport/libssl/handles.hpp>

namespace keywarden::transport::libssl {

/// A concept matching configurations of OpenSSL. Satisfied by `system_configuration` and
/// `own_configuration`. `library()` is null for the one that the whole process shares; what it
/// gives lives as long as the process.
template <class T>
concept configuration = requires {
  { T::library() } -> std::same_as<result<OSSL_LIB_CTX*>>;
};

/// What openssl.cnf says, with the providers that it loads: the default.
struct system_configuration {
  /// Null: the context that the whole process shares. Never fails.
  [[nodiscard]] static result<OSSL_LIB_CTX*> library() noexcept { return nullptr; }
};

namespace detail {

/// OpenSSL's default provider without what TLS 1.3 has no use for: readers of formats, kinds of
/// keys, ciphers.
///
/// OpenSSL before 3.2 asks every reader it has about every certificate it reads, a hundred of them,
/// and looks through all that it ever loaded, mostly ciphers, for kinds of keys to read. This hands
/// on what the provider offers, those that no certificate, group or suite of `settings` is made of
/// left out; the algorithms, their code and their context are the provider's own.
class part_for_tls {
 public:
  /// Errors: `backend_failed`.
  [[nodiscard]] static result<OSSL_LIB_CTX*> library() {
    static const part_for_tls made;
    if (made.usable_) return made.library_;
    return error(errc::backend_failed)
        .with(fact::operation, "OpenSSL")
        .with(fact::reason, "there is no default provider");
  }

 private:
  part_for_tls() : whole_(OSSL_LIB_CTX_new()), library_(OSSL_LIB_CTX_new()) {
    if (whole_ == nullptr || library_ == nullptr) return;
    provider() = OSSL_PROVIDER_load(whole_, "default");
    if (provider() == nullptr) return;
    choose(OSSL_OP_DECODER, readers(), reads_keys_of_tls);
    choose(OSSL_OP_KEYMGMT, keys(), is_key_of_tls);
    choose(OSSL_OP_CIPHER, ciphers(), is_cipher_of_tls);
    usable_ = OSSL_PROVIDER_add_builtin(library_, "keywarden", &begin) == 1 &&
              OSSL_PROVIDER_load(library_, "keywarden") != nullptr;
    ERR_clear_error();
  }

  static void choose(int what, std::vector<OSSL_ALGORITHM>& into,
                     bool (*wanted)(const OSSL_ALGORITHM&)) {
    int unused = 0;
    const auto* each = OSSL_PROVIDER_query_operation(provider(), what, &unused);
    for (; each != nullptr && each->algorithm_names != nullptr; ++each)
      if (wanted(*each)) into.push_back(*each);
    into.push_back({});
  }
  [[nodiscard]] static std::string_view name_of(const OSSL_ALGORITHM& named) noexcept {
    const std::string_view names(named.algorithm_names);
    return names.substr(0, names.find(':'));
  }
  /// Keys of certificates, of key agreement, and of the key schedule. OpenSSL makes RSA-PSS
  /// signatures, of any RSA key, only where it has keys of that name.
  [[nodiscard]] static bool is_key_of_tls(const OSSL_ALGORITHM& kind) noexcept {
    const auto name = name_of(kind);
    return name == "EC" || name == "RSA" || name == "RSA-PSS" || name.starts_with("X25519") ||
           name == "HKDF" || name == "HMAC" || name.starts_with("ML-KEM");
  }
  /// Those of the suites, and what random numbers are made with.
  [[nodiscard]] static bool is_cipher_of_tls(const OSSL_ALGORITHM& cipher) noexcept {
    const auto name = name_of(cipher);
    return name == "AES-256-GCM" || name == "ChaCha20-Poly1305" || name == "AES-256-CTR";
  }
  [[nodiscard]] static bool reads_keys_of_tls(const OSSL_ALGORITHM& reader) noexcept {
    const auto name = name_of(reader);
    const std::string_view of(reader.property_definition);
    return (name == "EC" || name == "RSA") &&
           (of.find("structure=SubjectPublicKeyInfo") != of.npos ||
            of.find("structure=PrivateKeyInfo") != of.npos);
  }

  // OpenSSL passes these functions nothing of ours.
  [[nodiscard]] static OSSL_PROVIDER*& provider() noexcept {
    static OSSL_PROVIDER* loaded = nullptr;
    return loaded;
  }
  [[nodiscard]] static std::vector<OSSL_ALGORITHM>& readers() {
    static auto& kept = *new std::vector<OSSL_ALGORITHM>;  // OpenSSL reads it until the very end
    return kept;
  }
  [[nodiscard]] static std::vector<OSSL_ALGORITHM>& keys() {
    static auto& kept = *new std::vector<OSSL_ALGORITHM>;
    return kept;
  }
  [[nodiscard]] static std::vector<OSSL_ALGORITHM>& ciphers() {
    static auto& kept = *new std::vector<OSSL_ALGORITHM>;
    return kept;
  }
  static const OSSL_ALGORITHM* offers(void* /*unused*/, int what, int* may_change) {
    *may_change = 0;
    if (what == OSSL_OP_DECODER) return readers().data();
    if (what == OSSL_OP_KEYMGMT) return keys().data();
    if (what == OSSL_OP_CIPHER) return ciphers().data();
    return OSSL_PROVIDER_query_operation(provider(), what, may_change);
  }
  static int can(void* /*unused*/, const char* what, OSSL_CALLBACK* tell, void* whom) {
    return OSSL_PROVIDER_get_capabilities(provider(), what, tell, whom);
  }
  static int begin(const OSSL_CORE_HANDLE* /*unused*/, const OSSL_DISPATCH* /*unused*/,
                   const OSSL_DISPATCH** functions, void** context) {
    static const std::array<OSSL_DISPATCH, 3> ours{
        {{OSSL_FUNC_PROVIDER_QUERY_OPERATION, reinterpret_cast<void (*)()>(&offers)},
         {OSSL_FUNC_PROVIDER_GET_CAPABILITIES, reinterpret_cast<void (*)()>(&can)},
         {0, nullptr}}};
    *functions = ours.data();
    *context = OSSL_PROVIDER_get0_provider_ctx(provider());
    return 1;
  }

  OSSL_LIB_CTX* whole_;
  OSSL_LIB_CTX* library_;
  bool usable_ = false;
};

}  // namespace detail

/// OpenSSL's default provider, whatever openssl.cnf loads, and of that only what TLS needs: with
/// OpenSSL before 3.2 a handshake costs a fifth less. Not for a system whose providers are
/// prescribed, by FIPS 140-3 for instance: they are not used.
struct own_configuration {
  /// Errors: `backend_failed`.
  [[nodiscard]] static result<OSSL_LIB_CTX*> library() { return detail::part_for_tls::library(); }
};

}  // namespace keywarden::transport::libssl
