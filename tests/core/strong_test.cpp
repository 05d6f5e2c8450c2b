#include <keywarden/core/strong.hpp>

#include <type_traits>
#include <unordered_set>

#include <boost/test/unit_test.hpp>

namespace kw = keywarden;

// A salt is not a nonce, a key id is not a number.
static_assert(!std::is_convertible_v<kw::salt, kw::nonce>);
static_assert(!std::is_constructible_v<kw::salt, kw::record_id>);
static_assert(!std::is_convertible_v<std::uint32_t, kw::key_id>);
static_assert(!std::is_convertible_v<kw::key_id, std::uint32_t>);
static_assert(!std::is_convertible_v<kw::bytes, kw::wrapped_key>);
static_assert(!std::is_constructible_v<kw::nonce, kw::bytes_view>);  // the size is part of the type
static_assert(sizeof(kw::nonce) == 12 && sizeof(kw::salt) == 16 && sizeof(kw::key_id) == 4);
static_assert(std::is_trivially_copyable_v<kw::nonce> && std::is_trivially_copyable_v<kw::key_id>);

BOOST_AUTO_TEST_SUITE(core)
BOOST_AUTO_TEST_SUITE(strong)

BOOST_AUTO_TEST_CASE(a_default_value_is_all_zero) {
  const kw::salt made;
  for (const auto each : made.view()) BOOST_TEST(each == 0);
  BOOST_TEST(kw::key_id().value() == 0U);
}

BOOST_AUTO_TEST_CASE(bytes_are_kept_and_compared_in_order) {
  const std::array<std::uint8_t, 12> low{1, 2, 3};
  const std::array<std::uint8_t, 12> high{1, 2, 4};
  BOOST_TEST((kw::nonce(std::span(low)) == kw::nonce(std::span(low))));
  BOOST_TEST((kw::nonce(std::span(low)) < kw::nonce(std::span(high))));
  BOOST_TEST((kw::key_id(1) < kw::key_id(2)));
}

BOOST_AUTO_TEST_CASE(values_are_usable_as_hash_keys) {
  const std::unordered_set<kw::key_id> ids{kw::key_id(1), kw::key_id(2), kw::key_id(1)};
  BOOST_TEST(ids.size() == 2U);
}

BOOST_AUTO_TEST_CASE(the_view_of_a_value_writes_to_it) {
  kw::nonce made;
  made.view()[11] = 9;
  BOOST_TEST(made.view().back() == 9);
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE_END()
