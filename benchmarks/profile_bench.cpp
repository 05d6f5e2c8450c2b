// Where the time of sealing, opening and handshakes goes: profile/<operation>/<policy>/…, with a
// counter phase:<name> for each phase, in nanoseconds an operation. The clocks between the phases
// cost some of it: a profile is for shares.
#include <string>

#include <keywarden/crypto/profiled.hpp>
#include <keywarden/transport/profiled.hpp>

#include "handshake_world.hpp"
#include "support.hpp"

namespace {

namespace kw = keywarden;

template <class Phase>
void count_phases(benchmark::State& state, const kw::phase_report<Phase>& spent) {
  const auto names = phase_names(Phase{});
  for (std::size_t i = 0; i < names.size(); ++i)
    state.counters["phase:" + std::string(names[i])] =
        static_cast<double>(spent.phases[i].ticks) / static_cast<double>(state.iterations());
}

template <class Aead>
void seal(benchmark::State& state) {
  using worn = kw::crypto::profiled<Aead>;
  const auto key = kw::bench::opened<worn>();
  const kw::bytes associated(kw::bench::associated_size, 0x01);
  const kw::bench::message_buffer buffer(kw::format::native::header_size,
                                         static_cast<std::size_t>(state.range(0)),
                                         kw::crypto::tag::size);
  worn::forget();
  for (auto _ : state)
    benchmark::DoNotOptimize(key.seal_into(buffer.message(), associated, buffer.all()));
  count_phases(state, worn::sealing());
}

template <class Aead>
void open(benchmark::State& state) {
  using worn = kw::crypto::profiled<Aead>;
  const auto key = kw::bench::opened<worn>();
  const kw::bytes associated(kw::bench::associated_size, 0x01);
  const kw::bytes message(static_cast<std::size_t>(state.range(0)), 0x5a);
  const auto sealed = key.seal(message, associated).value();
  kw::bytes out(message.size());
  worn::forget();
  for (auto _ : state) benchmark::DoNotOptimize(key.open_into(sealed.view(), associated, out));
  count_phases(state, worn::opening());
}

template <class Groups, class Authentication>
void handshake(benchmark::State& state) {
  using worn = kw::transport::profiled<kw::transport::tls13<Groups>, kw::thread_nanoseconds>;
  const kw::benchmarks::two_ends<worn, Authentication> ends;
  benchmark::DoNotOptimize(ends.meet());
  worn::forget();
  for (auto _ : state) benchmark::DoNotOptimize(ends.meet());
  count_phases(state, worn::handshakes());
}

void sizes(benchmark::internal::Benchmark* each) {
  for (const std::int64_t size : {64, 1024, 16384}) each->Arg(size);
}

const bool registered = [] {
  const auto add = [](const char* name, void (*run)(benchmark::State&)) {
    return benchmark::RegisterBenchmark(name, run);
  };
  add("profile/seal/aes256_gcm", seal<kw::crypto::aes256_gcm>)->Apply(sizes);
  add("profile/open/aes256_gcm", open<kw::crypto::aes256_gcm>)->Apply(sizes);
  add("profile/seal/chacha20_poly1305", seal<kw::crypto::chacha20_poly1305>)->Apply(sizes);
  using kw::benchmarks::chain;
  using kw::benchmarks::pinned;
  using kw::transport::classical_only;
  using kw::transport::hybrid_only;
  add("profile/handshake/pinned/x25519", handshake<classical_only, pinned>);
  add("profile/handshake/chain/x25519", handshake<classical_only, chain>);
  add("profile/handshake/pinned/x25519mlkem768", handshake<hybrid_only, pinned>);
  return true;
}();

}  // namespace
