// libsodium used as well as its interface allows: AES-256-GCM with the key precomputed, in the
// caller's buffer, in place; with randombytes for each nonce, or one that costs nothing.
#ifdef KEYWARDEN_BENCH_SODIUM
#include "peer.hpp"

#include <sodium.h>

namespace kw = keywarden;
using namespace kw::bench;

namespace {

class libsodium {
 public:
  libsodium() {
    const std::array<std::uint8_t, crypto_aead_aes256gcm_KEYBYTES> key{7};
    available_ = sodium_init() >= 0 && crypto_aead_aes256gcm_is_available() == 1 &&
                 crypto_aead_aes256gcm_beforenm(state_.get(), key.data()) == 0;
  }
  [[nodiscard]] bool available() const { return available_; }
  bool seal(const std::uint8_t* once, kw::bytes_view associated, kw::mutable_bytes data,
            std::uint8_t* tag) {
    return crypto_aead_aes256gcm_encrypt_detached_afternm(
               data.data(), tag, nullptr, data.data(), data.size(), associated.data(),
               associated.size(), nullptr, once, state_.get()) == 0;
  }
  bool open(const std::uint8_t* once, kw::bytes_view associated, kw::bytes_view data,
            const std::uint8_t* tag, kw::mutable_bytes out) {
    return crypto_aead_aes256gcm_decrypt_detached_afternm(
               out.data(), nullptr, data.data(), data.size(), tag, associated.data(),
               associated.size(), once, state_.get()) == 0;
  }

 private:
  std::unique_ptr<crypto_aead_aes256gcm_state> state_ =
      std::make_unique<crypto_aead_aes256gcm_state>();
  bool available_ = false;
};

struct libsodium_nonces {
  bool operator()(kw::mutable_bytes out) {
    randombytes_buf(out.data(), out.size());
    return true;
  }
};

const int libsodium_peers = [] {
  add_peer("seal/libsodium", seal_by<libsodium, libsodium_nonces>);
  add_peer("seal/libsodium_free_nonce", seal_by<libsodium, counter>);
  add_peer("open/libsodium", open_by<libsodium>);
  benchmark::AddCustomContext("libsodium", sodium_version_string());
  return 0;
}();

}  // namespace
#endif
