// Sealing and opening messages with an opened key: operation/policy/size.
//
//   seal    in the caller's buffer, where the message already lies
//   open    from a sealed message that stays, into the caller's buffer; two messages in turns
//   seal_vector, open_vector    the same, into memory of the library's own, associated data always
//                               the same
#include <array>

#include "support.hpp"

#if __has_include(<keywarden/crypto/libcrypto/aead.hpp>) && defined(KEYWARDEN_BENCH_LIBCRYPTO)
#include <keywarden/crypto/by_size.hpp>
#include <keywarden/crypto/libcrypto/aead.hpp>
#define KEYWARDEN_BENCH_PROVIDERS
#endif

namespace kw = keywarden;
using namespace kw::bench;

namespace {

template <class Aead>
using key_of = kw::opened_key<measured, Aead>;

template <class Aead>
void seal(benchmark::State& state) {
  const auto key = opened<Aead>();
  row_numbers associated;
  const message_buffer buffer(kw::format::native::header_size,
                              static_cast<std::size_t>(state.range(0)), kw::crypto::tag::size);
  for (auto _ : state)
    benchmark::DoNotOptimize(key.seal_into(buffer.message(), associated(), buffer.all()));
  count_bytes(state, state.range(0));
}

template <class Aead>
void open(benchmark::State& state) {
  const auto key = opened<Aead>();
  row_numbers rows;
  const std::array<kw::bytes, 2> associated{kw::to_bytes(rows()), kw::to_bytes(rows())};
  const auto size = static_cast<std::size_t>(state.range(0));
  const auto buffer = [&] {
    return message_buffer(kw::format::native::header_size, size, kw::crypto::tag::size);
  };
  const std::array<message_buffer, 2> sealed{buffer(), buffer()};
  const message_buffer out(0, size, 0);
  for (std::size_t i = 0; i < sealed.size(); ++i)
    key.seal_into(sealed[i].message(), associated[i], sealed[i].all()).value();
  std::size_t next = 0;
  for (auto _ : state) {
    next ^= 1U;
    if (!key.open_into(sealed[next].all(), associated[next], out.all()))
      return state.SkipWithError("refused");
  }
  count_bytes(state, state.range(0));
}

template <class Aead>
void seal_vector(benchmark::State& state) {
  const auto key = opened<Aead>();
  const kw::bytes associated(associated_size, 0x01);
  const kw::bytes message(static_cast<std::size_t>(state.range(0)), 0x5a);
  for (auto _ : state) benchmark::DoNotOptimize(key.seal(message, associated));
  count_bytes(state, state.range(0));
}

template <class Aead>
void open_vector(benchmark::State& state) {
  const auto key = opened<Aead>();
  const kw::bytes associated(associated_size, 0x01);
  const auto sealed =
      key.seal(kw::bytes(static_cast<std::size_t>(state.range(0)), 0x5a), associated).value();
  for (auto _ : state) benchmark::DoNotOptimize(key.open(sealed, associated));
  count_bytes(state, state.range(0));
}

template <class Aead>
int all_of(const std::string& policy) {
  const auto add = [&](const char* operation, void (*run)(benchmark::State&)) {
    benchmark::RegisterBenchmark((operation + policy).c_str(), run)->Apply(message_sizes);
  };
  add("seal/", seal<Aead>);
  add("open/", open<Aead>);
  add("seal_vector/", seal_vector<Aead>);
  add("open_vector/", open_vector<Aead>);
  return 0;
}

#ifdef KEYWARDEN_BENCH_PROVIDERS
// The limit that docs/providers.md gives for OpenSSL 3.0.
using by_size = kw::crypto::by_size<kw::crypto::up_to<2560, kw::crypto::libcrypto::aes256_gcm>,
                                    kw::crypto::otherwise<kw::crypto::aes256_gcm>>;
#endif

// One line for each AEAD and provider.
const int registered[] = {
    all_of<kw::crypto::aes256_gcm>("aes256_gcm"),
    all_of<kw::crypto::chacha20_poly1305>("chacha20_poly1305"),
    all_of<kw::crypto::aes256_gcm_siv>("aes256_gcm_siv"),
#ifdef KEYWARDEN_BENCH_PROVIDERS
    all_of<kw::crypto::libcrypto::aes256_gcm>("libcrypto_aes256_gcm"),
    all_of<kw::crypto::libcrypto::chacha20_poly1305>("libcrypto_chacha20_poly1305"),
    all_of<by_size>("by_size_aes256_gcm"),
#endif
};

}  // namespace
