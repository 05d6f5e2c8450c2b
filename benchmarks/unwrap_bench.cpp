// Opening a key record through each protector: operation/protector.
#include <benchmark/benchmark.h>

#include "scratch.hpp"

#include <keywarden/protect/opened_record.hpp>
#include <keywarden/protect/password.hpp>
#include <keywarden/protect/recipient.hpp>
#include <keywarden/protect/wrapped_by.hpp>

namespace kw = keywarden;
namespace protect = keywarden::protect;
using kw::bench::account;
using kw::bench::machine;

namespace {

protect::service_master_key parent() {
  return protect::service_master_key(
      {kw::random_public<kw::record_id>().value(), kw::key_id(7), kw::random_key().value()});
}
protect::recipient<> recipient() {
  kw::system_random random;
  return protect::recipient<>(kw::crypto::x_wing::private_key::generate(random).value());
}
protect::password<> password() { return protect::password<>(kw::password("correct horse")); }

template <class Make>
void unwrap(benchmark::State& state, Make make) {
  const auto protector = make();
  using protector_type = std::remove_const_t<decltype(protector)>;
  const auto name = kw::record_name::parse("benchmark").value();
  auto made = kw::opened_record::create("symmetric_key", name, kw::requirements_of<protector_type>,
                                        kw::plaintext::copy_of(kw::bytes(36)))
                  .value();
  made.add_slots_of(protector).value();
  const auto stored = made.encode().value();
  for (auto _ : state) {
    const auto record = kw::key_record::parse(stored);
    benchmark::DoNotOptimize(
        kw::opened_record::open(*record, "symmetric_key", "benchmark", protector));
  }
}

}  // namespace

BENCHMARK_CAPTURE(unwrap, account, account)->Name("unwrap/account");
BENCHMARK_CAPTURE(unwrap, machine, machine)->Name("unwrap/machine");
BENCHMARK_CAPTURE(unwrap, parent, parent)->Name("unwrap/service_master_key");
BENCHMARK_CAPTURE(unwrap, recipient, recipient)->Name("unwrap/recipient_x_wing");
BENCHMARK_CAPTURE(unwrap, any, [] {
  return protect::any_of(account(), machine());
})->Name("unwrap/any_of_account_machine");
BENCHMARK_CAPTURE(unwrap, all, [] {
  return protect::all_of(account(), machine());
})->Name("unwrap/all_of_account_machine");
BENCHMARK_CAPTURE(unwrap, two_of_three, [] {
  return protect::threshold<2, protect::account, protect::machine, protect::recipient<>>(
      account(), machine(), recipient());
})->Name("unwrap/threshold_2_of_3");
BENCHMARK_CAPTURE(unwrap, password, password)
    ->Name("unwrap/password_argon2id")
    ->Unit(benchmark::kMillisecond);
