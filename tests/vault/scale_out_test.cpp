#include <keywarden/vault/scale_out.hpp>

#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "vault/scale_out_fixture.hpp"

namespace kw = keywarden;
using namespace kw::testing;
using kw::errc;

BOOST_AUTO_TEST_SUITE(scale_out_membership)

BOOST_AUTO_TEST_CASE(the_first_instance_makes_the_key_and_opens_it_again) {
  shared_place shared;
  const server one;
  const auto message = seal(one.open_or_create(shared).value(), "order 7");
  BOOST_TEST(reads(one.open(shared).value(), message, "order 7"));
  BOOST_TEST(reads(one.open_or_create(shared).value(), message, "order 7"));
  BOOST_TEST(shared.key().header().slots.size() == 1U);
}

BOOST_AUTO_TEST_CASE(an_instance_that_joined_opens_what_others_seal_and_they_what_it_seals) {
  shared_place shared;
  const server one, two, three;
  auto first = one.open_or_create(shared).value();
  auto second = two.join(shared, first, "second");
  auto third = three.join(shared, second, "third");  // any member may approve
  for (const auto* by : {&first, &second, &third}) {
    const auto message = seal(*by, "for all");
    for (const auto* at : {&first, &second, &third}) BOOST_TEST(reads(*at, message, "for all"));
  }
  BOOST_TEST(reads(two.open(shared).value(), seal(third, "again"), "again"));
  const auto members = first.members().value();
  BOOST_TEST(members.size() == 3U);
  BOOST_TEST(members[0].self);
  BOOST_TEST(members[1].name == "second");
  BOOST_TEST(!members[2].self);
  BOOST_TEST(first.requests().value().empty());
}

BOOST_AUTO_TEST_CASE(a_deployment_that_another_instance_made_is_joined_not_made_again) {
  shared_place shared;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  BOOST_TEST(refused_as(errc::not_activated, two.open_or_create(shared)));
  BOOST_TEST(refused_as(errc::not_activated, two.open(shared)));
  BOOST_TEST(first.members().value().size() == 1U);
}

BOOST_AUTO_TEST_CASE(opening_what_is_not_there_is_refused) {
  shared_place shared;
  const server one;
  BOOST_TEST(refused_as(errc::not_found, one.open(shared)));
  BOOST_TEST(
      refused_as(errc::not_found, farm::ask_to_join(one.own, shared.share(), farm_name, "first")));
}

BOOST_AUTO_TEST_CASE(a_newcomer_is_no_member_before_it_is_approved_and_confirmed) {
  shared_place shared;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  const auto ticket = two.ask(shared);
  BOOST_TEST(refused_as(errc::not_activated, two.open(shared)));
  const auto asking = first.requests().value();
  BOOST_TEST(asking.size() == 1U);
  BOOST_TEST((asking[0].installation == ticket.installation));
  const auto code = first.approve(ticket.installation, ticket.fingerprint).value();
  BOOST_TEST(refused_as(errc::not_activated, two.open(shared)));
  BOOST_TEST(accepted(two.join(shared, code)));
  BOOST_TEST(accepted(two.open(shared)));
}

BOOST_AUTO_TEST_CASE(asking_twice_gives_the_same_key_pair) {
  shared_place shared;
  const server one, two;
  const auto first = one.open_or_create(shared).value();
  const auto once = two.ask(shared);
  const auto again = two.ask(shared);
  BOOST_TEST((once.installation == again.installation));
  BOOST_TEST((once.fingerprint == again.fingerprint));
  BOOST_TEST(refused_as(errc::already_exists,
                        farm::ask_to_join(one.own, shared.share(), farm_name, "first")));
}

