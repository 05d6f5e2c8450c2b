#include <keywarden/admit/trusted_proxies.hpp>

#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

namespace trusted_proxies_test {

namespace ka = keywarden::admit;
using ka::address;
using ka::network;
using ka::trusted_proxies;

constexpr address proxy("10.0.0.1");
constexpr address client("203.0.113.9");

// Whose a request is that comes through 10.0.0.0/8 or 2001:db8:1::/48 with these header lines.
std::string client_of(std::vector<std::string_view> lines, const address& peer = proxy) {
  const trusted_proxies who({network("10.0.0.0/8"), network("2001:db8:1::/48")});
  return who.client({peer, lines}).text();
}

BOOST_AUTO_TEST_SUITE(admit)
BOOST_AUTO_TEST_SUITE(proxies)

BOOST_AUTO_TEST_CASE(the_peer_address_looks_at_no_header) {
  const std::vector<std::string_view> lines{"203.0.113.9"};
  BOOST_TEST(ka::peer_address::client({proxy, lines}).text() == "10.0.0.1");
  BOOST_TEST(trusted_proxies().client({proxy, lines}).text() == "10.0.0.1");
}

BOOST_AUTO_TEST_CASE(the_client_is_who_the_trusted_proxy_saw) {
  BOOST_TEST(client_of({"203.0.113.9"}) == "203.0.113.9");
  BOOST_TEST(client_of({"203.0.113.9, 10.0.0.7,10.200.0.1"}) == "203.0.113.9");
  BOOST_TEST(client_of({"2001:db8:2::9, 2001:db8:1::7"}) == "2001:db8:2::9");
}

BOOST_AUTO_TEST_CASE(a_peer_that_is_no_trusted_proxy_cannot_name_another) {
  BOOST_TEST(client_of({"198.51.100.1"}, client) == "203.0.113.9");
  BOOST_TEST(client_of({"10.0.0.5", "10.0.0.6"}, client) == "203.0.113.9");
}

BOOST_AUTO_TEST_CASE(what_a_client_writes_before_the_proxy_appends_gains_nothing) {
  for (const std::string_view spoofed :
       {"198.51.100.1", "10.0.0.5", "127.0.0.1", "unknown", "", ",,,", "10.0.0.5, 10.0.0.6", "[",
        "\"", "203.0.113.9:99999999999", "\x01\xff\n"}) {
    const auto line = std::string(spoofed) + ", 203.0.113.9";
    BOOST_TEST(client_of({line}) == "203.0.113.9");
    BOOST_TEST(client_of({line + ", 10.0.0.7"}) == "203.0.113.9");
    BOOST_TEST(client_of({spoofed, "203.0.113.9"}) == "203.0.113.9");
  }
}

BOOST_AUTO_TEST_CASE(several_lines_are_one_list_in_their_order) {
  BOOST_TEST(client_of({"198.51.100.1, 203.0.113.9", "10.0.0.7, 10.0.0.8"}) == "203.0.113.9");
  BOOST_TEST(client_of({"203.0.113.9", "198.51.100.1"}) == "198.51.100.1");
  BOOST_TEST(client_of({"203.0.113.9", "", "10.0.0.7", ""}) == "203.0.113.9");
}

BOOST_AUTO_TEST_CASE(ports_brackets_and_the_mapped_spelling_are_read) {
  for (const std::string_view spelling :
       {"203.0.113.9:8080", "203.0.113.9:0", "203.0.113.9:65535", "::ffff:203.0.113.9",
        "[::ffff:203.0.113.9]", "[::ffff:203.0.113.9]:443", "::FFFF:cb00:7109",
        " \t203.0.113.9\t "})
    BOOST_TEST(client_of({spelling}) == "203.0.113.9", spelling);
  BOOST_TEST(client_of({"[2001:db8:2::9]:443"}) == "2001:db8:2::9");
  BOOST_TEST(client_of({"203.0.113.9, [2001:db8:1::1]:1, ::ffff:10.0.0.2, 10.0.0.3:5"}) ==
             "203.0.113.9");
  BOOST_TEST(client_of({"203.0.113.9"}, address("::ffff:10.0.0.1")) == "203.0.113.9");
}

BOOST_AUTO_TEST_CASE(what_is_no_address_is_counted_against_the_proxy_that_wrote_it) {
  for (const std::string_view hidden : {"unknown",
                                        "_hidden",
                                        "_SEVKISEK",
                                        "localhost",
                                        "203.0.113.9.",
                                        "203.0.113",
                                        "0313.0.113.9",
                                        "203.0.113.9:",
                                        "203.0.113.9:65536",
                                        "203.0.113.9:123456",
                                        "203.0.113.9:-1",
                                        "203.0.113.9:8o",
                                        "203.0.113.9 :80",
                                        "[203.0.113.9]",
                                        "[2001:db8:2::9",
                                        "2001:db8:2::9]",
                                        "[2001:db8:2::9]80",
                                        "[2001:db8:2::9]:",
                                        "[]",
                                        "[]:80",
                                        ":",
                                        ":80",
                                        "fe80::1%eth0",
                                        "\"203.0.113.9\"",
                                        "for=203.0.113.9",
                                        "203.0.113.9;x",
                                        "203.0.113.9 198.51.100.1"}) {
    BOOST_TEST(client_of({hidden}) == "10.0.0.1", hidden);
    BOOST_TEST(client_of({"203.0.113.9, " + std::string(hidden) + ", 10.0.0.7"}) == "10.0.0.7");
  }
}

BOOST_AUTO_TEST_CASE(without_a_useful_header_the_last_proxy_is_the_client) {
  BOOST_TEST(client_of({}) == "10.0.0.1");
  BOOST_TEST(client_of({""}) == "10.0.0.1");
  BOOST_TEST(client_of({" , ,\t,", ""}) == "10.0.0.1");
  BOOST_TEST(client_of({"10.0.0.9, 10.0.0.8"}) == "10.0.0.9");
}

BOOST_AUTO_TEST_CASE(empty_elements_are_passed_over) {
  BOOST_TEST(client_of({"198.51.100.1,203.0.113.9,, 10.0.0.7 ,"}) == "203.0.113.9");
}

BOOST_AUTO_TEST_CASE(no_more_than_32_elements_are_looked_at) {
  std::string line = "203.0.113.9";
  for (int i = 1; i < 32; ++i) line += ", 10.0.1." + std::to_string(i);
  BOOST_TEST(client_of({line}) == "203.0.113.9");
  BOOST_TEST(client_of({line + ",10.0.2.1"}) == "10.0.1.1");
  BOOST_TEST(client_of({line + ","}) == "10.0.1.1");
  BOOST_TEST(client_of({line, ""}) == "10.0.1.1");

  std::string thousand = "203.0.113.9";
  for (int i = 0; i < 1'000; ++i) thousand += ", 10.0.3.1";
  BOOST_TEST(client_of({thousand}) == "10.0.3.1");
  BOOST_TEST(client_of({"203.0.113.9", std::string(1'000, ',')}) == "10.0.0.1");
  BOOST_TEST(client_of(std::vector<std::string_view>(1'000)) == "10.0.0.1");
}

BOOST_AUTO_TEST_CASE(an_element_longer_than_an_address_is_none_and_is_not_searched) {
  const auto padding = std::string(1'000'000, ' ');
  BOOST_TEST(client_of({"203.0.113.9," + padding}) == "10.0.0.1");
  BOOST_TEST(client_of({"203.0.113.9," + padding + "10.0.0.7"}) == "10.0.0.1");
  BOOST_TEST(client_of({padding + "203.0.113.9"}) == "10.0.0.1");
  BOOST_TEST(client_of({padding + ",203.0.113.9"}) == "203.0.113.9");
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE_END()

}  // namespace trusted_proxies_test
