// Eight threads seal and open with one key while others open and close their own. Built with the
// thread sanitizer, which ends the program with an error when two of them touch the same bytes
// without order.

#include <atomic>
#include <cstdio>
#include <thread>
#include <vector>

#include <keywarden/key/opened_key.hpp>

namespace kw = keywarden;

namespace {

struct shared {
  static constexpr std::string_view name = "shared";
};

template <class Aead>
bool run() {
  const auto ring = kw::key_ring::create({}).value();
  std::uint64_t leased = 0;  // changed under the budget's own lock only
  const auto key = kw::opened_key<shared, Aead>::create(
                       ring, std::make_unique<kw::seal_budget>([&](std::uint64_t count) {
                         leased += count;
                         return kw::done();
                       }))
                       .value();
  constexpr int threads_sealing = 8;
  constexpr int threads_closing = 2;
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int number = 0; number < threads_sealing; ++number)
    threads.emplace_back([&, number] {
      kw::bytes message(static_cast<std::size_t>(number * 37), static_cast<std::uint8_t>(number));
      kw::bytes buffer(key.sealed_size(message.size()));
      for (int i = 0; i < 300; ++i) {
        const auto sealed = key.seal_into(message, kw::as_bytes("x"), buffer);
        const auto opened = sealed ? key.open(kw::sealed<shared>(buffer), kw::as_bytes("x"))
                                   : kw::result<kw::plaintext>(sealed.error());
        if (!opened || !(*opened == kw::bytes_view(message))) ++failures;
        buffer[0] ^= 1;
        if (key.open(kw::sealed<shared>(buffer), kw::as_bytes("x"))) ++failures;
      }
    });
  for (int number = 0; number < threads_closing; ++number)
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {  // opened, used and closed while the others work
        const auto own = kw::opened_key<shared, Aead>::create(ring).value();
        if (!key.open(own.seal({}).value())) ++failures;
      }
    });
  for (auto& each : threads) each.join();
  if (leased < threads_sealing * 300) ++failures;
  return failures == 0;
}

}  // namespace

int main() {
  const bool ok = run<kw::crypto::aes256_gcm>() && run<kw::crypto::chacha20_poly1305>();
  std::puts(ok ? "every message opened, every altered one was refused" : "failed");
  return ok ? 0 : 1;
}