BOOST_AUTO_TEST_CASE(approving_is_refused_without_a_request_and_with_another_fingerprint) {
  shared_place shared;
  const server one, two, three;
  auto first = one.open_or_create(shared).value();
  const auto ticket = two.ask(shared, "second");
  const auto other = three.ask(shared, "third");
  BOOST_TEST(refused_as(errc::not_found, first.approve(kw::installation_id{}, ticket.fingerprint)));
  BOOST_TEST(refused_as(errc::authentication_failed,
                        first.approve(ticket.installation, other.fingerprint)));
  BOOST_TEST(first.members().value().size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_code_is_read_as_it_was_shown_and_nothing_else_is) {
  shared_place shared;
  const server one, two;
  const auto first = one.open_or_create(shared).value();
  const auto shown = two.ask(shared).fingerprint;
  const auto text = shown.text();
  BOOST_TEST(text.size() == 39U);
  auto shouted = text;
  for (auto& each : shouted) each = static_cast<char>(std::toupper(each));
  BOOST_TEST((kw::verification_code::parse(text).value() == shown));
  BOOST_TEST((kw::verification_code::parse(shouted).value() == shown));
  for (const auto& wrong : {text.substr(1), text + "0", std::string("x") + text.substr(1),
                            std::string(), std::string(1000, '0'), text + std::string(60, ' ')})
    BOOST_TEST(refused_as(errc::invalid_argument, kw::verification_code::parse(wrong)));
}

BOOST_AUTO_TEST_CASE(a_member_that_was_removed_finds_out_and_opens_nothing_any_more) {
  shared_place shared;
  const server one, two, three;
  auto first = one.open_or_create(shared).value();
  auto second = two.join(shared, first, "second");
  auto third = three.join(shared, first, "third");
  const auto message = seal(first, "before");
  BOOST_TEST(accepted(third.leave(id_of(third, "first"))));  // in any order, from any member
  BOOST_TEST(refused_as(errc::not_activated, first.refresh()));
  BOOST_TEST(refused_as(errc::not_activated, first.key<rows>().open(message)));
  BOOST_TEST(refused_as(errc::not_activated, first.key<rows>().seal({})));
  BOOST_TEST(refused_as(errc::not_activated, one.open(shared)));
  BOOST_TEST(reads(second, message, "before"));
  BOOST_TEST(second.members().value().size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_member_may_leave_by_itself_and_join_again) {
  shared_place shared;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  auto second = two.join(shared, first, "second");
  BOOST_TEST(accepted(second.leave(id_of(second, "second"))));
  BOOST_TEST(refused_as(errc::not_activated, second.key<rows>().seal({})));
  BOOST_TEST(first.members().value().size() == 1U);
  auto back = two.join(shared, first, "second");
  BOOST_TEST(reads(back, seal(first, "welcome"), "welcome"));
}

BOOST_AUTO_TEST_CASE(the_last_member_does_not_leave_and_a_stranger_cannot_be_removed) {
  shared_place shared;
  const server one;
  auto first = one.open_or_create(shared).value();
  BOOST_TEST(refused_as(errc::last_protector, first.leave(id_of(first, "first"))));
  BOOST_TEST(refused_as(errc::not_found, first.leave(kw::installation_id{})));
  BOOST_TEST(reads(one.open(shared).value(), seal(first, "still"), "still"));
}

BOOST_AUTO_TEST_CASE(asking_to_join_does_not_lock_out_who_is_making_the_deployment) {
  shared_place shared;
  server one;
  // Killed right after it wrote the first key; then somebody asks instead of opening.
  std::string creating;
  shared.before_commit([&] { creating = one.place.read("scale_out_member/farm"); });
  const auto message = seal(one.open_or_create(shared).value(), "first");
  one.place.write("scale_out_member/farm", creating);
  BOOST_TEST(refused_as(errc::already_exists,
                        farm::ask_to_join(one.own, shared.share(), farm_name, "first")));
  BOOST_TEST(reads(one.open_or_create(shared).value(), message, "first"));
}

BOOST_AUTO_TEST_CASE(a_change_that_was_committed_is_reported_as_done_although_the_store_is_gone) {
  shared_place shared;
  const server one, two;
  auto first = one.open_or_create(shared).value();
  const auto ticket = two.ask(shared);
  shared.after_commit([&] { shared.go_away(); });
  const auto code = first.approve(ticket.installation, ticket.fingerprint);
  BOOST_TEST(accepted(code));
  shared.come_back();
  BOOST_TEST(accepted(two.join(shared, *code)));
  // Whoever lost the confirmation asks again, with the right fingerprint only.
  BOOST_TEST(accepted(first.approve(ticket.installation, ticket.fingerprint)));
  const server three;
  BOOST_TEST(refused_as(errc::authentication_failed,
                        first.approve(ticket.installation, three.ask(shared).fingerprint)));
}

BOOST_AUTO_TEST_CASE(processes_of_one_instance_that_start_at_once_make_one_key) {
  shared_place shared;
  const server one;
  std::vector<std::optional<kw::result<farm>>> opened(16);
  {
    std::vector<std::jthread> processes;
    for (auto& each : opened)
      processes.emplace_back([&] {
        const auto own = one.open_vault();
        each = farm::open_or_create(own, shared.share(), farm_name, "first");
      });
  }
  for (const auto& each : opened) BOOST_TEST(accepted(*each));
  const auto message = seal(**opened.front(), "one key");
  for (const auto& each : opened) BOOST_TEST(reads(**each, message, "one key"));
  BOOST_TEST(shared.key().header().slots.size() == 1U);
}

BOOST_AUTO_TEST_CASE(instances_that_start_at_once_make_one_key_and_the_others_are_told_to_join) {
  shared_place shared;
  std::vector<std::unique_ptr<server>> servers;
  for (int i = 0; i < 8; ++i) servers.push_back(std::make_unique<server>());
  std::vector<std::optional<kw::result<farm>>> opened(servers.size());
  {
    std::vector<std::jthread> processes;
    for (std::size_t i = 0; i < servers.size(); ++i)
      processes.emplace_back([&, i] { opened[i] = servers[i]->open_or_create(shared); });
  }
  int members = 0;
  for (const auto& each : opened) {
    members += each->has_value() ? 1 : 0;
    if (!*each) BOOST_TEST(refused_as(errc::not_activated, *each));
  }
  BOOST_TEST(members == 1);
}

BOOST_AUTO_TEST_CASE(an_instance_killed_before_it_wrote_the_first_key_goes_on_where_it_was) {
  shared_place shared;
  const server one;
  // What was kept right before the first commit is what a killed process leaves behind.
  const auto other = one.open_vault();
  shared.before_commit([&] {
    BOOST_TEST(accepted(farm::open_or_create(other, shared.share(), farm_name, "first")));
  });
  const auto first = one.open_or_create(shared).value();
  BOOST_TEST(reads(one.open(shared).value(), seal(first, "one"), "one"));
}

BOOST_AUTO_TEST_CASE(regenerating_the_service_master_key_keeps_the_membership) {
  shared_place shared;
  const server one;
  const auto message = seal(one.open_or_create(shared).value(), "kept");
  BOOST_TEST(accepted(one.own.service_master_key().regenerate()));
  BOOST_TEST(reads(one.open(shared).value(), message, "kept"));
}

BOOST_AUTO_TEST_CASE(a_name_above_64_bytes_is_refused) {
  shared_place shared;
  const server one;
  BOOST_TEST(refused_as(errc::limit_exceeded, one.open_or_create(shared, std::string(65, 'a'))));
  BOOST_TEST(accepted(one.open_or_create(shared, std::string(64, 'a'))));
}

BOOST_AUTO_TEST_SUITE_END()
