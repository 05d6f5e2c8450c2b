// Two providers of one algorithm: what each makes is what the other makes, and takes.

#include <keywarden/crypto/libcrypto/aead.hpp>

#include <atomic>
#include <random>
#include <thread>
#include <tuple>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <keywarden/crypto/by_size.hpp>
#include <keywarden/key/opened_key.hpp>

#include <keywarden/store/memory.hpp>
#include <keywarden/vault/standard_policy.hpp>
#include <keywarden/vault/vault.hpp>

#include "crypto/aead_laws.hpp"
#include "support/refusals.hpp"
#include "support/scratch.hpp"

namespace libcrypto_test {

namespace kw = keywarden;
namespace crypto = keywarden::crypto;
namespace lc = keywarden::crypto::libcrypto;
using kw::errc;
using kw::testing::accepted;
using kw::testing::counted_bytes;
using kw::testing::nonce_of;
using kw::testing::refused_as;

template <class One, class Other>
struct two {
  using one = One;
  using other = Other;
};
using pairs = std::tuple<two<crypto::aes256_gcm, lc::aes256_gcm>,
                         two<crypto::chacha20_poly1305, lc::chacha20_poly1305>>;

template <class Pair>
struct both {
  typename Pair::one::context one = kw::testing::aead_laws<typename Pair::one>::make();
  typename Pair::other::context other = kw::testing::aead_laws<typename Pair::other>::make();

