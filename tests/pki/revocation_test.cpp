// Revocation: three modes, every state of a list, responses that a peer brings, and the refresher.
#include <keywarden/pki/revocation.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <future>

#include <keywarden/pki/revocation_refresher.hpp>

#include "pki/revocation_laws.hpp"

namespace keywarden::pki {
namespace revocation_test {

using namespace std::chrono_literals;
using testing::accepted;
using testing::day;
using testing::noon;
using testing::office_of_certificates;
using testing::refused_as;
using enum certificate_purpose;

static_assert(static_cast<int>(revocation_mode::no_check) == 0);
static_assert(static_cast<int>(revocation_mode::online) == 1);
static_assert(static_cast<int>(revocation_mode::offline) == 2);

BOOST_AUTO_TEST_SUITE(revocations)

BOOST_AUTO_TEST_CASE(no_check_keeps_the_laws) {
  testing::check_revocation_laws<revocation::no_check>(
      [](const revocation_snapshot&) { return revocation::no_check(); });
}
BOOST_AUTO_TEST_CASE(offline_keeps_the_laws) {
  testing::check_revocation_laws<revocation::offline>(
      [](const revocation_snapshot& lists) { return revocation::offline(lists); });
}
BOOST_AUTO_TEST_CASE(online_keeps_the_laws) {
  testing::check_revocation_laws<revocation::online>([](const revocation_snapshot& lists) {
    revocation::online made;
    made.load(lists);
    return made;
  });
}

BOOST_AUTO_TEST_CASE(what_is_not_loaded_is_unknown) {
  const office_of_certificates all;
  BOOST_TEST(refused_as(errc::revocation_unknown,
                        all.judge(all.leaf().chain, server, revocation::offline())));
  BOOST_TEST(refused_as(errc::revocation_unknown,
                        all.judge(all.leaf().chain, server, revocation::online())));
}

BOOST_AUTO_TEST_CASE(every_certificate_but_the_anchor_needs_evidence) {
  office_of_certificates all;
  const auto only = [&](revocation_list list) {
    return revocation::offline(
        revocation_snapshot::of(std::vector<revocation_list>{std::move(list)}).value());
  };
  const auto leaf = all.leaf();
  const auto without_root = all.judge(leaf.chain, server, only(all.below.issue_list(noon).value()));
  BOOST_REQUIRE(refused_as(errc::revocation_unknown, without_root));
  BOOST_TEST(without_root.error().value_of(fact::name) == all.below.certificate().subject());
  BOOST_TEST(refused_as(errc::revocation_unknown,
                        all.judge(leaf.chain, server, only(all.root.issue_list(noon).value()))));
}

BOOST_AUTO_TEST_CASE(a_revoked_intermediate_authority_revokes_all_below_it) {
  office_of_certificates all;
  all.root.revoke(all.below.certificate(), revocation_reason::authority_compromise, noon).value();
  const auto refusal = all.judge(all.leaf().chain, server, revocation::offline(all.lists()));
  BOOST_REQUIRE(refused_as(errc::certificate_revoked, refusal));
  BOOST_TEST(refusal.error().value_of(fact::name) == all.below.certificate().subject());
}

BOOST_AUTO_TEST_CASE(a_stale_list_still_revokes) {
  office_of_certificates all;
  const auto leaf = all.leaf();
  all.below.revoke(leaf.chain[0], revocation_reason::unspecified, noon).value();
  BOOST_TEST(refused_as(
      errc::certificate_revoked,
      all.judge(leaf.chain, server, revocation::offline(all.lists()), noon + 100 * day)));
}

BOOST_AUTO_TEST_CASE(a_list_from_the_future_says_nothing_yet) {
  office_of_certificates all;
  BOOST_TEST(
      refused_as(errc::revocation_unknown,
                 all.judge(all.leaf().chain, server, revocation::offline(all.lists(noon + day)))));
}

BOOST_AUTO_TEST_CASE(of_several_lists_one_that_names_the_certificate_decides) {
  office_of_certificates all;
  const auto leaf = all.leaf();
  auto lists = all.lists().lists();
  all.below.revoke(leaf.chain[0].serial(), revocation_reason::superseded, noon).value();
  lists.push_back(all.below.issue_list(noon).value());
  BOOST_TEST(refused_as(
      errc::certificate_revoked,
      all.judge(leaf.chain, server, revocation::offline(revocation_snapshot::of(lists).value()))));
}

BOOST_AUTO_TEST_CASE(an_altered_list_says_nothing) {
  office_of_certificates all;
  const auto leaf = all.leaf();
  all.below.revoke(leaf.chain[0], revocation_reason::unspecified, noon).value();
  auto der = all.below.issue_list(noon).value().der();
  der.back() ^= 1U;
  const auto lists =
      revocation_snapshot::of({std::move(der), all.root.issue_list(noon).value().der()}).value();
  BOOST_TEST(refused_as(errc::revocation_unknown,
                        all.judge(leaf.chain, server, revocation::offline(lists))));
}

BOOST_AUTO_TEST_CASE(a_judgement_holds_no_longer_than_its_list) {
  office_of_certificates all;
  const auto good =
      all.judge(all.leaf().chain, server, revocation::offline(all.lists(noon, 2h))).value();
  BOOST_TEST((good.valid_until() == noon + 2h));
}

BOOST_AUTO_TEST_CASE(loading_other_lists_changes_the_generation_and_the_next_judgement) {
  office_of_certificates all;
  const auto leaf = all.leaf();
  const revocation::offline policy(all.lists());
  const auto copy = policy;
  const auto before = policy.snapshot().generation();
  BOOST_TEST(accepted(all.judge(leaf.chain, server, copy)));
  all.below.revoke(leaf.chain[0], revocation_reason::unspecified, noon).value();
  policy.load(all.lists());
  BOOST_TEST(copy.snapshot().generation() != before);
  BOOST_TEST(refused_as(errc::certificate_revoked, all.judge(leaf.chain, server, copy)));
}

BOOST_AUTO_TEST_CASE(what_is_no_list_is_refused) {
  office_of_certificates all;
  const auto good = all.root.issue_list(noon).value().der();
  BOOST_TEST(accepted(revocation_list::read(good)));
  BOOST_TEST(refused_as(errc::malformed, revocation_list::read({})));
  BOOST_TEST(refused_as(errc::malformed, revocation_list::read(as_bytes("nothing"))));
  BOOST_TEST(refused_as(errc::malformed, revocation_list::read(all.root.certificate().der())));
  BOOST_TEST(refused_as(errc::malformed, revocation_list::read(bytes_view(good).first(40))));
  auto longer = good;
  longer.push_back(0);
  BOOST_TEST(refused_as(errc::malformed, revocation_list::read(longer)));
  BOOST_TEST(refused_as(errc::limit_exceeded,
                        revocation_list::read(bytes(revocation_list::max_size + 1, 0x30))));
  BOOST_TEST(
      refused_as(errc::limit_exceeded, revocation_snapshot::of(std::vector<bytes>(257, good))));
}

BOOST_AUTO_TEST_CASE(a_list_with_dates_before_1970_is_refused) {
  office_of_certificates all;
  const auto good = all.root.issue_list(noon, 3h).value().der();
  for (const std::string_view date : {"260301120000Z", "260301150000Z"}) {
    auto old = good;
    const auto at = std::ranges::search(old, as_bytes(date));
    BOOST_REQUIRE(!at.empty());
    at[0] = '6';  // 1966
    BOOST_TEST(refused_as(errc::malformed, revocation_list::read(old)));
    at[0] = '3';  // 2036
    BOOST_TEST(accepted(revocation_list::read(old)));
  }
}

BOOST_AUTO_TEST_CASE(what_came_of_a_signature_is_remembered_for_each_key_and_no_other) {
  office_of_certificates all;
  const office_of_certificates others;
  const auto list = all.root.issue_list(noon).value();
  for (int i = 0; i < 3; ++i) {
    BOOST_TEST(list.signed_by(all.root.certificate()));
    BOOST_TEST(!list.signed_by(others.root.certificate()));
    BOOST_TEST(!list.signed_by(all.below.certificate()));
  }
  detail::checked_signatures known;
  const auto key = [](std::uint8_t number) {
    key_fingerprint made;
    made.view()[0] = number;
    return made;
  };
  for (std::uint8_t i = 0; i <= detail::checked_signatures::capacity; ++i)
    known.keep(key(i), i % 2 == 0);
  BOOST_TEST(!known.find(key(0)).has_value());  // eight came after it
  BOOST_TEST((known.find(key(1)) == std::optional(false)));
  BOOST_TEST((known.find(key(8)) == std::optional(true)));
  BOOST_TEST(!known.find(key(9)).has_value());
}

BOOST_AUTO_TEST_CASE(rubbish_for_responses_proves_nothing_and_harms_nothing) {
  office_of_certificates all;
  const std::vector<bytes> rubbish{{}, {0x30, 0x03, 0x0a, 0x01, 0x00}, bytes(70000, 0x30)};
  const auto leaf = all.leaf();
  BOOST_TEST(refused_as(errc::revocation_unknown,
                        all.judge(leaf.chain, server, revocation::online(), noon, rubbish)));
  revocation::online listed;
  listed.load(all.lists());
  BOOST_TEST(accepted(all.judge(leaf.chain, server, listed, noon, rubbish)));
  BOOST_TEST(refused_as(errc::limit_exceeded,
                        all.judge(leaf.chain, server, listed, noon, std::vector<bytes>(9))));
}

// The refresher

struct network {
  std::mutex mutex;
  std::function<result<bytes>()> answer;
  result<bytes> get() {
    const std::lock_guard held(mutex);
    return answer();
  }
  void set(std::function<result<bytes>()> next) {
    const std::lock_guard held(mutex);
    answer = std::move(next);
  }
};

struct refreshed {
  office_of_certificates all;
  identity leaf = all.leaf();
  revocation::online policy;
  network root_site, below_site;
  revocation_refresher refresher = start();

