#include <keywarden/crypto/kem.hpp>

#include <tuple>

#include <boost/test/unit_test.hpp>

#include <keywarden/crypto/dhkem.hpp>
#include <keywarden/crypto/rsa_oaep.hpp>
#include <keywarden/crypto/x_wing.hpp>

#include "crypto/kem_laws.hpp"

namespace keywarden::testing {

template <std::size_t Bits>
inline constexpr errc shortened_public_key<crypto::rsa_oaep<Bits>> = errc::malformed;
template <std::size_t Bits>
inline constexpr errc shortened_private_key<crypto::rsa_oaep<Bits>> = errc::malformed;

namespace kem_test {

using models =
    std::tuple<crypto::x_wing, crypto::dhkem_p256, crypto::dhkem_x25519, crypto::rsa_oaep<>>;

BOOST_AUTO_TEST_SUITE(kem)

BOOST_AUTO_TEST_CASE_TEMPLATE(the_receiver_finds_the_sender_s_secret, Kem, models) {
  kem_laws<Kem>::the_receiver_finds_the_sender_s_secret();
}
BOOST_AUTO_TEST_CASE_TEMPLATE(two_encapsulations_have_nothing_in_common, Kem, models) {
  kem_laws<Kem>::two_encapsulations_have_nothing_in_common();
}
BOOST_AUTO_TEST_CASE_TEMPLATE(the_caller_s_randomness_decides_everything, Kem, models) {
  kem_laws<Kem>::the_caller_s_randomness_decides_everything();
}
BOOST_AUTO_TEST_CASE_TEMPLATE(a_source_that_fails_makes_no_secret_and_no_key, Kem, models) {
  kem_laws<Kem>::a_source_that_fails_makes_no_secret_and_no_key();
}
BOOST_AUTO_TEST_CASE_TEMPLATE(another_s_private_key_does_not_find_the_secret, Kem, models) {
  kem_laws<Kem>::another_s_private_key_does_not_find_the_secret();
}
BOOST_AUTO_TEST_CASE_TEMPLATE(no_altered_byte_leads_to_the_same_secret, Kem, models) {
  kem_laws<Kem>::no_altered_byte_leads_to_the_same_secret();
}
BOOST_AUTO_TEST_CASE_TEMPLATE(a_ciphertext_of_the_wrong_size_is_refused, Kem, models) {
  kem_laws<Kem>::a_ciphertext_of_the_wrong_size_is_refused();
}
BOOST_AUTO_TEST_CASE_TEMPLATE(a_public_key_of_the_wrong_size_is_refused, Kem, models) {
  kem_laws<Kem>::a_public_key_of_the_wrong_size_is_refused();
}
BOOST_AUTO_TEST_CASE_TEMPLATE(a_private_key_of_the_wrong_size_is_refused, Kem, models) {
  kem_laws<Kem>::a_private_key_of_the_wrong_size_is_refused();
}
BOOST_AUTO_TEST_CASE_TEMPLATE(keys_survive_encoding, Kem, models) {
  kem_laws<Kem>::keys_survive_encoding();
}
BOOST_AUTO_TEST_CASE_TEMPLATE(noise_is_refused_without_an_exception, Kem, models) {
  kem_laws<Kem>::noise_is_refused_without_an_exception();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace kem_test

}  // namespace keywarden::testing
