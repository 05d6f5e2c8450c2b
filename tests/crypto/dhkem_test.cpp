#include <keywarden/crypto/dhkem.hpp>

#include <tuple>

#include <boost/test/unit_test.hpp>

#include "crypto/kem_laws.hpp"
#include "crypto/low_order.hpp"
#include "vectors.hpp"

namespace keywarden::testing {
namespace dhkem_test {

using crypto::dhkem_p256;
using crypto::dhkem_x25519;
using models = std::tuple<dhkem_p256, dhkem_x25519>;

template <class Kem>
typename Kem::private_key fresh_key() {
  system_random random;
  return Kem::private_key::generate(random).value();
}

BOOST_AUTO_TEST_SUITE(dhkem_suite)

BOOST_AUTO_TEST_CASE_TEMPLATE(every_vector_of_rfc_9180_holds, Kem, models) {
  unsigned checked = 0;
  for (const auto& each : read_vectors("dhkem.vec")) {
    if (each.text("Kem") != Kem::name) continue;
    ++checked;
    BOOST_TEST_CONTEXT(each.comment) {
      const auto receiver = Kem::private_key::derive(each.key("ReceiverSeed"));
      BOOST_REQUIRE(receiver);
      BOOST_CHECK(receiver->encode() == each.key("ReceiverPrivate"));
      BOOST_TEST(to_hex(receiver->public_part().encode()) == each.text("ReceiverPublic"));
      const auto sender = Kem::private_key::derive(each.key("SenderSeed"));
      BOOST_REQUIRE(sender);
      BOOST_CHECK(sender->encode() == each.key("SenderPrivate"));
      BOOST_TEST(to_hex(sender->public_part().encode()) == each.text("SenderPublic"));

      const auto theirs = Kem::public_key::decode(each.data("ReceiverPublic"));
      BOOST_REQUIRE(theirs);
      replayed_random random(each.data("SenderSeed"));
      const auto sent = Kem::encapsulate(*theirs, random);
      BOOST_REQUIRE(sent);
      BOOST_TEST(random.left() == 0U);
      BOOST_TEST(to_hex(sent->ciphertext) == each.text("Ciphertext"));
      BOOST_CHECK(sent->shared == each.key("Shared"));

      const auto ours = Kem::private_key::decode(each.key("ReceiverPrivate"));
      BOOST_REQUIRE(ours);
      const auto found = Kem::decapsulate(*ours, each.data("Ciphertext"));
      BOOST_REQUIRE(found);
      BOOST_CHECK(*found == each.key("Shared"));
    }
  }
  BOOST_TEST(checked == 3U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(material_shorter_than_the_key_is_refused, Kem, models) {
  const auto material = random_key(31).value();
  BOOST_CHECK(Kem::private_key::derive(material).error() == errc::truncated);
}

BOOST_AUTO_TEST_CASE(a_low_order_x25519_value_is_refused_as_key_and_as_ciphertext) {
  const auto key = fresh_key<dhkem_x25519>();
  for (const auto& each : low_order_x25519()) {
    BOOST_CHECK(dhkem_x25519::public_key::decode(each).error() == errc::malformed);
    BOOST_CHECK(dhkem_x25519::decapsulate(key, each).error() == errc::malformed);
  }
}

BOOST_AUTO_TEST_CASE(a_point_that_is_not_on_p256_is_refused_as_key_and_as_ciphertext) {
  const auto key = fresh_key<dhkem_p256>();
  auto off_curve = key.public_part().encode();
  off_curve.back() = static_cast<std::uint8_t>(off_curve.back() ^ 1U);
  auto hybrid = key.public_part().encode();
  hybrid.front() = static_cast<std::uint8_t>(0x06U | (hybrid.back() & 1U));  // SEC 1's hybrid form
  bytes zeros(65);
  bytes origin(65);
  origin.front() = 0x04;
  bytes beyond_field(65, 0xff);
  beyond_field.front() = 0x04;
  for (const auto& each : {off_curve, hybrid, zeros, origin, beyond_field}) {
    BOOST_CHECK(dhkem_p256::public_key::decode(each).error() == errc::malformed);
    BOOST_CHECK(dhkem_p256::decapsulate(key, each).error() == errc::malformed);
  }
}

BOOST_AUTO_TEST_CASE(the_compressed_and_the_identity_encodings_of_p256_are_refused) {
  auto compressed = fresh_key<dhkem_p256>().public_part().encode();
  compressed.front() = static_cast<std::uint8_t>(0x02U | (compressed.back() & 1U));
  compressed.resize(33);
  BOOST_CHECK(dhkem_p256::public_key::decode(compressed).error() == errc::truncated);
  BOOST_CHECK(dhkem_p256::public_key::decode(bytes{0x00}).error() == errc::truncated);
}

BOOST_AUTO_TEST_CASE(a_p256_private_key_outside_1_to_the_order_is_refused) {
  const auto refusal = [](std::string_view hex) {
    return dhkem_p256::private_key::decode(secret_key::copy_of(from_hex(hex).value()))
        .error()
        .code();
  };
  constexpr auto order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
  BOOST_CHECK(refusal(std::string(64, '0')) == errc::malformed);
  BOOST_CHECK(refusal(order) == errc::malformed);
  BOOST_CHECK(refusal(std::string(64, 'f')) == errc::malformed);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace dhkem_test

}  // namespace keywarden::testing
