// What a stranger wrote, made fit for a log.
#include <keywarden/core/printable.hpp>

#include <boost/test/unit_test.hpp>

#include <keywarden/core/result.hpp>

namespace keywarden {
namespace printable_test {

[[nodiscard]] std::string shown(std::string_view value, std::size_t limit = 256) {
  std::string text;
  detail::append_printable(text, value, limit);
  return text;
}

BOOST_AUTO_TEST_SUITE(printable)

BOOST_AUTO_TEST_CASE(text_in_any_language_stays_as_it_is) {
  for (const std::string_view good : {"", "CN=db1, O=x", "Zürich", "東京", "\xf0\x9f\x94\x91", "…"})
    BOOST_TEST(shown(good) == good);
}

BOOST_AUTO_TEST_CASE(what_a_terminal_obeys_is_escaped) {
  BOOST_TEST(shown("a\n\x1b[2J\x7f") == "a\\x0a\\x1b[2J\\x7f");
  BOOST_TEST(shown(std::string_view("\0", 1)) == "\\x00");
  BOOST_TEST(shown("\xc2\x9b"
                   "31m") == "\\xc2\\x9b31m");  // U+009B, a control sequence's start
  BOOST_TEST(shown("\xc2\x80\xc2\x9f\xc2\xa0") == "\\xc2\\x80\\xc2\\x9f\xc2\xa0");
}

BOOST_AUTO_TEST_CASE(marks_that_turn_a_line_around_are_escaped) {
  for (const std::string_view mark : {"\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xaa",
                                      "\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x81\xa9"}) {
    BOOST_TEST(detail::printable_size(mark) == 0U);
    BOOST_TEST(shown(mark).starts_with("\\xe2"));
  }
  for (const std::string_view neighbour : {"\xe2\x80\x8d", "\xe2\x80\x90", "\xe2\x80\xa9",
                                           "\xe2\x80\xaf", "\xe2\x81\xa5", "\xe2\x81\xaa"})
    BOOST_TEST(shown(neighbour) == neighbour);
}

BOOST_AUTO_TEST_CASE(what_is_no_utf8_is_escaped_byte_by_byte) {
  BOOST_TEST(shown("\xff\xfe") == "\\xff\\xfe");
  BOOST_TEST(shown("\xc3") == "\\xc3");                             // ends too early
  BOOST_TEST(shown("\xc3(") == "\\xc3(");                           // continues wrongly
  BOOST_TEST(shown("\xc0\x8a") == "\\xc0\\x8a");                    // overlong line feed
  BOOST_TEST(shown("\xe0\x80\x8a") == "\\xe0\\x80\\x8a");           // the same in three bytes
  BOOST_TEST(shown("\xed\xa0\x80") == "\\xed\\xa0\\x80");           // a surrogate
  BOOST_TEST(shown("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");  // above U+10FFFF
}

BOOST_AUTO_TEST_CASE(a_long_value_is_cut_at_a_whole_character) {
  BOOST_TEST(shown(std::string(256, 'x')) == std::string(256, 'x'));
  BOOST_TEST(shown(std::string(257, 'x')) == std::string(256, 'x') + "…");
  BOOST_TEST(shown(std::string(255, 'x') + "ü") == std::string(255, 'x') + "…");
  BOOST_TEST(shown(std::string(50000, '\n')).size() == 4 * 256 + 3);
}

BOOST_AUTO_TEST_CASE(no_value_makes_a_sentence_long) {
  const auto made = error(errc::peer_unknown)
                        .with(fact::name, std::string(50000, 'x'))
                        .with(fact::peer,
                              "\xe2\x80\xae"
                              "gnihton");
  BOOST_TEST(made.message().size() < 400U);
  BOOST_TEST(made.message().find("peer: \\xe2\\x80\\xaegnihton") != std::string::npos);
  BOOST_TEST(made.value_of(fact::name).size() == 50000U);
  const auto step =
      error(errc::peer_unknown).with(fact::next_step, "do\n" + std::string(9999, 'x'));
  BOOST_TEST(step.message().size() < 2200U);
  BOOST_TEST(step.message().find("Next: do\\x0a") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace printable_test

}  // namespace keywarden
