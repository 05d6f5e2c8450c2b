// The laws that every request rule keeps, run over all of them.
#include <keywarden/admit/request_rule.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <keywarden/admit/all_requests.hpp>
#include <keywarden/admit/dry_run.hpp>
#include <keywarden/admit/dynamic_ip_restrictions.hpp>
#include <keywarden/admit/exempt.hpp>
#include <keywarden/admit/generic_cell_rate.hpp>

#include "support/refusals.hpp"

namespace request_laws_test {

namespace ka = keywarden::admit;
using namespace std::chrono_literals;
using keywarden::errc;
using keywarden::fact;
using keywarden::testing::accepted;
using keywarden::testing::refused_as;

constexpr ka::address peer("192.0.2.7");
constexpr ka::request asked{peer};
constexpr ka::instant start{1h};

// A model: how to make a rule, how many requests of one host it serves at one moment while none of
// them ends (none: any number), and which rule is blamed then, with which sub-status.
struct rate {
  using rule = ka::request_rate<>;
  static constexpr std::optional<int> places = 5;
  static constexpr std::string_view blamed = "request_rate";
  static constexpr std::string_view state = "502";
  static rule open() { return rule({5, 1s, 64}); }
};

struct cells {
  using rule = ka::generic_cell_rate<ka::trusted_proxies>;
  static constexpr std::optional<int> places = 7;
  static constexpr std::string_view blamed = "generic_cell_rate";
  static constexpr std::string_view state = "502";
  static rule open() { return rule({1s, 7, 64}); }
};

struct concurrency {
  using rule = ka::concurrent_requests<>;
  static constexpr std::optional<int> places = 6;
  static constexpr std::string_view blamed = "concurrent_requests";
  static constexpr std::string_view state = "501";
  static rule open() { return rule({6, 64}); }
};

struct dynamic : concurrency {
  using rule = ka::dynamic_ip_restrictions;
  static rule open() {
    auto wanted = ka::dynamic_ip_settings::split_merge_defaults();
    wanted.deny_by_concurrent_requests = true;
    wanted.max_concurrent_requests = 6;
    return rule::make(wanted).value();
  }
};

struct off {
  using rule = ka::dynamic_ip_restrictions;
  static constexpr std::optional<int> places{};
  static rule open() { return rule::make(ka::dynamic_ip_settings::iis_defaults()).value(); }
};

struct others_exempt : concurrency {
  using rule = ka::exempt<ka::concurrent_requests<>>;
  static rule open() { return rule({ka::network("10.0.0.0/8")}, concurrency::open()); }
};

struct itself_exempt {
  using rule = ka::exempt<ka::request_rate<>>;
  static constexpr std::optional<int> places{};
  static rule open() { return rule({ka::network("192.0.2.0/24")}, rate::open()); }
};

struct dry {
  using rule = ka::dry_run<ka::concurrent_requests<>>;
  static constexpr std::optional<int> places{};
  static rule open() { return rule(concurrency::open(), nullptr); }
};

struct all : rate {
  using rule = ka::all_requests<ka::concurrent_requests<>, ka::request_rate<>>;
  static rule open() { return rule(concurrency::open(), rate::open()); }
};

struct nest : rate {
  using rule = ka::all_requests<ka::dry_run<ka::request_rate<>>,
                                ka::all_requests<others_exempt::rule, all::rule>>;
  static rule open() {
    return rule({rate::open(), nullptr}, ka::all_requests(others_exempt::open(), all::open()));
  }
};

using models = std::tuple<rate, cells, concurrency, dynamic, off, others_exempt, itself_exempt, dry,
                          all, nest>;
using refusing_models = std::tuple<rate, cells, concurrency, dynamic, others_exempt, all, nest>;

// Takes every place there is.
template <class Rule>
std::vector<typename Rule::permit> take_all(const Rule& rule) {
  std::vector<typename Rule::permit> held;
  while (auto admitted = rule.admit(asked, start)) held.push_back(*std::move(admitted));
  return held;
}

BOOST_AUTO_TEST_SUITE(admit)
BOOST_AUTO_TEST_SUITE(request_laws)

BOOST_AUTO_TEST_CASE_TEMPLATE(a_first_request_is_served, Model, models) {
  const auto rule = Model::open();
  BOOST_TEST(accepted(rule.admit(asked, start)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_refusal_names_the_peer_the_rule_the_reason_and_the_sub_status,
                              Model, refusing_models) {
  const auto rule = Model::open();
  const auto held = take_all(rule);
  const auto answer = rule.admit(asked, start);
  BOOST_REQUIRE(refused_as(errc::admission_refused, answer));
  const auto refusal = answer.error();
  BOOST_TEST(refusal.value_of(fact::peer) == "192.0.2.7");
  BOOST_TEST(refusal.value_of(fact::kind) == Model::blamed);
  BOOST_TEST(!refusal.value_of(fact::reason).empty());
  BOOST_TEST(refusal.value_of(fact::state) == Model::state);
  BOOST_TEST(refusal.value_of(fact::limit) == std::to_string(*Model::places));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_limit_is_served_and_one_more_is_refused, Model, refusing_models) {
  const auto rule = Model::open();
  const auto held = take_all(rule);
  BOOST_TEST(held.size() == static_cast<std::size_t>(*Model::places));
  for (int again = 0; again < 10; ++again)
    BOOST_TEST(refused_as(errc::admission_refused, rule.admit(asked, start)));
  BOOST_TEST(accepted(rule.admit({ka::address("192.0.2.8")}, start)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_is_over_makes_room_sooner_or_later, Model, refusing_models) {
  const auto rule = Model::open();
  take_all(rule).clear();
  BOOST_TEST(accepted(rule.admit(asked, start + 2s)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(copies_are_the_same_rule, Model, refusing_models) {
  const auto rule = Model::open();
  const auto copy = rule;  // NOLINT(performance-unnecessary-copy-initialization): the point
  const auto held = take_all(copy);
  BOOST_TEST(refused_as(errc::admission_refused, rule.admit(asked, start)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_rule_that_was_moved_from_still_judges, Model, refusing_models) {
  auto rule = Model::open();
  const auto moved = std::move(rule);
  // NOLINTNEXTLINE(bugprone-use-after-move): the point
  { BOOST_TEST(accepted(rule.admit({ka::address("192.0.2.8")}, start))); }
  const auto held = take_all(moved);
  // NOLINTNEXTLINE(bugprone-use-after-move)
  BOOST_TEST(refused_as(errc::admission_refused, rule.admit(asked, start)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_permit_may_outlive_its_rule, Model, models) {
  auto rule = std::make_unique<typename Model::rule>(Model::open());
  std::optional<typename Model::rule::permit> held(rule->admit(asked, start).value());
  rule.reset();
  auto moved = *std::move(held);
  held.reset();
  std::jthread([last = std::move(moved)] { static_cast<void>(last); }).join();
  BOOST_TEST(!held.has_value());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(no_spelling_or_header_of_a_stranger_is_a_way_around, Model,
                              refusing_models) {
  const auto rule = Model::open();
  const auto held = take_all(rule);
  constexpr std::string_view header = "10.0.0.1";
  BOOST_TEST(refused_as(errc::admission_refused,
                        rule.admit({ka::address("::ffff:192.0.2.7"), {&header, 1}}, start)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(two_threads_get_no_more_than_the_limit, Model, models) {
  constexpr int threads = 2;
  constexpr int rounds = 1'000;
  const auto rule = Model::open();
  std::atomic<int> admitted = 0;
  std::vector<std::vector<typename Model::rule::permit>> held(threads);
  std::vector<std::jthread> running;
  for (auto& mine : held)
    running.emplace_back([&rule, &mine, &admitted] {
      for (int i = 0; i < rounds; ++i)
        if (auto permit = rule.admit(asked, start)) {
          mine.push_back(*std::move(permit));
          ++admitted;
        }
    });
  running.clear();
  BOOST_TEST(admitted == Model::places.value_or(threads * rounds));
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE_END()

}  // namespace request_laws_test
