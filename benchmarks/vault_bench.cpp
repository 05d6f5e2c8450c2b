// Vaults in SQLite: opening one (vault/open_<keys>_keys), with a password beside what Argon2id
// alone takes, and the first seal after a restart.
#include <benchmark/benchmark.h>

#include "scratch.hpp"

#include <keywarden/keywarden.hpp>
#include <keywarden/store/sqlite.hpp>

namespace kw = keywarden;
using kw::bench::folder;

namespace {

using policy = kw::standard_policy<kw::store::sqlite>;
using vault = kw::vault<policy>;

struct rows {
  static constexpr std::string_view name = "rows";
};

/// The same with passwords that cost nearly nothing, so that what a vault adds can be seen.
struct cheap_policy : policy {
  using kdf = kw::crypto::argon2id<8, 1, 1>;
  using database_key =
      kw::protect::any_of<kw::protect::service_master_key, kw::protect::password<kdf>>;
};

const kw::password master("Correct horse 7 battery");

kw::object_name called(std::string_view text) { return kw::object_name::parse(text).value(); }

policy::service_key way_in() {
  return policy::service_key(kw::bench::account(), kw::bench::machine());
}
vault open(const std::string& file) {
  return vault::open(kw::store::sqlite::open(folder() / file).value(), way_in()).value();
}

/// A vault of one database with so many keys, made once; its file's name.
std::string made_with(std::size_t keys) {
  static std::map<std::size_t, std::string> made;
  auto& file = made[keys];
  if (!file.empty()) return file;
  file = "vault-" + std::to_string(keys) + ".db";
  auto fresh =
      vault::open_or_create(kw::store::sqlite::open(folder() / file).value(), way_in()).value();
  auto sales = fresh.create_database(called("sales")).value();
  sales.master_key().create(master).value();
  for (std::size_t i = 0; i < keys; ++i)
    sales.keys().create(called("key" + std::to_string(i)), kw::by::master_key{}).value();
  return file;
}

void open_vault(benchmark::State& state, std::size_t keys) {
  const auto file = made_with(keys);
  for (auto _ : state) benchmark::DoNotOptimize(open(file));
}

/// As after a restart: the store, the vault, the key, one message.
void first_seal(benchmark::State& state) {
  const auto file = made_with(100);
  for (auto _ : state) {
    const auto key = open(file).database(called("sales")).value().keys().open<rows>(called("key7"));
    benchmark::DoNotOptimize(key.value().seal(kw::as_bytes("4111 1111 1111 1111")).value());
  }
}

/// The database master key by its password, where the service master key does not open it.
template <class Policy>
void open_with_password(benchmark::State& state, const std::string& file) {
  const auto opened = [&] {
    return kw::vault<Policy>::open_or_create(kw::store::sqlite::open(folder() / file).value(),
                                             way_in())
        .value();
  };
  if (!std::filesystem::exists(folder() / file)) {
    auto fresh = opened();
    auto sales = fresh.create_database(called("sales")).value();
    sales.master_key().create(master).value();
    sales.master_key().drop_service_key().value();
  }
  for (auto _ : state) {
    auto reopened = opened();
    auto sales = reopened.database(called("sales")).value();
    benchmark::DoNotOptimize(sales.master_key().open(master).value());
  }
}
template <class Kdf>
void argon2id_alone(benchmark::State& state) {
  const auto salted = kw::random_public<kw::salt>().value();
  for (auto _ : state) benchmark::DoNotOptimize(Kdf::derive(master, salted, Kdf::cost).value());
}

const int registered = [] {
  const auto add = [](const std::string& name, auto run, auto... more) {
    benchmark::RegisterBenchmark(("vault/" + name).c_str(), run, more...)
        ->Unit(benchmark::kMicrosecond);
  };
  for (const std::size_t keys : {1, 10, 100, 1'000, 10'000})
    add("open_" + std::to_string(keys) + "_keys", open_vault, keys);
  add("known_key_seal_after_restart", first_seal);
  add("open_with_password", open_with_password<policy>, "vault-password.db");
  add("argon2id_alone", argon2id_alone<kw::crypto::argon2id<>>);
  add("open_with_cheap_password", open_with_password<cheap_policy>, "vault-cheap.db");
  add("cheap_argon2id_alone", argon2id_alone<cheap_policy::kdf>);
  return 0;
}();

}  // namespace
