/// @file
/// What every AEAD must do, whichever it is.
#pragma once

#include <algorithm>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <keywarden/core/random.hpp>
#include <keywarden/crypto/aead.hpp>

#include "support/refusals.hpp"
#include "vectors.hpp"

namespace keywarden::testing {

/// The sizes at which block and buffer boundaries lie.
inline const std::vector<std::size_t> message_sizes{
    0, 1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1023, 4096, 4097, 100000};

/// `size` bytes that differ from their neighbours.
[[nodiscard]] inline bytes counted_bytes(std::size_t size) {
  bytes made(size);
  for (std::size_t i = 0; i < size; ++i) made[i] = static_cast<std::uint8_t>(i * 7 + 3);
  return made;
}

/// A nonce that differs for each number.
[[nodiscard]] inline nonce nonce_of(std::uint64_t number) {
  nonce made;
  store_big_endian(made.view().subspan(4), number);
  return made;
}

[[nodiscard]] inline bool all_zero(bytes_view data) {
  return std::ranges::all_of(data, [](auto byte) { return byte == 0; });
}

/// Each law is a function; `aead_test.cpp` runs all of them over every model.
template <crypto::aead Aead>
struct aead_laws {
  using context = typename Aead::context;

  [[nodiscard]] static context make(std::uint8_t fill = 0x42) {
    return context::create(secret_key::copy_of(bytes(Aead::key_size, fill))).value();
  }

  static void what_is_sealed_opens_to_the_same_at_every_size() {
    auto cipher = make();
    for (const auto size : message_sizes) {
      BOOST_TEST_CONTEXT("size " << size) {
        const auto message = counted_bytes(size);
        const auto associated = counted_bytes(size % 37);
        auto data = message;
        crypto::tag tag;
        const auto once = nonce_of(size);
        BOOST_REQUIRE(accepted(cipher.seal(once, associated, data, tag)));
        if (size >= 16) BOOST_TEST((data != message));
        BOOST_REQUIRE(accepted(cipher.open(once, associated, data, tag)));
        BOOST_TEST((data == message));
      }
    }
  }

  static void it_works_where_the_bytes_are() {
    auto cipher = make();
    bytes buffer(300, 0xEE);
    const auto message = counted_bytes(100);
    const auto place = mutable_bytes(buffer).subspan(101, 100);  // unaligned, with neighbours
    std::ranges::copy(message, place.begin());
    crypto::tag tag;
    BOOST_REQUIRE(accepted(cipher.seal(nonce_of(1), {}, place, tag)));
    BOOST_TEST(std::ranges::count(buffer, 0xEE) >= 200);
    BOOST_REQUIRE(accepted(cipher.open(nonce_of(1), {}, place, tag)));
    BOOST_TEST(std::ranges::equal(place, message));
    BOOST_TEST(
        std::ranges::all_of(bytes_view(buffer).first(101), [](auto b) { return b == 0xEE; }));
    BOOST_TEST(std::ranges::all_of(bytes_view(buffer).last(99), [](auto b) { return b == 0xEE; }));
  }

  static void every_flipped_bit_is_refused_and_the_data_wiped() {
    auto cipher = make();
    const auto message = counted_bytes(40);
    const auto associated = counted_bytes(21);
    const auto once = nonce_of(7);
    auto sealed = message;
    crypto::tag tag;
    cipher.seal(once, associated, sealed, tag).value();

    const auto refused = [&](const nonce& n, bytes_view ad, bytes data, const crypto::tag& t) {
      BOOST_TEST(refused_as(errc::authentication_failed, cipher.open(n, ad, data, t)));
      BOOST_TEST(all_zero(data));
    };
    const auto flipped = [](auto value, std::size_t bit) {
      auto* at = value.view().data() + bit / 8;
      *at = static_cast<std::uint8_t>(*at ^ (1U << (bit % 8)));
      return value;
    };
    const auto flipped_bytes = [](bytes value, std::size_t bit) {
      value[bit / 8] = static_cast<std::uint8_t>(value[bit / 8] ^ (1U << (bit % 8)));
      return value;
    };
    for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit)
      refused(once, associated, flipped_bytes(sealed, bit), tag);
    for (std::size_t bit = 0; bit < associated.size() * 8; ++bit)
      refused(once, flipped_bytes(associated, bit), sealed, tag);
    for (std::size_t bit = 0; bit < nonce::size * 8; ++bit)
      refused(flipped(once, bit), associated, sealed, tag);
    for (std::size_t bit = 0; bit < crypto::tag::size * 8; ++bit)
      refused(once, associated, sealed, flipped(tag, bit));

