#include <keywarden/endpoint/definition_store.hpp>

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <keywarden/endpoint/definition_text.hpp>

#include "vault/fixture.hpp"

namespace keywarden::testing {
namespace definition_test {

using transport::algorithm;
using transport::encryption_clause;
using transport::presence;

const std::string document = "master/document/master/endpoint";

endpoint_definition usual() {
  return {.name = "Mirroring",
          .listener = listener_address(7024),
          .authentication = endpoint_certificates("HOST_A_cert"),
          .role = endpoint_role::partner,
          .owner = "dbm_owner"};
}

/// Definitions that differ from each other in one property at least.
std::vector<endpoint_definition> many() {
  std::vector<endpoint_definition> all{usual()};
  const auto with = [&](auto edit) {
    auto next = usual();
    edit(next);
    all.push_back(next);
  };
  with([](auto& it) { it.name = "Other.1-x"; });
  with([](auto& it) { it.owner = "sa"; });
  with([](auto& it) { it.state = endpoint_state::started; });
  with([](auto& it) { it.state = endpoint_state::disabled; });
  with([](auto& it) { it.role = endpoint_role::witness; });
  with([](auto& it) { it.role = endpoint_role::all; });
  with([](auto& it) { it.listener = listener_address(1024); });
  with([](auto& it) { it.listener = listener_address(32767); });
  with([](auto& it) { it.listener = it.listener.at(admit::address("192.0.2.1")).value(); });
  with([](auto& it) { it.listener = it.listener.at(admit::address("2001:db8::1")).value(); });
  with([](auto& it) { it.authentication = endpoint_authentication::pre_shared_key(); });
  with([](auto& it) {
    it.authentication = endpoint_certificates::rotation("HOST_A_cert", "HOST_A_next").value();
  });
  for (unsigned code = 0; code < 9; ++code)
    if (code != 2) with([&](auto& it) { it.encryption = *transport::from_catalog_code(code); });
  with([](auto& it) {
    it.encryption =
        *encryption_clause::of(presence::required, {algorithm::chacha20, algorithm::aes});
  });
  return all;
}

/// A server whose master database has an owner's login and two certificates.
struct server {
  installation<> here;
  vault v = here.open_or_create();
  database_handle master = with_master_key(v, "master");

  server() {
    (void)auth::change_directory(master, [](auth::directory& known) {
      return known.create_login("dbm_owner");
    }).value();
    for (const auto* name : {"HOST_A_cert", "HOST_A_next"})
      (void)pki::create_certificate(master.certificates(), called(name), {.subject = name},
                                    system_clock::now())
          .value();
  }
  void change(const std::function<result<void>(auth::directory&)>& how) const {
    (void)auth::change_directory(master, how).value();
  }
};

template <class T>
bool names(const result<T>& refused, std::string_view words) {
  return !refused && refused.error().message().find(words) != std::string::npos;
}

auto read(std::string_view text) { return read_create_endpoint(text, "caller"); }

BOOST_AUTO_TEST_SUITE(definition)

// --- Where it listens -----------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_port_is_1024_to_32767) {
  for (const std::uint64_t port : {0U, 1U, 1023U, 32768U, 65535U, 65536U, 4294967295U})
    BOOST_TEST(refused_as(errc::invalid_argument, listener_address::on(port)));
  for (const std::uint64_t port : {1024U, 4022U, 7022U, 32767U})
    BOOST_TEST(listener_address::on(port).value().port() == port);
  BOOST_TEST(
      refused_as(errc::invalid_argument, listener_address::on((std::uint64_t{1} << 32U) + 7024)));
}

BOOST_AUTO_TEST_CASE(the_unspecified_address_is_no_listener) {
  BOOST_TEST(refused_as(errc::invalid_argument, listener_address(7024).at(admit::address())));
  BOOST_TEST(
      refused_as(errc::invalid_argument, listener_address::on(7024, admit::address("0.0.0.0"))));
}

BOOST_AUTO_TEST_CASE(partners_that_name_an_ip_address_need_a_listener_on_it) {
  const listener_address all(7024);
  const auto one = all.at(admit::address("192.0.2.1")).value();
  const auto six = all.at(admit::address("2001:db8::1")).value();
  BOOST_TEST(accepted(check_partner_address(all, "host-a.example")));
  BOOST_TEST(accepted(check_partner_address(one, "host-a.example")));
  BOOST_TEST(accepted(check_partner_address(one, "192.0.2.1")));
  BOOST_TEST(accepted(check_partner_address(one, "::ffff:192.0.2.1")));
  BOOST_TEST(accepted(check_partner_address(six, "[2001:DB8:0::1]")));
  BOOST_TEST(refused_as(errc::invalid_argument, check_partner_address(all, "192.0.2.1")));
  BOOST_TEST(refused_as(errc::invalid_argument, check_partner_address(one, "192.0.2.2")));
  BOOST_TEST(refused_as(errc::invalid_argument, check_partner_address(one, "2001:db8::1")));
  BOOST_TEST(refused_as(errc::malformed, check_partner_address(all, "")));
}

// --- A value --------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_new_endpoint_is_stopped_and_requires_encryption) {
  BOOST_TEST((usual().state == endpoint_state::stopped));
  BOOST_TEST((usual().encryption == encryption_clause()));
  BOOST_TEST(!usual().listener.ip().has_value());
}

