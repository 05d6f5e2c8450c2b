// Fingerprints as people compare them.
#include <keywarden/pki/fingerprint.hpp>

#include <boost/test/unit_test.hpp>

#include "support/refusals.hpp"

namespace keywarden::pki {
namespace fingerprint_test {

using testing::refused_as;

const std::string colons =
    "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:"
    "ff";
const std::string plain = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";

BOOST_AUTO_TEST_SUITE(fingerprints)

BOOST_AUTO_TEST_CASE(a_fingerprint_goes_to_text_and_back) {
  const auto read = parse_fingerprint(colons).value();
  BOOST_TEST((parse_fingerprint(plain).value() == read));
  BOOST_TEST(to_text(read).size() == 95U);
  BOOST_TEST(to_text(read).starts_with("00:11:22"));
  BOOST_TEST(to_text(read).ends_with("DD:EE:FF"));
  BOOST_TEST((parse_fingerprint(to_text(read)).value() == read));
}

BOOST_AUTO_TEST_CASE(a_fingerprint_of_another_length_is_refused) {
  BOOST_TEST(refused_as(errc::malformed, parse_fingerprint("")));
  BOOST_TEST(refused_as(errc::malformed, parse_fingerprint(plain.substr(1))));
  BOOST_TEST(refused_as(errc::malformed, parse_fingerprint(plain + "0")));
  BOOST_TEST(refused_as(errc::malformed, parse_fingerprint(plain.substr(0, 40))));  // SHA-1
}

BOOST_AUTO_TEST_CASE(what_is_not_a_digit_is_refused_and_never_dropped) {
  for (const std::size_t at : {std::size_t{0}, std::size_t{31}, plain.size() - 1})
    for (const char wrong : {' ', 'g', '?', '-', '\0'}) {
      auto text = plain;
      text[at] = wrong;
      BOOST_TEST(refused_as(errc::malformed, parse_fingerprint(text)));
    }
  BOOST_TEST(refused_as(errc::malformed, parse_fingerprint("\xE2\x80\x8E" + plain)));
  BOOST_TEST(refused_as(errc::malformed, parse_fingerprint("\xE2\x80\x8E" + plain.substr(3))));
}

BOOST_AUTO_TEST_CASE(colons_in_other_places_are_refused) {
  auto text = colons;
  text[2] = '-';
  BOOST_TEST(refused_as(errc::malformed, parse_fingerprint(text)));
  text = colons;
  std::swap(text[2], text[3]);
  BOOST_TEST(refused_as(errc::malformed, parse_fingerprint(text)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace fingerprint_test

}  // namespace keywarden::pki
