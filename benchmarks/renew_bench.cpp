// Renewing keys, and what they protect.
//
//   rotation/…   a new version of a key: of a ring in memory, of a key in a vault in SQLite
//   rewrap/…     what a master key protects, given to a new one: a record, by its steps and whole;
//                everything below a new service master key or database master key
#include <benchmark/benchmark.h>

#include "scratch.hpp"

#include <keywarden/keywarden.hpp>
#include <keywarden/store/sqlite.hpp>

namespace kw = keywarden;
namespace protect = keywarden::protect;
using kw::bench::folder;

namespace {

/// Passwords that cost nearly nothing, so that what is renewed can be seen.
struct policy : kw::standard_policy<kw::store::sqlite> {
  using kdf = kw::crypto::argon2id<8, 1, 1>;
  using database_key = protect::any_of<protect::service_master_key, protect::password<kdf>>;
};
using vault = kw::vault<policy>;

const kw::password master("Correct horse 7 battery");

kw::object_name called(std::string_view text) { return kw::object_name::parse(text).value(); }

vault open(const std::string& name) {
  return vault::open_or_create(
             kw::store::sqlite::open(folder() / ("renew-" + name + ".db")).value(),
             policy::service_key(kw::bench::account(), kw::bench::machine()))
      .value();
}
template <class Vault>
auto database(Vault& in, const std::string& name) {
  if (auto present = in.database(called(name)); present) return std::move(*present);
  auto made = in.create_database(called(name)).value();
  made.master_key().create(master).value();
  return made;
}

void rotate_ring(benchmark::State& state) {
  auto ring = kw::key_ring::create({}).value();
  for (auto _ : state) {
    if (ring.versions().size() == 64) ring = kw::key_ring::create({}).value();
    const auto added = ring.add({});
    if (!added || !ring.promote(*added)) return state.SkipWithError("refused");
  }
}

void rotate_key(benchmark::State& state) {
  auto opened = open("rotation");
  auto sales = database(opened, "sales");
  std::size_t count = 0;
  const auto turning = [&] { return called("turning" + std::to_string(count / 64)); };
  sales.keys().create(turning(), kw::by::master_key{}).value();
  for (auto _ : state) {
    if (++count % 64 == 0) {  // a ring holds a limited number of versions
      state.PauseTiming();
      sales.keys().create(turning(), kw::by::master_key{}).value();
      state.ResumeTiming();
    }
    if (!sales.keys().rotate(turning())) return state.SkipWithError("refused");
  }
  for (std::size_t i = 0; i <= count / 64; ++i)
    sales.keys().drop(called("turning" + std::to_string(i))).value();
}

using parent = protect::service_master_key;
parent new_parent() {
  return parent(
      {kw::random_public<kw::record_id>().value(), kw::key_id(7), kw::random_key().value()});
}

/// One record below a master key: opened, given to the next one, encoded.
void rewrap_record(benchmark::State& state, bool opens, bool moves, bool encodes) {
  const auto old = new_parent();
  const auto next = new_parent();
  const auto name = kw::record_name::parse("benchmark").value();
  auto made = kw::opened_record::create("symmetric_key", name, kw::requirements_of<parent>,
                                        kw::plaintext::copy_of(kw::bytes(36)))
                  .value();
  made.add_slots_of(old).value();
  const auto stored = made.encode().value();
  const auto opened = [&] {
    return kw::opened_record::open(kw::key_record::parse(stored).value(), "symmetric_key",
                                   "benchmark", old)
        .value();
  };
  auto record = opened();
  for (auto _ : state) {
    if (opens) record = opened();
    if (moves && !kw::detail::reparent(record, next)) return state.SkipWithError("refused");
    if (encodes) benchmark::DoNotOptimize(record.encode().value());
  }
}

void rewrap_databases(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  auto opened = open("databases-" + std::to_string(count));
  for (std::size_t i = 0; i < count; ++i) database(opened, "db" + std::to_string(i));
  for (auto _ : state)
    if (!opened.service_master_key().regenerate()) return state.SkipWithError("refused");
}

void rewrap_keys(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  auto opened = open("keys-" + std::to_string(count));
  auto sales = database(opened, "sales");
  for (std::size_t i = 0; i < count; ++i)
    static_cast<void>(sales.keys().create(called("key" + std::to_string(i)), kw::by::master_key{}));
  for (auto _ : state)
    if (!sales.master_key().regenerate(master)) return state.SkipWithError("refused");
}

const int registered = [] {
  const auto add = [](const char* name, auto run, auto... more) {
    return benchmark::RegisterBenchmark(name, run, more...)->Unit(benchmark::kMicrosecond);
  };
  add("rotation/ring", rotate_ring);
  add("rotation/key_in_a_vault", rotate_key);
  add("rewrap/record_opened", rewrap_record, true, false, false);
  add("rewrap/record_given_to_another", rewrap_record, false, true, false);
  add("rewrap/record_encoded", rewrap_record, false, false, true);
  add("rewrap/record", rewrap_record, true, true, true);
  add("rewrap/databases", rewrap_databases)->Arg(1)->Arg(5)->Arg(25);
  add("rewrap/keys", rewrap_keys)->Arg(1)->Arg(10)->Arg(100);
  return 0;
}();

}  // namespace
