#include <keywarden/protect/keyed.hpp>

#include <boost/test/unit_test.hpp>

#include "laws.hpp"

namespace keyed_test {

using namespace keywarden;
using namespace keywarden::testing;

/// The least that a protector with a key at hand has to write: what a hardware token's would be.
class token : public protect::detail::keyed_protector<token> {
 public:
  static std::string scheme() { return "token"; }
  static constexpr requirements offers{128, requirements::unguessable, true, {}};
  static constexpr bool interactive = false;
  static constexpr bool opens_without(factors /*lost*/) noexcept { return true; }

  explicit token(std::uint8_t key, std::string serial = "1")
      : key_(32, key), serial_(std::move(serial)) {}

 private:
  friend class protect::detail::keyed_protector<token>;
  [[nodiscard]] result<secret_key> secret() const {
    if (key_.empty() || key_.front() == 0) return error(errc::secret_unavailable);
    return secret_key::copy_of(key_);
  }
  [[nodiscard]] result<bytes> binding() const { return to_bytes(as_bytes(serial_)); }

  bytes key_;
  std::string serial_;
};

static_assert(protect::key_protector<token>);

BOOST_AUTO_TEST_CASE(a_users_own_keyed_protector_keeps_the_laws) {
  keeps_the_laws(hands<token>{.right = token(1),
                              .wrong = token(2),
                              .missing = token(0),
                              .missing_cannot_hide = errc::secret_unavailable,
                              .missing_cannot_recover = errc::secret_unavailable});
}

BOOST_AUTO_TEST_CASE(what_the_secret_is_bound_to_counts) {
  const auto data = token(1, "A").hide(the_key(), the_place()).value().value;
  BOOST_TEST(opened(recover_with(token(1, "A"), data)));
  BOOST_TEST(did_not_fit(recover_with(token(1, "B"), data)));
  BOOST_TEST(did_not_fit(recover_with(token(1, ""), data)));
}

BOOST_AUTO_TEST_CASE(optional_entropy_has_to_be_given_again) {
  const auto entropy = [](std::uint8_t value) { return secret_key::copy_of(bytes(16, value)); };
  const auto data = token(1).with_entropy(entropy(7)).hide(the_key(), the_place()).value().value;
  BOOST_TEST(opened(recover_with(token(1).with_entropy(entropy(7)), data)));
  BOOST_TEST(did_not_fit(recover_with(token(1).with_entropy(entropy(8)), data)));
  BOOST_TEST(did_not_fit(recover_with(token(1), data)));
  const auto plain = token(1).hide(the_key(), the_place()).value().value;
  BOOST_TEST(did_not_fit(recover_with(token(1).with_entropy(entropy(7)), plain)));
}

}  // namespace keyed_test
