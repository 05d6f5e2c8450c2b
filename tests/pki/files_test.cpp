// Certificates and keys as files: whole, with the right permissions, never a bare private key.
#include <keywarden/pki/files.hpp>

#include <boost/test/unit_test.hpp>

#include <sys/stat.h>

#include <botan/der_enc.h>

#include "pki/fixture.hpp"
#include "support/scratch.hpp"

namespace keywarden::pki {
namespace files_test {

using testing::accepted;
using testing::noon;
using testing::refused_as;
using testing::scratch;

const password good("File-Pass-3");
const password other("Other-Pass-4");

unsigned mode_of(const std::filesystem::path& path) {
  struct ::stat status {};
  BOOST_REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_mode & 07777U;
}
std::size_t files_in(const scratch& place) {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(place.path()), {}));
}
certificate sample(const std::string& name = "db1") {
  return make_self_signed(signing_key::generate().value(), {name}, noon).value();
}
void put(const std::filesystem::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

BOOST_AUTO_TEST_SUITE(certificate_files)

BOOST_AUTO_TEST_CASE(a_certificate_is_written_for_all_to_read_and_reads_back) {
  const scratch here;
  const auto one = sample();
  ::umask(077);
  BOOST_TEST(accepted(write_certificate(here / "a.cer", one, encoding::der)));
  BOOST_TEST(accepted(write_certificate(here / "a.pem", one, encoding::pem)));
  BOOST_TEST(mode_of(here / "a.cer") == 0644U);
  BOOST_TEST((read_certificates(here / "a.cer").value() == std::vector{one}));
  BOOST_TEST((read_certificates(here / "a.pem").value() == std::vector{one}));
  BOOST_TEST((read_file(here / "a.cer", 65536).value() == one.der()));
  BOOST_TEST(files_in(here) == 2U);
  ::umask(022);
}

BOOST_AUTO_TEST_CASE(a_secret_file_is_read_into_memory_that_is_wiped) {
  const scratch here;
  put(here / "k", "a private key");
  const result<plaintext> content = read_secret_file(here / "k", 13);
  BOOST_REQUIRE(accepted(content));
  BOOST_TEST(content->text() == "a private key");
  BOOST_TEST(refused_as(errc::limit_exceeded, read_secret_file(here / "k", 12)));
  BOOST_TEST(refused_as(errc::not_found, read_secret_file(here / "none", 12)));
}

BOOST_AUTO_TEST_CASE(a_key_that_costs_more_than_ten_million_rounds_is_refused_unread) {
  const auto file = [](std::size_t rounds) {
    const auto id = [](std::string_view name, const bytes& parameters) {
      return Botan::AlgorithmIdentifier(Botan::OID::from_string(name), parameters);
    };
    bytes derivation;
    Botan::DER_Encoder(derivation)
        .start_sequence()
        .encode(bytes(8, 1), Botan::ASN1_Type::OctetString)
        .encode(rounds)
        .encode(
            Botan::AlgorithmIdentifier("HMAC(SHA-256)", Botan::AlgorithmIdentifier::USE_NULL_PARAM))
        .end_cons();
    bytes iv;
    Botan::DER_Encoder(iv).encode(bytes(16, 2), Botan::ASN1_Type::OctetString);
    bytes scheme;
    Botan::DER_Encoder(scheme)
        .start_sequence()
        .encode(id("PKCS5.PBKDF2", derivation))
        .encode(id("AES-256/CBC", iv))
        .end_cons();
    bytes whole;
    Botan::DER_Encoder(whole)
        .start_sequence()
        .encode(id("PBE-PKCS5v20", scheme))
        .encode(bytes(48, 3), Botan::ASN1_Type::OctetString)
        .end_cons();
    return whole;
  };
  BOOST_TEST(refused_as(errc::authentication_failed, decode_private_key(file(1000), &good)));
  const auto refusal = decode_private_key(file(10'000'001), &good);
  BOOST_REQUIRE(refused_as(errc::limit_exceeded, refusal));
  BOOST_TEST(refusal.error().value_of(fact::limit) == "10000000");
  BOOST_TEST(refusal.error().value_of(fact::actual) == "10000001");
}

BOOST_AUTO_TEST_CASE(an_existing_file_is_replaced_only_on_request) {
  const scratch here;
  const auto one = sample();
  const auto two = sample("db2");
  write_certificate(here / "a.cer", one, encoding::der).value();
  BOOST_TEST(
      refused_as(errc::already_exists, write_certificate(here / "a.cer", two, encoding::der)));
  BOOST_TEST((read_certificates(here / "a.cer").value() == std::vector{one}));
  BOOST_TEST(accepted(write_certificate(here / "a.cer", two, encoding::der, if_exists::replace)));
  BOOST_TEST((read_certificates(here / "a.cer").value() == std::vector{two}));
  BOOST_TEST(files_in(here) == 1U);
}

BOOST_AUTO_TEST_CASE(a_private_key_is_encrypted_for_its_owner_and_reads_back_with_the_password) {
  const scratch here;
  const auto key = signing_key::generate().value();
  for (const auto as : {encoding::der, encoding::pem}) {
    const auto path = here / (as == encoding::der ? "k.der" : "k.pem");
    BOOST_TEST(accepted(write_private_key(path, key, good, as)));
    BOOST_TEST(mode_of(path) == 0600U);
    const auto content = read_file(path, 65536).value();
    BOOST_TEST(decode_private_key(content, &good).value().botan()->subject_public_key() ==
               key.botan()->subject_public_key());
    BOOST_TEST(refused_as(errc::authentication_failed, decode_private_key(content, &other)));
    BOOST_TEST(refused_as(errc::secret_required, decode_private_key(content)));
    const auto bare = key.to_pkcs8().value();
    BOOST_TEST((std::ranges::search(content, keywarden::detail::view_of(bare)).empty()));
  }
}

BOOST_AUTO_TEST_CASE(a_weak_password_protects_no_file) {
  const scratch here;
  const auto key = signing_key::generate().value();
  BOOST_TEST(refused_as(errc::password_refused,
                        write_private_key(here / "k", key, password("weak"), encoding::der)));
  BOOST_TEST(refused_as(errc::password_refused,
                        write_private_key(here / "k", key, password(), encoding::der)));
  BOOST_TEST(files_in(here) == 0U);
}

BOOST_AUTO_TEST_CASE(an_unencrypted_key_of_another_program_is_read) {
  const auto key = signing_key::generate<ecdsa_p384>().value();
  const auto bare = key.to_pkcs8().value();
  const auto view = keywarden::detail::view_of(bare);
  BOOST_TEST(accepted(decode_private_key(view)));
  BOOST_TEST(accepted(decode_private_key(view, &good)));
  BOOST_TEST(accepted(decode_private_key(as_bytes(Botan::PKCS8::PEM_encode(*key.botan())))));
}

BOOST_AUTO_TEST_CASE(an_altered_private_key_file_does_not_open) {
  const auto key = signing_key::generate().value();
  const auto whole = encode_private_key(key, good, encoding::der).value();
  BOOST_TEST(refused_as(errc::authentication_failed,
                        decode_private_key(bytes_view(whole).first(whole.size() - 16), &good)));
  auto altered = whole;
  altered.back() ^= 1U;
  const auto opened = decode_private_key(altered, &good);
  BOOST_TEST(
      (!opened || opened->botan()->subject_public_key() != key.botan()->subject_public_key()));
}

BOOST_AUTO_TEST_CASE(what_is_no_private_key_is_refused) {
  BOOST_TEST(refused_as(errc::malformed, decode_private_key({})));
  BOOST_TEST(refused_as(errc::malformed, decode_private_key(as_bytes("nothing"))));
  BOOST_TEST(refused_as(errc::malformed, decode_private_key(bytes{0x30, 0x82})));
  BOOST_TEST(refused_as(errc::malformed, decode_private_key(as_bytes(sample().pem()))));
  BOOST_TEST(refused_as(
      errc::malformed,
      decode_private_key(
          as_bytes("-----BEGIN EC PRIVATE KEY-----\nMAA=\n-----END EC PRIVATE KEY-----\n"))));
  BOOST_TEST(refused_as(errc::limit_exceeded, decode_private_key(bytes(32769, 0x30))));
}

BOOST_AUTO_TEST_CASE(a_bundle_gives_its_certificates_in_order) {
  const auto one = sample();
  const auto two = sample("db2");
  const auto text = "a remark\n" + one.pem() + "\n" + two.pem();
  BOOST_TEST((decode_certificates(as_bytes(text)).value() == std::vector{one, two}));
  BOOST_TEST(refused_as(errc::malformed, decode_certificates({})));
  BOOST_TEST(refused_as(errc::malformed, decode_certificates(as_bytes("a remark"))));
  BOOST_TEST(refused_as(errc::malformed,
                        decode_certificates(as_bytes(text + "-----BEGIN PRIVATE KEY-----\nMAA=\n"
                                                            "-----END PRIVATE KEY-----\n"))));
  std::string many;
  for (int i = 0; i < 65; ++i) many += one.pem();
  BOOST_TEST(refused_as(errc::limit_exceeded, decode_certificates(as_bytes(many))));
}

BOOST_AUTO_TEST_CASE(files_that_are_missing_large_or_no_files_are_refused) {
  const scratch here;
  BOOST_TEST(refused_as(errc::not_found, read_file(here / "none", 10)));
  BOOST_TEST(refused_as(errc::io_failed, read_file(here / "no/folder", 10)));
  put(here / "large", "12345678901");
  BOOST_TEST(refused_as(errc::limit_exceeded, read_file(here / "large", 10)));
  std::filesystem::create_symlink(here / "large", here / "link");
  BOOST_TEST(refused_as(errc::store_corrupt, read_file(here / "link", 100)));
  BOOST_TEST(refused_as(errc::store_corrupt, read_file(here.path(), 100)));
  BOOST_TEST(
      refused_as(errc::io_failed, write_certificate(here / "no/folder", sample(), encoding::der)));
  BOOST_TEST(refused_as(errc::invalid_argument,
                        write_certificate(here.path() / "", sample(), encoding::der)));
}

BOOST_AUTO_TEST_CASE(a_link_in_the_outputs_place_is_replaced_and_not_followed) {
  const scratch here;
  put(here / "precious", "precious");
  std::filesystem::create_symlink(here / "precious", here / "a.cer");
  const auto one = sample();
  BOOST_TEST(
      refused_as(errc::already_exists, write_certificate(here / "a.cer", one, encoding::der)));
  BOOST_TEST(accepted(write_certificate(here / "a.cer", one, encoding::der, if_exists::replace)));
  BOOST_TEST(std::filesystem::is_regular_file(std::filesystem::symlink_status(here / "a.cer")));
  BOOST_TEST(as_text(read_file(here / "precious", 100).value()) == "precious");
}

BOOST_AUTO_TEST_CASE(the_exchange_text_shows_what_to_compare) {
  const auto one = sample();
  const auto text = exchange_text(one, "/srv/certificates/db1.cer");
  BOOST_TEST(text.find("db1.cer\n") != std::string::npos);
  BOOST_TEST(text.find("/srv") == std::string::npos);
  BOOST_TEST(text.find(to_text(one.fingerprint())) != std::string::npos);
  BOOST_TEST(text.find("2027-03-01T12:00:00Z") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace files_test

}  // namespace keywarden::pki
