/// @file
/// An OpenSSL (3.0 or newer) cipher keyed once for each direction.
#pragma once

#include <openssl/crypto.h>

#if !defined(OPENSSL_IS_AWSLC)

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <limits>
#include <memory>
#include <string_view>
#include <utility>

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/core/secret.hpp>
#include <keywarden/core/status.hpp>
#include <keywarden/core/strong.hpp>
#include <keywarden/crypto/aead.hpp>

namespace keywarden::crypto::libcrypto::detail {

struct free_evp_context {
  void operator()(::EVP_CIPHER_CTX* context) const noexcept { ::EVP_CIPHER_CTX_free(context); }
};
using evp_cipher_context = std::unique_ptr<::EVP_CIPHER_CTX, free_evp_context>;

/// Takes the errors that its scope leaves in the thread's queue away again, and no others.
class own_errors {
 public:
  own_errors() noexcept { ::ERR_set_mark(); }
  own_errors(const own_errors&) = delete;
  own_errors& operator=(const own_errors&) = delete;
  ~own_errors() { ::ERR_pop_to_mark(); }

  /// What OpenSSL says of the last one.
  [[nodiscard]] static std::string_view reason() noexcept {
    const char* const text = ::ERR_reason_error_string(::ERR_peek_last_error());
    return text == nullptr ? "OpenSSL gives no reason" : text;
  }
};

/// The algorithm, which OpenSSL takes long to look up: once in a process, and kept for its life.
/// Null when no provider that is loaded has it; the next call looks again. Any thread.
template <class Facts>
[[nodiscard]] const ::EVP_CIPHER* fetched() noexcept {
  static std::atomic<::EVP_CIPHER*> kept{nullptr};
  if (const auto* const known = kept.load(std::memory_order_acquire)) return known;
  ::EVP_CIPHER* const mine = ::EVP_CIPHER_fetch(nullptr, Facts::openssl_name, nullptr);
  ::EVP_CIPHER* first = nullptr;
  if (mine == nullptr || kept.compare_exchange_strong(first, mine, std::memory_order_acq_rel))
    return mine;
  ::EVP_CIPHER_free(mine);  // another thread was first
  return first;
}

/// An OpenSSL AEAD keyed once for both directions; `Facts` names it, `Piece` is the most that goes
/// to OpenSSL in one call (its lengths are `int`).
///
/// A message sets its nonce and nothing else anew. Zero allocations per call. A call that succeeds
/// leaves the thread's queue of OpenSSL errors as it was, one that refuses leaves it empty. The
/// keyed state is OpenSSL's: wiped when the context is destroyed, but in memory that may be swapped
/// or dumped, unlike Botan's. A forked child may go on with its copy.
template <class Facts, std::size_t Piece = std::size_t{1} << 30U>
class evp_context {
 public:
  /// Errors: `invalid_argument` when the key is not `key_size` bytes; `backend_missing` when no
  /// loaded provider of OpenSSL has the algorithm; `backend_failed`.
  [[nodiscard]] static result<evp_context> create(const secret_key& key) {
    auto made = keyed(key);
    if (made && short_way_is_sound()) made->short_way_ = made->prepare_short_way();
    return made;
  }

  /// Whether messages open in the short way, which needs no look at the cipher's parameters for
  /// each: the nonce is given as TLS gives its own, as a parameter beside the tag. Only to open,
  /// and only where OpenSSL was seen to open and to refuse so as it does in the ordinary way.
  [[nodiscard]] bool opens_in_the_short_way() const noexcept { return short_way_; }

