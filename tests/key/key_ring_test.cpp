#include <keywarden/key/key_ring.hpp>

#include <limits>

#include <boost/test/unit_test.hpp>

#include "support/memory_map.hpp"
#include "support/refusals.hpp"

namespace key_ring_test {

namespace kw = keywarden;
using kw::errc;
using kw::fact;
using kw::key_id;
using kw::key_state;
using kw::testing::accepted;
using kw::testing::refused_as;

const auto now = kw::time_point(std::chrono::seconds(1700000000));

kw::key_version version(std::uint32_t id, key_state state, std::size_t size = 32) {
  return {key_id(id), state, now, 0, kw::secret_key::copy_of(kw::bytes(size, 0x21))};
}

template <class... Version>
kw::result<kw::key_ring> adopt(Version... versions) {
  std::vector<kw::key_version> all;
  (all.push_back(std::move(versions)), ...);
  return kw::key_ring::adopt(std::move(all));
}

// A ring with a version in each state: 1 created, 2 active, 3 retired, 4 disabled, 5 destroyed.
kw::key_ring one_of_each() {
  return adopt(version(1, key_state::created), version(2, key_state::active),
               version(3, key_state::retired), version(4, key_state::disabled),
               version(5, key_state::destroyed, 0))
      .value();
}

struct exhausted {
  kw::result<void> fill(kw::mutable_bytes) { return kw::error(errc::io_failed); }
};

// Gives the id 7 again and again, and zero before that.
struct repeating {
  int draws = 0;
  kw::result<void> fill(kw::mutable_bytes out) {
    std::ranges::fill(out, std::uint8_t{0});
    if (out.size() == 4) {
      ++draws;
      out[3] = draws <= 2 ? 0 : draws <= 5 ? 7 : 8;
    }
    return kw::done();
  }
};

BOOST_AUTO_TEST_SUITE(key_rings)

BOOST_AUTO_TEST_CASE(a_new_ring_has_one_active_version) {
  const auto ring = kw::key_ring::create(now).value();
  BOOST_REQUIRE(ring.versions().size() == 1U);
  BOOST_TEST((ring.active().state == key_state::active));
  BOOST_TEST(ring.active().id.value() != 0U);
  BOOST_TEST((ring.active().created == now));
  BOOST_TEST(ring.active().secret.size() == 32U);
  BOOST_TEST(ring.find(ring.active().id) == &ring.active());
}

BOOST_AUTO_TEST_CASE(two_rings_share_no_secret) {
  const auto one = kw::key_ring::create(now).value();
  const auto two = kw::key_ring::create(now).value();
  BOOST_TEST(!(one.active().secret == two.active().secret));
}

BOOST_AUTO_TEST_CASE(without_randomness_there_is_no_ring_and_no_version) {
  BOOST_TEST(refused_as(errc::io_failed, kw::key_ring::create(now, exhausted{})));
  auto ring = kw::key_ring::create(now).value();
  BOOST_TEST(refused_as(errc::io_failed, ring.add(now, exhausted{})));
  BOOST_TEST(ring.versions().size() == 1U);
}

BOOST_AUTO_TEST_CASE(an_id_is_never_zero_and_never_used_twice) {
  auto ring = adopt(version(7, key_state::active)).value();
  BOOST_TEST((ring.add(now, repeating{}).value() == key_id(8)));
}

BOOST_AUTO_TEST_CASE(an_added_version_opens_but_does_not_seal_until_promoted) {
  auto ring = kw::key_ring::create(now).value();
  const auto first = ring.active().id;
  const auto second = ring.add(now).value();
  BOOST_TEST((ring.active().id == first));
  BOOST_TEST(opens(ring.find(second)->state));
  BOOST_REQUIRE(accepted(ring.promote(second)));
  BOOST_TEST((ring.active().id == second));
  BOOST_TEST((ring.find(first)->state == key_state::retired));
}

BOOST_AUTO_TEST_CASE(a_retired_version_may_be_promoted_again) {
  auto ring = one_of_each();
  BOOST_REQUIRE(accepted(ring.promote(key_id(3))));
  BOOST_TEST((ring.active().id == key_id(3)));
  BOOST_TEST((ring.find(key_id(2))->state == key_state::retired));
}

BOOST_AUTO_TEST_CASE(every_operation_accepts_exactly_its_states) {
  struct row {
    std::uint32_t id;
    bool promote, disable, enable, destroy;
  };
  for (const auto& each : {row{1, true, true, false, false}, row{2, false, false, false, false},
                           row{3, true, true, false, false}, row{4, false, false, true, true},
                           row{5, false, false, false, false}}) {
    BOOST_TEST_CONTEXT("version " << each.id) {
      const auto check = [&](bool allowed, auto operation, key_state after) {
        auto ring = one_of_each();
        const auto before = ring.find(key_id(each.id))->state;
        const auto outcome = operation(ring, key_id(each.id));
        if (allowed) {
          BOOST_TEST(accepted(outcome));
          BOOST_TEST((ring.find(key_id(each.id))->state == after));
        } else {
          BOOST_TEST(refused_as(errc::key_state_refused, outcome));
          BOOST_TEST((ring.find(key_id(each.id))->state == before));
          BOOST_TEST(outcome.error().value_of(fact::state) == name_of(before));
          BOOST_TEST((ring.active().id == key_id(2)));
        }
      };
      check(
          each.promote, [](auto& ring, auto id) { return ring.promote(id); }, key_state::active);
      check(
          each.disable, [](auto& ring, auto id) { return ring.disable(id); }, key_state::disabled);
      check(
          each.enable, [](auto& ring, auto id) { return ring.enable(id); }, key_state::retired);
      check(
          each.destroy, [](auto& ring, auto id) { return ring.destroy(id); }, key_state::destroyed);
    }
  }
}

BOOST_AUTO_TEST_CASE(an_unknown_version_is_refused_by_every_operation) {
  auto ring = one_of_each();
  BOOST_TEST(ring.find(key_id(99)) == nullptr);
  BOOST_TEST(refused_as(errc::unknown_key, ring.promote(key_id(99))));
  BOOST_TEST(refused_as(errc::unknown_key, ring.disable(key_id(99))));
  BOOST_TEST(refused_as(errc::unknown_key, ring.enable(key_id(0))));
  BOOST_TEST(refused_as(errc::unknown_key, ring.destroy(key_id(99))));
}

BOOST_AUTO_TEST_CASE(destroying_a_version_wipes_its_secret_where_it_lies) {
  auto ring = one_of_each();
  const auto* const at = kw::detail::view_of(ring.find(key_id(4))->secret).data();
  BOOST_REQUIRE(kw::testing::memory_at(at, 32) == kw::bytes(32, 0x21));
  ring.destroy(key_id(4)).value();
  BOOST_TEST(kw::testing::memory_at(at, 32) == kw::bytes(32, 0));
  BOOST_TEST(ring.find(key_id(4))->secret.empty());
}

BOOST_AUTO_TEST_CASE(pruning_forgets_only_what_is_destroyed) {
  auto ring = one_of_each();
  BOOST_TEST(ring.prune() == 1U);
  BOOST_TEST(ring.find(key_id(5)) == nullptr);
  BOOST_TEST(ring.versions().size() == 4U);
  BOOST_TEST(ring.prune() == 0U);
}

BOOST_AUTO_TEST_CASE(a_stored_ring_with_none_or_two_active_versions_is_malformed) {
  BOOST_TEST(refused_as(errc::malformed, adopt()));
  BOOST_TEST(refused_as(errc::malformed, adopt(version(1, key_state::retired))));
  BOOST_TEST(refused_as(errc::malformed,
                        adopt(version(1, key_state::active), version(2, key_state::active))));
}

BOOST_AUTO_TEST_CASE(a_stored_ring_with_a_zero_or_repeated_id_is_malformed) {
  BOOST_TEST(refused_as(errc::malformed, adopt(version(0, key_state::active))));
  BOOST_TEST(refused_as(errc::malformed,
                        adopt(version(1, key_state::active), version(1, key_state::retired))));
}

BOOST_AUTO_TEST_CASE(a_stored_live_version_needs_32_bytes_and_a_destroyed_one_has_none) {
  for (const std::size_t size : {0U, 16U, 31U, 33U, 64U})
    BOOST_TEST(refused_as(errc::malformed, adopt(version(1, key_state::active, size))));
  for (const auto state : {key_state::created, key_state::retired, key_state::disabled})
    BOOST_TEST(
        refused_as(errc::malformed, adopt(version(1, key_state::active), version(2, state, 0))));
  BOOST_TEST(refused_as(errc::malformed,
                        adopt(version(1, key_state::active), version(2, key_state::destroyed))));
}

BOOST_AUTO_TEST_CASE(a_ring_holds_at_most_256_versions) {
  std::vector<kw::key_version> many;
  for (std::uint32_t id = 1; id <= 257; ++id)
    many.push_back(version(id, id == 1 ? key_state::active : key_state::retired));
  BOOST_TEST(refused_as(errc::limit_exceeded, kw::key_ring::adopt(std::move(many))));

  std::vector<kw::key_version> full;
  for (std::uint32_t id = 1; id <= 256; ++id)
    full.push_back(version(id, id == 1 ? key_state::active : key_state::retired));
  auto ring = kw::key_ring::adopt(std::move(full)).value();
  BOOST_TEST(refused_as(errc::limit_exceeded, ring.add(now)));
}

BOOST_AUTO_TEST_CASE(messages_are_leased_up_to_the_limit_and_not_beyond) {
  auto ring = kw::key_ring::create(now).value();
  BOOST_TEST(accepted(ring.lease_messages(6, 10)));
  BOOST_TEST(refused_as(errc::budget_exhausted, ring.lease_messages(5, 10)));
  BOOST_TEST(ring.active().leased_messages == 6U);  // a refused lease counts nothing
  BOOST_TEST(accepted(ring.lease_messages(4, 10)));
  BOOST_TEST(refused_as(errc::budget_exhausted, ring.lease_messages(1, 10)));
}

BOOST_AUTO_TEST_CASE(a_lease_that_would_overflow_the_count_is_refused) {
  auto ring = kw::key_ring::create(now).value();
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  BOOST_TEST(accepted(ring.lease_messages(10, 10)));
  BOOST_TEST(refused_as(errc::budget_exhausted, ring.lease_messages(most, 10)));
  BOOST_TEST(refused_as(errc::budget_exhausted, ring.lease_messages(most - 5, most - 1)));
  BOOST_TEST(ring.active().leased_messages == 10U);
}

BOOST_AUTO_TEST_CASE(a_lowered_limit_below_what_is_leased_is_refused) {
  auto ring = kw::key_ring::create(now).value();
  BOOST_TEST(accepted(ring.lease_messages(100, 100)));
  BOOST_TEST(refused_as(errc::budget_exhausted, ring.lease_messages(1, 50)));
}

BOOST_AUTO_TEST_CASE(promotion_starts_a_new_count) {
  auto ring = kw::key_ring::create(now).value();
  ring.lease_messages(10, 10).value();
  ring.promote(ring.add(now).value()).value();
  BOOST_TEST(accepted(ring.lease_messages(10, 10)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace key_ring_test