  // Both seal to the same bytes, and each opens what the other sealed.
  bool agree(std::size_t size, std::size_t associated_size, std::uint64_t number) {
    const auto message = counted_bytes(size);
    const auto associated = counted_bytes(associated_size);
    const auto once = nonce_of(number);
    auto first = message;
    auto second = message;
    crypto::tag first_tag;
    crypto::tag second_tag;
    return one.seal(once, associated, first, first_tag) &&
           other.seal(once, associated, second, second_tag) && first == second &&
           first_tag == second_tag && other.open(once, associated, first, first_tag) &&
           one.open(once, associated, second, second_tag) && first == message && second == message;
  }
};

struct cards {
  static constexpr std::string_view name = "card numbers";
};

BOOST_AUTO_TEST_SUITE(interop_libcrypto)

BOOST_AUTO_TEST_CASE_TEMPLATE(every_size_to_4_kib_is_sealed_and_opened_alike, Pair, pairs) {
  both<Pair> providers;
  for (std::size_t size = 0; size <= 4096; ++size)
    BOOST_REQUIRE_MESSAGE(providers.agree(size, size % 67, size), "size " << size);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(every_size_of_associated_data_is_taken_alike, Pair, pairs) {
  both<Pair> providers;
  for (std::size_t size = 0; size <= 512; ++size)
    BOOST_REQUIRE_MESSAGE(providers.agree(size % 33, size, size), "size " << size);
  BOOST_TEST(providers.agree(10, 1000000, 1));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(long_messages_are_sealed_and_opened_alike, Pair, pairs) {
  both<Pair> providers;
  std::mt19937_64 any(20);  // the same sizes in every run
  for (std::uint64_t i = 0; i < 60; ++i) {
    const auto size = static_cast<std::size_t>(4097 + any() % 100000);
    BOOST_REQUIRE_MESSAGE(providers.agree(size, i, i), "size " << size);
  }
  for (const std::size_t size : {std::size_t{1} << 20U, (std::size_t{1} << 20U) + 1,
                                 (std::size_t{1} << 20U) + 4711, (std::size_t{3} << 20U) - 15})
    BOOST_REQUIRE_MESSAGE(providers.agree(size, 24, size), "size " << size);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(every_flipped_bit_is_refused_alike, Pair, pairs) {
  both<Pair> providers;
  const auto message = counted_bytes(37);
  auto sealed = message;
  crypto::tag tag;
  auto once = nonce_of(7);
  auto associated = counted_bytes(19);
  providers.one.seal(once, associated, sealed, tag).value();

  const auto refused_by_both = [&] {
    auto first = sealed;
    auto second = sealed;
    BOOST_TEST(
        refused_as(errc::authentication_failed, providers.one.open(once, associated, first, tag)));
    BOOST_TEST(refused_as(errc::authentication_failed,
                          providers.other.open(once, associated, second, tag)));
    BOOST_TEST(kw::testing::all_zero(first));
    BOOST_TEST(kw::testing::all_zero(second));
  };
  for (const kw::mutable_bytes part :
       {kw::mutable_bytes(sealed), kw::mutable_bytes(associated), kw::mutable_bytes(once.view()),
        kw::mutable_bytes(tag.view())})
    for (std::size_t bit = 0; bit < part.size() * 8; ++bit) {
      auto& byte = part[bit / 8];
      const auto right = byte;
      byte = static_cast<std::uint8_t>(right ^ (1U << (bit % 8)));
      refused_by_both();
      byte = right;
    }
  BOOST_REQUIRE(accepted(providers.other.open(once, associated, sealed, tag)));
  BOOST_TEST(sealed == message);
}

// One ring opened four ways: each opens what every other sealed, and refuses alike.
template <class Format>
void check_opened_keys() {
  const auto ring = kw::key_ring::create({}).value();
  using mixed =
      crypto::by_size<crypto::up_to<20, lc::aes256_gcm>, crypto::otherwise<crypto::aes256_gcm>>;
  const auto botan = kw::opened_key<cards, crypto::aes256_gcm, Format>::create(ring).value();
  const auto openssl = kw::opened_key<cards, lc::aes256_gcm, Format>::create(ring).value();
  const auto by_size = kw::opened_key<cards, mixed, Format>::create(ring).value();
  const auto check = [](const auto& seals, const auto& opens, std::size_t size) {
    const auto message = counted_bytes(size);
    const auto sealed = seals.seal(message, kw::as_bytes("row 7")).value();
    BOOST_TEST((opens.open(sealed, kw::as_bytes("row 7")).value() == kw::bytes_view(message)));
    BOOST_TEST(refused_as(errc::authentication_failed, opens.open(sealed, kw::as_bytes("row 8"))));
  };
  for (const std::size_t size : {0U, 1U, 20U, 21U, 5000U}) {
    check(botan, openssl, size);
    check(openssl, botan, size);
    check(by_size, botan, size);
    check(by_size, openssl, size);
    check(botan, by_size, size);
    check(openssl, by_size, size);
  }
}
BOOST_AUTO_TEST_CASE(opened_keys_open_what_another_provider_sealed) {
  check_opened_keys<kw::format::native>();
  check_opened_keys<kw::format::tink>();
}

using by_botan = kw::standard_policy<kw::store::memory>;
struct by_both : by_botan {
  using cipher =
      crypto::by_size<crypto::up_to<20, lc::aes256_gcm>, crypto::otherwise<crypto::aes256_gcm>>;
};
struct by_another_algorithm : by_botan {
  using cipher = lc::chacha20_poly1305;
};
BOOST_AUTO_TEST_CASE(a_vault_opens_under_a_policy_with_another_provider) {
  const kw::testing::scratch folder;
  const kw::store::memory records;
  const by_botan::service_key opens(kw::protect::account(folder / "account"),
                                    kw::protect::machine(folder / "machine"));
  kw::bytes sealed;
  {
    auto vault = kw::vault<by_botan>::open_or_create(records.share(), opens).value();
    auto sales = vault.create_database("sales").value();
    sales.master_key().create(kw::password("Correct horse 7 battery")).value();
    sales.keys().create("cards", kw::by::master_key{}).value();
    const auto key = sales.keys().open<cards>("cards").value();
    sealed = kw::to_bytes(key.seal(kw::as_bytes("4111 1111")).value().view());
  }
  {
    auto vault = kw::vault<by_both>::open_or_create(records.share(), opens).value();
    const auto key = vault.database("sales").value().keys().open<cards>("cards").value();
    BOOST_TEST(key.open(kw::sealed<cards>(sealed)).value().text() == "4111 1111");
  }
  auto vault = kw::vault<by_another_algorithm>::open_or_create(records.share(), opens).value();
  BOOST_TEST(refused_as(errc::unsupported_suite,
                        vault.database("sales").value().keys().open<cards>("cards")));
}

BOOST_AUTO_TEST_CASE(an_opened_key_is_used_by_many_threads) {
  const auto key =
      kw::opened_key<cards, lc::aes256_gcm>::create(kw::key_ring::create({}).value()).value();
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      for (std::size_t i = 0; i < 200; ++i) {
        const auto message = counted_bytes(i);
        const auto opened = key.open(key.seal(message).value());
        if (!opened || !(*opened == kw::bytes_view(message))) ++failures;
      }
    });
  for (auto& each : threads) each.join();
  BOOST_TEST(failures == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace libcrypto_test
