// Thumbprints as people paste them: what is dropped, what is refused and why, and what a match
// means.
#include <keywarden/pki/thumbprint.hpp>

#include <boost/test/unit_test.hpp>

#include <keywarden/pki/self_signed.hpp>

#include "support/refusals.hpp"

namespace keywarden::pki {
namespace thumbprint_test {

using testing::accepted;
using testing::refused_as;
using enum thumbprint_algorithm;
using enum thumbprint_problem;

constexpr std::string_view forty = "A909502DD82AE41433E6F83886B00D4277A32A7B";
constexpr std::string_view sixty_four =
    "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";

std::string joined(std::string_view before, std::string_view after = forty) {
  return std::string(before).append(after);
}
/// The refusal of a text; the test fails when there is none.
error refusal_of(const std::string& text) {
  const auto parsed = thumbprint::parse(text);
  BOOST_REQUIRE(!parsed);
  return parsed.error();
}
bool says(std::string_view said, std::string_view what) {
  return said.find(what) != std::string_view::npos;
}
certificate sample() {
  return make_self_signed(signing_key::generate().value(), {"a"}, system_clock::now()).value();
}

// Literals are checked while compiling.
static_assert(thumbprint::literal("a9 09 50 2d:d8-2ae41433e6f83886b00d4277a32a7b") ==
              thumbprint::literal(forty));
static_assert(thumbprint::literal(sixty_four).algorithm() == sha256);
static_assert(thumbprint::check("") == no_digits);
static_assert(thumbprint::check("?a909") == leading_question_mark);
static_assert(thumbprint::check("a909") == wrong_length);
static_assert(thumbprint::check("a9095") == odd_number_of_digits);

BOOST_AUTO_TEST_SUITE(thumbprints)

BOOST_AUTO_TEST_CASE(every_algorithm_is_known_by_its_number_of_digits) {
  for (const auto by : {sha1, sha256, sha384, sha512}) {
    const std::string digits(2 * size_of(by), 'b');
    const auto made = thumbprint::parse(digits).value();
    BOOST_TEST((made.value.algorithm() == by));
    BOOST_TEST(made.value.view().size() == size_of(by));
    BOOST_TEST(made.value.text() == std::string(2 * size_of(by), 'B'));
    BOOST_TEST(made.dropped.total() == 0U);
    BOOST_TEST(made.value.proves_identity() == (by != sha1));
  }
  BOOST_TEST(accepted(thumbprint::parse(forty, sha1)));
  BOOST_TEST(refused_as(errc::malformed, thumbprint::parse(forty, sha256)));
  BOOST_TEST(refused_as(errc::malformed, thumbprint::of_bytes(bytes(21))));
}

BOOST_AUTO_TEST_CASE(what_a_certificate_dialog_adds_is_dropped_and_told) {
  const auto made =
      thumbprint::parse("\u200ea9 09 50 2d d8 2a e4 14 33 e6 f8 38 86 b0 0d 42 77 a3 2a 7b\r\n");
  BOOST_REQUIRE(accepted(made));
  BOOST_TEST(made->value.text() == forty);
  BOOST_TEST((made->dropped == dropped_characters{1, 21, 0}));
  const auto colons = thumbprint::parse("A9:09-502DD82AE41433E6F83886B00D4277A32A7B").value();
  BOOST_TEST((colons.dropped == dropped_characters{0, 0, 2}));
}

BOOST_AUTO_TEST_CASE(every_character_of_the_rule_is_dropped_wherever_it_stands) {
  for (const std::string_view each :
       {"\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\u202a", "\u202b",
        "\u202c", "\u202d", "\u202e", "\u2060", "\u2061", "\u2062", "\u2063",
        "\u2064", "\u2066", "\u2067", "\u2068", "\u2069", "\ufeff", "\u00ad",
        " ",      "\u00a0", "\t",     "\n",     "\r",     ":",      "-"}) {
    const auto text = std::string(each) + "A909" + std::string(each) +
                      "502DD82AE41433E6F83886B00D4277A32A7B" + std::string(each);
    const auto made = thumbprint::parse(text);
    BOOST_TEST(accepted(made), each);
    if (made) BOOST_TEST(made->dropped.total() == 3U);
  }
}

BOOST_AUTO_TEST_CASE(their_neighbours_are_refused_by_name) {
  const std::array<std::pair<std::string_view, std::string_view>, 12> all{
      {{"\u200a", "U+200A"},
       {"\u2010", "U+2010"},
       {"\u2029", "U+2029"},
       {"\u202f", "U+202F"},
       {"\u205f", "U+205F"},
       {"\u2065", "U+2065"},
       {"\u206a", "U+206A"},
       {"\ufffd", "U+FFFD"},
       {"\u3000", "U+3000"},
       {"_", "U+005F"},
       {"g", "U+0067"},
       {"\U0001f512", "U+1F512"}}};
  for (const auto& [character, name] : all) {
    const auto refusal = refusal_of(joined(character));
    BOOST_TEST((refusal == errc::malformed));
    BOOST_TEST(says(refusal.value_of(fact::reason), name), name);
    BOOST_TEST(says(refusal.value_of(fact::reason), "is not a hexadecimal digit"), name);
    BOOST_TEST(!refusal.value_of(fact::next_step).empty());
  }
  BOOST_TEST(says(refusal_of(joined(std::string_view("\0", 1))).message(), "U+0000"));
}

BOOST_AUTO_TEST_CASE(look_alikes_are_refused_and_never_folded) {
  const std::array<std::pair<std::string_view, std::string_view>, 8> all{{{"\uff10", "U+FF10"},
                                                                          {"\uff21", "U+FF21"},
                                                                          {"\u0410", "U+0410"},
                                                                          {"\u0421", "U+0421"},
                                                                          {"\u0661", "U+0661"},
                                                                          {"\U0001d7ce", "U+1D7CE"},
                                                                          {"O", "U+004F"},
                                                                          {"l", "U+006C"}}};
  for (const auto& [character, name] : all) {
    auto text = joined(forty.substr(0, 4), character) + std::string(forty.substr(5));
    const auto refusal = refusal_of(text);
    BOOST_TEST((refusal == errc::malformed));
    BOOST_TEST(says(refusal.value_of(fact::reason), "looks like"), name);
    BOOST_TEST(says(refusal.value_of(fact::reason), name), name);
    BOOST_TEST(refusal.value_of(fact::column) == "5");
  }
}

BOOST_AUTO_TEST_CASE(a_mark_that_was_saved_as_ansi_has_its_own_explanation) {
  for (const std::string_view before : {"?", " ?", "\ufeff?"}) {
    const auto refusal = refusal_of(joined(before));
    BOOST_TEST((refusal == errc::malformed));
    BOOST_TEST(says(refusal.value_of(fact::reason), "saved as ANSI"));
    BOOST_TEST(says(refusal.value_of(fact::next_step), "delete the `?`"));
  }
  BOOST_TEST(says(refusal_of(joined("A?", forty.substr(2))).value_of(fact::reason),
                  "U+003F is not a hexadecimal digit"));
  // A no-break space that was saved as ANSI.
  const auto byte = refusal_of(joined("A9\xa0", forty.substr(2)));
  BOOST_TEST(says(byte.value_of(fact::reason), "byte A0 is not UTF-8"));
  BOOST_TEST(byte.value_of(fact::column) == "3");
}

BOOST_AUTO_TEST_CASE(columns_count_characters_not_bytes) {
  BOOST_TEST(refusal_of(joined("\u200e\u200ex")).value_of(fact::column) == "3");
  BOOST_TEST(refusal_of(joined(forty, "z")).value_of(fact::column) == "41");
}

BOOST_AUTO_TEST_CASE(too_few_digits_are_refused_with_their_number) {
  for (const std::size_t count : {2U, 38U, 42U, 62U, 66U, 94U, 98U, 126U, 130U, 512U})
    BOOST_TEST(says(refusal_of(std::string(count, '1')).value_of(fact::reason),
                    std::to_string(count) + " hexadecimal digits: SHA-1 has 40"));
  for (const std::size_t count : {1U, 39U, 41U, 63U, 129U})
    BOOST_TEST(says(refusal_of(std::string(count, '1')).value_of(fact::reason), "odd number"));
  for (const std::string text : {"", " ", "\u200e", ":-"})
    BOOST_TEST(refusal_of(text).value_of(fact::reason) == "it has no digits");
  BOOST_TEST(refused_as(errc::limit_exceeded, thumbprint::parse(std::string(513, '1'))));
}

BOOST_AUTO_TEST_CASE(bytes_that_are_not_utf8_are_refused) {
  for (const std::string_view wrong : {"\x80", "\xc0\x80", "\xc3", "\xe2\x80", "\xed\xa0\x80",
                                       "\xf4\x90\x80\x80", "\xff", "\xe0\x80\x80"})
    BOOST_TEST(says(refusal_of(joined(wrong)).value_of(fact::reason), "is not UTF-8"));
}

BOOST_AUTO_TEST_CASE(it_is_the_hash_of_the_whole_certificate) {
  const auto one = sample();
  const auto hash = Botan::HashFunction::create_or_throw("SHA-1")->process<bytes>(one.der());
  BOOST_TEST(thumbprint_of(one, sha1).text() == Botan::hex_encode(hash));
  BOOST_TEST((to_bytes(thumbprint_of(one, sha256).view()) == to_bytes(one.fingerprint().view())));
  const auto other = sample();
  for (const auto by : {sha1, sha256, sha384, sha512}) {
    BOOST_TEST(thumbprint_of(one, by).matches(one));
    BOOST_TEST(!thumbprint_of(one, by).matches(other));
    auto altered = to_bytes(thumbprint_of(one, by).view());
    altered.back() ^= 1U;
    BOOST_TEST(!thumbprint::of_bytes(altered).value().matches(one));
  }
  BOOST_TEST(!(thumbprint_of(one, sha1) == thumbprint_of(one, sha256)));
}

BOOST_AUTO_TEST_CASE(a_list_is_read_entry_by_entry) {
  const auto one = sample();
  const auto other = sample();
  const auto text = "\u200e" + thumbprint_of(one, sha1).text() + ", " +
                    to_text(other.fingerprint()) + " ,\n" + std::string(forty);
  const auto list = parse_thumbprints(text).value();
  BOOST_TEST(list.entries.size() == 3U);
  BOOST_TEST(list.repeated.empty());
  BOOST_TEST((list.dropped == dropped_characters{1, 3, 31}));
  BOOST_TEST(list.has(one));
  BOOST_TEST(list.has(other));
  BOOST_TEST(!list.has(sample()));
}

BOOST_AUTO_TEST_CASE(an_empty_list_is_nobody_and_an_empty_entry_is_a_mistake) {
  for (const std::string_view nothing : {"", "  ", "\u200e \r\n"}) {
    const auto list = parse_thumbprints(nothing);
    BOOST_REQUIRE(accepted(list));
    BOOST_TEST(list->entries.empty());
    BOOST_TEST(!list->has(sample()));
  }
  for (const auto& wrong : {joined(","), joined(forty, ","), std::string(","),
                            joined(forty, ",,") + std::string(forty)}) {
    const auto list = parse_thumbprints(wrong);
    BOOST_TEST(refused_as(errc::malformed, list));
    BOOST_TEST(list.error().value_of(fact::reason) == "it has no digits");
  }
}

BOOST_AUTO_TEST_CASE(an_error_in_a_list_says_which_entry_and_where) {
  const auto list = parse_thumbprints("\u200e" + std::string(forty) + "," + std::string(forty) +
                                      ", ?" + std::string(forty));
  BOOST_TEST(refused_as(errc::malformed, list));
  BOOST_TEST(list.error().value_of(fact::name) == "entry 3");
  BOOST_TEST(list.error().value_of(fact::column) == "85");
  BOOST_TEST(says(list.error().value_of(fact::reason), "saved as ANSI"));
  BOOST_TEST(refused_as(errc::malformed, parse_thumbprints(joined(forty, ";") + joined(""))));
}

BOOST_AUTO_TEST_CASE(repetitions_are_kept_once_and_reported) {
  const auto text = std::string(forty) + "," + std::string(sixty_four) + ",a9 " +
                    std::string(forty.substr(2)) + "," + std::string(sixty_four);
  const auto list = parse_thumbprints(text).value();
  BOOST_TEST(list.entries.size() == 2U);
  BOOST_TEST((list.repeated == std::vector<thumbprint_list::repetition>{{3, 1}, {4, 2}}));
}

BOOST_AUTO_TEST_CASE(a_list_has_at_most_a_thousand_entries) {
  std::string text(forty);
  for (std::size_t i = 1; i < max_thumbprints; ++i) text.append(",").append(forty);
  BOOST_TEST(parse_thumbprints(text).value().repeated.size() == max_thumbprints - 1);
  BOOST_TEST(refused_as(errc::limit_exceeded, parse_thumbprints(text + "," + std::string(forty))));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace thumbprint_test

}  // namespace keywarden::pki
