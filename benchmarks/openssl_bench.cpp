// OpenSSL used as well as its documentation shows: context and key kept, in the caller's buffer,
// in place; with RAND_bytes for each nonce, or one that costs nothing ("free_nonce").
#ifdef KEYWARDEN_BENCH_OPENSSL
#include "peer.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

namespace kw = keywarden;
using namespace kw::bench;

namespace {

class openssl {
 public:
  openssl() {
    const std::array<std::uint8_t, 32> key{7};
    keyed_ =
        EVP_EncryptInit_ex(sealing_.get(), EVP_aes_256_gcm(), nullptr, key.data(), nullptr) == 1 &&
        EVP_DecryptInit_ex(opening_.get(), EVP_aes_256_gcm(), nullptr, key.data(), nullptr) == 1;
  }
  [[nodiscard]] bool available() const { return keyed_; }
  bool seal(const std::uint8_t* once, kw::bytes_view associated, kw::mutable_bytes data,
            std::uint8_t* tag) {
    auto* const context = sealing_.get();
    int made = 0;
    return EVP_EncryptInit_ex(context, nullptr, nullptr, nullptr, once) == 1 &&
           EVP_EncryptUpdate(context, nullptr, &made, associated.data(), size(associated)) == 1 &&
           EVP_EncryptUpdate(context, data.data(), &made, data.data(), size(data)) == 1 &&
           EVP_EncryptFinal_ex(context, data.data() + made, &made) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, tag_size, tag) == 1;
  }
  bool open(const std::uint8_t* once, kw::bytes_view associated, kw::bytes_view data,
            const std::uint8_t* tag, kw::mutable_bytes out) {
    auto* const context = opening_.get();
    int made = 0;
    return EVP_DecryptInit_ex(context, nullptr, nullptr, nullptr, once) == 1 &&
           EVP_DecryptUpdate(context, nullptr, &made, associated.data(), size(associated)) == 1 &&
           EVP_DecryptUpdate(context, out.data(), &made, data.data(), size(data)) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, tag_size,
                               const_cast<std::uint8_t*>(tag)) == 1 &&
           EVP_DecryptFinal_ex(context, out.data() + made, &made) == 1;
  }

 private:
  struct release {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
  };
  using context_pointer = std::unique_ptr<EVP_CIPHER_CTX, release>;
  static int size(kw::bytes_view data) { return static_cast<int>(data.size()); }

  context_pointer sealing_{EVP_CIPHER_CTX_new()};
  context_pointer opening_{EVP_CIPHER_CTX_new()};
  bool keyed_ = false;
};

struct openssl_nonces {
  bool operator()(kw::mutable_bytes out) {
    return RAND_bytes(out.data(), static_cast<int>(out.size())) == 1;
  }
};

const int openssl_peers = [] {
  add_peer("seal/openssl", seal_by<openssl, openssl_nonces>);
  add_peer("seal/openssl_free_nonce", seal_by<openssl, counter>);
  add_peer("open/openssl", open_by<openssl>);
  benchmark::AddCustomContext("openssl", OpenSSL_version(OPENSSL_VERSION));
  return 0;
}();

}  // namespace
#endif
