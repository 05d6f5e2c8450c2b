#include <keywarden/vault/scale_out/shared_backup.hpp>

#include <boost/test/unit_test.hpp>

#include "vault/scale_out_fixture.hpp"

namespace kw = keywarden;
using namespace kw::testing;
using kw::errc;

namespace {

[[nodiscard]] kw::shared_backup made_up() {
  kw::detail::record_key_chain chain;
  BOOST_TEST(accepted(chain.extend(kw::random_key().value())));
  BOOST_TEST(accepted(chain.extend(kw::random_key().value())));
  return {{},
          "farm",
          kw::record_id{},
          42,
          {{kw::installation_id{}, "first", kw::time_point{}, kw::bytes(1216, 7)}},
          std::move(chain),
          kw::key_ring::create(kw::time_point{}).value()};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(scale_out_shared_backup)

BOOST_AUTO_TEST_CASE(a_backup_brings_back_the_key_its_record_keys_and_its_members) {
  const server any;
  auto keeper = any.own.memberships();
  const auto written = made_up();
  const auto read =
      keeper.read_back_up(keeper.back_up(written, protection).value(), protection).value();
  BOOST_TEST(read.deployment == "farm");
  BOOST_TEST(read.generation == 42U);
  BOOST_TEST((read.ring.active().secret == written.ring.active().secret));
  BOOST_REQUIRE(read.chain.links().size() == 2U);
  BOOST_TEST((read.chain.last().of == written.chain.last().of));
  BOOST_TEST((read.chain.last().witness == written.chain.last().witness));
  BOOST_REQUIRE(read.members.size() == 1U);
  BOOST_TEST(read.members[0].name == "first");
  BOOST_TEST((read.members[0].public_key == kw::bytes(1216, 7)));
  BOOST_TEST((read.file != kw::record_id{}));
}

BOOST_AUTO_TEST_CASE(a_backup_without_record_keys_is_refused) {
  const server any;
  auto keeper = any.own.memberships();
  auto written = made_up();
  written.chain = {};
  BOOST_TEST(
      refused_as(errc::malformed,
                 keeper.read_back_up(keeper.back_up(written, protection).value(), protection)));
}

BOOST_AUTO_TEST_CASE(a_public_key_larger_than_any_is_refused) {
  const server any;
  auto keeper = any.own.memberships();
  auto written = made_up();
  written.members[0].public_key.resize(kw::detail::largest_public_key + 1);
  BOOST_TEST(!keeper.read_back_up(keeper.back_up(written, protection).value(), protection));
}

BOOST_AUTO_TEST_SUITE_END()
