#include <keywarden/protect/pad.hpp>

#include <boost/test/unit_test.hpp>

#include "laws.hpp"

namespace pad_test {

using namespace keywarden;
using namespace keywarden::testing;
using namespace keywarden::protect::detail;

secret_key filled(std::uint8_t byte) { return secret_key::copy_of(bytes(32, byte)); }

BOOST_AUTO_TEST_CASE(a_pad_applied_twice_gives_the_key_back) {
  const bytes salt(32, 1);
  const auto once = pad(the_key(), filled(2), salt, as_bytes("here")).value();
  BOOST_TEST(!(once == the_key()));
  BOOST_TEST((pad(once, filled(2), salt, as_bytes("here")).value() == the_key()));
}

BOOST_AUTO_TEST_CASE(a_pad_is_hkdf_sha256) {
  const bytes salt(32, 1);
  const auto stream = crypto::hkdf_sha256(filled(2), salt, as_bytes("here"), 32).value();
  BOOST_TEST(
      (pad(keywarden::detail::sized_key(32), filled(2), salt, as_bytes("here")).value() == stream));
}

BOOST_AUTO_TEST_CASE(each_input_changes_the_pad) {
  const bytes salt(32, 1);
  const bytes other_salt(32, 3);
  const auto made = pad(the_key(), filled(2), salt, as_bytes("here")).value();
  BOOST_TEST(!(pad(the_key(), filled(4), salt, as_bytes("here")).value() == made));
  BOOST_TEST(!(pad(the_key(), filled(2), other_salt, as_bytes("here")).value() == made));
  BOOST_TEST(!(pad(the_key(), filled(2), salt, as_bytes("there")).value() == made));
}

BOOST_AUTO_TEST_CASE(only_keys_of_32_bytes_are_hidden) {
  for (const std::size_t size : {0U, 31U, 33U})
    BOOST_TEST(refused_as(errc::invalid_argument,
                          hide_under(keywarden::detail::sized_key(size), filled(1), {}, {})));
}

BOOST_AUTO_TEST_CASE(a_wrong_secret_gives_another_key_and_no_sign) {
  const auto stored = hide_under(the_key(), filled(1), as_bytes("here"), {}).value().value;
  keywarden::detail::json_reader read(stored, "slot data");
  const auto hidden = hidden_key::read(read);
  BOOST_REQUIRE(accepted(read.finish()));  // nothing is stored but the salt and the hidden key
  std::set<std::string> seen;
  std::size_t ones = 0;
  for (unsigned secret = 0; secret < 256; ++secret) {
    const auto candidate =
        hidden.candidate(filled(static_cast<std::uint8_t>(secret)), as_bytes("here"));
    BOOST_REQUIRE(accepted(candidate));
    BOOST_TEST((*candidate == the_key()) == (secret == 1));
    for (const auto byte : keywarden::detail::view_of(*candidate))
      ones += static_cast<std::size_t>(std::popcount(byte));
    seen.insert(to_hex(keywarden::detail::view_of(*candidate)));
  }
  BOOST_TEST(seen.size() == 256U);
  // 65,536 fair bits: 32,768 ones, give or take 128; eight deviations are never seen by chance
  BOOST_TEST(ones > 31744U);
  BOOST_TEST(ones < 33792U);
}

BOOST_AUTO_TEST_CASE(a_scheme_of_any_length_is_its_own) {
  const std::string scheme(2000, 'x');
  const nlohmann::json data{{"scheme", scheme}};
  keywarden::detail::json_reader read(data, "slot data");
  expect_scheme(read, scheme);
  BOOST_TEST(accepted(read.finish()));
}

BOOST_AUTO_TEST_CASE(another_scheme_is_malformed) {
  for (const auto* other : {"", "machin", "machines", "MACHINE", "account"}) {
    const nlohmann::json data{{"scheme", other}};
    keywarden::detail::json_reader read(data, "slot data");
    expect_scheme(read, "machine");
    BOOST_TEST(refused_as(errc::malformed, read.finish()));
  }
}

}  // namespace pad_test
