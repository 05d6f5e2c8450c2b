#include <keywarden/endpoint/topology_drawing.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <keywarden/pki/self_signed.hpp>

#include "support/refusals.hpp"

namespace keywarden::testing {
namespace topology_test {

using fault = topology_fault;
using mesh = std::vector<instance_description>;

constexpr time_point today = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1);
constexpr auto a_day = std::chrono::hours(24);

object_name called(std::string_view text) { return object_name::parse(text).value(); }

/// A certificate that says it is `subject`'s, the `number`th.
described_certificate certificate_of(const std::string& subject, std::uint8_t number = 1) {
  described_certificate made{{}, "CN=" + subject, today - a_day, today + 300 * a_day};
  made.fingerprint.view()[0] = number;
  for (std::size_t i = 0; i < subject.size(); ++i)
    made.fingerprint.view()[i + 1] = static_cast<std::uint8_t>(subject[i]);
  return made;
}
described_peer known(const std::string& name) {
  return {
      certificate_of(name), {}, name + "_user", called(name + "_login"), connect_right::granted};
}
instance_description instance(const std::string& name, endpoint_role role,
                              const std::vector<std::string>& others) {
  instance_description made{called(name), role, endpoint_state::started, {}, "certificate"};
  made.own.push_back(certificate_of(name));
  for (const auto& each : others) made.peers.push_back(known(each));
  return made;
}
mesh pair() {
  return {instance("A", endpoint_role::partner, {"B"}),
          instance("B", endpoint_role::partner, {"A"})};
}
mesh trio() {
  return {instance("A", endpoint_role::partner, {"B", "W"}),
          instance("B", endpoint_role::partner, {"A", "W"}),
          instance("W", endpoint_role::witness, {"A", "B"})};
}
instance_description& of(mesh& all, std::string_view name) {
  return *std::ranges::find(all, called(name), &instance_description::name);
}
/// What `at` knows of `from`.
described_peer& edge(mesh& all, const std::string& from, const std::string& at) {
  return *std::ranges::find(of(all, at).peers, std::string(from) + "_user", &described_peer::user);
}

/// "no CONNECT A>B; …", sorted.
std::string faults(const topology_report& report) {
  std::vector<std::string> rows;
  for (const auto& each : report.problems)
    rows.push_back(std::string(name_of(each.fault)) + " " + each.from + ">" + each.at);
  std::ranges::sort(rows);
  std::string text;
  for (const auto& each : rows) text += (text.empty() ? "" : "; ") + each;
  return text;
}
std::string faults(const mesh& all) { return faults(check_topology(all, today)); }

/// How one directed trust edge can be missing or broken, and what that is called.
struct breakage {
  fault expected;
  std::function<void(mesh&, const std::string&, const std::string&)> make;
};
const std::vector<breakage> breakages{
    {fault::no_certificate,
     [](mesh& all, const std::string& from, const std::string& at) {
       std::erase_if(of(all, at).peers,
                     [&](const described_peer& each) { return each.user == from + "_user"; });
     }},
    {fault::wrong_certificate,
     [](mesh& all, const std::string& from, const std::string& at) {
       edge(all, from, at).certificate = certificate_of(from, 2);
     }},
    {fault::certificate_expired,
     [](mesh& all, const std::string& from, const std::string& at) {
       auto old = certificate_of(from, 2);
       old.not_after = today - std::chrono::seconds(1);
       edge(all, from, at).certificate = old;
     }},
    {fault::no_login, [](mesh& all, const std::string& from,
                         const std::string& at) { edge(all, from, at).login.reset(); }},
    {fault::no_connect,
     [](mesh& all, const std::string& from, const std::string& at) {
       edge(all, from, at).connect = connect_right::none;
     }},
    {fault::connect_denied,
     [](mesh& all, const std::string& from, const std::string& at) {
       edge(all, from, at).connect = connect_right::denied;
     }},
};

BOOST_AUTO_TEST_SUITE(topology)

BOOST_AUTO_TEST_CASE(instances_that_all_trust_each_other_have_no_problem) {
  BOOST_TEST(faults(pair()) == "");
  BOOST_TEST(faults(trio()) == "");
  BOOST_TEST(check_topology(trio(), today).connected());
}

BOOST_AUTO_TEST_CASE(every_single_edge_that_is_broken_in_any_way_is_named) {
  int edges = 0;
  for (const auto& way : breakages)
    for (const std::string from : {"A", "B", "W"})
      for (const std::string at : {"A", "B", "W"}) {
        if (from == at) continue;
        ++edges;
        auto all = trio();
        way.make(all, from, at);
        const auto report = check_topology(all, today);
        BOOST_TEST_CONTEXT(from << " to " << at) {
          BOOST_TEST(faults(report) == std::string(name_of(way.expected)) + " " + from + ">" + at);
          BOOST_TEST(!report.connected());
          BOOST_REQUIRE_EQUAL(report.problems.size(), 1U);
          const auto sentence = report.problems[0].sentence();
          BOOST_TEST(sentence.starts_with(from + " -> " + at + ": "));
          BOOST_TEST(sentence.find(". Next: ") != std::string::npos);
          BOOST_TEST(!report.problems[0].next_step.empty());
          BOOST_TEST(report.broken(from, at) == &report.problems[0]);
          BOOST_TEST(report.broken(at, from) == nullptr);
        }
      }
  BOOST_TEST(edges == 36);
}

BOOST_AUTO_TEST_CASE(an_empty_mesh_of_three_misses_six_edges_and_of_two_two) {
  auto three = trio();
  auto two = pair();
  for (auto& each : three) each.peers.clear();
  for (auto& each : two) each.peers.clear();
  BOOST_TEST(check_topology(three, today).problems.size() == 6U);
  BOOST_TEST(faults(two) == "no certificate A>B; no certificate B>A");
}

BOOST_AUTO_TEST_CASE(an_instance_whose_certificate_expired_reaches_nobody) {
  auto all = trio();
  of(all, "B").own[0].not_after = today - std::chrono::seconds(1);
  BOOST_TEST(faults(all) == "certificate expired B>A; certificate expired B>W");
  const auto text = check_topology(all, today).problems[0].sentence();
  BOOST_TEST(text.find("expired on 2026-02-28T23:59:59Z") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_certificate_is_good_until_its_last_second) {
  auto all = trio();
  of(all, "B").own[0].not_after = today;
  BOOST_TEST(faults(all) == "");
}

BOOST_AUTO_TEST_CASE(an_instance_without_a_certificate_or_with_one_for_later_reaches_nobody) {
  auto all = pair();
  of(all, "A").own.clear();
  BOOST_TEST(faults(all) == "certificate expired A>B");
  auto later = certificate_of("A");
  later.not_before = today + a_day;
  of(all, "A").own = {later};
  BOOST_TEST(faults(all) == "certificate expired A>B");
  BOOST_TEST(check_topology(all, today).problems[0].text.find("not valid before") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(during_a_rotation_the_newest_valid_certificate_counts) {
  auto all = pair();
  auto next = certificate_of("A", 2);
  next.not_before = today + 7 * a_day;
  of(all, "A").own.push_back(next);
  // Works today, and says what will be missing.
  BOOST_TEST(faults(all) == "next certificate unknown A>B");
  BOOST_TEST(check_topology(all, today).connected());
  BOOST_TEST(faults(check_topology(all, today + 8 * a_day)) == "wrong certificate A>B");
  auto second = edge(all, "A", "B");
  second.certificate = next;
  of(all, "B").peers.push_back(second);
  BOOST_TEST(faults(all) == "");
  BOOST_TEST(faults(check_topology(all, today + 8 * a_day)) == "");
}

BOOST_AUTO_TEST_CASE(clauses_that_refuse_each_other_are_named_in_both_directions) {
  auto all = pair();
  of(all, "B").encryption = *transport::encryption_clause::of(transport::presence::disabled);
  BOOST_TEST(faults(all) == "encryption refused A>B; encryption refused B>A");
  of(all, "A").encryption = *transport::encryption_clause::of(transport::presence::supported,
                                                              {transport::algorithm::aes});
  BOOST_TEST(faults(all) == "");
  of(all, "B").encryption = *transport::encryption_clause::of(transport::presence::required,
                                                              {transport::algorithm::chacha20});
  BOOST_TEST(faults(all) == "encryption refused A>B; encryption refused B>A");
}

BOOST_AUTO_TEST_CASE(a_clause_that_the_acceptor_decides_may_fail_in_one_direction_only) {
  auto all = pair();
  of(all, "A").encryption = *transport::encryption_clause::of(
      transport::presence::required, {transport::algorithm::aes, transport::algorithm::rc4});
  of(all, "B").encryption = *transport::encryption_clause::of(
      transport::presence::required, {transport::algorithm::rc4, transport::algorithm::aes});
  BOOST_TEST(faults(all) == "encryption refused A>B");
}

BOOST_AUTO_TEST_CASE(an_endpoint_that_is_not_started_is_named) {
  for (const auto state : {endpoint_state::stopped, endpoint_state::disabled}) {
    auto all = trio();
    of(all, "W").state = state;
    BOOST_TEST(faults(all) == "not started >W");
    BOOST_TEST(
        check_topology(all, today).problems[0].sentence().find(std::string(name_of(state))) !=
        std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(roles_that_make_no_session_are_refused) {
  using enum endpoint_role;
  const auto roles = [](const std::vector<endpoint_role>& wanted) {
    auto all = wanted.size() == 2 ? pair() : trio();
    for (std::size_t i = 0; i < wanted.size(); ++i) all[i].role = wanted[i];
    return faults(all);
  };
  BOOST_TEST(roles({partner, partner, partner}) == "wrong roles >");
  BOOST_TEST(roles({partner, witness, witness}) == "wrong roles >");
  BOOST_TEST(roles({witness, witness, witness}) == "wrong roles >");
  BOOST_TEST(roles({partner, witness}) == "wrong roles >");
  BOOST_TEST(roles({witness, witness}) == "wrong roles >");
  BOOST_TEST(roles({partner, all, witness}) == "");
  BOOST_TEST(roles({all, all, all}) == "");
  BOOST_TEST(roles({partner, partner, all}) == "");
  BOOST_TEST(roles({partner, all}) == "");
}

BOOST_AUTO_TEST_CASE(one_instance_or_four_or_one_twice_are_no_session) {
  mesh all;
  BOOST_TEST(faults(all) == "wrong number >");
  all.push_back(instance("A", endpoint_role::all, {}));
  BOOST_TEST(faults(all) == "wrong number >");
  all.push_back(all.front());
  BOOST_TEST(faults(all).find("wrong number >A") != std::string::npos);
  auto four = trio();
  four.push_back(instance("D", endpoint_role::all, {"A", "B", "W"}));
  for (auto& each : four)
    if (each.name != called("D")) each.peers.push_back(known("D"));
  BOOST_TEST(faults(four) == "wrong number >");
}

BOOST_AUTO_TEST_CASE(two_instances_with_one_certificate_are_found_out) {
  auto all = pair();
  of(all, "B").own = of(all, "A").own;
  BOOST_TEST(faults(all).find("shared certificate >B") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(two_forms_of_authentication_do_not_meet) {
  auto all = pair();
  of(all, "B").form = "pre-shared key";
  BOOST_TEST(faults(all) == "forms differ A>B; forms differ B>A");
}

BOOST_AUTO_TEST_CASE(pre_shared_keys_are_edges_as_well) {
  auto all = pair();
  for (auto& each : all) {
    each.form = "pre-shared key";
    each.own.clear();
    const std::string other = each.name == called("A") ? "B" : "A";
    each.peers = {{std::nullopt, other, {}, called(other + "_login"), connect_right::granted}};
  }
  BOOST_TEST(faults(all) == "");
  of(all, "A").peers[0].connect = connect_right::none;
  of(all, "B").peers.clear();
  BOOST_TEST(faults(all) == "no CONNECT B>A; no certificate A>B");
}

BOOST_AUTO_TEST_CASE(a_description_of_a_directory_says_who_may_connect) {
  const auto made = [](const char* name) {
    return pki::make_self_signed(pki::signing_key::generate().value(), {.subject = name}, today)
        .value();
  };
  auth::directory known;
  for (const auto* login : {"admin", "b", "c", "d"}) known.create_login(called(login)).value();
  const endpoint_definition endpoint{.name = "Mirroring",
                                     .listener = listener_address(7024),
                                     .authentication = endpoint_certificates("own"),
                                     .role = endpoint_role::all,
                                     .owner = "admin"};
  for (const auto* login : {"b", "c", "d"}) {
    known.create_user(called(login + std::string("_user")), called(login)).value();
    known.add_certificate(called(login), made(login), called(login + std::string("_user"))).value();
  }
  known.grant(auth::permission::connect, endpoint.name, "b").value();
  known.grant(auth::permission::connect, endpoint.name, "c").value();
  known.deny(auth::permission::control, endpoint.name, "c").value();
  const auto own = made("own");
  const auto shown = describe_instance("HOST_A", endpoint, known, std::vector{own});
  BOOST_TEST(shown.form == "certificate");
  BOOST_REQUIRE_EQUAL(shown.own.size(), 1U);
  BOOST_TEST((shown.own[0].fingerprint == own.fingerprint()));
  BOOST_REQUIRE_EQUAL(shown.peers.size(), 3U);
  BOOST_TEST((shown.peers[0].connect == connect_right::granted));
  BOOST_TEST((shown.peers[1].connect == connect_right::denied));
  BOOST_TEST((shown.peers[2].connect == connect_right::none));
  BOOST_TEST((shown.peers[2].login == called("d")));
  const auto text = to_json(shown).value();
  BOOST_TEST((description_from_json(as_bytes(text)).value() == shown));
  BOOST_TEST(text.find("PRIVATE") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_description_is_read_as_it_was_written) {
  for (auto all : {pair(), trio()})
    for (auto& each : all) {
      each.peers.push_back({std::nullopt, "OTHER", {}, std::nullopt, connect_right::denied});
      const auto text = to_json(each).value();
      const auto read = description_from_json(as_bytes(text));
      BOOST_REQUIRE(accepted(read));
      BOOST_TEST((*read == each));
    }
}

BOOST_AUTO_TEST_CASE(a_description_that_was_cut_or_padded_or_says_more_is_refused) {
  const auto text = to_json(trio()[0]).value();
  for (std::size_t size = 0; size < text.size(); ++size)
    BOOST_TEST(!description_from_json(as_bytes(text.substr(0, size))).has_value());
  BOOST_TEST(refused_as(errc::malformed, description_from_json(as_bytes(text + "\n"))));
  const auto with = [&](const std::string& old, const std::string& now) {
    auto changed = text;
    const auto at = changed.find(old);
    BOOST_REQUIRE(at != std::string::npos);
    return description_from_json(as_bytes(changed.replace(at, old.size(), now)));
  };
  BOOST_TEST(refused_as(errc::malformed, with("{\n", "{\n \"more\": 1,\n")));
  BOOST_TEST(refused_as(errc::unsupported_version, with("\"keywarden\": 1", "\"keywarden\": 2")));
  BOOST_TEST(refused_as(errc::malformed, with("PARTNER", "NONE")));
  BOOST_TEST(refused_as(errc::malformed, with("STARTED", "started")));
  BOOST_TEST(refused_as(errc::malformed, with("\"granted\"", "\"perhaps\"")));
  BOOST_TEST(refused_as(errc::malformed, with("\"A\"", "\"A B\"")));
  BOOST_TEST(refused_as(errc::malformed, with("REQUIRED ALGORITHM AES", "required algorithm aes")));
  BOOST_TEST(refused_as(errc::malformed, with("\"certificate\",", "\"both\",")));
  const std::string huge(max_description_size + 1, ' ');
  BOOST_TEST(refused_as(errc::limit_exceeded, description_from_json(as_bytes(huge))));
}

BOOST_AUTO_TEST_CASE(a_subject_that_is_not_text_does_not_stop_a_description) {
  auto one = pair()[0];
  one.own[0].subject = "CN=\xff";
  const auto text = to_json(one);
  BOOST_REQUIRE(accepted(text));
  BOOST_TEST(accepted(description_from_json(as_bytes(*text))));
}

BOOST_AUTO_TEST_CASE(the_drawings_mark_exactly_the_broken_edges) {
  auto all = trio();
  edge(all, "A", "W").connect = connect_right::denied;
  of(all, "B").state = endpoint_state::stopped;
  const auto report = check_topology(all, today);
  BOOST_TEST(to_graphviz(all, report) ==
             "digraph mirroring {\n"
             "  \"A\" [label=\"A\\nPARTNER, STARTED\"];\n"
             "  \"B\" [label=\"B\\nPARTNER, STOPPED\", color=grey];\n"
             "  \"W\" [label=\"W\\nWITNESS, STARTED\"];\n"
             "  \"A\" -> \"B\";\n"
             "  \"A\" -> \"W\" [style=dashed, color=red, label=\"CONNECT denied\"];\n"
             "  \"B\" -> \"A\";\n"
             "  \"B\" -> \"W\";\n"
             "  \"W\" -> \"A\";\n"
             "  \"W\" -> \"B\";\n"
             "}\n");
  const auto table = to_markdown(all, report);
  BOOST_TEST(
      table.starts_with("| from \\ to | A | B | W |\n|---|---|---|---|\n"
                        "| **A** | | ok | **CONNECT denied** |\n"
                        "| **B** | ok | | ok |\n"
                        "| **W** | ok | ok | |\n\n"));
  BOOST_TEST(table.find("- A -> W: ") != std::string::npos);
  BOOST_TEST(table.find("STATE = STARTED") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace topology_test

}  // namespace keywarden::testing