BOOST_AUTO_TEST_CASE(the_codes_are_those_of_the_catalog) {
  BOOST_TEST(static_cast<int>(endpoint_role::partner) == 1);
  BOOST_TEST(static_cast<int>(endpoint_role::witness) == 2);
  BOOST_TEST(static_cast<int>(endpoint_role::all) == 3);
  BOOST_TEST(static_cast<int>(endpoint_state::stopped) == 1);
  BOOST_TEST(static_cast<int>(endpoint_state::disabled) == 2);
  BOOST_TEST(!endpoint_role_of("NONE").has_value());
  BOOST_TEST(!endpoint_state_of("stopped").has_value());
}

BOOST_AUTO_TEST_CASE(a_rotation_is_between_two_certificates) {
  BOOST_TEST(refused_as(errc::invalid_argument, endpoint_certificates::rotation("a", "a")));
  BOOST_TEST(endpoint_certificates::rotation("a", "b").value().all().size() == 2U);
}

BOOST_AUTO_TEST_CASE(differences_are_named_as_in_sql) {
  const auto all = many();
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = 0; j < all.size(); ++j)
      BOOST_TEST(differences(all[i], all[j]).empty() == (i == j));
  auto other = usual();
  other.state = endpoint_state::started;
  BOOST_TEST(differences(usual(), other) == "STATE");
  BOOST_TEST(differences(usual(), other, true) == "");
}

// --- As a statement -------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_definition_is_written_as_the_statement_people_know) {
  BOOST_TEST(to_create_endpoint(usual()) ==
             "CREATE ENDPOINT Mirroring\n"
             "  AUTHORIZATION dbm_owner\n"
             "  STATE = STOPPED\n"
             "  AS TCP (\n"
             "    LISTENER_PORT = 7024,\n"
             "    LISTENER_IP = ALL\n"
             "  )\n"
             "  FOR DATABASE_MIRRORING (\n"
             "    AUTHENTICATION = CERTIFICATE HOST_A_cert,\n"
             "    ENCRYPTION = REQUIRED ALGORITHM AES,\n"
             "    ROLE = PARTNER\n"
             "  );\n");
}

BOOST_AUTO_TEST_CASE(every_statement_is_read_back) {
  for (const auto& each : many()) {
    const auto again = read(to_create_endpoint(each));
    BOOST_REQUIRE(accepted(again));
    BOOST_TEST((*again == each));
  }
}

BOOST_AUTO_TEST_CASE(a_statement_as_manuals_write_it_is_read_with_the_defaults) {
  const auto made = read(
      "create endpoint [Endpoint_Mirroring] STATE=STARTED AS TCP(LISTENER_PORT=7024,"
      "LISTENER_IP=('2001:db8::1'))FOR database_mirroring(AUTHENTICATION=CERTIFICATE [HOST_A_cert]"
      ",ENCRYPTION=REQUIRED ALGORITHM AES,ROLE=all)");
  BOOST_REQUIRE(accepted(made));
  BOOST_TEST((made->owner == object_name("caller")));
  BOOST_TEST((made->listener.ip() == admit::address("2001:db8::1")));
  BOOST_TEST((made->role == endpoint_role::all));
  const auto least = read(
      "CREATE ENDPOINT e AS TCP (LISTENER_PORT = 5022) FOR DATABASE_MIRRORING "
      "(ROLE = WITNESS, AUTHENTICATION = CERTIFICATE c)");
  BOOST_REQUIRE(accepted(least));
  BOOST_TEST((least->state == endpoint_state::stopped));
  BOOST_TEST((least->encryption == encryption_clause()));
  BOOST_TEST(!least->listener.ip().has_value());
}

