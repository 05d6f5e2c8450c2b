#include <keywarden/vault/scale_out/look_pace.hpp>

#include <boost/test/unit_test.hpp>

#include "support/refusals.hpp"

namespace kw = keywarden;
using namespace kw::testing;
using kw::errc;

namespace {

// Time that goes on whatever the clock is set to.
struct steady {
  using time_point = std::chrono::steady_clock::time_point;
  static inline time_point present{};
  static time_point now() { return present; }
};

// A pace with a clock, and a store that may be away.
struct paced {
  kw::detail::basic_look_pace<steady> pace;
  kw::time_point clock{std::chrono::hours(1000000)};
  int looks = 0;
  errc outcome = errc::none;

  kw::result<void> look() {
    ++looks;
    if (outcome != errc::none) return kw::error(outcome);
    pace.looked(clock);
    return kw::done();
  }
  kw::result<void> before_sealing() {
    return pace.before_sealing([&] { return clock; }, [&] { return look(); });
  }
  void pass(std::chrono::seconds by) {
    clock += by;
    steady::present += by;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(scale_out_look_pace)

BOOST_AUTO_TEST_CASE(who_seals_looks_once_a_minute) {
  paced at;
  BOOST_TEST(accepted(at.before_sealing()));
  for (int i = 0; i < 10; ++i) BOOST_TEST(accepted(at.before_sealing()));
  BOOST_TEST(at.looks == 1);
  at.pass(std::chrono::seconds(59));
  BOOST_TEST(accepted(at.before_sealing()));
  BOOST_TEST(at.looks == 1);
  at.pass(std::chrono::seconds(1));
  BOOST_TEST(accepted(at.before_sealing()));
  BOOST_TEST(at.looks == 2);
}

BOOST_AUTO_TEST_CASE(who_cannot_look_tries_once_a_minute_and_is_refused_after_ten) {
  for (const auto outcome : {errc::io_failed, errc::store_busy, errc::rolled_back,
                             errc::authentication_failed, errc::malformed}) {
    paced at;
    BOOST_TEST(accepted(at.before_sealing()));
    at.outcome = outcome;
    for (int second = 1; second < 600; ++second) {
      at.pass(std::chrono::seconds(1));
      BOOST_REQUIRE(accepted(at.before_sealing()));
    }
    BOOST_TEST(at.looks == 10);
    at.pass(std::chrono::seconds(1));
    for (int i = 0; i < 3; ++i) {
      const auto refusal = at.before_sealing();
      BOOST_TEST(refused_as(errc::timed_out, refusal));
      BOOST_TEST((refusal.error().causes().front() == outcome));
    }
    at.outcome = errc::none;
    BOOST_TEST(accepted(at.before_sealing()));
  }
}

BOOST_AUTO_TEST_CASE(who_is_no_member_any_more_is_refused_at_once) {
  paced at;
  BOOST_TEST(accepted(at.before_sealing()));
  at.outcome = errc::not_activated;
  at.pass(std::chrono::minutes(1));
  BOOST_TEST(refused_as(errc::not_activated, at.before_sealing()));
}

BOOST_AUTO_TEST_CASE(a_clock_that_was_set_back_does_not_stop_the_looks) {
  paced at;
  BOOST_TEST(accepted(at.before_sealing()));
  at.clock -= std::chrono::hours(2);
  at.outcome = errc::io_failed;
  BOOST_TEST(accepted(at.before_sealing()));
  BOOST_TEST(at.looks == 1);  // nobody has been away
  at.pass(std::chrono::minutes(1));
  BOOST_TEST(accepted(at.before_sealing()));
  BOOST_TEST(at.looks == 2);
  at.pass(std::chrono::minutes(9));
  BOOST_TEST(refused_as(errc::timed_out, at.before_sealing()));
}

BOOST_AUTO_TEST_CASE(a_clock_that_was_set_back_lengthens_nothing) {
  for (const auto back : {std::chrono::minutes(5), std::chrono::minutes(60)}) {
    paced at;
    BOOST_TEST(accepted(at.before_sealing()));
    at.outcome = errc::io_failed;
    at.pass(std::chrono::minutes(8));
    at.clock -= back;
    BOOST_TEST(accepted(at.before_sealing()));
    at.pass(std::chrono::minutes(2));
    for (int minute = 10; minute < 90; ++minute, at.pass(std::chrono::minutes(1)))
      BOOST_TEST(refused_as(errc::timed_out, at.before_sealing()));
  }
}

BOOST_AUTO_TEST_CASE(a_machine_that_slept_has_been_away) {
  paced at;
  BOOST_TEST(accepted(at.before_sealing()));
  at.clock += std::chrono::hours(8);  // and the steady clock stood still
  at.outcome = errc::io_failed;
  BOOST_TEST(refused_as(errc::timed_out, at.before_sealing()));
}

BOOST_AUTO_TEST_SUITE_END()
