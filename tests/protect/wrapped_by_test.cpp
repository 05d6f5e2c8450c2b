#include <keywarden/protect/wrapped_by.hpp>

#include <boost/test/unit_test.hpp>

#include "laws.hpp"
#include "world.hpp"

namespace wrapped_by_test {

using namespace keywarden;
using namespace keywarden::testing;
using protect::service_master_key;

service_master_key with(std::uint8_t id, std::uint32_t version, std::uint8_t secret) {
  const bytes ids(16, id);
  return service_master_key(protect::parent_key{record_id(bytes_view(ids).first<16>()),
                                                key_id(version),
                                                secret_key::copy_of(bytes(32, secret))});
}

BOOST_AUTO_TEST_CASE(a_child_keeps_the_laws_of_a_protector) {
  keeps_the_laws(hands<service_master_key>{
      .right = with(1, 1, 1), .wrong = with(1, 1, 2), .missing = service_master_key()});
}

BOOST_AUTO_TEST_CASE(another_parent_is_told_from_damage) {
  const auto data = with(1, 1, 1).hide(the_key(), the_place()).value().value;
  for (const auto& other : {with(2, 1, 1), with(1, 2, 1)}) {
    const auto tried = recover_with(other, data);
    BOOST_TEST(refused_as(errc::unknown_key, tried.outcome));
    BOOST_TEST(tried.outcome.error().value_of(fact::key) == "01010101010101010101010101010101");
    BOOST_TEST(tried.candidates.empty());
  }
}

BOOST_AUTO_TEST_CASE(renaming_the_parent_in_a_slot_does_not_make_it_open) {
  auto data = with(1, 1, 1).hide(the_key(), the_place()).value().value;
  data["parent"] = "02020202020202020202020202020202";
  BOOST_TEST(did_not_fit(recover_with(with(2, 1, 1), data)));  // the same secret under another id
}

BOOST_AUTO_TEST_CASE(a_slot_of_another_role_is_malformed) {
  const auto data =
      child_of<role::service_master_key>(1).hide(the_key(), the_place()).value().value;
  BOOST_TEST(
      refused_as(errc::malformed, recover_with(child_of<role::symmetric_key>(1), data).outcome));
}

BOOST_AUTO_TEST_CASE(without_a_parent_a_damaged_slot_is_malformed_all_the_same) {
  auto data = with(1, 1, 1).hide(the_key(), the_place()).value().value;
  data.erase("hidden");
  BOOST_TEST(refused_as(errc::malformed, recover_with(service_master_key(), data).outcome));
  BOOST_TEST(!service_master_key());
  BOOST_TEST(!!with(1, 1, 1));
}

}  // namespace wrapped_by_test
