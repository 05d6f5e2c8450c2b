// Reading certificates and private keys, whole and nothing else.
#include <keywarden/pki/certificate.hpp>

#include <boost/test/unit_test.hpp>

#include <botan/ec_group.h>
#include <botan/ecdsa.h>
#include <botan/rsa.h>
#include <botan/system_rng.h>
#include <botan/x25519.h>
#include <botan/x509_ca.h>

#include "pki/fixture.hpp"

namespace keywarden::pki {
namespace certificate_test {

using testing::accepted;
using testing::noon;
using testing::refused_as;

const certificate& sample() {
  static const auto made =
      make_self_signed(signing_key::generate().value(), {.subject = "db1"}, noon).value();
  return made;
}
result<signing_key> adopted(std::unique_ptr<Botan::Private_Key> key) {
  return signing_key::adopt(std::move(key));
}
std::unique_ptr<Botan::Private_Key> on_curve(std::string_view name) {
  return std::make_unique<Botan::ECDSA_PrivateKey>(Botan::system_rng(),
                                                   Botan::EC_Group::from_name(name));
}

BOOST_AUTO_TEST_SUITE(certificates)

BOOST_AUTO_TEST_CASE(a_certificate_reads_back_from_der_and_pem) {
  BOOST_TEST((certificate::from_der(sample().der()).value() == sample()));
  BOOST_TEST((certificate::from_pem(sample().pem()).value() == sample()));
  BOOST_TEST((certificate::from_file_content(sample().der()).value() == sample()));
  BOOST_TEST((certificate::from_file_content(as_bytes(sample().pem())).value() == sample()));
  BOOST_TEST((certificate::from_der(sample().der()).value().der() == sample().der()));
}

BOOST_AUTO_TEST_CASE(bytes_after_or_missing_from_a_certificate_are_refused) {
  auto longer = sample().der();
  longer.push_back(0);
  BOOST_TEST(refused_as(errc::malformed, certificate::from_der(longer)));
  const auto whole = sample().der();
  for (std::size_t size = 0; size < whole.size(); size += 7)
    BOOST_TEST(refused_as(errc::malformed, certificate::from_der(bytes_view(whole).first(size))));
}

BOOST_AUTO_TEST_CASE(what_is_no_certificate_is_refused) {
  BOOST_TEST(refused_as(errc::malformed, certificate::from_pem("")));
  BOOST_TEST(refused_as(errc::malformed, certificate::from_pem("-----BEGIN CERTIFICATE-----")));
  auto key = sample().pem();
  key.replace(key.find("CERTIFICATE"), 11, "PRIVATE KEY");
  BOOST_TEST(refused_as(errc::malformed, certificate::from_pem(key)));
  BOOST_TEST(refused_as(errc::limit_exceeded, certificate::from_der(bytes(65537, 0x30))));
  BOOST_TEST(refused_as(errc::limit_exceeded, certificate::from_pem(std::string(131073, ' '))));
}

BOOST_AUTO_TEST_CASE(dates_before_1970_are_refused_and_never_thrown) {
  const auto key = signing_key::generate().value();
  const auto of = [&](std::string_view start, std::string_view end) {
    auto& random = Botan::system_rng();
    const auto signer = Botan::X509_Object::choose_sig_format(*key.botan(), random, "SHA-256", "");
    Botan::X509_DN name;
    name.add_attribute("X520.CommonName", "old");
    const auto at = [](std::string_view text) {
      return Botan::X509_Time(text, Botan::ASN1_Type::UtcTime);
    };
    return certificate::adopt(Botan::X509_CA::make_cert(
        *signer, random, signer->algorithm_identifier(), key.botan()->subject_public_key(),
        at(start), at(end), name, name, Botan::Extensions()));
  };
  const auto old = of("600101000000Z", "691231235959Z");
  BOOST_TEST(refused_as(errc::malformed, certificate::from_der(old.der())));
  BOOST_TEST((old.not_before() == time_point{}));
  BOOST_TEST((old.not_after() == time_point{}));
  BOOST_TEST(!old.valid_at(noon));
  BOOST_TEST(refused_as(errc::malformed,
                        certificate::from_der(of("600101000000Z", "300101000000Z").der())));
  BOOST_TEST(accepted(certificate::from_der(of("700101000000Z", "300101000000Z").der())));
}

BOOST_AUTO_TEST_CASE(an_altered_certificate_is_another_certificate_or_none) {
  const auto whole = sample().der();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    auto altered = whole;
    altered[at] ^= 1U;
    const auto read = certificate::from_der(altered);
    BOOST_TEST((!read || read->fingerprint() != sample().fingerprint()));
  }
}

BOOST_AUTO_TEST_CASE(a_private_key_goes_to_pkcs8_and_back) {
  const auto round_trip = [](const signing_key& key) {
    const auto again = signing_key::from_pkcs8(key.to_pkcs8().value()).value();
    return again.algorithm() == key.algorithm() &&
           again.botan()->subject_public_key() == key.botan()->subject_public_key();
  };
  BOOST_TEST(round_trip(signing_key::generate().value()));
  BOOST_TEST(round_trip(signing_key::generate<ecdsa_p384>().value()));
  BOOST_TEST(round_trip(signing_key::generate<ed25519>().value()));
  BOOST_TEST(round_trip(signing_key::generate<rsa<>>().value()));
}

BOOST_AUTO_TEST_CASE(a_private_key_belongs_to_its_own_certificate_only) {
  const auto key = signing_key::generate().value();
  BOOST_TEST(key.belongs_to(make_self_signed(key, {.subject = "x"}, noon).value()));
  BOOST_TEST(!key.belongs_to(sample()));
}

BOOST_AUTO_TEST_CASE(keys_that_are_weak_or_do_not_sign_are_refused) {
  auto& random = Botan::system_rng();
  BOOST_TEST(accepted(adopted(on_curve("secp256r1"))));
  BOOST_TEST(refused_as(errc::unsupported_suite, adopted(on_curve("secp521r1"))));
  BOOST_TEST(refused_as(errc::unsupported_suite,
                        adopted(std::make_unique<Botan::RSA_PrivateKey>(random, 1024))));
  BOOST_TEST(refused_as(errc::unsupported_suite,
                        adopted(std::make_unique<Botan::X25519_PrivateKey>(random))));
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_private_key_are_refused) {
  BOOST_TEST(refused_as(errc::malformed, signing_key::from_pkcs8(secret_key{})));
  BOOST_TEST(refused_as(errc::malformed, signing_key::from_pkcs8(
                                             secret_key::copy_of(as_bytes("0not a private key")))));
  BOOST_TEST(refused_as(errc::limit_exceeded,
                        signing_key::from_pkcs8(secret_key::copy_of(bytes(16385, 0x30)))));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace certificate_test

}  // namespace keywarden::pki
