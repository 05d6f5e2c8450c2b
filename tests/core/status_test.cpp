#include <keywarden/core/status.hpp>

#include <boost/test/unit_test.hpp>

namespace kw = keywarden;
using kw::errc;

BOOST_AUTO_TEST_SUITE(core_status)

static_assert(sizeof(kw::status) == sizeof(errc));
static_assert(std::is_trivially_destructible_v<kw::status>);

BOOST_AUTO_TEST_CASE(success_and_refusal_are_told_apart) {
  BOOST_TEST(static_cast<bool>(kw::status()));
  const kw::status refused = errc::authentication_failed;
  BOOST_TEST(!refused);
  BOOST_TEST((refused.error() == errc::authentication_failed));
}

BOOST_AUTO_TEST_CASE(it_becomes_a_result_with_the_same_meaning) {
  const kw::result<void> good = kw::status();
  BOOST_TEST(good.has_value());
  const kw::result<void> bad = kw::status(errc::truncated);
  BOOST_TEST((bad.error() == errc::truncated));
}

BOOST_AUTO_TEST_CASE(the_value_of_a_refusal_throws_it) {
  BOOST_CHECK_NO_THROW(kw::status().value());
  BOOST_CHECK_EXCEPTION(
      kw::status(errc::truncated).value(), kw::refused,
      [](const kw::refused& thrown) { return thrown.reason() == errc::truncated; });
}

BOOST_AUTO_TEST_SUITE_END()
