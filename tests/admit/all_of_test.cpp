#include <keywarden/admit/all_of.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <keywarden/admit/concurrent_connections.hpp>
#include <keywarden/admit/connection_rate.hpp>
#include <keywarden/admit/network_acl.hpp>

#include "support/refusals.hpp"

namespace all_of_test {

namespace ka = keywarden::admit;
using ka::address;
using keywarden::errc;
using keywarden::fact;
using keywarden::result;
using keywarden::testing::accepted;
using keywarden::testing::refused_as;

// A rule that writes down when it is asked and when its lease is given back.
template <char Letter>
class written_down {
 public:
  static constexpr std::string_view name = "written_down";
  class permit {
   public:
    explicit permit(std::shared_ptr<std::string> journal) : journal_(std::move(journal)) {}
    permit(permit&&) noexcept = default;
    permit& operator=(permit&&) noexcept = default;
    permit(const permit&) = delete;
    permit& operator=(const permit&) = delete;
    ~permit() {
      if (journal_ != nullptr) *journal_ += {'-', Letter};
    }

   private:
    std::shared_ptr<std::string> journal_;
  };

  written_down(std::shared_ptr<std::string> journal, bool admits)
      : journal_(std::move(journal)), admits_(admits) {}

  [[nodiscard]] result<permit> admit(const address& from, ka::instant /*now*/) const {
    *journal_ += {'?', Letter};
    if (admits_) return permit(journal_);
    return ka::detail::refuse(from, name, std::string("it is ") + Letter);
  }

 private:
  std::shared_ptr<std::string> journal_;
  bool admits_;
};

using three = ka::all_of<written_down<'a'>, written_down<'b'>, written_down<'c'>>;

BOOST_AUTO_TEST_SUITE(admit)
BOOST_AUTO_TEST_SUITE(all_of)

BOOST_AUTO_TEST_CASE(rules_are_asked_in_order_and_leases_held_together) {
  const auto journal = std::make_shared<std::string>();
  const three rule({journal, true}, {journal, true}, {journal, true});
  {
    const auto held = rule.admit(address("192.0.2.1"), {});
    BOOST_REQUIRE(accepted(held));
    BOOST_TEST(*journal == "?a?b?c");
  }
  BOOST_TEST(journal->size() == std::string("?a?b?c-a-b-c").size());
  for (const auto* const back : {"-a", "-b", "-c"})
    BOOST_TEST(journal->find(back) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_first_refusal_is_the_answer_and_no_later_rule_is_asked) {
  const auto journal = std::make_shared<std::string>();
  const three rule({journal, true}, {journal, false}, {journal, true});
  const auto answer = rule.admit(address("192.0.2.1"), {});
  BOOST_REQUIRE(refused_as(errc::admission_refused, answer));
  BOOST_TEST(answer.error().value_of(fact::reason) == "it is b");
  BOOST_TEST(*journal == "?a?b-a");
}

BOOST_AUTO_TEST_CASE(a_refusal_by_a_later_rule_gives_back_a_place) {
  const ka::concurrent_connections places({1, 1});
  const ka::network_acl acl;  // refuses everybody
  const ka::all_of rule(places, acl);
  for (int i = 0; i < 3; ++i) {
    const auto answer = rule.admit(address("192.0.2.1"), {});
    BOOST_REQUIRE(refused_as(errc::admission_refused, answer));
    BOOST_TEST(answer.error().value_of(fact::kind) == "network_acl");
    BOOST_TEST(places.open() == 0U);
  }
  acl.reload({ka::permit(ka::network("192.0.2.0/24"))});
  const auto held = rule.admit(address("192.0.2.1"), {});
  BOOST_TEST(accepted(held));
  BOOST_TEST(places.open() == 1U);
}

BOOST_AUTO_TEST_CASE(a_nested_composition_gives_back_too) {
  const ka::concurrent_connections places({1, 1});
  const ka::network_acl acl;
  using inner = ka::all_of<ka::concurrent_connections, ka::anyone>;
  const ka::all_of<inner, ka::network_acl> rule(inner(places, {}), acl);
  BOOST_TEST(refused_as(errc::admission_refused, rule.admit(address("192.0.2.1"), {})));
  BOOST_TEST(places.open() == 0U);
}

BOOST_AUTO_TEST_CASE(the_default_composition_refuses_until_its_list_is_loaded) {
  const ka::all_of<ka::network_acl, ka::connection_rate, ka::concurrent_connections> rule;
  BOOST_TEST(refused_as(errc::admission_refused, rule.admit(address("192.0.2.1"), {})));
  std::get<ka::network_acl>(rule.rules()).reload({ka::permit(ka::network("192.0.2.1/32"))});
  BOOST_TEST(accepted(rule.admit(address("192.0.2.1"), {})));
}

// A rule that prepares itself for who comes.
class forewarned {
 public:
  static constexpr std::string_view name = "forewarned";
  using permit = ka::stateless_permit;

  explicit forewarned(std::shared_ptr<std::string> journal) : journal_(std::move(journal)) {}
  void expect(const address& /*from*/) const noexcept { *journal_ += '!'; }
  [[nodiscard]] result<permit> admit(const address& /*from*/, ka::instant /*now*/) const {
    *journal_ += "?f";
    return permit{};
  }

 private:
  std::shared_ptr<std::string> journal_;
};

BOOST_AUTO_TEST_CASE(rules_that_prepare_themselves_are_told_before_any_is_asked) {
  const auto journal = std::make_shared<std::string>();
  const ka::all_of<written_down<'a'>, forewarned> rule({journal, true}, forewarned(journal));
  BOOST_TEST(accepted(rule.admit(address("192.0.2.1"), {})));
  BOOST_TEST(*journal == "!?a?f-a");
}

BOOST_AUTO_TEST_CASE(anyone_admits_whoever_comes) {
  for (int i = 0; i < 1000; ++i)
    BOOST_TEST(accepted(ka::all_of<ka::anyone>().admit(address("2001:db8::1"), {})));
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE_END()

}  // namespace all_of_test
