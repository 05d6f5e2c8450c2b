#include <keywarden/crypto/shamir.hpp>

#include <numeric>

#include <boost/test/unit_test.hpp>

#include <botan/tss.h>

#include "crypto/kem_laws.hpp"

namespace keywarden::testing {
namespace shamir_test {

using crypto::combine;
using crypto::indexed_share;
using crypto::split;

// FIPS 197, section 4.2, examples.
static_assert(crypto::detail::gf256_multiply(0x57, 0x83) == 0xc1);
static_assert(crypto::detail::gf256_multiply(0x57, 0x13) == 0xfe);
static_assert(crypto::detail::gf256_double(0x8e) == 0x07);
static_assert([] {
  for (unsigned i = 1; i < 256; ++i) {
    const auto value = static_cast<std::uint8_t>(i);
    if (crypto::detail::gf256_multiply(value, crypto::detail::gf256_invert(value)) != 1)
      return false;
  }
  return crypto::detail::gf256_invert(0) == 0;
}());

std::vector<secret_key> shares_of(const secret_key& key, unsigned k, unsigned n) {
  system_random random;
  return split(key, k, n, random).value();
}

std::vector<indexed_share> chosen(const std::vector<secret_key>& shares,
                                  const std::vector<unsigned>& numbers) {
  std::vector<indexed_share> some;
  for (const auto number : numbers)
    some.push_back({static_cast<std::uint8_t>(number + 1), shares[number].duplicate()});
  return some;
}

std::vector<unsigned> first(unsigned count) {
  std::vector<unsigned> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0U);
  return numbers;
}

// The body of an RTSS share is what follows its header of 20 bytes and its x.
bytes_view body_of(const Botan::RTSS_Share& share) { return bytes_view(share.data()).subspan(21); }

BOOST_AUTO_TEST_SUITE(shamir)

BOOST_AUTO_TEST_CASE(every_choice_of_k_shares_gives_the_key_back) {
  const auto key = random_key().value();
  for (unsigned n = 2; n <= 6; ++n)
    for (unsigned k = 2; k <= n; ++k) {
      const auto shares = shares_of(key, k, n);
      BOOST_REQUIRE(shares.size() == n);
      for (unsigned mask = 0; mask < (1U << n); ++mask) {
        std::vector<unsigned> numbers;
        for (unsigned i = 0; i < n; ++i)
          if ((mask >> i) & 1U) numbers.push_back(i);
        if (numbers.size() < 2) continue;
        const auto found = combine(chosen(shares, numbers));
        BOOST_REQUIRE(found);
        BOOST_CHECK((*found == key) == (numbers.size() >= k));
      }
    }
}

BOOST_AUTO_TEST_CASE(the_order_of_the_shares_does_not_matter) {
  const auto key = random_key().value();
  const auto shares = shares_of(key, 3, 5);
  BOOST_CHECK(combine(chosen(shares, {4, 0, 2})).value() == key);
  BOOST_CHECK(combine(chosen(shares, {2, 4, 0})).value() == key);
}

BOOST_AUTO_TEST_CASE(the_largest_thresholds_work) {
  const auto key = random_key().value();
  BOOST_CHECK(combine(chosen(shares_of(key, 255, 255), first(255))).value() == key);
  BOOST_CHECK(combine(chosen(shares_of(key, 2, 255), {253, 254})).value() == key);
}

BOOST_AUTO_TEST_CASE(shares_are_those_of_botan_s_rtss_for_the_same_randomness) {
  const auto token = hazmat::insecure_access::i_know_what_i_do();
  const auto key = random_key().value();
  const auto secret = detail::view_of(key);
  for (const auto& [k, n] : {std::pair{2U, 2U}, {2U, 3U}, {3U, 5U}, {5U, 5U}, {7U, 254U}}) {
    hazmat::deterministic_random ours_random(k * 1000 + n, token);
    hazmat::deterministic_random theirs_random(k * 1000 + n, token);
    detail::botan_random generator(theirs_random);
    const auto ours = split(key, k, n, ours_random);
    BOOST_REQUIRE(ours);
    const auto theirs = Botan::RTSS_Share::split(static_cast<std::uint8_t>(k),
                                                 static_cast<std::uint8_t>(n), secret.data(), 32,
                                                 std::vector<std::uint8_t>(16), "None", generator);
    BOOST_REQUIRE(ours->size() == theirs.size());
    for (std::size_t i = 0; i < theirs.size(); ++i) {
      BOOST_TEST(theirs[i].share_id() == i + 1);
      BOOST_CHECK(secret_key::copy_of(body_of(theirs[i])) == (*ours)[i]);
    }
  }
}

BOOST_AUTO_TEST_CASE(keywarden_combines_botan_s_shares) {
  const auto key = random_key().value();
  const auto theirs =
      Botan::RTSS_Share::split(3, 5, detail::view_of(key).data(), 32, std::vector<std::uint8_t>(16),
                               "None", Botan::system_rng());
  std::vector<indexed_share> shares;
  for (const auto i : {4U, 1U, 3U})
    shares.push_back({theirs[i].share_id(), secret_key::copy_of(body_of(theirs[i]))});
  BOOST_CHECK(combine(shares).value() == key);
}

BOOST_AUTO_TEST_CASE(botan_combines_keywarden_s_shares) {
  const auto key = random_key().value();
  const auto ours = shares_of(key, 3, 5);
  std::vector<Botan::RTSS_Share> theirs;
  for (const auto i : {0U, 2U, 4U}) {
    bytes encoded(20);
    encoded[17] = 3;   // k
    encoded[19] = 33;  // the size of x and the body
    encoded.push_back(static_cast<std::uint8_t>(i + 1));
    append(encoded, detail::view_of(ours[i]));
    theirs.emplace_back(encoded.data(), encoded.size());
  }
  BOOST_CHECK(detail::adopt_key(Botan::RTSS_Share::reconstruct(theirs)) == key);
}

BOOST_AUTO_TEST_CASE(a_wrong_share_gives_another_key_and_no_refusal) {
  const auto key = random_key().value();
  auto shares = shares_of(key, 2, 3);
  shares[1] = random_key().value();
  const auto found = combine(chosen(shares, {0, 1}));
  BOOST_REQUIRE(found);
  BOOST_CHECK(!(*found == key));
}

BOOST_AUTO_TEST_CASE(a_share_under_another_number_gives_another_key) {
  const auto key = random_key().value();
  auto some = chosen(shares_of(key, 2, 3), {0, 1});
  some[1].x = 3;
  BOOST_CHECK(!(combine(some).value() == key));
}

// For each key there is one polynomial through the shares a thief has: none is likelier.
BOOST_AUTO_TEST_CASE(one_share_fits_every_key) {
  const auto share = random_key().value();
  std::array<bool, 256> reached{};
  for (unsigned other = 0; other < 256; ++other) {
    const bytes guess(32, static_cast<std::uint8_t>(other));
    std::vector<indexed_share> both;
    both.push_back({1, share.duplicate()});
    both.push_back({2, secret_key::copy_of(guess)});
    reached[detail::view_of(combine(both).value())[0]] = true;
  }
  BOOST_CHECK(std::all_of(reached.begin(), reached.end(), [](bool each) { return each; }));
}

BOOST_AUTO_TEST_CASE(a_key_of_another_size_is_refused) {
  system_random random;
  for (const std::size_t size : {0U, 16U, 31U, 33U})
    BOOST_CHECK(split(random_key(size).value(), 2, 3, random).error() == errc::invalid_argument);
}

BOOST_AUTO_TEST_CASE(a_threshold_that_makes_no_sense_is_refused) {
  system_random random;
  const auto key = random_key().value();
  for (const auto& [k, n] : {std::pair{0U, 0U}, {0U, 3U}, {1U, 3U}, {4U, 3U}, {2U, 1U}, {2U, 256U}})
    BOOST_CHECK(split(key, k, n, random).error() == errc::invalid_argument);
}

BOOST_AUTO_TEST_CASE(a_source_that_fails_makes_no_shares) {
  failing_random none;
  BOOST_CHECK(split(random_key().value(), 2, 3, none).error() == errc::secret_unavailable);
}

BOOST_AUTO_TEST_CASE(fewer_than_two_shares_are_refused) {
  const auto shares = shares_of(random_key().value(), 2, 3);
  BOOST_CHECK(combine({}).error() == errc::invalid_argument);
  BOOST_CHECK(combine(chosen(shares, {0})).error() == errc::invalid_argument);
}

BOOST_AUTO_TEST_CASE(a_repeated_or_zero_number_is_refused) {
  const auto shares = shares_of(random_key().value(), 2, 3);
  BOOST_CHECK(combine(chosen(shares, {1, 1})).error() == errc::malformed);
  auto some = chosen(shares, {0, 1});
  some[0].x = 0;
  BOOST_CHECK(combine(some).error() == errc::malformed);
}

BOOST_AUTO_TEST_CASE(a_share_of_another_size_is_refused) {
  auto some = chosen(shares_of(random_key().value(), 2, 3), {0, 1});
  some[1].share = random_key(31).value();
  BOOST_CHECK(combine(some).error() == errc::malformed);
  some[1].share = secret_key();
  BOOST_CHECK(combine(some).error() == errc::malformed);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shamir_test

}  // namespace keywarden::testing
