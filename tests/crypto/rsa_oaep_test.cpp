#include <keywarden/crypto/rsa_oaep.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <boost/test/unit_test.hpp>

#include <botan/ec_group.h>
#include <botan/ecdsa.h>

#include <keywarden/core/encoding.hpp>

namespace keywarden::testing {
namespace rsa_oaep_test {

using rsa = crypto::rsa_oaep<2048>;

const rsa::private_key& test_key() {
  static const auto key = [] {
    system_random random;
    return rsa::private_key::generate(random).value();
  }();
  return key;
}

errc refusal_of_public(bytes_view encoded) {
  return rsa::public_key::decode(encoded).error().code();
}
errc refusal_of_private(bytes_view encoded) {
  return rsa::private_key::decode(secret_key::copy_of(encoded)).error().code();
}

/// A folder of its own for one test, gone afterwards.
class scratch_folder {
 public:
  scratch_folder()
      : path_(std::filesystem::temp_directory_path() /
              ("keywarden-rsa-" + to_hex(random_public<record_id>().value().view()))) {
    std::filesystem::create_directory(path_);
  }
  ~scratch_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;

  void write(const std::string& file, bytes_view data) const {
    std::ofstream(path_ / file, std::ios::binary)
        .write(reinterpret_cast<const char*>(data.data()),
               static_cast<std::streamsize>(data.size()));
  }
  [[nodiscard]] bytes read(const std::string& file) const {
    std::ifstream in(path_ / file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  [[nodiscard]] bool openssl(const std::string& arguments) const {
    const auto command =
        "cd '" + path_.string() + "' && openssl " + arguments + " >/dev/null 2>openssl.log";
    return std::system(command.c_str()) == 0;  // NOLINT(cert-env33-c): a test's fixed commands
  }

 private:
  std::filesystem::path path_;
};

bool openssl_is_absent() {
  if (scratch_folder().openssl("version")) return false;
  BOOST_TEST_MESSAGE("skipped: there is no openssl command here");
  return true;
}

constexpr auto oaep_options =
    " -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256";

BOOST_AUTO_TEST_SUITE(rsa_oaep_suite)

BOOST_AUTO_TEST_CASE(strength_follows_from_the_size) {
  BOOST_TEST(crypto::rsa_oaep<2048>::strength == 112U);
  BOOST_TEST(crypto::rsa_oaep<3072>::strength == 128U);
  BOOST_TEST(crypto::rsa_oaep<4096>::strength == 128U);
  BOOST_TEST(crypto::rsa_oaep<7680>::strength == 192U);
}

BOOST_AUTO_TEST_CASE(openssl_finds_the_secret_that_keywarden_made) {
  if (openssl_is_absent()) return;
  const scratch_folder folder;
  folder.write("key.der", detail::view_of(test_key().encode()));
  system_random random;
  const auto sent = rsa::encapsulate(test_key().public_part(), random).value();
  folder.write("ciphertext", sent.ciphertext);
  BOOST_REQUIRE(folder.openssl(std::string("pkeyutl -decrypt -inkey key.der -keyform DER "
                                           "-in ciphertext -out secret") +
                               oaep_options));
  BOOST_CHECK(secret_key::copy_of(folder.read("secret")) == sent.shared);
}

BOOST_AUTO_TEST_CASE(keywarden_finds_the_secret_that_openssl_made) {
  if (openssl_is_absent()) return;
  const scratch_folder folder;
  BOOST_REQUIRE(
      folder.openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem"));
  BOOST_REQUIRE(folder.openssl("pkcs8 -topk8 -nocrypt -in key.pem -outform DER -out key.der"));
  BOOST_REQUIRE(folder.openssl("pkey -in key.pem -pubout -outform DER -out public.der"));
  const auto key = rsa::private_key::decode(secret_key::copy_of(folder.read("key.der")));
  BOOST_REQUIRE(key);
  BOOST_CHECK(key->public_part().encode() == folder.read("public.der"));

  const auto shared = random_key().value();
  const auto encrypt = [&](bytes_view data, const std::string& options) {
    folder.write("secret", data);
    BOOST_REQUIRE(
        folder.openssl("pkeyutl -encrypt -pubin -inkey public.der -keyform DER "
                       "-in secret -out ciphertext" +
                       options));
    return folder.read("ciphertext");
  };
  const auto found = rsa::decapsulate(*key, encrypt(detail::view_of(shared), oaep_options));
  BOOST_REQUIRE(found);
  BOOST_CHECK(*found == shared);

  // Right padding over a wrong length, and every other padding, are refused alike.
  const auto refusal = [&](bytes_view data, const std::string& options) {
    return rsa::decapsulate(*key, encrypt(data, options)).error().code();
  };
  const auto whole = detail::view_of(shared);
  BOOST_CHECK(refusal(whole.first(31), oaep_options) == errc::authentication_failed);
  BOOST_CHECK(refusal(bytes(33), oaep_options) == errc::authentication_failed);
  BOOST_CHECK(refusal(whole, " -pkeyopt rsa_padding_mode:pkcs1") == errc::authentication_failed);
  BOOST_CHECK(refusal(whole, " -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha1") ==
              errc::authentication_failed);
  BOOST_CHECK(refusal(whole, oaep_options + std::string(" -pkeyopt rsa_oaep_label:6b77")) ==
              errc::authentication_failed);
}

BOOST_AUTO_TEST_CASE(a_key_under_2048_bits_is_refused) {
  const Botan::RSA_PrivateKey small(Botan::system_rng(), 1024);
  BOOST_CHECK(refusal_of_public(small.subject_public_key()) == errc::weaker_than_required);
  BOOST_CHECK(refusal_of_private(Botan::PKCS8::BER_encode(small)) == errc::weaker_than_required);
}

BOOST_AUTO_TEST_CASE(a_key_weaker_than_the_mechanism_promises_is_refused) {
  const auto& small = test_key();
  BOOST_CHECK(crypto::rsa_oaep<3072>::public_key::decode(small.public_part().encode()).error() ==
              errc::weaker_than_required);
  BOOST_CHECK(crypto::rsa_oaep<3072>::private_key::decode(small.encode()).error() ==
              errc::weaker_than_required);
}

BOOST_AUTO_TEST_CASE(a_key_above_8192_bits_is_refused) {
  const auto with_bits = [](std::size_t bits) {
    const auto modulus = Botan::BigInt::power_of_2(bits - 1) + 1;
    return Botan::RSA_PublicKey(modulus, Botan::BigInt(65537)).subject_public_key();
  };
  BOOST_CHECK(rsa::public_key::decode(with_bits(8192)));
  BOOST_CHECK(refusal_of_public(with_bits(8193)) == errc::limit_exceeded);
  BOOST_CHECK(refusal_of_public(with_bits(16384)) == errc::limit_exceeded);
}

BOOST_AUTO_TEST_CASE(the_largest_key_fits_into_max_public_key_size) {
  const auto modulus = Botan::BigInt::power_of_2(8191) + 1;
  const auto exponent = Botan::BigInt::power_of_2(255) + 1;
  const auto encoded = Botan::RSA_PublicKey(modulus, exponent).subject_public_key();
  BOOST_TEST(encoded.size() == rsa::max_public_key_size);
  BOOST_CHECK(rsa::public_key::decode(encoded));
}

BOOST_AUTO_TEST_CASE(an_even_exponent_or_modulus_is_refused) {
  auto encoded = test_key().public_part().encode();  // ends with the exponent, 01 00 01
  encoded.back() = 0x00;
  BOOST_CHECK(refusal_of_public(encoded) == errc::malformed);
  auto even_modulus = test_key().public_part().encode();
  even_modulus[even_modulus.size() - 6] =
      static_cast<std::uint8_t>(even_modulus[even_modulus.size() - 6] & 0xfeU);
  BOOST_CHECK(refusal_of_public(even_modulus) == errc::malformed);
}

BOOST_AUTO_TEST_CASE(a_key_of_another_kind_is_refused) {
  const Botan::ECDSA_PrivateKey other(Botan::system_rng(), Botan::EC_Group::from_name("secp256r1"));
  BOOST_CHECK(refusal_of_public(other.subject_public_key()) == errc::malformed);
  BOOST_CHECK(refusal_of_private(Botan::PKCS8::BER_encode(other)) == errc::malformed);
}

BOOST_AUTO_TEST_CASE(pem_trailing_bytes_and_pkcs1_are_refused) {
  const auto shown = test_key().public_part().encode();
  const auto key = Botan::X509::load_key(shown);
  BOOST_CHECK(refusal_of_public(as_bytes(Botan::X509::PEM_encode(*key))) == errc::malformed);
  auto longer = shown;
  longer.push_back(0);
  BOOST_CHECK(refusal_of_public(longer) == errc::malformed);
  const auto hidden = Botan::PKCS8::load_key(detail::view_of(test_key().encode()));
  BOOST_CHECK(refusal_of_private(as_bytes(Botan::PKCS8::PEM_encode(*hidden))) == errc::malformed);
  BOOST_CHECK(refusal_of_private(hidden->private_key_bits()) == errc::malformed);  // PKCS#1
}

BOOST_AUTO_TEST_CASE(a_private_key_whose_parts_do_not_belong_together_is_refused) {
  const auto encoded = test_key().encode();
  auto altered = to_bytes(detail::view_of(encoded));
  altered.back() = static_cast<std::uint8_t>(altered.back() ^ 1U);  // the inverse of q modulo p
  BOOST_CHECK(refusal_of_private(altered) == errc::malformed);
}

BOOST_AUTO_TEST_CASE(a_ciphertext_outside_the_modulus_is_refused) {
  BOOST_CHECK(rsa::decapsulate(test_key(), bytes(256)).error() == errc::malformed);
  BOOST_CHECK(rsa::decapsulate(test_key(), bytes(256, 0xff)).error() == errc::malformed);
  bytes one(256);
  one.back() = 1;
  BOOST_CHECK(rsa::decapsulate(test_key(), one).error() == errc::authentication_failed);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace rsa_oaep_test

}  // namespace keywarden::testing
