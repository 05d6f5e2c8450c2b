#include <keywarden/protect/combine.hpp>

#include <boost/test/unit_test.hpp>

#include <keywarden/crypto/dhkem.hpp>

#include "laws.hpp"
#include "world.hpp"

namespace combine_test {

using namespace keywarden;
using namespace keywarden::testing;
using protect::account;
using protect::all_of;
using protect::any_of;
using protect::machine;
using protect::self_healing;
using protect::threshold;
using x_wing = protect::recipient<crypto::x_wing>;

/// Whether anything in the error names one of these.
bool names(const error& told, std::string_view word) {
  return told.message().find(word) != std::string::npos;
}

/// The candidates that a leg gives, as the combination sees them.
template <class Protector>
recovery leg(const Protector& protector, const nlohmann::json& data, std::size_t index) {
  return recover_with(protector, data["legs"][index], the_place().leg(index));
}

BOOST_AUTO_TEST_CASE(any_of_keeps_the_laws_of_a_protector) {
  const world here;
  keeps_the_laws(
      hands<any_of<account, machine>>{.right = any_of(here.account("a"), here.machine("m")),
                                      .wrong = any_of(here.account("b"), here.machine("n")),
                                      .missing = any_of(here.gone(), here.unprovisioned("gone")),
                                      .missing_cannot_hide = errc::secret_unavailable,
                                      .missing_cannot_recover = errc::no_slot_opened,
                                      .redundant = true});
}

BOOST_AUTO_TEST_CASE(all_of_keeps_the_laws_of_a_protector) {
  const world here;
  using both = all_of<machine, typed>;
  keeps_the_laws(hands<both>{.right = both(here.machine("m"), by_heart("one")),
                             .wrong = both(here.machine("n"), by_heart("two")),
                             .missing = both(here.unprovisioned("gone"), by_heart("one")),
                             .missing_cannot_hide = errc::secret_unavailable,
                             .missing_cannot_recover = errc::secret_unavailable});
}

BOOST_AUTO_TEST_CASE(threshold_keeps_the_laws_of_a_protector) {
  const world here;
  using two = threshold<2, typed, typed, machine>;
  keeps_the_laws(hands<two>{.right = two(by_heart("one"), by_heart("two"), here.machine("m")),
                            .wrong = two(by_heart("uno"), by_heart("due"), here.machine("m")),
                            .missing = two(typed(), typed(), here.machine("m")),
                            .missing_cannot_recover = errc::no_slot_opened,
                            .redundant = true});
}

BOOST_AUTO_TEST_CASE(self_healing_keeps_the_laws_of_a_protector) {
  const world here;
  using service = self_healing<any_of<account, machine>>;
  keeps_the_laws(hands<service>{.right = service(here.account("a"), here.machine("m")),
                                .wrong = service(here.account("b"), here.machine("n")),
                                .missing = service(here.gone(), here.unprovisioned("gone")),
                                .missing_cannot_hide = errc::secret_unavailable,
                                .missing_cannot_recover = errc::no_slot_opened,
                                .redundant = true});
}

BOOST_AUTO_TEST_CASE(combinations_of_combinations_keep_the_laws_of_a_protector) {
  const world here;
  using deep = all_of<any_of<account, x_wing>, all_of<machine, typed>>;
  const auto made = [&](const account& first, int recipient, std::string_view text) {
    return deep(any_of(first, recipient_of<crypto::x_wing>(recipient)),
                all_of(here.machine("m"), by_heart(text)));
  };
  keeps_the_laws(hands<deep>{
      .right = made(here.account("a"), 0, "one"),
      .wrong = made(here.account("a"), 0, "two"),
      .missing = deep(any_of(here.gone(), x_wing()), all_of(here.machine("m"), by_heart("one"))),
      .missing_cannot_hide = errc::secret_unavailable,
      .missing_cannot_recover = errc::no_slot_opened,
      .redundant = true});

  using wide = threshold<2, all_of<typed, typed>, any_of<machine, typed>, x_wing>;
  const auto of = [&](std::string_view first, std::string_view third, int recipient) {
    return wide(all_of(by_heart(first), by_heart("b")), any_of(here.machine("m"), by_heart(third)),
                recipient_of<crypto::x_wing>(recipient));
  };
  keeps_the_laws(hands<wide>{.right = of("a", "c", 0),
                             .wrong = of("x", "y", 1),
                             .missing = wide(all_of(typed(), typed()),
                                             any_of(here.unprovisioned("gone"), typed()), x_wing()),
                             .missing_cannot_recover = errc::no_slot_opened,
                             .redundant = true});
}

BOOST_AUTO_TEST_CASE(each_alternative_alone_opens_any_of) {
  const world here;
  const any_of both(here.account("a"), here.machine("m"));
  const auto data = both.hide(the_key(), the_place()).value().value;
  BOOST_TEST(opened(recover_with(any_of(here.account("a"), here.unprovisioned("gone")), data)));
  BOOST_TEST(opened(recover_with(any_of(here.gone(), here.machine("m")), data)));
  BOOST_TEST(opened(recover_with(any_of(here.account("b"), here.machine("m")), data)));
  BOOST_TEST(
      did_not_fit(recover_with(any_of(here.account("b"), here.unprovisioned("gone")), data)));
}

BOOST_AUTO_TEST_CASE(alternatives_do_not_change_places) {
  const world here;
  const any_of two(here.machine("m"), here.machine("n"));
  const auto data = two.hide(the_key(), the_place()).value().value;
  auto swapped = data;
  std::swap(swapped["legs"][0], swapped["legs"][1]);
  BOOST_TEST(did_not_fit(recover_with(two, swapped)));
  BOOST_TEST(did_not_fit(recover_with(any_of(here.machine("n"), here.machine("m")), data)));
}

BOOST_AUTO_TEST_CASE(all_of_needs_every_leg) {
  const world here;
  using three = all_of<account, machine, typed>;
  const three right(here.account("a"), here.machine("m"), by_heart("one"));
  const auto data = right.hide(the_key(), the_place()).value().value;
  for (unsigned set = 0; set < 8; ++set) {
    const three some(here.account((set & 1U) != 0 ? "a" : "b"),
                     here.machine((set & 2U) != 0 ? "m" : "n"),
                     by_heart((set & 4U) != 0 ? "one" : "two"));
    const auto tried = recover_with(some, data);
    BOOST_TEST(tried.candidates.size() == 1U);
    BOOST_TEST((set == 7 ? opened(tried) : did_not_fit(tried)));
  }
}

BOOST_AUTO_TEST_CASE(every_subset_of_a_threshold_opens_exactly_when_it_is_large_enough) {
  const world here;
  using two_of_three = threshold<2, typed, account, machine>;
  const two_of_three right(by_heart("one"), here.account("a"), here.machine("m"));
  const auto data = right.hide(the_key(), the_place()).value().value;
  for (unsigned set = 0; set < 8; ++set) {
    const auto has = [&](unsigned bit) { return ((set >> bit) & 1U) != 0; };
    const bool enough = std::popcount(set) >= 2;
    const two_of_three absent(has(0) ? by_heart("one") : typed(),
                              has(1) ? here.account("a") : here.gone(),
                              has(2) ? here.machine("m") : here.unprovisioned("gone"));
    const auto tried = recover_with(absent, data);
    BOOST_TEST(opened(tried) == enough);
    if (!enough) BOOST_TEST(refused_as(errc::no_slot_opened, tried.outcome));

    const two_of_three mistaken(by_heart(has(0) ? "one" : "two"), here.account(has(1) ? "a" : "b"),
                                here.machine(has(2) ? "m" : "n"));
    const auto wrong = recover_with(mistaken, data);
    BOOST_TEST((enough ? opened(wrong) : did_not_fit(wrong)));
  }
}

BOOST_AUTO_TEST_CASE(larger_thresholds_open_with_exactly_as_many_as_they_need) {
  const auto word = [](unsigned leg, bool right) {
    return std::string(right ? "right" : "wrong") + std::to_string(leg);
  };
  using four_of_five = threshold<4, typed, typed, typed, typed, typed>;
  const auto made = [&](unsigned set) {
    const auto has = [&](unsigned bit) { return by_heart(word(bit, ((set >> bit) & 1U) != 0)); };
    return four_of_five(has(0), has(1), has(2), has(3), has(4));
  };
  const auto data = made(31).hide(the_key(), the_place()).value().value;
  for (unsigned set = 0; set < 32; ++set) {
    const auto tried = recover_with(made(set), data);
    BOOST_TEST((std::popcount(set) >= 4 ? opened(tried) : did_not_fit(tried)));
  }
  using all_three = threshold<3, typed, typed, typed>;
  const all_three right(by_heart("a"), by_heart("b"), by_heart("c"));
  const auto whole = right.hide(the_key(), the_place()).value().value;
  BOOST_TEST(opened(recover_with(right, whole)));
  BOOST_TEST(
      did_not_fit(recover_with(all_three(by_heart("a"), by_heart("b"), by_heart("x")), whole)));
}

BOOST_AUTO_TEST_CASE(a_thief_cannot_test_one_leg_alone) {
  const world here;
  using both = all_of<machine, typed>;
  using two_of_three = threshold<2, typed, typed, machine>;
  const auto all =
      both(here.machine("m"), by_heart("one")).hide(the_key(), the_place()).value().value;
  const auto some = two_of_three(by_heart("one"), by_heart("two"), here.machine("m"))
                        .hide(the_key(), the_place())
                        .value()
                        .value;

  // What is stored for a password leg is its cost and random bytes: nothing to compare a guess
  // with.
  const std::set<std::string> expected{"scheme", "password_salt", "memory_kib", "iterations",
                                       "lanes",  "salt",          "hidden"};
  for (const auto& data : {all["legs"][1], some["legs"][0]}) {
    std::set<std::string> members;
    for (const auto& [name, value] : data.items()) members.insert(name);
    BOOST_TEST(members == expected, boost::test_tools::per_element());
  }

  // The leg answers a right and a wrong guess alike: one candidate, full length, no error.
  for (const auto& [data, index] : {std::pair{all, 1U}, {some, 0U}}) {
    std::set<std::string> seen;
    std::size_t ones = 0;
    for (int guess = 0; guess < 64; ++guess) {
      const auto tried =
          leg(by_heart(guess == 17 ? "one" : "guess" + std::to_string(guess)), data, index);
      BOOST_TEST(did_not_fit(tried));
      BOOST_REQUIRE(tried.candidates.size() == 1U);
      BOOST_TEST(tried.candidates.front().size() == 32U);
      const auto shown = keywarden::detail::view_of(tried.candidates.front());
      for (const auto byte : shown) ones += static_cast<std::size_t>(std::popcount(byte));
      seen.insert(to_hex(shown));
    }
    BOOST_TEST(seen.size() == 64U);
    // 16,384 fair bits: 8,192 ones, give or take 64
    BOOST_TEST(ones > 7680U);
    BOOST_TEST(ones < 8704U);
  }
}

BOOST_AUTO_TEST_CASE(with_too_few_right_legs_every_candidate_is_another_key) {
  const world here;
  using two_of_three = threshold<2, typed, typed, machine>;
  const auto data = two_of_three(by_heart("one"), by_heart("two"), here.machine("m"))
                        .hide(the_key(), the_place())
                        .value()
                        .value;
  const auto tried =
      recover_with(two_of_three(by_heart("one"), by_heart("x"), here.machine("n")), data);
  BOOST_TEST(did_not_fit(tried));
  BOOST_TEST(tried.candidates.size() == 3U);  // one for each pair, whichever of them was right
}

BOOST_AUTO_TEST_CASE(a_missing_leg_is_told_and_a_wrong_one_is_not) {
  const world here;
  using both = all_of<machine, typed>;
  const auto data =
      both(here.machine("m"), by_heart("one")).hide(the_key(), the_place()).value().value;
  const auto missing = recover_with(both(here.machine("m"), typed()), data);
  BOOST_TEST(refused_as(errc::secret_required, missing.outcome));
  BOOST_TEST(names(missing.outcome.error(), "password/argon2id"));
  BOOST_TEST(did_not_fit(recover_with(both(here.machine("m"), by_heart("two")), data)));
  BOOST_TEST(did_not_fit(recover_with(both(here.machine("n"), by_heart("one")), data)));
}

BOOST_AUTO_TEST_CASE(the_budget_covers_all_legs_together) {
  using two = all_of<typed, typed>;
  const two right(by_heart("one"), by_heart("two"));
  const auto data = right.hide(the_key(), the_place()).value().value;
  protect::kdf_budget enough(2 * 64 * 16);
  auto place = the_place();
  place.budget = &enough;
  BOOST_TEST(opened(recover_with(right, data, place)));
  protect::kdf_budget short_of_it(2 * 64 * 16 - 1);
  place.budget = &short_of_it;
  BOOST_TEST(refused_as(errc::limit_exceeded, recover_with(right, data, place).outcome));
}

BOOST_AUTO_TEST_CASE(the_widest_composition_that_compiles_finds_its_key_in_the_last_candidate) {
  // eight legs of two alternatives make 256 combinations, and only the second alternatives are
  // right
  using pair = any_of<typed, typed>;
  using widest = all_of<pair, pair, pair, pair, pair, pair, pair, pair>;
  static_assert(widest::candidates == 256);
  const auto made = [](std::string_view first, std::string_view second) {
    const auto one = [&] { return pair(by_heart(first), by_heart(second)); };
    return widest(one(), one(), one(), one(), one(), one(), one(), one());
  };
  const auto data = made("first", "second").hide(the_key(), the_place()).value().value;
  const auto tried = recover_with(made("wrong", "second"), data);
  BOOST_TEST(opened(tried));
  BOOST_TEST(tried.candidates.size() == 256U);
}

BOOST_AUTO_TEST_CASE(the_scheme_of_a_combination_names_its_legs_in_order) {
  BOOST_TEST((any_of<account, machine>::scheme()) == "any_of(account,machine)");
  BOOST_TEST((all_of<machine, account>::scheme()) == "all_of(machine,account)");
  BOOST_TEST((threshold<2, machine, typed, typed>::scheme()) ==
             "threshold/2(machine,password/argon2id,password/argon2id)");
  BOOST_TEST((self_healing<any_of<account, machine>>::scheme()) == "any_of(account,machine)");
}

}  // namespace combine_test
