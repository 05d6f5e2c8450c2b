// The directory as stored: one spelling, every byte checked.
#include <keywarden/auth/directory_json.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "auth/fixture.hpp"

namespace keywarden::testing {
namespace directory_json_test {

namespace data = boost::unit_test::data;

/// A certificate of ECDSA P-256, "frozen partner".
const std::string frozen_der =
    "MIIBrzCCAVWgAwIBAgIQVlT+hiLL4qlNNR8vT0VJvTAKBggqhkjOPQQDAjAZMRcwFQYDVQQDEw5m"
    "cm96ZW4gcGFydG5lcjAeFw0yNjAzMDEwMDAwMDBaFw0yNzAzMDEwMDAwMDBaMBkxFzAVBgNVBAMT"
    "DmZyb3plbiBwYXJ0bmVyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEVP48T88qK9ADvnKnJ2yd"
    "TUHAtiNzv9uzU8pAlTJ69la4NrrM1cBDK96ft2EGdle0cpmK7kGotWVBfdxLZ8fEEqN/MH0wHQYD"
    "VR0OBBYEFKGsFdoeNC3mt0Ts1w3SeVTAOuNWMA4GA1UdDwEB/wQEAwIHgDAMBgNVHRMBAf8EAjAA"
    "MB8GA1UdIwQYMBaAFKGsFdoeNC3mt0Ts1w3SeVTAOuNWMB0GA1UdJQQWMBQGCCsGAQUFBwMBBggr"
    "BgEFBQcDAjAKBggqhkjOPQQDAgNIADBFAiB7XhEmlolu6sIhss7Ay3ylcZxxU+YrlDME1Z/FjuDP"
    "hwIhAOTCbpLxFU8WlZAIffadOJnC0Y0Utbwp94Xsqwi12UDC";

/// Version 1, frozen: a program of any later version reads it.
const std::string frozen = std::string(R"({
 "certificates": [
  {
   "der": ")") + frozen_der +
                           R"(",
   "name": "partner",
   "owner": "partner_user"
  }
 ],
 "keywarden": 1,
 "kind": "directory",
 "logins": [
  {
   "name": "admin",
   "sysadmin": true
  },
  {
   "name": "partner_login",
   "sysadmin": false
  }
 ],
 "permissions": [
  {
   "endpoint": "mirroring",
   "login": "partner_login",
   "permission": "CONNECT",
   "state": "GRANT"
  },
  {
   "endpoint": "mirroring",
   "login": "partner_login",
   "permission": "TAKE OWNERSHIP",
   "state": "DENY"
  }
 ],
 "shared_key_identities": [
  {
   "identity": "host_b",
   "login": "partner_login"
  }
 ],
 "users": [
  {
   "login": "partner_login",
   "name": "partner_user"
  }
 ]
}
)";

[[nodiscard]] std::string replaced(std::string text, std::string_view what, std::string_view by) {
  const auto at = text.find(what);
  BOOST_REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), by);
}
[[nodiscard]] result<auth::directory> reading(std::string_view text) {
  return auth::directory_from_json(as_bytes(text));
}
[[nodiscard]] auth::directory everything() {
  static const auto peer = instance("partner").chain.front();
  auto known = connecting(with_partner(peer));
  known.alter_login(admin, auth::server_role::sysadmin).value();
  known.add_shared_key_identity("host_b", partner_login).value();
  known.deny(auth::permission::take_ownership, mirroring, partner_login).value();
  return known;
}

BOOST_AUTO_TEST_SUITE(directory_json)

BOOST_AUTO_TEST_CASE(what_is_written_reads_back_the_same) {
  for (const auto& known : {everything(), auth::directory(), with_partner()}) {
    const auto text = auth::to_json(known).value();
    const auto read = reading(text);
    BOOST_REQUIRE(accepted(read));
    BOOST_TEST((*read == known));
    BOOST_TEST(auth::to_json(*read).value() == text);
  }
}

BOOST_AUTO_TEST_CASE(the_index_of_certificates_reads_back_too) {
  const auto known = everything();
  const auto read = reading(auth::to_json(known).value()).value();
  const auto& shown = known.certificates().begin()->second.certificate;
  BOOST_TEST((read.who_owns(shown.fingerprint())->login == partner_login));
  BOOST_TEST((read.who_owns(shown.key_fingerprint())->login == partner_login));
}

BOOST_AUTO_TEST_CASE(version_1_is_frozen) {
  const auto read = reading(frozen);
  BOOST_REQUIRE(accepted(read));
  BOOST_TEST(auth::to_json(*read).value() == frozen);
  BOOST_TEST(to_hex(read->certificates().begin()->second.certificate.fingerprint().view()) ==
             "e3733b60e092966a149b7fde5a737f5c642d229f13b2363ae8f086578f6cbb6d");
  BOOST_TEST((read->effective(partner_login, auth::permission::connect, mirroring, "nobody").why ==
              auth::verdict::reason::granted));
}

BOOST_AUTO_TEST_CASE(a_deny_that_was_said_before_its_login_became_sysadmin_is_kept) {
  auto known = with_partner();
  known.deny(auth::permission::connect, mirroring, partner_login).value();
  known.alter_login(partner_login, auth::server_role::sysadmin).value();
  const auto read = reading(auth::to_json(known).value());
  BOOST_REQUIRE(accepted(read));
  BOOST_TEST((*read == known));
}

