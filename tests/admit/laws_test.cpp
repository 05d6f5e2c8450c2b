// The laws that every connection rule keeps, run over all of them.
#include <keywarden/admit/concepts.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <keywarden/admit/all_of.hpp>
#include <keywarden/admit/concurrent_connections.hpp>
#include <keywarden/admit/connection_rate.hpp>
#include <keywarden/admit/network_acl.hpp>

#include "support/refusals.hpp"

namespace laws_test {

namespace ka = keywarden::admit;
using keywarden::errc;
using keywarden::fact;
using keywarden::testing::accepted;
using keywarden::testing::refused_as;

constexpr ka::address peer("192.0.2.7");
constexpr ka::instant start{};

// A model: how to make a rule that admits `peer`, as often as `places` says when that is limited;
// how to make it refuse through a copy; and which rule is blamed then.
struct acl {
  using rule = ka::network_acl;
  static constexpr std::optional<int> places{};
  static constexpr std::string_view blamed = "network_acl";
  static rule open() { return rule({ka::permit(ka::network("192.0.2.0/24"))}); }
  static std::vector<rule::permit> shut(const rule& same) {
    same.reload({ka::deny(ka::network("192.0.2.7/32")), ka::permit(ka::network("0.0.0.0/0"))});
    return {};
  }
};

// Takes every place there is.
template <class Rule>
std::vector<typename Rule::permit> take_all(const Rule& rule) {
  std::vector<typename Rule::permit> held;
  while (auto admitted = rule.admit(peer, start)) held.push_back(*std::move(admitted));
  return held;
}

struct rate {
  using rule = ka::connection_rate;
  static constexpr std::optional<int> places = 5;
  static constexpr std::string_view blamed = "connection_rate";
  static rule open() { return rule({5, std::chrono::milliseconds(1), 64}); }
  static auto shut(const rule& same) { return take_all(same); }
};

struct concurrency {
  using rule = ka::concurrent_connections;
  static constexpr std::optional<int> places = 6;
  static constexpr std::string_view blamed = "concurrent_connections";
  static rule open() { return rule({6, 100}); }
  static auto shut(const rule& same) { return take_all(same); }
};

struct everybody {
  using rule = ka::anyone;
  static constexpr std::optional<int> places{};
  static constexpr std::string_view blamed{};
  static rule open() { return {}; }
};

struct all {
  using rule = ka::all_of<ka::network_acl, ka::concurrent_connections, ka::connection_rate>;
  static constexpr std::optional<int> places = 5;
  static constexpr std::string_view blamed = "connection_rate";
  static rule open() { return rule(acl::open(), concurrency::open(), rate::open()); }
  static auto shut(const rule& same) { return take_all(same); }
};

struct nest {
  using rule = ka::all_of<ka::anyone, ka::all_of<ka::concurrent_connections>, ka::network_acl>;
  static constexpr std::optional<int> places = 6;
  static constexpr std::string_view blamed = "concurrent_connections";
  static rule open() { return rule({}, ka::all_of(concurrency::open()), acl::open()); }
  static auto shut(const rule& same) { return take_all(same); }
};

using models = std::tuple<acl, rate, concurrency, everybody, all, nest>;
using refusing_models = std::tuple<acl, rate, concurrency, all, nest>;

BOOST_AUTO_TEST_SUITE(admit)
BOOST_AUTO_TEST_SUITE(laws)

BOOST_AUTO_TEST_CASE_TEMPLATE(who_is_allowed_is_admitted, Model, models) {
  const auto rule = Model::open();
  BOOST_TEST(accepted(rule.admit(peer, start)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_refusal_names_the_peer_the_rule_and_the_reason, Model,
                              refusing_models) {
  const auto rule = Model::open();
  const auto held = Model::shut(rule);
  const auto answer = rule.admit(peer, start);
  BOOST_REQUIRE(refused_as(errc::admission_refused, answer));
  const auto refusal = answer.error();
  BOOST_TEST(refusal.value_of(fact::peer) == "192.0.2.7");
  BOOST_TEST(refusal.value_of(fact::kind) == Model::blamed);
  BOOST_TEST(!refusal.value_of(fact::reason).empty());
  BOOST_TEST(refusal.value_of(fact::limit) ==
             (Model::places ? std::to_string(*Model::places) : std::string()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_limit_is_admitted_and_one_more_is_refused, Model,
                              refusing_models) {
  const auto rule = Model::open();
  const auto held = Model::shut(rule);
  BOOST_TEST(held.size() == static_cast<std::size_t>(Model::places.value_or(0)));
  for (int again = 0; again < 10; ++again)
    BOOST_TEST(refused_as(errc::admission_refused, rule.admit(peer, start)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(copies_are_the_same_rule, Model, refusing_models) {
  const auto rule = Model::open();
  const auto copy = rule;  // NOLINT(performance-unnecessary-copy-initialization): the point
  const auto held = Model::shut(copy);
  BOOST_TEST(refused_as(errc::admission_refused, rule.admit(peer, start)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_rule_that_was_moved_from_still_judges, Model, refusing_models) {
  auto rule = Model::open();
  const auto moved = std::move(rule);
  // NOLINTNEXTLINE(bugprone-use-after-move): the point
  BOOST_TEST(accepted(rule.admit(peer, start)));
  const auto held = Model::shut(moved);
  // NOLINTNEXTLINE(bugprone-use-after-move)
  BOOST_TEST(refused_as(errc::admission_refused, rule.admit(peer, start)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_permit_may_outlive_its_rule, Model, models) {
  auto rule = std::make_unique<typename Model::rule>(Model::open());
  std::optional<typename Model::rule::permit> held(rule->admit(peer, start).value());
  rule.reset();
  [[maybe_unused]] auto moved = *std::move(held);
  held.reset();
  BOOST_TEST(!held.has_value());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_mapped_spelling_of_an_address_is_no_way_around, Model,
                              refusing_models) {
  const auto rule = Model::open();
  const auto held = Model::shut(rule);
  BOOST_TEST(refused_as(errc::admission_refused,
                        rule.admit(ka::address::parse("::ffff:192.0.2.7").value(), start)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(many_threads_get_no_more_than_the_limit, Model, models) {
  constexpr int threads = 8;
  constexpr int rounds = 200;
  const auto rule = Model::open();
  std::atomic<int> admitted = 0;
  std::vector<std::vector<typename Model::rule::permit>> held(threads);
  std::vector<std::jthread> running;
  for (auto& mine : held)
    running.emplace_back([&rule, &mine, &admitted] {
      for (int i = 0; i < rounds; ++i)
        if (auto permit = rule.admit(peer, start)) {
          mine.push_back(*std::move(permit));
          ++admitted;
        }
    });
  running.clear();
  BOOST_TEST(admitted == Model::places.value_or(threads * rounds));
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE_END()

}  // namespace laws_test
