/// @file
/// The laws that every key encapsulation mechanism keeps, written once for all of them.
#pragma once

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <keywarden/crypto/kem.hpp>

namespace keywarden::testing {

/// A source of randomness that has none.
struct failing_random {
  [[nodiscard]] result<void> fill(mutable_bytes /*out*/) const {
    return error(errc::secret_unavailable);
  }
};

/// A source that gives back bytes it was given, in order, and fails when they are used up.
class replayed_random {
 public:
  explicit replayed_random(bytes given) : given_(std::move(given)) {}

  [[nodiscard]] result<void> fill(mutable_bytes out) {
    if (out.size() > left()) return error(errc::limit_exceeded);
    std::copy_n(given_.begin() + static_cast<std::ptrdiff_t>(used_), out.size(), out.begin());
    used_ += out.size();
    return done();
  }
  [[nodiscard]] std::size_t left() const { return given_.size() - used_; }

 private:
  bytes given_;
  std::size_t used_ = 0;
};

/// What a mechanism says to a public key that ends one byte early. Those with their own framing
/// (DER) say `malformed`.
template <class Kem>
inline constexpr errc shortened_public_key = errc::truncated;

/// The same for a private key.
template <class Kem>
inline constexpr errc shortened_private_key = errc::truncated;

/// The laws of `crypto::kem` for one model. Two keys are made once, for some models take long.
template <crypto::kem Kem>
struct kem_laws {
  static const typename Kem::private_key& receiver() {
    static const auto key = fresh_key();
    return key;
  }
  static const typename Kem::private_key& stranger() {
    static const auto key = fresh_key();
    return key;
  }

  static void the_receiver_finds_the_sender_s_secret() {
    for (int i = 0; i < 3; ++i) {
      const auto sent = made_for(receiver());
      BOOST_TEST(sent.shared.size() == crypto::shared_secret_size);
      BOOST_TEST(!sent.ciphertext.empty());
      BOOST_TEST(sent.ciphertext.size() <= Kem::max_ciphertext_size);
      const auto found = Kem::decapsulate(receiver(), sent.ciphertext);
      BOOST_REQUIRE(found);
      BOOST_CHECK(*found == sent.shared);
    }
  }

  static void two_encapsulations_have_nothing_in_common() {
    const auto first = made_for(receiver());
    const auto second = made_for(receiver());
    BOOST_CHECK(first.ciphertext != second.ciphertext);
    BOOST_CHECK(!(first.shared == second.shared));
  }

  static void the_caller_s_randomness_decides_everything() {
    const auto token = hazmat::insecure_access::i_know_what_i_do();
    hazmat::deterministic_random once(7, token);
    hazmat::deterministic_random again(7, token);
    auto first = Kem::encapsulate(receiver().public_part(), once);
    auto second = Kem::encapsulate(receiver().public_part(), again);
    BOOST_REQUIRE(first);
    BOOST_REQUIRE(second);
    BOOST_CHECK(first->ciphertext == second->ciphertext);
    BOOST_CHECK(first->shared == second->shared);
  }

  static void a_source_that_fails_makes_no_secret_and_no_key() {
    failing_random none;
    const auto made = Kem::encapsulate(receiver().public_part(), none);
    BOOST_REQUIRE(!made);
    BOOST_CHECK(made.error() == errc::secret_unavailable);
    BOOST_CHECK(!Kem::private_key::generate(none));
  }

  static void another_s_private_key_does_not_find_the_secret() {
    const auto sent = made_for(receiver());
    const auto found = Kem::decapsulate(stranger(), sent.ciphertext);
    if (found) {
      BOOST_CHECK(!(*found == sent.shared));
    } else {
      const auto code = found.error().code();
      BOOST_CHECK(code == errc::authentication_failed || code == errc::malformed);
    }
  }

  static void no_altered_byte_leads_to_the_same_secret() {
    const auto sent = made_for(receiver());
    std::size_t found_again = 0;
    std::size_t odd_refusals = 0;
    for (std::size_t i = 0; i < sent.ciphertext.size(); ++i) {
      auto altered = sent.ciphertext;
      altered[i] = static_cast<std::uint8_t>(altered[i] ^ (i % 2 == 0 ? 0x01U : 0x80U));
      const auto found = Kem::decapsulate(receiver(), altered);
      if (found) {
        found_again += *found == sent.shared;
      } else {
        const auto code = found.error().code();
        odd_refusals += code != errc::authentication_failed && code != errc::malformed;
      }
    }
    BOOST_TEST(found_again == 0U);
    BOOST_TEST(odd_refusals == 0U);
    auto high_bit = sent.ciphertext;
    high_bit.back() =
        static_cast<std::uint8_t>(high_bit.back() ^ 0x80U);  // X25519 ignores this one
    const auto found = Kem::decapsulate(receiver(), high_bit);
    BOOST_CHECK(!found || !(*found == sent.shared));
  }

