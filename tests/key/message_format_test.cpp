#include <keywarden/key/message_format.hpp>

#include <boost/test/unit_test.hpp>

#include <keywarden/core/encoding.hpp>

#include "support/refusals.hpp"

namespace message_format_test {

namespace kw = keywarden;
using kw::errc;
using kw::crypto::suite;
using kw::testing::accepted;
using kw::testing::refused_as;

const kw::message_header header{kw::key_id(0x01020304),
                                kw::strong_from_hex<kw::nonce>("a0a1a2a3a4a5a6a7a8a9aaab").value()};

template <class Format>
kw::bytes written(suite algorithm) {
  kw::bytes out(Format::header_size + 3, 0xEE);
  Format::write_header(out, header, algorithm);
  return out;
}

template <class Format>
std::string associated(const kw::bytes& whole, std::string_view data) {
  kw::bytes out(Format::associated_overhead + data.size());
  Format::associate(out, kw::bytes_view(whole).first(Format::header_size), kw::as_bytes(data));
  return kw::to_hex(out);
}

BOOST_AUTO_TEST_SUITE(message_formats)

BOOST_AUTO_TEST_CASE(the_native_header_is_frozen) {
  BOOST_TEST(kw::to_hex(written<kw::format::native>(suite::chacha20_poly1305)) ==
             "4b0201020304a0a1a2a3a4a5a6a7a8a9aaabeeeeee");
}

BOOST_AUTO_TEST_CASE(the_native_header_reads_back) {
  kw::message_header read;
  BOOST_REQUIRE(accepted(kw::format::native::read_header(
      written<kw::format::native>(suite::aes256_gcm), suite::aes256_gcm, read)));
  BOOST_TEST((read.key == header.key && read.once == header.once));
}

BOOST_AUTO_TEST_CASE(every_other_version_and_suite_is_refused) {
  kw::message_header read;
  for (unsigned value = 0; value < 256; ++value) {
    auto native = written<kw::format::native>(suite::aes256_gcm);
    native[0] = static_cast<std::uint8_t>(value);
    if (value != 0x4B)
      BOOST_TEST(refused_as(errc::unsupported_version,
                            kw::format::native::read_header(native, suite::aes256_gcm, read)));
    native[0] = 0x4B;
    native[1] = static_cast<std::uint8_t>(value);
    if (value != 1)
      BOOST_TEST(refused_as(errc::unsupported_suite,
                            kw::format::native::read_header(native, suite::aes256_gcm, read)));
    auto tink = written<kw::format::tink>(suite::aes256_gcm);
    tink[0] = static_cast<std::uint8_t>(value);
    if (value != 1)
      BOOST_TEST(refused_as(errc::unsupported_version,
                            kw::format::tink::read_header(tink, suite::aes256_gcm, read)));
  }
}

BOOST_AUTO_TEST_CASE(tinks_header_is_its_prefix_key_id_and_nonce) {
  BOOST_TEST(kw::to_hex(written<kw::format::tink>(suite::aes256_gcm)) ==
             "0101020304a0a1a2a3a4a5a6a7a8a9aaabeeeeee");
  kw::message_header read;
  BOOST_REQUIRE(accepted(kw::format::tink::read_header(written<kw::format::tink>(suite::aes256_gcm),
                                                       suite::aes256_gcm, read)));
  BOOST_TEST((read.key == header.key && read.once == header.once));
}

BOOST_AUTO_TEST_CASE(the_native_form_authenticates_its_header_and_the_length_of_the_callers_data) {
  const auto whole = written<kw::format::native>(suite::aes256_gcm);
  BOOST_TEST(associated<kw::format::native>(whole, "ab") ==
             "4b0101020304"
             "0000000000000002"
             "6162");
  BOOST_TEST(associated<kw::format::native>(whole, "") ==
             "4b0101020304"
             "0000000000000000");
}

BOOST_AUTO_TEST_CASE(tinks_form_authenticates_the_callers_data_as_it_is) {
  const auto whole = written<kw::format::tink>(suite::aes256_gcm);
  BOOST_TEST(associated<kw::format::tink>(whole, "ab") == "6162");
  BOOST_TEST(associated<kw::format::tink>(whole, "") == "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace message_format_test