BOOST_AUTO_TEST_CASE(every_flipped_byte_gives_a_refusal_or_another_directory) {
  const auto original = reading(frozen).value();
  std::size_t read = 0;
  for (std::size_t i = 0; i < frozen.size(); ++i)
    for (const char flip : {'\x01', '\x20'}) {
      auto text = frozen;
      text[i] = static_cast<char>(text[i] ^ flip);
      const auto made = reading(text);
      if (!made) continue;
      ++read;
      BOOST_TEST((*made != original));
      BOOST_TEST(auth::to_json(*made).value() == text);
    }
  BOOST_TEST(read > 0U);  // a name may become another name
}

BOOST_AUTO_TEST_CASE(every_cut_is_refused) {
  for (std::size_t size = 0; size < frozen.size(); ++size)
    BOOST_TEST(refused_as(errc::malformed, reading(frozen.substr(0, size))));
}

struct edit {
  const char* from;
  const char* to;
  errc expected;
};
const std::vector<edit> edits = {
    // another version, another kind
    {"\"keywarden\": 1", "\"keywarden\": 2", errc::unsupported_version},
    {"\"kind\": \"directory\"", "\"kind\": \"directory2\"", errc::malformed},
    // a member twice, one too many, one missing
    {"\"kind\": \"directory\",", "\"kind\": \"directory\",\n \"kind\": \"directory\",",
     errc::malformed},
    {"\"keywarden\": 1,", "\"keywarden\": 1,\n \"more\": 1,", errc::malformed},
    {"   \"sysadmin\": true\n", "   \"sysadmin\": true,\n   \"disabled\": false\n",
     errc::malformed},
    {"\"permission\": \"CONNECT\",", "\"permission\": \"CONNECT\",\n   \"grant_option\": true,",
     errc::malformed},
    {",\n   \"state\": \"GRANT\"", "", errc::malformed},
    // other spellings of the same
    {"\"keywarden\": 1", "\"keywarden\":  1", errc::malformed},
    {"\"keywarden\": 1", "\"keywarden\": 1.0", errc::malformed},
    {"\"GRANT\"", "\"\\u0047RANT\"", errc::malformed},
    {"}\n", "}\n\n", errc::malformed},
    // wrong types and values
    {"\"sysadmin\": true", "\"sysadmin\": 1", errc::malformed},
    {"\"CONNECT\"", "\"connect\"", errc::malformed},
    {"\"GRANT\"", "\"ALLOW\"", errc::malformed},
    {"\"host_b\"", "\"../host_b\"", errc::malformed},
    {"\"name\": \"admin\"", "\"name\": \"\"", errc::malformed},
    // references that lead nowhere, rows twice
    {"\"owner\": \"partner_user\"", "\"owner\": \"nobody\"", errc::malformed},
    {"\"login\": \"partner_login\",\n   \"name\"", "\"login\": \"nobody\",\n   \"name\"",
     errc::malformed},
    {"\"name\": \"admin\"", "\"name\": \"partner_login\"", errc::malformed},
    {"\"TAKE OWNERSHIP\"", "\"CONNECT\"", errc::malformed},
};

BOOST_DATA_TEST_CASE(what_was_not_written_so_is_refused, data::xrange(edits.size()), index) {
  const auto& each = edits[index];
  BOOST_TEST_CONTEXT(each.from << " -> " << each.to)
  BOOST_TEST(refused_as(each.expected, reading(replaced(frozen, each.from, each.to))));
}

BOOST_AUTO_TEST_CASE(rows_out_of_order_are_refused) {
  auto text = auth::to_json(with_partner()).value();
  text = replaced(text, "\"admin\"", "\"zzz\"");
  BOOST_TEST(refused_as(errc::malformed, reading(text)));
}

BOOST_AUTO_TEST_CASE(too_large_is_refused_before_it_is_parsed) {
  BOOST_TEST(
      refused_as(errc::limit_exceeded, reading(std::string(auth::max_directory_size + 1, ' '))));
}

BOOST_AUTO_TEST_CASE(too_many_rows_are_refused) {
  auto document = nlohmann::json::parse(auth::to_json(auth::directory()).value());
  for (std::size_t i = 0; i <= auth::directory::max_logins; ++i)
    document["logins"].push_back({{"name", "n" + std::to_string(i)}, {"sysadmin", false}});
  BOOST_TEST(refused_as(errc::limit_exceeded, reading(document.dump(1) + "\n")));
}

BOOST_AUTO_TEST_CASE(a_full_directory_is_written_and_read) {
  const auto peer = instance("partner").chain.front();
  auto known = with_partner(peer);
  for (std::size_t i = known.logins().size(); i < auth::directory::max_logins; ++i)
    known.create_login(object_name::parse("login_" + std::to_string(i)).value()).value();
  const auto read = reading(auth::to_json(known).value());
  BOOST_REQUIRE(accepted(read));
  BOOST_TEST((*read == known));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace directory_json_test

}  // namespace keywarden::testing
