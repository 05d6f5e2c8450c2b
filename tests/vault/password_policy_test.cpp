#include <keywarden/vault/password_policy.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "support/refusals.hpp"

namespace keywarden::testing {
namespace password_policy_test {

namespace data = boost::unit_test::data;

struct row {
  const char* text;
  bool good;
  friend std::ostream& operator<<(std::ostream& out, const row& each) { return out << each.text; }
};

const row rows[] = {
    {"", false},
    {"Ab1!", false},
    {"Abcdef1", false},   // 7
    {"Abcdefg1", true},   // 8, three classes
    {"abcdefg1", false},  // two classes
    {"ABCDEFG1", false},
    {"abcdefgh", false},
    {"12345678", false},
    {"!!!!!!!!", false},
    {"abcdef1!", true},
    {"ABCDEF1!", true},
    {"Abcdefg!", true},
    {"Abcdef1!", true},
    {"Abcdefg ", true},                              // a space is of the class of all others
    {"passw\xc3\xb6rd1", true},                      // so is every letter beyond ASCII
    {"Aa1\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6", false},  // 7 characters in 11 bytes
    {"Aa1\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6", true},
    {"password", false},
    {"Password", false},
    {"administrator", false},
    {"Administrator", false},
    {"SysAdmin", false},
};

BOOST_AUTO_TEST_SUITE(password_policies)

BOOST_DATA_TEST_CASE(a_new_password_is_judged_by_length_and_classes, data::make(rows), each) {
  const auto judged = password_policy().check(password(each.text));
  if (each.good)
    BOOST_TEST(accepted(judged));
  else
    BOOST_TEST(refused_as(errc::password_refused, judged));
}

BOOST_AUTO_TEST_CASE(a_password_of_128_characters_is_good_and_one_of_129_too_long) {
  BOOST_TEST(accepted(password_policy().check(password("Aa1" + std::string(125, 'x')))));
  BOOST_TEST(refused_as(errc::password_refused,
                        password_policy().check(password("Aa1" + std::string(126, 'x')))));
}

BOOST_AUTO_TEST_CASE(a_password_without_any_text_is_refused) {
  BOOST_TEST(refused_as(errc::password_refused, password_policy().check(password())));
}

BOOST_AUTO_TEST_CASE(the_names_of_account_and_computer_are_refused_in_any_case_and_anywhere) {
  const password_policy policy({"alice", "HOST7", "ab"});
  BOOST_TEST(refused_as(errc::password_refused, policy.check(password("Xx1-alice-9"))));
  BOOST_TEST(refused_as(errc::password_refused, policy.check(password("ALICE-was-1"))));
  BOOST_TEST(refused_as(errc::password_refused, policy.check(password("my-host7-Is"))));
  BOOST_TEST(
      accepted(policy.check(password("Abcdefg1"))));  // a name of two letters is not looked for
  BOOST_TEST(accepted(policy.check(password("Alic-was-1"))));
}

BOOST_AUTO_TEST_CASE(the_refusal_names_the_rule_and_never_the_password) {
  const auto refusal = password_policy({"zanzibar"}).check(password("Zanzibar-77"));
  BOOST_REQUIRE(refused_as(errc::password_refused, refusal));
  const auto text = refusal.error().message();
  BOOST_TEST(text.find("name of the account") != std::string::npos);
  BOOST_TEST(text.find("anzibar") == std::string::npos);
  BOOST_TEST(!refusal.error().value_of(fact::next_step).empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace password_policy_test

}  // namespace keywarden::testing
