#include <keywarden/core/encoding.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "support/refusals.hpp"

namespace encoding_test {

namespace kw = keywarden;
namespace data = boost::unit_test::data;
using kw::errc;
using kw::testing::accepted;
using kw::testing::refused_as;

// RFC 4648, section 10.
const std::vector<std::string> plain{"", "f", "fo", "foo", "foob", "fooba", "foobar"};
const std::vector<std::string> base64{"",         "Zg==",     "Zm8=",    "Zm9v",
                                      "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
const std::vector<std::string> hex{"",         "66",         "666f",        "666f6f",
                                   "666f6f62", "666f6f6261", "666f6f626172"};

const std::vector<std::string> bad_base64{
    "Zg",       "Zg=",   "Zg===",     "=",        "Zh==",   "Zm9=",    "Zm9vYg==\n",
    " Zm9v",    "Zm9v ", "Zm 9v",     "Zm\n9v",   "Zm9v=",  "Zm9-",    "Zm9_",
    "Zg==Zg==", "Z",     "Zm9vYmFyZ", "Zm9v====", "\tZg==", "Zg==\r\n"};
const std::vector<std::string> bad_hex{"6",   "66F", "6F",   "0x66", "66 6f",
                                       " 66", "66 ", "66\n", "6g",   "66:6f",
                                       "-1",  "666", "AB",   "aB",   "6\xC3\xA4"};

BOOST_AUTO_TEST_SUITE(core)
BOOST_AUTO_TEST_SUITE(encoding)

BOOST_DATA_TEST_CASE(base64_is_rfc_4648s, data::make(plain) ^ base64, text, encoded) {
  BOOST_TEST(kw::to_base64(kw::as_bytes(text)) == encoded);
  const auto decoded = kw::from_base64(encoded);
  BOOST_REQUIRE(accepted(decoded));
  BOOST_TEST(kw::as_text(*decoded) == text);
}

BOOST_DATA_TEST_CASE(hexadecimal_is_rfc_4648s_in_lower_case, data::make(plain) ^ hex, text,
                     encoded) {
  BOOST_TEST(kw::to_hex(kw::as_bytes(text)) == encoded);
  const auto decoded = kw::from_hex(encoded);
  BOOST_REQUIRE(accepted(decoded));
  BOOST_TEST(kw::as_text(*decoded) == text);
}

BOOST_DATA_TEST_CASE(base64_in_another_spelling_is_refused, data::make(bad_base64), text) {
  BOOST_TEST(refused_as(errc::malformed, kw::from_base64(text)));
}

BOOST_DATA_TEST_CASE(hexadecimal_in_another_spelling_is_refused, data::make(bad_hex), text) {
  BOOST_TEST(refused_as(errc::malformed, kw::from_hex(text)));
}

BOOST_AUTO_TEST_CASE(text_with_a_zero_byte_is_refused) {
  BOOST_TEST(refused_as(errc::malformed, kw::from_hex(std::string_view("66\0", 3))));
  BOOST_TEST(refused_as(errc::malformed, kw::from_base64(std::string_view("Zg==\0", 5))));
}

BOOST_AUTO_TEST_CASE(every_byte_value_survives_both_encodings) {
  kw::bytes all(256);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint8_t>(i);
  BOOST_TEST(kw::from_hex(kw::to_hex(all)).value() == all);
  BOOST_TEST(kw::from_base64(kw::to_base64(all)).value() == all);
}

BOOST_AUTO_TEST_CASE(a_strong_value_takes_exactly_its_size) {
  const auto parsed = kw::strong_from_hex<kw::nonce>("000102030405060708090a0b");
  BOOST_REQUIRE(accepted(parsed));
  BOOST_TEST(parsed->view()[11] == 11);
  BOOST_TEST(refused_as(errc::malformed, kw::strong_from_hex<kw::nonce>("000102030405060708090a")));
  BOOST_TEST(
      refused_as(errc::malformed, kw::strong_from_hex<kw::nonce>("000102030405060708090a0b0c")));
  BOOST_TEST(refused_as(errc::malformed, kw::strong_from_hex<kw::nonce>("")));
  BOOST_TEST(
      refused_as(errc::malformed, kw::strong_from_hex<kw::nonce>("000102030405060708090A0B")));
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE_END()

}  // namespace encoding_test
