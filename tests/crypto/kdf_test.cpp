#include <keywarden/crypto/kdf.hpp>

#include <boost/test/unit_test.hpp>

#include "support/refusals.hpp"
#include "vectors.hpp"

namespace kw = keywarden;
namespace crypto = keywarden::crypto;
using kw::errc;
using kw::testing::accepted;
using kw::testing::read_vectors;
using kw::testing::refused_as;

BOOST_AUTO_TEST_SUITE(crypto_kdf)

BOOST_AUTO_TEST_CASE(hkdf_gives_the_published_outputs_and_refuses_the_published_excess) {
  std::size_t refusals = 0;
  for (const auto& each : read_vectors("hkdf_sha256.vec")) {
    BOOST_TEST_CONTEXT(each.comment) {
      const auto made = crypto::hkdf_sha256(each.key("Key"), each.data("Salt"), each.data("Label"),
                                            each.number("Size"));
      if (each.text("Result") == "valid") {
        BOOST_REQUIRE(accepted(made));
        BOOST_TEST((*made == each.key("Output")));
      } else {
        BOOST_TEST(refused_as(errc::invalid_argument, made));
        ++refusals;
      }
    }
  }
  BOOST_TEST(refusals >= 1U);
}

BOOST_AUTO_TEST_CASE(hkdf_refuses_no_bytes_and_more_than_255_blocks) {
  const auto key = kw::secret_key::copy_of(kw::bytes(32, 1));
  BOOST_TEST(refused_as(errc::invalid_argument, crypto::hkdf_sha256(key, {}, {}, 0)));
  BOOST_TEST(accepted(crypto::hkdf_sha256(key, {}, {}, 1)));
  BOOST_TEST(crypto::hkdf_sha256(key, {}, {}, 8160)->size() == 8160U);
  BOOST_TEST(refused_as(errc::invalid_argument, crypto::hkdf_sha256(key, {}, {}, 8161)));
}

BOOST_AUTO_TEST_CASE(subkeys_of_different_labels_are_independent_and_labels_are_not_prefixes) {
  const auto key = kw::secret_key::copy_of(kw::bytes(32, 1));
  const auto one = crypto::subkey(key, "keywarden/1/material").value();
  BOOST_TEST(one.size() == 32U);
  BOOST_TEST((one == crypto::subkey(key, "keywarden/1/material").value()));
  BOOST_TEST(!(one == crypto::subkey(key, "keywarden/1/header").value()));
  BOOST_TEST(!(one == crypto::subkey(key, "keywarden/1/materia").value()));
  BOOST_TEST(
      !(one ==
        crypto::subkey(kw::secret_key::copy_of(kw::bytes(32, 2)), "keywarden/1/material").value()));
}

BOOST_AUTO_TEST_CASE(salt_and_label_are_different_inputs) {
  const auto key = kw::secret_key::copy_of(kw::bytes(32, 1));
  const auto text = kw::as_bytes("x");
  BOOST_TEST(
      !(crypto::hkdf_sha256(key, text, {}).value() == crypto::hkdf_sha256(key, {}, text).value()));
}

BOOST_AUTO_TEST_CASE(hmac_gives_the_published_tags) {
  std::size_t valid = 0;
  for (const auto& each : read_vectors("hmac_sha256.vec")) {
    BOOST_TEST_CONTEXT(each.comment) {
      const auto made = crypto::hmac_sha256(each.key("Key"), each.data("Message"));
      BOOST_REQUIRE(accepted(made));
      const bool same = std::ranges::equal(made->view(), each.data("Output"));
      BOOST_TEST(same == (each.text("Result") == "valid"));
      valid += same ? 1 : 0;
    }
  }
  BOOST_TEST(valid >= 20U);
}

BOOST_AUTO_TEST_CASE(sha256_gives_the_published_digests) {  // FIPS 180-2, appendix B
  BOOST_TEST(kw::to_hex(crypto::sha256({})->view()) ==
             "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  BOOST_TEST(kw::to_hex(crypto::sha256(kw::as_bytes("abc"))->view()) ==
             "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  BOOST_TEST(
      kw::to_hex(
          crypto::sha256(kw::as_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))
              ->view()) == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

BOOST_AUTO_TEST_SUITE_END()