BOOST_AUTO_TEST_CASE(what_has_no_default_must_be_there) {
  const auto with = [](std::string_view tcp, std::string_view payload) {
    return read("CREATE ENDPOINT e AS TCP (" + std::string(tcp) + ") FOR DATABASE_MIRRORING (" +
                std::string(payload) + ")");
  };
  constexpr std::string_view port = "LISTENER_PORT = 5022";
  const auto no_role = with(port, "AUTHENTICATION = CERTIFICATE c");
  BOOST_TEST(refused_as(errc::invalid_argument, no_role));
  BOOST_TEST(names(no_role, "ROLE"));
  const auto no_form = with(port, "ROLE = ALL");
  BOOST_TEST(refused_as(errc::invalid_argument, no_form));
  BOOST_TEST(names(no_form, "AUTHENTICATION"));
  const auto no_port = with("LISTENER_IP = ALL", "AUTHENTICATION = CERTIFICATE c, ROLE = ALL");
  BOOST_TEST(refused_as(errc::invalid_argument, no_port));
  BOOST_TEST(names(no_port, "LISTENER_PORT"));
}

BOOST_AUTO_TEST_CASE(a_statement_that_makes_no_sense_is_refused) {
  const auto with = [](const std::string& old, const std::string& now) {
    auto text = to_create_endpoint(usual());
    const auto at = text.find(old);
    BOOST_REQUIRE(at != std::string::npos);
    return read(text.replace(at, old.size(), now));
  };
  BOOST_TEST(refused_as(errc::invalid_argument, with("7024", "1023")));
  BOOST_TEST(refused_as(errc::invalid_argument, with("7024", "65535")));
  for (const auto* number : {"x", "-1", "7024.5", "0x1b70", "'7024'x", "702400", ""})
    BOOST_TEST(!with("7024", number).has_value());
  BOOST_TEST(refused_as(errc::malformed, with("= ALL", "= EVERY")));
  BOOST_TEST(refused_as(errc::malformed, with("= ALL", "= (256.1.1.1)")));
  BOOST_TEST(refused_as(errc::invalid_argument, with("= ALL", "= (0.0.0.0)")));
  BOOST_TEST(refused_as(errc::malformed, with("PARTNER", "NONE")));
  BOOST_TEST(refused_as(errc::malformed, with("STOPPED", "RUNNING")));
  BOOST_TEST(refused_as(errc::malformed, with("AS TCP", "AS HTTP")));
  BOOST_TEST(refused_as(errc::malformed, with("DATABASE_MIRRORING", "SOAP")));
  BOOST_TEST(refused_as(errc::malformed, with("REQUIRED ALGORITHM", "REQUIRED")));
  BOOST_TEST(refused_as(errc::invalid_argument, with("AES", "AES AES")));
  BOOST_TEST(refused_as(errc::malformed, with("CERTIFICATE HOST_A_cert", "NONE")));
  BOOST_TEST(refused_as(errc::invalid_name, with("HOST_A_cert", "'HOST A'")));
  BOOST_TEST(refused_as(errc::invalid_name, with("Mirroring", "[Mirroring")));
  BOOST_TEST(refused_as(errc::invalid_name, with("Mirroring", "[]")));
  BOOST_TEST(refused_as(errc::invalid_argument, with("HOST_A_cert", "HOST_A_cert, HOST_A_cert")));
  BOOST_TEST(!with("HOST_A_cert", "a, b, c").has_value());
  BOOST_TEST(refused_as(errc::malformed, with(");", "); DROP ENDPOINT Mirroring;")));
  BOOST_TEST(refused_as(errc::malformed, with("ROLE = PARTNER", "ROLE = PARTNER, ROLE = ALL")));
  BOOST_TEST(refused_as(errc::malformed, with("CREATE", "ALTER")));
}

