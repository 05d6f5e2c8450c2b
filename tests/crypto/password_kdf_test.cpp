#include <keywarden/crypto/password_kdf.hpp>

#include <sys/resource.h>

#include <limits>

#include <boost/test/unit_test.hpp>

#include "support/refusals.hpp"
#include "vectors.hpp"

namespace password_kdf_test {

namespace kw = keywarden;
namespace crypto = keywarden::crypto;
using crypto::kdf_cost;
using kw::errc;
using kw::fact;
using kw::testing::accepted;
using kw::testing::read_vectors;
using kw::testing::refused_as;

using cheap_argon = crypto::argon2id<8, 1, 1>;
using cheap_pbkdf2 = crypto::pbkdf2_sha256<1000>;

kw::password password_of(const kw::testing::vector_case& from) {
  return kw::password(kw::as_text(from.data("Password")));
}

struct spent {
  double cpu_seconds;
  long peak_kib;
};
spent so_far() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return {seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss};
}

BOOST_AUTO_TEST_SUITE(crypto_password_kdf)

BOOST_AUTO_TEST_CASE(argon2id_gives_the_reference_outputs) {
  std::size_t checked = 0;
  for (const auto& each : read_vectors("argon2id.vec")) {
    if (!each.text("Secret").empty()) continue;  // see the next test
    BOOST_TEST_CONTEXT(each.comment << ", memory " << each.text("Memory")) {
      const kdf_cost cost{static_cast<std::uint32_t>(each.number("Memory")),
                          static_cast<std::uint32_t>(each.number("Iterations")),
                          static_cast<std::uint32_t>(each.number("Lanes"))};
      const auto made = cheap_argon::derive(password_of(each), each.strong<kw::salt>("Salt"), cost);
      BOOST_REQUIRE(accepted(made));
      BOOST_TEST((*made == each.key("Output")));
      ++checked;
    }
  }
  BOOST_TEST(checked == 4U);
}

// The RFC's own vector has a secret and associated data, which `argon2id` does not offer.
BOOST_AUTO_TEST_CASE(the_backend_gives_the_output_of_rfc_9106) {
  const auto each = read_vectors("argon2id.vec").front();
  const auto hash =
      Botan::PasswordHashFamily::create_or_throw("Argon2id")
          ->from_params(each.number("Memory"), each.number("Iterations"), each.number("Lanes"));
  const auto typed = each.data("Password");
  const auto salted = each.data("Salt");
  const auto secret = each.data("Secret");
  const auto associated = each.data("Ad");
  kw::bytes out(32);
  hash->derive_key(out.data(), out.size(), kw::as_text(typed).data(), typed.size(), salted.data(),
                   salted.size(), associated.data(), associated.size(), secret.data(),
                   secret.size());
  BOOST_TEST(out == each.data("Output"));
}

