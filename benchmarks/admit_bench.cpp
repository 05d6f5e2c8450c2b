// Deciding who may connect: admit/<rules>_rules_<hosts>_hosts. A network list and then a rate limit
// that remembers every host (the next power of two of them), asked about the hosts in no order; all
// are admitted.
//
// admit_refused/…: an address that no rule permits, with the refusal for the log.
// request/…: the same for requests, which the Dynamic IP Restrictions judge.
#include <benchmark/benchmark.h>

#include <bit>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <keywarden/admit/all_of.hpp>
#include <keywarden/admit/connection_rate.hpp>
#include <keywarden/admit/dynamic_ip_restrictions.hpp>
#include <keywarden/admit/network_acl.hpp>

namespace admit = keywarden::admit;

namespace {

using rules = admit::all_of<admit::network_acl, admit::connection_rate>;

/// Networks that permit 10.0.0.0/8 in so many equal parts, with a denied neighbour now and then.
admit::network_acl list_of(std::size_t count) {
  std::vector<admit::network_rule> made;
  unsigned bits = 0;
  while ((std::size_t{1} << bits) < count) ++bits;
  const auto part = std::uint32_t{1} << (24 - bits);
  for (std::size_t i = 0; i < count; ++i) {
    const auto base = std::uint32_t{10} << 24U | static_cast<std::uint32_t>(i) * part;
    made.push_back({admit::action::permit,
                    admit::network::of(admit::address::v4({static_cast<std::uint8_t>(base >> 24U),
                                                           static_cast<std::uint8_t>(base >> 16U),
                                                           static_cast<std::uint8_t>(base >> 8U),
                                                           static_cast<std::uint8_t>(base)}),
                                       8 + bits)
                        .value()});
  }
  return admit::network_acl(std::move(made));
}

/// Hosts that those networks permit, spread over all of them, in an order that no cache foresees;
/// none is kept, so that only what the rules remember is in the caches.
class visitors {
 public:
  visitors(std::size_t hosts, std::size_t rule_count) : last_(std::bit_ceil(hosts) - 1) {
    unsigned bits = 0;
    while ((std::size_t{1} << bits) < rule_count) ++bits;
    step_ = (static_cast<std::uint64_t>(rule_count) << (24 - bits)) / (last_ + 1);
  }
  [[nodiscard]] std::size_t count() const { return last_ + 1; }
  admit::address operator()() {
    at_ = (at_ * 1'664'525U + 1'013'904'223U) & last_;  // each once a round
    const auto host = std::uint32_t{10} << 24U | static_cast<std::uint32_t>(at_ * step_);
    return admit::address::v4(
        {static_cast<std::uint8_t>(host >> 24U), static_cast<std::uint8_t>(host >> 16U),
         static_cast<std::uint8_t>(host >> 8U), static_cast<std::uint8_t>(host)});
  }

 private:
  std::uint64_t last_;
  std::uint64_t step_ = 0;
  std::uint64_t at_ = 0;
};

constexpr std::uint32_t never = 0xFFFF'FFFF;

// A rule that has seen all of its hosts; it stays, since Google Benchmark asks for it many times.
template <class Rule>
struct crowded {
  Rule judge;
  visitors next;
};
constexpr admit::instant now(std::chrono::hours(1000));

void decide(benchmark::State& state, std::size_t rule_count, std::size_t host_count) {
  static std::map<std::pair<std::size_t, std::size_t>, crowded<rules>> made;
  auto found = made.find({rule_count, host_count});
  if (found == made.end()) {
    const admit::connection_rate rate(
        {never, std::chrono::hours(1), static_cast<std::uint32_t>(host_count * 2)});
    crowded<rules> fresh{rules(list_of(rule_count), rate), visitors(host_count, rule_count)};
    for (std::size_t i = 0; i < fresh.next.count(); ++i)
      if (!fresh.judge.admit(fresh.next(), now)) return state.SkipWithError("refused");
    found = made.emplace(std::pair(rule_count, host_count), std::move(fresh)).first;
  }
  auto& [judge, next] = found->second;
  for (auto _ : state) benchmark::DoNotOptimize(judge.admit(next(), now));
}

void refuse(benchmark::State& state, std::size_t rule_count) {
  const auto judge = list_of(rule_count);
  const auto stranger = admit::address::parse("192.0.2.7").value();
  for (auto _ : state) benchmark::DoNotOptimize(judge.admit(stranger, {}));
}

void request(benchmark::State& state, std::size_t host_count) {
  using rule = admit::dynamic_ip_restrictions;
  static std::map<std::size_t, crowded<rule>> made;
  auto found = made.find(host_count);
  if (found == made.end()) {
    auto settings = admit::dynamic_ip_settings::split_merge_defaults();
    settings.max_requests = never;
    settings.request_interval = std::chrono::hours(1);
    settings.deny_by_concurrent_requests = true;
    settings.hosts = static_cast<std::uint32_t>(host_count * 2);
    crowded<rule> fresh{rule::make(settings).value(), visitors(host_count, 1)};
    for (std::size_t i = 0; i < fresh.next.count(); ++i)
      if (!fresh.judge.admit({fresh.next()}, now)) return state.SkipWithError("refused");
    found = made.emplace(host_count, std::move(fresh)).first;
  }
  auto& [judge, next] = found->second;
  for (auto _ : state) benchmark::DoNotOptimize(judge.admit({next()}, now));
}

const int registered = [] {
  for (const std::size_t rule_count : {10, 100, 1'000, 10'000})
    for (const std::size_t host_count : {1, 1'000, 1'000'000})
      benchmark::RegisterBenchmark(("admit/" + std::to_string(rule_count) + "_rules_" +
                                    std::to_string(host_count) + "_hosts")
                                       .c_str(),
                                   decide, rule_count, host_count);
  for (const std::size_t rule_count : {10, 10'000})
    benchmark::RegisterBenchmark(("admit_refused/" + std::to_string(rule_count) + "_rules").c_str(),
                                 refuse, rule_count);
  for (const std::size_t host_count : {1, 1'000, 1'000'000})
    benchmark::RegisterBenchmark(("request/" + std::to_string(host_count) + "_hosts").c_str(),
                                 request, host_count);
  return 0;
}();

}  // namespace
