#include <keywarden/crypto/context_pool.hpp>

#include <set>
#include <thread>

#include <boost/test/unit_test.hpp>

#include "support/memory_map.hpp"
#include "support/refusals.hpp"

namespace context_pool_test {

namespace kw = keywarden;
namespace crypto = keywarden::crypto;
using kw::errc;
using kw::testing::accepted;
using kw::testing::refused_as;
using gcm_pool = crypto::context_pool<crypto::aes256_gcm>;

std::unique_ptr<gcm_pool> make() { return gcm_pool::create(kw::random_key().value()).value(); }

BOOST_AUTO_TEST_SUITE(crypto_context_pool)

BOOST_AUTO_TEST_CASE(a_key_of_the_wrong_size_makes_no_pool) {
  BOOST_TEST(refused_as(errc::invalid_argument, gcm_pool::create(kw::random_key(16).value())));
}

BOOST_AUTO_TEST_CASE(a_context_given_back_is_leased_again) {
  const auto contexts = make();
  gcm_pool::keyed* first = nullptr;
  {
    const auto lease = contexts->take().value();
    first = &*lease;
  }
  for (int i = 0; i < 10; ++i) BOOST_TEST(&*contexts->take().value() == first);
}

BOOST_AUTO_TEST_CASE(contexts_leased_at_once_are_different_and_all_come_back) {
  const auto contexts = make();
  std::set<gcm_pool::keyed*> seen;
  for (int round = 0; round < 3; ++round) {
    std::vector<gcm_pool::lease> leases;
    std::set<gcm_pool::keyed*> now;
    for (int i = 0; i < 20; ++i) {
      leases.push_back(contexts->take().value());
      BOOST_TEST(now.insert(&*leases.back()).second);
    }
    seen.merge(now);
  }
  BOOST_TEST(seen.size() == 20U);  // the second and third rounds made none
}

BOOST_AUTO_TEST_CASE(a_moved_lease_gives_its_context_back_once) {
  const auto contexts = make();
  gcm_pool::keyed* first = nullptr;
  {
    auto lease = contexts->take().value();
    const auto moved = std::move(lease);
    first = &*moved;
  }
  const auto again = contexts->take().value();
  BOOST_TEST(&*again == first);
  BOOST_TEST(&*contexts->take().value() != first);
}

BOOST_AUTO_TEST_CASE(every_context_of_a_pool_has_the_same_key_and_its_own_nonces) {
  const auto contexts = make();
  const auto one = contexts->take().value();
  const auto two = contexts->take().value();
  kw::bytes data{1, 2, 3};
  crypto::tag tag;
  one->cipher.seal({}, {}, data, tag).value();
  BOOST_TEST(accepted(two->cipher.open({}, {}, data, tag)));
  kw::nonce first;
  kw::nonce second;
  one->nonces.fill(first.view()).value();
  two->nonces.fill(second.view()).value();
  BOOST_TEST((first != second));
}

BOOST_AUTO_TEST_CASE(threads_lease_without_meeting) {
  const auto contexts = make();
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      const auto mark = static_cast<std::uint8_t>(t + 1);
      for (int i = 0; i < 500; ++i) {
        const auto lease = contexts->take().value();
        lease->associated.assign(64, mark);
        std::this_thread::yield();
        for (const auto each : lease->associated) failures += each == mark ? 0 : 1;
      }
    });
  for (auto& each : threads) each.join();
  BOOST_TEST(failures == 0);
}

BOOST_AUTO_TEST_CASE(closing_a_pool_wipes_its_key) {
  auto key = kw::secret_key::copy_of(kw::bytes(32, 0x5D));
  const auto* const at = kw::detail::view_of(key).data();
  auto contexts = gcm_pool::create(std::move(key)).value();
  BOOST_REQUIRE(kw::testing::memory_at(at, 32) == kw::bytes(32, 0x5D));
  contexts.reset();
  BOOST_TEST(kw::testing::memory_at(at, 32) != kw::bytes(32, 0x5D));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace context_pool_test
