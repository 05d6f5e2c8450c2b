// work: does each operation a number of times between requests to callgrind, which writes down what
// each took. instructions.py reads that. Without callgrind it measures nothing.

#include <valgrind/callgrind.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <keywarden/admit/all_of.hpp>
#include <keywarden/admit/connection_rate.hpp>
#include <keywarden/admit/network_acl.hpp>
#include <keywarden/config/check.hpp>
#include <keywarden/protect/combine.hpp>
#include <keywarden/protect/opened_record.hpp>
#include <keywarden/protect/wrapped_by.hpp>

#include "cost/operations.hpp"

namespace {

namespace kw = keywarden;
namespace admit = keywarden::admit;

// As many draws of a nonce as a refill of the generator makes, so that each count has one refill.
constexpr unsigned rounds = 256;

template <class Operation>
void measure(const std::string& name, Operation&& operation, unsigned times = rounds) {
  const auto what = name + ' ' + std::to_string(times);
  bool ok = true;
  for (int i = 0; i < 3; ++i) ok = operation() && ok;
  CALLGRIND_START_INSTRUMENTATION;
  CALLGRIND_ZERO_STATS;
  for (unsigned i = 0; i < times; ++i) ok = operation() && ok;
  CALLGRIND_DUMP_STATS_AT(what.c_str());
  CALLGRIND_STOP_INSTRUMENTATION;
  if (!ok) {
    std::fprintf(stderr, "%s was refused\n", name.c_str());
    std::exit(1);
  }
}

template <class Side>
void messages(const std::string& before, const std::string& name) {
  for (const std::size_t size : {64U, 1024U, 16384U}) {
    Side side(size);
    const auto rest = name + '/' + std::to_string(size);
    // The cipher's share of a long message says nothing new.
    const unsigned times = size > 1024 ? rounds / 16 : rounds;
    measure(
        before + "seal/" + rest, [&] { return side.seal(); }, times);
    side.seal();
    side.keep();
    measure(
        before + "open/" + rest, [&] { return side.open_kept(); }, times);
  }
}

template <class Aead>
void messages_of(const std::string& name) {
  messages<kw::testing::composed<Aead>>("", name);
  messages<kw::testing::by_hand<Aead>>("by_hand/", name);
}

kw::protect::service_master_key parent(std::uint32_t id) {
  return kw::protect::service_master_key(
      {kw::random_public<kw::record_id>().value(), kw::key_id(id), kw::random_key().value()});
}

void unwrap() {
  const auto protector = parent(7);
  const auto name = kw::record_name::parse("measured").value();
  auto made = kw::opened_record::create("symmetric_key", name,
                                        kw::requirements_of<kw::protect::service_master_key>,
                                        kw::plaintext::copy_of(kw::bytes(36)))
                  .value();
  made.add_slots_of(protector).value();
  const auto stored = made.encode().value();
  measure(
      "unwrap/service_master_key",
      [&] {
        const auto record = kw::key_record::parse(stored);
        return record &&
               kw::opened_record::open(*record, "symmetric_key", "measured", protector).has_value();
      },
      rounds / 8);
}

void decide(std::uint32_t rules) {
  std::vector<admit::network_rule> list;
  for (std::uint32_t i = 0; i < rules; ++i)
    list.push_back(admit::permit(
        *admit::network::of(admit::address::v4({10, static_cast<std::uint8_t>(i >> 8U),
                                                static_cast<std::uint8_t>(i), 0}),
                            24)));
  const admit::all_of<admit::network_acl, admit::connection_rate> judge(
      admit::network_acl(std::move(list)),
      admit::connection_rate({1'000'000, std::chrono::hours(1), 1024},
                             admit::connection_rate::hash_key{1, 2}));
  const auto now = admit::instant(std::chrono::hours(1000));
  std::uint8_t last = 0;
  measure("admit/" + std::to_string(rules) + "_rules", [&] {
    return judge.admit(admit::address::v4({10, 0, 3, last++}), now).has_value();
  });
}

void configuration() {
  std::string text =
      R"(<?xml version="1.0" encoding="utf-8"?>
<ServiceConfiguration serviceName="Measured" osFamily="4" osVersion="*" xmlns="http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceConfiguration">
  <Role name="Web"><Instances count="1" /><ConfigurationSettings /><Certificates /></Role>
  <NetworkConfiguration><AccessControls><AccessControl name="Restricted">)";
  for (int i = 1; i <= 50; ++i)
    text += R"(<Rule action="permit" description="office" order=")" + std::to_string(i) +
            R"(" remoteSubnet="10.0.)" + std::to_string(i) + ".0/24\" />\n";
  text += "</AccessControl></AccessControls></NetworkConfiguration></ServiceConfiguration>";
  measure(
      "config/check_50_rules", [&] { return !kw::config::check(text).configuration.roles.empty(); },
      4);
}

}  // namespace

int main() {
  messages_of<kw::crypto::aes256_gcm>("aes256_gcm");
  messages_of<kw::crypto::chacha20_poly1305>("chacha20_poly1305");
  messages<kw::testing::composed<kw::crypto::aes256_gcm_siv>>("", "aes256_gcm_siv");
  unwrap();
  decide(10);
  decide(10'000);
  configuration();
}