    // and the same context still opens what is right
    BOOST_REQUIRE(accepted(cipher.open(once, associated, sealed, tag)));
    BOOST_TEST(sealed == message);
  }

  static void a_refusal_wipes_a_long_message_to_its_last_byte() {
    auto cipher = make();
    auto data = counted_bytes(100000);
    crypto::tag tag;
    cipher.seal(nonce_of(1), {}, data, tag).value();
    data.back() ^= 1;
    BOOST_TEST(refused_as(errc::authentication_failed, cipher.open(nonce_of(1), {}, data, tag)));
    BOOST_TEST(all_zero(data));
  }

  static void another_key_is_refused() {
    auto cipher = make();
    auto other = make(0x43);
    auto data = counted_bytes(33);
    crypto::tag tag;
    cipher.seal(nonce_of(1), {}, data, tag).value();
    BOOST_TEST(refused_as(errc::authentication_failed, other.open(nonce_of(1), {}, data, tag)));
    BOOST_TEST(all_zero(data));
  }

  static void a_key_of_another_size_is_refused() {
    for (const std::size_t size : {std::size_t{0}, std::size_t{16}, Aead::key_size - 1,
                                   Aead::key_size + 1, std::size_t{64}}) {
      const auto made = context::create(secret_key::copy_of(bytes(size, 1)));
      BOOST_REQUIRE(refused_as(errc::invalid_argument, made));
      BOOST_TEST(made.error().value_of(fact::actual) == std::to_string(size));
    }
  }

  static void associated_data_does_not_stick_between_calls() {
    auto cipher = make();
    auto fresh = make();
    const auto associated = counted_bytes(50);
    bytes first(20, 1);
    crypto::tag tag;
    cipher.seal(nonce_of(1), associated, first, tag).value();
    // sealing without any after sealing with some gives what a fresh context gives
    bytes second(20, 2);
    bytes expected(20, 2);
    crypto::tag second_tag;
    crypto::tag expected_tag;
    cipher.seal(nonce_of(2), {}, second, second_tag).value();
    fresh.seal(nonce_of(2), {}, expected, expected_tag).value();
    BOOST_TEST((second == expected && second_tag == expected_tag));
    // and so does opening
    BOOST_REQUIRE(accepted(cipher.open(nonce_of(1), associated, first, tag)));
    BOOST_REQUIRE(accepted(cipher.open(nonce_of(2), {}, second, second_tag)));
    BOOST_TEST(second == bytes(20, 2));
    // what was sealed with some does not open without, even right after a call that had some
    bytes third(20, 3);
    crypto::tag third_tag;
    cipher.seal(nonce_of(3), associated, third, third_tag).value();
    BOOST_TEST(
        refused_as(errc::authentication_failed, cipher.open(nonce_of(3), {}, third, third_tag)));
  }

