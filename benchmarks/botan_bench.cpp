// Botan without Keywarden: keyed once, in the caller's buffer, in place, with a fresh random nonce
// ("botan") or one that costs nothing ("botan_free_nonce"), or authenticating as much as
// Keywarden's form does ("botan_header"); and as it is often used
// ("botan_naive").
#include "peer.hpp"

#include <botan/aead.h>
#include <botan/auto_rng.h>
#include <botan/version.h>

#include <keywarden/core/random.hpp>

namespace kw = keywarden;
using namespace kw::bench;

namespace {

/// Botan by hand, keyed once. Its interface works in place only.
class botan {
 public:
  botan() {
    for (auto* mode : {sealing_.get(), opening_.get()})
      mode->set_key(Botan::secure_vector<std::uint8_t>(32, 0x07));
    tag_.reserve(64);
  }
  static bool available() { return true; }
  bool seal(const std::uint8_t* once, kw::bytes_view associated, kw::mutable_bytes data,
            std::uint8_t* tag) {
    sealing_->set_associated_data(associated);
    sealing_->start(once, sizeof(nonce_bytes));
    sealing_->process(data);
    tag_.clear();
    sealing_->finish(tag_);
    std::memcpy(tag, tag_.data(), tag_size);
    return true;
  }
  bool open(const std::uint8_t* once, kw::bytes_view associated, kw::bytes_view data,
            const std::uint8_t* tag, kw::mutable_bytes out) {
    opening_->set_associated_data(associated);
    opening_->start(once, sizeof(nonce_bytes));
    std::memcpy(out.data(), data.data(), data.size());
    opening_->process(out);
    tag_.assign(tag, tag + tag_size);
    opening_->finish(tag_);
    return true;
  }

 private:
  std::unique_ptr<Botan::AEAD_Mode> sealing_ =
      Botan::AEAD_Mode::create_or_throw("AES-256/GCM", Botan::Cipher_Dir::Encryption);
  std::unique_ptr<Botan::AEAD_Mode> opening_ =
      Botan::AEAD_Mode::create_or_throw("AES-256/GCM", Botan::Cipher_Dir::Decryption);
  Botan::secure_vector<std::uint8_t> tag_;
};

/// Keywarden's nonce generator, which is the fastest one there is for Botan.
class botan_nonces {
 public:
  bool operator()(kw::mutable_bytes out) { return nonces_.fill(out).has_value(); }

 private:
  kw::nonce_generator nonces_;
};

/// Botan as it is often used: a cipher, its key schedule, a generator and a vector per message.
void seal_botan_naive(benchmark::State& state) {
  const Botan::secure_vector<std::uint8_t> key(32, 0x07);
  const kw::bytes message(static_cast<std::size_t>(state.range(0)), 0x5a);
  const kw::bytes associated(associated_size, 0x01);
  for (auto _ : state) {
    Botan::AutoSeeded_RNG rng;
    const auto once = rng.random_vec(sizeof(nonce_bytes));
    const auto cipher =
        Botan::AEAD_Mode::create_or_throw("AES-256/GCM", Botan::Cipher_Dir::Encryption);
    cipher->set_key(key);
    cipher->set_associated_data(associated);
    cipher->start(once);
    Botan::secure_vector<std::uint8_t> out(message.begin(), message.end());
    cipher->finish(out);
    benchmark::DoNotOptimize(out.data());
  }
  count_bytes(state, state.range(0));
}
void open_botan_naive(benchmark::State& state) {
  const Botan::secure_vector<std::uint8_t> key(32, 0x07);
  const kw::bytes associated(associated_size, 0x01);
  const nonce_bytes once{};
  const auto made = [&](Botan::Cipher_Dir direction) {
    auto cipher = Botan::AEAD_Mode::create_or_throw("AES-256/GCM", direction);
    cipher->set_key(key);
    cipher->set_associated_data(associated);
    cipher->start(once);
    return cipher;
  };
  Botan::secure_vector<std::uint8_t> sealed(static_cast<std::size_t>(state.range(0)), 0x5a);
  made(Botan::Cipher_Dir::Encryption)->finish(sealed);
  for (auto _ : state) {
    auto out = sealed;
    made(Botan::Cipher_Dir::Decryption)->finish(out);
    benchmark::DoNotOptimize(out.data());
  }
  count_bytes(state, state.range(0));
}

const int botan_peers = [] {
  add_peer("seal/botan", seal_by<botan, botan_nonces>);
  add_peer("seal/botan_header", seal_by<botan, botan_nonces, header_size>);
  add_peer("seal/botan_free_nonce", seal_by<botan, counter>);
  add_peer("open/botan", open_by<botan>);
  add_peer("seal/botan_naive", seal_botan_naive);
  add_peer("open/botan_naive", open_botan_naive);
  benchmark::AddCustomContext("compiler", KEYWARDEN_BENCH_COMPILER);
  benchmark::AddCustomContext("botan", Botan::short_version_string());
  return 0;
}();

}  // namespace
