#include <keywarden/protect/password.hpp>

#include <atomic>
#include <thread>

#include <boost/mp11.hpp>
#include <boost/test/unit_test.hpp>

#include "laws.hpp"
#include "world.hpp"

namespace password_test {

using namespace keywarden;
using namespace keywarden::testing;

using cheap_kdfs = boost::mp11::mp_list<crypto::argon2id<64, 1, 1>, crypto::pbkdf2_sha256<1000>>;

/// Data whose cost is what a hostile file says.
nlohmann::json with_cost(nlohmann::json data, std::uint64_t memory, std::uint64_t iterations,
                         std::uint64_t lanes) {
  data["memory_kib"] = memory;
  data["iterations"] = iterations;
  data["lanes"] = lanes;
  return data;
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_password_keeps_the_laws_of_a_protector, Kdf, cheap_kdfs) {
  using protector = protect::password<Kdf>;
  keeps_the_laws(hands<protector>{.right = protector(password("correct horse")),
                                  .wrong = protector(password("correct horsf")),
                                  .missing = protector()});
}

BOOST_AUTO_TEST_CASE(a_person_is_asked_once_for_several_slots) {
  int asked = 0;
  const typed person([&]() -> result<password> {
    ++asked;
    return password("correct horse");
  });
  BOOST_TEST(asked == 0);
  for (int slot = 0; slot < 3; ++slot) {
    const auto data = by_heart("correct horse").hide(the_key(), the_place()).value().value;
    BOOST_TEST(opened(recover_with(person, data)));
  }
  const auto copy = person;
  BOOST_TEST(accepted(copy.hide(the_key(), the_place())));
  BOOST_TEST(asked == 1);
}

BOOST_AUTO_TEST_CASE(threads_that_need_the_password_at_once_ask_once) {
  std::atomic<int> asked = 0;
  const typed person([&]() -> result<password> {
    ++asked;
    return password("correct horse");
  });
  const auto data = by_heart("correct horse").hide(the_key(), the_place()).value().value;
  std::atomic<int> opening = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i)
      threads.emplace_back([&] { opening += opened(recover_with(person, data)) ? 1 : 0; });
  }
  BOOST_TEST(asked == 1);
  BOOST_TEST(opening == 8);
}

BOOST_AUTO_TEST_CASE(what_asking_gave_instead_is_the_error_every_time) {
  int asked = 0;
  const typed closed([&]() -> result<password> {
    ++asked;
    return error(errc::not_permitted).with(fact::reason, "no terminal");
  });
  const auto data = by_heart("correct horse").hide(the_key(), the_place()).value().value;
  for (int slot = 0; slot < 2; ++slot) {
    const auto tried = recover_with(closed, data);
    BOOST_TEST(refused_as(errc::not_permitted, tried.outcome));
    BOOST_TEST(tried.outcome.error().value_of(fact::reason) == "no terminal");
  }
  BOOST_TEST(refused_as(errc::not_permitted, closed.hide(the_key(), the_place())));
  BOOST_TEST(asked == 1);
}

BOOST_AUTO_TEST_CASE(an_empty_password_is_none) {
  int asked = 0;
  const typed silent([&]() -> result<password> {
    ++asked;
    return password("");
  });
  BOOST_TEST(refused_as(errc::secret_required, silent.hide(the_key(), the_place())));
  BOOST_TEST(refused_as(errc::secret_required, silent.hide(the_key(), the_place())));
  BOOST_TEST(refused_as(errc::secret_required, by_heart("").hide(the_key(), the_place())));
  BOOST_TEST(asked == 1);
}

BOOST_AUTO_TEST_CASE(a_password_above_1024_bytes_is_refused) {
  const auto longest = by_heart(std::string(1024, 'p'));
  const auto data = longest.hide(the_key(), the_place()).value().value;
  BOOST_TEST(opened(recover_with(longest, data)));
  const auto longer = by_heart(std::string(1025, 'p'));
  BOOST_TEST(refused_as(errc::password_refused, longer.hide(the_key(), the_place())));
  BOOST_TEST(refused_as(errc::password_refused, recover_with(longer, data).outcome));
}

