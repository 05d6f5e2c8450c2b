// Self-signed certificates: what they say, and which are not made.
#include <keywarden/pki/self_signed.hpp>

#include <boost/test/unit_test.hpp>

#include <botan/x509_ext.h>

#include "pki/fixture.hpp"

namespace keywarden::pki {
namespace self_signed_test {

using namespace std::chrono_literals;
using testing::accepted;
using testing::noon;
using testing::refused_as;

const signing_key& key() {
  static const auto made = signing_key::generate().value();
  return made;
}
result<certificate> with(certificate_options options) {
  return make_self_signed(key(), options, noon);
}

BOOST_AUTO_TEST_SUITE(self_signed)

BOOST_AUTO_TEST_CASE(a_certificate_is_valid_from_now_for_one_calendar_year_by_default) {
  const auto made = with({.subject = "db1"}).value();
  BOOST_TEST(to_text(made.not_before()) == "2026-03-01T12:00:00Z");
  BOOST_TEST(to_text(made.not_after()) == "2027-03-01T12:00:00Z");
  BOOST_TEST(made.valid_at(noon));
  BOOST_TEST(!made.valid_at(noon - 1s));
  BOOST_TEST(made.valid_at(made.not_after()));
  BOOST_TEST(!made.valid_at(made.not_after() + 1s));
}

BOOST_AUTO_TEST_CASE(the_default_expiry_follows_the_start_that_was_given) {
  const auto start = noon + std::chrono::days(100);
  const auto made = with({.subject = "db1", .start = start}).value();
  BOOST_TEST((made.not_before() == start));
  BOOST_TEST((made.not_after() == one_year_after(start)));
}

BOOST_AUTO_TEST_CASE(a_certificate_names_its_holder_and_is_no_authority) {
  const auto made = with({.subject = "db1",
                          .dns_names = {"DB1.example.org", "*.db.example.org"},
                          .ip_addresses = {"192.0.2.7", "2001:db8::7"}})
                        .value();
  BOOST_TEST(made.common_name() == "db1");
  BOOST_TEST(!made.is_authority());
  BOOST_TEST(made.is_self_signed());
  const auto& x509 = made.x509();
  BOOST_TEST(x509.x509_version() == 3U);
  const auto& names = x509.subject_alt_name();
  std::vector<std::string> hosts;
  for (const auto& each : names.dns_names()) hosts.push_back(each.name());
  BOOST_TEST((hosts == std::vector<std::string>{"*.db.example.org", "db1.example.org"}));
  BOOST_TEST(names.ipv4_addresses().begin()->to_string() == "192.0.2.7");
  BOOST_TEST(names.ipv6_addresses().begin()->to_string() == "2001:db8::7");
  BOOST_TEST(
      (x509.constraints() == Botan::Key_Constraints(Botan::Key_Constraints::DigitalSignature)));
  BOOST_TEST(x509.extended_key_usage().size() == 2U);
  BOOST_TEST(x509.has_ex_constraint("PKIX.ServerAuth"));
  BOOST_TEST(x509.has_ex_constraint("PKIX.ClientAuth"));
  BOOST_TEST(x509.check_signature(*x509.subject_public_key()));
}

BOOST_AUTO_TEST_CASE(serial_numbers_are_random) {
  const auto one = with({.subject = "db1"}).value();
  const auto other = with({.subject = "db1"}).value();
  BOOST_TEST(one.serial() != other.serial());
  BOOST_TEST(one.serial().size() == 32U);
  BOOST_TEST((one.fingerprint() != other.fingerprint()));
  BOOST_TEST((one.key_fingerprint() == other.key_fingerprint()));
}

BOOST_AUTO_TEST_CASE(p384_signs_with_sha_384_and_the_others_with_sha_256) {
  const auto hash = [](const signing_key& from) {
    return make_self_signed(from, {.subject = "x"}, noon)
        .value()
        .x509()
        .signature_algorithm()
        .oid()
        .to_formatted_string();
  };
  BOOST_TEST(hash(key()) == "ECDSA/SHA-256");
  BOOST_TEST(hash(signing_key::generate<ecdsa_p384>().value()) == "ECDSA/SHA-384");
  BOOST_TEST(hash(signing_key::generate<rsa<>>().value()) == "RSA/PKCS1v15(SHA-256)");
}

BOOST_AUTO_TEST_CASE(an_ed25519_key_is_refused_with_the_reason) {
  const auto refusal =
      make_self_signed(signing_key::generate<ed25519>().value(), {.subject = "x"}, noon);
  BOOST_REQUIRE(refused_as(errc::unsupported_suite, refusal));
  BOOST_TEST(refusal.error().value_of(fact::reason) ==
             "Botan's TLS takes no Ed25519 leaf certificate");
}

BOOST_AUTO_TEST_CASE(a_subject_has_1_to_64_bytes_of_text) {
  BOOST_TEST(accepted(with({.subject = std::string(64, 'a')})));
  BOOST_TEST(accepted(with({.subject = "Z\xC3\xBCrich"})));
  BOOST_TEST(refused_as(errc::invalid_argument, with({.subject = ""})));
  BOOST_TEST(refused_as(errc::invalid_argument, with({.subject = std::string(65, 'a')})));
  BOOST_TEST(refused_as(errc::invalid_argument, with({.subject = "a\nb"})));
  BOOST_TEST(refused_as(errc::invalid_argument, with({.subject = std::string("a\0b", 3)})));
  BOOST_TEST(refused_as(errc::invalid_argument, with({.subject = "\xC3("})));
}

BOOST_AUTO_TEST_CASE(a_certificate_that_ends_before_it_begins_is_refused) {
  BOOST_TEST(refused_as(errc::invalid_argument, with({.subject = "x", .expiry = noon - 1s})));
  BOOST_TEST(refused_as(errc::invalid_argument, with({.subject = "x", .expiry = noon})));
  BOOST_TEST(accepted(with({.subject = "x", .expiry = noon + 1s})));
  BOOST_TEST(refused_as(errc::invalid_argument,
                        with({.subject = "x", .start = noon + 10s, .expiry = noon + 5s})));
}

BOOST_AUTO_TEST_CASE(dates_that_a_certificate_cannot_hold_are_refused) {
  BOOST_TEST(refused_as(errc::invalid_argument, with({.subject = "x", .start = time_point(-1s)})));
  const time_point far = std::chrono::sys_days(std::chrono::year(10001) / 1 / 1);
  BOOST_TEST(refused_as(errc::invalid_argument, with({.subject = "x", .expiry = far})));
  BOOST_TEST(refused_as(errc::invalid_argument, with({.subject = "x", .start = far})));
  const time_point late = std::chrono::sys_days(std::chrono::year(2080) / 1 / 1);
  BOOST_TEST((with({.subject = "x", .expiry = late}).value().not_after() == late));
}

BOOST_AUTO_TEST_CASE(names_that_are_none_are_refused) {
  for (const std::string wrong :
       {"", "a b", "*", "*.org", "a.*.example.org", "f*.example.org", "*.*.example.org", ".org",
        "192.0.2.1", "a..b", "-a.example.org"}) {
    BOOST_TEST_CONTEXT(wrong) {
      const auto refusal = with({.subject = "x", .dns_names = {wrong}});
      BOOST_REQUIRE(refused_as(errc::invalid_argument, refusal));
      BOOST_TEST(refusal.error().value_of(fact::name) == wrong);
    }
  }
  for (const std::string wrong : {"", "example.org", "1.2.3", "1.2.3.256", "::g", "[::1]"})
    BOOST_TEST_CONTEXT(wrong)
  BOOST_TEST(refused_as(errc::invalid_argument, with({.subject = "x", .ip_addresses = {wrong}})));
  BOOST_TEST(refused_as(
      errc::limit_exceeded,
      with({.subject = "x", .dns_names = std::vector<std::string>(257, "a.example.org")})));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace self_signed_test

}  // namespace keywarden::pki
