// Eight threads make handshakes through one pair of endpoints while certificates, grants,
// encryption and states are changed and sessions dropped. Built with the thread sanitizer.

#include <array>
#include <atomic>
#include <cstdio>
#include <thread>
#include <vector>

#include <keywarden/admit/all_of.hpp>
#include <keywarden/admit/concurrent_connections.hpp>
#include <keywarden/admit/connection_rate.hpp>
#include <keywarden/admit/network_acl.hpp>
#include <keywarden/auth/certificate.hpp>
#include <keywarden/endpoint/endpoint.hpp>
#include <keywarden/pki/self_signed.hpp>
#include <support/two_ends.hpp>

namespace kw = keywarden;

namespace {

using pinned = kw::auth::certificate<kw::trust::pinned>;
using admission = kw::admit::all_of<kw::admit::network_acl, kw::admit::connection_rate,
                                    kw::admit::concurrent_connections>;
using mirroring = kw::endpoint<pinned, kw::transport::tls13<>, admission>;

constexpr int threads = 8;
constexpr int each = 50;

kw::pki::identity made(const std::string& name) { return *kw::testing::make_identity(name); }

kw::auth::directory knowing(const std::string& peer, std::vector<kw::pki::certificate> shown) {
  kw::auth::directory known;
  known.create_login("sa").value();
  const auto name = kw::object_name::parse(peer).value();
  known.create_login(name).value();
  known.create_user(name, name).value();
  int number = 0;
  for (auto& certificate : shown)
    known
        .add_certificate(kw::object_name::parse(peer + std::to_string(number++)).value(),
                         std::move(certificate), name)
        .value();
  known.grant(kw::auth::permission::connect, "mirroring", name).value();
  return known;
}

admission rules() {
  auto acl = kw::admit::network_acl();
  acl.reload({kw::admit::permit(kw::admit::network("192.0.2.0/24"))});
  return admission(std::move(acl), kw::admit::connection_rate(),
                   kw::admit::concurrent_connections());
}

}  // namespace

int main() {
  const auto a = made("a");
  const auto b = made("b");
  const auto next = made("a");
  const pinned at_a = pinned::create(a, knowing("b", {b.chain[0]}), "mirroring", "sa").value();
  const pinned at_b =
      pinned::create(b, knowing("a", {a.chain[0], next.chain[0]}), "mirroring", "sa").value();
  std::atomic<int> told = 0;
  const kw::endpoint_log log = [&](const kw::endpoint_event&) { told.fetch_add(1); };
  const auto from = mirroring::create(at_a, rules(), {kw::endpoint_state::started, log}).value();
  const auto to = mirroring::create(at_b, rules(), {kw::endpoint_state::started, log}).value();

  std::atomic<int> good = 0;
  std::atomic<int> bad = 0;
  std::atomic<int> turned_away = 0;
  std::atomic<int> running = threads;
  std::vector<std::jthread> workers;
  for (int i = 0; i < threads; ++i)
    workers.emplace_back([&, i] {
      const auto address = kw::admit::address::v4({192, 0, 2, static_cast<std::uint8_t>(i)});
      for (int round = 0; round < each; ++round) {
        auto out = from.connect("b", "b");
        auto in = to.accept(address, std::chrono::steady_clock::now());
        if (!out || !in) {
          bad.fetch_add(1);
          continue;
        }
        while (!out->outgoing().empty() || !in->outgoing().empty()) {
          static_cast<void>(kw::testing::carry(*out, *in));
          static_cast<void>(kw::testing::carry(*in, *out));
        }
        auto there = std::move(*out).finish();
        auto here = std::move(*in).finish();
        if (!here && here.error() == kw::errc::not_permitted) {
          turned_away.fetch_add(1);  // the administrator dropped this login meanwhile
          continue;
        }
        if (!there || !here) {
          bad.fetch_add(1);
          continue;
        }
        const bool said = there->send(kw::as_bytes("hello")) && kw::testing::carry(*there, *here);
        good.fetch_add(said || here->dropped() || there->dropped() ? 1 : 0);
      }
      running.fetch_sub(1);
    });
  // The administrator, meanwhile.
  const auto chacha = kw::transport::parse_encryption("REQUIRED ALGORITHM CHACHA20 AES").value();
  const auto aes = kw::transport::parse_encryption("REQUIRED ALGORITHM AES CHACHA20").value();
  for (int turn = 0; running.load() != 0; ++turn) {
    const auto identities = [&](const kw::pki::identity& shown) {
      std::vector<kw::pki::identity> one;
      one.push_back(shown);
      return kw::auth::own_identities::of(std::move(one)).value();
    };
    at_a.reload_own(identities(turn % 2 == 0 ? next : a));
    at_b.reload_directory(knowing("a", {a.chain[0], next.chain[0]}));
    static_cast<void>(to.set_encryption(turn % 2 == 0 ? chacha : aes));
    static_cast<void>(to.connections().size());
    to.drop_unpermitted();
    if (turn % 500 == 499) to.drop("a");
  }
  workers.clear();
  std::printf("%d sessions, %d turned away, %d refused, %d events\n", good.load(),
              turned_away.load(), bad.load(), told.load());
  const bool sound = good.load() + turned_away.load() == threads * each &&
                     good.load() > threads * each / 2 && bad.load() == 0 &&
                     to.connections().empty();
  return sound ? 0 : 1;
}