BOOST_AUTO_TEST_CASE(nobody_is_asked_for_damaged_data) {
  int asked = 0;
  const typed person([&]() -> result<password> {
    ++asked;
    return password("correct horse");
  });
  auto data = by_heart("correct horse").hide(the_key(), the_place()).value().value;
  data.erase("lanes");
  BOOST_TEST(refused_as(errc::malformed, recover_with(person, data).outcome));
  BOOST_TEST(asked == 0);
}

BOOST_AUTO_TEST_CASE(a_cost_above_the_ceiling_is_refused_before_any_memory_is_taken) {
  const auto person = by_heart("correct horse");
  const auto data = person.hide(the_key(), the_place()).value().value;
  constexpr std::uint64_t tebibyte = std::uint64_t{1} << 30U;  // in KiB
  for (const auto& [memory, iterations, lanes] : {std::tuple{tebibyte, 1U, 1U},
                                                  {1048577U, 1U, 1U},
                                                  {64U, 17U, 1U},
                                                  {64U, 0xffffffffU, 1U},
                                                  {0xffffffffU, 0xffffffffU, 0xffffffffU},
                                                  {0x80000000U, 0x20000000U, 1U},
                                                  {4096U, 1U, 17U}})
    BOOST_TEST(
        refused_as(errc::limit_exceeded,
                   recover_with(person, with_cost(data, memory, iterations, lanes)).outcome));
}

BOOST_AUTO_TEST_CASE(a_cost_below_the_floor_is_refused) {
  const auto person = by_heart("correct horse");
  const auto data = person.hide(the_key(), the_place()).value().value;
  for (const auto& [memory, iterations, lanes] :
       {std::tuple{63U, 1U, 1U}, {64U, 0U, 1U}, {64U, 1U, 0U}, {0U, 1U, 1U}})
    BOOST_TEST(
        refused_as(errc::weaker_than_required,
                   recover_with(person, with_cost(data, memory, iterations, lanes)).outcome));
  // enough by itself, and too little for its lanes
  BOOST_TEST(refused_as(errc::malformed, recover_with(person, with_cost(data, 64, 1, 16)).outcome));
  const protect::password<> strong(password("correct horse"));
  BOOST_TEST(refused_as(errc::weaker_than_required, recover_with(strong, data).outcome));
}

BOOST_AUTO_TEST_CASE(the_budget_is_spent_over_slots_and_a_refusal_spends_nothing) {
  const auto person = by_heart("correct horse");
  const auto data = person.hide(the_key(), the_place()).value().value;
  protect::kdf_budget budget(2 * 64 * 16 + 64 * 16 - 1);  // two guesses and nearly a third
  auto place = the_place();
  place.budget = &budget;
  BOOST_TEST(opened(recover_with(person, data, place)));
  BOOST_TEST(opened(recover_with(person, data, place)));
  BOOST_TEST(refused_as(errc::limit_exceeded, recover_with(person, data, place).outcome));
  BOOST_TEST(refused_as(errc::limit_exceeded, recover_with(person, data, place).outcome));
  BOOST_TEST(accepted(budget.spend(64 * 16 - 1)));
  BOOST_TEST(refused_as(errc::limit_exceeded, budget.spend(1)));
}

BOOST_AUTO_TEST_CASE(a_cost_that_overflows_the_count_of_work_is_still_refused) {
  const auto person = by_heart("correct horse");
  const auto data = person.hide(the_key(), the_place()).value().value;
  protect::kdf_budget budget(1);
  auto place = the_place();
  place.budget = &budget;
  // 2^31 KiB * 16 * 2^29 is 2^64
  BOOST_TEST(refused_as(
      errc::limit_exceeded,
      recover_with(person, with_cost(data, 0x80000000U, 0x20000000U, 1), place).outcome));
}

}  // namespace password_test
