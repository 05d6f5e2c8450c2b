#include <keywarden/key/purpose.hpp>

#include <boost/test/unit_test.hpp>

namespace purpose_test {

namespace kw = keywarden;

struct invoices {
  static constexpr std::string_view name = "invoices";
};
struct orders {
  static constexpr const char* name = "orders";
};

static_assert(kw::purpose<invoices> && kw::purpose<orders>);
static_assert(!std::is_convertible_v<kw::sealed<invoices>, kw::sealed<orders>>);
static_assert(!std::is_constructible_v<kw::sealed<invoices>, kw::sealed<orders>>);
static_assert(
    !std::is_convertible_v<kw::bytes, kw::sealed<invoices>>);  // a claim about bytes is explicit
static_assert(std::regular<kw::sealed<invoices>>);

BOOST_AUTO_TEST_SUITE(key_purposes)

BOOST_AUTO_TEST_CASE(sealed_bytes_are_a_value_that_keeps_its_bytes) {
  const kw::sealed<invoices> one(kw::bytes{1, 2, 3});
  auto copy = one;
  BOOST_TEST((copy == one));
  BOOST_TEST((copy != kw::sealed<invoices>(kw::bytes{1, 2, 4})));
  BOOST_TEST(one.to_bytes() == (kw::bytes{1, 2, 3}));
  BOOST_TEST(std::move(copy).to_bytes() == (kw::bytes{1, 2, 3}));
  BOOST_TEST(kw::sealed<invoices>().view().empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace purpose_test
