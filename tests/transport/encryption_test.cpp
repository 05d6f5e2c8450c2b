#include <keywarden/transport/encryption.hpp>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "support/refusals.hpp"

namespace encryption_test {

namespace kw = keywarden;
namespace kt = keywarden::transport;
namespace data = boost::unit_test::data;
using kt::algorithm;
using kt::presence;
using kw::errc;
using kw::fact;
using kw::testing::accepted;
using kw::testing::refused_as;

struct read_as {
  std::string from;
  std::string to;
};
std::ostream& operator<<(std::ostream& out, const read_as& shown) { return out << shown.from; }

const std::vector<read_as> good_clauses{
    {"REQUIRED ALGORITHM AES RC4", "REQUIRED ALGORITHM AES RC4"},
    {"REQUIRED", "REQUIRED ALGORITHM AES"},
    {"SUPPORTED", "SUPPORTED ALGORITHM AES"},
    {"DISABLED", "DISABLED"},
    {"disabled", "DISABLED"},
    {"Supported Algorithm rc4", "SUPPORTED ALGORITHM RC4"},
    {"required algorithm chacha20 aes", "REQUIRED ALGORITHM CHACHA20 AES"},
    {"REQUIRED ALGORITHM RC4 CHACHA20 AES", "REQUIRED ALGORITHM RC4 CHACHA20 AES"},
    {"  REQUIRED \t ALGORITHM\r\n  AES\n", "REQUIRED ALGORITHM AES"},
};

const std::vector<std::string> not_of_the_grammar{
    "",
    " ",
    "REQUIRE",
    "REQUIREDD",
    "ON",
    "AES",
    "ALGORITHM AES",
    "REQUIRED AES",
    "REQUIRED ALGORITHM",
    "DISABLED ALGORITHM",
    "DISABLED AES",
    "REQUIRED ALGORITHM AES,RC4",
    "REQUIRED ALGORITHM AES AND RC4",
    "REQUIRED ALGORITHM AES256",
    "REQUIRED ALGORITHM DES",
    "REQUIRED ALGORITHM AES ALGORITHM RC4",
    "REQUIRED ALGORITHMAES",
    "REQUIREDALGORITHM AES",
    "ENCRYPTION = REQUIRED",
    "REQUIRED; DROP ENDPOINT e",
    "REQU\xC4\xB0RED",
    "REQUIRED\vALGORITHM\vAES",
    std::string("REQUIRED\0", 9),
};

const std::vector<std::string> without_sense{
    "REQUIRED ALGORITHM AES AES",
    "REQUIRED ALGORITHM AES RC4 aes",
    "SUPPORTED ALGORITHM AES RC4 CHACHA20 AES",
    "SUPPORTED ALGORITHM AES AES AES AES AES AES AES",
    "DISABLED ALGORITHM AES",
    "disabled algorithm aes rc4",
};

const std::vector<std::string> no_protocol_names{
    "",
    "keywarden",
    "keywarden/1",
    "keywarden/1/",
    "keywarden/1//",
    "keywarden/1/required",
    "keywarden/1/required/",
    "keywarden/1/required/aes/",
    "keywarden/1/required/aes,",
    "keywarden/1/required/,aes",
    "keywarden/1/required/aes,,rc4",
    "keywarden/1/required/aes,aes",
    "keywarden/1/required/aes,rc4,chacha20,aes",
    "keywarden/1/required/aes rc4",
    "keywarden/1/required/aes, rc4",
    "keywarden/1/required/AES",
    "keywarden/1/REQUIRED/aes",
    "KEYWARDEN/1/required/aes",
    "keywarden/1/required/des",
    "keywarden/1/supported",
    "keywarden/1/disabled/",
    "keywarden/1/disabled/aes",
    "keywarden/1/maybe/aes",
    "keywarden/2/required/aes",
    "keywarden/01/required/aes",
    " keywarden/1/required/aes",
    "keywarden/1/required/aes ",
    "keywarden/1/required/aes/rc4",
    "http/1.1",
    "h2",
    std::string("keywarden/1/required/aes\0", 25),
    "keywarden/1/required/aes,rc4,chacha20" + std::string(64, ','),
    "keywarden/1/required/" + std::string(64, 'a'),
};

// Texts near to what the parsers read: words and separators at random, sometimes any bytes.
std::string some_text(std::mt19937& choose, const std::vector<std::string>& words) {
  std::string made;
  for (auto left = choose() % 8; left > 0; --left)
    made += choose() % 8 == 0 ? std::string(1, static_cast<char>(choose() % 256))
                              : words[choose() % words.size()];
  return made;
}

BOOST_AUTO_TEST_SUITE(transport)
BOOST_AUTO_TEST_SUITE(encryption)

BOOST_DATA_TEST_CASE(a_clause_is_read_in_any_case, data::make(good_clauses), clause) {
  const auto read = kt::parse_encryption(clause.from);
  BOOST_REQUIRE(accepted(read));
  BOOST_TEST(kt::text(*read).string() == clause.to);
}

BOOST_DATA_TEST_CASE(what_is_not_of_the_grammar_is_malformed, data::make(not_of_the_grammar),
                     text) {
  const auto read = kt::parse_encryption(text);
  BOOST_REQUIRE(refused_as(errc::malformed, read));
  BOOST_TEST(!read.error().value_of(fact::reason).empty());
  BOOST_TEST(!read.error().value_of(fact::next_step).empty());
}

BOOST_DATA_TEST_CASE(what_makes_no_sense_is_an_invalid_argument, data::make(without_sense), text) {
  const auto read = kt::parse_encryption(text);
  BOOST_REQUIRE(refused_as(errc::invalid_argument, read));
  BOOST_TEST(!read.error().value_of(fact::reason).empty());
}

BOOST_AUTO_TEST_CASE(an_old_clause_with_rc4_can_be_read_but_not_used) {
  const auto old = kt::parse_encryption("REQUIRED ALGORITHM RC4").value();
  const auto outcome = kt::negotiate(old, old);
  BOOST_TEST(kt::explain(outcome) == "refused: RC4");
  BOOST_TEST(!outcome.algorithm().has_value());
}

BOOST_AUTO_TEST_CASE(a_protocol_name_is_read_back) {
  for (const auto* const text :
       {"DISABLED", "REQUIRED ALGORITHM AES", "SUPPORTED ALGORITHM CHACHA20 AES",
        "SUPPORTED ALGORITHM CHACHA20 RC4 AES"}) {
    const auto clause = kt::parse_encryption(text).value();
    const std::string name = kt::to_protocol_name(clause);
    BOOST_TEST(name.size() <= 64U);
    const auto read = kt::from_protocol_name(name);
    BOOST_REQUIRE(accepted(read));
    BOOST_TEST((*read == clause));
  }
}

BOOST_DATA_TEST_CASE(any_other_protocol_name_is_malformed, data::make(no_protocol_names), name) {
  BOOST_TEST(refused_as(errc::malformed, kt::from_protocol_name(name)));
}

BOOST_AUTO_TEST_CASE(every_single_character_changed_in_a_protocol_name_is_noticed) {
  const auto clause = kt::parse_encryption("REQUIRED ALGORITHM AES RC4").value();
  const std::string name = kt::to_protocol_name(clause);
  for (std::size_t at = 0; at < name.size(); ++at)
    for (int byte = 0; byte < 256; ++byte) {
      auto altered = name;
      altered[at] = static_cast<char>(byte);
      if (altered == name) continue;
      BOOST_TEST(refused_as(errc::malformed, kt::from_protocol_name(altered)));
    }
  for (std::size_t size = 0; size < name.size(); ++size) {
    // Without the last algorithm it is another clause, and a whole one.
    if (name.substr(0, size) == "keywarden/1/required/aes") continue;
    BOOST_TEST(refused_as(errc::malformed, kt::from_protocol_name(name.substr(0, size))));
  }
}

BOOST_AUTO_TEST_CASE(only_what_is_written_is_read_from_random_protocol_names) {
  const std::vector<std::string> words{"keywarden/1/", "keywarden", "required", "supported",
                                       "disabled",     "/",         "1",        ",",
                                       "aes",          "rc4",       "chacha20", "/aes"};
  std::mt19937 choose(20250801);
  int read_well = 0;
  for (int round = 0; round < 200'000; ++round) {
    const auto text = (choose() % 2 == 0 ? "keywarden/1/" : "") + some_text(choose, words);
    const auto read = kt::from_protocol_name(text);
    if (!read) {
      BOOST_REQUIRE(refused_as(errc::malformed, read));
      continue;
    }
    BOOST_REQUIRE(kt::to_protocol_name(*read).string() == text);
    ++read_well;
  }
  BOOST_TEST(read_well > 100);
}

BOOST_AUTO_TEST_CASE(a_random_clause_is_refused_or_read_as_its_own_text_is) {
  const std::vector<std::string> words{"REQUIRED", "supported ", "DISABLED",   " ",
                                       "\t",       " ALGORITHM", "algorithm ", " AES",
                                       " rc4 ",    " CHACHA20",  "REQUIRED ",  " ALGORITHM "};
  std::mt19937 choose(19990101);
  int read_well = 0;
  for (int round = 0; round < 200'000; ++round) {
    const auto text = (choose() % 2 == 0 ? "REQUIRED ALGORITHM" : "") + some_text(choose, words);
    const auto read = kt::parse_encryption(text);
    if (!read) {
      const auto code = read.error().code();
      BOOST_REQUIRE((code == errc::malformed || code == errc::invalid_argument));
      continue;
    }
    const auto again = kt::parse_encryption(kt::text(*read).string());
    BOOST_REQUIRE(accepted(again));
    BOOST_REQUIRE((*again == *read));
    ++read_well;
  }
  BOOST_TEST(read_well > 100);
}

BOOST_AUTO_TEST_CASE(each_refusal_has_its_reason_and_says_what_to_do) {
  using kt::encryption_refusal;
  using kt::negotiation;
  for (const auto& [why, reason] :
       {std::pair{encryption_refusal::encryption_required,
                  "refused: one end is DISABLED, the other REQUIRED"},
        std::pair{encryption_refusal::no_common_algorithm, "refused: no common algorithm"},
        std::pair{encryption_refusal::rc4, "refused: RC4"}}) {
    const auto refusal = kt::to_error(negotiation::refused(why));
    BOOST_TEST((refusal == errc::encryption_refused));
    BOOST_TEST(refusal.value_of(fact::reason) == reason);
    BOOST_TEST(!refusal.value_of(fact::next_step).empty());
  }
}

BOOST_AUTO_TEST_CASE(an_agreement_is_no_error) {
  using kt::negotiation;
  BOOST_TEST((kt::to_error(negotiation::integrity_only()) == errc::none));
  for (const auto by : {algorithm::aes, algorithm::chacha20})
    BOOST_TEST((kt::to_error(negotiation::encrypted(by)) == errc::none));
}

BOOST_AUTO_TEST_CASE(encryption_that_is_off_is_explained_as_still_authenticated) {
  const auto off = kt::parse_encryption("DISABLED").value();
  BOOST_TEST(kt::explain(kt::negotiate(off, off)) == "not encrypted: integrity only");
  BOOST_TEST(kt::explain(kt::negotiation::encrypted(algorithm::chacha20)) ==
             "encrypted: ChaCha20-Poly1305");
}

BOOST_AUTO_TEST_CASE(unless_said_otherwise_encryption_is_required) {
  const kt::encryption_clause clause;
  BOOST_TEST((clause.presence() == presence::required));
  BOOST_TEST(kt::text(clause).string() == "REQUIRED ALGORITHM AES");
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE_END()

}  // namespace encryption_test