BOOST_AUTO_TEST_CASE(windows_authentication_is_refused_with_the_next_step) {
  for (const auto* by :
       {"WINDOWS", "WINDOWS NEGOTIATE", "WINDOWS CERTIFICATE c", "CERTIFICATE c WINDOWS"}) {
    const auto made =
        read(std::string("CREATE ENDPOINT e AS TCP (LISTENER_PORT = 5022) FOR DATABASE_MIRRORING "
                         "(AUTHENTICATION = ") +
             by + ", ROLE = ALL)");
    BOOST_TEST(refused_as(errc::unsupported_suite, made));
    BOOST_TEST(names(made, "Next: write AUTHENTICATION = CERTIFICATE"));
  }
}

BOOST_AUTO_TEST_CASE(a_cut_statement_is_refused_and_a_huge_one_is_not_looked_at) {
  auto text = to_create_endpoint(usual());
  text.resize(text.rfind(')'));
  for (std::size_t size = 0; size <= text.size(); ++size)
    BOOST_TEST(!read(text.substr(0, size)).has_value());
  BOOST_TEST(refused_as(errc::limit_exceeded, read(std::string(4097, ' '))));
  BOOST_TEST(refused_as(errc::malformed, read(std::string(4096, ' '))));
}

// --- As JSON --------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(every_definition_is_read_as_it_was_written) {
  for (const auto& each : many()) {
    const auto again = definition_from_json(as_bytes(to_json(each)));
    BOOST_REQUIRE(accepted(again));
    BOOST_TEST((*again == each));
  }
}

BOOST_AUTO_TEST_CASE(a_document_that_is_not_as_it_is_written_is_refused) {
  const auto text = to_json(usual());
  const auto with = [&](const std::string& old, const std::string& now) {
    auto changed = text;
    const auto at = changed.find(old);
    BOOST_REQUIRE(at != std::string::npos);
    return definition_from_json(as_bytes(changed.replace(at, old.size(), now)));
  };
  for (std::size_t size = 0; size < text.size(); ++size)
    BOOST_TEST(!definition_from_json(as_bytes(text.substr(0, size))).has_value());
  BOOST_TEST(refused_as(errc::malformed, with(" \"role\": \"PARTNER\",\n", "")));
  BOOST_TEST(refused_as(errc::malformed, with("\"PARTNER\"", "\"NONE\"")));
  BOOST_TEST(refused_as(errc::malformed, with("\"PARTNER\"", "1")));
  BOOST_TEST(refused_as(errc::malformed, with("\"STOPPED\"", "\"PAUSED\"")));
  BOOST_TEST(refused_as(errc::malformed, with("\"HOST_A_cert\"", "")));
  BOOST_TEST(refused_as(errc::malformed, with("\"HOST_A_cert\"", "7")));
  BOOST_TEST(refused_as(errc::invalid_name, with("\"HOST_A_cert\"", "\"HOST A\"")));
  BOOST_TEST(refused_as(errc::invalid_argument,
                        with("\"HOST_A_cert\"", "\"HOST_A_cert\", \"HOST_A_cert\"")));
  BOOST_TEST(refused_as(errc::limit_exceeded, with("\"HOST_A_cert\"", "\"a\", \"b\", \"c\"")));
  BOOST_TEST(refused_as(errc::malformed, with("\"certificate\"", "\"pre-shared key\"")));
  BOOST_TEST(refused_as(errc::malformed, with("\"certificate\"", "\"none\"")));
  BOOST_TEST(refused_as(errc::invalid_argument, with("7024", "80")));
  BOOST_TEST(refused_as(errc::limit_exceeded, with("7024", "70240")));
  BOOST_TEST(refused_as(errc::malformed, with("\"ALL\"", "\"any\"")));
  BOOST_TEST(refused_as(errc::malformed, with("\"dbm_owner\"", "\"\"")));
  BOOST_TEST(refused_as(errc::unsupported_version, with("\"keywarden\": 1", "\"keywarden\": 2")));
  BOOST_TEST(refused_as(errc::malformed, with("REQUIRED", "required")));
  BOOST_TEST(refused_as(errc::malformed, with("{\n", "{\n\n")));
  BOOST_TEST(refused_as(errc::malformed, with("{\n", "{\n \"more\": 1,\n")));
  const std::string huge(max_definition_size + 1, ' ');
  BOOST_TEST(refused_as(errc::limit_exceeded, definition_from_json(as_bytes(huge))));
}