BOOST_AUTO_TEST_CASE(pbkdf2_gives_the_published_outputs) {
  for (const auto& each : read_vectors("pbkdf2_sha256.vec")) {
    BOOST_TEST_CONTEXT(each.comment) {
      const kdf_cost cost{0, static_cast<std::uint32_t>(each.number("Iterations")), 1};
      const auto made =
          cheap_pbkdf2::derive(password_of(each), each.strong<kw::salt>("Salt"), cost);
      BOOST_REQUIRE(accepted(made));
      BOOST_TEST((*made == each.key("Output")));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_tebibyte_asked_by_a_file_is_refused_before_any_memory_or_time_is_spent) {
  const kw::password typed("x");
  constexpr auto tebibyte = std::uint32_t{1} << 30U;  // in KiB
  const auto before = so_far();
  for (int i = 0; i < 100; ++i) {
    const auto outcome = crypto::argon2id<>::derive(typed, {}, {tebibyte, 3, 4});
    BOOST_REQUIRE(refused_as(errc::limit_exceeded, outcome));
    BOOST_TEST(outcome.error().value_of(fact::limit) == "1048576");
    BOOST_TEST(outcome.error().value_of(fact::actual) == "1073741824");
  }
  const auto after = so_far();
  BOOST_TEST(after.cpu_seconds - before.cpu_seconds < 1.0);  // 10 ms each, with sanitizers too
  BOOST_TEST(after.peak_kib - before.peak_kib < 1024);
}

BOOST_AUTO_TEST_CASE(every_cost_above_its_ceiling_is_refused) {
  const kw::password typed("x");
  constexpr auto most = std::numeric_limits<std::uint32_t>::max();
  for (const auto& cost : {kdf_cost{1048577, 1, 1}, kdf_cost{8192, 17, 1}, kdf_cost{8192, 1, 17},
                           kdf_cost{most, most, most}})
    BOOST_TEST(refused_as(errc::limit_exceeded, crypto::argon2id<>::derive(typed, {}, cost)));
  for (const auto& cost : {kdf_cost{0, 10000001, 1}, kdf_cost{1, 100000, 1}, kdf_cost{0, 100000, 2},
                           kdf_cost{0, most, 1}})
    BOOST_TEST(refused_as(errc::limit_exceeded, crypto::pbkdf2_sha256<>::derive(typed, {}, cost)));
}

BOOST_AUTO_TEST_CASE(every_cost_below_its_floor_is_refused) {
  const kw::password typed("x");
  for (const auto& cost :
       {kdf_cost{8191, 1, 1}, kdf_cost{8192, 0, 1}, kdf_cost{8192, 1, 0}, kdf_cost{0, 0, 0}})
    BOOST_TEST(refused_as(errc::weaker_than_required, crypto::argon2id<>::derive(typed, {}, cost)));
  for (const auto& cost : {kdf_cost{0, 99999, 1}, kdf_cost{0, 0, 1}, kdf_cost{0, 100000, 0}})
    BOOST_TEST(
        refused_as(errc::weaker_than_required, crypto::pbkdf2_sha256<>::derive(typed, {}, cost)));
}

BOOST_AUTO_TEST_CASE(the_floor_and_the_composed_cost_themselves_are_accepted) {
  const kw::password typed("x");
  BOOST_TEST(accepted(crypto::argon2id<>::derive(typed, {}, crypto::argon2id<>::floor)));
  BOOST_TEST(accepted(crypto::pbkdf2_sha256<>::derive(typed, {}, crypto::pbkdf2_sha256<>::floor)));
  BOOST_TEST(accepted(cheap_argon::derive(typed, {}, cheap_argon::cost)));
  BOOST_TEST(accepted(cheap_pbkdf2::derive(typed, {}, cheap_pbkdf2::cost)));
}

BOOST_AUTO_TEST_CASE(less_memory_than_the_lanes_need_is_malformed) {
  BOOST_TEST(refused_as(errc::malformed, cheap_argon::derive(kw::password("x"), {}, {8, 1, 2})));
}

BOOST_AUTO_TEST_CASE(an_empty_password_is_refused) {
  BOOST_TEST(refused_as(errc::password_refused,
                        cheap_argon::derive(kw::password(""), {}, cheap_argon::cost)));
  BOOST_TEST(refused_as(errc::password_refused,
                        cheap_argon::derive(kw::password(), {}, cheap_argon::cost)));
  BOOST_TEST(refused_as(errc::password_refused,
                        cheap_pbkdf2::derive(kw::password(""), {}, cheap_pbkdf2::cost)));
}

BOOST_AUTO_TEST_CASE(a_password_above_1024_bytes_is_refused) {
  const kw::password longest(std::string(1024, 'p'));
  const kw::password longer(std::string(1025, 'p'));
  BOOST_TEST(accepted(cheap_argon::derive(longest, {}, cheap_argon::cost)));
  BOOST_TEST(
      refused_as(errc::password_refused, cheap_argon::derive(longer, {}, cheap_argon::cost)));
  BOOST_TEST(accepted(cheap_pbkdf2::derive(longest, {}, cheap_pbkdf2::cost)));
  BOOST_TEST(
      refused_as(errc::password_refused, cheap_pbkdf2::derive(longer, {}, cheap_pbkdf2::cost)));
}

BOOST_AUTO_TEST_CASE(a_refusal_never_repeats_the_password) {
  const std::string text(1025, 'p');
  BOOST_TEST(
      cheap_argon::derive(kw::password(text), {}, cheap_argon::cost).error().message().find("pp") ==
      std::string::npos);
}

BOOST_AUTO_TEST_CASE(password_salt_and_each_cost_change_the_key) {
  const auto derive = [](std::string_view text, std::uint8_t salted, kdf_cost cost) {
    kw::salt salt;
    salt.view()[0] = salted;
    return cheap_argon::derive(kw::password(text), salt, cost).value();
  };
  const auto key = derive("a", 0, {16, 1, 1});
  BOOST_TEST((key == derive("a", 0, {16, 1, 1})));
  BOOST_TEST(!(key == derive("b", 0, {16, 1, 1})));
  BOOST_TEST(!(key == derive("a", 1, {16, 1, 1})));
  BOOST_TEST(!(key == derive("a", 0, {24, 1, 1})));
  BOOST_TEST(!(key == derive("a", 0, {16, 2, 1})));
  BOOST_TEST(!(key == derive("a", 0, {16, 1, 2})));
}

BOOST_AUTO_TEST_CASE(a_password_with_a_zero_byte_is_hashed_to_its_end) {
  const auto derive = [](std::string_view text) {
    return cheap_pbkdf2::derive(kw::password(text), {}, cheap_pbkdf2::cost).value();
  };
  BOOST_TEST(!(derive(std::string_view("a\0b", 3)) == derive(std::string_view("a\0c", 3))));
}

static_assert(crypto::argon2id<>::guess_cost > crypto::pbkdf2_sha256<>::guess_cost);
static_assert(crypto::argon2id<>::cost ==
              kdf_cost{65536, 3, 4});  // RFC 9106, second recommendation

BOOST_AUTO_TEST_SUITE_END()

}  // namespace password_kdf_test
