#include <keywarden/crypto/aead.hpp>

#include <sys/mman.h>

#include <tuple>

#include <boost/test/unit_test.hpp>

#include "crypto/aead_laws.hpp"
#include "support/refusals.hpp"

namespace aead_test {

namespace kw = keywarden;
namespace crypto = keywarden::crypto;
using kw::errc;
using kw::testing::accepted;
using kw::testing::aead_laws;
using kw::testing::check_aead_vectors;
using kw::testing::refused_as;

using aeads = std::tuple<crypto::aes256_gcm, crypto::chacha20_poly1305, crypto::aes256_gcm_siv>;

BOOST_AUTO_TEST_SUITE(crypto_aead)

BOOST_AUTO_TEST_CASE(aes256_gcm_gives_the_published_outputs) {
  check_aead_vectors<crypto::aes256_gcm>("aes256_gcm.vec", 40);
}
BOOST_AUTO_TEST_CASE(aes256_gcm_siv_gives_the_published_outputs) {
  check_aead_vectors<crypto::aes256_gcm_siv>("aes256_gcm_siv.vec", 90);
}
BOOST_AUTO_TEST_CASE(chacha20_poly1305_gives_the_published_outputs) {
  check_aead_vectors<crypto::chacha20_poly1305>("chacha20_poly1305.vec", 250);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_is_sealed_opens_to_the_same_at_every_size, Aead, aeads) {
  aead_laws<Aead>::what_is_sealed_opens_to_the_same_at_every_size();
}
BOOST_AUTO_TEST_CASE_TEMPLATE(it_works_where_the_bytes_are, Aead, aeads) {
  aead_laws<Aead>::it_works_where_the_bytes_are();
}
BOOST_AUTO_TEST_CASE_TEMPLATE(every_flipped_bit_is_refused_and_the_data_wiped, Aead, aeads) {
  aead_laws<Aead>::every_flipped_bit_is_refused_and_the_data_wiped();
}
BOOST_AUTO_TEST_CASE_TEMPLATE(a_refusal_wipes_a_long_message_to_its_last_byte, Aead, aeads) {
  aead_laws<Aead>::a_refusal_wipes_a_long_message_to_its_last_byte();
}
BOOST_AUTO_TEST_CASE_TEMPLATE(another_key_is_refused, Aead, aeads) {
  aead_laws<Aead>::another_key_is_refused();
}
BOOST_AUTO_TEST_CASE_TEMPLATE(a_key_of_another_size_is_refused, Aead, aeads) {
  aead_laws<Aead>::a_key_of_another_size_is_refused();
}
BOOST_AUTO_TEST_CASE_TEMPLATE(associated_data_does_not_stick_between_calls, Aead, aeads) {
  aead_laws<Aead>::associated_data_does_not_stick_between_calls();
}
BOOST_AUTO_TEST_CASE_TEMPLATE(associated_data_that_stays_the_same_counts_each_time, Aead, aeads) {
  aead_laws<Aead>::associated_data_that_stays_the_same_counts_each_time();
}
BOOST_AUTO_TEST_CASE_TEMPLATE(one_context_seals_and_opens_in_any_order_after_failures, Aead,
                              aeads) {
  aead_laws<Aead>::one_context_seals_and_opens_in_any_order_after_failures();
}
BOOST_AUTO_TEST_CASE_TEMPLATE(a_moved_context_goes_on, Aead, aeads) {
  aead_laws<Aead>::a_moved_context_goes_on();
}

BOOST_AUTO_TEST_CASE(the_numbers_of_suites_never_change) {
  BOOST_TEST(static_cast<int>(crypto::aes256_gcm::id) == 1);
  BOOST_TEST(static_cast<int>(crypto::chacha20_poly1305::id) == 2);
  BOOST_TEST(static_cast<int>(crypto::aes256_gcm_siv::id) == 3);
}

BOOST_AUTO_TEST_CASE(a_message_above_the_limit_is_refused_before_it_is_read) {
  // Address space without memory behind it: touching one byte of it would be fatal.
  constexpr auto size = static_cast<std::size_t>(crypto::aes256_gcm_siv::max_message_size) + 1;
  void* const nowhere =
      ::mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  BOOST_REQUIRE(nowhere != MAP_FAILED);
  auto cipher = aead_laws<crypto::aes256_gcm_siv>::make();
  crypto::tag tag;
  const auto outcome = cipher.seal({}, {}, {static_cast<std::uint8_t*>(nowhere), size}, tag);
  BOOST_TEST(refused_as(errc::message_too_long, outcome));
  ::munmap(nowhere, size);
}

BOOST_AUTO_TEST_CASE(gcm_siv_with_a_repeated_nonce_shows_only_that_messages_are_equal) {
  auto cipher = aead_laws<crypto::aes256_gcm_siv>::make();
  const auto seal = [&](std::string_view text) {
    auto data = kw::to_bytes(kw::as_bytes(text));
    crypto::tag tag;
    cipher.seal({}, {}, data, tag).value();
    kw::append(data, tag.view());
    return data;
  };
  BOOST_TEST(seal("attack at dawn!!") == seal("attack at dawn!!"));
  const auto one = seal("attack at dawn!!");
  const auto two = seal("attack at noon!!");
  int same = 0;
  for (std::size_t i = 0; i < one.size(); ++i) same += one[i] == two[i] ? 1 : 0;
  BOOST_TEST(same < 6);  // a stream cipher with a repeated nonce would leave 12 bytes the same
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace aead_test
