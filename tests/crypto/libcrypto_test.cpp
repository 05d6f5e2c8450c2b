#include <keywarden/crypto/libcrypto/aead.hpp>

#include <openssl/err.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>
#include <tuple>

#include <boost/test/unit_test.hpp>

#include <keywarden/crypto/by_size.hpp>

#include "crypto/aead_laws.hpp"
#include "support/memory_map.hpp"
#include "support/refusals.hpp"

namespace libcrypto_test {

namespace kw = keywarden;
namespace crypto = keywarden::crypto;
namespace lc = keywarden::crypto::libcrypto;
using kw::errc;
using kw::testing::accepted;
using kw::testing::aead_laws;
using kw::testing::check_aead_vectors;
using kw::testing::refused_as;

using aeads = std::tuple<
    lc::aes256_gcm, lc::chacha20_poly1305,
    crypto::by_size<crypto::up_to<64, lc::aes256_gcm>, crypto::otherwise<crypto::aes256_gcm>>,
    crypto::by_size<crypto::when_sealing<crypto::up_to<33, crypto::chacha20_poly1305>,
                                         crypto::otherwise<lc::chacha20_poly1305>>,
                    crypto::when_opening<crypto::up_to<129, lc::chacha20_poly1305>,
                                         crypto::otherwise<crypto::chacha20_poly1305>>>>;
using alone = std::tuple<lc::aes256_gcm, lc::chacha20_poly1305>;

BOOST_AUTO_TEST_SUITE(crypto_libcrypto)

BOOST_AUTO_TEST_CASE(aes256_gcm_gives_the_published_outputs) {
  check_aead_vectors<lc::aes256_gcm>("aes256_gcm.vec", 40);
}
BOOST_AUTO_TEST_CASE(chacha20_poly1305_gives_the_published_outputs) {
  check_aead_vectors<lc::chacha20_poly1305>("chacha20_poly1305.vec", 250);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_is_sealed_opens_to_the_same_at_every_size, Aead, aeads) {
  aead_laws<Aead>::what_is_sealed_opens_to_the_same_at_every_size();
}
BOOST_AUTO_TEST_CASE_TEMPLATE(it_works_where_the_bytes_are, Aead, aeads) {
  aead_laws<Aead>::it_works_where_the_bytes_are();
}
BOOST_AUTO_TEST_CASE_TEMPLATE(every_flipped_bit_is_refused_and_the_data_wiped, Aead, aeads) {
  aead_laws<Aead>::every_flipped_bit_is_refused_and_the_data_wiped();
}
BOOST_AUTO_TEST_CASE_TEMPLATE(a_refusal_wipes_a_long_message_to_its_last_byte, Aead, aeads) {
  aead_laws<Aead>::a_refusal_wipes_a_long_message_to_its_last_byte();
}
BOOST_AUTO_TEST_CASE_TEMPLATE(another_key_is_refused, Aead, aeads) {
  aead_laws<Aead>::another_key_is_refused();
}
BOOST_AUTO_TEST_CASE_TEMPLATE(a_key_of_another_size_is_refused, Aead, aeads) {
  aead_laws<Aead>::a_key_of_another_size_is_refused();
}
BOOST_AUTO_TEST_CASE_TEMPLATE(associated_data_does_not_stick_between_calls, Aead, aeads) {
  aead_laws<Aead>::associated_data_does_not_stick_between_calls();
}
BOOST_AUTO_TEST_CASE_TEMPLATE(associated_data_that_stays_the_same_counts_each_time, Aead, aeads) {
  aead_laws<Aead>::associated_data_that_stays_the_same_counts_each_time();
}
BOOST_AUTO_TEST_CASE_TEMPLATE(one_context_seals_and_opens_in_any_order_after_failures, Aead,
                              aeads) {
  aead_laws<Aead>::one_context_seals_and_opens_in_any_order_after_failures();
}
BOOST_AUTO_TEST_CASE_TEMPLATE(a_moved_context_goes_on, Aead, aeads) {
  aead_laws<Aead>::a_moved_context_goes_on();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_message_above_the_limit_is_refused_before_it_is_read, Aead, alone) {
  // Address space without memory behind it: touching one byte of it would be fatal.
  constexpr auto size = static_cast<std::size_t>(lc::aes256_gcm::max_message_size) + 1;
  if constexpr (Aead::max_message_size < size) {
    void* const nowhere =
        ::mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    BOOST_REQUIRE(nowhere != MAP_FAILED);
    auto cipher = aead_laws<Aead>::make();
    crypto::tag tag;
    BOOST_TEST(refused_as(errc::message_too_long,
                          cipher.seal({}, {}, {static_cast<std::uint8_t*>(nowhere), size}, tag)));
    ::munmap(nowhere, size);
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_refusal_leaves_no_error_behind_in_the_thread, Aead, alone) {
  ::ERR_clear_error();
  auto cipher = aead_laws<Aead>::make();
  kw::bytes data(40, 1);
  crypto::tag tag;
  cipher.seal({}, {}, data, tag).value();
  tag.view()[0] ^= 1;
  BOOST_TEST(refused_as(errc::authentication_failed, cipher.open({}, {}, data, tag)));
  BOOST_TEST(::ERR_peek_error() == 0UL);
  BOOST_TEST(refused_as(errc::invalid_argument,
                        Aead::context::create(kw::secret_key::copy_of(kw::bytes(16, 1)))));
  BOOST_TEST(::ERR_peek_error() == 0UL);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(success_leaves_the_program_s_own_errors_alone, Aead, alone) {
  ::ERR_clear_error();
  ERR_put_error(ERR_LIB_USER, 0, 7, __FILE__, __LINE__);
  const auto own = ::ERR_peek_last_error();
  BOOST_REQUIRE(own != 0UL);
  auto cipher = aead_laws<Aead>::make();
  kw::bytes data(40, 1);
  crypto::tag tag;
  cipher.seal({}, {}, data, tag).value();
  cipher.open({}, {}, data, tag).value();
  BOOST_TEST(::ERR_get_error() == own);
  BOOST_TEST(::ERR_peek_error() == 0UL);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_forked_child_goes_on_with_its_copy, Aead, alone) {
  auto cipher = aead_laws<Aead>::make();
  kw::bytes data(100, 1);
  crypto::tag tag;
  cipher.seal(kw::testing::nonce_of(1), {}, data, tag).value();
  const auto child = ::fork();
  if (child == 0) {
    const bool opened = cipher.open(kw::testing::nonce_of(1), {}, data, tag).has_value() &&
                        data == kw::bytes(100, 1);
    ::_exit(opened ? 0 : 1);
  }
  int outcome = -1;
  BOOST_REQUIRE(::waitpid(child, &outcome, 0) == child);
  BOOST_TEST(outcome == 0);
  BOOST_REQUIRE(accepted(cipher.open(kw::testing::nonce_of(1), {}, data, tag)));
  BOOST_TEST(data == kw::bytes(100, 1));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(threads_make_and_use_contexts_of_their_own, Aead, alone) {
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (int round = 0; round < 20; ++round) {
        auto cipher = aead_laws<Aead>::make(static_cast<std::uint8_t>(t));
        kw::bytes data(200, 5);
        crypto::tag tag;
        if (!cipher.seal({}, {}, data, tag) || !cipher.open({}, {}, data, tag) ||
            data != kw::bytes(200, 5))
          ++failures;
      }
    });
  for (auto& each : threads) each.join();
  BOOST_TEST(failures == 0);
}

// A sanitizer's allocator keeps its memory elsewhere.
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

// Both ciphers keep the key's own bytes as the beginning of what they make of it.
std::ptrdiff_t copies_in_the_heap(kw::bytes_view key) {
  std::ptrdiff_t found = 0;
  for (const auto& each : kw::testing::mappings_of("self")) {
    if (each.name != "[heap]") continue;
    auto data = kw::testing::read_memory("self", each.begin, each.end - each.begin);
    for (auto at = data.begin();; ++found, ++at) {
      at = std::search(at, data.end(), key.begin(), key.end());
      if (at == data.end()) break;
    }
    kw::detail::wipe(data);
  }
  return found;
}
BOOST_AUTO_TEST_CASE_TEMPLATE(closing_a_context_wipes_its_key, Aead, alone) {
  const auto key = kw::random_key().value();
  {
    auto cipher = Aead::context::create(key).value();
    kw::bytes data(200, 1);
    crypto::tag tag;
    cipher.seal({}, {}, data, tag).value();
    cipher.open({}, {}, data, tag).value();
    BOOST_TEST(copies_in_the_heap(kw::detail::view_of(key)) > 0);
  }
  BOOST_TEST(copies_in_the_heap(kw::detail::view_of(key)) == 0);
}

#endif

#if !defined(OPENSSL_IS_AWSLC)

BOOST_AUTO_TEST_CASE(
    nonces_are_given_as_parameters_to_open_aes_where_openssl_was_seen_to_take_them) {
  BOOST_TEST(aead_laws<lc::aes256_gcm>::make().opens_in_the_short_way());
  BOOST_TEST(!aead_laws<lc::chacha20_poly1305>::make().opens_in_the_short_way());
}

// The same cipher, with pieces so short that every message has several: as one of 3 GiB has.
template <std::size_t Piece>
void check_pieces() {
  auto whole = aead_laws<lc::aes256_gcm>::make();
  auto pieces = lc::detail::evp_context<lc::aes256_gcm, Piece>::create(
                    kw::secret_key::copy_of(kw::bytes(32, 0x42)))
                    .value();
  for (const std::size_t size : {0U, 1U, 5U, 16U, 31U, 32U, 33U, 4095U, 4096U, 4097U}) {
    const auto associated = kw::testing::counted_bytes(size / 3);
    auto data = kw::testing::counted_bytes(size);
    auto same = data;
    crypto::tag tag;
    crypto::tag same_tag;
    whole.seal(kw::testing::nonce_of(size), associated, data, tag).value();
    pieces.seal(kw::testing::nonce_of(size), associated, same, same_tag).value();
    BOOST_TEST((data == same && tag == same_tag), "size " << size);
    BOOST_REQUIRE(accepted(pieces.open(kw::testing::nonce_of(size), associated, data, tag)));
    BOOST_TEST(data == kw::testing::counted_bytes(size));
    if (size == 0) continue;
    same.back() ^= 1;
    BOOST_TEST(refused_as(errc::authentication_failed,
                          pieces.open(kw::testing::nonce_of(size), associated, same, same_tag)));
    BOOST_TEST(kw::testing::all_zero(same));
  }
}
BOOST_AUTO_TEST_CASE(a_message_in_many_pieces_is_the_same_message) {
  check_pieces<1>();
  check_pieces<5>();
  check_pieces<16>();
  check_pieces<1000>();
}

struct unheard_of : lc::aes256_gcm {
  static constexpr const char* openssl_name = "AES-257-GCM";
};
BOOST_AUTO_TEST_CASE(an_algorithm_that_openssl_lacks_is_named_missing) {
  ::ERR_clear_error();
  const auto made =
      lc::detail::evp_context<unheard_of>::create(kw::secret_key::copy_of(kw::bytes(32, 1)));
  BOOST_REQUIRE(refused_as(errc::backend_missing, made));
  BOOST_TEST(made.error().value_of(kw::fact::reason) != "");
  BOOST_TEST(::ERR_peek_error() == 0UL);
}

// CCM wants the length of the message before its associated data, and is not told.
struct refusing : lc::aes256_gcm {
  static constexpr const char* openssl_name = "AES-256-CCM";
};
BOOST_AUTO_TEST_CASE(a_backend_that_fails_is_a_refusal_and_the_data_is_wiped) {
  ::ERR_clear_error();
  auto cipher =
      lc::detail::evp_context<refusing>::create(kw::secret_key::copy_of(kw::bytes(32, 1))).value();
  auto data = kw::testing::counted_bytes(40);
  crypto::tag tag;
  BOOST_TEST(
      refused_as(errc::backend_failed, cipher.seal({}, kw::testing::counted_bytes(9), data, tag)));
  BOOST_TEST(kw::testing::all_zero(data));
  data = kw::testing::counted_bytes(40);
  BOOST_TEST(
      refused_as(errc::backend_failed, cipher.open({}, kw::testing::counted_bytes(9), data, tag)));
  BOOST_TEST(kw::testing::all_zero(data));
  BOOST_TEST(::ERR_peek_error() == 0UL);
}

#endif

BOOST_AUTO_TEST_SUITE_END()

}  // namespace libcrypto_test