  static void associated_data_that_stays_the_same_counts_each_time() {
    auto cipher = make();
    std::uint8_t count = 0;
    const auto sealed_as_by_a_fresh_one = [&](bytes_view associated) {
      auto fresh = make();
      bytes data(20, 1);
      bytes expected(20, 1);
      crypto::tag tag;
      crypto::tag expected_tag;
      const auto once = nonce_of(++count);
      cipher.seal(once, associated, data, tag).value();
      fresh.seal(once, associated, expected, expected_tag).value();
      BOOST_TEST((data == expected && tag == expected_tag));
      // it opens with these, again and again, and right after a refusal under them
      auto changed = tag;
      changed.view().back() ^= 1U;
      for (const bool refused_before : {false, false, true, true}) {
        auto copy = data;
        if (refused_before)
          BOOST_TEST(refused_as(errc::authentication_failed,
                                cipher.open(once, associated, copy, changed)));
        copy = data;
        BOOST_TEST(accepted(cipher.open(once, associated, copy, tag)));
        BOOST_TEST(copy == bytes(20, 1));
      }
      // and not with others of the same size
      auto others = to_bytes(associated);
      if (others.empty()) return;
      others.back() ^= 1U;
      BOOST_TEST(refused_as(errc::authentication_failed, cipher.open(once, others, data, tag)));
    };
    auto changed = counted_bytes(50);
    changed.back() ^= 1U;
    for (const auto& each : {counted_bytes(50), counted_bytes(50), changed, counted_bytes(50),
                             counted_bytes(49), bytes(), bytes(), counted_bytes(128),
                             counted_bytes(128), counted_bytes(129), counted_bytes(129)})
      sealed_as_by_a_fresh_one(each);
  }

  static void one_context_seals_and_opens_in_any_order_after_failures() {
    auto cipher = make();
    for (std::uint64_t i = 0; i < 50; ++i) {
      const auto message = counted_bytes(static_cast<std::size_t>(i * 5));
      auto data = message;
      crypto::tag tag;
      cipher.seal(nonce_of(i), {}, data, tag).value();
      auto broken = data;
      auto wrong = tag;
      wrong.view()[0] ^= 1;
      BOOST_TEST(
          refused_as(errc::authentication_failed, cipher.open(nonce_of(i), {}, broken, wrong)));
      BOOST_REQUIRE(accepted(cipher.open(nonce_of(i), {}, data, tag)));
      BOOST_TEST(data == message);
    }
  }

  static void a_moved_context_goes_on() {
    auto first = make();
    auto data = counted_bytes(10);
    crypto::tag tag;
    first.seal(nonce_of(1), {}, data, tag).value();
    auto second = std::move(first);
    BOOST_REQUIRE(accepted(second.open(nonce_of(1), {}, data, tag)));
    BOOST_TEST(data == counted_bytes(10));
  }
};

/// Seals and opens every case of a file that is valid, and refuses to open every one that is not.
template <crypto::aead Aead>
void check_aead_vectors(const char* file, std::size_t at_least) {
  std::size_t valid = 0;
  std::size_t invalid = 0;
  for (const auto& each : read_vectors(file)) {
    BOOST_TEST_CONTEXT(file << ": " << each.comment) {
      auto cipher = Aead::context::create(each.key("Key")).value();
      const auto once = each.strong<nonce>("Nonce");
      const auto tag = each.strong<crypto::tag>("Tag");
      const auto associated = each.data("Ad");
      auto data = each.data("Ciphertext");
      if (each.text("Result") == "valid") {
        BOOST_REQUIRE(accepted(cipher.open(once, associated, data, tag)));
        BOOST_TEST(data == each.data("Message"));
        crypto::tag made;
        BOOST_REQUIRE(accepted(cipher.seal(once, associated, data, made)));
        BOOST_TEST(data == each.data("Ciphertext"));
        BOOST_TEST((made == tag));
        ++valid;
      } else {
        BOOST_TEST(
            refused_as(errc::authentication_failed, cipher.open(once, associated, data, tag)));
        BOOST_TEST(all_zero(data));
        ++invalid;
      }
    }
  }
  BOOST_TEST(valid >= at_least);
  BOOST_TEST(invalid >= 20U);
}

}  // namespace keywarden::testing
