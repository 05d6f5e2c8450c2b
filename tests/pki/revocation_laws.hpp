/// @file
/// What every policy of checking revocation keeps to.
#pragma once

#include <boost/test/unit_test.hpp>

#include "pki/fixture.hpp"

namespace keywarden::testing {

/// What a list says of the leaf.
enum class list_state { missing, fresh, stale, revoked, unpromised, forged };

/// The refusal that a policy must give in each state; `none` for acceptance.
template <pki::revocation_check Revocation>
constexpr errc expected_for(list_state state) {
  if (Revocation::mode == pki::revocation_mode::no_check) return errc::none;
  if (state == list_state::fresh) return errc::none;
  return state == list_state::revoked ? errc::certificate_revoked : errc::revocation_unknown;
}

/// Law 1: each state of the list has one outcome. Law 2: the outcome is that of the snapshot in
/// force when the question is asked. Law 3: copies see the same.
template <pki::revocation_check Revocation, class Make>
void check_revocation_laws(Make make) {
  for (const auto state : {list_state::missing, list_state::fresh, list_state::stale,
                           list_state::revoked, list_state::forged}) {
    office_of_certificates all;
    const auto leaf = all.leaf();
    auto now = noon;
    pki::revocation_snapshot lists;
    if (state == list_state::revoked)
      all.below.revoke(leaf.chain[0], pki::revocation_reason::key_compromise, noon).value();
    if (state == list_state::forged)
      lists = office_of_certificates().lists();
    else if (state != list_state::missing)
      lists = all.lists();
    if (state == list_state::stale) now += pki::authority::default_next_update + day;
    const Revocation policy = make(lists);
    const auto copy = policy;
    const auto expected = expected_for<Revocation>(state);
    for (const auto& each : {policy, copy}) {
      const auto outcome = all.judge(leaf.chain, pki::certificate_purpose::server, each, now);
      BOOST_TEST_CONTEXT(static_cast<int>(state))
      BOOST_TEST((expected == errc::none ? accepted(outcome) : refused_as(expected, outcome)));
    }
    BOOST_TEST(policy.snapshot().generation() == copy.snapshot().generation());
  }
}

}  // namespace keywarden::testing
