#include <keywarden/crypto/by_size.hpp>

#include <string>
#include <tuple>

#include <boost/test/unit_test.hpp>

#include "crypto/aead_laws.hpp"
#include "support/refusals.hpp"

namespace by_size_test {

namespace kw = keywarden;
namespace crypto = keywarden::crypto;
using crypto::by_size;
using crypto::otherwise;
using crypto::up_to;
using crypto::when_opening;
using crypto::when_sealing;
using kw::errc;
using kw::testing::aead_laws;
using kw::testing::refused_as;

// Botan's AES-256-GCM, which writes down its name whenever it works.
std::string& worked() {
  static std::string names;
  return names;
}
template <char Name>
struct noted : crypto::aes256_gcm {
  class context {
   public:
    static kw::result<context> create(const kw::secret_key& key) {
      if (Name == '!') return kw::error(errc::backend_missing).with(kw::fact::reason, "on purpose");
      worked() += Name;
      auto made = crypto::aes256_gcm::context::create(key);
      if (!made) return made.error();
      return context(std::move(*made));
    }
    kw::status seal(const kw::nonce& once, kw::bytes_view associated, kw::mutable_bytes data,
                    crypto::tag& made) {
      worked() += Name;
      return cipher_.seal(once, associated, data, made);
    }
    kw::status open(const kw::nonce& once, kw::bytes_view associated, kw::mutable_bytes data,
                    const crypto::tag& given) {
      worked() += Name;
      return cipher_.open(once, associated, data, given);
    }

   private:
    explicit context(crypto::aes256_gcm::context cipher) : cipher_(std::move(cipher)) {}
    crypto::aes256_gcm::context cipher_;
  };
};

using three = by_size<up_to<16, noted<'a'>>, up_to<64, noted<'b'>>, otherwise<noted<'c'>>>;
using sided = by_size<when_sealing<up_to<16, noted<'a'>>, otherwise<noted<'b'>>>,
                      when_opening<up_to<64, noted<'b'>>, otherwise<noted<'c'>>>>;
using nested = by_size<up_to<16, noted<'a'>>,
                       otherwise<by_size<up_to<64, noted<'b'>>, otherwise<noted<'c'>>>>>;
using aeads = std::tuple<three, sided, nested, by_size<otherwise<crypto::chacha20_poly1305>>>;

// Who seals and who opens a message of `size` bytes.
template <crypto::aead Aead>
std::string who(std::size_t size) {
  auto cipher = aead_laws<Aead>::make();
  worked().clear();
  kw::bytes data(size, 1);
  crypto::tag tag;
  cipher.seal({}, {}, data, tag).value();
  cipher.open({}, {}, data, tag).value();
  return worked();
}

BOOST_AUTO_TEST_SUITE(crypto_by_size)

BOOST_AUTO_TEST_CASE_TEMPLATE(every_law_of_an_aead_holds, Aead, aeads) {
  using laws = aead_laws<Aead>;
  laws::what_is_sealed_opens_to_the_same_at_every_size();
  laws::it_works_where_the_bytes_are();
  laws::every_flipped_bit_is_refused_and_the_data_wiped();
  laws::a_refusal_wipes_a_long_message_to_its_last_byte();
  laws::another_key_is_refused();
  laws::a_key_of_another_size_is_refused();
  laws::associated_data_does_not_stick_between_calls();
  laws::associated_data_that_stays_the_same_counts_each_time();
  laws::one_context_seals_and_opens_in_any_order_after_failures();
  laws::a_moved_context_goes_on();
}

BOOST_AUTO_TEST_CASE(the_first_choice_whose_limit_holds_the_message_works) {
  BOOST_TEST(who<three>(0) == "aa");
  BOOST_TEST(who<three>(16) == "aa");
  BOOST_TEST(who<three>(17) == "bb");
  BOOST_TEST(who<three>(64) == "bb");
  BOOST_TEST(who<three>(65) == "cc");
  BOOST_TEST(who<three>(100000) == "cc");
  BOOST_TEST(who<nested>(16) == "aa");
  BOOST_TEST(who<nested>(64) == "bb");
  BOOST_TEST(who<nested>(65) == "cc");
}

BOOST_AUTO_TEST_CASE(sealing_and_opening_choose_apart) {
  BOOST_TEST(who<sided>(16) == "ab");
  BOOST_TEST(who<sided>(64) == "bb");
  BOOST_TEST(who<sided>(65) == "bc");
}

BOOST_AUTO_TEST_CASE(a_provider_named_twice_is_keyed_once) {
  worked().clear();
  const auto made = aead_laws<sided>::make();
  BOOST_TEST(worked().size() == 3U);
}

BOOST_AUTO_TEST_CASE(a_provider_that_cannot_be_had_refuses_the_whole) {
  using broken = by_size<up_to<16, noted<'a'>>, otherwise<noted<'!'>>>;
  const auto made = broken::context::create(kw::secret_key::copy_of(kw::bytes(32, 1)));
  BOOST_REQUIRE(refused_as(errc::backend_missing, made));
  BOOST_TEST(made.error().value_of(kw::fact::reason) == "on purpose");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace by_size_test
