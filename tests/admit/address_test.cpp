#include <keywarden/admit/address.hpp>

#include <arpa/inet.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <keywarden/admit/network.hpp>

#include "support/refusals.hpp"

namespace address_test {

namespace ka = keywarden::admit;
namespace data = boost::unit_test::data;
using ka::address;
using ka::network;
using keywarden::errc;
using keywarden::fact;
using keywarden::testing::accepted;
using keywarden::testing::refused_as;

struct spelling {
  std::string from;
  std::string canonical;
};
std::ostream& operator<<(std::ostream& out, const spelling& shown) { return out << shown.from; }

const std::vector<spelling> good{
    {"0.0.0.0", "0.0.0.0"},
    {"255.255.255.255", "255.255.255.255"},
    {"192.0.2.1", "192.0.2.1"},
    {"::", "::"},
    {"::1", "::1"},
    {"1::", "1::"},
    {"0:0:0:0:0:0:0:0", "::"},
    {"2001:DB8::8:800:200C:417A", "2001:db8::8:800:200c:417a"},
    {"2001:db8:0:0:8:800:200c:417a", "2001:db8::8:800:200c:417a"},
    {"ff01::101", "ff01::101"},
    {"2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"},
    {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
    {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
    {"2001:db8::1:0:0:1", "2001:db8::1:0:0:1"},
    {"2001:0:0:1::1", "2001:0:0:1::1"},
    {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
    {"1:0:0:2:0:0:0:3", "1:0:0:2::3"},
    {"::13.1.68.3", "::d01:4403"},
    {"::ffff:129.144.52.38", "129.144.52.38"},
    {"::ffff:8190:3426", "129.144.52.38"},
    {"0:0:0:0:0:ffff:10.0.0.1", "10.0.0.1"},
    {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
    {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
    {"fe80::ffff:1.2.3.4", "fe80::ffff:102:304"},
};

const std::vector<std::string> bad{
    "",
    " ",
    "1",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.",
    ".1.2.3",
    "1..2.3",
    "1.2.3.256",
    "1.2.3.999",
    "1.2.3.1000",
    "01.2.3.4",
    "1.2.3.04",
    "1.2.3.00",
    "0x1.2.3.4",
    "1.2.3.4 ",
    " 1.2.3.4",
    "1.2.3.+4",
    "1.2.3.-4",
    "1.2.3.4:80",
    "1.2.3.4/32",
    "3232235777",
    "localhost",
    ":",
    ":::",
    "1",
    ":1",
    "1:",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:",
    ":2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7:8:9",
    "1::2::3",
    "1:::2",
    "1:2:3:4:5:6:7::8",
    "1:2:3:4::5:6:7:8",
    "12345::",
    "g::",
    "00001::",
    "::1%eth0",
    "fe80::1%1",
    "[::1]",
    "[::1]:80",
    "::1/128",
    " ::1",
    "::1 ",
    "1.2.3.4::",
    "::1.2.3.4:5",
    "1:2:3:4:5:6:7:1.2.3.4",
    "1:2:3:4:5:1.2.3.4",
    "::1.2.3",
    "::1.2.3.04",
    "::1.2.3.256",
    "1.2.3.4:1:2:3:4:5:6",
    std::string("::1\0", 4),
    std::string("1.2.3.4\0", 8),
    "\xEF\xBC\x91.2.3.4",
};

const std::vector<std::string> malformed_networks{
    "",
    "/",
    "10.0.0.0",
    "10.0.0.0/",
    "/8",
    "10.0.0.0/33",
    "10.0.0.0/08",
    "10.0.0.0/+8",
    "10.0.0.0/-1",
    "10.0.0.0/8 ",
    "10.0.0.0 /8",
    "10.0.0.0/8/8",
    "10.0.0.0/255.0.0.0",
    "10.0.0/8",
    "::/129",
    "::/1000",
    "::",
    "::/0x0",
    "::ffff:0.0.0.0/95",
    "::ffff:10.0.0.0/129",
};

const std::vector<spelling> with_host_bits{
    {"175.1.0.1/24", "write 175.1.0.0/24, or a longer prefix"},
    {"10.0.0.1/0", "write 0.0.0.0/0, or a longer prefix"},
    {"10.0.0.1/31", "write 10.0.0.0/31, or a longer prefix"},
    {"2001:db8::1/64", "write 2001:db8::/64, or a longer prefix"},
    {"8000::/0", "write ::/0, or a longer prefix"},
    {"::ffff:10.0.0.1/104", "write 10.0.0.0/8, or a longer prefix"},
};

BOOST_AUTO_TEST_SUITE(admit)
BOOST_AUTO_TEST_SUITE(addresses)

BOOST_DATA_TEST_CASE(an_address_is_written_as_rfc_5952_says, data::make(good), each) {
  const auto read = address::parse(each.from);
  BOOST_REQUIRE(accepted(read));
  BOOST_TEST(read->text() == each.canonical);
  BOOST_TEST((address::parse(each.canonical).value() == *read));
}

BOOST_DATA_TEST_CASE(what_is_no_address_is_malformed, data::make(bad), text) {
  const auto read = address::parse(text);
  BOOST_REQUIRE(refused_as(errc::malformed, read));
  BOOST_TEST(!read.error().value_of(fact::next_step).empty());
}

BOOST_AUTO_TEST_CASE(random_texts_are_read_just_as_the_system_reads_them) {
  std::mt19937 choose(7);
  constexpr std::string_view letters = "0123456789abcdefABCDEF::::::::....gG% ";
  int read_well = 0;
  for (int round = 0; round < 300'000; ++round) {
    std::string text;
    if (round % 3 == 0) {  // a whole address with one letter changed
      text = good[choose() % good.size()].from;
      text[choose() % text.size()] = letters[choose() % letters.size()];
    } else {
      for (auto left = 1 + choose() % 14; left > 0; --left)
        text += letters[choose() % (round % 3 == 1 ? letters.size() : 30)];
    }
    std::array<std::uint8_t, 16> octets{};
    const bool is_v6 = ::inet_pton(AF_INET6, text.c_str(), octets.data()) == 1;
    std::array<std::uint8_t, 4> four{};
    const bool is_v4 = !is_v6 && ::inet_pton(AF_INET, text.c_str(), four.data()) == 1;
    const auto read = address::read(text);
    BOOST_REQUIRE_MESSAGE(read.has_value() == (is_v4 || is_v6), text);
    if (!read) continue;
    BOOST_REQUIRE_MESSAGE((*read == (is_v4 ? address::v4(four) : address::v6(octets))), text);
    ++read_well;
  }
  BOOST_TEST(read_well > 1000);
}

BOOST_AUTO_TEST_CASE(random_addresses_are_read_back_from_their_text) {
  std::mt19937 choose(11);
  for (int round = 0; round < 50'000; ++round) {
    std::array<std::uint8_t, 16> octets{};
    for (std::size_t i = 0; i < 16; i += 2)
      if (choose() % 2 == 0) octets[i + choose() % 2] = static_cast<std::uint8_t>(choose());
    const auto made = address::v6(octets);
    const auto read = address::parse(made.text());
    BOOST_REQUIRE(accepted(read));
    BOOST_REQUIRE((*read == made));
    if (made.is_v4()) continue;
    std::array<char, INET6_ADDRSTRLEN> shown{};
    BOOST_REQUIRE(::inet_ntop(AF_INET6, octets.data(), shown.data(), shown.size()) != nullptr);
    // The system still writes the deprecated IPv4-compatible form with dots.
    if (std::strchr(shown.data(), '.') == nullptr) BOOST_REQUIRE(made.text() == shown.data());
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(networks)

BOOST_DATA_TEST_CASE(what_is_no_network_is_malformed, data::make(malformed_networks), text) {
  BOOST_TEST(refused_as(errc::malformed, network::parse(text)));
}

BOOST_DATA_TEST_CASE(set_host_bits_are_refused_and_the_network_is_proposed,
                     data::make(with_host_bits), each) {
  const auto read = network::parse(each.from);
  BOOST_REQUIRE(refused_as(errc::invalid_argument, read));
  BOOST_TEST(read.error().value_of(fact::next_step) == each.canonical);
}

BOOST_AUTO_TEST_CASE(a_network_is_read_back_from_its_text) {
  for (const auto* const text : {"0.0.0.0/0", "10.0.0.0/8", "192.0.2.1/32", "192.0.2.128/25",
                                 "::/0", "2001:db8::/32", "2001:db8::1/128", "8000::/1"}) {
    const auto read = network::parse(text);
    BOOST_REQUIRE(accepted(read));
    BOOST_TEST(read->text() == text);
  }
  BOOST_TEST(network::parse("::ffff:10.0.0.0/104")->text() == "10.0.0.0/8");
}

BOOST_AUTO_TEST_CASE(every_prefix_holds_what_shares_its_bits_and_nothing_else) {
  for (const auto& inside : {address("192.0.2.77"), address("2001:db8:1:2:3:4:5:6")}) {
    const unsigned width = inside.is_v4() ? 32 : 128;
    for (unsigned bits = 0; bits <= width; ++bits) {
      const auto wide = network::around(inside, bits).value();
      BOOST_REQUIRE(wide.bits() == bits);
      BOOST_REQUIRE(wide.contains(inside));
      BOOST_REQUIRE((network::parse(wide.text()).value() == wide));
      for (unsigned flipped = 0; flipped < width; ++flipped) {
        auto octets = inside.bytes();
        const auto at = flipped + (128 - width);
        octets[at / 8] = static_cast<std::uint8_t>(octets[at / 8] ^ (0x80U >> at % 8));
        BOOST_REQUIRE(wide.contains(address::v6(octets)) == (flipped >= bits));
      }
    }
    BOOST_TEST(!network::around(inside, width + 1).has_value());
    BOOST_TEST(!network::of(inside, width - 8).has_value());
  }
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE_END()

}  // namespace address_test
