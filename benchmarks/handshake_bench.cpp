// What a mutual handshake costs, both ends together: handshake/<authentication>/<group>/<peer>.

#include <memory>
#include <string>
#include <vector>

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

/// Ends that have met before: what they keep of each other is there.
template <class Ends>
void known_peer(benchmark::State& state) {
  const Ends ends;
  benchmark::DoNotOptimize(ends.meet());
  for (auto _ : state) benchmark::DoNotOptimize(ends.meet());
}

/// Ends that have their own identities ready, and never met each other. Many are made at a time, so
/// that not each handshake follows upon other work; OpenSSL's are as well.
template <class Ends>
void first_contact(benchmark::State& state) {
  constexpr std::size_t made_at_once = 16;
  std::vector<std::unique_ptr<Ends>> all;
  std::size_t next = 0;
  for (auto _ : state) {
    if (next == all.size()) {
      state.PauseTiming();
      all.clear();
      for (next = made_at_once; next != 0; --next) {
        all.push_back(std::make_unique<Ends>());
        all.back()->warm_up();
      }
      state.ResumeTiming();
    }
    benchmark::DoNotOptimize(all[next++]->meet());
  }
}

/// `handshake/…` of one engine. `Engine::transport<Groups>` is a transport.
template <class Engine, class Groups, class Authentication>
void add(const std::string& group) {
  using transport = typename Engine::template transport<Groups>;
  const auto name = "handshake/" + std::string(Engine::prefix) + std::string(Authentication::name) +
                    "/" + group + "/";
  const auto with = [&](const char* peer, void (*run)(benchmark::State&)) {
    benchmark::RegisterBenchmark((name + peer).c_str(), run)->Unit(benchmark::kMicrosecond);
  };
  with("first_contact", first_contact<two_ends<transport, Authentication>>);
  with("known_peer", known_peer<two_ends<transport, Authentication>>);
}
template <class Engine, class Authentication>
void add_groups() {
  add<Engine, transport::classical_only, Authentication>("x25519");
  add<Engine, transport::hybrid_only, Authentication>("x25519mlkem768");
  add<Engine, transport::hybrid_or_classical, Authentication>("x25519mlkem768_or_x25519");
}
template <class Engine>
void add_engine() {
  add_groups<Engine, pinned>();
  add_groups<Engine, chain>();
  add_groups<Engine, shared_key>();
}

/// The first engine; the names of its benchmarks do not name it.
struct botan {
  static constexpr std::string_view prefix = "";
  template <class Groups>
  using transport = keywarden::transport::tls13<Groups>;
};

#if defined(KEYWARDEN_BENCH_LIBSSL) && __has_include(<keywarden/transport/libssl/tls13.hpp>)
struct libssl {
  static constexpr std::string_view prefix = "libssl/";
  template <class Groups>
  using transport = keywarden::transport::libssl::tls13<Groups>;
};
struct libssl_of_its_own {
  static constexpr std::string_view prefix = "libssl_own_configuration/";
  template <class Groups>
  using transport = keywarden::transport::libssl::tls13<
      Groups, keywarden::transport::algorithms<keywarden::transport::algorithm::aes>,
      keywarden::transport::libssl::own_configuration>;
};
#endif

const bool registered = [] {
  add_engine<botan>();
#if defined(KEYWARDEN_BENCH_LIBSSL) && __has_include(<keywarden/transport/libssl/tls13.hpp>)
  add<libssl, transport::classical_only, pinned>("x25519");
  add<libssl, transport::classical_only, chain>("x25519");
  add<libssl_of_its_own, transport::classical_only, pinned>("x25519");
  add<libssl_of_its_own, transport::classical_only, chain>("x25519");
#endif
#if defined(KEYWARDEN_BENCH_OPENSSL) && __has_include(<openssl/ssl.h>)
  // OpenSSL alone verifies each time as if it were the first.
  const auto alone = [](const char* peer, void (*run)(benchmark::State&)) {
    benchmark::RegisterBenchmark((std::string("handshake/openssl/x25519/") + peer).c_str(), run)
        ->Unit(benchmark::kMicrosecond);
  };
  alone("first_contact", first_contact<openssl::two_ends>);
  alone("known_peer", known_peer<openssl::two_ends>);
#endif
  return true;
}();

}  // namespace
}  // namespace keywarden::benchmarks
