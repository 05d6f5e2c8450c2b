// What it costs to send and to receive data that is encrypted:
// records/<engine>/<send|receive>/<size>.

#include <algorithm>
#include <string>

#include <benchmark/benchmark.h>

#include "handshake_world.hpp"

#if defined(KEYWARDEN_BENCH_OPENSSL) && __has_include(<openssl/ssl.h>)
#include "handshake_openssl.hpp"
#endif
#if defined(KEYWARDEN_BENCH_LIBSSL) && __has_include(<keywarden/transport/libssl/tls13.hpp>)
#include <keywarden/transport/libssl/tls13.hpp>
#endif

namespace keywarden::benchmarks {
namespace {

/// Sizes of writes; ciphertext is read in pieces of at most 64 KiB, as from a socket.
constexpr std::int64_t sizes[] = {1 << 10, 16 << 10, 64 << 10};
constexpr std::size_t piece = 64 << 10;

void count_bytes(benchmark::State& state) {
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

/// Encrypts only: nobody reads.
template <class Transport>
void send(benchmark::State& state) {
  const two_ends<Transport, pinned> ends;
  auto met = ends.meet();
  const bytes data(static_cast<std::size_t>(state.range(0)), 7);
  for (auto _ : state) {
    met.connector.send(data).value();
    met.connector.sent(met.connector.outgoing().size());
  }
  count_bytes(state);
}

/// Decrypts only: many writes are prepared while the clock stands still.
template <class Transport>
void receive(benchmark::State& state) {
  constexpr std::size_t prepared = 1 << 20;
  const two_ends<Transport, pinned> ends;
  auto met = ends.meet();
  const bytes data(static_cast<std::size_t>(state.range(0)), 7);
  const auto writes = std::max<std::size_t>(1, prepared / 2 / data.size());
  std::int64_t taken = 0;
  bytes flight;
  for (auto _ : state) {
    state.PauseTiming();
    flight.clear();  // its memory stays, as that of OpenSSL's buffer does
    for (std::size_t i = 0; i < writes; ++i) {
      met.connector.send(data).value();
      append(flight, met.connector.outgoing());
      met.connector.sent(met.connector.outgoing().size());
    }
    state.ResumeTiming();
    for (bytes_view left = flight; !left.empty();) {
      const auto part = left.first(std::min(piece, left.size()));
      left = left.subspan(part.size());
      met.acceptor.receive(part).value();
      met.acceptor.consume(met.acceptor.received().size());
    }
    taken += static_cast<std::int64_t>(writes * data.size());
  }
  state.SetBytesProcessed(taken);
}

void add(const std::string& name, void (*run)(benchmark::State&)) {
  for (const auto size : sizes)
    benchmark::RegisterBenchmark(("records/" + name).c_str(), run)->Arg(size);
}

#if defined(KEYWARDEN_BENCH_OPENSSL) && __has_include(<openssl/ssl.h>)
void send_by_openssl(benchmark::State& state) {
  const openssl::two_ends ends;
  const auto met = ends.meet();
  const bytes data(static_cast<std::size_t>(state.range(0)), 7);
  auto* const wire = SSL_get_wbio(met.connector.get());
  for (auto _ : state) {
    openssl::must(SSL_write(met.connector.get(), data.data(), static_cast<int>(data.size())) > 0);
    openssl::must(BIO_reset(wire) == 1);
  }
  count_bytes(state);
}
void receive_by_openssl(benchmark::State& state) {
  const openssl::two_ends ends;
  const auto met = ends.meet();
  bytes data(static_cast<std::size_t>(state.range(0)), 7);
  const auto writes = std::max<std::size_t>(1, (1U << 19U) / data.size());
  std::int64_t taken = 0;
  for (auto _ : state) {
    state.PauseTiming();
    for (std::size_t i = 0; i < writes; ++i)
      openssl::must(SSL_write(met.connector.get(), data.data(), static_cast<int>(data.size())) > 0);
    state.ResumeTiming();
    for (std::size_t left = writes * data.size(); left != 0;) {
      const int came = SSL_read(met.acceptor.get(), data.data(), static_cast<int>(data.size()));
      openssl::must(came > 0);
      left -= static_cast<std::size_t>(came);
      taken += came;
    }
  }
  state.SetBytesProcessed(taken);
}
#endif

const bool registered = [] {
  add("botan/send", send<transport::tls13<>>);
  add("botan/receive", receive<transport::tls13<>>);
#if defined(KEYWARDEN_BENCH_LIBSSL) && __has_include(<keywarden/transport/libssl/tls13.hpp>)
  add("libssl/send", send<transport::libssl::tls13<transport::classical_only>>);
  add("libssl/receive", receive<transport::libssl::tls13<transport::classical_only>>);
#endif
#if defined(KEYWARDEN_BENCH_OPENSSL) && __has_include(<openssl/ssl.h>)
  add("openssl/send", send_by_openssl);
  add("openssl/receive", receive_by_openssl);
#endif
  return true;
}();

}  // namespace
}  // namespace keywarden::benchmarks