  static void a_ciphertext_of_the_wrong_size_is_refused() {
    const auto sent = made_for(receiver());
    const auto refusal = [](bytes_view ciphertext) {
      return Kem::decapsulate(receiver(), ciphertext).error().code();
    };
    const auto whole = bytes_view(sent.ciphertext);
    BOOST_CHECK(refusal({}) == errc::truncated);
    BOOST_CHECK(refusal(whole.first(1)) == errc::truncated);
    BOOST_CHECK(refusal(whole.first(whole.size() - 1)) == errc::truncated);
    auto longer = sent.ciphertext;
    longer.push_back(0);
    BOOST_CHECK(refusal(longer) == errc::limit_exceeded);
    longer.resize(1U << 20U);
    BOOST_CHECK(refusal(longer) == errc::limit_exceeded);
  }

  static void a_public_key_of_the_wrong_size_is_refused() {
    const auto refusal = [](bytes_view encoded) {
      return Kem::public_key::decode(encoded).error().code();
    };
    const auto encoded = receiver().public_part().encode();
    const auto whole = bytes_view(encoded);
    BOOST_CHECK(refusal({}) == errc::truncated);
    BOOST_CHECK(refusal(whole.first(whole.size() - 1)) == shortened_public_key<Kem>);
    auto longer = encoded;
    longer.resize(Kem::max_public_key_size + 1);
    BOOST_CHECK(refusal(longer) == errc::limit_exceeded);
    longer.resize(1U << 20U);
    BOOST_CHECK(refusal(longer) == errc::limit_exceeded);
  }

  static void a_private_key_of_the_wrong_size_is_refused() {
    const auto encoded = receiver().encode();
    const auto whole = detail::view_of(encoded);
    const auto refusal = [](bytes_view data) {
      return Kem::private_key::decode(secret_key::copy_of(data)).error().code();
    };
    BOOST_CHECK(refusal({}) == errc::truncated);
    BOOST_CHECK(refusal(whole.first(whole.size() - 1)) == shortened_private_key<Kem>);
    BOOST_CHECK(refusal(bytes(1U << 16U)) == errc::limit_exceeded);
  }

  static void keys_survive_encoding() {
    const auto& shown = receiver().public_part();
    BOOST_TEST(shown.encode().size() <= Kem::max_public_key_size);
    const auto read = Kem::public_key::decode(shown.encode());
    BOOST_REQUIRE(read);
    BOOST_CHECK(*read == shown);
    BOOST_CHECK(read->encode() == shown.encode());
    BOOST_CHECK(!(*read == stranger().public_part()));
    auto copy = *read;
    copy = stranger().public_part();
    BOOST_CHECK(*read == shown);

    const auto restored = Kem::private_key::decode(receiver().encode());
    BOOST_REQUIRE(restored);
    BOOST_CHECK(restored->public_part() == shown);
    BOOST_CHECK(restored->encode() == receiver().encode());
    system_random random;
    const auto sent = Kem::encapsulate(*read, random);
    BOOST_REQUIRE(sent);
    const auto found = Kem::decapsulate(*restored, sent->ciphertext);
    BOOST_REQUIRE(found);
    BOOST_CHECK(*found == sent->shared);
  }

  // Refused or read as something: either is right, as long as nothing throws or runs away.
  static void noise_is_refused_without_an_exception() {
    hazmat::deterministic_random random(11, hazmat::insecure_access::i_know_what_i_do());
    const auto sent = made_for(receiver());
    const auto shown = receiver().public_part().encode();
    const auto hidden = receiver().encode();
    for (int i = 0; i < 100; ++i) {
      bytes noise(std::max({sent.ciphertext.size(), shown.size(), hidden.size()}));
      BOOST_REQUIRE(random.fill(noise));
      const auto all = bytes_view(noise);
      BOOST_CHECK_NO_THROW((void)Kem::decapsulate(receiver(), all.first(sent.ciphertext.size())));
      BOOST_CHECK_NO_THROW((void)Kem::public_key::decode(all.first(shown.size())));
      BOOST_CHECK_NO_THROW(
          (void)Kem::private_key::decode(secret_key::copy_of(all.first(hidden.size()))));
      // Noise that begins as a key does goes deeper into the decoders.
      std::copy_n(shown.begin(), std::min<std::size_t>(shown.size(), 24), noise.begin());
      BOOST_CHECK_NO_THROW((void)Kem::public_key::decode(all.first(shown.size())));
      const auto begin = detail::view_of(hidden).first(std::min<std::size_t>(hidden.size(), 30));
      std::copy(begin.begin(), begin.end(), noise.begin());
      BOOST_CHECK_NO_THROW(
          (void)Kem::private_key::decode(secret_key::copy_of(all.first(hidden.size()))));
    }
  }

 private:
  static typename Kem::private_key fresh_key() {
    system_random random;
    return Kem::private_key::generate(random).value();
  }
  static crypto::encapsulation made_for(const typename Kem::private_key& key) {
    system_random random;
    return Kem::encapsulate(key.public_part(), random).value();
  }
};

}  // namespace keywarden::testing
