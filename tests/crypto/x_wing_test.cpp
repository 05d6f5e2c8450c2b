#include <keywarden/crypto/x_wing.hpp>

#include <boost/test/unit_test.hpp>

#include "crypto/kem_laws.hpp"
#include "crypto/low_order.hpp"
#include "vectors.hpp"

namespace keywarden::testing {
namespace x_wing_test {

using crypto::x_wing;

x_wing::private_key fresh_key() {
  system_random random;
  return x_wing::private_key::generate(random).value();
}

BOOST_AUTO_TEST_SUITE(x_wing_suite)

BOOST_AUTO_TEST_CASE(every_vector_of_the_draft_holds) {
  const auto cases = read_vectors("x_wing.vec");
  BOOST_TEST(cases.size() == 3U);
  for (const auto& each : cases) {
    BOOST_TEST_CONTEXT(each.text("Seed")) {
      const auto key = x_wing::private_key::from_seed(each.key("Seed"));
      BOOST_REQUIRE(key);
      BOOST_TEST(to_hex(key->public_part().encode()) == each.text("Public"));
      BOOST_CHECK(key->encode() == each.key("Seed"));

      const auto theirs = x_wing::public_key::decode(each.data("Public"));
      BOOST_REQUIRE(theirs);
      replayed_random random(each.data("Random"));
      const auto sent = x_wing::encapsulate(*theirs, random);
      BOOST_REQUIRE(sent);
      BOOST_TEST(random.left() == 0U);
      BOOST_TEST(to_hex(sent->ciphertext) == each.text("Ciphertext"));
      BOOST_CHECK(sent->shared == each.key("Shared"));

      const auto found = x_wing::decapsulate(*key, each.data("Ciphertext"));
      BOOST_REQUIRE(found);
      BOOST_CHECK(*found == each.key("Shared"));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_key_is_made_from_32_random_bytes) {
  const auto given = read_vectors("x_wing.vec").front();
  replayed_random random(given.data("Seed"));
  const auto key = x_wing::private_key::generate(random);
  BOOST_REQUIRE(key);
  BOOST_TEST(to_hex(key->public_part().encode()) == given.text("Public"));
}

BOOST_AUTO_TEST_CASE(a_public_key_with_an_unreduced_coefficient_is_refused) {
  auto encoded = fresh_key().public_part().encode();
  encoded[0] = 0xff;
  encoded[1] = static_cast<std::uint8_t>(encoded[1] | 0x0fU);  // the first coefficient is 4095
  BOOST_CHECK(x_wing::public_key::decode(encoded).error() == errc::malformed);
}

BOOST_AUTO_TEST_CASE(a_public_key_with_a_low_order_x25519_part_is_refused) {
  auto encoded = fresh_key().public_part().encode();
  for (const auto& each : low_order_x25519()) {
    std::copy(each.begin(), each.end(), encoded.end() - 32);
    BOOST_CHECK(x_wing::public_key::decode(encoded).error() == errc::malformed);
  }
}

BOOST_AUTO_TEST_CASE(a_ciphertext_with_a_low_order_x25519_part_is_refused) {
  const auto key = fresh_key();
  system_random random;
  auto ciphertext = x_wing::encapsulate(key.public_part(), random).value().ciphertext;
  for (const auto& each : low_order_x25519()) {
    std::copy(each.begin(), each.end(), ciphertext.end() - 32);
    BOOST_CHECK(x_wing::decapsulate(key, ciphertext).error() == errc::malformed);
  }
}

// ML-KEM rejects implicitly, and the combiner binds the X25519 part: no oracle in either half.
BOOST_AUTO_TEST_CASE(an_altered_ciphertext_gives_the_same_unrelated_secret_each_time) {
  const auto key = fresh_key();
  system_random random;
  auto sent = x_wing::encapsulate(key.public_part(), random).value();
  sent.ciphertext[5] = static_cast<std::uint8_t>(sent.ciphertext[5] ^ 1U);
  const auto first = x_wing::decapsulate(key, sent.ciphertext);
  const auto second = x_wing::decapsulate(key, sent.ciphertext);
  BOOST_REQUIRE(first);
  BOOST_REQUIRE(second);
  BOOST_CHECK(*first == *second);
  BOOST_CHECK(!(*first == sent.shared));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace x_wing_test

}  // namespace keywarden::testing