BOOST_AUTO_TEST_CASE(a_flipped_bit_never_reads_as_the_same_definition) {
  const auto text = to_json(usual());
  for (std::size_t at = 0; at < text.size(); ++at)
    for (unsigned bit = 0; bit < 8; ++bit) {
      auto flipped = text;
      flipped[at] = static_cast<char>(static_cast<unsigned char>(flipped[at]) ^ (1U << bit));
      const auto other = definition_from_json(as_bytes(flipped));
      if (other) BOOST_TEST(!(*other == usual()));
    }
}

// --- In the store ---------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(an_instance_has_exactly_one_endpoint) {
  const server all;
  BOOST_TEST(refused_as(errc::not_found, load_endpoint(all.master)));
  BOOST_TEST(accepted(create_endpoint(all.master, usual())));
  BOOST_TEST((load_endpoint(all.master).value() == usual()));
  auto second = usual();
  BOOST_TEST(refused_as(errc::already_exists, create_endpoint(all.master, second)));
  second.name = "Second";
  const auto refused = create_endpoint(all.master, second);
  BOOST_TEST(refused_as(errc::already_exists, refused));
  BOOST_TEST(names(refused, "name: Mirroring"));
  BOOST_TEST((load_endpoint(all.master).value() == usual()));
}

BOOST_AUTO_TEST_CASE(of_two_that_create_one_at_the_same_time_one_wins) {
  const server all;
  auto slow = all.here.place.open();
  const auto meanwhile = slow.before_commit();
  const auto other = vault::open(std::move(slow), all.here.key()).value();
  const auto theirs = other.database("master").value();
  *meanwhile = [&] { create_endpoint(all.master, usual()).value(); };
  auto mine = usual();
  mine.name = "Second";
  BOOST_TEST(refused_as(errc::already_exists, create_endpoint(theirs, mine)));
  BOOST_TEST((load_endpoint(theirs).value() == usual()));
}

BOOST_AUTO_TEST_CASE(every_flipped_byte_of_the_stored_document_is_refused) {
  const server all;
  create_endpoint(all.master, usual()).value();
  const auto sealed = all.here.read(document);
  BOOST_REQUIRE_GT(sealed.size(), 100U);
  for (std::size_t at = 0; at < sealed.size(); ++at) {
    auto flipped = sealed;
    flipped[at] = static_cast<char>(static_cast<unsigned char>(flipped[at]) ^ 1U);
    all.here.write(document, flipped);
    BOOST_TEST(!load_endpoint(all.master).has_value());
  }
  all.here.write(document, sealed.substr(0, sealed.size() - 1));
  BOOST_TEST(!load_endpoint(all.master).has_value());
  all.here.write(document, sealed);
  BOOST_TEST((load_endpoint(all.master).value() == usual()));
}

BOOST_AUTO_TEST_CASE(nothing_is_created_that_does_not_stand_on_what_it_names) {
  const server all;
  const auto refuse = [&](errc code, auto edit, std::string_view words) {
    auto wanted = usual();
    edit(wanted);
    const auto made = create_endpoint(all.master, wanted);
    BOOST_TEST(refused_as(code, made));
    BOOST_TEST(names(made, words));
    BOOST_TEST(names(made, "Next: "));
  };
  refuse(
      errc::not_found, [](auto& it) { it.owner = "nobody"; }, "kind: login, name: nobody");
  refuse(
      errc::not_found, [](auto& it) { it.authentication = endpoint_certificates("none_such"); },
      "kind: certificate, name: none_such");
  refuse(
      errc::not_found,
      [](auto& it) {
        it.authentication = endpoint_certificates::rotation("HOST_A_cert", "missing").value();
      },
      "missing");
  refuse(
      errc::weaker_than_required,
      [](auto& it) { it.encryption = *encryption_clause::of(presence::disabled); },
      "accept_weaker_encryption");
  refuse(
      errc::weaker_than_required,
      [](auto& it) { it.encryption = *transport::from_catalog_code(6); }, "RC4");
  BOOST_TEST(refused_as(errc::not_found, load_endpoint(all.master)));
}