  /// Errors: `message_too_long`; `backend_failed` (the data is then wiped).
  status seal(const nonce& once, bytes_view associated_data, mutable_bytes data, tag& made) {
    if (data.size() > Facts::max_message_size) return errc::message_too_long;
    auto* const context = sealing_.get();
    ::OSSL_PARAM into[] = {tag_at(made.view().data()), OSSL_PARAM_END};
    std::uint8_t rest[16];
    int left = 0;
    if (::EVP_EncryptInit_ex2(context, nullptr, nullptr, once.view().data(), nullptr) > 0 &&
        feed<::EVP_EncryptUpdate>(context, nullptr, associated_data) &&
        feed<::EVP_EncryptUpdate>(context, data.data(), data) &&
        ::EVP_EncryptFinal_ex(context, rest, &left) > 0 &&
        ::EVP_CIPHER_CTX_get_params(context, into) > 0) [[likely]]
      return {};
    return abandon(data, errc::backend_failed);
  }

  /// Errors: `authentication_failed`, `message_too_long`, `backend_failed`; the data is wiped
  /// whenever it refuses.
  status open(const nonce& once, bytes_view associated_data, mutable_bytes data, const tag& given) {
    if (data.size() > Facts::max_message_size) [[unlikely]]
      return abandon(data, errc::message_too_long);
    const auto opened = attempt(once, associated_data, data, given);
    if (!opened) [[unlikely]]
      return abandon(data, opened.error().code());
    return opened;
  }

 private:
  evp_context(::EVP_CIPHER_CTX* sealing, ::EVP_CIPHER_CTX* opening) noexcept
      : sealing_(sealing), opening_(opening) {}

  [[nodiscard]] static result<evp_context> keyed(const secret_key& key) {
    if (key.size() != Facts::key_size)
      return error(errc::invalid_argument)
          .with(fact::reason, "wrong key size")
          .with(fact::limit, Facts::key_size)
          .with(fact::actual, key.size());
    const own_errors errors;
    const auto* const cipher = fetched<Facts>();
    if (cipher == nullptr) return refusal(errc::backend_missing);
    evp_context made(::EVP_CIPHER_CTX_new(), ::EVP_CIPHER_CTX_new());
    const auto* const bytes = keywarden::detail::view_of(key).data();
    if (made.sealing_ == nullptr || made.opening_ == nullptr ||
        ::EVP_EncryptInit_ex2(made.sealing_.get(), cipher, bytes, nullptr, nullptr) <= 0 ||
        ::EVP_DecryptInit_ex2(made.opening_.get(), cipher, bytes, nullptr, nullptr) <= 0)
      return refusal(errc::backend_failed);
    return made;
  }

  // OpenSSL only reads what it is given to open, but takes it where it would also write.
  [[nodiscard]] static std::uint8_t* given_at(bytes_view place) noexcept {
    return const_cast<std::uint8_t*>(place.data());
  }
  [[nodiscard]] static ::OSSL_PARAM tag_at(std::uint8_t* place) noexcept {
    return OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, place, tag::size);
  }

