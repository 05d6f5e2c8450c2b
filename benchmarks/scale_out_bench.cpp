// A scale-out deployment: what following rotations costs beside a key that does not, and what the
// members' traffic with the shared store costs, in memory and over PostgreSQL (on a socket of this
// machine; left out where PostgreSQL's server is not installed).
#include <benchmark/benchmark.h>

#include <keywarden/keywarden.hpp>

#include "scratch.hpp"
#ifdef KEYWARDEN_BENCH_POSTGRES
#include <keywarden/store/postgres.hpp>

#include "../examples/scale_out/children.hpp"
#endif

namespace kw = keywarden;

namespace {

using policy = kw::standard_policy<kw::store::memory>;
using vault = kw::vault<policy>;

struct rows {
  static constexpr std::string_view name = "rows";
};

const kw::object_name farm_name("farm");

vault new_vault() {
  return vault::open_or_create(kw::store::memory(),
                               policy::service_key(kw::bench::account(), kw::bench::machine()))
      .value();
}

/// A store that another member opens as well.
struct in_memory {
  using store = kw::store::memory;
  store place;
  [[nodiscard]] store open() const { return place.share(); }
};

#ifdef KEYWARDEN_BENCH_POSTGRES
const farm::temporary_postgres& server() {
  static const auto folder = [] {
    auto pattern = (std::filesystem::temp_directory_path() / "keywarden-bench-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no folder");
    ::chmod(pattern.c_str(), 0755);
    std::filesystem::create_directory(pattern + "/postgres");
    return std::filesystem::path(pattern);
  }();
  struct running {
    farm::temporary_postgres postgres{folder / "postgres"};
    ~running() {
      std::error_code ignored;
      std::filesystem::remove_all(folder, ignored);
    }
  };
  static const running made;
  return made.postgres;
}
struct in_postgres {
  using store = kw::store::postgres;
  std::string schema = [] {
    static int made = 0;
    return "bench" + std::to_string(++made);
  }();
  [[nodiscard]] store open() const {
    kw::store::postgres_options options;
    options.schema = schema;
    return store::open(server().address(), options).value();
  }
};
#endif

/// A deployment of so many members, of which the first two are here.
template <class Place>
struct deployment {
  using farm = kw::scale_out<vault, typename Place::store>;

  explicit deployment(int members) {
    for (int i = 1; i < members; ++i) {
      const auto newcomer = new_vault();
      auto joined = join(newcomer);
      if (i == 1) second.emplace(std::move(joined));
    }
  }
  farm join(const vault& newcomer) {
    const auto ticket = farm::ask_to_join(newcomer, place.open(), farm_name, "next").value();
    const auto code = first.approve(ticket.installation, ticket.fingerprint).value();
    return farm::join(newcomer, place.open(), farm_name, code).value();
  }

  Place place;
  vault own = new_vault();
  farm first = farm::open_or_create(own, place.open(), farm_name, "first").value();
  std::optional<farm> second;
};

void seal(benchmark::State& state) {
  deployment<in_memory> all(1);
  const auto key = all.first.key<rows>();
  std::array<std::uint8_t, 64> message{};
  kw::bytes out(128);
  for (auto _ : state) benchmark::DoNotOptimize(key.seal_into(message, {}, out));
}
void open(benchmark::State& state) {
  deployment<in_memory> all(1);
  const auto key = all.first.key<rows>();
  const auto message = key.seal(kw::bytes(64)).value();
  kw::bytes out(128);
  for (auto _ : state) benchmark::DoNotOptimize(key.open_into(message.view(), {}, out));
}
void open_current(benchmark::State& state) {
  deployment<in_memory> all(1);
  const auto key = all.first.key<rows>().current().value();
  const auto message = key->seal(kw::bytes(64)).value();
  kw::bytes out(128);
  for (auto _ : state) benchmark::DoNotOptimize(key->open_into(message.view(), {}, out));
}

template <class Place>
void look_unchanged(benchmark::State& state, int members) {
  deployment<Place> all(members);
  for (auto _ : state) all.first.refresh().value();
}
template <class Place>
void start(benchmark::State& state, int members) {
  deployment<Place> all(members);
  for (auto _ : state)
    benchmark::DoNotOptimize(
        deployment<Place>::farm::open(all.own, all.place.open(), farm_name).value());
}
/// A handle for one message: it shares what this process has leased.
template <class Place>
void new_handle(benchmark::State& state, int members) {
  deployment<Place> all(members);
  for (auto _ : state) {
    const auto key = all.first.template key<rows>();
    benchmark::DoNotOptimize(key.seal({}).value());
  }
}
template <class Place>
void join_and_leave(benchmark::State& state, int members) {
  deployment<Place> all(members);
  const auto own = new_vault();
  for (auto _ : state) {
    auto joined = all.join(own);
    for (const auto& each : joined.members().value())
      if (each.self) joined.leave(each.installation).value();
  }
}

template <class Place>
void traffic(const std::string& store, int members) {
  const auto named = [&](const std::string& what) {
    return "scale_out/" + what + "_" + store + "/" + std::to_string(members);
  };
  const auto with = [members](auto measured) {
    return [=](benchmark::State& state) { measured(state, members); };
  };
  benchmark::RegisterBenchmark(named("look_unchanged").c_str(), with(look_unchanged<Place>));
  benchmark::RegisterBenchmark(named("start").c_str(), with(start<Place>));
  benchmark::RegisterBenchmark(named("new_handle").c_str(), with(new_handle<Place>));
  benchmark::RegisterBenchmark(named("join_and_leave").c_str(), with(join_and_leave<Place>));
}

[[maybe_unused]] const bool registered = [] {
  benchmark::RegisterBenchmark("scale_out/seal_shared_key/64", seal);
  benchmark::RegisterBenchmark("scale_out/open_shared_key/64", open);
  benchmark::RegisterBenchmark("scale_out/open_current_key/64", open_current);
  for (const int members : {4, 32}) {
    traffic<in_memory>("memory", members);
#ifdef KEYWARDEN_BENCH_POSTGRES
    if (farm::temporary_postgres::programs()) traffic<in_postgres>("postgres", members);
#endif
  }
  return true;
}();

}  // namespace