BOOST_AUTO_TEST_CASE(a_weaker_encryption_is_created_only_by_the_type_that_says_so) {
  const server all;
  auto weak = usual();
  weak.encryption = *encryption_clause::of(presence::supported, {algorithm::aes});
  BOOST_TEST(refused_as(errc::weaker_than_required, create_endpoint(all.master, weak)));
  BOOST_TEST(accepted(create_endpoint(all.master, weak, accept_weaker_encryption{})));
  // RC4 is no weakening that can be accepted.
  const server other;
  weak.encryption = *encryption_clause::of(presence::supported, {algorithm::rc4});
  BOOST_TEST(refused_as(errc::weaker_than_required,
                        create_endpoint(other.master, weak, accept_weaker_encryption{})));
}

BOOST_AUTO_TEST_CASE(reading_repeats_the_checks) {
  const auto after = [](errc code, const std::function<void(server&)>& meanwhile) {
    server all;
    create_endpoint(all.master, usual()).value();
    meanwhile(all);
    const auto read = load_endpoint(all.master);
    BOOST_TEST(refused_as(code, read));
    BOOST_TEST(names(read, "Next: "));
  };
  after(errc::not_found, [](server& all) {
    all.change([](auth::directory& known) { return known.drop_login("dbm_owner"); });
  });
  after(errc::not_found,
        [](server& all) { all.master.certificates().drop("HOST_A_cert").value(); });
  after(errc::not_found,
        [](server& all) { all.master.certificates().remove_private_key("HOST_A_cert").value(); });
  after(errc::secret_required, [](server& all) {
    all.master.certificates().change_protection("HOST_A_cert", nullptr, &other_password).value();
  });
}

BOOST_AUTO_TEST_CASE(a_certificate_that_was_altered_in_the_store_is_refused) {
  const server all;
  create_endpoint(all.master, usual()).value();
  all.here.damage("db/master/certificate/HOST_A_cert", "\"certificate\": \"");
  BOOST_TEST(!load_endpoint(all.master).has_value());
}

BOOST_AUTO_TEST_CASE(only_master_has_an_endpoint) {
  server all;
  const auto sales = with_master_key(all.v, "sales");
  BOOST_TEST(refused_as(errc::invalid_argument, create_endpoint(sales, usual())));
  BOOST_TEST(refused_as(errc::invalid_argument, load_endpoint(sales)));
  BOOST_TEST(refused_as(errc::invalid_argument, alter_endpoint(sales, {})));
  BOOST_TEST(refused_as(errc::invalid_argument, drop_endpoint(sales)));
}

// --- ALTER and DROP -------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(every_transition_of_the_state_is_allowed_and_restarts_nothing) {
  for (const auto from : all_endpoint_states)
    for (const auto to : all_endpoint_states) {
      auto present = usual();
      present.state = from;
      const auto made = alter(present, {.state = to});
      BOOST_REQUIRE(accepted(made));
      BOOST_TEST((made->after.state == to));
      BOOST_TEST((made->before.state == from));
      BOOST_TEST(!made->restarts());
    }
}

BOOST_AUTO_TEST_CASE(only_the_named_properties_change) {
  const server all;
  create_endpoint(all.master, usual()).value();
  const auto made =
      alter_endpoint(all.master, {.listener = listener_address(7022),
                                  .certificates = endpoint_certificates("HOST_A_next"),
                                  .role = endpoint_role::all});
  BOOST_REQUIRE(accepted(made));
  BOOST_TEST(differences(made->before, made->after) == "LISTENER_PORT, AUTHENTICATION, ROLE");
  BOOST_TEST(made->restarts());
  BOOST_TEST((load_endpoint(all.master).value() == made->after));
  const auto nothing = alter_endpoint(all.master, {});
  BOOST_REQUIRE(accepted(nothing));
  BOOST_TEST((nothing->before == nothing->after));
}