  revocation_refresher start() {
    set_root(all.root.issue_list(noon).value());
    set_below(all.below.issue_list(noon).value());
    return revocation_refresher(policy,
                                {{[this] { return root_site.get(); }, all.root.certificate()},
                                 {[this] { return below_site.get(); }, all.below.certificate()}},
                                24h);
  }
  void set_root(const revocation_list& list) {
    root_site.set([der = list.der()] { return result<bytes>(der); });
  }
  void set_below(const revocation_list& list) {
    below_site.set([der = list.der()] { return result<bytes>(der); });
  }
  [[nodiscard]] result<verified_path> judge() const {
    return all.judge(leaf.chain, server, policy);
  }
};

BOOST_AUTO_TEST_CASE(a_refresher_brings_lists_and_their_successors) {
  refreshed here;
  BOOST_TEST(accepted(here.refresher.refresh()));
  BOOST_TEST(accepted(here.judge()));
  here.all.below.revoke(here.leaf.chain[0], revocation_reason::key_compromise, noon).value();
  here.set_below(here.all.below.issue_list(noon).value());
  BOOST_TEST(accepted(here.judge()));  // nobody has fetched yet
  BOOST_TEST(accepted(here.refresher.refresh()));
  BOOST_TEST(refused_as(errc::certificate_revoked, here.judge()));
}

BOOST_AUTO_TEST_CASE(a_failed_fetch_keeps_the_last_good_list_and_is_told) {
  refreshed here;
  BOOST_TEST(accepted(here.refresher.refresh()));
  here.below_site.set([] { return result<bytes>(error(errc::timed_out)); });
  BOOST_TEST(refused_as(errc::timed_out, here.refresher.refresh()));
  BOOST_REQUIRE(here.refresher.last_failure().has_value());
  BOOST_TEST((here.refresher.last_failure()->code() == errc::timed_out));
  BOOST_TEST(accepted(here.judge()));
}

BOOST_AUTO_TEST_CASE(rubbish_forged_and_older_lists_are_not_taken_over) {
  refreshed here;
  BOOST_TEST(accepted(here.refresher.refresh()));
  const auto before = here.policy.snapshot().generation();
  here.below_site.set([] { return result<bytes>(bytes{1, 2, 3}); });
  BOOST_TEST(refused_as(errc::malformed, here.refresher.refresh()));
  here.set_below(office_of_certificates().below.issue_list(noon + day).value());
  BOOST_TEST(refused_as(errc::certificate_untrusted, here.refresher.refresh()));
  here.set_below(here.all.below.issue_list(noon - day).value());
  BOOST_TEST(refused_as(errc::reordered, here.refresher.refresh()));
  BOOST_TEST(accepted(here.judge()));
  BOOST_TEST(here.policy.snapshot().generation() >= before);
}

BOOST_AUTO_TEST_CASE(a_fetch_that_throws_is_a_failed_fetch) {
  refreshed here;
  BOOST_TEST(accepted(here.refresher.refresh()));
  here.below_site.set([]() -> result<bytes> { throw std::runtime_error("no such host"); });
  const auto failed = here.refresher.refresh();
  BOOST_REQUIRE(refused_as(errc::backend_failed, failed));
  BOOST_TEST(failed.error().value_of(fact::reason) == "no such host");
  BOOST_TEST(accepted(here.judge()));
}

BOOST_AUTO_TEST_CASE(a_fetch_that_throws_does_not_end_the_refreshers_thread) {
  const office_of_certificates all;
  std::promise<void> third;
  std::atomic<int> calls{0};
  const revocation_refresher refresher(revocation::online(),
                                       {{[&]() -> result<bytes> {
                                           if (++calls == 3) third.set_value();
                                           throw std::runtime_error("no such host");
                                         },
                                         all.root.certificate()}},
                                       1ms);
  BOOST_TEST((third.get_future().wait_for(60s) == std::future_status::ready));
  BOOST_REQUIRE(refresher.last_failure().has_value());
  BOOST_TEST((refresher.last_failure()->code() == errc::backend_failed));
}

BOOST_AUTO_TEST_CASE(a_refresher_fetches_by_itself_and_stops_with_its_end) {
  office_of_certificates all;
  const auto der = all.root.issue_list(noon).value().der();
  std::promise<void> second;
  std::atomic<int> calls{0};
  std::atomic<bool> over{false};
  {
    revocation_refresher refresher(revocation::online(),
                                   {{[&] {
                                       BOOST_TEST_REQUIRE(!over.load());
                                       if (++calls == 2) second.set_value();
                                       return result<bytes>(der);
                                     },
                                     all.root.certificate()}},
                                   1ms);
    BOOST_TEST((second.get_future().wait_for(60s) == std::future_status::ready));
  }
  over = true;
  BOOST_TEST(calls.load() >= 2);
}

BOOST_AUTO_TEST_CASE(a_refresher_with_a_long_interval_ends_at_once) {
  const auto started = std::chrono::steady_clock::now();
  { refreshed here; }
  BOOST_TEST((std::chrono::steady_clock::now() - started < 30s));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace revocation_test

}  // namespace keywarden::pki