  [[nodiscard]] bool begin_opening(::EVP_CIPHER_CTX* context, const nonce& once,
                                   const tag& given) const {
    auto tag_given = tag_at(given_at(given.view()));
    // OpenSSL copies what it is given to the end of its own nonce, and does not look how much it
    // is.
    static_assert(nonce::size == 12);
    if (short_way_) {
      const ::OSSL_PARAM both[] = {tag_given,
                                   OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TLS1_SET_IV_INV,
                                                           given_at(once.view()), nonce::size),
                                   OSSL_PARAM_END};
      return ::EVP_CIPHER_CTX_set_params(context, both) > 0;
    }
    const ::OSSL_PARAM only[] = {tag_given, OSSL_PARAM_END};
    return ::EVP_DecryptInit_ex2(context, nullptr, nullptr, once.view().data(), only) > 0;
  }

  // What OpenSSL answers; its errors stay where it puts them, and the data as it leaves it.
  [[nodiscard]] status attempt(const nonce& once, bytes_view associated_data, mutable_bytes data,
                               const tag& given) const noexcept {
    auto* const context = opening_.get();
    std::uint8_t rest[16];
    int left = 0;
    if (!begin_opening(context, once, given) ||
        !feed<::EVP_DecryptUpdate>(context, nullptr, associated_data) ||
        !feed<::EVP_DecryptUpdate>(context, data.data(), data)) [[unlikely]]
      return errc::backend_failed;
    if (::EVP_DecryptFinal_ex(context, rest, &left) <= 0) [[unlikely]]
      return errc::authentication_failed;
    return {};
  }

  // OpenSSL takes a nonce as a parameter once it has the first part of one, as TLS 1.2's begin.
  [[nodiscard]] bool prepare_short_way() noexcept {
    const own_errors errors;
    std::array<std::uint8_t, 4> first{};
    const ::OSSL_PARAM fixed[] = {
        OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TLS1_IV_FIXED, first.data(), first.size()),
        OSSL_PARAM_END};
    return ::EVP_CIPHER_CTX_set_params(opening_.get(), fixed) > 0;
  }

  /// Tried once in a process, under a key that is nobody's: both nonces open what was sealed under
  /// them in the ordinary way, also nothing, and neither opens the other's, nor a changed tag,
  /// message or associated data.
  [[nodiscard]] static bool short_way_is_sound() {
    static const bool sound = [] {
      const own_errors errors;
      auto tried = keyed(secret_key::copy_of(std::array<std::uint8_t, Facts::key_size>{}));
      if (!tried || !tried->prepare_short_way()) return false;
      tried->short_way_ = true;
      const auto associated = as_bytes("associated");
      const auto others = as_bytes("associatee");
      std::array<nonce, 2> nonces{};
      nonces[0].view().front() = 1;
      nonces[1].view().back() = 1;
      for (std::size_t i = 0; i < nonces.size(); ++i) {
        std::array<std::uint8_t, 33> sealed{};
        tag made;
        tag of_nothing;
        if (!tried->seal(nonces[i], associated, {}, of_nothing) ||
            !tried->seal(nonces[i], associated, sealed, made))
          return false;
        const auto opens = [&](const nonce& once, bytes_view with, const tag& given) {
          auto data = sealed;
          return tried->attempt(once, with, data, given) && data == decltype(sealed){};
        };
        const auto opens_nothing = [&](const tag& given) {
          return tried->attempt(nonces[i], associated, {}, given).has_value();
        };
        tag changed = made;
        changed.view().back() ^= 1U;
        if (!opens(nonces[i], associated, made) || opens(nonces[1 - i], associated, made) ||
            opens(nonces[i], associated, changed) || opens(nonces[i], others, made) ||
            !opens_nothing(of_nothing) || opens_nothing(changed))
          return false;
        sealed.front() ^= 1U;
        auto altered = sealed;
        if (tried->attempt(nonces[i], associated, altered, made)) return false;
      }
      return true;
    }();
    return sound;
  }

  // Without `out` it is associated data.
  template <auto Update>
  [[nodiscard]] static bool feed(::EVP_CIPHER_CTX* context, std::uint8_t* out, bytes_view in) {
    static_assert(Piece <= static_cast<std::size_t>(std::numeric_limits<int>::max()));
    while (!in.empty()) {
      const int take = static_cast<int>(std::min(in.size(), Piece));
      int made = 0;
      if (Update(context, out, &made, in.data(), take) <= 0) return false;
      if (out != nullptr) {
        if (made != take) return false;  // a provider that holds bytes back is none for this
        out += take;
      }
      in = in.subspan(static_cast<std::size_t>(take));
    }
    return true;
  }

  [[gnu::noinline]] static status abandon(mutable_bytes data, errc refusal) noexcept {
    keywarden::detail::wipe(data);
    ::ERR_clear_error();
    return refusal;
  }
  [[nodiscard]] static error refusal(errc code) {
    return error(code).with(fact::operation, Facts::name).with(fact::reason, own_errors::reason());
  }

  evp_cipher_context sealing_;
  evp_cipher_context opening_;
  bool short_way_ = false;
};

}  // namespace keywarden::crypto::libcrypto::detail

#endif