BOOST_AUTO_TEST_CASE(a_change_that_weakens_encryption_needs_its_type) {
  const server all;
  create_endpoint(all.master, usual()).value();
  const endpoint_change weaker{.encryption =
                                   *encryption_clause::of(presence::supported, {algorithm::aes})};
  BOOST_TEST(refused_as(errc::weaker_than_required, alter_endpoint(all.master, weaker)));
  BOOST_TEST((load_endpoint(all.master).value() == usual()));
  BOOST_TEST(accepted(alter_endpoint(all.master, weaker, accept_weaker_encryption{})));
  const endpoint_change off{.encryption = *encryption_clause::of(presence::disabled)};
  BOOST_TEST(refused_as(errc::weaker_than_required, alter_endpoint(all.master, off)));
  const endpoint_change stronger{.encryption = encryption_clause()};
  BOOST_TEST(accepted(alter_endpoint(all.master, stronger)));
  const endpoint_change broken{.encryption = *transport::from_catalog_code(1)};
  BOOST_TEST(refused_as(errc::weaker_than_required,
                        alter_endpoint(all.master, broken, accept_weaker_encryption{})));
}

BOOST_AUTO_TEST_CASE(a_change_to_a_certificate_that_is_not_there_is_refused_and_not_stored) {
  const server all;
  create_endpoint(all.master, usual()).value();
  BOOST_TEST(
      refused_as(errc::not_found,
                 alter_endpoint(all.master, {.certificates = endpoint_certificates("missing")})));
  BOOST_TEST((load_endpoint(all.master).value() == usual()));
  BOOST_TEST(load_own_identities(all.master, usual()).value().all().size() == 1U);
  const auto both = endpoint_certificates::rotation("HOST_A_cert", "HOST_A_next").value();
  BOOST_TEST(accepted(alter_endpoint(all.master, {.certificates = both})));
  const auto rotating = load_endpoint(all.master).value();
  BOOST_TEST(load_own_identities(all.master, rotating).value().all().size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_form_does_not_change) {
  const server all;
  auto keys = usual();
  keys.authentication = endpoint_authentication::pre_shared_key();
  create_endpoint(all.master, keys).value();
  BOOST_TEST(refused_as(
      errc::not_permitted,
      alter_endpoint(all.master, {.certificates = endpoint_certificates("HOST_A_cert")})));
  BOOST_TEST(refused_as(errc::not_permitted, load_own_identities(all.master, keys)));
}

BOOST_AUTO_TEST_CASE(a_change_that_came_second_is_made_on_the_first) {
  const server all;
  create_endpoint(all.master, usual()).value();
  auto slow = all.here.place.open();
  const auto meanwhile = slow.before_commit();
  const auto other = vault::open(std::move(slow), all.here.key()).value();
  const auto theirs = other.database("master").value();
  *meanwhile = [&] {
    (void)alter_endpoint(all.master, {.state = endpoint_state::started}).value();
  };
  const auto made = alter_endpoint(theirs, {.role = endpoint_role::all});
  BOOST_REQUIRE(accepted(made));
  BOOST_TEST((made->before.state == endpoint_state::started));
  BOOST_TEST((load_endpoint(all.master).value() == made->after));
}

BOOST_AUTO_TEST_CASE(altering_or_dropping_nothing_is_refused) {
  const server all;
  BOOST_TEST(refused_as(errc::not_found, alter_endpoint(all.master, {})));
  BOOST_TEST(refused_as(errc::not_found, drop_endpoint(all.master)));
}

BOOST_AUTO_TEST_CASE(dropping_forgets_the_permissions_so_that_the_next_endpoint_does_not_inherit) {
  const server all;
  create_endpoint(all.master, usual()).value();
  all.change([](auth::directory& known) -> result<void> {
    if (auto made = known.create_login("peer"); !made) return made;
    return known.grant(auth::permission::connect, "Mirroring", "peer");
  });
  BOOST_TEST(accepted(drop_endpoint(all.master)));
  BOOST_TEST(refused_as(errc::not_found, load_endpoint(all.master)));
  BOOST_TEST(auth::load_directory(all.master).value().permissions().empty());
  BOOST_TEST(accepted(create_endpoint(all.master, usual())));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace definition_test

}  // namespace keywarden::testing
