// An AEAD that counts, and is like any other to whoever stores or reads what it sealed.
#include <keywarden/crypto/profiled.hpp>

#include <numeric>
#include <thread>
#include <tuple>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <keywarden/key/opened_key.hpp>

#include "support/refusals.hpp"

namespace profiled_test {

namespace kw = keywarden;
namespace crypto = keywarden::crypto;
using crypto::seal_phase;
using kw::errc;
using kw::testing::accepted;
using kw::testing::refused_as;

struct counted {
  static constexpr std::string_view name = "counted";
};
template <class Aead>
using key_of = kw::opened_key<counted, Aead>;
using aeads = std::tuple<crypto::aes256_gcm, crypto::chacha20_poly1305, crypto::aes256_gcm_siv>;

std::uint64_t sum_of(const kw::phase_report<seal_phase>& report) {
  return std::accumulate(report.phases.begin(), report.phases.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const auto& each) { return sum + each.ticks; });
}

BOOST_AUTO_TEST_SUITE(crypto_profiled)

BOOST_AUTO_TEST_CASE_TEMPLATE(a_seal_and_an_opening_are_split_into_their_phases, Aead, aeads) {
  using worn = crypto::profiled<Aead>;
  const auto key = key_of<worn>::create(kw::key_ring::create({}).value()).value();
  worn::forget();
  const auto message = kw::as_bytes("a message");
  for (int i = 0; i < 10; ++i) {
    const auto sealed = key.seal(message, kw::as_bytes("row")).value();
    BOOST_TEST(accepted(key.open(sealed, kw::as_bytes("row"))));
  }
  const auto sealing = worn::sealing();
  const auto opening = worn::opening();
  BOOST_TEST(sealing.whole.times == 10U);
  BOOST_TEST(opening.whole.times == 10U);
  BOOST_TEST(sum_of(sealing) == sealing.whole.ticks);
  BOOST_TEST(sum_of(opening) == opening.whole.ticks);
  for (const auto phase :
       {seal_phase::framing, seal_phase::nonce, seal_phase::cipher, seal_phase::tagging})
    BOOST_TEST(sealing[phase].times >= 10U);
  BOOST_TEST(opening[seal_phase::nonce].times == 0U);
  BOOST_TEST(sealing[seal_phase::cipher].ticks > 0U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(both_open_what_the_other_sealed, Aead, aeads) {
  using worn = crypto::profiled<Aead>;
  const auto secret = kw::random_key().value();
  auto plain = Aead::context::create(secret).value();
  auto counting = worn::context::create(secret).value();
  const auto once = kw::random_public<kw::nonce>().value();
  const auto row = kw::as_bytes("row");
  const auto original = kw::as_bytes("a message");
  kw::bytes data(original.begin(), original.end());
  crypto::tag tag;
  BOOST_TEST(accepted(counting.seal(once, row, data, tag)));
  BOOST_TEST(accepted(plain.open(once, row, data, tag)));
  BOOST_TEST(kw::as_text(data) == "a message");
  crypto::tag again;
  BOOST_TEST(accepted(plain.seal(once, row, data, again)));
  BOOST_TEST((again == tag));
  BOOST_TEST(accepted(counting.open(once, row, data, again)));
  BOOST_TEST(kw::as_text(data) == "a message");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_was_changed_is_refused_and_wiped, Aead, aeads) {
  using worn = crypto::profiled<Aead>;
  auto counting = worn::context::create(kw::random_key().value()).value();
  const auto once = kw::random_public<kw::nonce>().value();
  kw::bytes data(40, 7);
  crypto::tag tag;
  BOOST_TEST(accepted(counting.seal(once, {}, data, tag)));
  data[3] ^= 1U;
  BOOST_TEST(refused_as(errc::authentication_failed, counting.open(once, {}, data, tag)));
  BOOST_TEST((data == kw::bytes(40, 0)));
}

BOOST_AUTO_TEST_CASE(a_key_of_the_wrong_size_is_refused) {
  BOOST_TEST(refused_as(
      errc::invalid_argument,
      crypto::profiled<crypto::aes256_gcm>::context::create(kw::random_key(16).value())));
}

BOOST_AUTO_TEST_CASE(threads_count_into_the_same_totals) {
  using worn = crypto::profiled<crypto::aes256_gcm>;
  const auto key = key_of<worn>::create(kw::key_ring::create({}).value()).value();
  worn::forget();
  std::vector<std::jthread> workers;
  for (int i = 0; i < 4; ++i)
    workers.emplace_back([&] {
      for (int round = 0; round < 100; ++round) static_cast<void>(key.seal(kw::as_bytes("x")));
    });
  workers.clear();
  BOOST_TEST(worn::sealing().whole.times == 400U);
  BOOST_TEST(sum_of(worn::sealing()) == worn::sealing().whole.ticks);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace profiled_test
