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

/// OpenSSL's default provider without the readers of formats that TLS has no use for.
///
/// OpenSSL before 3.2 asks every reader it has about every certificate it reads, a hundred of them.
/// This hands on what the provider offers, the readers but for public and private EC and RSA keys
/// left out; the algorithms, their code and their context are the provider's own.
class few_readers {
 public:
  /// Errors: `backend_failed`.
  [[nodiscard]] static result<OSSL_LIB_CTX*> library() {
    static const few_readers made;
    if (made.usable_) return made.library_;
    return error(errc::backend_failed)
        .with(fact::operation, "OpenSSL")
        .with(fact::reason, "there is no default provider");
  }

 private:
  few_readers() : whole_(OSSL_LIB_CTX_new()), library_(OSSL_LIB_CTX_new()) {
    if (whole_ == nullptr || library_ == nullptr) return;
    provider() = OSSL_PROVIDER_load(whole_, "default");
    if (provider() == nullptr) return;
    int unused = 0;
    const auto* each = OSSL_PROVIDER_query_operation(provider(), OSSL_OP_DECODER, &unused);
    for (; each != nullptr && each->algorithm_names != nullptr; ++each)
      if (reads_keys_of_tls(*each)) readers().push_back(*each);
    readers().push_back({});
    usable_ = OSSL_PROVIDER_add_builtin(library_, "keywarden", &begin) == 1 &&
              OSSL_PROVIDER_load(library_, "keywarden") != nullptr;
    ERR_clear_error();
  }

  [[nodiscard]] static bool reads_keys_of_tls(const OSSL_ALGORITHM& reader) noexcept {
    const std::string_view names(reader.algorithm_names);
    const std::string_view of(reader.property_definition);
    return (names == "EC" || names.starts_with("EC:") || names == "RSA" ||
            names.starts_with("RSA:")) &&
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
  static const OSSL_ALGORITHM* offers(void* /*unused*/, int what, int* may_change) {
    if (what != OSSL_OP_DECODER) return OSSL_PROVIDER_query_operation(provider(), what, may_change);
    *may_change = 0;
    return readers().data();
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
/// OpenSSL before 3.2 a handshake costs a sixth less. Not for a system whose providers are
/// prescribed, by FIPS 140-3 for instance: they are not used.
struct own_configuration {
  /// Errors: `backend_failed`.
  [[nodiscard]] static result<OSSL_LIB_CTX*> library() { return detail::few_readers::library(); }
};

}  // namespace keywarden::transport::libssl
