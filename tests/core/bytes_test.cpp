#include <keywarden/core/bytes.hpp>

#include <boost/test/unit_test.hpp>

namespace kw = keywarden;

static_assert([] {
  std::uint8_t out[4]{};
  kw::store_big_endian(kw::mutable_bytes(out), std::uint32_t{0x01020304});
  return out[0] == 1 && out[3] == 4 &&
         kw::load_big_endian<std::uint32_t>(kw::bytes_view(out)) == 0x01020304;
}());

BOOST_AUTO_TEST_SUITE(core)
BOOST_AUTO_TEST_SUITE(byte_vocabulary)

BOOST_AUTO_TEST_CASE(integers_are_written_most_significant_byte_first) {
  kw::bytes out;
  kw::append_big_endian(out, std::uint8_t{0xAB});
  kw::append_big_endian(out, std::uint16_t{0x0102});
  kw::append_big_endian(out, std::uint64_t{0xFF00000000000001});
  BOOST_TEST(out == (kw::bytes{0xAB, 1, 2, 0xFF, 0, 0, 0, 0, 0, 0, 1}));
  BOOST_TEST(kw::load_big_endian<std::uint64_t>(kw::bytes_view(out).subspan(3)) ==
             0xFF00000000000001U);
  BOOST_TEST(kw::load_big_endian<std::uint8_t>(kw::bytes_view(out)) == 0xABU);
}

BOOST_AUTO_TEST_CASE(fields_split_at_different_places_make_different_bytes) {
  const auto joined = [](std::string_view first, std::string_view second) {
    kw::bytes out;
    kw::append_length_prefixed(out, kw::as_bytes(first));
    kw::append_length_prefixed(out, kw::as_bytes(second));
    return out;
  };
  BOOST_TEST(joined("ab", "c") != joined("a", "bc"));
  BOOST_TEST(joined("", "x") != joined("x", ""));
  BOOST_TEST(joined("a", "").size() == 17U);
}

BOOST_AUTO_TEST_CASE(text_and_bytes_are_two_views_of_the_same) {
  BOOST_TEST(kw::as_text(kw::as_bytes("abc")) == "abc");
  BOOST_TEST(kw::to_bytes(kw::as_bytes("ab")) == (kw::bytes{'a', 'b'}));
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE_END()
