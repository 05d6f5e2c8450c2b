#include <keywarden/core/secret.hpp>

#include <utility>

#include <boost/test/unit_test.hpp>

#include "support/memory_map.hpp"

namespace secret_test {

namespace kw = keywarden;
using kw::testing::memory_at;

constexpr std::size_t key_size = 32;
const kw::bytes pattern(key_size, 0xA7);
const kw::bytes zeros(key_size, 0);

const std::uint8_t* address_of(const kw::secret_key& key) {
  return kw::detail::view_of(key).data();
}

constexpr auto token = kw::hazmat::insecure_access::i_know_what_i_do();

BOOST_AUTO_TEST_SUITE(core)
BOOST_AUTO_TEST_SUITE(secret)

BOOST_AUTO_TEST_CASE(a_copy_of_bytes_holds_the_same_bytes) {
  const auto key = kw::secret_key::copy_of(pattern);
  BOOST_TEST(key.size() == key_size);
  BOOST_TEST(kw::to_bytes(kw::hazmat::export_bytes(key, token)) == pattern);
}

BOOST_AUTO_TEST_CASE(wipe_zeroes_the_memory_and_empties_the_secret) {
  auto key = kw::secret_key::copy_of(pattern);
  const auto* const at = address_of(key);
  BOOST_REQUIRE(memory_at(at, key_size) == pattern);  // the search can find what is there
  key.wipe();
  BOOST_TEST(key.empty());
  BOOST_TEST(memory_at(at, key_size) == zeros);
}

BOOST_AUTO_TEST_CASE(destruction_zeroes_the_memory) {
  const std::uint8_t* at = nullptr;
  {
    const auto key = kw::secret_key::copy_of(pattern);
    at = address_of(key);
    BOOST_REQUIRE(memory_at(at, key_size) == pattern);
  }
  BOOST_TEST(memory_at(at, key_size) == zeros);
}

BOOST_AUTO_TEST_CASE(a_moved_from_secret_is_empty_and_the_bytes_exist_once) {
  auto first = kw::secret_key::copy_of(pattern);
  const auto* const at = address_of(first);
  const auto second = std::move(first);
  BOOST_TEST(first.empty());  // NOLINT(bugprone-use-after-move): that it is empty is the claim
  BOOST_TEST(address_of(second) == at);
}

BOOST_AUTO_TEST_CASE(assigning_over_a_secret_zeroes_what_it_held) {
  auto key = kw::secret_key::copy_of(pattern);
  const auto* const at = address_of(key);
  auto other = kw::secret_key::copy_of(kw::bytes(key_size, 0x11));
  key = std::move(other);
  BOOST_TEST(other.empty());  // NOLINT(bugprone-use-after-move)
  BOOST_TEST(memory_at(at, key_size) == zeros);
  BOOST_TEST(key.size() == key_size);
}

BOOST_AUTO_TEST_CASE(assigning_a_secret_to_itself_keeps_it) {
  auto key = kw::secret_key::copy_of(pattern);
  auto& same = key;
  key = std::move(same);
  BOOST_TEST((key == kw::secret_key::copy_of(pattern)));
}

BOOST_AUTO_TEST_CASE(a_duplicate_is_equal_and_outlives_the_original) {
  auto key = kw::secret_key::copy_of(pattern);
  const auto second = key.duplicate();
  key.wipe();
  BOOST_TEST((second == kw::secret_key::copy_of(pattern)));
}

BOOST_AUTO_TEST_CASE(secrets_differ_when_any_one_bit_does) {
  const auto key = kw::secret_key::copy_of(pattern);
  for (std::size_t bit = 0; bit < key_size * 8; ++bit) {
    auto changed = pattern;
    changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1U << (bit % 8)));
    BOOST_TEST(!(key == kw::secret_key::copy_of(changed)));
  }
}

BOOST_AUTO_TEST_CASE(secrets_of_different_length_differ) {
  BOOST_TEST(!(kw::secret_key::copy_of(pattern) ==
               kw::secret_key::copy_of(kw::bytes_view(pattern).first(key_size - 1))));
  BOOST_TEST((kw::secret_key() == kw::secret_key::copy_of({})));
}

BOOST_AUTO_TEST_CASE(a_password_holds_its_text_and_duplicates_on_purpose) {
  kw::password typed("correct horse");
  const auto second = typed.duplicate();
  typed.wipe();
  BOOST_TEST(typed.empty());
  BOOST_TEST(kw::as_text(kw::hazmat::export_bytes(second, token)) == "correct horse");
}

BOOST_AUTO_TEST_CASE(a_moved_from_password_is_empty) {
  kw::password typed("correct horse");
  const kw::password second(std::move(typed));
  BOOST_TEST(typed.empty());  // NOLINT(bugprone-use-after-move)
  BOOST_TEST(second.size() == 13U);
}

BOOST_AUTO_TEST_CASE(plaintext_is_readable_and_zeroed_when_destroyed) {
  const std::uint8_t* at = nullptr;
  {
    const auto text = kw::plaintext::copy_of(pattern);
    at = text.view().data();
    BOOST_TEST((text == kw::bytes_view(pattern)));
    BOOST_REQUIRE(memory_at(at, key_size) == pattern);
  }
  BOOST_TEST(memory_at(at, key_size) == zeros);
}

BOOST_AUTO_TEST_CASE(a_shrunk_plaintext_keeps_its_front_and_zeroes_the_rest) {
  auto text = kw::plaintext::copy_of(pattern);
  const auto* const at = text.view().data();
  text.shrink(8);
  BOOST_TEST((text == kw::bytes_view(pattern).first(8)));
  BOOST_TEST(memory_at(at + 8, key_size - 8) == kw::bytes(key_size - 8, 0));
}

BOOST_AUTO_TEST_CASE(a_moved_from_plaintext_is_empty) {
  auto text = kw::plaintext::copy_of(pattern);
  const auto second = std::move(text);
  BOOST_TEST(text.empty());  // NOLINT(bugprone-use-after-move)
  BOOST_TEST(second.size() == key_size);
}

BOOST_AUTO_TEST_CASE(keys_live_in_memory_that_core_dumps_leave_out) {
  const auto key = kw::secret_key::copy_of(pattern);
  const auto at = reinterpret_cast<std::uintptr_t>(address_of(key));
  bool found = false;
  for (const auto& each : kw::testing::mappings_of("self")) {
    if (at < each.begin || at >= each.end) continue;
    found = true;
    BOOST_TEST(each.has("dd"), "the mapping of a key is not MADV_DONTDUMP");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they make mlock() do nothing
    BOOST_TEST(each.has("lo"), "the mapping of a key is not locked");
#endif
  }
  BOOST_TEST(found);
}

BOOST_AUTO_TEST_CASE(wiping_a_plain_buffer_zeroes_it) {
  kw::bytes buffer = pattern;
  kw::detail::wipe(buffer);
  BOOST_TEST(buffer == zeros);
  kw::detail::wipe({});
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE_END()

}  // namespace secret_test
