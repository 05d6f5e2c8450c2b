// Sealing and opening messages: Keywarden's opened key beside the same work in hand-written Botan,
// in one run. Names: operation/implementation/size. Report ratios: absolute times belong to the
// machine.
#include <benchmark/benchmark.h>

#include <botan/aead.h>
#include <botan/auto_rng.h>

#include <keywarden/key/opened_key.hpp>

namespace kw = keywarden;

namespace {

struct measured {
  static constexpr std::string_view name = "benchmark";
};

constexpr std::size_t associated_size = 24;

template <class Aead>
kw::opened_key<measured, Aead> opened() {
  const auto ring = kw::key_ring::create(kw::system_clock::now()).value();
  // The budget is not what is measured.
  return kw::opened_key<measured, Aead>::create(
             ring, std::make_unique<kw::seal_budget>(~std::uint64_t{0}))
      .value();
}

void count_bytes(benchmark::State& state) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}

template <class Aead>
void seal_into(benchmark::State& state) {
  const auto key = opened<Aead>();
  const kw::bytes message(static_cast<std::size_t>(state.range(0)), 0x5a);
  const kw::bytes associated(associated_size, 0x01);
  kw::bytes out(key.sealed_size(message.size()));
  for (auto _ : state) benchmark::DoNotOptimize(key.seal_into(message, associated, out));
  count_bytes(state);
}

template <class Aead>
void open_into(benchmark::State& state) {
  const auto key = opened<Aead>();
  const kw::bytes message(static_cast<std::size_t>(state.range(0)), 0x5a);
  const kw::bytes associated(associated_size, 0x01);
  const auto sealed = key.seal(message, associated).value();
  kw::bytes out(message.size());
  for (auto _ : state) benchmark::DoNotOptimize(key.open_into(sealed.view(), associated, out));
  count_bytes(state);
}

// The best one can write by hand: keyed once, in place, no allocation, the same nonce generator.
void seal_botan_reused(benchmark::State& state) {
  kw::nonce_generator nonces;
  const auto cipher =
      Botan::AEAD_Mode::create_or_throw("AES-256/GCM", Botan::Cipher_Dir::Encryption);
  cipher->set_key(Botan::secure_vector<std::uint8_t>(32, 0x07));
  const kw::bytes message(static_cast<std::size_t>(state.range(0)), 0x5a);
  const kw::bytes associated(associated_size, 0x01);
  kw::bytes out(message.size() + 34);
  Botan::secure_vector<std::uint8_t> tag;
  tag.reserve(64);
  for (auto _ : state) {
    kw::nonce once;
    benchmark::DoNotOptimize(nonces.fill(once.view()));
    std::copy(message.begin(), message.end(), out.begin() + 18);
    cipher->set_associated_data(associated);
    cipher->start(once.view());
    cipher->process(std::span(out).subspan(18, message.size()));
    tag.clear();
    cipher->finish(tag);
    std::copy(tag.begin(), tag.end(), out.end() - 16);
    benchmark::DoNotOptimize(out.data());
  }
  count_bytes(state);
}

// As it is often written: a cipher and a generator for each message.
void seal_botan_per_call(benchmark::State& state) {
  const Botan::secure_vector<std::uint8_t> key(32, 0x07);
  const kw::bytes message(static_cast<std::size_t>(state.range(0)), 0x5a);
  const kw::bytes associated(associated_size, 0x01);
  for (auto _ : state) {
    Botan::AutoSeeded_RNG rng;
    const auto once = rng.random_vec(12);
    const auto cipher =
        Botan::AEAD_Mode::create_or_throw("AES-256/GCM", Botan::Cipher_Dir::Encryption);
    cipher->set_key(key);
    cipher->set_associated_data(associated);
    cipher->start(once);
    Botan::secure_vector<std::uint8_t> out(message.begin(), message.end());
    cipher->finish(out);
    benchmark::DoNotOptimize(out.data());
  }
  count_bytes(state);
}

void sizes(benchmark::internal::Benchmark* each) {
  for (const std::int64_t size : {64, 1024, 16384, 1048576}) each->Arg(size);
}

}  // namespace

BENCHMARK(seal_into<kw::crypto::aes256_gcm>)->Name("seal/aes256_gcm")->Apply(sizes);
BENCHMARK(seal_into<kw::crypto::chacha20_poly1305>)->Name("seal/chacha20_poly1305")->Apply(sizes);
BENCHMARK(seal_into<kw::crypto::aes256_gcm_siv>)->Name("seal/aes256_gcm_siv")->Apply(sizes);
BENCHMARK(seal_botan_reused)->Name("seal/botan_aes256_gcm_reused")->Apply(sizes);
BENCHMARK(seal_botan_per_call)->Name("seal/botan_aes256_gcm_per_call")->Apply(sizes);
BENCHMARK(open_into<kw::crypto::aes256_gcm>)->Name("open/aes256_gcm")->Apply(sizes);
BENCHMARK(open_into<kw::crypto::chacha20_poly1305>)->Name("open/chacha20_poly1305")->Apply(sizes);
BENCHMARK(open_into<kw::crypto::aes256_gcm_siv>)->Name("open/aes256_gcm_siv")->Apply(sizes);
